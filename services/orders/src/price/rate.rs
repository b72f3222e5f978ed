//! What a currency is worth in another on a day.

use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::list::Fields;
use dealflow_proto::names;
use rust_decimal::Decimal;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DatabaseTransaction, ExprTrait, IntoActiveModel, QueryOrder, QuerySelect};

use crate::document::Exact;
use crate::error::Error;

/// A rate.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "exchange_rate")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Counts its changes; the etag.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// One unit of this currency.
    #[sea_orm(column_type = "Text")]
    pub from_currency: String,
    /// In this currency.
    #[sea_orm(column_type = "Text")]
    pub to_currency: String,
    /// On this day and until the next one that is stored.
    pub day: NaiveDate,
    /// How much.
    pub rate: Exact,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list of rates can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::EXCHANGE_RATES.as_str(), Column::Id)
        .text("from_currency", Column::FromCurrency)
        .filter_only()
        .text("to_currency", Column::ToCurrency)
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

/// The rate that is there for a day, locked.
pub async fn lock(tx: &DatabaseTransaction, rate: &Model) -> Result<Option<Model>, Error> {
    let there = Entity::find()
        .filter(Column::FromCurrency.eq(&rate.from_currency))
        .filter(Column::ToCurrency.eq(&rate.to_currency))
        .filter(Column::Day.eq(rate.day));
    Ok(there.lock_exclusive().one(tx).await?)
}

/// Stores a rate: a new one, or the day's that is there; answers it as it is now.
pub async fn set(tx: &DatabaseTransaction, rate: Model) -> Result<Model, Error> {
    let conflict = OnConflict::columns([Column::FromCurrency, Column::ToCurrency, Column::Day])
        .update_columns([Column::Rate, Column::UpdatedAt])
        .value(Column::Version, Expr::col((Entity, Column::Version)).add(1))
        .to_owned();
    Ok(Entity::insert(rate.into_active_model()).on_conflict(conflict).exec_with_returning(tx).await?)
}

/// What one unit of `from` is worth in `to` on a day, and since when: the latest rate until then, or the latest of the
/// other direction turned round, whichever is later.
pub async fn on<C: ConnectionTrait>(
    db: &C,
    from: &str,
    to: &str,
    day: NaiveDate,
) -> Result<Option<(Decimal, NaiveDate)>, Error> {
    let there = latest(db, from, to, day).await?.map(|it| (it.rate.0, it.day));
    let back = latest(db, to, from, day).await?;
    let back = back.and_then(|it| Some((Decimal::ONE.checked_div(it.rate.0)?, it.day)));
    Ok(match (there, back) {
        (Some(there), Some(back)) if back.1 > there.1 => Some(back),
        (there, back) => there.or(back),
    })
}

async fn latest<C: ConnectionTrait>(db: &C, from: &str, to: &str, day: NaiveDate) -> Result<Option<Model>, Error> {
    let latest = Entity::find()
        .filter(Column::FromCurrency.eq(from))
        .filter(Column::ToCurrency.eq(to))
        .filter(Column::Day.lte(day))
        .order_by_desc(Column::Day);
    Ok(latest.one(db).await?)
}
