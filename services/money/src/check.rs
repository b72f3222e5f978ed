//! What no document may hold. Checked before anything is computed, so that a refusal names the
//! field that was filled in and not a total that came out odd.

use rust_decimal::Decimal;

use crate::{Adjustment, Amount, DocumentAdjustment, DocumentInput, LineInput, MoneyError, RateRule, Vat};

/// Refuses the first field that cannot be meant.
pub(crate) fn check(document: &DocumentInput) -> Result<(), MoneyError> {
    for (index, line) in document.lines.iter().enumerate() {
        check_line(line, &format!("lines[{index}]"))?;
    }
    check_document_adjustments(&document.allowances, "allowances", AT_MOST_ALL)?;
    check_document_adjustments(&document.charges, "charges", ANY_PERCENTAGE)
}

/// The percentages an adjustment may have, and how to say so.
type Percentages = (Decimal, &'static str);

/// Nobody can be allowed more than the whole.
const AT_MOST_ALL: Percentages = (Decimal::ONE_HUNDRED, "0 to 100 per cent; below 0 it is a charge");
const ANY_PERCENTAGE: Percentages = (Decimal::MAX, "0 per cent or more; below 0 it is an allowance");

fn check_line(line: &LineInput, place: &str) -> Result<(), MoneyError> {
    if below_zero(line.unit_price) {
        return Err(MoneyError::refused(
            format!("{place}.unit_price"),
            line.unit_price,
            "0 or more; a line that takes back has a negative quantity (BR-27)",
        ));
    }
    if line.base_quantity <= Decimal::ZERO {
        return Err(MoneyError::refused(format!("{place}.base_quantity"), line.base_quantity, "more than 0"));
    }
    check_vat(&line.vat, &format!("{place}.vat"))?;
    check_line_adjustments(&line.allowances, place, "allowances", AT_MOST_ALL)?;
    check_line_adjustments(&line.charges, place, "charges", ANY_PERCENTAGE)
}

fn check_line_adjustments(
    adjustments: &[Adjustment],
    place: &str,
    kind: &str,
    percentages: Percentages,
) -> Result<(), MoneyError> {
    for (index, adjustment) in adjustments.iter().enumerate() {
        let place = format!("{place}.{kind}[{index}]");
        check_amount(adjustment.amount, &place, percentages)?;
    }
    Ok(())
}

fn check_document_adjustments(
    adjustments: &[DocumentAdjustment],
    kind: &str,
    percentages: Percentages,
) -> Result<(), MoneyError> {
    for (index, adjustment) in adjustments.iter().enumerate() {
        let place = format!("{kind}[{index}]");
        check_amount(adjustment.amount, &place, percentages)?;
        if let Some(vat) = &adjustment.vat {
            check_vat(vat, &format!("{place}.vat"))?;
        }
    }
    Ok(())
}

fn check_amount(amount: Amount, place: &str, (most, allowed): Percentages) -> Result<(), MoneyError> {
    match amount {
        Amount::Percent(percent) if below_zero(percent) || percent > most => {
            Err(MoneyError::refused(format!("{place}.amount"), format!("{percent} %"), allowed))
        }
        Amount::Percent(_) | Amount::Fixed(_) => Ok(()),
    }
}

/// The rate fits its category: 0 % of one category is not 0 % of another.
fn check_vat(vat: &Vat, place: &str) -> Result<(), MoneyError> {
    let rate = vat.rate;
    let (accepted, allowed) = match vat.category.demands().rate {
        RateRule::Positive => (
            rate > Decimal::ZERO && rate <= Decimal::ONE_HUNDRED,
            "more than 0, at most 100 per cent; without tax the category is Z, E, AE, K, G or O",
        ),
        RateRule::ZeroOrMore => (!below_zero(rate) && rate <= Decimal::ONE_HUNDRED, "0 to 100 per cent"),
        RateRule::Zero | RateRule::Absent => {
            (rate.is_zero(), "0 per cent, for this category charges no tax; with tax it is S, L or M")
        }
    };
    if accepted {
        return Ok(());
    }
    Err(MoneyError::refused(format!("{place}.rate"), format!("{rate} % of category {}", vat.category), allowed))
}

/// A negative zero is zero.
fn below_zero(value: Decimal) -> bool {
    value < Decimal::ZERO
}
