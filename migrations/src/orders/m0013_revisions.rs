//! How often an order was changed (R-ORD-1).

use sea_orm_migration::prelude::*;

/// A column of orders; an older replica that runs beside leaves it as it is.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new(Alias::new("revision")).integer().not_null().default(0).to_owned();
        manager.alter_table(Table::alter().table(Alias::new("sales_order")).add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("ALTER TABLE sales_order DROP COLUMN revision").await.map(drop)
    }
}
