//! The content of a new document: the caller's lines, filled in from the products where they leave something out
//! (R-QUO-1), checked all at once, and added up.

mod adjusted;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use dealflow_money::{Currency, Vat};
use dealflow_proto::Violation;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::google::type_::Decimal as WireDecimal;
use dealflow_proto::types::v1 as pb;
use dealflow_proto::{convert, names};
use rust_decimal::Decimal;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::adjustment::Adjustments;
use crate::document::{Exact, Line, Lines, Totals, Whole};
use crate::error::{Error, violation};
use crate::price::{Found, Gap, Pricing, UsedRates};
use crate::product::{self, UNIT, UNIT_FORM};
use crate::wire;

/// Quantities have at most six decimals, so that their sums are exact.
const QUANTITY_DECIMALS: u32 = 6;
/// The largest quantity of a line.
const MAX_QUANTITY: i64 = 999_999_999_999;

/// What a document offers, and what it comes to.
pub(crate) struct Content {
    /// Of all amounts.
    pub(crate) currency: Currency,
    /// Header discount, 0 to 100 per cent.
    pub(crate) discount: Exact,
    /// Allowances and charges of the whole beside it.
    pub(crate) adjustments: Option<Adjustments>,
    /// The complete lines.
    pub(crate) lines: Lines,
    /// Their totals.
    pub(crate) totals: Totals,
    /// The list that they were priced from.
    pub(crate) price_list: Option<Uuid>,
    /// The rates that they were converted by.
    pub(crate) rates: Option<UsedRates>,
}

/// What a caller wrote of a document (`quote`, `order`).
pub(crate) struct Written<'a> {
    /// The field of the request that holds the document.
    pub(crate) document: &'static str,
    /// ISO 4217.
    pub(crate) currency: &'a str,
    /// As they came.
    pub(crate) lines: &'a [pb::Line],
    /// Header discount.
    pub(crate) discount: Option<&'a WireDecimal>,
    /// Allowances and charges of the whole.
    pub(crate) adjustments: (&'a [pb::Adjustment], &'a [pb::Adjustment]),
    /// Name of the price list; empty for the products' own prices.
    pub(crate) price_list: &'a str,
    /// The day whose prices and rates count.
    pub(crate) today: NaiveDate,
    /// What is wrong with the rest of the document: told together with what is wrong here.
    pub(crate) wrong: Vec<Violation>,
}

impl Written<'_> {
    /// The content, complete and added up; one query for all products.
    pub(crate) async fn complete<C: ConnectionTrait>(self, db: &C) -> Result<Content, Error> {
        let Self { document, currency, lines, discount, adjustments, price_list, today, wrong } = self;
        let mut wrong = Wrong::of(wrong);
        let at = |field: &str| format!("{document}.{field}");
        let known =
            Currency::parse(currency).map_err(|cause| wrong.field(violation(at("currency_code"), cause.to_string())));
        let discount = percent(discount, &at("discount_percent"), &mut wrong);
        let adjustments = adjusted::read(adjustments, (&at(""), adjusted::On::Document), currency, &mut wrong);
        let list = wire::price_list(price_list, &at("price_list"), &mut wrong.fields);
        if lines.is_empty() {
            wrong.field(violation(at("lines"), "at least one line"));
        }
        let products =
            product::find_all(db, lines.iter().filter_map(|line| product_id(&line.product)).collect()).await?;
        let ids = line_ids(lines);
        let pricing = Pricing::load(db, currency, list, &products, today).await?;
        let mixed = Vec::new();
        let mut filler = Filler { currency, products: &products, pricing, wrong, mixed, seen: HashSet::new() };
        let lines = lines
            .iter()
            .zip(ids)
            .enumerate()
            .filter_map(|(index, (line, id))| filler.fill(line, id, &at(&format!("lines[{index}]"))))
            .collect();
        let Filler { wrong, mixed: found, pricing, .. } = filler;
        let Some(currency) = known.ok().filter(|_| wrong.fields.is_empty()) else {
            return Err(wrong.into());
        };
        if !found.is_empty() {
            return Err(Error::MixedCurrencies { expected: currency.to_string(), found });
        }
        let lines = Lines(lines);
        let whole = Whole { discount, adjustments, ..Whole::default() };
        let totals = whole.totals(document, currency, &lines)?;
        if totals.0.total_without_vat < 0 || totals.0.payable < 0 {
            return Err(Error::field(
                at("lines"),
                "a total of 0 or more: what is taken back cannot be worth more than what is sold",
            ));
        }
        let (adjustments, rates) = (whole.adjustments.stored(), pricing.used());
        Ok(Content { currency, discount: Exact(discount), adjustments, lines, totals, price_list: list, rates })
    }
}

