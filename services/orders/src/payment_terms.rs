//! When customers pay: days, what documents say of them, and the instalments that an order is billed in (R-INV-1).

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_proto::names;
use rust_decimal::Decimal;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromJsonQueryResult, IntoActiveModel, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::error::{Error, violation};

/// Decimals of a percentage, as many as a quantity has.
const DECIMALS: u32 = 6;

/// A part of an order that is billed by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instalment {
    /// Of each line of the order.
    pub percent: Decimal,
    /// Days from its invoice to its due day.
    pub days: i32,
    /// What it is for.
    pub description: String,
}

/// The instalments that an order is billed in, in their order; none where it is not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Plan(pub Vec<Instalment>);

impl Plan {
    /// As a column has it: nothing where there is none.
    pub fn stored(self) -> Option<Self> {
        if self.0.is_empty() { None } else { Some(self) }
    }

    /// How much of a quantity is billed once this many instalments are: all of it with the last, whatever rounding did.
    pub fn up_to(&self, count: usize, quantity: Decimal) -> Decimal {
        if count >= self.0.len() {
            return quantity;
        }
        let percent: Decimal = self.0.iter().take(count).map(|one| one.percent).sum();
        // Twelve digits before the point and six behind it, times a percentage of nine: it fits.
        (quantity * percent / Decimal::ONE_HUNDRED).round_dp(DECIMALS).normalize()
    }
}

/// Terms of payment.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_terms")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Counts their changes; the etag.
    pub version: i64,
    /// When they were made.
    pub created_at: DateTime<Utc>,
    /// When they last changed.
    pub updated_at: DateTime<Utc>,
    /// What people call them; unique.
    #[sea_orm(column_type = "Text")]
    pub code: String,
    /// Days from an invoice to its due day.
    pub net_days: i32,
    /// What documents say of them.
    #[sea_orm(column_type = "Text")]
    pub text: String,
    /// The instalments that an order is billed in.
    #[sea_orm(column_type = "JsonBinary")]
    pub plan: Plan,
    /// No new document names them.
    pub disabled: bool,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list of terms can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::PAYMENT_TERMS.as_str(), Column::Id)
        .text("code", Column::Code)
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

impl Model {
    /// Their resource name.
    pub fn name(&self) -> String {
        names::PAYMENT_TERMS.name(self.id)
    }

    /// Refuses terms that could bill no order.
    pub fn check(&self) -> Result<(), Error> {
        let mut wrong = Vec::new();
        if self.code.trim().is_empty() {
            wrong.push(violation("payment_terms.code", "not blank"));
        }
        for (index, one) in self.plan.0.iter().enumerate() {
            let fits = one.percent > Decimal::ZERO && one.percent <= Decimal::ONE_HUNDRED;
            if !fits || one.percent.normalize().scale() > DECIMALS {
                let field = format!("payment_terms.instalments[{index}].percent");
                wrong.push(violation(field, format!("above 0, at most 100, at most {DECIMALS} decimals")));
            }
        }
        let sum = self.plan.0.iter().try_fold(Decimal::ZERO, |sum, one| sum.checked_add(one.percent));
        if wrong.is_empty() && !self.plan.0.is_empty() && sum != Some(Decimal::ONE_HUNDRED) {
            wrong.push(violation("payment_terms.instalments", "percentages that come to 100"));
        }
        if wrong.is_empty() { Ok(()) } else { Err(Error::Fields(wrong)) }
    }
}

/// The terms with this name, for reading.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str) -> Result<Model, Error> {
    let id = names::PAYMENT_TERMS.parse(name)?;
    let found = Entity::find_by_id(id).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The only way to terms that are meant to change.
pub async fn lock(tx: &DatabaseTransaction, name: &str) -> Result<Model, Error> {
    let id = names::PAYMENT_TERMS.parse(name)?;
    let found = Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The terms that a new document names, none where it names none.
pub async fn named<C: ConnectionTrait>(db: &C, name: &str, field: &str) -> Result<Option<Model>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    let id = names::PAYMENT_TERMS.parse(name).map_err(|bad| Error::field(field, bad.to_string()))?;
    match Entity::find_by_id(id).one(db).await? {
        Some(terms) if !terms.disabled => Ok(Some(terms)),
        Some(terms) => Err(Error::field(field, format!("terms that are not disabled, as {} is", terms.code))),
        None => Err(Error::field(field, format!("terms that are there; there is no {name}"))),
    }
}

/// Adds terms; the holder of their code is named where it has one.
pub async fn insert(tx: &DatabaseTransaction, terms: &Model) -> Result<(), Error> {
    let conflict = OnConflict::column(Column::Code).do_nothing().to_owned();
    let row = terms.clone().into_active_model();
    if Entity::insert(row).on_conflict(conflict).exec_without_returning(tx).await? == 1 {
        return Ok(());
    }
    let holder = Entity::find().filter(Column::Code.eq(&terms.code)).one(tx).await?;
    let holder = holder.map(|holder| holder.name()).unwrap_or_default();
    Err(Error::RecordTaken { field: "payment_terms.code", value: terms.code.clone(), holder })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-INV-1
    #[test]
    fn instalments_grow_to_the_whole_quantity_and_never_beyond_it() {
        let third = |percent: &str| Instalment {
            percent: percent.parse().expect("a number"),
            days: 30,
            description: String::new(),
        };
        let plan = Plan(vec![third("33.333333"), third("33.333333"), third("33.333334")]);
        for quantity in ["1", "-7", "0.000001", "999999999999"] {
            let quantity: Decimal = quantity.parse().expect("a number");
            let steps: Vec<Decimal> = (0..=3).map(|count| plan.up_to(count, quantity)).collect();
            assert_eq!((steps[0], steps[3]), (Decimal::ZERO, quantity));
            assert!(steps.windows(2).all(|pair| pair[0].abs() <= pair[1].abs()), "{steps:?}");
        }
    }
}
