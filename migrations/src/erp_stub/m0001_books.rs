//! Books, counters and journal.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum Document {
    Table,
    ExternalId,
    Kind,
    Number,
    IdempotencyKey,
    Sha256,
    Body,
    Currency,
    NetMinor,
    VatMinor,
    GrossMinor,
    OrderExternalId,
    BookedAt,
}

#[derive(DeriveIden)]
enum Counter {
    Table,
    Kind,
    Value,
}

#[derive(DeriveIden)]
enum Journal {
    Table,
    Number,
    At,
    Method,
    ExternalId,
    IdempotencyKey,
    DocumentSha256,
    Answer,
    Fault,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(Document::Table)
                    .col(ColumnDef::new(Document::ExternalId).text().not_null().primary_key())
                    .col(ColumnDef::new(Document::Kind).integer().not_null())
                    .col(ColumnDef::new(Document::Number).big_integer().not_null())
                    .col(ColumnDef::new(Document::IdempotencyKey).text().not_null())
                    .col(ColumnDef::new(Document::Sha256).text().not_null())
                    .col(ColumnDef::new(Document::Body).binary().not_null())
                    .col(ColumnDef::new(Document::Currency).text().not_null())
                    .col(ColumnDef::new(Document::NetMinor).big_integer().not_null())
                    .col(ColumnDef::new(Document::VatMinor).big_integer().not_null())
                    .col(ColumnDef::new(Document::GrossMinor).big_integer().not_null())
                    .col(ColumnDef::new(Document::OrderExternalId).text().not_null())
                    .col(ColumnDef::new(Document::BookedAt).timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("document_by_number")
                    .table(Document::Table)
                    .col(Document::Kind)
                    .col(Document::Number)
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("document_by_order")
                    .table(Document::Table)
                    .col(Document::OrderExternalId)
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(Counter::Table)
                    .col(ColumnDef::new(Counter::Kind).integer().not_null().primary_key())
                    .col(ColumnDef::new(Counter::Value).big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(Journal::Table)
                    .col(ColumnDef::new(Journal::Number).big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new(Journal::At).timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new(Journal::Method).text().not_null())
                    .col(ColumnDef::new(Journal::ExternalId).text().not_null())
                    .col(ColumnDef::new(Journal::IdempotencyKey).text().not_null())
                    .col(ColumnDef::new(Journal::DocumentSha256).text().not_null())
                    .col(ColumnDef::new(Journal::Answer).text().not_null())
                    .col(ColumnDef::new(Journal::Fault).integer().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("journal_by_external_id")
                    .table(Journal::Table)
                    .col(Journal::ExternalId)
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Journal::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Counter::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Document::Table).to_owned()).await
    }
}
