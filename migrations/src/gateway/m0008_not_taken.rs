//! What the ERP said of a document that our books cannot express: an amount in another currency, say.

use sea_orm_migration::prelude::*;

/// A column of `handoff`.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum Handoff {
    Table,
    NotTaken,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new(Handoff::NotTaken).text().not_null().default("").to_owned();
        manager.alter_table(Table::alter().table(Handoff::Table).add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table(Handoff::Table).drop_column(Handoff::NotTaken).to_owned()).await
    }
}
