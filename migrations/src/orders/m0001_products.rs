//! Products, and where the numbers of documents come from.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The table of products (R-PRD-1) and the counters.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum Product {
    Table,
    Id,
    Version,
    CreatedAt,
    UpdatedAt,
    Code,
    DisplayName,
    Series,
    UnitCode,
    Currency,
    ListPrice,
    VatCategory,
    VatRate,
}

#[derive(DeriveIden)]
enum Counter {
    Table,
    Name,
    Value,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(Product::Table)
                    .col(ColumnDef::new(Product::Id).uuid().not_null().primary_key())
                    .col(ColumnDef::new(Product::Version).big_integer().not_null())
                    .col(ColumnDef::new(Product::CreatedAt).timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new(Product::UpdatedAt).timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new(Product::Code).text().not_null().unique_key())
                    .col(ColumnDef::new(Product::DisplayName).text().not_null())
                    .col(ColumnDef::new(Product::Series).text().not_null())
                    .col(ColumnDef::new(Product::UnitCode).text().not_null())
                    .col(ColumnDef::new(Product::Currency).text().not_null())
                    // Prices are finer than minor units and are never compared: exact text.
                    .col(ColumnDef::new(Product::ListPrice).text().not_null())
                    .col(ColumnDef::new(Product::VatCategory).text().not_null())
                    .col(ColumnDef::new(Product::VatRate).text().not_null())
                    .to_owned(),
            )
            .await?;
        let db = manager.get_connection();
        db.execute_unprepared("CREATE INDEX product_by_series ON product (series)").await?;
        db.execute_unprepared("CREATE INDEX product_by_age ON product (created_at, id)").await?;
        manager
            .create_table(
                Table::create()
                    .table(Counter::Table)
                    .col(ColumnDef::new(Counter::Name).text().not_null().primary_key())
                    .col(ColumnDef::new(Counter::Value).big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        // Numbers of quotes, orders and contracts need not be gapless: on PostgreSQL a sequence gives them without
        // making writers wait for each other. On SQLite, with its one writer, the counter is as good.
        if manager.get_database_backend() == DbBackend::Postgres {
            db.execute_unprepared(
                "CREATE FUNCTION document_number(prefix text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
                 $$ SELECT prefix || lpad(n::text, greatest(6, length(n::text)), '0') $$",
            )
            .await?;
            for document in ["quote", "contract", "sales_order"] {
                db.execute_unprepared(&format!("CREATE SEQUENCE {document}_numbers")).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            let db = manager.get_connection();
            for document in ["quote", "contract", "sales_order"] {
                db.execute_unprepared(&format!("DROP SEQUENCE {document}_numbers")).await?;
            }
            db.execute_unprepared("DROP FUNCTION document_number(text, bigint)").await?;
        }
        manager.drop_table(Table::drop().table(Counter::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Product::Table).to_owned()).await
    }
}
