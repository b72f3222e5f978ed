//! Quotes, contracts, orders and invoices: a row each, with its lines and totals as JSON, so that a document is
//! locked, read and written in one statement.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The tables of the documents.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// All columns of all documents; each table takes its own.
#[derive(DeriveIden, Clone, Copy)]
enum Of {
    Quote,
    Contract,
    SalesOrder,
    Invoice,
    Id,
    Version,
    CreatedAt,
    UpdatedAt,
    State,
    StateSince,
    Number,
    Revision,
    OpportunityId,
    QuoteId,
    OrderId,
    OrderNumber,
    AccountId,
    OwnerId,
    Currency,
    DiscountPercent,
    Lines,
    Totals,
    ValidUntil,
    CloseReason,
    Terms,
    PaymentDays,
    OrderDate,
    CustomerReference,
    ErpRefusal,
    IssueDate,
    DueDate,
    LegalEntity,
    Series,
    Title,
    Signatories,
    SignedDate,
    CommentsExpected,
}

/// What every document begins with.
fn document(table: Of) -> TableCreateStatement {
    Table::create()
        .table(table)
        .col(ColumnDef::new(Of::Id).uuid().not_null().primary_key())
        .col(ColumnDef::new(Of::Version).big_integer().not_null())
        .col(ColumnDef::new(Of::CreatedAt).timestamp_with_time_zone().not_null())
        .col(ColumnDef::new(Of::UpdatedAt).timestamp_with_time_zone().not_null())
        .col(ColumnDef::new(Of::State).text().not_null())
        .col(ColumnDef::new(Of::StateSince).timestamp_with_time_zone().not_null())
        .col(ColumnDef::new(Of::OpportunityId).uuid().not_null())
        .col(ColumnDef::new(Of::AccountId).uuid())
        .to_owned()
}

/// A number that the database gives by itself where it can.
fn number(backend: DbBackend, prefix: &str, table: &str) -> ColumnDef {
    let mut column = ColumnDef::new(Of::Number);
    column.text().not_null();
    if backend == DbBackend::Postgres {
        column.default(Expr::cust(format!("document_number('{prefix}-', nextval('{table}_numbers'))")));
    }
    column
}

/// What is offered, ordered or billed, and what it comes to.
fn content(table: &mut TableCreateStatement) -> &mut TableCreateStatement {
    table
        .col(ColumnDef::new(Of::Currency).text().not_null())
        .col(ColumnDef::new(Of::DiscountPercent).text().not_null())
        .col(ColumnDef::new(Of::Lines).json_binary().not_null())
        .col(ColumnDef::new(Of::Totals).json_binary().not_null())
        .col(ColumnDef::new(Of::PaymentDays).integer().not_null())
}

fn quotes(backend: DbBackend) -> TableCreateStatement {
    content(&mut document(Of::Quote))
        .col(number(backend, "Q", "quote"))
        .col(ColumnDef::new(Of::Revision).integer().not_null())
        .col(ColumnDef::new(Of::OwnerId).uuid())
        .col(ColumnDef::new(Of::ValidUntil).date())
        .col(ColumnDef::new(Of::CloseReason).text())
        .col(ColumnDef::new(Of::Terms).text().not_null())
        .col(ColumnDef::new(Of::OrderId).uuid())
        .to_owned()
}

fn contracts(backend: DbBackend) -> TableCreateStatement {
    document(Of::Contract)
        .col(number(backend, "C", "contract"))
        .col(ColumnDef::new(Of::QuoteId).uuid())
        .col(ColumnDef::new(Of::Title).text().not_null())
        .col(ColumnDef::new(Of::Signatories).json_binary().not_null())
        .col(ColumnDef::new(Of::SignedDate).date())
        .col(ColumnDef::new(Of::CommentsExpected).date())
        .to_owned()
}

fn orders(backend: DbBackend) -> TableCreateStatement {
    content(&mut document(Of::SalesOrder))
        .col(number(backend, "SO", "sales_order"))
        .col(ColumnDef::new(Of::QuoteId).uuid())
        .col(ColumnDef::new(Of::OwnerId).uuid())
        .col(ColumnDef::new(Of::OrderDate).date().not_null())
        .col(ColumnDef::new(Of::CustomerReference).text().not_null())
        .col(ColumnDef::new(Of::ErpRefusal).text().not_null())
        .to_owned()
}

fn invoices() -> TableCreateStatement {
    content(&mut document(Of::Invoice))
        .col(ColumnDef::new(Of::Number).text())
        .col(ColumnDef::new(Of::OrderId).uuid().not_null())
        .col(ColumnDef::new(Of::OrderNumber).text().not_null())
        .col(ColumnDef::new(Of::IssueDate).date().not_null())
        .col(ColumnDef::new(Of::DueDate).date())
        .col(ColumnDef::new(Of::LegalEntity).text().not_null())
        .col(ColumnDef::new(Of::Series).text().not_null())
        .col(ColumnDef::new(Of::CustomerReference).text().not_null())
        .to_owned()
}

/// The second nets of the rules, and an index for every look-up, filter and order.
const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX quote_number_revision ON quote (number, revision)",
    "CREATE UNIQUE INDEX contract_number ON contract (number)",
    "CREATE UNIQUE INDEX sales_order_number ON sales_order (number)",
    "CREATE UNIQUE INDEX invoice_number ON invoice (legal_entity, number)",
    // One order per accepted revision (R-QUO-4), one live order per opportunity (R-OPP-5).
    "CREATE UNIQUE INDEX sales_order_quote ON sales_order (quote_id)",
    "CREATE UNIQUE INDEX sales_order_live ON sales_order (opportunity_id) WHERE state <> 'CANCELED'",
    "CREATE INDEX invoice_by_order ON invoice (order_id)",
    "CREATE INDEX invoice_by_number ON invoice (number)",
    "CREATE INDEX contract_by_quote ON contract (quote_id)",
    "CREATE INDEX quote_by_order ON quote (order_id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for table in [quotes(backend), contracts(backend), orders(backend), invoices()] {
            manager.create_table(table).await?;
        }
        let db = manager.get_connection();
        for sql in INDEXES {
            db.execute_unprepared(sql).await?;
        }
        for table in ["quote", "contract", "sales_order", "invoice"] {
            for (name, columns) in [
                ("opportunity", "opportunity_id, created_at, id"),
                ("account", "account_id, created_at, id"),
                ("state", "state, created_at, id"),
                ("age", "created_at, id"),
            ] {
                db.execute_unprepared(&format!("CREATE INDEX {table}_by_{name} ON {table} ({columns})")).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [Of::Invoice, Of::SalesOrder, Of::Contract, Of::Quote] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
