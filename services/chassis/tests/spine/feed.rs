//! R-API-2: an ordered, replayable stream: at least once, per-record order, no gap, nothing of a rolled-back change.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dealflow_chassis::feed::{Feed, number};
use dealflow_chassis::serve::Part;
use dealflow_chassis::{Store, history};
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::feed_service_server::FeedServiceServer;
use dealflow_proto::feed::v1::{Event, ListEventsRequest, ListEventsResponse, SubscribeRequest, SubscribeResponse};
use dealflow_testbed::{TestDb, both, eventually, refusal};
use futures::StreamExt;
use futures::future::join_all;
use prost_types::Timestamp;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Code, Status, Streaming};
use uuid::Uuid;

use crate::counter::Counters;

/// How long a feed may take on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The feed's service, called without a wire between.
fn client(store: &Store) -> FeedServiceClient<FeedServiceServer<Feed>> {
    FeedServiceClient::new(Feed::server(store.clone()))
}

/// Numbers the feed until the guard is dropped.
pub(crate) fn numbering(store: &Store) -> DropGuard {
    let stop = CancellationToken::new();
    tokio::spawn(number(store.clone(), stop.clone()));
    stop.drop_guard()
}

/// Everything after a position that stands now.
pub(crate) async fn read(store: &Store, ask: SubscribeRequest) -> Vec<SubscribeResponse> {
    let stream = client(store).subscribe(ask).await.expect("the feed is served").into_inner();
    stream.map(|batch| batch.expect("the feed is read")).collect().await
}

/// The events of batches.
pub(crate) fn events(batches: Vec<SubscribeResponse>) -> Vec<Event> {
    batches.into_iter().flat_map(|batch| batch.events).collect()
}

/// Follows a feed.
pub(crate) async fn follow(store: &Store, ask: SubscribeRequest) -> Streaming<SubscribeResponse> {
    let ask = SubscribeRequest { follow: true, ..ask };
    client(store).subscribe(ask).await.expect("the feed is served").into_inner()
}

/// Follows until the event of a request, and answers all that came.
pub(crate) async fn until(mut stream: Streaming<SubscribeResponse>, request_id: &str) -> Vec<Event> {
    let mut seen = Vec::new();
    let following = async {
        while seen.last().is_none_or(|event: &Event| event.request_id != request_id) {
            let batch = stream.next().await.expect("the stream stays open").expect("the feed is read");
            assert_eq!(batch.events.last().map_or(batch.position, |last| last.position), batch.position);
            seen.extend(batch.events);
        }
    };
    let came = tokio::time::timeout(SOON, following).await;
    assert!(came.is_ok(), "the last event did not come; {} others did", seen.len());
    seen
}

/// Waits until the whole history stands in the feed, and answers it.
pub(crate) async fn whole(store: &Store) -> Vec<Event> {
    let rows = history::Entity::find().all(store.reader()).await.expect("the database answers").len();
    eventually(format!("all {rows} events"), SOON, || async {
        let events = events(read(store, SubscribeRequest::default()).await);
        (events.len() >= rows).then_some(events)
    })
    .await
}

/// Asserts what a consumer relies on: no gap, no double, and each record's changes in the order of its states.
pub(crate) fn assert_sound(events: &[Event]) {
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    assert_eq!(positions, (1..=events.len() as i64).collect::<Vec<_>>(), "positions without a gap");
    let ids: BTreeSet<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(ids.len(), events.len(), "each event once");
    let mut records: BTreeMap<&str, i64> = BTreeMap::new();
    for event in events {
        let last = records.entry(&event.subject).or_default();
        assert_eq!(
            (event.from_state.as_str(), event.to_state.as_str()),
            (&*last.to_string(), &*(*last + 1).to_string())
        );
        *last += 1;
    }
}

