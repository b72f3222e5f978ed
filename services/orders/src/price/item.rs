//! What a product costs on a list, from a quantity on.

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DatabaseTransaction, ExprTrait, IntoActiveModel, QueryOrder, QuerySelect};

use crate::document::Exact;
use crate::error::Error;

/// A price of a list.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "price_list_item")]
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
    /// The list.
    pub price_list_id: Uuid,
    /// The product.
    pub product_id: Uuid,
    /// The unit that the price is for.
    #[sea_orm(column_type = "Text")]
    pub unit_code: String,
    /// From this quantity on, × 10⁶.
    pub min_quantity: i64,
    /// Price of one unit without VAT, in the list's currency.
    pub price: Exact,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list of prices can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::PRICE_LIST_ITEMS.as_str(), Column::Id)
        .uuid("price_list", names::PRICE_LISTS.as_str(), Column::PriceListId)
        .filter_only()
        .uuid("product", names::PRODUCTS.as_str(), Column::ProductId)
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

/// The price that is there at a place, locked.
pub async fn lock(tx: &DatabaseTransaction, item: &Model) -> Result<Option<Model>, Error> {
    let there = Entity::find()
        .filter(Column::PriceListId.eq(item.price_list_id))
        .filter(Column::ProductId.eq(item.product_id))
        .filter(Column::UnitCode.eq(&item.unit_code))
        .filter(Column::MinQuantity.eq(item.min_quantity));
    Ok(there.lock_exclusive().one(tx).await?)
}

/// Sets a price: a new one, or the price of the place that is there; answers it as it is now.
pub async fn set(tx: &DatabaseTransaction, item: Model) -> Result<Model, Error> {
    let place = [Column::PriceListId, Column::ProductId, Column::UnitCode, Column::MinQuantity];
    let conflict = OnConflict::columns(place)
        .update_columns([Column::Price, Column::UpdatedAt])
        .value(Column::Version, Expr::col((Entity, Column::Version)).add(1))
        .to_owned();
    Ok(Entity::insert(item.into_active_model()).on_conflict(conflict).exec_with_returning(tx).await?)
}

/// The prices of these products on a list, in one query, each product's from the largest quantity down.
pub async fn of_products<C: ConnectionTrait>(
    db: &C,
    list: Uuid,
    products: Vec<Uuid>,
) -> Result<HashMap<Uuid, Vec<Model>>, Error> {
    let mut all: HashMap<Uuid, Vec<Model>> = HashMap::new();
    if products.is_empty() {
        return Ok(all);
    }
    let rows = Entity::find()
        .filter(Column::PriceListId.eq(list))
        .filter(Column::ProductId.is_in(products))
        .order_by_desc(Column::MinQuantity)
        .all(db)
        .await?;
    for row in rows {
        all.entry(row.product_id).or_default().push(row);
    }
    Ok(all)
}
