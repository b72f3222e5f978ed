//! Whether the ERP knows what a document names: customer, item, unit, tax code, currency, an open period; and whether the
//! customer may owe so much.

use dealflow_money::{Currency, Money, Vat, is_unit};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{Document, DocumentType, MasterData, Reason};

use super::reason;
use super::totals::vat;

/// Who a document's customer is in the ERP: the account, else the VAT id, else the name.
pub fn buyer(document: &Document) -> String {
    let Some(buyer) = &document.buyer else { return String::new() };
    let known = [&buyer.account, &buyer.vat_id, &buyer.legal_name].into_iter().find(|it| !it.is_empty());
    known.cloned().unwrap_or_default()
}

/// What is missing, and what the ERP does not know.
pub fn unknown(document: &Document, known: &MasterData) -> Vec<Reason> {
    let mut reasons = missing(document);
    if document.r#type() == DocumentType::OrderCancellation {
        return reasons;
    }
    if !reasons.is_empty() {
        return reasons;
    }
    customer(document, known, &mut reasons);
    lines(document, known, &mut reasons);
    if Currency::parse(&document.currency_code).is_err() || !knows(&known.currencies, &document.currency_code) {
        let message = "the ERP keeps no books in this currency";
        let action = "open the currency in the ERP, and replay";
        reasons
            .push(Reason { actual: document.currency_code.clone(), ..reason("FIN", "currency_code", message, action) });
    }
    period(document, known, &mut reasons);
    reasons
}

/// What the customer would owe too much by an order, given what it owes already.
pub fn credit_limit(document: &Document, owes: Money, adds: i64, known: &MasterData) -> Vec<Reason> {
    let Some(limit) = &known.credit_limit else { return Vec::new() };
    let Ok(currency) = Currency::parse(&limit.currency_code) else { return Vec::new() };
    let Ok(limit) = Money::from_units_nanos(limit.units, limit.nanos, currency) else { return Vec::new() };
    let would = i128::from(owes.minor) + i128::from(adds);
    if document.currency_code != currency.code() || would <= i128::from(limit.minor) {
        return Vec::new();
    }
    let left = Money { minor: limit.minor.saturating_sub(owes.minor).max(0), currency };
    vec![Reason {
        expected: format!("at most {left}"),
        actual: Money { minor: adds, currency }.to_string(),
        ..reason(
            "CREDIT_LIMIT",
            "totals.total_with_vat",
            format!("the customer may owe {limit}, and owes {owes}"),
            "raise the limit in the ERP or wait for payment, and replay",
        )
    }]
}

fn missing(document: &Document) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut absent = |absent: bool, field: &str, action: &str| {
        if absent {
            reasons.push(reason("REF", field, format!("{field} is missing"), action));
        }
    };
    let kind = document.r#type();
    let cancels = kind == DocumentType::OrderCancellation;
    absent(document.number.is_empty(), "number", "give the document its number before it is handed over");
    absent(!cancels && document.lines.is_empty(), "lines", "a document has at least one line");
    absent(document.issue_date.is_none(), "issue_date", "give the day of the document");
    let of_order = kind != DocumentType::Order && document.order_external_id.is_empty();
    absent(of_order, "order_external_id", "name the order that the document belongs to");
    let of_invoice = kind == DocumentType::CreditNote && document.invoice_external_id.is_empty();
    absent(of_invoice, "invoice_external_id", "name the invoice that the credit note takes back");
    reasons
}

fn customer(document: &Document, known: &MasterData, reasons: &mut Vec<Reason>) {
    let vat_id = document.buyer.as_ref().map(|buyer| buyer.vat_id.clone()).unwrap_or_default();
    let buyer = buyer(document);
    if !knows(&known.customers, &buyer) && !knows(&known.customers, &vat_id) {
        let action = "open the customer in the ERP, and replay";
        reasons.push(Reason { actual: buyer, ..reason("REC", "buyer", "the ERP has no such customer", action) });
    }
}

fn lines(document: &Document, known: &MasterData, reasons: &mut Vec<Reason>) {
    for line in &document.lines {
        let mut unknown = |code: &str, field: &str, actual: &str, message: &str, action: &str| {
            reasons.push(Reason {
                line_id: line.line_id.clone(),
                actual: actual.to_owned(),
                ..reason(code, field, message, action)
            });
        };
        if !line.product.is_empty() && !knows(&known.items, &line.product) {
            let action = "open the item in the ERP, and replay";
            unknown("ITM", "lines.product", &line.product, "the ERP has no such item", action);
        }
        // A line without a unit counts pieces.
        if !line.unit_code.is_empty() && (!is_unit(&line.unit_code) || !knows(&known.units, &line.unit_code)) {
            let action = "map the unit to one that the ERP knows";
            unknown("QUA", "lines.unit_code", &line.unit_code, "the ERP does not know the unit", action);
        }
        let Ok(vat) = vat(line.vat.as_ref()) else { continue };
        let code = tax_code(vat);
        if !knows(&known.tax_codes, &code) {
            let action = "map the VAT category and rate to a tax code of the ERP";
            unknown("BV", "lines.vat", &code, "the ERP has no tax code for this category and rate", action);
        }
        if vat.category.rate_must_be_zero() && !vat.rate.is_zero() {
            unknown("BV", "lines.vat.rate", &code, "the category has the rate 0 and no other", "correct the rate");
        }
    }
}

fn period(document: &Document, known: &MasterData, reasons: &mut Vec<Reason>) {
    let day = |date: &Option<_>| date.as_ref().and_then(|date| convert::date_of(date).ok());
    let (Some(closed), Some(issued)) = (day(&known.closed_until), day(&document.issue_date)) else { return };
    if issued <= closed {
        reasons.push(Reason {
            expected: format!("after {closed}"),
            actual: issued.to_string(),
            ..reason(
                "PERIOD_CLOSED",
                "issue_date",
                "the period is closed",
                "open the period in the ERP and replay, or issue the document in an open one",
            )
        });
    }
}

/// `S:20`.
fn tax_code(vat: Vat) -> String {
    format!("{}:{}", vat.category.code(), vat.rate.normalize())
}

fn knows(list: &[String], word: &str) -> bool {
    list.is_empty() || list.iter().any(|known| known == word)
}
