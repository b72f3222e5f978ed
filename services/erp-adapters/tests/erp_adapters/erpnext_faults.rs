//! ERPNext: whatever goes wrong on the way, a document is there once.

use dealflow_proto::erp::v1::Outcome;
use serde_json::json;
use tonic::Code;

use crate::house::{INV1, SO1, cancellation, invoice, order};
use crate::mapping::{MAPPING, connected, link};
use crate::site::{Fault, Site, TOKEN};

/// R-ERP-1: an answer that is lost, at whichever call, before or after what it does, ends in one document.
#[tokio::test]
async fn an_answer_lost_at_any_call_ends_in_one_document() {
    for (method, code) in [("GET", None), ("POST", Some(0)), ("PUT", Some(1))] {
        for fault in [Fault::Cut, Fault::Hang, Fault::After(500, "OperationalError"), Fault::Before(500, "x")] {
            let (site, url) = Site::open().await;
            let erp = connected(&url, MAPPING);
            site.fail(method, "Sales Order", fault);
            let lost = erp.submit(&order(SO1)).await.expect_err("the answer is lost");
            let expected = match fault {
                Fault::Cut => Code::Unknown,
                Fault::Hang => Code::DeadlineExceeded,
                _ => Code::Internal,
            };
            assert_eq!(lost.code(), expected, "{method} {fault:?}: {lost}");
            let done = !matches!(fault, Fault::Before(..));
            let left = site.of(SO1).first().map(|it| it["docstatus"].as_i64().expect("a docstatus"));
            let before = if method == "PUT" { Some(0) } else { None };
            assert_eq!(left, if done { code.or(before) } else { before }, "{method} {fault:?}");
            // A draft that was left behind is not in the books.
            let found = erp.look_up(SO1).await;
            assert_eq!(found.is_ok(), left == Some(1), "{method} {fault:?}");
            let again = erp.submit(&order(SO1)).await.expect("completed");
            assert_eq!((again.outcome(), again.replayed), (Outcome::Accepted, left == Some(1)), "{method} {fault:?}");
            let there = site.of(SO1);
            assert_eq!((there.len(), &there[0]["docstatus"]), (1, &json!(1)), "{method} {fault:?}");
        }
    }
}

/// R-ERP-1: a cancellation whose answer was lost is found by its id, or completed.
#[tokio::test]
async fn a_cancellation_is_completed_after_a_lost_answer() {
    for skipped in 0..2 {
        let (site, url) = Site::open().await;
        let erp = connected(&url, MAPPING);
        erp.booked(&order(SO1)).await;
        if skipped == 1 {
            // The note passes, the cancellation itself is lost: both are PUTs.
            site.fail("PUT", "Sales Order", Fault::Before(503, "SessionStopped"));
            erp.submit(&cancellation(SO1)).await.expect_err("it is away");
        }
        site.fail("PUT", "Sales Order", Fault::Cut);
        erp.submit(&cancellation(SO1)).await.expect_err("the answer is lost");
        erp.look_up(&format!("{SO1}:x")).await.expect_err("only the note was written");
        erp.booked(&cancellation(SO1)).await;
        erp.look_up(&format!("{SO1}:x")).await.expect("found by its id");
        assert_eq!(site.of(SO1)[0]["docstatus"], 2);
    }
}

/// R-ERP-1: what each HTTP status means to the hand-over.
#[tokio::test]
async fn every_status_has_its_meaning() {
    let (site, url) = Site::open().await;
    let erp = connected(&url, MAPPING);
    let table = [
        (401, "AuthenticationError", Code::Unauthenticated),
        (403, "PermissionError", Code::PermissionDenied),
        (409, "DuplicateEntryError", Code::Aborted),
        (417, "UniqueValidationError", Code::Aborted),
        (417, "TimestampMismatchError", Code::Aborted),
        (429, "TooManyRequestsError", Code::ResourceExhausted),
        (500, "OperationalError", Code::Internal),
        (502, "", Code::Unavailable),
        (503, "SessionStopped", Code::Unavailable),
    ];
    for (status, kind, code) in table {
        site.fail("POST", "Sales Order", Fault::Before(status, kind));
        let failed = erp.submit(&order(SO1)).await.expect_err("it fails");
        assert_eq!(failed.code(), code, "{status} {kind}");
        assert!(!failed.message().contains(TOKEN), "no secret in {failed}");
    }
    site.fail("GET", "Sales Order", Fault::Before(417, "DataError"));
    let unready = erp.submit(&order(SO1)).await.expect_err("a site without our fields");
    assert_eq!(unready.code(), Code::Unavailable, "a refused question is no refused document");
    assert!(unready.message().contains("custom fields"));
    site.fail("POST", "Sales Order", Fault::Before(417, "ValidationError"));
    erp.refused(&order(SO1)).await;
    erp.booked(&order(SO1)).await;
}

/// R-SEC-1: a credential that is not believed is told as such, and never shown.
#[tokio::test]
async fn a_token_that_is_not_believed_pauses_the_target() {
    let (site, url) = Site::open().await;
    site.books().token = "another:token".to_owned();
    let erp = connected(&url, MAPPING);
    let denied = erp.submit(&order(SO1)).await.expect_err("not let in");
    assert_eq!(denied.code(), Code::Unauthenticated);
    assert!(!format!("{denied:?}").contains(TOKEN));
    assert_eq!(erp.look_up(SO1).await.expect_err("not let in").code(), Code::Unauthenticated);
}

/// R-ERP-1: nobody there is UNAVAILABLE, and costs nothing.
#[tokio::test]
async fn a_site_that_is_away_is_unavailable() {
    let erp = connected("http://127.0.0.1:1", MAPPING);
    assert_eq!(erp.submit(&order(SO1)).await.expect_err("nobody").code(), Code::Unavailable);
    assert_eq!(erp.look_up(SO1).await.expect_err("nobody").code(), Code::Unavailable);
}

/// R-ERP-1: a draft of other content was never booked: it makes room.
#[tokio::test]
async fn a_draft_of_other_content_makes_room() {
    let (site, url) = Site::open().await;
    let erp = connected(&url, MAPPING);
    site.fail("POST", "Sales Order", Fault::Cut);
    let mut first = order(SO1);
    first.customer_reference = "old".to_owned();
    erp.submit(&first).await.expect_err("lost, and drafted");
    erp.booked(&order(SO1)).await;
    let there = site.of(SO1);
    assert_eq!((there.len(), &there[0]["po_no"]), (1, &json!("PO-77")));
}

/// R-ERP-1: many attempts at once, from two adapters, are one document.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_at_once_are_one_document() {
    let (site, url) = Site::open().await;
    let adapters = [link(&url, MAPPING), link(&url, MAPPING)];
    for document in [order(SO1), invoice(INV1, SO1)] {
        let attempts = (0..12).map(|number| {
            let erp = crate::house::Caller::of(adapters[number % 2].clone());
            let document = document.clone();
            tokio::spawn(async move {
                // As the gateway does: what fails is tried again.
                for _ in 0..50 {
                    if let Ok(answer) = erp.submit(&document).await {
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
        let there = site.of(&document.external_id);
        assert_eq!((there.len(), &there[0]["docstatus"]), (1, &json!(1)));
    }
}
