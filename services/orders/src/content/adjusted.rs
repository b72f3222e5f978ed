//! Allowances and charges as a caller wrote them, with everything that is wrong with them told at once.

use dealflow_money::{Amount, Currency, is_allowance_reason, is_charge_reason};
use dealflow_proto::convert;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::google::type_::Money;
use dealflow_proto::types::v1 as pb;
use rust_decimal::Decimal;

use super::Wrong;
use crate::adjustment::{Adjustment, Adjustments};
use crate::error::violation;
use crate::wire;

/// Nobody charges more than this many times over.
const MOST_CHARGED: Decimal = Decimal::from_parts(100_000, 0, 0, false, 0);

/// What allowances and charges stand on.
#[derive(Clone, Copy)]
pub(super) enum On {
    /// The whole: they may name their VAT.
    Document,
    /// A line that sells.
    Line,
    /// A line that takes back: amounts may be below zero.
    Return,
}

/// Reads both lists; `currency` is the document's.
pub(super) fn read(
    (allowances, charges): (&[pb::Adjustment], &[pb::Adjustment]),
    (at, on): (&str, On),
    currency: &str,
    wrong: &mut Wrong,
) -> Adjustments {
    let mut read = |given: &[pb::Adjustment], list: &str, charge: bool| -> Vec<Adjustment> {
        let given = given.iter().enumerate();
        given
            .filter_map(|(index, one)| one_of(one, (charge, on), &format!("{at}{list}[{index}]"), currency, wrong))
            .collect()
    };
    Adjustments { allowances: read(allowances, "allowances", false), charges: read(charges, "charges", true) }
}

fn one_of(
    given: &pb::Adjustment,
    (charge, on): (bool, On),
    at: &str,
    currency: &str,
    wrong: &mut Wrong,
) -> Option<Adjustment> {
    let before = wrong.fields.len();
    if given.reason.trim().is_empty() {
        wrong.field(violation(format!("{at}.reason"), "why, in words (BR-33, BR-38, BR-42, BR-44)"));
    }
    let known = if charge { is_charge_reason(&given.reason_code) } else { is_allowance_reason(&given.reason_code) };
    if !known && !given.reason_code.is_empty() {
        let list = if charge { "a code of UNTDID 7161, or none" } else { "a code of UNTDID 5189, or none" };
        wrong.field(violation(format!("{at}.reason_code"), list));
    }
    let vat = match (&given.vat, on) {
        (None, _) => None,
        (Some(vat), On::Document) => {
            wire::vat_of(vat).map_err(|bad| wrong.field(violation(format!("{at}.{}", bad.field), bad.description))).ok()
        }
        (Some(_), _) => {
            wrong.field(violation(format!("{at}.vat"), "nothing: what stands on a line falls under the line's VAT"));
            None
        }
    };
    let amount = match (&given.amount, &given.percent) {
        (Some(amount), None) => fixed(amount, on, at, currency, wrong),
        (None, Some(percent)) => percentage(percent, charge, at, wrong),
        (Some(_), Some(_)) => {
            wrong.field(violation(format!("{at}.percent"), "an amount or a percentage, one of the two"));
            None
        }
        (None, None) => {
            wrong.field(violation(format!("{at}.amount"), "an amount or a percentage"));
            None
        }
    };
    let reason = given.reason.trim().to_owned();
    let read = amount.map(|amount| Adjustment { amount, reason, code: given.reason_code.clone(), vat });
    read.filter(|_| wrong.fields.len() == before)
}

fn fixed(given: &Money, on: On, at: &str, currency: &str, wrong: &mut Wrong) -> Option<Amount> {
    let at = format!("{at}.amount");
    let amount = match convert::decimal_of(given) {
        Ok(amount) => amount,
        Err(cause) => {
            wrong.field(violation(at, cause.to_string()));
            return None;
        }
    };
    if given.currency_code != currency {
        wrong.field(violation(at, format!("in {currency}, as the document is")));
        return None;
    }
    // A currency that is none is told of at its own field.
    let places = Currency::parse(currency).ok()?.exponent();
    if amount.normalize().scale() > places {
        wrong.priced(ErrorReason::Precision, violation(at, format!("at most {places} decimals")));
        return None;
    }
    if amount < Decimal::ZERO && !matches!(on, On::Return) || amount.is_zero() {
        let allowed = match on {
            On::Return => "not 0",
            On::Document | On::Line => "above 0: an allowance takes off, a charge adds",
        };
        wrong.field(violation(at, allowed));
        return None;
    }
    Some(Amount::Fixed(amount))
}

fn percentage(
    given: &dealflow_proto::google::type_::Decimal,
    charge: bool,
    at: &str,
    wrong: &mut Wrong,
) -> Option<Amount> {
    let at = format!("{at}.percent");
    let most = if charge { MOST_CHARGED } else { Decimal::ONE_HUNDRED };
    match convert::decimal_from(given) {
        Ok(percent) if percent > Decimal::ZERO && percent <= most => Some(Amount::Percent(percent.normalize())),
        Ok(_) => {
            let allowed = format!("above 0, at most {most} per cent");
            wrong.priced(ErrorReason::DiscountOutOfRange, violation(at, allowed));
            None
        }
        Err(cause) => {
            wrong.field(violation(at, cause.to_string()));
            None
        }
    }
}
