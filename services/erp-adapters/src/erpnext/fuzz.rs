//! Answers of ERPNext that were bent on the way, or come from something else: each is a document, or says why it is none.

use std::path::Path;

use dealflow_proto::convert;
use dealflow_testbed::{Said, fuzz};
use http::{Method, Response};
use rust_decimal::Decimal;
use tonic::{Code, Status};

use super::api::{Bytes, Doctype, Failure, WORDS, document, number, read, whole};
use super::booked;
use super::mapping::Mapping;
use super::noted::Noted;
use crate::data::parsed;

const MAPPING: &str = "companies:\n  default:\n    company: Acme\n    taxes:\n    - {category: S, rate: 20, item_tax_template: VAT, account: Tax}\n    currencies: [EUR]\n    payment_terms: {by_days: {30: net}, otherwise: refuse}\ncustomers: {find_by: tax_id}\nitems: {otherwise: Item}\nunits: {C62: Nos}\n";

/// What the first byte of an input stands for: how the site answers, and to what.
const STATUSES: [u16; 13] = [200, 202, 204, 301, 401, 403, 404, 409, 417, 429, 500, 503, 599];

/// R-ERP-1: what is read of an answer is what stands there, to the digit; nothing else is taken for a refusal of ours.
#[test]
fn fuzz_erpnext_answers() {
    let mapping: Mapping = parsed(Path::new("mapping.yaml"), MAPPING, Mapping::missing).expect("it is complete");
    let order = br#"@{"data":{"name":"SAL-ORD-1","docstatus":1,"dealflow_external_id":"dealflow:order:SO-1","company":"Acme","currency":"EUR","transaction_date":"2017-03-15","net_total":100.5,"total_taxes_and_charges":20.1,"grand_total":120.6,"per_delivered":50,"dealflow_changes":"{\"taken\":[{\"id\":\"dealflow:order:SO-1:c1\",\"sha256\":\"ab\",\"day\":\"2017-03-16\",\"totals\":[\"100.5\",\"20.1\",\"120.6\"]}]}","modified":"2017-03-15 10:00:00.123456","items":[{"dealflow_line_id":"1","delivered_qty":0.5}]}}"#;
    let note = br#"A{"data":{"name":"ACC-1","docstatus":2,"currency":"JPY","posting_date":"2017-03-15","net_total":"-1e2","total_taxes_and_charges":-10,"grand_total":-110,"is_return":1,"status":"Paid","modified":"x"}}"#;
    let refused = br#"I{"exc_type":"MandatoryError","exception":"frappe: no","_server_messages":"[\"{\\\"message\\\": \\\"Customer is missing\\\"}\"]"}"#;
    let words = [
        "\"data\":",
        "null",
        "[]",
        "{}",
        "1e400",
        "-0",
        "79228162514264337593543950335",
        "0.00000000000000000000000000001",
        "\"grand_total\":",
        "\"currency\":\"KWD\"",
        "\"is_return\":1",
        "\"items\":[",
        "\"delivered_qty\":",
        "\"modified\":",
        "\"9999-12-31 23:59:60\"",
        "\"+12345-01-01\"",
        "\"-0001-01-01\"",
        "\"_server_messages\":",
        "\"dealflow_changes\":",
        "\\\"totals\\\":[",
        "\\\"before\\\":",
        "\"\\ud800\"",
        "\\\"",
        "\u{0}",
        "<html>",
        "Ж",
    ];
    fuzz("ERPNext answers", &[order, note, refused], &words, |input| {
        let Some((first, body)) = input.split_first() else { return Said::No("nothing".to_owned()) };
        let method = if first & 0x80 == 0 { Method::GET } else { Method::POST };
        let status = STATUSES[usize::from(first & 0x0f) % STATUSES.len()];
        let doctype = if first & 1 == 0 { Doctype::SalesOrder } else { Doctype::SalesInvoice };
        let answer = Response::builder().status(status).body(Bytes::copy_from_slice(body)).expect("it is an answer");
        let told = match read(&method, &answer) {
            Ok(told) => told,
            Err(failure) => return Said::No(checked(&failure, &method, status)),
        };
        assert!((200..300).contains(&status), "{status} is no success");
        let row = match document("/api", told) {
            Ok(row) => row,
            Err(failure) => return Said::No(checked(&failure, &method, status)),
        };
        let booked = booked::document(doctype, &row, &mapping);
        if let Ok(document) = &booked {
            let returns = doctype == Doctype::SalesInvoice && whole(&row, "is_return") == 1;
            let sign = if returns { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
            let total = document.total_with_vat.as_ref().and_then(|total| convert::decimal_of(total).ok());
            assert_eq!(total, number(&row, "grand_total").map(|stands| stands * sign), "to the digit");
            assert!(document.issue_date.as_ref().is_none_or(|day| convert::date_of(day).is_ok()), "a day of the wire");
            assert!(document.lines.iter().all(|line| !line.line_id.is_empty() && line.delivered_quantity.is_some()));
        }
        for taken in Noted::of(&row).map(|noted| noted.taken).unwrap_or_default() {
            if let Ok(change) = booked::change(&row, &taken, &mapping) {
                let total = change.total_with_vat.as_ref().and_then(|total| convert::decimal_of(total).ok());
                assert_eq!(total, Some(taken.totals[2]), "to the digit");
                assert_eq!(change.external_id, taken.id);
            }
        }
        Said::of(&booked)
    });
}

/// A failure keeps its word: only a write is refused, by a status that says so, in words of a bounded length.
fn checked(failure: &Failure, method: &Method, status: u16) -> String {
    match failure {
        Failure::Refused(reasons) => {
            assert!(*method != Method::GET && (400..500).contains(&status), "{method} {status}");
            assert!(reasons.iter().all(|reason| reason.message.chars().count() <= WORDS && !reason.action.is_empty()));
            format!("refused: {}", reasons.first().map(|reason| reason.rule.clone()).unwrap_or_default())
        }
        Failure::Status(told) => {
            assert_ne!(told.code(), Code::Ok);
            said(told)
        }
    }
}

fn said(status: &Status) -> String {
    format!("{:?}", status.code())
}
