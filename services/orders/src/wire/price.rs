//! Price lists, prices and exchange rates ⇄ the wire.

use chrono::{DateTime, Utc};
use dealflow_chassis::Mask;
use dealflow_money::Currency;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::{Violation, convert, names};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{date, price, reference};
use crate::content::quantity;
use crate::document::Exact;
use crate::error::{Error, violation};
use crate::price::{UsedRates, find, item, list, rate};
use crate::product::{self, UNIT_FORM};

/// The fields that UpdatePriceList can change.
pub(crate) const PRICE_LIST_UPDATABLE: &[&str] =
    &["display_name", "valid_from_date", "valid_until_date", "decimals", "disabled"];

/// Decimals of an exchange rate, at most.
const RATE_DECIMALS: u32 = 10;

fn currency(code: &str, field: &str, wrong: &mut Vec<Violation>) -> Option<Currency> {
    Currency::parse(code).map_err(|cause| wrong.push(violation(field, cause.to_string()))).ok()
}

/// The rates that a document's prices were converted by.
pub(crate) fn used_rates(used: Option<&UsedRates>) -> Vec<pb::UsedRate> {
    let rates = used.map(|used| used.0.as_slice()).unwrap_or_default();
    let wire = |rate: &find::UsedRate| pb::UsedRate {
        from_currency: rate.from.clone(),
        rate: Some(convert::decimal(rate.rate)),
        day: Some(convert::date(rate.day)),
    };
    rates.iter().map(wire).collect()
}

impl list::Model {
    /// A new price list as it was written, checked.
    pub fn of(written: pb::PriceList, now: DateTime<Utc>) -> Result<Self, Error> {
        let mut wrong = Vec::new();
        let Some(currency) = currency(&written.currency_code, "price_list.currency_code", &mut wrong) else {
            return Err(Error::Fields(wrong));
        };
        let mask = Mask::of(Some(prost_types::FieldMask { paths: vec!["*".to_owned()] }), PRICE_LIST_UPDATABLE)?;
        let new = Self {
            id: Uuid::now_v7(),
            version: 0,
            created_at: now,
            updated_at: now,
            display_name: String::new(),
            currency: currency.code().to_owned(),
            valid_from: None,
            valid_until: None,
            decimals: 0,
            disabled: false,
        };
        new.update(written, &mask, now)
    }

    /// The price list with the fields that the mask takes over, checked.
    pub fn update(mut self, written: pb::PriceList, mask: &Mask, now: DateTime<Utc>) -> Result<Self, Error> {
        let mut wrong = Vec::new();
        if mask.takes("display_name", !written.display_name.is_empty()) {
            self.display_name = written.display_name;
        }
        if mask.takes("valid_from_date", written.valid_from_date.is_some()) {
            self.valid_from = date(written.valid_from_date.as_ref(), "price_list.valid_from_date", &mut wrong);
        }
        if mask.takes("valid_until_date", written.valid_until_date.is_some()) {
            self.valid_until = date(written.valid_until_date.as_ref(), "price_list.valid_until_date", &mut wrong);
        }
        if mask.takes("decimals", written.decimals != 0) {
            self.decimals = written.decimals;
        }
        if mask.takes("disabled", written.disabled) {
            self.disabled = written.disabled;
        }
        if !wrong.is_empty() {
            return Err(Error::Fields(wrong));
        }
        self.check()?;
        Ok(Self { version: self.version + 1, updated_at: now, ..self })
    }

    /// The price list as it goes out.
    pub fn to_wire(&self) -> pb::PriceList {
        pb::PriceList {
            name: self.name(),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            display_name: self.display_name.clone(),
            currency_code: self.currency.clone(),
            valid_from_date: self.valid_from.map(convert::date),
            valid_until_date: self.valid_until.map(convert::date),
            decimals: self.decimals,
            disabled: self.disabled,
        }
    }
}

