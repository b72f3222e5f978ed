//! The totals of a document, step by step (erp-handoff §2). Sums run in 128 bits and are narrowed
//! once, so that neither the result nor a refusal depends on the order of the lines.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::{
    Adjustment, AdjustmentTotals, Amount, Currency, DocumentAdjustment, DocumentInput, LineInput, LineTotals, Money,
    MoneyError, Totals, Vat, VatGroup, VatShare, allocate,
    amount::percent_of,
    check::check,
    exact::{fit, round_ratio},
    to_minor,
};

/// Amounts by VAT group. Sorted, so that groups and left-over cents never depend on line order.
type ByVat = BTreeMap<Vat, i128>;

/// Computes all totals of a document, or refuses it and names the field.
///
/// A document without lines has zero totals; whether it may be confirmed is its owner's rule.
///
/// # Errors
/// [`MoneyError::Refused`] and [`MoneyError::TooManyDecimals`] for fields of the input,
/// [`MoneyError::Unsplittable`] for an adjustment without VAT over lines that sum to zero,
/// [`MoneyError::Overflow`] for a result that does not fit.
pub fn compute(document: &DocumentInput) -> Result<Totals, MoneyError> {
    check(document)?;
    let currency = document.currency;
    let lines = line_totals(document)?;
    let sum_of_lines = sum("sum_of_lines", lines.iter().map(|line| line.net))?;
    let line_groups = group_lines(&document.lines, &lines);

    let adjusted = |kind, given| adjustments(kind, given, currency, sum_of_lines, &line_groups);
    let allowance_details = adjusted("allowances", &document.allowances)?;
    let charge_details = adjusted("charges", &document.charges)?;
    let allowances = sum("allowances", amounts(&allowance_details))?;
    let charges = sum("charges", amounts(&charge_details))?;

    let vat = tax(&taxable(line_groups, &allowance_details, &charge_details))?;
    let total_vat = sum("total_vat", vat.iter().map(|group| group.tax))?;
    let prepaid = agreed(document.prepaid, currency, "prepaid")?;
    let rounding = agreed(document.rounding, currency, "rounding")?;

    // Each from what was rounded, in full width: only the result itself has to fit.
    let without_vat = i128::from(sum_of_lines) - i128::from(allowances) + i128::from(charges);
    let with_vat = without_vat + i128::from(total_vat);
    let payable = with_vat - i128::from(prepaid) + i128::from(rounding);
    Ok(Totals {
        currency,
        lines,
        sum_of_lines,
        allowances,
        charges,
        allowance_details,
        charge_details,
        total_without_vat: narrow("total_without_vat", without_vat)?,
        vat,
        total_vat,
        total_with_vat: narrow("total_with_vat", with_vat)?,
        prepaid,
        rounding,
        payable: narrow("payable", payable)?,
    })
}

fn line_totals(document: &DocumentInput) -> Result<Vec<LineTotals>, MoneyError> {
    let lines = document.lines.iter().enumerate();
    lines.map(|(index, line)| line_total(line, document.currency, &format!("lines[{index}]"))).collect()
}

/// Line net = round(quantity × price ÷ base quantity) − Σ round(allowances) + Σ round(charges).
fn line_total(line: &LineInput, currency: Currency, place: &str) -> Result<LineTotals, MoneyError> {
    let gross = round_ratio(&[line.quantity, line.unit_price], &[line.base_quantity], currency.exponent())
        .ok_or_else(|| MoneyError::overflow(format!("{place}.gross")))?;
    let in_money = |kind: &str, given: &[Adjustment]| -> Result<Vec<i64>, MoneyError> {
        let given = given.iter().enumerate();
        given
            .map(|(index, adjustment)| {
                let place = format!("{place}.{kind}[{index}].amount");
                amount_of(adjustment.amount, gross, currency, &place)
            })
            .collect()
    };
    let allowances = in_money("allowances", &line.allowances)?;
    let charges = in_money("charges", &line.charges)?;
    let net = i128::from(gross) - wide_sum(allowances.iter().copied()) + wide_sum(charges.iter().copied());
    Ok(LineTotals { id: line.id.clone(), gross, allowances, charges, net: narrow(&format!("{place}.net"), net)? })
}

