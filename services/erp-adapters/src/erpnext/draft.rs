//! Our document in ERPNext's words.
//!
//! Every amount stands in a row of its own: a line with its quantity and price, and each discount, allowance or charge as
//! a row of one piece, those of the whole split by VAT as our arithmetic splits them, and the rounding amount as one
//! without VAT. So ERPNext has nothing to divide,
//! and each VAT group is rounded once, in the tax row of its account.

use chrono::TimeDelta;
use dealflow_documents::{Document, Figures};
use dealflow_money::{AdjustmentTotals, Totals, Vat};
use dealflow_proto::erp::v1::{DocumentType, Reason};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use tonic::Status;

use super::mapping::{Absent, Company, Mapping, Tax};
use super::{EXTERNAL_ID, LINE_ID, SHA256, api};
use crate::paper::{self, Unreadable, mismatch};
use crate::submission::{Submission, reason};

/// A document that is to be made, and what it must come to.
pub(super) struct Draft {
    pub(super) body: Value,
    expected: [(&'static str, &'static str, Decimal); 3],
}

/// A row.
struct Row<'a> {
    line_id: String,
    item: &'a str,
    description: String,
    uom: Option<&'a str>,
    quantity: Decimal,
    rate: Decimal,
    tax: &'a Tax,
}

impl Draft {
    /// Where the amounts that ERPNext computed are others than ours: tolerance 0.
    pub(super) fn differences(&self, drafted: &Value) -> Result<Vec<Reason>, Status> {
        let mut reasons = Vec::new();
        for (theirs, ours, expected) in self.expected {
            let actual = api::number(drafted, theirs);
            let actual = actual.ok_or_else(|| Status::internal(format!("ERPNext tells no {theirs}")))?;
            if actual != expected {
                reasons.push(mismatch(theirs, ours, String::new(), expected, actual));
            }
        }
        Ok(reasons)
    }
}

/// Puts a document into their words; or lists everything that the mapping lacks for it.
pub(super) fn write(
    submission: &Submission,
    mapping: &Mapping,
    customer: String,
    follows: Option<&Value>,
    mut missing: Vec<Reason>,
) -> Result<Result<Draft, Vec<Reason>>, Status> {
    let document = &submission.document;
    let paper = paper::of(document).map_err(refused)?;
    let totals = Figures::of(&paper).map_err(Unreadable::from).map_err(refused)?.totals;
    let differences = paper::differences(document, &totals).map_err(refused)?;
    if !differences.is_empty() {
        return Ok(Err(differences));
    }
    if totals.prepaid != 0 {
        let message = "ERPNext books prepayments by themselves";
        missing.push(reason("PAY", "totals.prepaid", message, "book the payment in ERPNext, and hand over the whole"));
    }
    let company = match mapping.company(&document.legal_entity) {
        Ok(company) => company,
        Err(absent) => {
            missing.push(*absent);
            return Ok(Err(missing));
        }
    };
    missing.extend(company.sells_in(&document.currency_code).err().map(|absent| *absent));
    let rows = rows(submission, &paper, &totals, (mapping, company), &mut missing);
    let mut body = head(submission, &paper, company, customer, &mut missing);
    let returns = submission.kind == DocumentType::CreditNote;
    let sign = if returns { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        let (Some(quantity), Some(rate)) = (api::double(row.quantity * sign), api::double(row.rate)) else {
            let message = format!("{} × {} has more digits than ERPNext holds", row.quantity, row.rate);
            missing.push(Reason {
                line_id: row.line_id.clone(),
                ..reason("QUA", "lines.quantity", message, "agree on quantities and prices of fewer digits")
            });
            continue;
        };
        items.push(item(row, (quantity, rate), submission.kind, follows, &body));
    }
    if !missing.is_empty() {
        return Ok(Err(missing));
    }
    body.insert("items".to_owned(), Value::Array(items));
    body.insert("taxes".to_owned(), taxes(&rows));
    if let Some(invoice) = follows.filter(|_| returns) {
        body.insert("is_return".to_owned(), json!(1));
        body.insert("return_against".to_owned(), json!(api::text(invoice, "name")));
        body.insert("remarks".to_owned(), json!(document.reason));
    }
    let amount = |minor: i64| totals.money(minor).to_decimal() * sign;
    // What is rounded stands in a row there, and so in its totals.
    let rounded = |minor: i64| amount(minor) + amount(totals.rounding);
    let expected = [
        ("net_total", "totals.total_without_vat", rounded(totals.total_without_vat)),
        ("total_taxes_and_charges", "totals.total_vat", amount(totals.total_vat)),
        ("grand_total", "totals.total_with_vat", rounded(totals.total_with_vat)),
    ];
    Ok(Ok(Draft { body: Value::Object(body), expected }))
}

