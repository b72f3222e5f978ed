//! R-API-1: the same id and content gives the same answer and one effect; the same id with other content is refused.

use std::time::Duration;

use chrono::TimeDelta;
use dealflow_chassis::context::{ACTOR, FLOW};
use dealflow_proto::leads::v1::{ContactLeadRequest, Lead, ReactivateLeadRequest};
use dealflow_testbed::{TestDb, both, refusal};
use futures::future::{join_all, ready};
use prost::Message;
use tokio::sync::oneshot;
use tonic::{Code, Request, Status};

use crate::counter::{Counters, count};

/// Sends requests at the same time, each from a task of its own.
async fn at_once(counters: &Counters, asks: impl IntoIterator<Item = ContactLeadRequest>) -> Vec<Result<Lead, Status>> {
    let calls = asks.into_iter().map(|ask| {
        let counters = counters.clone();
        tokio::spawn(async move { counters.send(ask).await })
    });
    join_all(calls).await.into_iter().map(|call| call.expect("no call panics")).collect()
}

both! {
    async fn sixty_four_copies_at_once_have_one_effect_and_equal_answers(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let ask = counters.ask(0);
        let answers = at_once(&counters, vec![ask; 64]).await;
        let answers: Vec<Lead> = answers.into_iter().collect::<Result<_, _>>().expect("every copy is answered");
        assert_eq!(answers.len(), 64);
        assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
        assert_eq!(answers[0].notes, "1");
        counters.assert_counted(0, 1).await;
        assert_eq!(counters.remembered().await, 1);
    }

    async fn sixty_four_requests_at_once_each_have_their_effect(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let answers = at_once(&counters, (0..64).map(|_| counters.ask(0))).await;
        let mut values: Vec<i64> = answers
            .into_iter()
            .map(|answer| answer.expect("every request is answered").notes.parse().expect("a number"))
            .collect();
        values.sort_unstable();
        assert_eq!(values, (1..=64).collect::<Vec<_>>());
        counters.assert_counted(0, 64).await;
    }

    async fn a_repeated_request_is_answered_as_the_first_time_whatever_came_after(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let ask = counters.ask(0);
        let first = counters.send(ask.clone()).await.expect("the first");
        counters.time.advance(TimeDelta::hours(1));
        counters.send(counters.ask(0)).await.expect("another");
        let again = counters.send(ask).await.expect("the first again");
        assert_eq!(again.encode_to_vec(), first.encode_to_vec());
        counters.assert_counted(0, 2).await;
    }

    async fn a_repeated_request_is_answered_by_a_store_that_was_opened_again(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let ask = counters.ask(0);
        let first = counters.send(ask.clone()).await.expect("the first");
        counters.store.close().await.expect("it closes");
        let store = db.store::<crate::counter::Migrator>("spine", counters.time.clock()).await;
        let counters = Counters { store, ..counters };
        assert_eq!(counters.send(ask).await.expect("the first again"), first);
        counters.assert_counted(0, 1).await;
    }

    async fn a_repeated_request_is_answered_though_the_clock_went_back(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let now = counters.time.now();
        let effective_time = Some(prost_types::Timestamp { seconds: now.timestamp(), nanos: 0 });
        let ask = ContactLeadRequest { effective_time, ..counters.ask(0) };
        let first = counters.send(ask.clone()).await.expect("the first");
        counters.time.advance(TimeDelta::seconds(-5));
        assert_eq!(counters.send(ask).await.expect("the first again"), first);
        counters.assert_counted(0, 1).await;
    }

    async fn an_id_that_stands_for_other_content_is_refused(db: TestDb) {
        let counters = Counters::new(&db, 2).await;
        let ask = counters.ask(0);
        let first = counters.send(ask.clone()).await.expect("the first");
        for other in [
            ContactLeadRequest { note: "something else".to_owned(), ..ask.clone() },
            ContactLeadRequest { name: counters.names[1].clone(), ..ask.clone() },
        ] {
            let refused = refusal(&counters.send(other).await.expect_err("the id is used"));
            assert_eq!((refused.code, refused.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
            assert_eq!(refused.metadata["request_id"], ask.request_id);
            assert!(refused.message.contains("a new request needs a new id"), "{}", refused.message);
        }
        counters.assert_counted(0, 1).await;
        counters.assert_counted(1, 0).await;
        assert_eq!(counters.send(ask).await.expect("the first is remembered still"), first);
    }

    async fn an_id_that_stands_for_another_method_is_refused_though_the_bytes_are_equal(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let ask = counters.ask(0);
        let other = ReactivateLeadRequest::decode(ask.encode_to_vec().as_slice()).expect("the fields are the same");
        assert_eq!(other.encode_to_vec(), ask.encode_to_vec());
        counters.send(ask).await.expect("the first");
        let refused = refusal(&counters.send(other).await.expect_err("the id is used"));
        assert_eq!(refused.reason, "REQUEST_ID_REUSED");
        assert!(refused.message.contains("ContactLeadRequest"), "it says what for: {}", refused.message);
        counters.assert_counted(0, 1).await;
    }

    async fn of_two_contents_at_once_under_one_id_one_wins_and_the_other_is_refused(db: TestDb) {
        let counters = Counters::new(&db, 2).await;
        let ask = counters.ask(0);
        let other = ContactLeadRequest { name: counters.names[1].clone(), ..ask.clone() };
        let asks = (0..64).map(|n| if n % 2 == 0 { ask.clone() } else { other.clone() });
        let answers = at_once(&counters, asks).await;
        let winner = answers.iter().find_map(|answer| answer.as_ref().ok()).expect("one wins").name.clone();
        let won = usize::from(winner == counters.names[1]);
        for (n, answer) in answers.iter().enumerate() {
            match answer {
                Ok(lead) => assert_eq!((n % 2, lead.notes.as_str()), (won, "1")),
                Err(status) => assert_eq!((n % 2, refusal(status).reason.as_str()), (1 - won, "REQUEST_ID_REUSED")),
            }
        }
        counters.assert_counted(won, 1).await;
        counters.assert_counted(1 - won, 0).await;
    }

    async fn a_refusal_changes_nothing_and_is_not_remembered(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let ask = counters.ask(0);
        let refused = refusal(&counters.send_in_vain(ask.clone()).await);
        assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "GUARD"));
        counters.assert_counted(0, 0).await;
        assert_eq!(counters.remembered().await, 0);

        let other = ContactLeadRequest { note: "now with a note".to_owned(), ..ask };
        assert_eq!(counters.send(other).await.expect("the id is free").notes, "1");
        counters.assert_counted(0, 1).await;
    }

    async fn copies_that_wait_for_a_refused_request_are_done_in_its_place(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let ask = counters.ask(0);
        let (inside, is_inside) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let first = tokio::spawn({
            let (counters, ask) = (counters.clone(), ask.clone());
            async move {
                let refusing = || async move {
                    inside.send(()).expect("the test waits");
                    may_go_on.await.expect("the test goes on");
                    Err(dealflow_chassis::Refusal::guard("not today", &[]))
                };
                counters.send_and(ask, refusing).await
            }
        });
        is_inside.await.expect("the first is inside");
        let copies = tokio::spawn({
            let (counters, asks) = (counters.clone(), vec![ask; 3]);
            async move { at_once(&counters, asks).await }
        });
        go_on.send(()).expect("the first goes on");
        // On PostgreSQL a copy may be done before the first one refuses: then its answer holds for the first one too.
        match first.await.expect("no panic") {
            Ok(answer) => assert_eq!(answer.notes, "1"),
            Err(refused) => assert_eq!(refused.code(), Code::FailedPrecondition),
        }
        for copy in copies.await.expect("no panic") {
            assert_eq!(copy.expect("a copy is done").notes, "1");
        }
        counters.assert_counted(0, 1).await;
    }

    async fn a_handler_that_panics_leaves_nothing_behind(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let ask = counters.ask(0);
        let panicking = tokio::spawn({
            let (counters, ask) = (counters.clone(), ask.clone());
            async move { counters.send_and(ask, || async { panic!("a bug in a rule") }).await }
        });
        assert!(panicking.await.expect_err("it panics").is_panic());
        counters.assert_counted(0, 0).await;
        assert_eq!(counters.send(ask).await.expect("the id is free").notes, "1");
        counters.assert_counted(0, 1).await;
    }

    async fn a_call_that_is_dropped_half_way_leaves_nothing_behind_and_blocks_nobody(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let ask = counters.ask(0);
        let (inside, is_inside) = oneshot::channel();
        let dropped = tokio::spawn({
            let (counters, ask) = (counters.clone(), ask.clone());
            async move {
                let hanging = || async move {
                    inside.send(()).expect("the test waits");
                    std::future::pending().await
                };
                counters.send_and(ask, hanging).await
            }
        });
        is_inside.await.expect("it is inside");
        dropped.abort();
        assert!(dropped.await.expect_err("it was dropped").is_cancelled());
        counters.assert_counted(0, 0).await;
        let sent = tokio::time::timeout(Duration::from_secs(5), counters.send(ask)).await;
        assert_eq!(sent.expect("nothing is locked").expect("the id is free").notes, "1");
        counters.assert_counted(0, 1).await;
    }

    async fn only_validating_changes_nothing_and_is_not_remembered(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let ask = ContactLeadRequest { validate_only: true, ..counters.ask(0) };
        for _ in 0..2 {
            let answer = counters.send(ask.clone()).await.expect("it would be done");
            assert_eq!((answer.notes.as_str(), answer.etag.as_str()), ("1", "2"), "what would be answered");
        }
        counters.assert_counted(0, 0).await;
        assert_eq!(counters.remembered().await, 0);
        let refused = refusal(&counters.send_in_vain(ask.clone()).await);
        assert_eq!(refused.reason, "GUARD", "what would be refused");

        let earnest = ContactLeadRequest { validate_only: false, ..ask };
        assert_eq!(counters.send(earnest).await.expect("the id is free").notes, "1");
        counters.assert_counted(0, 1).await;
    }

    async fn a_change_is_told_with_who_when_why_and_under_which_flow(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let flow = "0198c0de-0000-7000-8000-000000000001";
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        counters.time.advance(TimeDelta::minutes(90));
        let ask = counters.ask(0);
        let mut request = Request::new(ask.clone());
        for (key, value) in [(ACTOR, "employees/ada"), (FLOW, flow), ("traceparent", traceparent)] {
            request.metadata_mut().insert(key, value.parse().expect("ASCII"));
        }
        let answer = count(&counters.store, request, || ready(Ok(()))).await.expect("it is done");

        let told = counters.history(0).await.remove(0).into_event(7);
        assert_eq!((told.actor.as_str(), told.flow_id.as_str()), ("employees/ada", flow));
        assert_eq!((told.from_state.as_str(), told.to_state.as_str()), ("0", "1"));
        assert_eq!((told.r#type.as_str(), told.verb.as_str()), ("counter.odd", "ContactLead"));
        assert_eq!((&told.subject, told.thread.as_str()), (&counters.names[0], "opportunities/one"));
        assert_eq!((told.reason.as_str(), told.position), ("it was asked for", 7));
        assert_eq!((told.request_id, told.traceparent.as_str()), (ask.request_id, traceparent));
        assert_eq!(told.time.map(|time| time.seconds), Some(counters.time.now().timestamp()));
        assert_eq!(told.time_in_state.map(|span| span.seconds), Some(90 * 60));
        let data = told.data.expect("the record after the change");
        assert_eq!(data.type_url, "type.googleapis.com/dealflow.leads.v1.Lead");
        assert_eq!(Lead::decode(data.value.as_slice()).expect("a lead"), answer);
    }
}
