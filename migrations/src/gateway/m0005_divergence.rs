//! Where our record cannot follow what the ERP said of a document.

use sea_orm_migration::prelude::*;

/// Columns of `handoff`.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum Handoff {
    Table,
    Diverges,
    Divergence,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            ColumnDef::new(Handoff::Diverges).boolean().not_null().default(false),
            ColumnDef::new(Handoff::Divergence).text().not_null().default(""),
        ] {
            let change = Table::alter().table(Handoff::Table).add_column(column).to_owned();
            manager.alter_table(change).await?;
        }
        let index = "CREATE INDEX handoff_diverging ON handoff (diverges, created_at)";
        manager.get_connection().execute_unprepared(index).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX handoff_diverging").await?;
        for column in [Handoff::Diverges, Handoff::Divergence] {
            let change = Table::alter().table(Handoff::Table).drop_column(column).to_owned();
            manager.alter_table(change).await?;
        }
        Ok(())
    }
}
