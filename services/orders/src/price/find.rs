//! The price of a product for a document: on its list or its own, converted by the rate of the day.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use dealflow_proto::errors::v1::ErrorReason;
use rust_decimal::{Decimal, RoundingStrategy};
use sea_orm::{ConnectionTrait, FromJsonQueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{item, list, rate};
use crate::error::Error;
use crate::product;

/// Decimals of a converted price where no list says how many.
const DECIMALS: u32 = 6;
/// Quantities are compared × 10⁶.
const SCALE: i64 = 1_000_000;

/// A rate that prices were converted by; it stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedRate {
    /// One unit of this currency.
    pub from: String,
    /// In the document's.
    pub rate: Decimal,
    /// Since when it held.
    pub day: NaiveDate,
}

/// The rates of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct UsedRates(pub Vec<UsedRate>);

/// A price that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Of one unit, in the document's currency.
    pub unit_price: Decimal,
    /// As it stands on the list, and in which currency.
    pub listed: (Decimal, String),
    /// The item of the list.
    pub item: Option<Uuid>,
    /// The unit.
    pub unit: String,
    /// The rate that converted it.
    pub rate: Option<(Decimal, NaiveDate)>,
}

/// Why there is no price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The list does not know the product.
    NotInList(String),
    /// The list prices it in other units.
    Unit(String),
    /// The list prices it from this quantity on.
    Quantity(Decimal),
    /// It is priced in this currency, which no rate converts.
    Currency(String),
    /// The converted price does not fit.
    Overflow,
}

impl Gap {
    /// The catalogue's name for it.
    pub fn reason(&self) -> ErrorReason {
        match self {
            Self::NotInList(_) => ErrorReason::NotInPriceList,
            Self::Unit(_) => ErrorReason::UnitMismatch,
            Self::Quantity(_) => ErrorReason::QuantityTooSmall,
            Self::Currency(_) => ErrorReason::CurrencyMismatch,
            Self::Overflow => ErrorReason::Overflow,
        }
    }

    /// The field of a line at fault, and what it must be.
    pub fn told(&self) -> (&'static str, String) {
        match self {
            Self::NotInList(list) => ("product", format!("a product that {list} prices, or a unit_price")),
            Self::Unit(units) => ("unit_code", format!("one that the list prices: {units}")),
            Self::Quantity(least) => ("quantity", format!("{} or more, as the list has it", least.normalize())),
            Self::Currency(from) => ("unit_price", format!("a price: the list is in {from}, and no rate converts it")),
            Self::Overflow => ("unit_price", "a price: the listed one does not fit once it is converted".to_owned()),
        }
    }
}

/// All that is needed to price the products of a document, read at once.
pub struct Pricing {
    currency: String,
    list: Option<list::Model>,
    items: HashMap<Uuid, Vec<item::Model>>,
    rates: HashMap<String, (Decimal, NaiveDate)>,
    used: BTreeMap<String, UsedRate>,
}

impl Pricing {
    /// Reads the list, its prices of these products, and the rates that they need. A document without a list whose
    /// products are priced in its currency costs no query.
    pub async fn load<C: ConnectionTrait>(
        db: &C,
        currency: &str,
        price_list: Option<Uuid>,
        products: &HashMap<Uuid, product::Model>,
        day: NaiveDate,
    ) -> Result<Self, Error> {
        let (mut listed, mut items) = (None, HashMap::new());
        if let Some(id) = price_list {
            let name = dealflow_proto::names::PRICE_LISTS.name(id);
            let found = list::find(db, &name).await?;
            if !found.holds(day) {
                return Err(Error::NoPriceList { price_list: name, day });
            }
            items = item::of_products(db, id, products.keys().copied().collect()).await?;
            listed = Some(found);
        }
        let mut rates = HashMap::new();
        // Of one currency or two: each is one keyed look-up.
        let from: std::collections::BTreeSet<&str> = match &listed {
            Some(list) => [list.currency.as_str()].into(),
            None => products.values().map(|product| product.currency.as_str()).collect(),
        };
        for from in from.into_iter().filter(|from| *from != currency) {
            if let Some(rate) = rate::on(db, from, currency, day).await? {
                rates.insert(from.to_owned(), rate);
            }
        }
        Ok(Self { currency: currency.to_owned(), list: listed, items, rates, used: BTreeMap::new() })
    }

    /// Decimals that a price may have; none where no list says so.
    pub fn decimals(&self) -> Option<u32> {
        self.list.as_ref().map(list::Model::decimals)
    }

    /// The price of a product: in a unit, or its own where none is said, for a quantity.
    pub fn price(&self, product: &product::Model, unit: &str, quantity: Decimal) -> Result<Found, Gap> {
        let Some(list) = &self.list else {
            if !unit.is_empty() && unit != product.unit_code {
                return Err(Gap::Unit(product.unit_code.clone()));
            }
            let listed = (product.list_price.0, product.currency.clone());
            return self.converted(listed, (None, product.unit_code.clone()), DECIMALS);
        };
        let none = Vec::new();
        let all = self.items.get(&product.id).unwrap_or(&none);
        if all.is_empty() {
            return Err(Gap::NotInList(list.name()));
        }
        let unit = if unit.is_empty() { product.unit_code.as_str() } else { unit };
        let of_unit: Vec<&item::Model> = all.iter().filter(|item| item.unit_code == unit).collect();
        let Some(least) = of_unit.iter().map(|item| item.min_quantity).min() else {
            let units: std::collections::BTreeSet<&str> = all.iter().map(|item| item.unit_code.as_str()).collect();
            return Err(Gap::Unit(units.into_iter().collect::<Vec<_>>().join(", ")));
        };
        let enough = |item: &&&item::Model| scaled(item.min_quantity) <= quantity.abs();
        let item = of_unit.iter().find(enough).ok_or_else(|| Gap::Quantity(scaled(least)))?;
        let listed = (item.price.0, list.currency.clone());
        self.converted(listed, (Some(item.id), item.unit_code.clone()), list.decimals())
    }

    fn converted(
        &self,
        listed: (Decimal, String),
        (item, unit): (Option<Uuid>, String),
        decimals: u32,
    ) -> Result<Found, Gap> {
        if listed.1 == self.currency {
            return Ok(Found { unit_price: listed.0, listed, item, unit, rate: None });
        }
        let rate = *self.rates.get(&listed.1).ok_or_else(|| Gap::Currency(listed.1.clone()))?;
        let price = listed.0.checked_mul(rate.0).ok_or(Gap::Overflow)?;
        let unit_price = price.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero).normalize();
        Ok(Found { unit_price, listed, item, unit, rate: Some(rate) })
    }

    /// Remembers that a price of the document was converted so.
    pub fn take(&mut self, found: &Found) {
        if let Some((rate, day)) = found.rate {
            let from = found.listed.1.clone();
            self.used.insert(from.clone(), UsedRate { from, rate, day });
        }
    }

    /// The rates that prices of the document were converted by; none where none was.
    pub fn used(self) -> Option<UsedRates> {
        if self.used.is_empty() { None } else { Some(UsedRates(self.used.into_values().collect())) }
    }
}

/// A quantity × 10⁶ as a number.
pub fn scaled(quantity: i64) -> Decimal {
    Decimal::from(quantity) / Decimal::from(SCALE)
}
