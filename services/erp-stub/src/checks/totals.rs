//! Whether the amounts follow from the lines: recomputed, with tolerance 0.

use dealflow_money::{
    Adjustment, Amount, Currency, Difference, DocumentAdjustment, DocumentInput, LineInput, LineTotals, Money, Totals,
    Vat, VatCategory, VatGroup, compute,
};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{Document, Reason};
use dealflow_proto::google::type_;
use dealflow_proto::types::v1 as wire;

use super::{Unreadable, number, reason};
use crate::adjustments;

/// Recomputes the totals from the lines, and lists every amount in which the document differs: tolerance 0.
pub fn totals(document: &Document) -> Result<(Totals, Vec<Reason>), Unreadable> {
    let computed = compute(&input(document)?)?;
    let claimed = claimed(document, &computed)?;
    let differences = computed.differences(&claimed).into_iter();
    let reasons = differences.map(|difference| mismatch(&computed, difference)).collect();
    Ok((computed, reasons))
}

/// Where VAT that is rounded on each line differs from what the document says: what an ERP of that kind expects.
pub fn line_vat(document: &Document, computed: &Totals) -> Result<Vec<Reason>, Unreadable> {
    let mut expected = 0_i64;
    for (line, totals) in document.lines.iter().zip(&computed.lines) {
        expected += share_of(totals.net, vat(line.vat.as_ref())?, computed.currency)?;
    }
    for (details, sign) in [(&computed.allowance_details, -1), (&computed.charge_details, 1)] {
        for share in details.iter().flat_map(|detail| &detail.shares) {
            let key = Vat { category: share.category, rate: share.rate };
            expected += sign * share_of(share.amount, key, computed.currency)?;
        }
    }
    if expected == computed.total_vat {
        return Ok(Vec::new());
    }
    Ok(vec![Reason {
        rule: "LINE-VAT".to_owned(),
        expected: computed.money(expected).to_string(),
        actual: computed.money(computed.total_vat).to_string(),
        ..reason(
            "TOTALS_MISMATCH",
            "totals.total_vat",
            "this ERP rounds VAT on each line",
            "set the ERP to round VAT by category and rate, as EN 16931 asks",
        )
    }])
}

fn share_of(net: i64, vat: Vat, currency: Currency) -> Result<i64, Unreadable> {
    Ok(Money { minor: net, currency }.percent(vat.rate)?.minor)
}

fn input(document: &Document) -> Result<DocumentInput, Unreadable> {
    let currency = Currency::parse(&document.currency_code)?;
    let lines = document.lines.iter().map(line).collect::<Result<Vec<_>, _>>()?;
    let mut input = DocumentInput::new(currency, lines);
    // What is agreed and not computed: the document's own word counts.
    let agreed = document.totals.as_ref();
    let amount = |said: Option<&type_::Money>| said.map(convert::decimal_of).transpose();
    input.prepaid = amount(agreed.and_then(|totals| totals.prepaid.as_ref()))?.unwrap_or_default();
    input.rounding = amount(agreed.and_then(|totals| totals.rounding.as_ref()))?.unwrap_or_default();
    input.allowances = adjustments::of_whole(&document.allowances)?;
    input.charges = adjustments::of_whole(&document.charges)?;
    if let Some(discount) = &document.discount_percent {
        let percent = convert::decimal_from(discount)?;
        if !percent.is_zero() {
            let amount = Amount::Percent(percent);
            input.allowances.push(DocumentAdjustment { amount, reason: "Discount".to_owned(), vat: None });
        }
    }
    Ok(input)
}

fn line(line: &wire::Line) -> Result<LineInput, Unreadable> {
    let price = line.unit_price.as_ref().ok_or(Unreadable::Absent("unit_price"))?;
    let quantity = number(line.quantity.as_ref(), "quantity")?;
    let mut input =
        LineInput::new(line.line_id.clone(), quantity, convert::decimal_of(price)?, vat(line.vat.as_ref())?);
    input.allowances = adjustments::of_line(&line.allowances)?;
    input.charges = adjustments::of_line(&line.charges)?;
    if let Some(discount) = &line.discount_percent {
        let percent = convert::decimal_from(discount)?;
        if !percent.is_zero() {
            input.allowances.push(Adjustment { amount: Amount::Percent(percent), reason: "Discount".to_owned() });
        }
    }
    Ok(input)
}

