//! ERPNext: whatever goes wrong on the way, an order is changed once, or taken back as it was.

use dealflow_proto::erp::v1::{DocumentType, Outcome};
use rust_decimal::Decimal;
use serde_json::json;
use tonic::Code;

use crate::erpnext_changes::{OTHER, content, lines, only, open};
use crate::house::{Caller, SO1, change, document, order};
use crate::mapping::{MAPPING, link};
use crate::site::{Books, Fault, Site, UPDATE_ITEMS};

/// through, nobody is told that it is, and the order as it is told is never half of it.
#[tokio::test]
async fn an_answer_lost_at_any_call_ends_in_one_change() {
    let calls = {
        let (site, erp) = open().await;
        erp.booked(&order(SO1)).await;
        let before = site.books().calls.len();
        erp.booked(&change(SO1, 1, OTHER, "0")).await;
        site.books().calls.len() - before
    };
    assert!(calls >= 8, "{calls}");
    for at in 0..calls {
        for fault in [Fault::Cut, Fault::After(500, "OperationalError"), Fault::Before(500, "x")] {
            let (site, erp) = open().await;
            erp.booked(&order(SO1)).await;
            site.books().fault_at = Some((at, fault));
            let wanted = change(SO1, 1, OTHER, "0");
            erp.submit(&wanted).await.expect_err("the answer is lost");
            let noted = site.of(SO1)[0]["dealflow_changes"].as_str().is_some_and(|it| it.contains(":c1"));
            assert_eq!(erp.look_up(&wanted.external_id).await.is_ok(), noted, "{at} {fault:?}");
            let total = &site.of(SO1)[0]["grand_total"];
            assert!([json!(36.06), json!(33.6)].contains(total), "{at} {fault:?}: {total}");
            let again = erp.submit(&wanted).await.expect("completed");
            assert_eq!(
                (again.outcome(), again.replayed),
                (Outcome::Accepted, noted),
                "{at} {fault:?}: {:?}",
                again.reasons
            );
            let after = only(&site);
            assert_eq!(
                (&after["grand_total"], lines(&after)),
                (&json!(33.6), vec!["1".to_owned(), "3".to_owned()]),
                "{at} {fault:?}"
            );
            erp.look_up(&wanted.external_id).await.expect("found by its id");
        }
    }
}

/// way is lost.
#[tokio::test]
async fn an_order_that_comes_to_another_total_is_taken_back() {
    let mut calls = None;
    for at in 0.. {
        let faults = [Fault::Cut, Fault::After(500, "OperationalError"), Fault::Before(500, "x")];
        for fault in faults {
            let (site, erp) = open().await;
            let mut named = order(SO1);
            named.lines[1].description = "<b>\"5\"</b> & 6 > 4".to_owned();
            erp.booked(&named).await;
            let (stands, wanted) = (content(&only(&site)), change(SO1, 1, OTHER, "0"));
            site.books().drift = Some((Decimal::from(28), Decimal::ONE));
            let before = site.books().calls.len();
            if calls.is_some() {
                site.books().fault_at = Some((at, fault));
                erp.submit(&wanted).await.expect_err("the answer is lost");
            }
            let reasons = erp.refused(&wanted).await;
            calls = calls.or(Some(site.books().calls.len() - before));
            let net = reasons.iter().find(|it| it.rule == "net_total").expect("the net");
            assert_eq!(
                (net.code.as_str(), net.expected.as_str(), net.actual.as_str()),
                ("TOTALS_MISMATCH", "28.00", "29.0")
            );
            let now = only(&site);
            assert_eq!(now["grand_total"], stands[2], "{at} {fault:?}");
            assert_eq!(now["items"][1]["description"], stands[0][1]["description"]);
            assert_eq!((lines(&now), &now["dealflow_changes"]), (vec!["1".to_owned(), "2".to_owned()], &json!("")));
            assert_eq!(erp.look_up(&wanted.external_id).await.expect_err("not taken").code(), Code::NotFound);
            site.books().drift = None;
            erp.booked(&wanted).await;
        }
        if Some(at + 1) >= calls {
            break;
        }
    }
    assert!(calls >= Some(12), "{calls:?}");
}

/// refusal: it is an error until a person mends it.
#[tokio::test]
async fn an_order_that_cannot_be_taken_back_is_no_refusal() {
    let (site, erp) = open().await;
    let items = [("1", "3", "10.00", 20, "0"), ("2", "1", "5.00", 10, "0")];
    erp.booked(&document(DocumentType::Order, SO1, &items, "0")).await;
    site.books().drift = Some((Decimal::from(28), Decimal::ONE));
    let wanted = change(SO1, 1, OTHER, "0");
    for _ in 0..2 {
        let left = erp.submit(&wanted).await.expect_err("no refusal");
        assert_eq!(left.code(), Code::Internal);
        assert!(left.message().contains("cannot be taken back"), "{left}");
    }
    site.books().drift = None;
    erp.booked(&wanted).await;
    assert_eq!(lines(&only(&site)), ["1", "3"]);
}

/// R-ERP-1: many attempts at once, from two adapters, are one change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_at_once_are_one_change() {
    let (site, url) = Site::open().await;
    let adapters = [link(&url, MAPPING), link(&url, MAPPING)];
    Caller::of(adapters[0].clone()).booked(&order(SO1)).await;
    let attempts = (0..12).map(|number| {
        let erp = Caller::of(adapters[number % 2].clone());
        tokio::spawn(async move {
            // As the gateway does: what fails is tried again.
            for _ in 0..200 {
                if let Ok(answer) = erp.submit(&change(SO1, 1, OTHER, "0")).await {
                    return answer;
                }
            }
            panic!("never answered")
        })
    });
    for attempt in attempts.collect::<Vec<_>>() {
        let answer = attempt.await.expect("the attempt ends");
        assert_eq!(answer.outcome(), Outcome::Accepted, "{:?}", answer.reasons);
    }
    let now = only(&site);
    assert_eq!((&now["grand_total"], lines(&now)), (&json!(33.6), vec!["1".to_owned(), "3".to_owned()]));
    let noted = now["dealflow_changes"].as_str().expect("noted").to_owned();
    assert_eq!((noted.matches(":c1").count(), noted.contains("before")), (1, false), "{noted}");
}

/// R-ERP-1: an attempt that is late, after another took the change, does not undo what that one noted.
#[tokio::test]
async fn a_late_attempt_does_not_undo_what_another_noted() {
    let wanted = change(SO1, 1, OTHER, "0");
    let taken = {
        let (site, erp) = open().await;
        erp.booked(&order(SO1)).await;
        erp.booked(&wanted).await;
        only(&site)["dealflow_changes"].clone()
    };
    let (site, erp) = open().await;
    erp.booked(&order(SO1)).await;
    let noted = taken.clone();
    let other = move |books: &mut Books| {
        let mut order = books.orders[0].clone();
        order["dealflow_changes"] = noted;
        books.touch(&mut order);
        books.orders[0] = order;
        books.refuses = Some("Row #2: Cannot delete item SERVICE which has already been billed.");
    };
    site.books().meanwhile = Some((UPDATE_ITEMS, Box::new(other)));
    let late = erp.submit(&wanted).await.expect_err("no refusal: it is asked again");
    assert_eq!(late.code(), Code::Aborted, "{late}");
    assert_eq!(only(&site)["dealflow_changes"], taken);
    assert!(erp.submit(&wanted).await.expect("known by now").replayed);
}