/// Writes history as [`Store::work`] does, for states `from` + 1 to `to` of a record; even states belong to a flow.
pub(crate) async fn tell(tx: &DatabaseTransaction, subject: &str, from: i64, to: i64) {
    let rows = (from..to).map(|state| history::ActiveModel {
        seq: NotSet,
        position: Set(None),
        id: Set(Uuid::now_v7()),
        kind: Set(format!("counter.to_{}", (state + 1) % 3)),
        subject: Set(subject.to_owned()),
        thread: Set("opportunities/one".to_owned()),
        verb: Set("ContactLead".to_owned()),
        from_state: Set(state.to_string()),
        to_state: Set((state + 1).to_string()),
        actor: Set("employees/ada".to_owned()),
        reason: Set(String::new()),
        at: Set(chrono::DateTime::UNIX_EPOCH),
        spent_micros: Set(None),
        request_id: Set(Uuid::now_v7()),
        flow: Set((state % 2 == 1).then(Uuid::now_v7)),
        traceparent: Set(None),
        data_type: Set(String::new()),
        data: Set(Vec::new()),
        method: Set(String::new()),
        digest: Set(None),
        answer: Set(None),
    });
    history::Entity::insert_many(rows).exec_without_returning(tx).await.expect("history can be inserted");
}

/// A store with a feed of one record and so many events.
async fn told(db: &TestDb, count: i64) -> (Counters, Vec<Event>, DropGuard) {
    let counters = Counters::new(db, 0).await;
    let guard = numbering(&counters.store);
    let tx = counters.store.begin().await.expect("a transaction begins");
    tell(&tx, "leads/one", 0, count).await;
    counters.store.commit(tx).await.expect("it commits");
    let events = whole(&counters.store).await;
    assert_sound(&events);
    (counters, events, guard)
}

/// Twenty events of one record, of 300 KiB each: more than one message may hold.
async fn tell_much(store: &Store) {
    let tx = store.begin().await.expect("a transaction begins");
    tell(&tx, "leads/one", 0, 20).await;
    let large = match store.backend() {
        DbBackend::Sqlite => "UPDATE history SET data = zeroblob(307200)",
        _ => "UPDATE history SET data = decode(repeat('00', 307200), 'hex')",
    };
    tx.execute_unprepared(large).await.expect("the records grow");
    store.commit(tx).await.expect("it commits");
}

/// A page of events.
pub(crate) async fn list(store: &Store, ask: ListEventsRequest) -> Result<ListEventsResponse, Status> {
    Ok(client(store).list_events(ask).await?.into_inner())
}

