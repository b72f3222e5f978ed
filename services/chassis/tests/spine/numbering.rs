//! R-API-2 on PostgreSQL, where transactions commit in another order than they insert.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use dealflow_chassis::{Store, StoreConfig};
use dealflow_proto::feed::v1::{Event, ListEventsRequest, SubscribeRequest};
use dealflow_testbed::{TestClock, TestDb, eventually, refusal};
use futures::StreamExt;
use futures::future::join_all;
use prost_types::Timestamp;
use tonic::Code;

use crate::counter::{Counters, Migrator};
use crate::feed::{SOON, assert_sound, events, follow, list, numbering, read, tell, until, whole};

/// A store that may hold many transactions open.
async fn wide(db: &TestDb) -> Store {
    let mut config = db.config_for("spine");
    if let StoreConfig::Postgres { max_connections, .. } = &mut config {
        *max_connections = 50;
    }
    Store::open::<Migrator>(&config, TestClock::new().clock()).await.expect("the store opens")
}

async fn commit(store: &Store, subject: &str, from: i64, to: i64) {
    let tx = store.begin().await.expect("a transaction begins");
    tell(&tx, subject, from, to).await;
    store.commit(tx).await.expect("it commits");
}

fn subjects(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.subject.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_commits_later_comes_later_though_it_was_inserted_before() {
    let Some(db) = TestDb::postgres().await else { return };
    let store = wide(&db).await;
    let _numbering = numbering(&store);
    let mut stream = follow(&store, SubscribeRequest::default()).await;
    let mut open = Vec::new();
    for n in 0..30 {
        let tx = store.begin().await.expect("a transaction begins");
        let subject = format!("leads/{n}");
        tell(&tx, &subject, 0, 1 + n % 3).await;
        open.push((n, subject, tx));
    }
    let (mut seen, mut committed) = (Vec::new(), Vec::new());
    while let Some((n, subject, tx)) = open.pop() {
        if n % 4 == 1 {
            tx.rollback().await.expect("it rolls back");
            continue;
        }
        store.commit(tx).await.expect("it commits");
        committed.extend(std::iter::repeat_n(subject, usize::try_from(1 + n % 3).expect("small")));
        // Numbered before the next commits, of which each was inserted before.
        while seen.len() < committed.len() {
            let batch = tokio::time::timeout(SOON, stream.next()).await.expect("an event of what was committed");
            seen.extend(batch.expect("the stream stays open").expect("the feed is read").events);
        }
    }
    assert_sound(&seen);
    assert_eq!(subjects(&seen), committed);
    assert_eq!(whole(&store).await, seen, "replayed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_commit_in_reverse_at_once_lose_nothing() {
    let Some(db) = TestDb::postgres().await else { return };
    let store = wide(&db).await;
    let _numbering = numbering(&store);
    let mut stream = follow(&store, SubscribeRequest::default()).await;
    let (mut seen, mut committed) = (Vec::new(), BTreeSet::new());
    for round in 0..10 {
        let mut open = Vec::new();
        for n in 0..40 {
            let tx = store.begin().await.expect("a transaction begins");
            let subject = format!("leads/{round}-{n}");
            tell(&tx, &subject, 0, 1).await;
            open.push((n, subject, tx));
        }
        let commits = open.into_iter().rev().map(|(n, subject, tx)| {
            let store = store.clone();
            tokio::spawn(async move {
                if n % 5 == 0 {
                    tx.rollback().await.expect("it rolls back");
                    return None;
                }
                store.commit(tx).await.expect("it commits");
                Some(subject)
            })
        });
        committed.extend(join_all(commits).await.into_iter().filter_map(|commit| commit.expect("no panic")));
    }
    while seen.len() < committed.len() {
        let batch = tokio::time::timeout(SOON, stream.next()).await.expect("every change reaches the follower");
        seen.extend(batch.expect("the stream stays open").expect("the feed is read").events);
    }
    assert_sound(&seen);
    assert_eq!(subjects(&seen).into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), committed);
    assert_eq!(whole(&store).await, seen, "replayed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_not_committed_holds_up_nobody() {
    let Some(db) = TestDb::postgres().await else { return };
    let store = wide(&db).await;
    let _numbering = numbering(&store);
    let open = store.begin().await.expect("a transaction begins");
    tell(&open, "leads/slow", 0, 1).await;
    commit(&store, "leads/fast", 0, 1).await;
    let seen = whole(&store).await;
    assert_eq!(subjects(&seen), ["leads/fast"]);

    store.commit(open).await.expect("it commits");
    let after = SubscribeRequest { after_position: seen[0].position, ..Default::default() };
    let late = eventually("the slow one", SOON, || async {
        let late = events(read(&store, after.clone()).await);
        (!late.is_empty()).then_some(late)
    });
    assert_eq!(subjects(&late.await), ["leads/slow"], "who read on meets it");
}

/// R-API-2, R-API-3: what happened to a deal is listed page by page in the order in which it was committed, so that nothing
/// comes in before what was shown already; and a token is a place in its own list.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_events_skips_nothing_that_commits_late() {
    let Some(db) = TestDb::postgres().await else { return };
    let store = wide(&db).await;
    let _numbering = numbering(&store);
    let slow = store.begin().await.expect("a transaction begins");
    tell(&slow, "quotes/slow", 0, 1).await;
    commit(&store, "orders/fast", 0, 2).await;
    assert_eq!(whole(&store).await.len(), 2);
    let mut ask = ListEventsRequest { thread: "opportunities/one".to_owned(), page_size: 1, ..Default::default() };
    let first = list(&store, ask.clone()).await.expect("it is listed");
    store.commit(slow).await.expect("it commits");
    assert_eq!(whole(&store).await.len(), 3);
    let (mut listed, mut page_token) = (first.events, first.next_page_token);
    let token = page_token.clone();
    while !page_token.is_empty() {
        let page = list(&store, ListEventsRequest { page_token, ..ask.clone() }).await.expect("it is listed");
        listed.extend(page.events);
        page_token = page.next_page_token;
    }
    assert_eq!(subjects(&listed), ["orders/fast", "orders/fast", "quotes/slow"]);

    ask.page_token = token;
    for other in [
        ListEventsRequest { thread: "opportunities/two".to_owned(), ..ask.clone() },
        ListEventsRequest { thread: String::new(), subject: "orders/fast".to_owned(), ..ask.clone() },
        ListEventsRequest { newest_first: true, ..ask.clone() },
        ListEventsRequest { before_time: Some(Timestamp { seconds: 1, nanos: 0 }), ..ask.clone() },
    ] {
        let refused = refusal(&list(&store, other).await.expect_err("it is a token of another list"));
        assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["page_token"]), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_number_one_feed_and_both_serve_the_same() {
    let Some(db) = TestDb::postgres().await else { return };
    let one = Counters::new(&db, 4).await;
    let two = Counters { store: db.store::<Migrator>("spine", one.time.clock()).await, ..one.clone() };
    let _numbering = [numbering(&one.store), numbering(&two.store)];
    let last = one.ask(0);
    let mut following = Vec::new();
    for store in [&one.store, &two.store] {
        let (stream, last) = (follow(store, SubscribeRequest::default()).await, last.request_id.clone());
        following.push(tokio::spawn(async move { until(stream, &last).await }));
    }
    let writers = (0..12).map(|writer| {
        let counters = if writer % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move {
            for n in 0..25 {
                counters.send(counters.ask((writer + n) % 4)).await.expect("it is done");
            }
        })
    });
    for writer in join_all(writers).await {
        writer.expect("no panic");
    }
    one.send(last).await.expect("it is done");
    let seen: Vec<Vec<Event>> = join_all(following).await.into_iter().map(|f| f.expect("it sees the last")).collect();
    assert_sound(&seen[0]);
    assert_eq!(seen[0].len(), 12 * 25 + 1);
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_is_woken_by_what_is_numbered_and_need_not_look_again() {
    let Some(db) = TestDb::postgres().await else { return };
    let store = wide(&db).await;
    let _numbering = numbering(&store);
    let mut stream = follow(&store, SubscribeRequest::default()).await;
    let mut waits = Vec::new();
    for state in 0..31 {
        commit(&store, "leads/one", state, state + 1).await;
        let start = Instant::now();
        let batch = tokio::time::timeout(SOON, stream.next()).await.expect("the change reaches the follower");
        batch.expect("the stream stays open").expect("the feed is read");
        waits.push(start.elapsed());
    }
    waits.sort_unstable();
    assert!(
        waits[15] < Duration::from_millis(240),
        "a reader looks again after 250 ms, but half waited {:?}",
        waits[15]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_numbered_in_order_whatever_its_length() {
    let Some(db) = TestDb::postgres().await else { return };
    let store = wide(&db).await;
    for from in (0..6000).step_by(1500) {
        commit(&store, "leads/one", from, from + 1500).await;
    }
    assert!(events(read(&store, SubscribeRequest::default()).await).is_empty(), "nobody numbered yet");
    let _numbering = numbering(&store);
    let seen = whole(&store).await;
    assert_eq!(seen.len(), 6000);
    assert_sound(&seen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_cut_the_feed_is_numbered_on_and_a_follower_is_told_to_come_again() {
    let Some(db) = TestDb::postgres().await else { return };
    let counters = Counters::new(&db, 1).await;
    let _numbering = numbering(&counters.store);
    let mut stream = follow(&counters.store, SubscribeRequest::default()).await;
    counters.send(counters.ask(0)).await.expect("it is done");
    let first = stream.next().await.expect("the stream stays open").expect("the feed is read");
    db.cut_connections().await;

    let broken = tokio::time::timeout(SOON, async {
        loop {
            if let Err(status) = stream.next().await.expect("it says why it ends") {
                return status;
            }
        }
    });
    let told = refusal(&broken.await.expect("the follower notices"));
    assert_eq!((told.code, told.reason.as_str()), (Code::Unavailable, "UNAVAILABLE"));
    assert!(told.retry_after.is_some(), "it says when to come again");

    let ask = counters.ask(0);
    eventually("a connection", SOON, || async { counters.send(ask.clone()).await.is_ok() }).await;
    let rest = SubscribeRequest { after_position: first.position, ..Default::default() };
    let stream = eventually("the feed", SOON, || async { Some(follow(&counters.store, rest.clone()).await) }).await;
    let seen = until(stream, &ask.request_id).await;
    assert_eq!(seen.len(), 1);
    assert_sound(&whole(&counters.store).await);
}