impl item::Model {
    /// A price as it was written, of this list and this product.
    pub fn of(
        written: &pb::PriceListItem,
        list: &list::Model,
        product: &product::Model,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let mut wrong = Vec::new();
        let unit = if written.unit_code.is_empty() { &product.unit_code } else { &written.unit_code };
        if !dealflow_money::is_unit(unit) {
            wrong.push(violation("item.unit_code", UNIT_FORM));
        }
        let least = match written.min_quantity.as_ref().map(quantity) {
            None => Some(Decimal::ZERO),
            Some(Ok(least)) if least >= Decimal::ZERO => Some(least),
            Some(Ok(_)) => None,
            Some(Err(_)) => None,
        };
        if least.is_none() {
            wrong.push(violation("item.min_quantity", "0 or more, at most 6 decimals"));
        }
        let given = written.price.clone().unwrap_or_default();
        let amount =
            convert::decimal_of(&given).map_err(|cause| wrong.push(violation("item.price", cause.to_string())));
        let amount = amount.ok().map(|amount| amount.normalize());
        if amount.is_some_and(|amount| amount < Decimal::ZERO) {
            wrong.push(violation("item.price", "0 or more"));
        }
        if !wrong.is_empty() {
            return Err(Error::Fields(wrong));
        }
        let (amount, least) = (amount.unwrap_or_default(), least.unwrap_or_default());
        if given.currency_code != list.currency {
            return Err(Error::priced("item.price", find::Gap::Currency(given.currency_code)));
        }
        if amount.scale() > list.decimals() {
            return Err(Error::too_precise("item.price", list.decimals()));
        }
        let scaled = (least * Decimal::from(1_000_000)).normalize();
        Ok(Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now,
            updated_at: now,
            price_list_id: list.id,
            product_id: product.id,
            unit_code: unit.clone(),
            min_quantity: i64::try_from(scaled.mantissa()).map_err(dealflow_chassis::Refusal::internal)?,
            price: Exact(amount),
        })
    }

    /// The price as it goes out, in its list's currency.
    pub fn to_wire(&self, currency: &str) -> Result<pb::PriceListItem, Error> {
        Ok(pb::PriceListItem {
            name: names::PRICE_LIST_ITEMS.name(self.id),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            price_list: names::PRICE_LISTS.name(self.price_list_id),
            product: names::PRODUCTS.name(self.product_id),
            unit_code: self.unit_code.clone(),
            min_quantity: Some(convert::decimal(find::scaled(self.min_quantity))),
            price: Some(price(self.price.0, currency)?),
        })
    }
}

impl rate::Model {
    /// A rate as it was written.
    pub fn of(written: &pb::ExchangeRate, now: DateTime<Utc>) -> Result<Self, Error> {
        let mut wrong = Vec::new();
        let from = currency(&written.from_currency, "exchange_rate.from_currency", &mut wrong);
        let to = currency(&written.to_currency, "exchange_rate.to_currency", &mut wrong);
        if from.is_some() && from == to {
            wrong.push(violation("exchange_rate.to_currency", "another currency"));
        }
        let day = date(written.day.as_ref(), "exchange_rate.day", &mut wrong);
        let rate = convert::decimal_from(&written.rate.clone().unwrap_or_default()).ok().map(|rate| rate.normalize());
        let rate = rate.filter(|rate| *rate > Decimal::ZERO && rate.scale() <= RATE_DECIMALS);
        if rate.is_none() {
            wrong.push(violation("exchange_rate.rate", format!("more than 0, at most {RATE_DECIMALS} decimals")));
        }
        match (from, to, day, rate) {
            (Some(from), Some(to), Some(day), Some(rate)) if wrong.is_empty() => Ok(Self {
                id: Uuid::now_v7(),
                version: 1,
                created_at: now,
                updated_at: now,
                from_currency: from.code().to_owned(),
                to_currency: to.code().to_owned(),
                day,
                rate: Exact(rate),
            }),
            _ => Err(Error::Fields(wrong)),
        }
    }

    /// The rate as it goes out.
    pub fn to_wire(&self) -> pb::ExchangeRate {
        pb::ExchangeRate {
            name: names::EXCHANGE_RATES.name(self.id),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            from_currency: self.from_currency.clone(),
            to_currency: self.to_currency.clone(),
            day: Some(convert::date(self.day)),
            rate: Some(convert::decimal(self.rate.0)),
        }
    }
}

/// The list that a document names.
pub(crate) fn price_list(name: &str, field: &str, wrong: &mut Vec<Violation>) -> Option<Uuid> {
    reference(names::PRICE_LISTS, name, field, wrong)
}
