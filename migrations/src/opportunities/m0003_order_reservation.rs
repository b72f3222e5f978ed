//! An open opportunity can be reserved for the order that is made of it: then it cannot be lost.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

/// The order, and what it is worth.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column in a statement.
        for column in [uuid_null("reserved_order"), big_integer_null("reserved_value")] {
            manager.alter_table(Table::alter().table("opportunity").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["reserved_value", "reserved_order"] {
            manager.alter_table(Table::alter().table("opportunity").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
