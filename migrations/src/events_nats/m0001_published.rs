//! One row per feed: how far it is published, and on which stream.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum Published {
    Table,
    Feed,
    StreamMade,
    Position,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Published::Table)
            .col(ColumnDef::new(Published::Feed).text().not_null().primary_key())
            .col(ColumnDef::new(Published::StreamMade).big_integer().not_null())
            .col(ColumnDef::new(Published::Position).big_integer().not_null())
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Published::Table).to_owned()).await
    }
}
