//! What an installation decides of a part while it runs.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

/// The table of `chassis::settings`; the same in every part that has settings.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let setting = Table::create()
            .table("setting")
            .col(text("key").primary_key())
            .col(big_integer("version"))
            .col(json_binary_null("value"))
            .col(timestamp_with_time_zone("since"))
            .col(text("actor"))
            .to_owned();
        manager.create_table(setting).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("setting").to_owned()).await
    }
}
