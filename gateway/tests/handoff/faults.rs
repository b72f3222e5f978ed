//! R-ERP-1: whatever the ERP does wrong, a document is in its books once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use dealflow_chassis::link::{Link, LinkConfig, Transport};
use dealflow_gateway::handoff::record::State;
use dealflow_gateway::handoff::{Handoffs, Settings};
use dealflow_proto::erp::v1::{Attempt, FaultKind, handoff};
use dealflow_testbed::{TestDb, both, eventually};
use tonic::Status;
use tower::{Service, ServiceExt, layer::layer_fn, service_fn};

use crate::house::{House, LONG, invoice, new, order, settings, work};

fn codes(attempts: &[Attempt]) -> Vec<(&str, &str, handoff::State)> {
    attempts.iter().map(|it| (it.method.as_str(), it.code.as_str(), it.state())).collect()
}

both! {
    /// R-ERP-1
    async fn an_answer_that_was_lost_after_the_booking_is_found_by_asking(db: TestDb) {
        let house = House::open(db).await;
        // The look-ups that follow fail too, twice: the document stays uncertain and is not sent again.
        house.plan(&[(FaultKind::LoseAnswer, 1, ""), (FaultKind::Outage, 2, "")]).await;
        let document = order("SO-1");
        let name = house.hand_over(&document).await;
        let found = house.becomes_in_time(&name, State::Delivered, TimeDelta::seconds(15)).await;
        assert_eq!(
            codes(&found.attempts),
            [
                ("SubmitOrder", "UNKNOWN", handoff::State::Uncertain),
                ("GetDocumentStatus", "UNAVAILABLE", handoff::State::RetryWait),
                ("GetDocumentStatus", "UNAVAILABLE", handoff::State::RetryWait),
                ("GetDocumentStatus", "OK", handoff::State::Delivered),
            ]
        );
        assert_eq!(house.times_sent(&document.external_id).await, 1);
        assert_eq!(house.books().await.len(), 1);
        assert_eq!(found.erp_number, house.books().await[0].erp_number);
    }

    /// R-ERP-1
    async fn every_fault_ends_with_the_document_in_the_books_once(db: TestDb) {
        let house = House::build(db, Settings { call_deadline: Duration::from_secs(1), ..settings() }).await;
        house.work();
        let faults = [
            (FaultKind::LoseAnswer, "UNKNOWN", handoff::State::Uncertain),
            (FaultKind::ErrorBeforeCommit, "UNAVAILABLE", handoff::State::Uncertain),
            (FaultKind::ErrorAfterCommit, "INTERNAL", handoff::State::Uncertain),
            (FaultKind::Hang, "DEADLINE_EXCEEDED", handoff::State::Uncertain),
            (FaultKind::Outage, "UNAVAILABLE", handoff::State::Uncertain),
            (FaultKind::RateLimit, "RESOURCE_EXHAUSTED", handoff::State::RetryWait),
            (FaultKind::Latency, "OK", handoff::State::Delivered),
        ];
        for (place, (kind, code, state)) in faults.into_iter().enumerate() {
            let document = order(&format!("SO-{place}"));
            house.plan(&[(kind, 2, &document.external_id)]).await;
            let name = house.hand_over(&document).await;
            let found = house.becomes_in_time(&name, State::Delivered, TimeDelta::seconds(15)).await;
            let first = &found.attempts[0];
            assert_eq!((first.code.as_str(), first.state()), (code, state), "{kind:?}");
            let journal = house.journal(&document.external_id).await;
            let sent: Vec<_> = journal.iter().filter(|entry| entry.method == "SubmitOrder").collect();
            assert!(sent.iter().all(|entry| name.ends_with(&entry.idempotency_key)), "{kind:?}: one key");
            assert!(sent.iter().all(|entry| entry.document_sha256 == found.document_sha256), "{kind:?}: the same bytes");
            assert_eq!(house.books().await.len(), place + 1, "{kind:?}");
        }
    }

    /// R-ERP-1
    async fn an_outage_over_a_long_weekend_loses_nothing(db: TestDb) {
        let house = House::open(db).await;
        house.plan(&[(FaultKind::Outage, 0, "")]).await;
        let orders: Vec<_> = (0..10).map(|number| order(&format!("SO-{number}"))).collect();
        for order in &orders {
            house.hand_over(&invoice(order, &order.number)).await;
            house.hand_over(order).await;
        }
        let away = house.now();
        let mut heard = 0;
        while house.now() - away < TimeDelta::hours(75) {
            // The clock moves when the ERP was tried, in vain, and nothing is on its way.
            let had = heard;
            heard = eventually("a try", LONG, || async {
                let calls = house.journal("").await.len();
                let idle = house.all().await.iter().all(|row| row.state != State::InFlight);
                (idle && calls > had).then_some(calls)
            })
            .await;
            house.time.advance(TimeDelta::minutes(30));
        }
        let rows = house.all().await;
        assert!(rows.iter().all(|row| row.state != State::DeadLettered));
        assert!(rows.iter().all(|row| row.attempts < 5), "attempts are spent before the breaker opens, not after");
        house.clear().await;
        eventually("everything to be delivered", LONG, || async {
            let rows = house.all().await;
            if rows.iter().all(|row| row.state != State::InFlight) {
                house.time.advance(TimeDelta::seconds(40));
            }
            rows.iter().all(|row| row.state == State::Delivered)
        })
        .await;
        assert_eq!(house.books().await.len(), 20);
    }

    /// R-ERP-1
    async fn a_document_that_fails_while_others_pass_is_set_aside(db: TestDb) {
        let house = House::open(db).await;
        house.plan(&[(FaultKind::ErrorBeforeCommit, 0, "BAD")]).await;
        let bad = house.hand_over(&order("BAD")).await;
        let mut others = Vec::new();
        for number in 0..20 {
            others.push(house.hand_over(&order(&format!("SO-{number}"))).await);
            house.tick(TimeDelta::seconds(60)).await;
        }
        let found = house.becomes(&bad, State::DeadLettered).await;
        assert_eq!(found.attempt_count, 5, "long before its budget is spent");
        assert!(!found.last_error.is_empty());
        for name in others {
            house.becomes(&name, State::Delivered).await;
        }
    }

    /// R-ERP-1
    async fn a_budget_that_is_spent_ends_in_the_dead_letters(db: TestDb) {
        let house = House::open(db).await;
        // A rate limit says nothing of document or target: neither poison nor breaker end it.
        house.plan(&[(FaultKind::RateLimit, 0, "")]).await;
        let name = house.hand_over(&order("SO-1")).await;
        let began = house.now();
        let found = house.becomes_in_time(&name, State::DeadLettered, TimeDelta::hours(1)).await;
        assert_eq!((found.attempt_count, found.attempts.len()), (14, 14));
        assert!(house.now() - began > TimeDelta::hours(60), "75.7 h, a fifth less at the least");
    }

    /// R-ERP-1
    async fn a_target_that_does_not_let_us_in_is_paused_and_costs_nothing(db: TestDb) {
        let denied = Arc::new(AtomicBool::new(true));
        let gate = denied.clone();
        let house = House::build_over(db, settings(), move |link| {
            link.layered(layer_fn(move |transport: Transport| {
                let gate = gate.clone();
                service_fn(move |request| {
                    let (mut transport, gate) = (transport.clone(), gate.clone());
                    async move {
                        if gate.load(Ordering::Relaxed) {
                            return Err(Status::unauthenticated("the credential has expired"));
                        }
                        transport.ready().await?.call(request).await
                    }
                })
            }))
        })
        .await;
        house.work();
        let name = house.hand_over(&order("SO-1")).await;
        let found = eventually("a try", LONG, || async {
            let found = house.get(&name).await;
            let tried = !found.attempts.is_empty() && found.state() != handoff::State::InFlight;
            tried.then_some(found)
        })
        .await;
        assert_eq!(found.state(), handoff::State::Ready);
        assert_eq!(found.attempt_count, 0);
        assert_eq!(codes(&found.attempts), [("SubmitOrder", "UNAUTHENTICATED", handoff::State::Ready)]);
        denied.store(false, Ordering::Relaxed);
        house.handoffs.resume();
        house.becomes(&name, State::Delivered).await;
    }

    /// R-ERP-1
    async fn what_was_not_sent_is_sent_later_without_asking(db: TestDb) {
        let house = House::build(db, settings()).await;
        let nowhere = Link::remote("http://127.0.0.1:1", &LinkConfig::default()).expect("it is an address");
        let lost = Handoffs::new(house.store.clone(), nowhere, settings());
        let (worker, stop) = work(&lost);
        let document = order("SO-1");
        let name = lost.store(new(&document)).await.expect("it is stored");
        let found = house.becomes(&name, State::RetryWait).await;
        assert_eq!(codes(&found.attempts), [("SubmitOrder", "UNAVAILABLE", handoff::State::RetryWait)]);
        stop.cancel();
        worker.await.expect("the worker ends");
        house.work();
        house.becomes_in_time(&name, State::Delivered, TimeDelta::seconds(5)).await;
        assert_eq!(house.calls(&document.external_id).await, ["SubmitOrder"]);
    }
}
