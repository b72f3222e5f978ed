//! Allowances and charges as they go out, each with what it comes to; and amounts that are agreed about the whole.

use dealflow_money::{Amount, Currency};
use dealflow_proto::google::type_::Money as WireMoney;
use dealflow_proto::types::v1 as pb;
use dealflow_proto::{Violation, convert};
use rust_decimal::Decimal;

use super::{money, price, vat};
use crate::adjustment::{Adjustment, Adjustments};
use crate::document::{Line, Totals};
use crate::error::{Error, violation};
use crate::invoice::Settling;

/// The most that a rounding amount may be either way, in units of the currency.
const MOST_ROUNDED: Decimal = Decimal::from_parts(5, 0, 0, false, 0);

/// Both lists of a line.
pub(super) fn of_line(
    line: &Line,
    total: &dealflow_money::LineTotals,
    currency: Currency,
) -> Result<(Vec<pb::Adjustment>, Vec<pb::Adjustment>), Error> {
    let Adjustments { allowances, charges } = &line.adjustments;
    Ok((list(allowances, total.allowances.iter(), currency)?, list(charges, total.charges.iter(), currency)?))
}

/// Both lists of the whole.
pub(super) fn of_document(
    adjustments: Option<&Adjustments>,
    totals: &Totals,
) -> Result<(Vec<pb::Adjustment>, Vec<pb::Adjustment>), Error> {
    let Some(Adjustments { allowances, charges }) = adjustments else { return Ok(Default::default()) };
    let totals = &totals.0;
    let of = |details: &[dealflow_money::AdjustmentTotals]| details.iter().map(|it| it.amount).collect::<Vec<_>>();
    Ok((
        list(allowances, of(&totals.allowance_details).iter(), totals.currency)?,
        list(charges, of(&totals.charge_details).iter(), totals.currency)?,
    ))
}

fn list<'a>(
    given: &[Adjustment],
    amounts: impl Iterator<Item = &'a i64>,
    currency: Currency,
) -> Result<Vec<pb::Adjustment>, Error> {
    given.iter().zip(amounts).map(|(one, amount)| wire(one, *amount, currency)).collect()
}

fn wire(one: &Adjustment, minor: i64, currency: Currency) -> Result<pb::Adjustment, Error> {
    let (amount, percent) = match one.amount {
        Amount::Fixed(amount) => (Some(price(amount, currency.code())?), None),
        Amount::Percent(percent) => (None, Some(convert::decimal(percent))),
    };
    Ok(pb::Adjustment {
        amount,
        percent,
        reason: one.reason.clone(),
        reason_code: one.code.clone(),
        vat: one.vat.map(vat),
        total: Some(money(minor, currency)),
    })
}

/// Reads both, in the currency of the order.
pub(crate) fn settling(
    prepaid: Option<&WireMoney>,
    rounding: Option<&WireMoney>,
    currency: Currency,
) -> Result<Settling, Error> {
    let mut wrong = Vec::new();
    let settling = Settling {
        prepaid: amount(prepaid, "prepaid", currency, &mut wrong),
        rounding: amount(rounding, "rounding", currency, &mut wrong),
    };
    if settling.prepaid < Decimal::ZERO {
        wrong.push(violation("prepaid", "0 or more"));
    }
    if settling.rounding.abs() > MOST_ROUNDED {
        wrong.push(violation("rounding", format!("at most {MOST_ROUNDED} {currency} either way")));
    }
    if wrong.is_empty() { Ok(settling) } else { Err(Error::Fields(wrong)) }
}

fn amount(given: Option<&WireMoney>, field: &str, currency: Currency, wrong: &mut Vec<Violation>) -> Decimal {
    let Some(given) = given else { return Decimal::ZERO };
    let refusal = match convert::decimal_of(given) {
        Err(cause) => cause.to_string(),
        Ok(_) if given.currency_code != currency.code() => format!("in {currency}, as the order is"),
        Ok(amount) if amount.normalize().scale() > currency.exponent() => {
            format!("at most {} decimals", currency.exponent())
        }
        Ok(amount) => return amount,
    };
    wrong.push(violation(field, refusal));
    Decimal::ZERO
}
