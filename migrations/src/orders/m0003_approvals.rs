//! Policies of approval, approvals, and which one a quote and a contract have (R-QUO-2).

use sea_orm_migration::prelude::*;

/// The tables of approvals.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum ApprovalPolicy {
    Table,
    Id,
    Version,
    CreatedAt,
    UpdatedAt,
    DisplayName,
    Subject,
    Disabled,
    Rank,
    Currency,
    MinAmount,
    MinDiscountPercent,
    Steps,
}

#[derive(DeriveIden)]
#[expect(clippy::enum_variant_names, reason = "columns bear their own names")]
enum Approval {
    Table,
    Id,
    Version,
    CreatedAt,
    UpdatedAt,
    State,
    StateSince,
    Subject,
    SubjectHash,
    OpportunityId,
    Requester,
    Owner,
    Policies,
    Steps,
    CurrentStep,
    Approver,
    Role,
    Currency,
    Amount,
    DiscountPercent,
    CancelReason,
    AfterApproval,
}

const INDEXES: &[&str] = &[
    "CREATE INDEX approval_policy_by_age ON approval_policy (created_at, id)",
    "CREATE INDEX approval_policy_by_subject ON approval_policy (subject, rank, id)",
    // Nobody is asked twice at once about one record.
    "CREATE UNIQUE INDEX approval_pending ON approval (subject) WHERE state = 'PENDING'",
    "CREATE INDEX approval_by_subject ON approval (subject, created_at, id)",
    "CREATE INDEX approval_by_approver ON approval (approver, state, created_at, id)",
    "CREATE INDEX approval_by_role ON approval (role, state, created_at, id)",
    "CREATE INDEX approval_by_state ON approval (state, created_at, id)",
    "CREATE INDEX approval_by_opportunity ON approval (opportunity_id, created_at, id)",
    "CREATE INDEX approval_by_age ON approval (created_at, id)",
    // What expires is looked for by its day.
    "CREATE INDEX quote_expiring ON quote (state, valid_until, id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let policies = Table::create()
            .table(ApprovalPolicy::Table)
            .col(ColumnDef::new(ApprovalPolicy::Id).uuid().not_null().primary_key())
            .col(ColumnDef::new(ApprovalPolicy::Version).big_integer().not_null())
            .col(ColumnDef::new(ApprovalPolicy::CreatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(ApprovalPolicy::UpdatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(ApprovalPolicy::DisplayName).text().not_null())
            .col(ColumnDef::new(ApprovalPolicy::Subject).text().not_null())
            .col(ColumnDef::new(ApprovalPolicy::Disabled).boolean().not_null())
            .col(ColumnDef::new(ApprovalPolicy::Rank).integer().not_null())
            .col(ColumnDef::new(ApprovalPolicy::Currency).text().not_null())
            .col(ColumnDef::new(ApprovalPolicy::MinAmount).big_integer())
            .col(ColumnDef::new(ApprovalPolicy::MinDiscountPercent).text())
            .col(ColumnDef::new(ApprovalPolicy::Steps).json_binary().not_null())
            .to_owned();
        manager.create_table(policies).await?;
        let approvals = Table::create()
            .table(Approval::Table)
            .col(ColumnDef::new(Approval::Id).uuid().not_null().primary_key())
            .col(ColumnDef::new(Approval::Version).big_integer().not_null())
            .col(ColumnDef::new(Approval::CreatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(Approval::UpdatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(Approval::State).text().not_null())
            .col(ColumnDef::new(Approval::StateSince).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(Approval::Subject).text().not_null())
            .col(ColumnDef::new(Approval::SubjectHash).text().not_null())
            .col(ColumnDef::new(Approval::OpportunityId).uuid().not_null())
            .col(ColumnDef::new(Approval::Requester).text().not_null())
            .col(ColumnDef::new(Approval::Owner).text().not_null())
            .col(ColumnDef::new(Approval::Policies).json_binary().not_null())
            .col(ColumnDef::new(Approval::Steps).json_binary().not_null())
            .col(ColumnDef::new(Approval::CurrentStep).integer().not_null())
            .col(ColumnDef::new(Approval::Approver).text().not_null())
            .col(ColumnDef::new(Approval::Role).text().not_null())
            .col(ColumnDef::new(Approval::Currency).text().not_null())
            .col(ColumnDef::new(Approval::Amount).big_integer())
            .col(ColumnDef::new(Approval::DiscountPercent).text().not_null())
            .col(ColumnDef::new(Approval::CancelReason).text())
            .col(ColumnDef::new(Approval::AfterApproval).text().not_null())
            .to_owned();
        manager.create_table(approvals).await?;
        let db = manager.get_connection();
        for table in ["quote", "contract"] {
            let column = ColumnDef::new(Alias::new("approval_id")).uuid().to_owned();
            manager.alter_table(Table::alter().table(Alias::new(table)).add_column(column).to_owned()).await?;
        }
        let owner = ColumnDef::new(Alias::new("owner_id")).uuid().to_owned();
        manager.alter_table(Table::alter().table(Alias::new("contract")).add_column(owner).to_owned()).await?;
        for sql in INDEXES {
            db.execute_unprepared(sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("DROP INDEX quote_expiring").await?;
        db.execute_unprepared("ALTER TABLE contract DROP COLUMN owner_id").await?;
        for table in ["quote", "contract"] {
            db.execute_unprepared(&format!("ALTER TABLE {table} DROP COLUMN approval_id")).await?;
        }
        manager.drop_table(Table::drop().table(Approval::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(ApprovalPolicy::Table).to_owned()).await
    }
}