/// What every document says of itself.
fn head(
    submission: &Submission,
    paper: &Document,
    company: &Company,
    customer: String,
    missing: &mut Vec<Reason>,
) -> Map<String, Value> {
    let document = &submission.document;
    let mut body = Map::new();
    let mut set = |field: &str, value: Value| body.insert(field.to_owned(), value);
    set(EXTERNAL_ID, json!(submission.external_id));
    set(SHA256, json!(submission.sha256));
    set("company", json!(company.company));
    set("customer", json!(customer));
    set("currency", json!(document.currency_code));
    set("po_no", json!(document.customer_reference));
    // What was agreed is agreed: ERPNext's own prices and roundings have no say.
    set("ignore_pricing_rule", json!(1));
    set("disable_rounded_total", json!(1));
    let series = &company.naming_series;
    let series = match submission.kind {
        DocumentType::Invoice => &series.invoice,
        DocumentType::CreditNote => &series.credit_note,
        _ => &series.order,
    };
    for (field, value) in [("naming_series", series), ("selling_price_list", &company.price_list)] {
        if !value.is_empty() {
            set(field, json!(value));
        }
    }
    let issued = paper.issue_date;
    if is_order(submission.kind) {
        set("transaction_date", json!(issued.to_string()));
        set("delivery_date", json!((issued + TimeDelta::days(company.delivery_days.into())).to_string()));
        return body;
    }
    set("posting_date", json!(issued.to_string()));
    set("set_posting_time", json!(1));
    set("update_stock", json!(0));
    if let Some(due) = paper.due_date {
        set("due_date", json!(due.to_string()));
        match company.terms((due - issued).num_days()) {
            Ok(Some(template)) => drop(set("payment_terms_template", json!(template))),
            Ok(None) => {}
            Err(absent) => missing.push(*absent),
        }
    }
    body
}

