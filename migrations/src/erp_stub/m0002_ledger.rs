//! Books that can hold what a real ERP holds: drafts, documents that wait for a decision, duplicates; what happened to
//! each; copies of the books; what the stub is like.

use sea_orm_migration::prelude::*;

/// The tables `book`, `event`, `state`, and the copies `book_kept`, `event_kept`, `counter_kept`.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum Book {
    Table,
    Id,
    UniqueKey,
    ExternalId,
    Kind,
    Number,
    Outcome,
    Status,
    IdempotencyKey,
    Sha256,
    Body,
    Currency,
    NetMinor,
    VatMinor,
    GrossMinor,
    Vat,
    Reasons,
    Lines,
    LegalEntity,
    IssueDate,
    Buyer,
    OrderExternalId,
    InvoiceExternalId,
    PaidMinor,
    CreditedMinor,
    Sequence,
    TakenAt,
    BookedAt,
    DueAt,
}

#[derive(DeriveIden)]
enum Event {
    Table,
    Id,
    /// Unique over every copy of the stub; `id` is the row's own.
    #[sea_orm(iden = "event_id")]
    Given,
    ExternalId,
    Body,
    Position,
    ReleaseAt,
}

#[derive(DeriveIden)]
enum State {
    Table,
    Key,
    Value,
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
                    .table(Book::Table)
                    .col(ColumnDef::new(Book::Id).big_integer().not_null().auto_increment().primary_key())
                    // The external id; an ERP that books twice gives each copy a key of its own.
                    .col(ColumnDef::new(Book::UniqueKey).text().not_null().unique_key())
                    .col(ColumnDef::new(Book::ExternalId).text().not_null())
                    .col(ColumnDef::new(Book::Kind).integer().not_null())
                    .col(ColumnDef::new(Book::Number).big_integer())
                    .col(ColumnDef::new(Book::Outcome).integer().not_null())
                    .col(ColumnDef::new(Book::Status).integer().not_null())
                    .col(ColumnDef::new(Book::IdempotencyKey).text().not_null())
                    .col(ColumnDef::new(Book::Sha256).text().not_null())
                    .col(ColumnDef::new(Book::Body).binary().not_null())
                    .col(ColumnDef::new(Book::Currency).text().not_null())
                    .col(ColumnDef::new(Book::NetMinor).big_integer().not_null())
                    .col(ColumnDef::new(Book::VatMinor).big_integer().not_null())
                    .col(ColumnDef::new(Book::GrossMinor).big_integer().not_null())
                    .col(ColumnDef::new(Book::Vat).json_binary().not_null())
                    .col(ColumnDef::new(Book::Reasons).json_binary().not_null())
                    .col(ColumnDef::new(Book::Lines).json_binary().not_null())
                    .col(ColumnDef::new(Book::LegalEntity).text().not_null())
                    .col(ColumnDef::new(Book::IssueDate).date())
                    .col(ColumnDef::new(Book::Buyer).text().not_null())
                    .col(ColumnDef::new(Book::OrderExternalId).text().not_null())
                    .col(ColumnDef::new(Book::InvoiceExternalId).text().not_null())
                    .col(ColumnDef::new(Book::PaidMinor).big_integer().not_null())
                    .col(ColumnDef::new(Book::CreditedMinor).big_integer().not_null())
                    .col(ColumnDef::new(Book::Sequence).big_integer().not_null())
                    .col(ColumnDef::new(Book::TakenAt).timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new(Book::BookedAt).timestamp_with_time_zone())
                    .col(ColumnDef::new(Book::DueAt).timestamp_with_time_zone())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(Event::Table)
                    .col(ColumnDef::new(Event::Id).big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new(Event::Given).uuid().not_null())
                    .col(ColumnDef::new(Event::ExternalId).text().not_null())
                    .col(ColumnDef::new(Event::Body).binary().not_null())
                    // None while it is held back.
                    .col(ColumnDef::new(Event::Position).big_integer().unique_key())
                    // None where the next event brings it along.
                    .col(ColumnDef::new(Event::ReleaseAt).timestamp_with_time_zone())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(State::Table)
                    .col(ColumnDef::new(State::Key).text().not_null().primary_key())
                    .col(ColumnDef::new(State::Value).binary().not_null())
                    .to_owned(),
            )
            .await?;
        let db = manager.get_connection();
        for statement in [
            "CREATE UNIQUE INDEX book_by_number ON book (kind, number)",
            "CREATE INDEX book_by_kind ON book (kind, id)",
            "CREATE INDEX book_by_external_id ON book (external_id, id)",
            "CREATE INDEX book_by_order ON book (order_external_id, id)",
            "CREATE INDEX book_by_invoice ON book (invoice_external_id, id)",
            "CREATE INDEX book_by_buyer ON book (buyer, currency)",
            "CREATE INDEX book_due ON book (due_at, id) WHERE due_at IS NOT NULL",
            "CREATE INDEX event_held ON event (id) WHERE position IS NULL",
            // What the books held before, as it stood: accepted, and nothing happened to it since. 4 and 5 are POSTED
            // and CONFIRMED.
            "INSERT INTO book (unique_key, external_id, kind, number, outcome, status, idempotency_key, sha256, body,
                 currency, net_minor, vat_minor, gross_minor, vat, reasons, lines, legal_entity, issue_date, buyer,
                 order_external_id, invoice_external_id, paid_minor, credited_minor, sequence, taken_at, booked_at, due_at)
             SELECT external_id, external_id, kind, number, 1, CASE WHEN kind = 1 THEN 5 ELSE 4 END, idempotency_key,
                 sha256, body, currency, net_minor, vat_minor, gross_minor, '[]', '[]', '[]', '', NULL, '',
                 order_external_id, '', 0, 0, 0, booked_at, booked_at, NULL
             FROM document ORDER BY booked_at, kind, number",
            "CREATE TABLE book_kept AS SELECT external_id AS snapshot, book.* FROM book WHERE 1 = 0",
            "CREATE TABLE event_kept AS SELECT external_id AS snapshot, event.* FROM event WHERE 1 = 0",
            "CREATE TABLE counter_kept AS SELECT sha256 AS snapshot, counter.* FROM counter, book WHERE 1 = 0",
        ] {
            db.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for table in ["counter_kept", "event_kept", "book_kept", "state", "event", "book"] {
            db.execute_unprepared(&format!("DROP TABLE {table}")).await?;
        }
        Ok(())
    }
}
