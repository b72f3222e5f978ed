//! What the ERP does with a document after it has it; what a document waits for; the target; documents that correct
//! refused ones.

use sea_orm_migration::prelude::*;

/// Columns of `handoff`, and the table `erp_target`.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum Handoff {
    Table,
    Awaits,
    IdempotencyKey,
    Revision,
    StoredBy,
    LegalEntity,
    IssueDate,
    BusinessStatus,
    BusinessSequence,
    BusinessLines,
    PaidMinor,
    CreditedMinor,
    BusinessAt,
    NewsAt,
}

#[derive(DeriveIden)]
enum ErpTarget {
    Table,
    Name,
    Paused,
    Reason,
    Actor,
    EventCursor,
    Version,
    UpdatedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            ColumnDef::new(Handoff::Awaits).text().not_null().default(""),
            ColumnDef::new(Handoff::IdempotencyKey).uuid(),
            ColumnDef::new(Handoff::Revision).integer().not_null().default(1),
            ColumnDef::new(Handoff::StoredBy).uuid(),
            ColumnDef::new(Handoff::LegalEntity).text().not_null().default(""),
            ColumnDef::new(Handoff::IssueDate).date(),
            ColumnDef::new(Handoff::BusinessStatus).integer().not_null().default(0),
            ColumnDef::new(Handoff::BusinessSequence).big_integer().not_null().default(0),
            ColumnDef::new(Handoff::BusinessLines).json_binary().not_null().default("[]"),
            ColumnDef::new(Handoff::PaidMinor).big_integer().not_null().default(0),
            ColumnDef::new(Handoff::CreditedMinor).big_integer().not_null().default(0),
            ColumnDef::new(Handoff::BusinessAt).timestamp_with_time_zone(),
            // When somebody is to be told of it; none where there is nothing to tell.
            ColumnDef::new(Handoff::NewsAt).timestamp_with_time_zone(),
        ] {
            let change = Table::alter().table(Handoff::Table).add_column(column).to_owned();
            manager.alter_table(change).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table(ErpTarget::Table)
                    .col(ColumnDef::new(ErpTarget::Name).text().not_null().primary_key())
                    .col(ColumnDef::new(ErpTarget::Paused).boolean().not_null())
                    .col(ColumnDef::new(ErpTarget::Reason).text().not_null())
                    .col(ColumnDef::new(ErpTarget::Actor).text().not_null())
                    .col(ColumnDef::new(ErpTarget::EventCursor).text().not_null())
                    .col(ColumnDef::new(ErpTarget::Version).big_integer().not_null())
                    .col(ColumnDef::new(ErpTarget::UpdatedAt).timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;
        let db = manager.get_connection();
        for statement in [
            "UPDATE handoff SET awaits = chain WHERE kind = 'INVOICE'",
            "CREATE INDEX handoff_awaiting ON handoff (awaits) WHERE state = 'BLOCKED'",
            "CREATE INDEX handoff_news ON handoff (news_at) WHERE news_at IS NOT NULL",
            // Reconciliation goes through a period by external id.
            "CREATE INDEX handoff_by_day ON handoff (issue_date, external_id)",
        ] {
            db.execute_unprepared(statement).await?;
        }
        let target = Query::insert()
            .into_table(ErpTarget::Table)
            .columns([
                ErpTarget::Name,
                ErpTarget::Paused,
                ErpTarget::Reason,
                ErpTarget::Actor,
                ErpTarget::EventCursor,
                ErpTarget::Version,
                ErpTarget::UpdatedAt,
            ])
            .values_panic([
                "erp".into(),
                false.into(),
                "".into(),
                "".into(),
                "".into(),
                1_i64.into(),
                Expr::current_timestamp(),
            ])
            .to_owned();
        manager.exec_stmt(target).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for index in ["handoff_awaiting", "handoff_news", "handoff_by_day"] {
            db.execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        manager.drop_table(Table::drop().table(ErpTarget::Table).to_owned()).await?;
        for column in [
            Handoff::Awaits,
            Handoff::IdempotencyKey,
            Handoff::Revision,
            Handoff::StoredBy,
            Handoff::LegalEntity,
            Handoff::IssueDate,
            Handoff::BusinessStatus,
            Handoff::BusinessSequence,
            Handoff::BusinessLines,
            Handoff::PaidMinor,
            Handoff::CreditedMinor,
            Handoff::BusinessAt,
            Handoff::NewsAt,
        ] {
            let change = Table::alter().table(Handoff::Table).drop_column(column).to_owned();
            manager.alter_table(change).await?;
        }
        Ok(())
    }
}