/// What is wrong with a document, and whether all of it is a matter of pricing: then the refusal says which (R-PRD-1).
struct Wrong {
    fields: Vec<Violation>,
    pricing: usize,
    reason: Option<ErrorReason>,
}

impl Wrong {
    fn of(fields: Vec<Violation>) -> Self {
        Self { fields, pricing: 0, reason: None }
    }

    fn field(&mut self, violation: Violation) {
        self.fields.push(violation);
    }

    fn priced(&mut self, reason: ErrorReason, violation: Violation) {
        self.fields.push(violation);
        self.pricing += 1;
        self.reason.get_or_insert(reason);
    }
}

impl From<Wrong> for Error {
    fn from(wrong: Wrong) -> Self {
        match wrong.reason {
            Some(reason) if wrong.pricing == wrong.fields.len() => Self::Pricing { reason, fields: wrong.fields },
            _ => Self::Fields(wrong.fields),
        }
    }
}

/// Fills lines one after the other and gathers what is wrong with any of them.
struct Filler<'a> {
    currency: &'a str,
    products: &'a HashMap<Uuid, product::Model>,
    pricing: Pricing,
    wrong: Wrong,
    mixed: Vec<String>,
    seen: HashSet<String>,
}

impl<'a> Filler<'a> {
    /// The complete line, or none where something of it is wrong.
    fn fill(&mut self, line: &pb::Line, id: String, at: &str) -> Option<Line> {
        let before = self.wrong.fields.len();
        if !self.seen.insert(id.clone()) {
            self.refuse(at, "line_id", format!("`{id}` stands on another line; each has its own"));
        }
        let product = self.product(line, at);
        let described = if line.description.trim().is_empty() { None } else { Some(line.description.clone()) };
        let description = described.or_else(|| product.map(|product| product.display_name.clone()));
        if description.is_none() && line.product.is_empty() {
            self.refuse(at, "description", "what is sold, for a line without a product");
        }
        let quantity = self.quantity(line.quantity.as_ref(), at);
        let unit_code = match (line.unit_code.as_str(), product) {
            ("", Some(product)) => product.unit_code.clone(),
            ("", None) => UNIT.to_owned(),
            (unit, _) => unit.to_owned(),
        };
        if !dealflow_money::is_unit(&unit_code) {
            self.refuse(at, "unit_code", UNIT_FORM);
        }
        // Prices go by quantity; without one there is something wrong already.
        let listed = product.zip(quantity).map(|(it, quantity)| self.pricing.price(it, &line.unit_code, quantity));
        let list_price = listed.as_ref().and_then(|found| found.as_ref().ok()).map(|found| found.unit_price);
        let unit_price = self.price(line, listed, at);
        let discount_percent =
            percent(line.discount_percent.as_ref(), &format!("{at}.discount_percent"), &mut self.wrong);
        let returned = quantity.is_some_and(|quantity| quantity.is_sign_negative());
        let on = if returned { adjusted::On::Return } else { adjusted::On::Line };
        let given = (line.allowances.as_slice(), line.charges.as_slice());
        let adjustments = adjusted::read(given, (&format!("{at}."), on), self.currency, &mut self.wrong);
        let vat = self.vat(line, product, at);
        if self.wrong.fields.len() > before {
            return None;
        }
        Some(Line {
            id,
            product: product.map(|product| product.id),
            description: description?,
            quantity: quantity?,
            unit_code,
            unit_price: unit_price?,
            list_price,
            discount_percent,
            adjustments,
            vat: vat?,
            fulfilled: Decimal::ZERO,
        })
    }

