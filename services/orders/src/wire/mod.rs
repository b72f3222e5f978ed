//! Records as they go out, and the values that documents share in both directions.

mod adjustment;
mod approval;
mod contract;
mod credit_note;
mod invoice;
mod legal_entity;
mod order;
mod party;
mod payment;
mod payment_terms;
mod price;
mod product;
mod quote;
mod rewrite;

pub(crate) use adjustment::settling;
pub(crate) use approval::{POLICY_UPDATABLE, after};
pub(crate) use contract::{CONTRACT_UPDATABLE, receipt};
pub(crate) use legal_entity::LEGAL_ENTITY_UPDATABLE;
pub(crate) use order::ORDER_UPDATABLE;
pub(crate) use party::parties;
pub(crate) use payment::allocations;
pub(crate) use payment_terms::PAYMENT_TERMS_UPDATABLE;
pub(crate) use price::{PRICE_LIST_UPDATABLE, price_list, used_rates};
pub(crate) use quote::{UPDATABLE, close_reason};

use chrono::NaiveDate;
use dealflow_money::{Currency, Money, Vat, VatCategory};
use dealflow_proto::google::type_::{Date, Money as WireMoney};
use dealflow_proto::orders::v1::LineQuantity;
use dealflow_proto::types::v1 as pb;
use dealflow_proto::{Violation, convert, names};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::content::quantity;
use crate::document::{Asked, Lines, PAYMENT_DAYS, Totals};
use crate::error::{Error, violation};
use crate::payment_terms as terms;

/// The categories, on the wire and in the arithmetic.
const CATEGORIES: [(pb::VatCategory, VatCategory); 9] = [
    (pb::VatCategory::Standard, VatCategory::S),
    (pb::VatCategory::Zero, VatCategory::Z),
    (pb::VatCategory::Exempt, VatCategory::E),
    (pb::VatCategory::ReverseCharge, VatCategory::AE),
    (pb::VatCategory::IntraCommunity, VatCategory::K),
    (pb::VatCategory::Export, VatCategory::G),
    (pb::VatCategory::OutsideScope, VatCategory::O),
    (pb::VatCategory::CanaryIslands, VatCategory::L),
    (pb::VatCategory::CeutaMelilla, VatCategory::M),
];

/// VAT as it came; the violation's field is relative to what holds the VAT.
pub(crate) fn vat_of(given: &pb::Vat) -> Result<Vat, Violation> {
    let category = CATEGORIES.iter().find(|(wire, _)| *wire == given.category()).map(|(_, category)| *category);
    let category =
        category.ok_or_else(|| violation("vat.category", "a VAT category; a rate alone does not tell it"))?;
    let rate = match &given.rate {
        Some(rate) => convert::decimal_from(rate).map_err(|cause| violation("vat.rate", cause.to_string()))?,
        None if category.rate_must_be_zero() => Decimal::ZERO,
        None => return Err(violation("vat.rate", "a rate in percent")),
    };
    Ok(Vat::new(category, rate.normalize()))
}

pub(crate) fn vat(vat: Vat) -> pb::Vat {
    let category = CATEGORIES.iter().find(|(_, category)| *category == vat.category).map(|(wire, _)| *wire);
    pb::Vat { category: category.unwrap_or_default().into(), rate: Some(convert::decimal(vat.rate)) }
}

/// Minor units of a currency.
pub(crate) fn money(minor: i64, currency: Currency) -> WireMoney {
    let (units, nanos) = Money { minor, currency }.to_units_nanos();
    WireMoney { currency_code: currency.code().to_owned(), units, nanos }
}

/// Minor units that were added up.
pub(crate) fn wide(minor: i128, currency: Currency) -> Result<WireMoney, Error> {
    let minor = i64::try_from(minor).map_err(dealflow_chassis::Refusal::internal)?;
    Ok(money(minor, currency))
}

/// A price, which may be finer than a minor unit.
pub(crate) fn price(price: Decimal, currency: &str) -> Result<WireMoney, Error> {
    convert::money(price, currency).map_err(|cause| dealflow_chassis::Refusal::internal(cause).into())
}

