//! What is in ERPNext's books, in our words.

use chrono::{NaiveDate, NaiveDateTime};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{BusinessStatus, DocumentType, ErpDocument, LineStatus, Outcome};
use dealflow_proto::google::type_::Money;
use rust_decimal::Decimal;
use serde_json::Value;
use tonic::Status;

use super::api::{Doctype, number, text, whole};
use super::mapping::Mapping;
use super::noted::Taken;
use super::{CANCELLED, EXTERNAL_ID, LINE_ID, SHA256, cancel};

/// The fields that a document is told by.
pub(super) const FIELDS_OF_ORDER: &[&str] = &[
    "name",
    "docstatus",
    EXTERNAL_ID,
    SHA256,
    "company",
    "currency",
    "transaction_date",
    "net_total",
    "total_taxes_and_charges",
    "grand_total",
    "per_delivered",
    "modified",
];

/// The same of an invoice or a credit note.
pub(super) const FIELDS_OF_INVOICE: &[&str] = &[
    "name",
    "docstatus",
    EXTERNAL_ID,
    SHA256,
    "company",
    "currency",
    "posting_date",
    "net_total",
    "total_taxes_and_charges",
    "grand_total",
    "is_return",
    "status",
    "modified",
];

/// A document that counts, or did: from a row of a list, or whole.
pub(super) fn document(doctype: Doctype, row: &Value, mapping: &Mapping) -> Result<ErpDocument, Status> {
    let returns = whole(row, "is_return") == 1;
    let kind = match doctype {
        Doctype::SalesInvoice if returns => DocumentType::CreditNote,
        Doctype::SalesInvoice => DocumentType::Invoice,
        _ => DocumentType::Order,
    };
    let dated = if doctype == Doctype::SalesInvoice { "posting_date" } else { "transaction_date" };
    // What a credit note gives back is positive with us.
    let sign = if returns { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
    let amount = |field| money(row, field, sign);
    Ok(ErpDocument {
        erp_number: text(row, "name").to_owned(),
        external_id: text(row, EXTERNAL_ID).to_owned(),
        r#type: kind.into(),
        outcome: Outcome::Accepted.into(),
        document_sha256: text(row, SHA256).to_owned(),
        currency_code: text(row, "currency").to_owned(),
        total_without_vat: Some(amount("net_total")?),
        total_vat: Some(amount("total_taxes_and_charges")?),
        total_with_vat: Some(amount("grand_total")?),
        status: status(kind, row).into(),
        sequence: sequence(row),
        lines: lines(kind, row),
        legal_entity: mapping.legal_entity(text(row, "company")).to_owned(),
        issue_date: date(row, dated),
        ..ErpDocument::default()
    })
}

/// A cancellation: the order that was taken back, by the id that took it. It has no amounts.
pub(super) fn cancellation(row: &Value, mapping: &Mapping) -> Result<ErpDocument, Status> {
    let order = text(row, EXTERNAL_ID).to_owned();
    let zero = convert::money(Decimal::ZERO, text(row, "currency")).map_err(|error| strange(row, error))?;
    Ok(ErpDocument {
        external_id: text(row, cancel::CANCELLATION).to_owned(),
        r#type: DocumentType::OrderCancellation.into(),
        document_sha256: text(row, cancel::CANCELLATION_SHA256).to_owned(),
        total_without_vat: Some(zero.clone()),
        total_vat: Some(zero.clone()),
        total_with_vat: Some(zero),
        erp_number: text(row, "name").to_owned(),
        outcome: Outcome::Accepted.into(),
        currency_code: text(row, "currency").to_owned(),
        status: BusinessStatus::Confirmed.into(),
        sequence: sequence(row),
        legal_entity: mapping.legal_entity(text(row, "company")).to_owned(),
        issue_date: date(row, cancel::CANCELLATION_DATE),
        order_external_id: order,
        ..ErpDocument::default()
    })
}

/// A change: the order that it changed, by the id and hash that it came as, with what the order came to by it.
pub(super) fn change(row: &Value, taken: &Taken, mapping: &Mapping) -> Result<ErpDocument, Status> {
    let amount = |amount| convert::money(amount, text(row, "currency")).map_err(|error| strange(row, error));
    let [net, vat, gross] = taken.totals;
    Ok(ErpDocument {
        external_id: taken.id.clone(),
        r#type: DocumentType::OrderChange.into(),
        document_sha256: taken.sha256.clone(),
        total_without_vat: Some(amount(net)?),
        total_vat: Some(amount(vat)?),
        total_with_vat: Some(amount(gross)?),
        erp_number: text(row, "name").to_owned(),
        outcome: Outcome::Accepted.into(),
        currency_code: text(row, "currency").to_owned(),
        status: BusinessStatus::Confirmed.into(),
        sequence: sequence(row),
        legal_entity: mapping.legal_entity(text(row, "company")).to_owned(),
        issue_date: day(taken.day),
        order_external_id: text(row, EXTERNAL_ID).to_owned(),
        ..ErpDocument::default()
    })
}

fn status(kind: DocumentType, row: &Value) -> BusinessStatus {
    let cancelled = whole(row, "docstatus") == CANCELLED;
    if kind == DocumentType::Order {
        let delivered = number(row, "per_delivered").unwrap_or_default();
        return match delivered {
            _ if cancelled => BusinessStatus::Cancelled,
            all if all >= Decimal::ONE_HUNDRED => BusinessStatus::Fulfilled,
            some if some > Decimal::ZERO => BusinessStatus::PartiallyFulfilled,
            _ => BusinessStatus::Confirmed,
        };
    }
    match text(row, "status") {
        _ if cancelled => BusinessStatus::Reversed,
        "Paid" => BusinessStatus::Paid,
        "Partly Paid" => BusinessStatus::PartiallyPaid,
        "Credit Note Issued" => BusinessStatus::Credited,
        _ => BusinessStatus::Posted,
    }
}

/// What is delivered of each line of an order; rows of adjustments are none of ours.
fn lines(kind: DocumentType, row: &Value) -> Vec<LineStatus> {
    let rows = row["items"].as_array().filter(|_| kind == DocumentType::Order);
    let line = |one: &Value| {
        let line_id = Some(text(one, LINE_ID)).filter(|id| !id.is_empty() && !id.contains('+'))?;
        let delivered = number(one, "delivered_qty").filter(|quantity| !quantity.is_zero())?;
        Some(LineStatus {
            line_id: line_id.to_owned(),
            confirmed_quantity: None,
            delivered_quantity: Some(convert::decimal(delivered)),
        })
    };
    rows.into_iter().flatten().filter_map(line).collect()
}

fn money(row: &Value, field: &str, sign: Decimal) -> Result<Money, Status> {
    let amount = number(row, field).ok_or_else(|| strange(row, format!("it tells no {field}")))?;
    convert::money(amount * sign, text(row, "currency")).map_err(|error| strange(row, error))
}

/// A day of the wire's years; what else stands there is none.
fn date(row: &Value, field: &str) -> Option<dealflow_proto::google::type_::Date> {
    day(text(row, field).parse().ok()?)
}

fn day(day: NaiveDate) -> Option<dealflow_proto::google::type_::Date> {
    let day = convert::date(day);
    convert::date_of(&day).is_ok().then_some(day)
}

/// The later change has the higher one: microseconds of the site's own clock.
fn sequence(row: &Value) -> i64 {
    let at = NaiveDateTime::parse_from_str(text(row, "modified"), "%Y-%m-%d %H:%M:%S%.f");
    at.map_or(1, |at| at.and_utc().timestamp_micros())
}

fn strange(row: &Value, why: impl std::fmt::Display) -> Status {
    Status::internal(format!("{} of ERPNext: {why}", text(row, "name")))
}