    fn product(&mut self, line: &pb::Line, at: &str) -> Option<&'a product::Model> {
        if line.product.is_empty() {
            return None;
        }
        let products: &'a HashMap<Uuid, product::Model> = self.products;
        let found = product_id(&line.product).and_then(|id| products.get(&id));
        if found.is_none() {
            self.refuse(at, "product", format!("a product that is there; there is no {}", line.product));
        }
        found
    }

    fn quantity(&mut self, given: Option<&WireDecimal>, at: &str) -> Option<Decimal> {
        match given.map(quantity) {
            Some(Ok(quantity)) if !quantity.is_zero() => return Some(quantity),
            Some(Ok(_)) | None => self.refuse(at, "quantity", "not 0"),
            Some(Err(expected)) => {
                self.wrong.priced(ErrorReason::Precision, violation(format!("{at}.quantity"), expected));
            }
        }
        None
    }

    /// The price that was given, or the one that was found; none but of the document's currency.
    fn price(&mut self, line: &pb::Line, listed: Option<Result<Found, Gap>>, at: &str) -> Option<Decimal> {
        let Some(given) = &line.unit_price else {
            return match listed {
                Some(Ok(found)) => {
                    self.pricing.take(&found);
                    Some(found.unit_price)
                }
                // Told together with all others, as prices of another currency are.
                Some(Err(Gap::Currency(from))) => {
                    self.mixed.push(format!("{at}.unit_price is in {from}, and no rate is stored that converts it"));
                    Some(Decimal::ZERO)
                }
                Some(Err(gap)) => {
                    let (field, expected) = gap.told();
                    self.wrong.priced(gap.reason(), violation(format!("{at}.{field}"), expected));
                    None
                }
                None => {
                    if line.product.is_empty() {
                        self.refuse(at, "unit_price", "a price, for a line without a product");
                    }
                    None
                }
            };
        };
        let price = match convert::decimal_of(given) {
            Ok(price) => price,
            Err(cause) => {
                self.refuse(at, "unit_price", cause.to_string());
                return None;
            }
        };
        if price < Decimal::ZERO {
            self.refuse(at, "unit_price", "0 or more; a line that takes back has a negative quantity (BR-27)");
            return None;
        }
        if let Some(decimals) = self.pricing.decimals().filter(|most| price.normalize().scale() > *most) {
            let expected = format!("at most {decimals} decimals, as the price list has");
            self.wrong.priced(ErrorReason::Precision, violation(format!("{at}.unit_price"), expected));
            return None;
        }
        if given.currency_code != self.currency {
            self.mixed.push(format!("{at}.unit_price is in {}", given.currency_code));
        }
        Some(price)
    }

    fn vat(&mut self, line: &pb::Line, product: Option<&product::Model>, at: &str) -> Option<Vat> {
        let vat = match (&line.vat, product) {
            (Some(given), _) => wire::vat_of(given).map_err(|wrong| (wrong.field, wrong.description)),
            (None, Some(product)) => product.vat().map_err(|error| ("vat".to_owned(), error.to_string())),
            (None, None) if line.product.is_empty() => {
                Err(("vat".to_owned(), "category and rate, for a line without a product".to_owned()))
            }
            (None, None) => return None,
        };
        vat.map_err(|(field, expected)| self.refuse(at, &field, expected)).ok()
    }

    fn refuse(&mut self, at: &str, field: &str, expected: impl Into<String>) {
        self.wrong.field(violation(format!("{at}.{field}"), expected));
    }
}

/// A quantity that every sum keeps exactly.
pub(crate) fn quantity(given: &WireDecimal) -> Result<Decimal, String> {
    let quantity = convert::decimal_from(given).map_err(|cause| cause.to_string())?;
    if quantity.normalize().scale() > QUANTITY_DECIMALS || quantity.abs() > Decimal::from(MAX_QUANTITY) {
        return Err(format!("at most {QUANTITY_DECIMALS} decimals and {MAX_QUANTITY} either way"));
    }
    Ok(quantity.normalize())
}

/// A discount: 0 where it is absent.
fn percent(given: Option<&WireDecimal>, field: &str, wrong: &mut Wrong) -> Decimal {
    let Some(given) = given else { return Decimal::ZERO };
    match convert::decimal_from(given) {
        Ok(percent) if (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&percent) => return percent.normalize(),
        Ok(_) => wrong.priced(ErrorReason::DiscountOutOfRange, violation(field, "0 to 100 per cent")),
        Err(cause) => wrong.field(violation(field, cause.to_string())),
    }
    Decimal::ZERO
}

fn product_id(name: &str) -> Option<Uuid> {
    names::PRODUCTS.parse(name).ok()
}

/// The lines' ids: given, or the line's place, moved on where another line took that.
fn line_ids(lines: &[pb::Line]) -> Vec<String> {
    let given: HashSet<&str> = lines.iter().map(|line| line.line_id.as_str()).collect();
    let mut free = (1..).map(|n: usize| n.to_string()).filter(|id| !given.contains(id.as_str()));
    lines
        .iter()
        .map(|line| if line.line_id.is_empty() { free.next().unwrap_or_default() } else { line.line_id.clone() })
        .collect()
}
