//! Credit notes, payments, what payments pay, and orders on hold (R-INV-1, R-ORD-1).

use sea_orm_migration::prelude::*;

/// The tables of credit notes and payments.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum CreditNote {
    Table,
    Id,
    Version,
    CreatedAt,
    UpdatedAt,
    State,
    StateSince,
    Number,
    InvoiceId,
    InvoiceNumber,
    InvoiceDate,
    OrderId,
    OrderNumber,
    OpportunityId,
    AccountId,
    Currency,
    DiscountPercent,
    Lines,
    Totals,
    IssueDate,
    LegalEntity,
    Series,
    CustomerReference,
    Reason,
}

#[derive(DeriveIden)]
enum Payment {
    Table,
    Id,
    Version,
    CreatedAt,
    UpdatedAt,
    State,
    StateSince,
    Source,
    ExternalReference,
    AccountId,
    Currency,
    Amount,
    ReceivedDate,
    Remittance,
    ReverseReason,
    Digest,
}

#[derive(DeriveIden)]
enum PaymentAllocation {
    Table,
    PaymentId,
    InvoiceId,
    Amount,
    Reversed,
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX credit_note_number ON credit_note (legal_entity, number)",
    "CREATE INDEX credit_note_by_number ON credit_note (number)",
    "CREATE INDEX credit_note_by_invoice ON credit_note (invoice_id, created_at, id)",
    "CREATE INDEX credit_note_by_order ON credit_note (order_id, created_at, id)",
    "CREATE INDEX credit_note_by_opportunity ON credit_note (opportunity_id, created_at, id)",
    "CREATE INDEX credit_note_by_account ON credit_note (account_id, created_at, id)",
    "CREATE INDEX credit_note_by_state ON credit_note (state, created_at, id)",
    "CREATE INDEX credit_note_by_age ON credit_note (created_at, id)",
    // One payment per source and external reference, whoever tells of it and how often.
    "CREATE UNIQUE INDEX payment_reference ON payment (source, external_reference)",
    "CREATE INDEX payment_by_account ON payment (account_id, created_at, id)",
    "CREATE INDEX payment_by_state ON payment (state, created_at, id)",
    "CREATE INDEX payment_by_age ON payment (created_at, id)",
    "CREATE INDEX payment_allocation_by_invoice ON payment_allocation (invoice_id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let notes = Table::create()
            .table(CreditNote::Table)
            .col(ColumnDef::new(CreditNote::Id).uuid().not_null().primary_key())
            .col(ColumnDef::new(CreditNote::Version).big_integer().not_null())
            .col(ColumnDef::new(CreditNote::CreatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(CreditNote::UpdatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(CreditNote::State).text().not_null())
            .col(ColumnDef::new(CreditNote::StateSince).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(CreditNote::Number).text())
            .col(ColumnDef::new(CreditNote::InvoiceId).uuid().not_null())
            .col(ColumnDef::new(CreditNote::InvoiceNumber).text().not_null())
            .col(ColumnDef::new(CreditNote::InvoiceDate).date().not_null())
            .col(ColumnDef::new(CreditNote::OrderId).uuid().not_null())
            .col(ColumnDef::new(CreditNote::OrderNumber).text().not_null())
            .col(ColumnDef::new(CreditNote::OpportunityId).uuid().not_null())
            .col(ColumnDef::new(CreditNote::AccountId).uuid())
            .col(ColumnDef::new(CreditNote::Currency).text().not_null())
            .col(ColumnDef::new(CreditNote::DiscountPercent).text().not_null())
            .col(ColumnDef::new(CreditNote::Lines).json_binary().not_null())
            .col(ColumnDef::new(CreditNote::Totals).json_binary().not_null())
            .col(ColumnDef::new(CreditNote::IssueDate).date().not_null())
            .col(ColumnDef::new(CreditNote::LegalEntity).text().not_null())
            .col(ColumnDef::new(CreditNote::Series).text().not_null())
            .col(ColumnDef::new(CreditNote::CustomerReference).text().not_null())
            .col(ColumnDef::new(CreditNote::Reason).text().not_null())
            .to_owned();
        manager.create_table(notes).await?;
        let payments = Table::create()
            .table(Payment::Table)
            .col(ColumnDef::new(Payment::Id).uuid().not_null().primary_key())
            .col(ColumnDef::new(Payment::Version).big_integer().not_null())
            .col(ColumnDef::new(Payment::CreatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(Payment::UpdatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(Payment::State).text().not_null())
            .col(ColumnDef::new(Payment::StateSince).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(Payment::Source).text().not_null())
            .col(ColumnDef::new(Payment::ExternalReference).text().not_null())
            .col(ColumnDef::new(Payment::AccountId).uuid())
            .col(ColumnDef::new(Payment::Currency).text().not_null())
            .col(ColumnDef::new(Payment::Amount).big_integer().not_null())
            .col(ColumnDef::new(Payment::ReceivedDate).date().not_null())
            .col(ColumnDef::new(Payment::Remittance).text().not_null())
            .col(ColumnDef::new(Payment::ReverseReason).text().not_null())
            .col(ColumnDef::new(Payment::Digest).text().not_null())
            .to_owned();
        manager.create_table(payments).await?;
        let allocations = Table::create()
            .table(PaymentAllocation::Table)
            .col(ColumnDef::new(PaymentAllocation::PaymentId).uuid().not_null())
            .col(ColumnDef::new(PaymentAllocation::InvoiceId).uuid().not_null())
            .col(ColumnDef::new(PaymentAllocation::Amount).big_integer().not_null())
            .col(ColumnDef::new(PaymentAllocation::Reversed).boolean().not_null())
            .primary_key(Index::create().col(PaymentAllocation::PaymentId).col(PaymentAllocation::InvoiceId))
            .to_owned();
        manager.create_table(allocations).await?;
        let order = Alias::new("sales_order");
        for column in ["held_from", "hold_reason"] {
            let column = ColumnDef::new(Alias::new(column)).text().to_owned();
            manager.alter_table(Table::alter().table(order.clone()).add_column(column).to_owned()).await?;
        }
        let db = manager.get_connection();
        for sql in INDEXES {
            db.execute_unprepared(sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for column in ["held_from", "hold_reason"] {
            db.execute_unprepared(&format!("ALTER TABLE sales_order DROP COLUMN {column}")).await?;
        }
        manager.drop_table(Table::drop().table(PaymentAllocation::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Payment::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(CreditNote::Table).to_owned()).await
    }
}
