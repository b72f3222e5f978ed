//! ERPNext: what it books, finds, lists and refuses.

use dealflow_proto::convert;
use dealflow_proto::erp::v1::{BusinessStatus, Document, DocumentType, ListDocumentsRequest, Outcome};
use dealflow_proto::google::type_::{Date, Decimal};
use dealflow_testbed::refusal;
use serde_json::json;
use tonic::Code;

use crate::house::{CN1, Caller, INV1, SO1, cancellation, credit_note, document, eur, invoice, order};
use crate::mapping::{MAPPING, connected};
use crate::site::Site;

/// R-ERP-1: order, invoice and credit note are drafted, compared, submitted and read back; each row names the one it
/// follows.
#[tokio::test]
async fn a_chain_is_booked_and_linked() {
    let (site, erp) = open().await;
    assert_eq!(erp.booked(&order(SO1)).await, "SO-2026-00001");
    let invoice_number = erp.booked(&invoice(INV1, SO1)).await;
    assert_eq!(invoice_number, "SINV-00001", "ERPNext's own series where the mapping says none");
    erp.booked(&credit_note(CN1, SO1, INV1)).await;

    let [order] = &site.of(SO1)[..] else { panic!("one order") };
    assert_eq!(
        (&order["docstatus"], &order["customer"], &order["po_no"]),
        (&json!(1), &json!("Müller"), &json!("PO-77"))
    );
    assert_eq!((&order["grand_total"], &order["delivery_date"]), (&json!(36.06), &json!("2026-03-09")));
    let [bill] = &site.of(INV1)[..] else { panic!("one invoice") };
    assert_eq!((&bill["docstatus"], &bill["due_date"]), (&json!(1), &json!("2026-04-01")));
    assert_eq!(bill["payment_terms_template"], "Net 30");
    assert_eq!(
        (&bill["items"][1]["sales_order"], &bill["items"][1]["so_detail"]),
        (&order["name"], &order["items"][1]["name"])
    );
    let [note] = &site.of(CN1)[..] else { panic!("one credit note") };
    assert_eq!((&note["is_return"], &note["return_against"]), (&json!(1), &bill["name"]));
    assert_eq!((&note["items"][0]["qty"], &note["grand_total"]), (&json!(-3.0), &json!(-36.0)));
    assert_eq!(note["items"][0]["sales_invoice_item"], bill["items"][0]["name"]);

    let found = erp.look_up(CN1).await.expect("it is there");
    assert_eq!(
        (found.r#type(), found.outcome(), found.status()),
        (DocumentType::CreditNote, Outcome::Accepted, BusinessStatus::Posted)
    );
    assert_eq!((found.total_without_vat, found.total_vat, found.total_with_vat), (eur("30"), eur("6"), eur("36")));
    assert_eq!(found.legal_entity, "default");
}

/// R-ERP-1: the same id and content again is the first result; other content is a conflict and overwrites nothing.
#[tokio::test]
async fn a_document_is_there_once_whatever_is_sent_again() {
    let (site, erp) = open().await;
    let number = erp.booked(&order(SO1)).await;
    let again = erp.submit(&order(SO1)).await.expect("known");
    assert_eq!((again.outcome(), again.replayed, again.erp_number), (Outcome::Accepted, true, number));
    let other = Document { customer_reference: "changed".to_owned(), ..order(SO1) };
    let conflict = erp.submit(&other).await.expect_err("other content");
    assert_eq!((conflict.code(), refusal(&conflict).reason.as_str()), (Code::AlreadyExists, "DUP"));
    assert_eq!((site.of(SO1).len(), &site.of(SO1)[0]["po_no"]), (1, &json!("PO-77")));
}

/// R-ERP-1: an invoice waits for its order, a credit note for its invoice, and a draft is neither.
#[tokio::test]
async fn what_follows_waits_for_what_it_follows() {
    let (site, erp) = open().await;
    for document in [invoice(INV1, SO1), credit_note(CN1, SO1, INV1), cancellation(SO1)] {
        let early = erp.submit(&document).await.expect_err("nothing is there yet");
        assert_eq!((early.code(), refusal(&early).reason.as_str()), (Code::FailedPrecondition, "DEPENDENCY_MISSING"));
    }
    erp.booked(&order(SO1)).await;
    site.books().orders[0]["docstatus"] = json!(0);
    assert_eq!(erp.submit(&invoice(INV1, SO1)).await.expect_err("a draft").code(), Code::FailedPrecondition);
    site.books().orders[0]["docstatus"] = json!(2);
    let reasons = erp.refused(&invoice(INV1, SO1)).await;
    assert!(reasons[0].message.contains("cancelled in ERPNext"), "{reasons:?}");
}

/// erp-handoff §2: lines of several rates with discounts, and one on the whole, come to the same cent.
#[tokio::test]
async fn discounts_and_mixed_rates_agree_to_the_cent() {
    let (site, erp) = open().await;
    let items = [("1", "7", "3.33", 20, "12.5"), ("2", "3", "0.35", 10, "0"), ("3", "0.333", "9.99", 0, "3")];
    let document = document(DocumentType::Order, SO1, &items, "2.5");
    erp.booked(&document).await;
    let found = erp.look_up(SO1).await.expect("it is there");
    let ours = document.totals.expect("totals");
    assert_eq!(found.total_without_vat, ours.total_without_vat);
    assert_eq!((found.total_vat, found.total_with_vat), (ours.total_vat, ours.total_with_vat));
    let rows = site.of(SO1)[0]["items"].as_array().expect("rows").len();
    assert_eq!(rows, 3 + 2 + 3, "lines, their discounts, and the shares of the whole's");
}

/// erp-handoff §2: a residual cent stands in the rounding amount, which is booked as a row without VAT; so the last invoice
/// of an order that is billed in parts is taken, and the credit note of it.
#[tokio::test]
async fn a_rounding_amount_is_booked_as_a_row_without_vat() {
    let (site, erp) = open().await;
    erp.booked(&order(SO1)).await;
    let rounded = |mut document: Document| {
        let totals = document.totals.as_mut().expect("totals");
        let (payable, cent) = (totals.payable.as_ref().expect("an amount"), rust_decimal::Decimal::new(1, 2));
        totals.payable = eur(&(convert::decimal_of(payable).expect("a number") - cent).to_string());
        totals.rounding = eur("-0.01");
        document
    };
    let bill = rounded(invoice(INV1, SO1));
    erp.booked(&bill).await;
    let there = site.of(INV1)[0].clone();
    let row = there["items"].as_array().and_then(|rows| rows.last()).expect("a row").clone();
    assert_eq!(
        (&row["dealflow_line_id"], &row["amount"], &row["item_tax_template"]),
        (&json!("+r"), &json!(-0.01), &json!("VAT 0"))
    );
    let (found, ours) = (erp.look_up(INV1).await.expect("it is there"), bill.totals.expect("totals"));
    assert_eq!((found.total_with_vat, found.total_vat), (ours.payable, ours.total_vat));
    erp.booked(&rounded(credit_note(CN1, SO1, INV1))).await;
}

/// erp-handoff §2: a cent that ERPNext computes otherwise is refused with both amounts, and the draft is gone.
#[tokio::test]
async fn a_total_that_is_rounded_otherwise_is_refused_and_leaves_no_draft() {
    let (site, erp) = open().await;
    site.books().bankers = true;
    // 5 × 0.025 are 0.13 with us, and 0.12 where halves go to the even cent.
    let document = document(DocumentType::Order, SO1, &[("1", "5", "0.025", 20, "0")], "0");
    let reasons = erp.refused(&document).await;
    let net = reasons.iter().find(|it| it.field == "totals.total_without_vat").expect("the net");
    assert_eq!((net.code.as_str(), net.rule.as_str()), ("TOTALS_MISMATCH", "net_total"));
    assert_eq!((net.expected.as_str(), net.actual.as_str()), ("0.13", "0.12"));
    assert!(site.of(SO1).is_empty(), "the draft is taken away");
    assert_eq!(erp.look_up(SO1).await.expect_err("nothing").code(), Code::NotFound);
    site.books().bankers = false;
    erp.booked(&document).await;
}

/// R-ERP-1: totals that do not follow from the lines do not even get there.
#[tokio::test]
async fn totals_that_are_wrong_here_are_refused_before_any_call() {
    let (site, erp) = open().await;
    let mut wrong = order(SO1);
    wrong.totals.as_mut().expect("totals").total_vat = eur("6.02");
    let reasons = erp.refused(&wrong).await;
    assert_eq!(
        (reasons[0].rule.as_str(), reasons[0].expected.as_str(), reasons[0].actual.as_str()),
        ("BR-CO-14", "6.01", "6.02")
    );
    assert!(site.books().calls.iter().all(|(call, _)| call.starts_with("GET")));
}

/// R-ERP-1: what ERPNext refuses is told in its words, whether at the draft or at the submission, and leaves no draft.
#[tokio::test]
async fn a_refusal_is_told_in_erpnexts_words() {
    let (site, erp) = open().await;
    site.books().items.remove("SERVICE");
    let reasons = erp.refused(&order(SO1)).await;
    assert_eq!((reasons[0].code.as_str(), reasons[0].rule.as_str()), ("REF", "LinkValidationError"));
    assert_eq!(reasons[0].message, "Could not find Item: SERVICE");
    site.books().items.insert("SERVICE".to_owned());
    site.books().refuses = Some("Credit limit has been crossed for customer Müller (36.06/30.00)");
    let reasons = erp.refused(&order(SO1)).await;
    assert!(reasons[0].message.starts_with("Credit limit has been crossed"), "{reasons:?}");
    assert!(site.of(SO1).is_empty());
    site.books().refuses = None;
    erp.booked(&order(SO1)).await;
}

/// R-ERP-1: an order is taken back once, under an id of its own; not where an invoice follows it.
#[tokio::test]
async fn an_order_is_cancelled_unless_an_invoice_follows_it() {
    let (site, erp) = open().await;
    let number = erp.booked(&order(SO1)).await;
    let id = format!("{SO1}:x");
    assert_eq!(erp.look_up(&id).await.expect_err("not yet").code(), Code::NotFound);
    assert_eq!(erp.booked(&cancellation(SO1)).await, number);
    assert_eq!(site.of(SO1)[0]["docstatus"], 2);
    assert!(erp.submit(&cancellation(SO1)).await.expect("known").replayed);
    let found = erp.look_up(&id).await.expect("it is there");
    assert_eq!((found.r#type(), found.order_external_id.as_str()), (DocumentType::OrderCancellation, SO1));
    assert_eq!(found.issue_date, order(SO1).issue_date);
    assert_eq!(erp.look_up(SO1).await.expect("it was").status(), BusinessStatus::Cancelled);
    let other = Document { reason: "another".to_owned(), ..cancellation(SO1) };
    assert_eq!(erp.submit(&other).await.expect_err("other content").code(), Code::AlreadyExists);

    let second = "dealflow:order:SO-2";
    erp.booked(&order(second)).await;
    erp.booked(&invoice(INV1, second)).await;
    let reasons = erp.refused(&cancellation(second)).await;
    assert_eq!(reasons[0].rule, "LinkExistsError");
    assert_eq!(site.of(second)[0]["docstatus"], 1);
    assert_eq!(erp.look_up(&format!("{second}:x")).await.expect_err("it counts").code(), Code::NotFound);
}

/// R-ERP-1: how far ERPNext is with an order and an invoice is told where it is asked.
#[tokio::test]
async fn deliveries_and_payments_are_told_where_it_is_asked() {
    let (site, erp) = open().await;
    erp.booked(&order(SO1)).await;
    erp.booked(&invoice(INV1, SO1)).await;
    let before = erp.look_up(SO1).await.expect("there");
    assert_eq!((before.status(), before.lines.len()), (BusinessStatus::Confirmed, 0));
    {
        let mut books = site.books();
        books.orders[0]["per_delivered"] = json!(66.5);
        books.orders[0]["items"][0]["delivered_qty"] = json!(2.0);
        let mut row = books.orders[0].clone();
        books.touch(&mut row);
        books.orders[0] = row;
        books.invoices[0]["status"] = json!("Paid");
    }
    let after = erp.look_up(SO1).await.expect("there");
    assert_eq!(after.status(), BusinessStatus::PartiallyFulfilled);
    assert_eq!(after.lines[0].delivered_quantity, Some(Decimal { value: "2".to_owned() }));
    assert!(after.sequence > before.sequence);
    assert_eq!(erp.look_up(INV1).await.expect("there").status(), BusinessStatus::Paid);
}

/// R-ERP-1: the list has everything once, by kinds, whatever the page; by entity and by days.
#[tokio::test]
async fn everything_is_listed_once_by_kind_entity_and_day() {
    let (site, erp) = open().await;
    for number in 1..=5 {
        let id = format!("dealflow:order:SO-{number}");
        erp.booked(&order(&id)).await;
        if number == 5 {
            erp.booked(&cancellation(&id)).await;
        } else {
            erp.booked(&invoice(&format!("dealflow:invoice:INV-{number}"), &id)).await;
        }
    }
    erp.booked(&credit_note(CN1, SO1, INV1)).await;
    site.books().orders.push(json!({ "name": "SO-BY-HAND", "docstatus": 1 }));
    let all = erp.list(ListDocumentsRequest { page_size: 1000, ..ListDocumentsRequest::default() }).await;
    let kinds: Vec<i32> = all.iter().map(|it| it.r#type).collect();
    assert_eq!(kinds, [1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 5], "what is not ours is not listed");
    for page_size in [1, 2, 3, 5, 11] {
        assert_eq!(
            erp.list(ListDocumentsRequest { page_size, ..ListDocumentsRequest::default() }).await,
            all,
            "{page_size}"
        );
    }
    let count = async |ask: ListDocumentsRequest| erp.list(ask).await.len();
    let invoices =
        ListDocumentsRequest { r#type: DocumentType::Invoice.into(), page_size: 2, ..ListDocumentsRequest::default() };
    assert_eq!(count(invoices).await, 4);
    let entity = |code: &str| ListDocumentsRequest { legal_entity: code.to_owned(), ..ListDocumentsRequest::default() };
    assert_eq!((count(entity("default")).await, count(entity("other")).await), (11, 0));
    let day = |day| Some(Date { year: 2026, month: 3, day });
    let days =
        |from, until| ListDocumentsRequest { from_date: from, until_date: until, ..ListDocumentsRequest::default() };
    assert_eq!(
        (count(days(day(2), day(3))).await, count(days(day(3), None)).await, count(days(None, day(2))).await),
        (11, 0, 0)
    );
    erp.binds_its_tokens().await;
}

/// R-ERP-1: it says what it can.
#[tokio::test]
async fn its_capabilities_are_true() {
    let (_site, erp) = open().await;
    let can = erp.can().await;
    assert_eq!((can.product.as_str(), can.idempotent, can.look_up, can.events), ("erpnext", true, true, false));
    assert_eq!(can.types, [1, 2, 3, 4, 5], "orders, invoices, credit notes, changes and cancellations");
    let events = erp.0.clone().watch_events(dealflow_proto::erp::v1::WatchEventsRequest::default()).await;
    assert_eq!(events.map(drop).expect_err("none").code(), Code::Unimplemented);
}

async fn open() -> (Site, Caller) {
    let (site, url) = Site::open().await;
    let erp = connected(&url, MAPPING);
    (site, erp)
}
