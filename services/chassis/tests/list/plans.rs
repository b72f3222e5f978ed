//! Page 1,000 costs what page 1 costs: a page is entered through the index, at its first row.

use std::sync::{Arc, Mutex};

use dealflow_chassis::list::ListRequest;
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};

use crate::deals::{Model, State, Store, deal};

/// Deals of which many share a rating or a state and every fourth has no rating.
fn many() -> Vec<Model> {
    let many = (0..3_000_i32).map(|n| Model {
        rating: (n % 4 > 0).then_some(n / 100),
        state: [State::Open, State::Won, State::Lost][n as usize % 3],
        create_time: deal("").create_time + chrono::Duration::seconds(n.into()),
        ..deal(&format!("deal {}", n % 1_000))
    });
    many.collect()
}

/// What a service's migration would make for the orders below.
async fn index(store: &Store) {
    let text = if store.backend() == DbBackend::Postgres { r#"COLLATE "C""# } else { "" };
    let indexes = [
        format!("title {text}, id"),
        "create_time, id".to_owned(),
        "rating, id".to_owned(),
        format!("state {text}, create_time, id"),
        format!("state {text}, create_time DESC, id DESC"),
    ];
    for (number, columns) in indexes.into_iter().enumerate() {
        let sql = format!("CREATE INDEX deal_{number} ON deal ({columns})");
        store.db.execute_unprepared(&sql).await.expect("an index");
    }
    store.db.execute_unprepared("ANALYZE").await.expect("statistics");
}

/// The database's plan of a statement, as one text. PostgreSQL rather sorts when next to nothing
/// is left of a list; it is asked not to, so that the plan says whether the index could serve.
async fn plan(store: &Store, statement: &Statement) -> String {
    let (verb, column) = match store.backend() {
        DbBackend::Postgres => ("EXPLAIN", "QUERY PLAN"),
        _ => ("EXPLAIN QUERY PLAN", "detail"),
    };
    let mut explain = statement.clone();
    explain.sql = format!("{verb} {}", explain.sql);
    let transaction = store.db.begin().await.expect("a transaction");
    if store.backend() == DbBackend::Postgres {
        for step in ["seqscan", "bitmapscan", "sort"] {
            let sql = format!("SET LOCAL enable_{step} = off");
            transaction.execute_unprepared(&sql).await.expect("a setting");
        }
    }
    let rows = transaction.query_all_raw(explain).await.expect("a plan");
    let lines = rows.iter().map(|row| row.try_get("", column).expect("a line of the plan"));
    lines.collect::<Vec<String>>().join("\n")
}

#[tokio::test]
async fn every_page_is_entered_through_the_index_and_none_is_sorted() {
    for mut store in Store::each().await {
        for chunk in many().chunks(200) {
            store.insert(chunk).await;
        }
        index(&store).await;
        let log = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&log);
        store.db.set_metric_callback(move |info| {
            writer.lock().expect("the log").push(info.statement.clone());
        });
        for (order_by, filter) in [
            ("", ""),
            ("title", ""),
            ("title desc", ""),
            ("create_time desc", ""),
            ("create_time", "state = WON"),
            ("rating", ""),
            ("rating desc", ""),
            ("state, create_time", ""),
            ("state desc, create_time desc", ""),
            ("state, create_time desc", ""),
            ("state desc, create_time", ""),
        ] {
            let mut page_token = String::new();
            for number in 1..=40 {
                let ask = ListRequest { page_size: 100, page_token: &page_token, filter, order_by };
                log.lock().expect("the log").clear();
                let page = store.list(ask).await.expect("a page");
                let statements = log.lock().expect("the log").clone();
                for statement in statements {
                    let plan = plan(&store, &statement).await;
                    let told = format!("{order_by:?}, page {number}: {}\n{plan}", statement.sql);
                    let (entered, never) = match store.backend() {
                        DbBackend::Postgres => ("Index Cond", ["Seq Scan", "Sort", "Bitmap"]),
                        _ => ("SEARCH", ["SCAN", "TEMP B-TREE", "MULTI-INDEX"]),
                    };
                    assert!(number == 1 || plan.contains(entered), "{told}");
                    assert!(number == 1 || never.iter().all(|step| !plan.contains(step)), "{told}");
                }
                page_token = page.next_page_token;
                if page_token.is_empty() {
                    break;
                }
            }
        }
    }
}
