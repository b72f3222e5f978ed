//! ERPNext: an order that counts is made another one, once, to the cent, or is left as it was.

use dealflow_proto::erp::v1::{BusinessStatus, Document, DocumentType, ErpDocument, ListDocumentsRequest, Outcome};
use dealflow_proto::google::type_::Date;
use dealflow_testbed::refusal;
use serde_json::{Value, json};
use tonic::Code;

use crate::house::{Caller, INV1, Item, PLAIN, SO1, cancellation, change, document, eur, invoice, order};
use crate::mapping::{MAPPING, connected};
use crate::site::Site;

/// More of the first line, the second as it was.
pub(crate) const MORE: &[Item<'_>] = &[("1", "5", "10.00", 20, "0"), ("2", "1", "0.05", 20, "0")];
/// Less of the first line and at another price, without the second, with a third.
pub(crate) const OTHER: &[Item<'_>] = &[("1", "2", "9.50", 20, "0"), ("3", "4", "2.25", 20, "0")];

/// R-ERP-1: quantities and prices go up and down, lines come and go; the order keeps its number and comes to the change's
/// totals, rows that stay are the same rows, and new ones bear our lines' ids.
#[tokio::test]
async fn an_order_becomes_what_its_changes_say() {
    let (site, erp) = open().await;
    let number = erp.booked(&order(SO1)).await;
    let before = site.of(SO1)[0].clone();
    assert_eq!(erp.booked(&change(SO1, 1, MORE, "0")).await, number);
    let after = only(&site);
    assert_eq!((&after["docstatus"], &after["grand_total"]), (&json!(1), &json!(60.06)));
    assert_eq!(names(&after), names(&before), "no row is made anew");

    let second = Document { customer_reference: "PO-78".to_owned(), ..change(SO1, 2, OTHER, "0") };
    assert_eq!(erp.booked(&second).await, number);
    let after = only(&site);
    assert_eq!(
        (&after["net_total"], &after["grand_total"], &after["po_no"]),
        (&json!(28.0), &json!(33.6), &json!("PO-78"))
    );
    assert_eq!(lines(&after), ["1", "3"]);
    assert_eq!(names(&after)[0], names(&before)[0]);
    assert_eq!(
        (&after["items"][0]["delivery_date"], &after["items"][1]["delivery_date"]),
        (&json!("2026-03-09"), &json!("2026-03-18"))
    );
    assert_eq!(after["dealflow_sha256"], before["dealflow_sha256"], "it is the document that it came as");

    let now = erp.look_up(SO1).await.expect("it is there");
    assert_eq!((now.total_without_vat, now.total_vat, now.total_with_vat), (eur("28"), eur("5.60"), eur("33.60")));
    erp.booked(&invoice_of(OTHER)).await;
    let [bill] = &site.of(INV1)[..] else { panic!("one invoice") };
    assert_eq!(bill["items"][1]["so_detail"], after["items"][1]["name"], "what was added is billed by its row");
}

/// erp-handoff §2: discounts of lines and of the whole are rows, and are changed, added and taken away as such.
#[tokio::test]
async fn discounts_are_changed_with_their_lines() {
    let (site, erp) = open().await;
    site.books().taxes_of_items.insert("DISCOUNT".to_owned(), "VAT 20".to_owned());
    erp.booked(&order(SO1)).await;
    let steps: [(&[Item<'_>], &str); 4] = [
        (&[("1", "7", "3.33", 20, "12.5"), ("2", "3", "0.35", 20, "0")], "0"),
        (&[("1", "7", "3.33", 20, "0"), ("2", "3", "0.35", 20, "3")], "2.5"),
        (&[("1", "7", "3.33", 20, "0")], "4"),
        (PLAIN, "0"),
    ];
    for (number, (items, discount)) in (1..).zip(steps) {
        let wanted = change(SO1, number, items, discount);
        erp.booked(&wanted).await;
        let (now, ours) = (erp.look_up(SO1).await.expect("there"), wanted.totals.expect("totals"));
        assert_eq!(
            (now.total_without_vat, now.total_vat, now.total_with_vat),
            (ours.total_without_vat, ours.total_vat, ours.total_with_vat),
            "c{number}"
        );
    }
    assert_eq!(lines(&only(&site)), ["1", "2"]);
}

/// R-ERP-1: the same change again is the first result, also after a later one; other content is a conflict.
#[tokio::test]
async fn a_change_is_taken_once_whatever_is_sent_again() {
    let (site, erp) = open().await;
    let number = erp.booked(&order(SO1)).await;
    let (first, second) = (change(SO1, 1, MORE, "0"), change(SO1, 2, OTHER, "0"));
    for (sent, known) in [(&first, 1), (&second, 2)] {
        erp.booked(sent).await;
        let stands = only(&site);
        for before in [&first, &second].into_iter().take(known) {
            let again = erp.submit(before).await.expect("known");
            assert_eq!((again.outcome(), again.replayed, &again.erp_number), (Outcome::Accepted, true, &number));
            let other = Document { reason: "another".to_owned(), ..before.clone() };
            let conflict = erp.submit(&other).await.expect_err("other content");
            assert_eq!((conflict.code(), refusal(&conflict).reason.as_str()), (Code::AlreadyExists, "DUP"));
        }
        assert_eq!(only(&site), stands, "nothing was touched");
    }
    assert!(
        erp.submit(&order(SO1)).await.expect("known").replayed,
        "the order itself is still the one that it came as"
    );
}

/// R-ERP-1: a change that comes after a later one would undo it.
#[tokio::test]
async fn a_change_does_not_undo_a_later_one() {
    let (site, erp) = open().await;
    erp.booked(&order(SO1)).await;
    erp.booked(&change(SO1, 2, OTHER, "0")).await;
    let stands = only(&site);
    let reasons = erp.refused(&change(SO1, 1, MORE, "0")).await;
    assert!(reasons[0].message.contains("dealflow:order:SO-1:c2 already"), "{reasons:?}");
    assert_eq!(only(&site), stands);
}

/// R-ERP-1: a change waits for its order, is refused where that is cancelled, and bears its order's id.
#[tokio::test]
async fn a_change_needs_an_order_that_counts() {
    let (site, erp) = open().await;
    let wanted = change(SO1, 1, MORE, "0");
    let early = erp.submit(&wanted).await.expect_err("nothing is there yet");
    assert_eq!((early.code(), refusal(&early).reason.as_str()), (Code::FailedPrecondition, "DEPENDENCY_MISSING"));
    erp.booked(&order(SO1)).await;
    site.books().orders[0]["docstatus"] = json!(0);
    assert_eq!(erp.submit(&wanted).await.expect_err("a draft").code(), Code::FailedPrecondition);
    site.books().orders[0]["docstatus"] = json!(2);
    assert!(erp.refused(&wanted).await[0].message.contains("cancelled in ERPNext"));
    let strange = Document { external_id: "dealflow:order:SO-2:c1".to_owned(), ..wanted };
    assert_eq!(erp.submit(&strange).await.expect_err("another order's").code(), Code::InvalidArgument);
}

/// R-ERP-1: an answer that is lost, at whichever call, before or after what it does, ends in one change; until it is
/// R-ERP-1: what is delivered and billed stays ordered; ERPNext says so in its words, and nothing is changed.
#[tokio::test]
async fn what_is_delivered_or_billed_stays() {
    let (site, erp) = open().await;
    erp.booked(&order(SO1)).await;
    site.books().orders[0]["items"][0]["delivered_qty"] = json!(3.0);
    let stands = content(&only(&site));
    let reasons = erp.refused(&change(SO1, 1, OTHER, "0")).await;
    assert_eq!(reasons[0].message, "Row #1:Cannot set quantity less than delivered quantity.");
    assert_eq!(reasons[0].rule, "ValidationError");
    let without = &PLAIN[1..];
    assert!(erp.refused(&change(SO1, 1, without, "0")).await[0].message.contains("which has already been delivered"));
    assert_eq!(content(&only(&site)), stands);
    assert_eq!(erp.look_up(&format!("{SO1}:c1")).await.expect_err("not taken").code(), Code::NotFound);
    // The number of a change that was refused goes to the next one.
    erp.booked(&change(SO1, 1, MORE, "0")).await;

    let second = "dealflow:order:SO-2";
    erp.booked(&order(second)).await;
    erp.booked(&invoice(INV1, second)).await;
    assert!(erp.refused(&change(second, 1, without, "0")).await[0].message.contains("which has already been billed"));
    assert!(erp.refused(&change(second, 1, OTHER, "0")).await[0].message.contains("already been billed"));
    erp.booked(&change(second, 1, MORE, "0")).await;
}

/// R-ERP-1: a refusal of ERPNext, at the trial or at the order itself, is told in its words and leaves the order as it was.
#[tokio::test]
async fn a_refused_change_changes_nothing() {
    let (site, erp) = open().await;
    erp.booked(&order(SO1)).await;
    let stands = content(&only(&site));
    site.books().refuses = Some("Credit limit has been crossed for customer Müller (60.06/50.00)");
    let wanted = change(SO1, 1, MORE, "0");
    assert!(erp.refused(&wanted).await[0].message.starts_with("Credit limit has been crossed"));
    site.books().refuses = None;
    site.books().items.remove("SERVICE");
    assert_eq!(erp.refused(&wanted).await[0].message, "Could not find Item: SERVICE");
    site.books().items.insert("SERVICE".to_owned());
    let mut wrong = wanted.clone();
    wrong.totals.as_mut().expect("totals").total_vat = eur("10.02");
    assert_eq!(erp.refused(&wrong).await[0].rule, "BR-CO-14");
    let dollars = site.books().orders[0]["currency"].take();
    site.books().orders[0]["currency"] = json!("USD");
    assert_eq!(erp.refused(&wanted).await[0].message, "the order is in USD");
    site.books().orders[0]["currency"] = dollars;
    assert_eq!(content(&only(&site)), stands);
    erp.booked(&wanted).await;
}

/// R-ERP-1: "Update Items" gives an added row the tax of its Item. Where we want another one, or one of which the order has
/// no row yet, the change is refused with what to do, before anything is changed.
#[tokio::test]
async fn a_tax_that_erpnext_cannot_add_is_refused() {
    let (site, erp) = open().await;
    erp.booked(&order(SO1)).await;
    let stands = only(&site);
    let new_account = [PLAIN[0], ("3", "1", "10.00", 10, "0")];
    let reasons = erp.refused(&change(SO1, 1, &new_account, "0")).await;
    assert_eq!(
        reasons[0].message,
        "ERPNext puts no tax of VAT 10 - N into an order that counts and has none of it yet"
    );
    assert_eq!(reasons[0].action, "cancel the order, and order anew");
    let no_tax = [PLAIN[0], ("3", "1", "10.00", 0, "0")];
    let reasons = erp.refused(&change(SO1, 1, &no_tax, "0")).await;
    assert_eq!(
        (reasons[0].expected.as_str(), reasons[0].actual.as_str(), reasons[0].line_id.as_str()),
        ("VAT 0", "VAT 20", "3")
    );
    assert!(reasons[0].action.starts_with("give that Item"), "{reasons:?}");
    let discounted = [("1", "3", "10.00", 20, "10")];
    let reasons = erp.refused(&change(SO1, 1, &discounted, "0")).await;
    assert_eq!(
        (reasons[0].line_id.as_str(), reasons[0].actual.as_str()),
        ("1+a1", ""),
        "the Item of discounts has no tax"
    );
    assert_eq!(only(&site), stands, "it was not even noted");

    // A line whose rate becomes another is another row.
    let mixed = "dealflow:order:SO-2";
    let items = [("1", "3", "10.00", 20, "0"), ("2", "1", "5.00", 10, "0")];
    erp.booked(&document(DocumentType::Order, mixed, &items, "0")).await;
    erp.booked(&change(mixed, 1, PLAIN, "0")).await;
    assert_eq!(site.of(mixed)[0]["grand_total"], 36.06);
}

/// erp-handoff §2: totals that ERPNext computes otherwise are refused with both amounts; where they are known from the
/// trial, nothing is changed.
#[tokio::test]
async fn totals_that_disagree_are_known_before_anything_is_changed() {
    let (site, erp) = open().await;
    erp.booked(&order(SO1)).await;
    let stands = only(&site);
    site.books().bankers = true;
    let half = change(SO1, 1, &[("1", "5", "0.025", 20, "0"), PLAIN[1]], "0");
    let reasons = erp.refused(&half).await;
    let net = reasons.iter().find(|it| it.field == "totals.total_without_vat").expect("the net");
    assert_eq!((net.code.as_str(), net.expected.as_str(), net.actual.as_str()), ("TOTALS_MISMATCH", "0.18", "0.17"));
    assert_eq!(only(&site), stands);
    site.books().bankers = false;
    erp.booked(&half).await;
}

/// erp-handoff §2: where only the order itself comes to another total, it is taken back as it was, whichever answer on the
/// R-ERP-1: what cannot be taken back (a row that went, and whose tax ERPNext does not give to a new one) is not told as a
/// R-ERP-1: an order that was changed is cancelled as any, and its changes are still told.
#[tokio::test]
async fn an_order_is_cancelled_after_a_change() {
    let (site, erp) = open().await;
    let number = erp.booked(&order(SO1)).await;
    let wanted = change(SO1, 1, MORE, "0");
    erp.booked(&wanted).await;
    assert_eq!(erp.booked(&cancellation(SO1)).await, number);
    assert_eq!(site.of(SO1)[0]["docstatus"], 2);
    assert!(erp.submit(&wanted).await.expect("known").replayed);
    assert!(erp.refused(&change(SO1, 2, PLAIN, "0")).await[0].message.contains("cancelled in ERPNext"));
    let found = erp.look_up(&wanted.external_id).await.expect("it was taken");
    assert_eq!((found.r#type(), found.status()), (DocumentType::OrderChange, BusinessStatus::Confirmed));
    assert_eq!(erp.look_up(SO1).await.expect("there").status(), BusinessStatus::Cancelled);
}

/// docs/erp.md, rule 6: an order that was changed is listed with the totals of its last change and the hash that it came
/// with; each of its changes by its own id, day and totals, whatever the page.
#[tokio::test]
async fn changes_are_listed_each_by_its_own_id() {
    let (site, erp) = open().await;
    for order_number in 1..=3 {
        let id = format!("dealflow:order:SO-{order_number}");
        erp.booked(&order(&id)).await;
        for number in 1..order_number {
            erp.booked(&change(&id, number, if number == 1 { MORE } else { OTHER }, "0")).await;
        }
    }
    erp.booked(&cancellation(SO1)).await;
    let all = erp.list(ListDocumentsRequest { page_size: 1000, ..ListDocumentsRequest::default() }).await;
    let told: Vec<(i32, &str)> = all.iter().map(|it| (it.r#type, it.external_id.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, "dealflow:order:SO-1"),
            (1, "dealflow:order:SO-2"),
            (1, "dealflow:order:SO-3"),
            (4, "dealflow:order:SO-2:c1"),
            (4, "dealflow:order:SO-3:c1"),
            (4, "dealflow:order:SO-3:c2"),
            (5, "dealflow:order:SO-1:x"),
        ]
    );
    let gross: Vec<_> = all[..6].iter().map(|it| it.total_with_vat.clone()).collect();
    assert_eq!(gross, ["36.06", "60.06", "33.60", "60.06", "60.06", "33.60"].map(eur));
    assert_eq!((all[5].order_external_id.as_str(), &all[5].erp_number), ("dealflow:order:SO-3", &all[2].erp_number));
    assert_eq!(all[2].document_sha256, site.of("dealflow:order:SO-3")[0]["dealflow_sha256"].as_str().expect("a hash"));
    assert_eq!(erp.look_up("dealflow:order:SO-3:c2").await.expect("there"), all[5]);
    for page_size in 1..=7 {
        assert_eq!(
            erp.list(ListDocumentsRequest { page_size, ..ListDocumentsRequest::default() }).await,
            all,
            "{page_size}"
        );
    }
    let day = |day| Some(Date { year: 2026, month: 3, day });
    let days = async |from, until, page_size| -> Vec<String> {
        let r#type = DocumentType::OrderChange.into();
        let ask = ListDocumentsRequest {
            r#type,
            from_date: from,
            until_date: until,
            page_size,
            ..ListDocumentsRequest::default()
        };
        erp.list(ask).await.into_iter().map(|it: ErpDocument| it.external_id).collect()
    };
    for size in [1, 2, 50] {
        assert_eq!(days(day(11), None, size).await, ["dealflow:order:SO-3:c2"]);
        assert_eq!(days(None, day(11), size).await, ["dealflow:order:SO-2:c1", "dealflow:order:SO-3:c1"]);
        assert_eq!(days(day(12), None, size).await, [""; 0]);
    }
}

pub(crate) async fn open() -> (Site, Caller) {
    let (site, url) = Site::open().await;
    let erp = connected(&url, MAPPING);
    (site, erp)
}

/// The only order of the site: a trial leaves nothing.
pub(crate) fn only(site: &Site) -> Value {
    let orders = site.books().orders.clone();
    assert_eq!(orders.iter().filter(|it| it["docstatus"] == 0).count(), 0, "no draft is left");
    orders.into_iter().next().expect("the order")
}

/// What it says, without what is noted of the way.
pub(crate) fn content(order: &Value) -> [Value; 3] {
    ["items", "taxes", "grand_total"].map(|field| order[field].clone())
}

pub(crate) fn names(order: &Value) -> Vec<Value> {
    order["items"].as_array().expect("rows").iter().map(|row| row["name"].clone()).collect()
}

pub(crate) fn lines(order: &Value) -> Vec<String> {
    let rows = order["items"].as_array().expect("rows").iter();
    rows.map(|row| row["dealflow_line_id"].as_str().expect("our line").to_owned()).collect()
}

pub(crate) fn invoice_of(items: &[Item<'_>]) -> Document {
    let invoice = invoice(INV1, SO1);
    let (of, totals) = (document(DocumentType::Invoice, INV1, items, "0"), None);
    Document { lines: of.lines, totals: of.totals.or(totals), ..invoice }
}
