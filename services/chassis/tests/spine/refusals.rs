//! What is refused before a rule is asked: stale writes, wrong times, malformed requests.

use std::future::ready;

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_chassis::{Change, Clock, Refusal, Store, Work};
use dealflow_proto::leads::v1::{ContactLeadRequest, Lead};
use dealflow_testbed::{TestDb, both, id, refusal};
use futures::future::join_all;
use prost_types::Timestamp;
use tonic::{Code, Request};

use crate::counter::{Counters, Migrator, count};

fn timestamp(time: DateTime<Utc>) -> Option<Timestamp> {
    let nanos = time.timestamp_subsec_nanos().try_into().expect("less than a second");
    Some(Timestamp { seconds: time.timestamp(), nanos })
}

both! {
    /// R-API-1
    async fn a_stale_write_is_refused_with_the_etag_that_is(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let seen = counters.send(counters.ask(0)).await.expect("the first").etag;
        counters.send(counters.ask(0)).await.expect("somebody else was faster");
        let stale = ContactLeadRequest { etag: seen.clone(), ..counters.ask(0) };
        let refused = refusal(&counters.send(stale.clone()).await.expect_err("it is stale"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::Aborted, "STALE_ETAG"));
        assert_eq!(refused.metadata["etag"], "3");
        assert_eq!(refused.metadata["resource"], counters.names[0]);
        counters.assert_counted(0, 2).await;

        let fresh = ContactLeadRequest { etag: refused.metadata["etag"].clone(), ..stale };
        counters.send(fresh).await.expect("the same id with the etag that is");
        counters.assert_counted(0, 3).await;
    }

    /// R-API-1
    async fn of_many_who_saw_the_same_version_one_writes(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let calls = (0..32).map(|_| {
            let (counters, ask) = (counters.clone(), ContactLeadRequest { etag: "1".to_owned(), ..counters.ask(0) });
            tokio::spawn(async move { counters.send(ask).await })
        });
        let answers: Vec<_> = join_all(calls).await.into_iter().map(|call| call.expect("no panic")).collect();
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            assert_eq!((refused.code(), refusal(refused).metadata["etag"].as_str()), (Code::Aborted, "2"));
        }
        counters.assert_counted(0, 1).await;
    }

    async fn an_effective_time_in_the_future_is_refused(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let soon = counters.time.now() + TimeDelta::microseconds(1);
        let ask = ContactLeadRequest { effective_time: timestamp(soon), ..counters.ask(0) };
        let refused = refusal(&counters.send(ask.clone()).await.expect_err("it has not happened yet"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
        assert_eq!(refused.field_names(), ["effective_time"]);
        counters.assert_counted(0, 0).await;

        counters.time.set(soon);
        counters.send(ask).await.expect("the same request when it has happened");
        counters.assert_counted(0, 1).await;
    }

    async fn a_change_takes_effect_when_it_happened_but_not_before_the_one_before(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let made = counters.time.now();
        counters.time.advance(TimeDelta::days(10));
        let happened = made + TimeDelta::days(4) + TimeDelta::microseconds(123_456);
        let ask = ContactLeadRequest { effective_time: timestamp(happened), ..counters.ask(0) };
        counters.send(ask).await.expect("it happened six days ago");
        let told = counters.history(0).await.remove(0);
        assert_eq!((told.at, counters.counter(0).await.updated_at), (happened, happened));
        assert_eq!(told.spent_micros, (happened - made).num_microseconds());

        let before = happened - TimeDelta::microseconds(1);
        let ask = ContactLeadRequest { effective_time: timestamp(before), ..counters.ask(0) };
        let refused = refusal(&counters.send(ask).await.expect_err("history runs one way"));
        assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["effective_time"]));
        assert!(refused.message.contains(&happened.to_rfc3339()), "it says since when: {}", refused.message);
        counters.assert_counted(0, 1).await;
    }

    async fn a_request_that_gave_no_time_is_not_refused_because_it_waited(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let store = Store::open::<Migrator>(&db.config_for("spine"), Clock::system()).await.expect("the store opens");
        let calls = (0..64).map(|_| {
            let (store, ask) = (store.clone(), counters.ask(0));
            tokio::spawn(async move { count(&store, Request::new(ask), || ready(Ok(()))).await })
        });
        for call in join_all(calls).await {
            call.expect("no panic").expect("it is done when it is its turn");
        }
        counters.assert_counted(0, 64).await;
        let times: Vec<_> = counters.history(0).await.into_iter().map(|row| row.at).collect();
        assert!(times.is_sorted(), "{times:?}");
        assert_eq!(counters.counter(0).await.updated_at, times[63]);
    }

    async fn a_clock_that_is_behind_does_not_turn_history_round(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        counters.send(counters.ask(0)).await.expect("the first");
        let last = counters.time.now();
        counters.time.advance(TimeDelta::seconds(-5));
        counters.send(counters.ask(0)).await.expect("the second, by a replica whose clock is behind");
        let told = counters.history(0).await.remove(1);
        assert_eq!((told.at, told.spent_micros), (last, Some(0)));
        assert_eq!(counters.counter(0).await.updated_at, last);
    }

    async fn no_time_in_a_state_is_negative(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let act = |mut work: Work, ask: ContactLeadRequest| async move {
            let since = work.now + TimeDelta::seconds(1);
            work.record(Change::new("counter.odd", ask.name, "ContactLead").since(since));
            Ok::<_, Refusal>(work.done(Lead::default()))
        };
        counters.store.work(Request::new(counters.ask(0)), act).await.expect("it is done");
        assert_eq!(counters.history(0).await[0].spent_micros, Some(0));
    }

    async fn a_time_that_is_none_is_refused(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let none = Some(Timestamp { seconds: 0, nanos: -1 });
        let ask = ContactLeadRequest { effective_time: none, ..counters.ask(0) };
        let refused = refusal(&counters.send(ask).await.expect_err("it is no time"));
        assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["effective_time.nanos"]));
        counters.assert_counted(0, 0).await;
    }

    async fn every_fault_of_a_request_is_named_at_once_and_nothing_is_remembered(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let ask = ContactLeadRequest {
            name: String::new(),
            etag: "e".repeat(41),
            note: "n".repeat(4001),
            request_id: "no uuid".to_owned(),
            ..Default::default()
        };
        let refused = refusal(&counters.send(ask).await.expect_err("it is malformed"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
        assert_eq!(refused.field_names(), ["name", "etag", "note", "request_id"]);
        assert_eq!(counters.remembered().await, 0);
    }

    async fn a_record_that_is_not_there_is_not_found(db: TestDb) {
        let counters = Counters::new(&db, 0).await;
        let name = format!("leads/{}", id());
        let ask = ContactLeadRequest { name: name.clone(), request_id: id(), ..Default::default() };
        let refused = refusal(&counters.send(ask).await.expect_err("it is not there"));
        assert_eq!((refused.code, refused.reason.as_str()), (Code::NotFound, "NOT_FOUND"));
        assert_eq!((refused.metadata["resource"].as_str(), refused.resource), (name.as_str(), Some(name.clone())));
        assert_eq!(counters.remembered().await, 0);
    }

    async fn a_header_that_is_not_what_it_says_is_refused(db: TestDb) {
        let counters = Counters::new(&db, 1).await;
        let mut request = Request::new(counters.ask(0));
        request.metadata_mut().insert("dealflow-flow", "not-a-uuid".parse().expect("ASCII"));
        let sent = count(&counters.store, request, || ready(Ok(()))).await;
        let refused = refusal(&sent.expect_err("the flow is none"));
        assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["dealflow-flow"]));
        counters.assert_counted(0, 0).await;
    }
}
