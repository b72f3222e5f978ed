//! Flows on their way across the services, and how far the gateway has read each service's feed.

use sea_orm_migration::prelude::*;

/// The tables `flow` and `feed_position`.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum Flow {
    Table,
    Id,
    Verb,
    Digest,
    Input,
    Journal,
    Subject,
    State,
    Answer,
    Step,
    Reason,
    Actor,
    Traceparent,
    Runs,
    LeaseOwner,
    LeaseUntil,
    Fence,
    CreatedAt,
    UpdatedAt,
}

#[derive(DeriveIden)]
enum FeedPosition {
    Table,
    Feed,
    Position,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(Flow::Table)
                    .col(ColumnDef::new(Flow::Id).uuid().not_null().primary_key())
                    .col(ColumnDef::new(Flow::Verb).text().not_null())
                    .col(ColumnDef::new(Flow::Digest).binary().not_null())
                    .col(ColumnDef::new(Flow::Input).binary().not_null())
                    .col(ColumnDef::new(Flow::Journal).binary().not_null())
                    .col(ColumnDef::new(Flow::Subject).text().not_null())
                    .col(ColumnDef::new(Flow::State).text().not_null())
                    .col(ColumnDef::new(Flow::Answer).binary())
                    .col(ColumnDef::new(Flow::Step).text().not_null())
                    .col(ColumnDef::new(Flow::Reason).text().not_null())
                    .col(ColumnDef::new(Flow::Actor).text().not_null())
                    .col(ColumnDef::new(Flow::Traceparent).text())
                    .col(ColumnDef::new(Flow::Runs).integer().not_null())
                    .col(ColumnDef::new(Flow::LeaseOwner).uuid().not_null())
                    .col(ColumnDef::new(Flow::LeaseUntil).timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new(Flow::Fence).big_integer().not_null())
                    .col(ColumnDef::new(Flow::CreatedAt).timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new(Flow::UpdatedAt).timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(FeedPosition::Table)
                    .col(ColumnDef::new(FeedPosition::Feed).text().not_null().primary_key())
                    .col(ColumnDef::new(FeedPosition::Position).big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        let db = manager.get_connection();
        // What the driver looks for is rare and what is completed is not: the index holds only the running ones.
        db.execute_unprepared("CREATE INDEX flow_running ON flow (lease_until) WHERE state = 'RUNNING'").await?;
        db.execute_unprepared("CREATE INDEX flow_by_time ON flow (created_at, id)").await?;
        // Operators list what is parked, newest first.
        db.execute_unprepared("CREATE INDEX flow_by_state ON flow (state, created_at, id)").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(FeedPosition::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Flow::Table).to_owned()).await
    }
}
