//! Terms of payment as records, and what documents took over from them (R-QUO-1, R-INV-1).

use sea_orm_migration::prelude::*;

/// The table of terms of payment.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum PaymentTerms {
    Table,
    Id,
    Version,
    CreatedAt,
    UpdatedAt,
    Code,
    NetDays,
    Text,
    Plan,
    Disabled,
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX payment_terms_code ON payment_terms (code)",
    "CREATE INDEX payment_terms_by_age ON payment_terms (created_at, id)",
];

fn columns() -> Vec<(&'static str, ColumnDef)> {
    let named = |name: &str| ColumnDef::new(Alias::new(name));
    vec![
        ("quote", named("payment_terms_id").uuid().to_owned()),
        ("quote", named("plan").json_binary().to_owned()),
        ("sales_order", named("payment_terms_id").uuid().to_owned()),
        ("sales_order", named("plan").json_binary().to_owned()),
        ("sales_order", named("terms").text().not_null().default("").to_owned()),
        ("invoice", named("instalment").integer().not_null().default(0).to_owned()),
        ("invoice", named("terms").text().not_null().default("").to_owned()),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let terms = Table::create()
            .table(PaymentTerms::Table)
            .col(ColumnDef::new(PaymentTerms::Id).uuid().not_null().primary_key())
            .col(ColumnDef::new(PaymentTerms::Version).big_integer().not_null())
            .col(ColumnDef::new(PaymentTerms::CreatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(PaymentTerms::UpdatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(PaymentTerms::Code).text().not_null())
            .col(ColumnDef::new(PaymentTerms::NetDays).integer().not_null())
            .col(ColumnDef::new(PaymentTerms::Text).text().not_null())
            .col(ColumnDef::new(PaymentTerms::Plan).json_binary().not_null())
            .col(ColumnDef::new(PaymentTerms::Disabled).boolean().not_null())
            .to_owned();
        manager.create_table(terms).await?;
        for (table, column) in columns() {
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
        for (table, column) in columns() {
            let name = column.get_column_name();
            db.execute_unprepared(&format!("ALTER TABLE {table} DROP COLUMN {name}")).await?;
        }
        manager.drop_table(Table::drop().table(PaymentTerms::Table).to_owned()).await
    }
}
