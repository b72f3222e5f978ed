//! Hand-overs to the ERP, and every attempt at them.

use sea_orm_migration::prelude::*;

/// The tables `handoff` and `handoff_attempt`.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum Handoff {
    Table,
    Id,
    ExternalId,
    Kind,
    Document,
    Opportunity,
    Chain,
    Payload,
    Sha256,
    PayableMinor,
    Currency,
    State,
    Attempts,
    Calls,
    Failures,
    FailingSince,
    NextAttemptAt,
    LookUpFirst,
    LeaseOwner,
    Fence,
    ErpNumber,
    Reasons,
    OwnerTold,
    LastError,
    Actor,
    Traceparent,
    Version,
    CreatedAt,
    UpdatedAt,
}

#[derive(DeriveIden)]
enum HandoffAttempt {
    Table,
    Handoff,
    Number,
    StartedAt,
    EndedAt,
    Method,
    Code,
    Message,
    State,
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
                    .table(Handoff::Table)
                    .col(ColumnDef::new(Handoff::Id).uuid().not_null().primary_key())
                    .col(ColumnDef::new(Handoff::ExternalId).text().not_null().unique_key())
                    .col(ColumnDef::new(Handoff::Kind).text().not_null())
                    .col(ColumnDef::new(Handoff::Document).text().not_null())
                    .col(ColumnDef::new(Handoff::Opportunity).text().not_null())
                    .col(ColumnDef::new(Handoff::Chain).text().not_null())
                    .col(ColumnDef::new(Handoff::Payload).binary().not_null())
                    .col(ColumnDef::new(Handoff::Sha256).text().not_null())
                    .col(ColumnDef::new(Handoff::PayableMinor).big_integer().not_null())
                    .col(ColumnDef::new(Handoff::Currency).text().not_null())
                    .col(ColumnDef::new(Handoff::State).text().not_null())
                    .col(ColumnDef::new(Handoff::Attempts).integer().not_null())
                    .col(ColumnDef::new(Handoff::Calls).integer().not_null())
                    .col(ColumnDef::new(Handoff::Failures).integer().not_null())
                    .col(ColumnDef::new(Handoff::FailingSince).timestamp_with_time_zone())
                    .col(ColumnDef::new(Handoff::NextAttemptAt).timestamp_with_time_zone())
                    .col(ColumnDef::new(Handoff::LookUpFirst).boolean().not_null())
                    .col(ColumnDef::new(Handoff::LeaseOwner).uuid())
                    .col(ColumnDef::new(Handoff::Fence).big_integer().not_null())
                    .col(ColumnDef::new(Handoff::ErpNumber).text().not_null())
                    .col(ColumnDef::new(Handoff::Reasons).json_binary().not_null())
                    .col(ColumnDef::new(Handoff::OwnerTold).boolean().not_null())
                    .col(ColumnDef::new(Handoff::LastError).text().not_null())
                    .col(ColumnDef::new(Handoff::Actor).text().not_null())
                    .col(ColumnDef::new(Handoff::Traceparent).text())
                    .col(ColumnDef::new(Handoff::Version).big_integer().not_null())
                    .col(ColumnDef::new(Handoff::CreatedAt).timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new(Handoff::UpdatedAt).timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(HandoffAttempt::Table)
                    .col(ColumnDef::new(HandoffAttempt::Handoff).uuid().not_null())
                    .col(ColumnDef::new(HandoffAttempt::Number).integer().not_null())
                    .col(ColumnDef::new(HandoffAttempt::StartedAt).timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new(HandoffAttempt::EndedAt).timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new(HandoffAttempt::Method).text().not_null())
                    .col(ColumnDef::new(HandoffAttempt::Code).text().not_null())
                    .col(ColumnDef::new(HandoffAttempt::Message).text().not_null())
                    .col(ColumnDef::new(HandoffAttempt::State).text().not_null())
                    .primary_key(Index::create().col(HandoffAttempt::Handoff).col(HandoffAttempt::Number))
                    .to_owned(),
            )
            .await?;
        let db = manager.get_connection();
        // What is due is few and what is delivered is many: the worker's index holds only what moves by itself.
        db.execute_unprepared(
            "CREATE INDEX handoff_due ON handoff (next_attempt_at, id)
             WHERE state IN ('READY', 'RETRY_WAIT', 'UNCERTAIN', 'IN_FLIGHT', 'BLOCKED')",
        )
        .await?;
        // Who of a chain goes first, and who waits for its order.
        db.execute_unprepared("CREATE INDEX handoff_by_chain ON handoff (chain, id)").await?;
        db.execute_unprepared(
            "CREATE INDEX handoff_untold ON handoff (id) WHERE state = 'REJECTED' AND NOT owner_told",
        )
        .await?;
        // Operators list what is stuck, newest first.
        db.execute_unprepared("CREATE INDEX handoff_by_time ON handoff (created_at, id)").await?;
        db.execute_unprepared("CREATE INDEX handoff_by_state ON handoff (state, created_at, id)").await?;
        // Whether others pass while one fails.
        db.execute_unprepared("CREATE INDEX handoff_delivered ON handoff (updated_at) WHERE state = 'DELIVERED'")
            .await?;
        db.execute_unprepared("CREATE INDEX handoff_by_opportunity ON handoff (opportunity, id)").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(HandoffAttempt::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Handoff::Table).to_owned()).await
    }
}
