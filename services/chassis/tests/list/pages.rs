//! Pages: every row once, in order, whatever is inserted meanwhile; sizes; the order's refusals.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use dealflow_chassis::list::ListRequest;
use proptest::prelude::*;
use sea_orm::{ConnectionTrait, Value};
use uuid::Uuid;

use crate::deals::{Model, State, Store, deal};

/// Values from few, so that many rows are equal; texts that collations are fond of reordering.
fn a_deal() -> impl Strategy<Value = Model> {
    let titles = prop::sample::select(vec!["a", "B", "b", "_b", "ä", "Z", "z a", "za", ""]);
    let owners = prop::option::of(prop::sample::select(vec!["Ann", "bob", "Bob", "Ünal"]));
    let times = (0i64..3, prop::sample::select(vec![0u32, 123_000_000, 123_456_000]));
    (any::<u128>(), titles, owners, -2i64..2, prop::option::of(0i32..3), times).prop_map(
        |(id, title, owner, amount, rating, (second, nanos))| Model {
            id: Uuid::from_u128(id),
            owner: owner.map(str::to_owned),
            amount,
            rating,
            won: amount > 0,
            state: if amount % 2 == 0 { State::Won } else { State::Lost },
            account: rating.map(|rating| Uuid::from_u128(rating as u128)),
            create_time: at(second, nanos),
            ..deal(title)
        },
    )
}

fn at(second: i64, nanos: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + second, nanos).expect("a time of this century")
}

const SORTABLE: [&str; 8] = ["title", "owner", "amount", "rating", "state", "won", "account", "create_time"];

fn an_order() -> impl Strategy<Value = Vec<(&'static str, bool)>> {
    prop::sample::subsequence(SORTABLE.to_vec(), 0..4).prop_shuffle().prop_flat_map(|names| {
        let count = names.len();
        prop::collection::vec(any::<bool>(), count)
            .prop_map(move |descending| names.iter().copied().zip(descending).collect())
    })
}

/// The order as the list promises it, told without a database: absent values are the greatest.
fn compare(order: &[(&str, bool)], a: &Model, b: &Model) -> Ordering {
    fn absent_last<T: Ord>(a: &Option<T>, b: &Option<T>) -> Ordering {
        a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(b))
    }
    let mut result = Ordering::Equal;
    for (name, descending) in order {
        let by = match *name {
            "title" => a.title.cmp(&b.title),
            "owner" => absent_last(&a.owner, &b.owner),
            "amount" => a.amount.cmp(&b.amount),
            "rating" => absent_last(&a.rating, &b.rating),
            "state" => a.state.cmp(&b.state),
            "won" => a.won.cmp(&b.won),
            "account" => absent_last(&a.account, &b.account),
            _ => a.create_time.cmp(&b.create_time),
        };
        result = result.then(if *descending { by.reverse() } else { by });
    }
    let by_id = a.id.cmp(&b.id);
    let last_descends = order.last().is_some_and(|(_, descending)| *descending);
    result.then(if last_descends { by_id.reverse() } else { by_id })
}