both! {
    async fn each_change_reaches_a_follower_once_and_nothing_of_what_was_rolled_back(db: TestDb) {
        let counters = Counters::new(&db, 5).await;
        let _numbering = numbering(&counters.store);
        let last = counters.ask(0);
        let following = tokio::spawn({
            let (stream, last) = (follow(&counters.store, SubscribeRequest::default()).await, last.request_id.clone());
            async move { until(stream, &last).await }
        });
        let writers = (0..12).map(|writer| {
            let counters = counters.clone();
            tokio::spawn(async move {
                let mut done = BTreeSet::new();
                for n in 0..15 {
                    let ask = counters.ask((writer + n) % 5);
                    if n % 3 == 2 {
                        counters.send_in_vain(ask).await;
                    } else {
                        done.insert(ask.request_id.clone());
                        counters.send(ask).await.expect("it is done");
                    }
                }
                done
            })
        });
        let mut done: BTreeSet<String> = join_all(writers).await.into_iter().flat_map(|w| w.expect("no panic")).collect();
        done.insert(last.request_id.clone());
        counters.send(last).await.expect("it is done");

        let seen = following.await.expect("the follower sees the last");
        assert_sound(&seen);
        assert_eq!(seen.iter().map(|event| event.request_id.clone()).collect::<BTreeSet<_>>(), done);
        assert_eq!(seen.len(), 12 * 10 + 1);
        assert_eq!(events(read(&counters.store, SubscribeRequest::default()).await), seen, "replayed");
    }

    async fn a_reader_that_resumes_gets_exactly_the_rest(db: TestDb) {
        let (counters, all, _numbering) = told(&db, 600).await;
        for after in [0, 1, 255, 256, 257, 512, 599, 600, 601] {
            let batches = read(&counters.store, SubscribeRequest { after_position: after, ..Default::default() }).await;
            let last = batches.last().expect("a batch");
            assert!(last.caught_up && batches.iter().rev().skip(1).all(|batch| !batch.caught_up));
            assert_eq!(last.position, after.max(600));
            assert_eq!(events(batches), all[usize::try_from(after).expect("small").min(600)..], "after {after}");
        }
    }

    async fn a_reader_may_resume_from_the_position_of_any_batch(db: TestDb) {
        let (counters, all, _numbering) = told(&db, 600).await;
        let mut seen = 0;
        for batch in read(&counters.store, SubscribeRequest::default()).await {
            seen += batch.events.len();
            let ask = SubscribeRequest { after_position: batch.position, ..Default::default() };
            assert_eq!(events(read(&counters.store, ask).await), all[seen..], "after {}", batch.position);
        }
        assert_eq!(seen, 600);
    }

    async fn an_empty_feed_ends_at_once_for_who_does_not_follow(db: TestDb) {
        let counters = Counters::new(&db, 0).await;
        let batches = read(&counters.store, SubscribeRequest::default()).await;
        assert_eq!(batches, [SubscribeResponse { events: Vec::new(), position: 0, caught_up: true }]);
    }

    /// R-FLW-2
    async fn filters_leave_out_and_the_position_goes_past_what_they_leave_out(db: TestDb) {
        let (counters, all, _numbering) = told(&db, 600).await;
        let types = vec!["counter.to_0".to_owned(), "counter.to_2".to_owned()];
        for (types, uncaused_only) in [(types.clone(), false), (vec![], true), (types, true)] {
            let ask = SubscribeRequest { types: types.clone(), uncaused_only, ..Default::default() };
            let wanted: Vec<Event> = all
                .iter()
                .filter(|event| types.is_empty() || types.contains(&event.r#type))
                .filter(|event| !uncaused_only || event.flow_id.is_empty())
                .cloned()
                .collect();
            assert!(wanted.len() < 600 && wanted.len() > 150);
            let batches = read(&counters.store, ask).await;
            assert_eq!(batches.last().expect("a batch").position, 600);
            assert_eq!(events(batches), wanted);
        }
        let ask = SubscribeRequest { types: vec!["nothing.of_this_kind".to_owned()], ..Default::default() };
        let bookmark = SubscribeResponse { events: Vec::new(), position: 600, caught_up: true };
        assert_eq!(read(&counters.store, ask.clone()).await, std::slice::from_ref(&bookmark));
        let first = follow(&counters.store, ask).await.next().await.expect("a bookmark").expect("the feed is read");
        assert_eq!(first, bookmark);
    }

    async fn what_cannot_be_asked_of_the_feed_is_refused(db: TestDb) {
        let counters = Counters::new(&db, 0).await;
        let ask = SubscribeRequest { after_position: -1, ..Default::default() };
        let refused = refusal(&client(&counters.store).subscribe(ask).await.expect_err("no such position"));
        assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["after_position"]));
        let one = || ListEventsRequest { subject: "leads/one".to_owned(), ..Default::default() };
        for (ask, field) in [
            (ListEventsRequest::default(), "subject"),
            (ListEventsRequest { thread: "opportunities/one".to_owned(), ..one() }, "subject"),
            (ListEventsRequest { page_size: -1, ..one() }, "page_size"),
            (ListEventsRequest { page_token: "next".to_owned(), ..one() }, "page_token"),
            (ListEventsRequest { page_token: "7".to_owned(), newest_first: true, ..one() }, "page_token"),
            (ListEventsRequest { before_time: Some(Timestamp { seconds: i64::MAX, nanos: 0 }), ..one() }, "before_time.seconds"),
        ] {
            let refused = refusal(&list(&counters.store, ask).await.expect_err("it cannot be asked"));
            assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec![field]));
        }
    }

    /// R-API-3: by the time at which it took effect, whatever was written first.
    async fn what_happened_last_is_listed_first_where_that_is_asked(db: TestDb) {
        let counters = Counters::new(&db, 2).await;
        let _numbering = numbering(&counters.store);
        for n in 0..7 {
            counters.send(counters.ask(n % 2)).await.expect("it is done");
        }
        let mut latest = whole(&counters.store).await;
        latest.retain(|event| event.thread == "opportunities/one");
        latest.reverse();
        let time = |event: &Event| event.time.map(|time| (time.seconds, time.nanos));
        latest.sort_by_key(|event| std::cmp::Reverse(time(event)));
        let ask = ListEventsRequest { thread: "opportunities/one".into(), newest_first: true, ..Default::default() };
        for page_size in [1, 3, 1000] {
            let (mut listed, mut page_token) = (Vec::new(), String::new());
            loop {
                let page = list(&counters.store, ListEventsRequest { page_size, page_token, ..ask.clone() }).await;
                let page = page.expect("it is listed");
                listed.extend(page.events);
                page_token = page.next_page_token;
                if page_token.is_empty() {
                    break;
                }
            }
            assert_eq!(listed, latest, "pages of {page_size}");
        }
        for (at, event) in latest.iter().enumerate() {
            let before = ListEventsRequest { before_time: event.time, ..ask.clone() };
            let earlier = list(&counters.store, before).await.expect("it is listed").events;
            let wanted: Vec<Event> = latest[at..].iter().filter(|it| time(it) < time(event)).cloned().collect();
            assert_eq!(earlier, wanted);
        }
    }

    /// R-API-2: a batch of large records is as long as a message may be, so that whoever follows comes to the end.
    async fn a_feed_of_large_records_is_followed_to_its_end(db: TestDb) {
        let counters = Counters::new(&db, 0).await;
        let _numbering = numbering(&counters.store);
        tell_much(&counters.store).await;
        whole(&counters.store).await;
        let link = Part::new("feed").service(Feed::server(counters.store.clone())).link();
        let ask = SubscribeRequest { follow: true, ..Default::default() };
        let mut stream = FeedServiceClient::new(link).subscribe(ask).await.expect("the feed is served").into_inner();
        let mut sizes = Vec::new();
        loop {
            let batch = stream.message().await.expect("it fits into a message").expect("the stream stays open");
            assert_eq!(batch.events.last().map(|last| last.position), Some(batch.position));
            sizes.push(batch.events.len());
            if batch.caught_up {
                break;
            }
        }
        assert_eq!(sizes, [6, 6, 6, 2]);
    }

    /// R-API-3: a page of large records is as long as a message may be, and says where it goes on.
    async fn a_page_of_large_records_is_cut_where_a_message_ends(db: TestDb) {
        let counters = Counters::new(&db, 0).await;
        let _numbering = numbering(&counters.store);
        tell_much(&counters.store).await;
        for newest_first in [false, true] {
            let mut ask = ListEventsRequest { subject: "leads/one".into(), page_size: 1000, newest_first, ..Default::default() };
            let mut sizes = Vec::new();
            loop {
                let page = list(&counters.store, ask.clone()).await.expect("it fits into a message");
                sizes.push(page.events.len());
                ask.page_token = page.next_page_token;
                if ask.page_token.is_empty() {
                    break;
                }
            }
            assert_eq!(sizes, [6, 6, 6, 2]);
        }
    }

    async fn what_happened_to_a_record_and_to_a_deal_is_listed_page_by_page(db: TestDb) {
        let counters = Counters::new(&db, 2).await;
        let _numbering = numbering(&counters.store);
        for n in 0..7 {
            counters.send(counters.ask(n % 2)).await.expect("it is done");
        }
        let all = whole(&counters.store).await;
        let first = |event: &&Event| event.subject == counters.names[0];
        let ask = ListEventsRequest { subject: counters.names[0].clone(), ..Default::default() };
        let listed = list(&counters.store, ask).await.expect("it is listed");
        assert_eq!((listed.events, listed.next_page_token.as_str()), (all.iter().filter(first).cloned().collect(), ""));

        let mut ask = ListEventsRequest { thread: "opportunities/one".into(), page_size: 3, ..Default::default() };
        let (mut listed, mut sizes) = (Vec::new(), Vec::new());
        loop {
            let page = list(&counters.store, ask.clone()).await.expect("it is listed");
            sizes.push(page.events.len());
            listed.extend(page.events);
            ask.page_token = page.next_page_token;
            if ask.page_token.is_empty() {
                break;
            }
        }
        assert_eq!((listed, sizes), (all, vec![3, 3, 1]));
    }
}
