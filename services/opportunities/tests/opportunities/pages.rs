//! Pages of a list while others write: nothing is skipped, nothing comes twice.

use std::collections::{BTreeMap, BTreeSet};

use dealflow_proto::opportunities::v1::{ListOpportunitiesRequest, Opportunity};
use dealflow_testbed::{TestDb, both};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::desk::{Desk, day, titled, usd};

/// One reading of the list, and what is added before each of its pages.
#[derive(Debug, Clone)]
struct Reading {
    order_by: &'static str,
    filter: &'static str,
    sizes: Vec<i32>,
    added: Vec<Vec<(i64, i32)>>,
}

fn reading() -> impl Strategy<Value = Reading> {
    let orders = vec![
        "",
        "create_time",
        "create_time desc",
        "estimated_value",
        "estimated_value desc",
        "estimated_close_date desc, estimated_value",
        "update_time desc",
    ];
    let added = prop::collection::vec(prop::collection::vec((0..5_i64, 1..5_i32), 0..4), 1..8);
    let filters = prop::sample::select(vec!["", "estimated_value >= 0.02"]);
    (prop::sample::select(orders), filters, prop::collection::vec(1..7_i32, 1..5), added)
        .prop_map(|(order_by, filter, sizes, added)| Reading { order_by, filter, sizes, added })
}

async fn add(desk: &Desk, (value, month): (i64, i32)) -> Opportunity {
    let sale = Opportunity {
        estimated_value: usd(value),
        estimated_close_date: if month == 4 { None } else { day(2027, month, 1) },
        ..titled("Pumps")
    };
    desk.time.advance(chrono::TimeDelta::milliseconds(value));
    desk.create(sale, "").await.expect("opened")
}

both! {
    /// R-API-1: whatever the order, the filter and the sizes of the pages, and whatever is added meanwhile: what was
    /// there at the beginning comes exactly once, what was added at most once, and all of it in its order.
    async fn pages_skip_nothing_and_double_nothing_while_others_add(db: TestDb) {
        let desk = Desk::open(&db).await;
        let mut runner = TestRunner::new(Config::default());
        let mut there: BTreeMap<String, i64> = BTreeMap::new();
        for value in 0..12 {
            let added = add(&desk, (value % 5, 1 + (value % 4) as i32)).await;
            there.insert(added.name, value % 5);
        }
        let (mut pages, mut inserted) = (0, 0);
        for _ in 0..25 {
            let reading = reading().new_tree(&mut runner).expect("a reading").current();
            let wanted = |value: i64| reading.filter.is_empty() || value >= 2;
            let before: BTreeSet<String> =
                there.iter().filter(|(_, value)| wanted(**value)).map(|(name, _)| name.clone()).collect();
            let mut seen: Vec<Opportunity> = Vec::new();
            let mut ask = ListOpportunitiesRequest {
                order_by: reading.order_by.to_owned(),
                filter: reading.filter.to_owned(),
                ..ListOpportunitiesRequest::default()
            };
            for page in 0.. {
                ask.page_size = reading.sizes[page % reading.sizes.len()];
                for one in reading.added.get(page).into_iter().flatten() {
                    let added = add(&desk, *one).await;
                    there.insert(added.name, one.0);
                    inserted += 1;
                }
                let told = desk.opportunities.clone().list_opportunities(ask.clone()).await.expect("listed").into_inner();
                pages += 1;
                seen.extend(told.opportunities);
                if told.next_page_token.is_empty() {
                    break;
                }
                ask.page_token = told.next_page_token;
            }
            let names: BTreeSet<String> = seen.iter().map(|it| it.name.clone()).collect();
            assert_eq!(names.len(), seen.len(), "one came twice: {reading:?}");
            let skipped: Vec<_> = before.difference(&names).collect();
            assert!(skipped.is_empty(), "{skipped:?} were skipped: {reading:?}");
            let cents = |it: &Opportunity| it.estimated_value.as_ref().map_or(0, |money| money.nanos / 10_000_000);
            let values: Vec<i32> = seen.iter().map(cents).collect();
            match reading.order_by {
                "estimated_value" => assert!(values.is_sorted(), "{values:?}"),
                "estimated_value desc" => assert!(values.iter().rev().is_sorted(), "{values:?}"),
                _ => {}
            }
        }
        println!("25 readings, {pages} pages, {inserted} added meanwhile");
        assert!(pages > 50 && inserted > 20);
    }
}