/// All amounts, a row each; what the mapping lacks for one is listed.
fn rows<'a>(
    submission: &Submission,
    paper: &Document,
    totals: &Totals,
    (mapping, company): (&'a Mapping, &'a Company),
    missing: &mut Vec<Reason>,
) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    let mut keep = |row: Result<Row<'a>, Vec<Reason>>| match row {
        Ok(row) => rows.push(row),
        Err(absent) => missing.extend(absent),
    };
    let booked = |line_id: String, reason: &str, tax: Result<&'a Tax, Absent>, minor: i64| {
        let description = if reason.is_empty() { "Adjustment".to_owned() } else { reason.to_owned() };
        let rate = totals.money(minor).to_decimal();
        match (mapping.items.adjustment(&line_id), tax) {
            (Ok(item), Ok(tax)) => Ok(Row { line_id, item, description, uom: None, quantity: Decimal::ONE, rate, tax }),
            (item, tax) => Err([item.err(), tax.err()].into_iter().flatten().map(|absent| *absent).collect()),
        }
    };
    let adjustment = |line_id: String, reason: &str, vat: Vat, minor: i64| {
        let tax = company.tax(vat, &line_id);
        booked(line_id, reason, tax, minor)
    };
    let lines = submission.document.lines.iter().zip(paper.lines.iter().zip(&totals.lines));
    for (wire, (line, amounts)) in lines {
        let (item, uom) = (mapping.items.of(&wire.product, &line.id), mapping.unit(&line.unit, &line.id));
        keep(match (item, uom, company.tax(line.vat, &line.id)) {
            (Ok(item), Ok(uom), Ok(tax)) => {
                let (line_id, description) = (line.id.clone(), line.name.clone());
                let (quantity, rate) = (line.quantity, line.unit_price);
                Ok(Row { line_id, item, description, uom: Some(uom), quantity, rate, tax })
            }
            (item, uom, tax) => {
                Err([item.err(), uom.err(), tax.err()].into_iter().flatten().map(|absent| *absent).collect())
            }
        });
        let kinds = [("a", -1, &line.allowances, &amounts.allowances), ("c", 1, &line.charges, &amounts.charges)];
        for (letter, sign, given, amounts) in kinds {
            for (place, (one, minor)) in given.iter().zip(amounts).enumerate().filter(|(_, (_, minor))| **minor != 0) {
                let id = format!("{}+{letter}{}", line.id, place + 1);
                keep(adjustment(id, &one.reason, line.vat, sign * minor));
            }
        }
    }
    let kinds =
        [("a", -1, &paper.allowances, &totals.allowance_details), ("c", 1, &paper.charges, &totals.charge_details)];
    for (letter, sign, given, details) in kinds {
        for (place, (one, AdjustmentTotals { shares, .. })) in given.iter().zip(details).enumerate() {
            for share in shares {
                let id = format!("+{letter}{}/{}{}", place + 1, share.category.code(), share.rate.normalize());
                keep(adjustment(id, &one.reason, Vat::new(share.category, share.rate), sign * share.amount));
            }
        }
    }
    if totals.rounding != 0 {
        keep(booked("+r".to_owned(), "Rounding", company.untaxed(), totals.rounding));
    }
    rows
}

fn item(
    row: &Row<'_>,
    (quantity, rate): (Value, Value),
    kind: DocumentType,
    follows: Option<&Value>,
    body: &Map<String, Value>,
) -> Value {
    let mut item = json!({
        LINE_ID: row.line_id,
        "item_code": row.item,
        "description": row.description,
        "qty": quantity,
        "rate": rate,
        "price_list_rate": rate,
        "item_tax_template": row.tax.item_tax_template,
    });
    if let Some(uom) = row.uom {
        item["uom"] = json!(uom);
        item["conversion_factor"] = json!(1);
    }
    if is_order(kind) {
        item["delivery_date"] = body.get("delivery_date").cloned().unwrap_or_default();
    }
    // The row that it bills or takes back, so that ERPNext knows what is left.
    let followed = follows.and_then(|document| {
        let rows = document["items"].as_array()?;
        rows.iter().find(|one| api::text(one, LINE_ID) == row.line_id).map(|one| (document, one))
    });
    if let Some((document, one)) = followed {
        if kind == DocumentType::CreditNote {
            item["sales_invoice_item"] = one["name"].clone();
            item["sales_order"] = one["sales_order"].clone();
            item["so_detail"] = one["so_detail"].clone();
        } else {
            item["sales_order"] = document["name"].clone();
            item["so_detail"] = one["name"].clone();
        }
    }
    item
}

/// A tax row for each account: its rate is 0, and the rows' templates say theirs.
fn taxes(rows: &[Row<'_>]) -> Value {
    let mut accounts: Vec<&str> = rows.iter().map(|row| row.tax.account.as_str()).collect();
    accounts.retain(|account| !account.is_empty());
    accounts.sort_unstable();
    accounts.dedup();
    let row = |account: &&str| json!({ "charge_type": "On Net Total", "account_head": account, "description": account, "rate": 0 });
    accounts.iter().map(row).collect()
}

/// A change says an order as it is to be.
fn is_order(kind: DocumentType) -> bool {
    matches!(kind, DocumentType::Order | DocumentType::OrderChange)
}

fn refused(error: Unreadable) -> Status {
    dealflow_chassis::Refusal::from(error).into()
}