/// A VAT category with its rate.
pub(crate) fn vat(vat: Option<&wire::Vat>) -> Result<Vat, Unreadable> {
    let vat = vat.ok_or(Unreadable::Absent("vat"))?;
    let rate = vat.rate.as_ref().map(convert::decimal_from).transpose()?.unwrap_or_default();
    let category = match vat.category() {
        wire::VatCategory::Unspecified => return Err(Unreadable::Absent("vat.category")),
        wire::VatCategory::Standard => VatCategory::S,
        wire::VatCategory::Zero => VatCategory::Z,
        wire::VatCategory::Exempt => VatCategory::E,
        wire::VatCategory::ReverseCharge => VatCategory::AE,
        wire::VatCategory::IntraCommunity => VatCategory::K,
        wire::VatCategory::Export => VatCategory::G,
        wire::VatCategory::OutsideScope => VatCategory::O,
        wire::VatCategory::CanaryIslands => VatCategory::L,
        wire::VatCategory::CeutaMelilla => VatCategory::M,
    };
    Ok(Vat::new(category, rate))
}

/// The totals as the document claims them; what it does not say (the split of a discount) is taken as computed.
fn claimed(document: &Document, computed: &Totals) -> Result<Totals, Unreadable> {
    let currency = Currency::parse(&document.currency_code)?;
    let minor = |amount: &Option<type_::Money>, field: &'static str| -> Result<i64, Unreadable> {
        let amount = amount.as_ref().ok_or(Unreadable::Absent(field))?;
        Ok(Money::from_units_nanos(amount.units, amount.nanos, Currency::parse(&amount.currency_code)?)?.minor)
    };
    let optional = |amount: &Option<type_::Money>, field| {
        if amount.is_some() { minor(amount, field) } else { Ok(0) }
    };
    let totals = document.totals.as_ref().ok_or(Unreadable::Absent("totals"))?;
    let mut lines = Vec::with_capacity(document.lines.len());
    for line in &document.lines {
        let net = minor(&line.net, "lines.net")?;
        lines.push(LineTotals { id: line.line_id.clone(), gross: net, allowances: vec![], charges: vec![], net });
    }
    let mut groups = Vec::with_capacity(totals.vat.len());
    for group in &totals.vat {
        let key = vat(group.vat.as_ref())?;
        let (taxable, tax) = (minor(&group.taxable, "totals.vat.taxable")?, minor(&group.tax, "totals.vat.tax")?);
        groups.push(VatGroup { category: key.category, rate: key.rate, taxable, tax });
    }
    Ok(Totals {
        currency,
        lines,
        sum_of_lines: minor(&totals.sum_of_lines, "totals.sum_of_lines")?,
        allowances: optional(&totals.allowances, "totals.allowances")?,
        charges: optional(&totals.charges, "totals.charges")?,
        allowance_details: computed.allowance_details.clone(),
        charge_details: computed.charge_details.clone(),
        total_without_vat: minor(&totals.total_without_vat, "totals.total_without_vat")?,
        vat: groups,
        total_vat: minor(&totals.total_vat, "totals.total_vat")?,
        total_with_vat: minor(&totals.total_with_vat, "totals.total_with_vat")?,
        prepaid: optional(&totals.prepaid, "totals.prepaid")?,
        rounding: optional(&totals.rounding, "totals.rounding")?,
        payable: minor(&totals.payable, "totals.payable")?,
    })
}

fn mismatch(totals: &Totals, difference: Difference) -> Reason {
    let show = |minor: Option<i64>| minor.map_or_else(|| "nothing".to_owned(), |minor| totals.money(minor).to_string());
    Reason {
        rule: difference.rule.to_owned(),
        expected: show(difference.expected),
        actual: show(difference.actual),
        ..reason(
            "TOTALS_MISMATCH",
            &difference.field,
            format!("{} does not follow from the lines", difference.field),
            "send the totals that the rounding rule gives",
        )
    }
}
