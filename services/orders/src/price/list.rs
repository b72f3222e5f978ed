//! Price lists.

use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseTransaction, IntoActiveModel, QuerySelect};

use crate::error::{Error, violation};

/// A price list.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "price_list")]
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
    /// What it is called.
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// Of its prices, ISO 4217.
    #[sea_orm(column_type = "Text")]
    pub currency: String,
    /// The first day on which it holds.
    pub valid_from: Option<NaiveDate>,
    /// The last day on which it holds.
    pub valid_until: Option<NaiveDate>,
    /// Decimals that a price may have.
    pub decimals: i32,
    /// It holds no more.
    pub disabled: bool,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list of price lists can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::PRICE_LISTS.as_str(), Column::Id)
        .text("display_name", Column::DisplayName)
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

impl Model {
    /// Its resource name.
    pub fn name(&self) -> String {
        names::PRICE_LISTS.name(self.id)
    }

    /// Whether it holds on a day.
    pub fn holds(&self, day: NaiveDate) -> bool {
        let begun = self.valid_from.is_none_or(|first| first <= day);
        let over = self.valid_until.is_some_and(|last| last < day);
        !self.disabled && begun && !over
    }

    /// Decimals that a price may have.
    pub fn decimals(&self) -> u32 {
        u32::try_from(self.decimals).unwrap_or_default()
    }

    /// Refuses a list that could never hold.
    pub fn check(&self) -> Result<(), Error> {
        let mut wrong = Vec::new();
        if self.display_name.trim().is_empty() {
            wrong.push(violation("price_list.display_name", "not blank"));
        }
        if let (Some(first), Some(last)) = (self.valid_from, self.valid_until)
            && last < first
        {
            wrong.push(violation("price_list.valid_until_date", format!("{first} or later")));
        }
        if wrong.is_empty() { Ok(()) } else { Err(Error::Fields(wrong)) }
    }
}

/// The price list with this name, for reading.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str) -> Result<Model, Error> {
    let id = names::PRICE_LISTS.parse(name)?;
    let found = Entity::find_by_id(id).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The only way to a price list that is meant to change.
pub async fn lock(tx: &DatabaseTransaction, name: &str) -> Result<Model, Error> {
    let id = names::PRICE_LISTS.parse(name)?;
    let found = Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// Adds a price list.
pub async fn insert(tx: &DatabaseTransaction, list: &Model) -> Result<(), Error> {
    Entity::insert(list.clone().into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}
