//! R-ERP-1: in order within a chain, and no chain waits for another.

use chrono::TimeDelta;
use dealflow_gateway::handoff::Settings;
use dealflow_gateway::handoff::record::State;
use dealflow_gateway::handoff::schedule::RetrySchedule;
use dealflow_proto::erp::v1::{AdoptHandoffRequest, FaultKind, SubmitOrderRequest, handoff};
use dealflow_testbed::{TestDb, both, id};
use prost::Message;
use sha2::{Digest, Sha256};

use crate::house::{House, invoice, order, settings};

both! {
    /// R-ERP-1
    async fn an_order_goes_before_its_invoices_and_they_go_one_by_one(db: TestDb) {
        let house = House::open(db).await;
        let orders: Vec<_> = (0..5).map(|number| order(&format!("SO-{number}"))).collect();
        let mut names = Vec::new();
        for order in &orders {
            for number in 0..3 {
                names.push(house.hand_over(&invoice(order, &format!("{}-{number}", order.number))).await);
            }
        }
        for order in &orders {
            names.push(house.hand_over(order).await);
        }
        for name in &names {
            house.becomes(name, State::Delivered).await;
        }
        let journal: Vec<String> = house.journal("").await.into_iter().map(|entry| entry.external_id).collect();
        for order in &orders {
            let place = |id: &str| journal.iter().position(|it| it == id);
            let chain = [
                place(&order.external_id),
                place(&format!("df:invoice:{}-0", order.number)),
                place(&format!("df:invoice:{}-1", order.number)),
                place(&format!("df:invoice:{}-2", order.number)),
            ];
            assert!(chain.is_sorted(), "{chain:?} in {journal:?}");
        }
        assert_eq!(journal.len(), 20, "each was sent once");
    }

    /// R-ERP-1
    async fn a_refused_order_holds_its_own_invoices_back_and_nobody_elses(db: TestDb) {
        let house = House::open(db).await;
        house.plan(&[(FaultKind::Refuse, 0, "BAD")]).await;
        let (bad, good) = (order("BAD"), order("SO-1"));
        let waiting = house.hand_over(&invoice(&bad, "INV-1")).await;
        let passing = house.hand_over(&invoice(&good, "INV-2")).await;
        let refused = house.hand_over(&bad).await;
        house.hand_over(&good).await;
        house.becomes(&refused, State::Rejected).await;
        house.becomes(&passing, State::Delivered).await;
        assert_eq!(house.get(&waiting).await.state(), handoff::State::Blocked);
        assert_eq!(house.times_sent("df:invoice:INV-1").await, 0);
    }

    /// R-ERP-1
    async fn an_order_that_the_erp_forgot_blocks_its_invoice_at_no_cost(db: TestDb) {
        let once = RetrySchedule { waits: Vec::new(), jitter_percent: 0 };
        let house = House::build(db, Settings { schedule: once, ..settings() }).await;
        house.work();
        house.plan(&[(FaultKind::ErrorBeforeCommit, 1, "")]).await;
        let order = order("SO-1");
        let lost = house.hand_over(&order).await;
        house.becomes(&lost, State::DeadLettered).await;
        let billed = house.hand_over(&invoice(&order, "INV-1")).await;
        let adopt = AdoptHandoffRequest {
            name: lost,
            erp_number: "ERP-SO-9".to_owned(),
            request_id: id(),
            ..Default::default()
        };
        house.operator().adopt_handoff(adopt).await.expect("a dead letter is adopted");
        // Our books say delivered, the ERP's do not: it says so.
        let found = dealflow_testbed::eventually("the ERP's word", crate::house::LONG, || async {
            let found = house.get(&billed).await;
            (found.state() == handoff::State::Blocked && !found.attempts.is_empty()).then_some(found)
        })
        .await;
        assert_eq!(found.attempt_count, 0);
        assert_eq!(found.attempts[0].code, "FAILED_PRECONDITION");
        let body = order.encode_to_vec();
        let sha256 = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        let by_hand = SubmitOrderRequest {
            external_id: order.external_id.clone(),
            idempotency_key: id(),
            document_sha256: sha256,
            document: body,
        };
        house.erp_client().submit_order(by_hand).await.expect("the order is entered by hand");
        house.becomes_in_time(&billed, State::Delivered, TimeDelta::seconds(30)).await;
    }

    /// R-ERP-1
    async fn a_chain_with_many_documents_waits_for_its_next_turn(db: TestDb) {
        let house = House::build(db, Settings { concurrency: 1, batch: 1, ..settings() }).await;
        let (many, one) = (order("MANY"), order("ONE"));
        let (worker, stop) = house.work();
        let first = house.hand_over(&many).await;
        house.becomes(&first, State::Delivered).await;
        stop.cancel();
        worker.await.expect("the worker ends");
        let mut last = String::new();
        for number in 0..4 {
            last = house.hand_over(&invoice(&many, &format!("INV-{number}"))).await;
        }
        house.time.advance(TimeDelta::seconds(1));
        let other = house.hand_over(&one).await;
        house.time.advance(TimeDelta::seconds(1));
        house.work();
        house.becomes(&last, State::Delivered).await;
        house.becomes(&other, State::Delivered).await;
        let journal: Vec<String> = house.journal("").await.into_iter().map(|entry| entry.external_id).collect();
        assert_eq!(
            journal,
            ["df:order:MANY", "df:invoice:INV-0", "df:order:ONE", "df:invoice:INV-1", "df:invoice:INV-2", "df:invoice:INV-3"]
        );
    }
}
