//! What is sold, and for how much (R-PRD-1).

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use dealflow_money::{Currency, DocumentInput, LineInput, Vat, VatCategory, compute};
use dealflow_proto::names;
use rust_decimal::Decimal;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, IntoActiveModel};

use crate::document::Exact;
use crate::error::{Error, violation};

/// The unit of a product that names none: one piece (UN/ECE Recommendation 20).
pub const UNIT: &str = "C62";

/// A product.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "product")]
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
    /// The code it is ordered by; unique.
    #[sea_orm(column_type = "Text")]
    pub code: String,
    /// What it is called.
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// The series it belongs to.
    #[sea_orm(column_type = "Text")]
    pub series: String,
    /// UN/ECE Recommendation 20.
    #[sea_orm(column_type = "Text")]
    pub unit_code: String,
    /// Of the list price, ISO 4217.
    #[sea_orm(column_type = "Text")]
    pub currency: String,
    /// Price of one unit without VAT; may be finer than the currency's minor unit.
    pub list_price: Exact,
    /// Code of the VAT category, e.g. `S`.
    #[sea_orm(column_type = "Text")]
    pub vat_category: String,
    /// VAT rate in percent.
    pub vat_rate: Exact,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list of products can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::PRODUCTS.as_str(), Column::Id)
        .text("code", Column::Code)
        .filter_only()
        .text("display_name", Column::DisplayName)
        .filter_only()
        .text("series", Column::Series)
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

impl Model {
    /// The product's resource name.
    pub fn name(&self) -> String {
        names::PRODUCTS.name(self.id)
    }

    /// Its VAT.
    pub fn vat(&self) -> Result<Vat, Error> {
        let category = VatCategory::parse(&self.vat_category).map_err(dealflow_chassis::Refusal::internal)?;
        Ok(Vat::new(category, self.vat_rate.0))
    }

    /// Refuses what cannot be sold: no unit of Recommendation 20, a price below zero, a rate its category forbids.
    pub fn check(&self, currency: Currency) -> Result<(), Error> {
        let mut wrong = Vec::new();
        if self.code.trim().is_empty() {
            wrong.push(violation("product.code", "not blank"));
        }
        if self.display_name.trim().is_empty() {
            wrong.push(violation("product.display_name", "not blank"));
        }
        if !dealflow_money::is_unit(&self.unit_code) {
            wrong.push(violation("product.unit_code", UNIT_FORM));
        }
        if self.list_price.0 < Decimal::ZERO {
            wrong.push(violation("product.list_price", "0 or more"));
        }
        if !wrong.is_empty() {
            return Err(Error::Fields(wrong));
        }
        // The arithmetic knows which rate fits which category: asked with a line of one unit at no price.
        let line = LineInput::new("1", Decimal::ONE, Decimal::ZERO, self.vat()?);
        compute(&DocumentInput::new(currency, vec![line]))
            .map(|_| ())
            .map_err(|cause| Error::field("product.vat.rate", cause.to_string()))
    }
}

/// What a unit code is.
pub const UNIT_FORM: &str = "a code of UN/ECE Recommendation 20, e.g. C62, HUR, KGM";

/// The product with this name, for reading.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str) -> Result<Model, Error> {
    let id = names::PRODUCTS.parse(name)?;
    let found = Entity::find_by_id(id).one(db).await?;
    found.ok_or_else(|| dealflow_chassis::Refusal::missing(name).into())
}

/// All of these products in one query.
pub async fn find_all<C: ConnectionTrait>(db: &C, mut ids: Vec<Uuid>) -> Result<HashMap<Uuid, Model>, Error> {
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = Entity::find().filter(Column::Id.is_in(ids)).all(db).await?;
    Ok(found.into_iter().map(|product| (product.id, product)).collect())
}

/// Adds a product; the holder of its code is named where it has one.
pub async fn insert<C: ConnectionTrait>(db: &C, product: Model) -> Result<Model, Error> {
    let conflict = OnConflict::column(Column::Code).do_nothing().to_owned();
    let row = product.clone().into_active_model();
    if Entity::insert(row).on_conflict(conflict).exec_without_returning(db).await? == 1 {
        return Ok(product);
    }
    let holder = Entity::find().filter(Column::Code.eq(&product.code)).one(db).await?;
    let holder = holder.map(|holder| holder.name()).unwrap_or_default();
    Err(Error::CodeTaken { code: product.code, holder })
}
