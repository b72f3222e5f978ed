//! Documents that the ERP made and we took over: kept beside those that we hand over, so that what the ERP tells of them
//! finds its record.

use sea_orm_migration::prelude::*;

/// A column of `handoff`, and its index.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum Handoff {
    Table,
    TakenOver,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new(Handoff::TakenOver).boolean().not_null().default(false).to_owned();
        manager.alter_table(Table::alter().table(Handoff::Table).add_column(column).to_owned()).await?;
        // An ERP that has no external id for them tells of them by its number.
        let index = "CREATE INDEX handoff_taken_over ON handoff (erp_number) WHERE taken_over";
        manager.get_connection().execute_unprepared(index).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX handoff_taken_over").await?;
        manager.alter_table(Table::alter().table(Handoff::Table).drop_column(Handoff::TakenOver).to_owned()).await
    }
}