/// Reads page after page, inserting a batch after each.
async fn read_all(store: &Store, order_by: &str, page_size: i32, mut batches: Vec<Vec<Model>>) -> Vec<Model> {
    let mut seen: Vec<Model> = Vec::new();
    let mut page_token = String::new();
    loop {
        let ask = ListRequest { page_size, page_token: &page_token, order_by, ..Default::default() };
        let page = store.list(ask).await.expect("a page");
        assert!(page.items.len() <= page_size as usize);
        seen.extend(page.items);
        assert!(seen.len() < 200, "the pages do not come to an end");
        if page.next_page_token.is_empty() {
            return seen;
        }
        page_token = page.next_page_token;
        store.insert(&batches.pop().unwrap_or_default()).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_row_is_skipped_and_none_comes_twice_while_others_are_inserted(
        rows in prop::collection::vec(a_deal(), 0..40),
        batches in prop::collection::vec(prop::collection::vec(a_deal(), 0..4), 0..12),
        order in an_order(),
        page_size in 1i32..9,
    ) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let terms: Vec<String> = order.iter()
            .map(|(name, descending)| format!("{name}{}", if *descending { " desc" } else { "" }))
            .collect();
        let (started, seen) = runtime.block_on(async {
            let mut seen = Vec::new();
            for store in Store::each().await {
                store.insert(&rows).await;
                seen.push(read_all(&store, &terms.join(","), page_size, batches.clone()).await);
            }
            let mut started = rows.clone();
            started.sort_by(|a, b| compare(&order, a, b));
            (started, seen)
        });
        for seen in seen {
            let ids: HashSet<Uuid> = seen.iter().map(|deal| deal.id).collect();
            prop_assert_eq!(ids.len(), seen.len(), "a row came twice");
            let known: HashSet<Uuid> = started.iter().map(|deal| deal.id).collect();
            let old: Vec<Model> = seen.iter().filter(|deal| known.contains(&deal.id)).cloned().collect();
            prop_assert_eq!(&old, &started, "the rows of the start, each once and in order");
            prop_assert!(seen.windows(2).all(|pair| compare(&order, &pair[0], &pair[1]).is_lt()));
        }
    }
}

#[tokio::test]
async fn the_page_size_has_a_default_and_a_ceiling_and_may_not_be_negative() {
    for store in Store::each().await {
        let rows: Vec<Model> = (0..1_001).map(|n| deal(&n.to_string())).collect();
        for chunk in rows.chunks(200) {
            store.insert(chunk).await;
        }
        for (page_size, expected) in [(0, 50), (7, 7), (1_000, 1_000), (i32::MAX, 1_000)] {
            let page = store.list(ListRequest { page_size, ..Default::default() }).await.expect("a page");
            assert_eq!(page.items.len(), expected);
            assert!(!page.next_page_token.is_empty());
        }
        let refusal = store.list(ListRequest { page_size: -1, ..Default::default() }).await;
        let refusal = refusal.expect_err("negative");
        assert_eq!(refusal.field(), "page_size");
        assert!(refusal.to_string().contains("-1 is negative"), "{refusal}");
    }
}

#[tokio::test]
async fn the_last_page_has_no_token_even_when_it_is_full() {
    for store in Store::each().await {
        store.insert(&[deal("a"), deal("b")]).await;
        let page = store.list(ListRequest { page_size: 2, ..Default::default() }).await.expect("a page");
        assert_eq!((page.items.len(), page.next_page_token.as_str()), (2, ""));
    }
}

#[tokio::test]
async fn an_order_that_cannot_be_met_is_refused_with_the_fields_that_can() {
    for store in Store::each().await {
        for (order_by, expected) in [
            ("colour", "there are: title, owner, amount, rating, state, won, account, create_time"),
            ("close_date", "no field \"close_date\" to sort by"),
            ("title up", "found \"title up\""),
            ("title DESC", "found \"title DESC\""),
            ("title,,owner", "found \"\""),
            ("title,", "found \"\""),
            ("title, title desc", "title is named twice"),
            ("title,owner,amount,rating,state,won", "at most 5"),
            (&"x".repeat(600), "at most 512"),
        ] {
            let refusal = store.list(ListRequest { order_by, ..Default::default() }).await;
            let refusal = refusal.expect_err(order_by);
            assert_eq!(refusal.field(), "order_by", "{refusal}");
            assert!(refusal.to_string().contains(expected), "{refusal}");
        }
        assert_eq!(store.titles("", "  title   desc ,owner asc").await, Vec::<String>::new());
    }
}

