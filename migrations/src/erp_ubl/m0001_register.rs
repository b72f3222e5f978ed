//! The register: one row per external id, for ever.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum Register {
    Table,
    Id,
    ExternalId,
    Kind,
    State,
    Sha256,
    IdempotencyKey,
    ErpNumber,
    Currency,
    NetMinor,
    VatMinor,
    GrossMinor,
    Vat,
    LegalEntity,
    IssueDate,
    OrderExternalId,
    InvoiceExternalId,
    BegunAt,
    TakenAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Register::Table)
            .col(ColumnDef::new(Register::Id).big_integer().not_null().auto_increment().primary_key())
            .col(ColumnDef::new(Register::ExternalId).text().not_null().unique_key())
            .col(ColumnDef::new(Register::Kind).integer().not_null())
            .col(ColumnDef::new(Register::State).text().not_null())
            .col(ColumnDef::new(Register::Sha256).text().not_null())
            .col(ColumnDef::new(Register::IdempotencyKey).text().not_null())
            .col(ColumnDef::new(Register::ErpNumber).text().not_null())
            .col(ColumnDef::new(Register::Currency).text().not_null())
            .col(ColumnDef::new(Register::NetMinor).big_integer().not_null())
            .col(ColumnDef::new(Register::VatMinor).big_integer().not_null())
            .col(ColumnDef::new(Register::GrossMinor).big_integer().not_null())
            .col(ColumnDef::new(Register::Vat).json_binary().not_null())
            .col(ColumnDef::new(Register::LegalEntity).text().not_null())
            .col(ColumnDef::new(Register::IssueDate).date())
            .col(ColumnDef::new(Register::OrderExternalId).text().not_null())
            .col(ColumnDef::new(Register::InvoiceExternalId).text().not_null())
            .col(ColumnDef::new(Register::BegunAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(Register::TakenAt).timestamp_with_time_zone())
            .to_owned();
        manager.create_table(table).await?;
        // In this order it is listed.
        let index = Index::create()
            .name("register_by_kind")
            .table(Register::Table)
            .col(Register::Kind)
            .col(Register::Id)
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Register::Table).to_owned()).await
    }
}
