//! Comparisons with the ERP, what they found, and the ERP's list while one is made.

use sea_orm_migration::prelude::*;

/// The tables `reconciliation`, `reconciliation_row`, `reconciliation_theirs`.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum Reconciliation {
    Table,
    Id,
    CreatedAt,
    Actor,
    LegalEntity,
    FromDate,
    UntilDate,
    Kind,
    Clean,
    Summary,
}

#[derive(DeriveIden)]
enum ReconciliationRow {
    Table,
    Run,
    ExternalId,
    Kind,
    Class,
    Handoff,
    Action,
    Resolution,
    Note,
    Body,
}

#[derive(DeriveIden)]
enum ReconciliationTheirs {
    Table,
    Run,
    Place,
    ExternalId,
    Body,
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
                    .table(Reconciliation::Table)
                    .col(ColumnDef::new(Reconciliation::Id).uuid().not_null().primary_key())
                    .col(ColumnDef::new(Reconciliation::CreatedAt).timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new(Reconciliation::Actor).text().not_null())
                    .col(ColumnDef::new(Reconciliation::LegalEntity).text().not_null())
                    .col(ColumnDef::new(Reconciliation::FromDate).date())
                    .col(ColumnDef::new(Reconciliation::UntilDate).date())
                    .col(ColumnDef::new(Reconciliation::Kind).integer().not_null())
                    .col(ColumnDef::new(Reconciliation::Clean).boolean().not_null())
                    // The whole message; the columns beside it are what lists filter by.
                    .col(ColumnDef::new(Reconciliation::Summary).binary().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(ReconciliationRow::Table)
                    .col(ColumnDef::new(ReconciliationRow::Run).uuid().not_null())
                    .col(ColumnDef::new(ReconciliationRow::ExternalId).text().not_null())
                    .col(ColumnDef::new(ReconciliationRow::Kind).integer().not_null())
                    .col(ColumnDef::new(ReconciliationRow::Class).integer().not_null())
                    .col(ColumnDef::new(ReconciliationRow::Handoff).uuid())
                    .col(ColumnDef::new(ReconciliationRow::Action).integer().not_null())
                    .col(ColumnDef::new(ReconciliationRow::Resolution).integer().not_null())
                    .col(ColumnDef::new(ReconciliationRow::Note).text().not_null())
                    .col(ColumnDef::new(ReconciliationRow::Body).binary().not_null())
                    .primary_key(Index::create().col(ReconciliationRow::Run).col(ReconciliationRow::ExternalId))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(ReconciliationTheirs::Table)
                    .col(ColumnDef::new(ReconciliationTheirs::Run).uuid().not_null())
                    .col(ColumnDef::new(ReconciliationTheirs::Place).big_integer().not_null())
                    .col(ColumnDef::new(ReconciliationTheirs::ExternalId).text().not_null())
                    .col(ColumnDef::new(ReconciliationTheirs::Body).binary().not_null())
                    .primary_key(Index::create().col(ReconciliationTheirs::Run).col(ReconciliationTheirs::Place))
                    .to_owned(),
            )
            .await?;
        let db = manager.get_connection();
        for statement in [
            "CREATE INDEX reconciliation_by_time ON reconciliation (created_at, id)",
            "CREATE INDEX reconciliation_row_by_class ON reconciliation_row (run, class, external_id)",
            "CREATE INDEX reconciliation_theirs_by_id ON reconciliation_theirs (run, external_id, place)",
        ] {
            db.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(ReconciliationTheirs::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(ReconciliationRow::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Reconciliation::Table).to_owned()).await
    }
}