/// R-API-3, platform, item 2: a page of large records ends where a message does, says where it goes on, and nothing is
/// skipped: a caller may be given fewer than he asked for.
#[tokio::test]
async fn a_page_of_large_records_is_as_long_as_a_message() {
    for store in Store::each().await {
        let text = |at: usize| format!("{at:02}{}", "x".repeat(300 * 1024));
        let large: Vec<Model> = (0..20).map(|at| deal(&text(at))).collect();
        store.insert(&large).await;
        let (mut titles, mut sizes, mut page_token) = (Vec::new(), Vec::new(), String::new());
        loop {
            let ask = ListRequest { page_size: 1000, page_token: &page_token, ..ListRequest::default() };
            let page = store.list(ask).await.expect("a page");
            sizes.push(page.items.len());
            titles.extend(page.items.into_iter().map(|deal| deal.title[..2].to_owned()));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(sizes, [6, 6, 6, 2], "{:?}", store.backend());
        assert_eq!(titles, (0..20).map(|at| format!("{at:02}")).collect::<Vec<_>>());
        let few = store.list(ListRequest { page_size: 3, ..ListRequest::default() }).await.expect("a page");
        assert_eq!(few.items.len(), 3, "a page is no longer than was asked for");
    }
}

/// Platform, items 2 and 16: of a list of large records hardly more is read than is answered, whatever page is asked for;
/// the pages together are the whole list. A page of a few rows is one statement, a long one of light rows a few.
#[tokio::test]
async fn what_does_not_go_into_a_page_is_not_read_for_it() {
    for mut store in Store::each().await {
        let text = |at: usize| format!("{at:03}{}", "x".repeat(150 * 1024));
        for chunk in (0..200).map(|at| deal(&text(at))).collect::<Vec<_>>().chunks(20) {
            store.insert(chunk).await;
        }
        let log: Arc<Mutex<Vec<u64>>> = Arc::default();
        let writer = Arc::clone(&log);
        // The most rows that each query asks for.
        store.db.set_metric_callback(move |info| {
            if !info.statement.sql.starts_with("SELECT") {
                return;
            }
            let limit = info.statement.values.iter().flat_map(|values| &values.0).last().cloned();
            let limit = match limit {
                Some(Value::BigUnsigned(Some(limit))) => limit,
                Some(Value::BigInt(Some(limit))) => limit.unsigned_abs(),
                other => panic!("the last value of {} is its limit: {other:?}", info.statement.sql),
            };
            writer.lock().expect("the log").push(limit);
        });
        let (mut titles, mut page_token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let ask = ListRequest { page_size: 1000, page_token: &page_token, ..ListRequest::default() };
            let page = store.list(ask).await.expect("a page");
            titles.extend(page.items.into_iter().map(|deal| deal.title[..3].to_owned()));
            pages += 1;
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(titles, (0..200).map(|at| format!("{at:03}")).collect::<Vec<_>>(), "{:?}", store.backend());
        let asked = std::mem::take(&mut *log.lock().expect("the log"));
        let read: u64 = asked.iter().sum();
        assert!(read <= 200 + 33 + 2 * pages, "{read} rows read for 200, in {pages} pages: {asked:?}");
        println!("{:?}: 200 rows in {pages} pages; {} statements for {read} rows", store.backend(), asked.len());

        store.db.execute_unprepared("DELETE FROM deal").await.expect("they are gone");
        for chunk in (0..1_100).map(|at| deal(&format!("{at:04}"))).collect::<Vec<_>>().chunks(200) {
            store.insert(chunk).await;
        }
        for (page_size, statements) in [(1, 1), (32, 1), (50, 2), (1000, 10)] {
            log.lock().expect("the log").clear();
            let ask = ListRequest { page_size, order_by: "title", ..ListRequest::default() };
            let page = store.list(ask).await.expect("a page");
            let titles: Vec<String> = page.items.into_iter().map(|deal| deal.title).collect();
            assert_eq!(titles, (0..page_size).map(|at| format!("{at:04}")).collect::<Vec<_>>());
            assert!(!page.next_page_token.is_empty());
            let asked = log.lock().expect("the log").clone();
            assert_eq!(asked.len(), statements, "a page of {page_size}: {asked:?}");
        }
    }
}
