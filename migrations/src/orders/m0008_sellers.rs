//! Who sells: legal entities, and which of them a quote and an order are of (R-INV-1, R-INV-3).

use sea_orm_migration::prelude::*;

/// The table of legal entities.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum LegalEntity {
    Table,
    Id,
    Version,
    CreatedAt,
    UpdatedAt,
    Code,
    Particulars,
    InvoiceSeries,
    CreditNoteSeries,
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX legal_entity_code ON legal_entity (code)",
    // The ERP knows a document by its number alone, so no two legal entities count in one series.
    "CREATE UNIQUE INDEX legal_entity_invoices ON legal_entity (invoice_series)",
    "CREATE UNIQUE INDEX legal_entity_credit_notes ON legal_entity (credit_note_series)",
    "CREATE INDEX legal_entity_by_age ON legal_entity (created_at, id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let entities = Table::create()
            .table(LegalEntity::Table)
            .col(ColumnDef::new(LegalEntity::Id).uuid().not_null().primary_key())
            .col(ColumnDef::new(LegalEntity::Version).big_integer().not_null())
            .col(ColumnDef::new(LegalEntity::CreatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(LegalEntity::UpdatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(LegalEntity::Code).text().not_null())
            .col(ColumnDef::new(LegalEntity::Particulars).json_binary().not_null())
            .col(ColumnDef::new(LegalEntity::InvoiceSeries).text().not_null())
            .col(ColumnDef::new(LegalEntity::CreditNoteSeries).text().not_null())
            .to_owned();
        manager.create_table(entities).await?;
        for table in ["quote", "sales_order"] {
            let column = ColumnDef::new(Alias::new("legal_entity")).text().not_null().default("default").to_owned();
            manager.alter_table(Table::alter().table(Alias::new(table)).add_column(column).to_owned()).await?;
        }
        let db = manager.get_connection();
        for sql in INDEXES {
            db.execute_unprepared(sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for table in ["quote", "sales_order"] {
            db.execute_unprepared(&format!("ALTER TABLE {table} DROP COLUMN legal_entity")).await?;
        }
        manager.drop_table(Table::drop().table(LegalEntity::Table).to_owned()).await
    }
}
