//! Quotes, contracts, orders and invoices.

use dealflow_proto::orders::v1::{Contract, Invoice, Order, Quote};
use dealflow_proto::types::v1::{Adjustment, Line, Totals, Vat};
use serde_json::{Value, json};

use super::*;

/// Totals of a document.
pub fn totals(totals: Option<&Totals>) -> Value {
    totals.map_or(Value::Null, |totals| {
        json!({
            "net": money(totals.total_without_vat.as_ref()),
            "vat": money(totals.total_vat.as_ref()),
            "gross": money(totals.total_with_vat.as_ref()),
            "payable": money(totals.payable.as_ref()),
        })
    })
}

/// A line of a document.
pub fn line(line: &Line) -> Value {
    let number = |value: &Option<type_::Decimal>| value.as_ref().map_or(Value::Null, |it| json!(it.value));
    json!({
        "line_id": line.line_id,
        "product": text(&line.product),
        "description": line.description,
        "quantity": number(&line.quantity),
        "unit_code": line.unit_code,
        "unit_price": money(line.unit_price.as_ref()),
        "discount_percent": number(&line.discount_percent),
        "vat": line.vat.as_ref().map(vat),
        "allowances": list(&line.allowances, adjustment),
        "charges": list(&line.charges, adjustment),
        "net": money(line.net.as_ref()),
    })
}

/// A VAT category with its rate.
fn vat(vat: &Vat) -> Value {
    json!({
        "category": text(word(vat.category().as_str_name(), "VAT_CATEGORY_")),
        "rate": vat.rate.as_ref().map(|rate| rate.value.as_str()),
    })
}

/// What is taken off or added.
pub fn adjustment(adjustment: &Adjustment) -> Value {
    json!({
        "amount": money(adjustment.amount.as_ref()),
        "percent": adjustment.percent.as_ref().map(|percent| percent.value.as_str()),
        "reason": text(&adjustment.reason),
        "reason_code": text(&adjustment.reason_code),
        "vat": adjustment.vat.as_ref().map(vat),
        "total": money(adjustment.total.as_ref()),
    })
}

/// A quote.
pub fn quote(quote: &Quote) -> Value {
    json!({
        "name": quote.name,
        "number": quote.number,
        "revision": quote.revision,
        "state": word(quote.state().as_str_name(), "STATE_"),
        "close_reason": text(word(quote.close_reason().as_str_name(), "CLOSE_REASON_")),
        "valid_until_date": date(quote.valid_until_date.as_ref()),
        "totals": totals(quote.totals.as_ref()),
        "order": text(&quote.order),
    })
}

/// A contract.
pub fn contract(contract: &Contract) -> Value {
    json!({
        "name": contract.name,
        "number": contract.number,
        "state": word(contract.state().as_str_name(), "STATE_"),
        "title": contract.title,
        "version": contract.version,
        "start_date": date(contract.start_date.as_ref()),
        "end_date": date(contract.end_date.as_ref()),
        "signatories": contract.signatories,
        "documents_complete": contract.documents_complete,
        "signed_date": date(contract.signed_date.as_ref()),
    })
}

/// An order.
pub fn order(order: &Order) -> Value {
    json!({
        "name": order.name,
        "number": order.number,
        "state": word(order.state().as_str_name(), "STATE_"),
        "opportunity": text(&order.opportunity),
        "account": text(&order.account),
        "order_date": date(order.order_date.as_ref()),
        "hold_reason": text(&order.hold_reason),
        "payment": word(order.payment().as_str_name(), "PROGRESS_"),
        "fulfilment": word(order.fulfilment().as_str_name(), "PROGRESS_"),
        "billing": word(order.billing().as_str_name(), "PROGRESS_"),
        "totals": totals(order.totals.as_ref()),
        "erp_refusal": text(&order.erp_refusal),
        "revision": order.revision,
        "customer_reference": text(&order.customer_reference),
    })
}

/// An invoice.
pub fn invoice(invoice: &Invoice) -> Value {
    json!({
        "name": invoice.name,
        "number": text(&invoice.number),
        "state": word(invoice.state().as_str_name(), "STATE_"),
        "order": invoice.order,
        "issue_date": date(invoice.issue_date.as_ref()),
        "due_date": date(invoice.due_date.as_ref()),
        "payment_status": text(word(invoice.payment_status().as_str_name(), "PAYMENT_STATUS_")),
        "overdue": invoice.overdue,
        "paid": money(invoice.paid.as_ref()),
        "credited": money(invoice.credited.as_ref()),
        "open": money(invoice.open.as_ref()),
        "totals": totals(invoice.totals.as_ref()),
    })
}