/// An allowance or charge in money, rounded once.
fn amount_of(amount: Amount, base: i64, currency: Currency, place: &str) -> Result<i64, MoneyError> {
    match amount {
        Amount::Fixed(value) => to_minor(value, currency).map_err(|error| error.at(place)),
        Amount::Percent(percent) => percent_of(base, percent).ok_or_else(|| MoneyError::overflow(place)),
    }
}

fn group_lines(lines: &[LineInput], totals: &[LineTotals]) -> ByVat {
    let mut groups = ByVat::new();
    for (line, total) in lines.iter().zip(totals) {
        *groups.entry(line.vat).or_default() += i128::from(total.net);
    }
    groups
}

/// Each document allowance (or charge) in money, with the share of each VAT group.
fn adjustments(
    kind: &str,
    given: &[DocumentAdjustment],
    currency: Currency,
    sum_of_lines: i64,
    line_groups: &ByVat,
) -> Result<Vec<AdjustmentTotals>, MoneyError> {
    let given = given.iter().enumerate();
    given
        .map(|(index, adjustment)| {
            let place = format!("{kind}[{index}].amount");
            let amount = amount_of(adjustment.amount, sum_of_lines, currency, &place)?;
            let shares = match adjustment.vat {
                Some(vat) => vec![share(&vat, amount)],
                None => split(amount, line_groups, &place)?,
            };
            Ok(AdjustmentTotals { amount, shares })
        })
        .collect()
}

/// Splits over the VAT groups in proportion to their lines, by largest remainder.
fn split(amount: i64, line_groups: &ByVat, place: &str) -> Result<Vec<VatShare>, MoneyError> {
    let weights = line_groups.values().map(|weight| narrow(place, *weight)).collect::<Result<Vec<_>, _>>()?;
    let shares = allocate(amount, &weights).map_err(|error| error.at(place))?;
    Ok(line_groups
        .keys()
        .zip(shares)
        .filter(|(_, amount)| *amount != 0)
        .map(|(vat, amount)| share(vat, amount))
        .collect())
}

fn share(vat: &Vat, amount: i64) -> VatShare {
    VatShare { category: vat.category, rate: vat.rate.normalize(), amount }
}

/// The base of each VAT group: its lines − allowances + charges. A header discount is inside it.
fn taxable(line_groups: ByVat, allowances: &[AdjustmentTotals], charges: &[AdjustmentTotals]) -> ByVat {
    let mut bases = line_groups;
    for (adjustments, sign) in [(allowances, -1), (charges, 1)] {
        for share in adjustments.iter().flat_map(|given| &given.shares) {
            let vat = Vat::new(share.category, share.rate);
            *bases.entry(vat).or_default() += sign * i128::from(share.amount);
        }
    }
    bases
}

/// BR-CO-17: one rounding for each group, never for each line.
fn tax(bases: &ByVat) -> Result<Vec<VatGroup>, MoneyError> {
    let bases = bases.iter().enumerate();
    bases
        .map(|(index, (vat, base))| {
            let taxable = narrow(&format!("vat[{index}].taxable"), *base)?;
            let tax = percent_of(taxable, vat.rate).ok_or_else(|| MoneyError::overflow(format!("vat[{index}].tax")))?;
            Ok(VatGroup { category: vat.category, rate: vat.rate.normalize(), taxable, tax })
        })
        .collect()
}

/// An amount that was agreed or paid, and is therefore not ours to round.
fn agreed(value: Decimal, currency: Currency, field: &str) -> Result<i64, MoneyError> {
    Money::from_decimal(value, currency).map(|money| money.minor).map_err(|error| error.at(field))
}

fn amounts(adjustments: &[AdjustmentTotals]) -> impl Iterator<Item = i64> {
    adjustments.iter().map(|adjustment| adjustment.amount)
}

fn sum(field: &str, amounts: impl Iterator<Item = i64>) -> Result<i64, MoneyError> {
    narrow(field, wide_sum(amounts))
}

/// Fewer than 2^64 amounts of 64 bits cannot leave 128 bits.
fn wide_sum(amounts: impl Iterator<Item = i64>) -> i128 {
    amounts.map(i128::from).sum()
}

fn narrow(field: &str, wide: i128) -> Result<i64, MoneyError> {
    fit(wide).ok_or_else(|| MoneyError::overflow(field))
}
