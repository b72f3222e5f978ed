//! Price lists, their prices, exchange rates, and which of them a quote and an order were priced by (R-PRD-1).

use sea_orm_migration::prelude::*;

/// The tables of prices.
#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[derive(DeriveIden)]
enum PriceList {
    Table,
    Id,
    Version,
    CreatedAt,
    UpdatedAt,
    DisplayName,
    Currency,
    ValidFrom,
    ValidUntil,
    Decimals,
    Disabled,
}

#[derive(DeriveIden)]
enum PriceListItem {
    Table,
    Id,
    Version,
    CreatedAt,
    UpdatedAt,
    PriceListId,
    ProductId,
    UnitCode,
    MinQuantity,
    Price,
}

#[derive(DeriveIden)]
enum ExchangeRate {
    Table,
    Id,
    Version,
    CreatedAt,
    UpdatedAt,
    FromCurrency,
    ToCurrency,
    Day,
    Rate,
}

const INDEXES: &[&str] = &[
    "CREATE INDEX price_list_by_age ON price_list (created_at, id)",
    // One price per product, unit and least quantity of a list.
    "CREATE UNIQUE INDEX price_list_item_place ON price_list_item (price_list_id, product_id, unit_code, min_quantity)",
    "CREATE INDEX price_list_item_by_list ON price_list_item (price_list_id, created_at, id)",
    "CREATE INDEX price_list_item_by_product ON price_list_item (product_id, created_at, id)",
    "CREATE INDEX price_list_item_by_age ON price_list_item (created_at, id)",
    // One rate per pair and day; the latest until a day is looked for from its end.
    "CREATE UNIQUE INDEX exchange_rate_day ON exchange_rate (from_currency, to_currency, day)",
    "CREATE INDEX exchange_rate_by_age ON exchange_rate (created_at, id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let lists = Table::create()
            .table(PriceList::Table)
            .col(ColumnDef::new(PriceList::Id).uuid().not_null().primary_key())
            .col(ColumnDef::new(PriceList::Version).big_integer().not_null())
            .col(ColumnDef::new(PriceList::CreatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(PriceList::UpdatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(PriceList::DisplayName).text().not_null())
            .col(ColumnDef::new(PriceList::Currency).text().not_null())
            .col(ColumnDef::new(PriceList::ValidFrom).date())
            .col(ColumnDef::new(PriceList::ValidUntil).date())
            .col(ColumnDef::new(PriceList::Decimals).integer().not_null())
            .col(ColumnDef::new(PriceList::Disabled).boolean().not_null())
            .to_owned();
        manager.create_table(lists).await?;
        let items = Table::create()
            .table(PriceListItem::Table)
            .col(ColumnDef::new(PriceListItem::Id).uuid().not_null().primary_key())
            .col(ColumnDef::new(PriceListItem::Version).big_integer().not_null())
            .col(ColumnDef::new(PriceListItem::CreatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(PriceListItem::UpdatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(PriceListItem::PriceListId).uuid().not_null())
            .col(ColumnDef::new(PriceListItem::ProductId).uuid().not_null())
            .col(ColumnDef::new(PriceListItem::UnitCode).text().not_null())
            // Scaled by 10^6: it is compared.
            .col(ColumnDef::new(PriceListItem::MinQuantity).big_integer().not_null())
            .col(ColumnDef::new(PriceListItem::Price).text().not_null())
            .to_owned();
        manager.create_table(items).await?;
        let rates = Table::create()
            .table(ExchangeRate::Table)
            .col(ColumnDef::new(ExchangeRate::Id).uuid().not_null().primary_key())
            .col(ColumnDef::new(ExchangeRate::Version).big_integer().not_null())
            .col(ColumnDef::new(ExchangeRate::CreatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(ExchangeRate::UpdatedAt).timestamp_with_time_zone().not_null())
            .col(ColumnDef::new(ExchangeRate::FromCurrency).text().not_null())
            .col(ColumnDef::new(ExchangeRate::ToCurrency).text().not_null())
            .col(ColumnDef::new(ExchangeRate::Day).date().not_null())
            .col(ColumnDef::new(ExchangeRate::Rate).text().not_null())
            .to_owned();
        manager.create_table(rates).await?;
        for table in ["quote", "sales_order"] {
            let list = ColumnDef::new(Alias::new("price_list_id")).uuid().to_owned();
            let rates = ColumnDef::new(Alias::new("used_rates")).json_binary().to_owned();
            for column in [list, rates] {
                manager.alter_table(Table::alter().table(Alias::new(table)).add_column(column).to_owned()).await?;
            }
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
            for column in ["price_list_id", "used_rates"] {
                db.execute_unprepared(&format!("ALTER TABLE {table} DROP COLUMN {column}")).await?;
            }
        }
        manager.drop_table(Table::drop().table(ExchangeRate::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(PriceListItem::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(PriceList::Table).to_owned()).await
    }
}
