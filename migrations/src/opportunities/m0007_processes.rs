//! The stage lookup as records, imported definitions, runs found by their version, and the documents that gates ask for.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

/// What the process library needs beside the first tables.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(stage()).await?;
        manager.create_table(deal_document()).await?;
        let led_by = Table::alter().table("opportunity").add_column(text_null("led_by")).to_owned();
        manager.alter_table(led_by).await?;
        // Versions that were there before came with the program.
        let shipped = boolean("shipped").default(true).to_owned();
        manager.alter_table(Table::alter().table("process_definition").add_column(shipped).to_owned()).await?;
        let db = manager.get_connection();
        let run = match manager.get_database_backend() {
            sea_orm_migration::sea_orm::DbBackend::Postgres => {
                "UPDATE opportunity SET led_by = (run->>'process') || '@' || (run->>'version')
                 WHERE run->>'state' = 'RUNNING'"
            }
            _ => {
                "UPDATE opportunity SET led_by = (run->>'$.process') || '@' || (run->>'$.version')
                 WHERE run->>'$.state' = 'RUNNING'"
            }
        };
        db.execute_unprepared(run).await?;
        // The runs of a version, page by page; closed opportunities are not in it.
        let index = "CREATE INDEX opportunity_by_led_by ON opportunity (led_by, id) WHERE led_by IS NOT NULL";
        db.execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX opportunity_by_led_by").await?;
        manager.alter_table(Table::alter().table("process_definition").drop_column("shipped").to_owned()).await?;
        manager.alter_table(Table::alter().table("opportunity").drop_column("led_by").to_owned()).await?;
        for table in ["deal_document", "stage"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn stage() -> TableCreateStatement {
    Table::create()
        .table("stage")
        .col(text("id").primary_key())
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(integer("place"))
        .col(json_binary("captions"))
        .col(text("meaning"))
        .col(integer("probability"))
        .col(text("forecast_category"))
        .to_owned()
}

fn deal_document() -> TableCreateStatement {
    Table::create()
        .table("deal_document")
        .col(uuid("opportunity"))
        .col(text("document"))
        .col(text("state"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("recorded_at"))
        .primary_key(Index::create().col("opportunity").col("document"))
        .to_owned()
}
