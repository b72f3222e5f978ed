//! What an ERP finds wrong with a document: reasons that are data (code, rule, field, expected, actual, what to do).

use std::collections::BTreeMap;

use dealflow_money::{
    Adjustment, Amount, Currency, Difference, DocumentAdjustment, DocumentInput, LineInput, LineTotals, Money,
    MoneyError, Totals, Vat, VatCategory, VatGroup, compute,
};
use dealflow_proto::convert::{self, ConvertError};
use dealflow_proto::erp::v1::{Document, DocumentType, Reason};
use dealflow_proto::google::type_;
use dealflow_proto::types::v1 as wire;
use rust_decimal::Decimal;

use crate::adjustments;

/// Why a document cannot even be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// A value of the wire that is none.
    #[error("{0}")]
    Value(#[from] ConvertError),
    /// A value that no document may hold.
    #[error("{0}")]
    Money(#[from] MoneyError),
    /// Something that must be there is not.
    #[error("{0} is missing")]
    Absent(&'static str),
}

/// Recomputes the totals from the lines, and lists every amount in which the document differs: tolerance 0.
pub fn totals(document: &Document) -> Result<(Totals, Vec<Reason>), Unreadable> {
    let computed = compute(&input(document)?)?;
    let claimed = claimed(document, &computed)?;
    let differences = computed.differences(&claimed).into_iter();
    let reasons = differences.map(|difference| mismatch(&computed, difference)).collect();
    Ok((computed, reasons))
}

/// What an invoice bills beyond its order, given the invoices that are booked already.
pub fn over_invoiced(order: &Document, booked: &[Document], invoice: &Document) -> Result<Vec<Reason>, Unreadable> {
    let ordered = quantities([order])?;
    let billed = quantities(booked.iter())?;
    let mut reasons = Vec::new();
    for (line, quantity) in quantities([invoice])? {
        let left = ordered.get(&line).copied().unwrap_or_default() - billed.get(&line).copied().unwrap_or_default();
        if quantity.abs() > left.abs() {
            reasons.push(Reason {
                code: "OVER_INVOICED".to_owned(),
                field: "lines.quantity".to_owned(),
                line_id: line,
                expected: format!("at most {left}"),
                actual: quantity.to_string(),
                message: "the invoice bills more than is ordered and not yet billed".to_owned(),
                action: "bill what is left, or order more first".to_owned(),
                ..Reason::default()
            });
        }
    }
    Ok(reasons)
}

/// Reasons that need no arithmetic: what must be there and is not.
pub fn master_data(document: &Document) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut missing = |field: &str, action: &str| {
        reasons.push(Reason {
            code: "REF".to_owned(),
            field: field.to_owned(),
            message: format!("{field} is missing"),
            action: action.to_owned(),
            ..Reason::default()
        });
    };
    if document.number.is_empty() {
        missing("number", "give the document its number before it is handed over");
    }
    if document.lines.is_empty() {
        missing("lines", "a document has at least one line");
    }
    if document.issue_date.is_none() {
        missing("issue_date", "give the day of the document");
    }
    if document.r#type() == DocumentType::Invoice && document.order_external_id.is_empty() {
        missing("order_external_id", "name the order that the invoice bills");
    }
    reasons
}

fn quantities<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Result<BTreeMap<String, Decimal>, Unreadable> {
    let mut sums = BTreeMap::new();
    for line in documents.into_iter().flat_map(|document| &document.lines) {
        *sums.entry(line.line_id.clone()).or_insert(Decimal::ZERO) += number(line.quantity.as_ref(), "quantity")?;
    }
    Ok(sums)
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

fn number(value: Option<&type_::Decimal>, field: &'static str) -> Result<Decimal, Unreadable> {
    Ok(convert::decimal_from(value.ok_or(Unreadable::Absent(field))?)?)
}

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
        code: "TOTALS_MISMATCH".to_owned(),
        rule: difference.rule.to_owned(),
        expected: show(difference.expected),
        actual: show(difference.actual),
        message: format!("{} does not follow from the lines", difference.field),
        action: "send the totals that the rounding rule gives".to_owned(),
        field: difference.field,
        ..Reason::default()
    }
}