pub(crate) fn lines(lines: &Lines, totals: &Totals) -> Result<Vec<pb::Line>, Error> {
    let currency = totals.0.currency;
    lines
        .0
        .iter()
        .zip(&totals.0.lines)
        .map(|(line, total)| {
            let (allowances, charges) = adjustment::of_line(line, total, currency)?;
            Ok(pb::Line {
                line_id: line.id.clone(),
                product: line.product.map(|id| names::PRODUCTS.name(id)).unwrap_or_default(),
                description: line.description.clone(),
                quantity: Some(convert::decimal(line.quantity)),
                unit_code: line.unit_code.clone(),
                unit_price: Some(price(line.unit_price, currency.code())?),
                discount_percent: Some(convert::decimal(line.discount_percent)),
                vat: Some(vat(line.vat)),
                net: Some(money(total.net, currency)),
                allowances,
                charges,
            })
        })
        .collect()
}

pub(crate) fn totals(totals: &Totals) -> pb::Totals {
    let totals = &totals.0;
    let amount = |minor: i64| Some(money(minor, totals.currency));
    let groups = totals.vat.iter().map(|group| pb::VatTotal {
        vat: Some(vat(Vat::new(group.category, group.rate))),
        taxable: amount(group.taxable),
        tax: amount(group.tax),
    });
    pb::Totals {
        sum_of_lines: amount(totals.sum_of_lines),
        allowances: amount(totals.allowances),
        charges: amount(totals.charges),
        total_without_vat: amount(totals.total_without_vat),
        vat: groups.collect(),
        total_vat: amount(totals.total_vat),
        total_with_vat: amount(totals.total_with_vat),
        prepaid: amount(totals.prepaid),
        rounding: amount(totals.rounding),
        payable: amount(totals.payable),
    }
}

/// The name of a record that may be absent.
pub(crate) fn name(collection: names::Collection, id: Option<Uuid>) -> String {
    id.map(|id| collection.name(id)).unwrap_or_default()
}

/// One step that moves a record on.
pub(crate) fn next(verb: &str, resource: &str, description: &str) -> pb::NextAction {
    pb::NextAction { verb: verb.to_owned(), resource: resource.to_owned(), description: description.to_owned() }
}

/// The id in a reference; a name that is none is a violation of its field.
pub(crate) fn reference(
    collection: names::Collection,
    name: &str,
    field: &str,
    wrong: &mut Vec<Violation>,
) -> Option<Uuid> {
    collection.parse_optional(name).unwrap_or_else(|bad| {
        wrong.push(violation(field, bad.to_string()));
        None
    })
}

/// A day that may be absent.
pub(crate) fn date(given: Option<&Date>, field: &str, wrong: &mut Vec<Violation>) -> Option<NaiveDate> {
    let day = given.map(convert::date_of)?;
    day.map_err(|bad| wrong.push(violation(field, bad.to_string()))).ok()
}

/// The quantities that a caller asks for, line by line.
pub(crate) fn asked(lines: &[LineQuantity]) -> Result<Vec<Asked>, Error> {
    let mut wrong = Vec::new();
    let asked = lines.iter().enumerate().map(|(index, line)| {
        let given = line.quantity.clone().unwrap_or_default();
        let quantity = quantity(&given)
            .map_err(|expected| wrong.push(violation(format!("lines[{index}].quantity"), expected)))
            .unwrap_or_default();
        Asked { line: line.line_id.clone(), quantity }
    });
    let asked = asked.collect();
    if wrong.is_empty() { Ok(asked) } else { Err(Error::Fields(wrong)) }
}

/// Days to the due day: as said, by the terms of payment, else 30.
pub(crate) fn payment_days(given: i32, named: Option<&terms::Model>) -> i32 {
    match (given, named) {
        (0, Some(terms)) => terms.net_days,
        (0, None) => PAYMENT_DAYS,
        (days, _) => days,
    }
}

/// What the document says of its terms itself, else what they say.
pub(crate) fn words(given: String, named: Option<&terms::Model>) -> String {
    match named {
        Some(terms) if given.is_empty() => terms.text.clone(),
        _ => given,
    }
}

/// What was found; a field that cannot be meant is told together with what else is wrong.
pub(crate) fn told<T>(found: Result<T, Error>, wrong: &mut Vec<Violation>) -> Result<Option<T>, Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::Fields(fields)) => {
            wrong.extend(fields);
            Ok(None)
        }
        Err(other) => Err(other),
    }
}
