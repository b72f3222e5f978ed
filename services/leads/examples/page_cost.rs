//! What page 1,000 of the leads costs beside page 1, on both databases.
//!
//! ```text
//! cargo run --release -p dealflow-leads --example page_cost
//! ```

use std::time::{Duration, Instant};

use dealflow_chassis::link::Link;
use dealflow_leads::part;
use dealflow_migrations::leads::Migrator;
use dealflow_proto::leads::v1::lead_service_client::LeadServiceClient;
use dealflow_proto::leads::v1::{ImportLeadsRequest, Lead, ListLeadsRequest};
use dealflow_testbed::{Kind, TestClock, TestDb, id, postgres_available};

/// Rows of a page, and pages.
const SIZE: i32 = 50;
const PAGES: usize = 1_000;
/// How often a page is read; the fastest counts.
const REPEATS: usize = 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{:<10} {:<16} {:>12} {:>12}", "database", "order", "page 1", "page 1,000");
    measure(TestDb::new(Kind::Sqlite).await, "SQLite").await?;
    if postgres_available().is_some() {
        measure(TestDb::new(Kind::Postgres).await, "PostgreSQL").await?;
    }
    Ok(())
}

async fn measure(db: TestDb, name: &str) -> Result<(), Box<dyn std::error::Error>> {
    let clock = TestClock::new();
    let store = db.store::<Migrator>("leads", clock.clock()).await;
    let mut leads = LeadServiceClient::new(part(store).link());
    let count = SIZE as usize * (PAGES + 1);
    for first in (0..count).step_by(10_000) {
        let request_id = id();
        let rows = (first..count.min(first + 10_000)).map(move |number| ImportLeadsRequest {
            lead: Some(Lead { title: format!("Lead {number}"), ..Lead::default() }),
            request_id: request_id.clone(),
            ..Default::default()
        });
        leads.import_leads(futures::stream::iter(rows)).await?;
        clock.advance(chrono::TimeDelta::seconds(1));
    }
    for order in ["", "create_time", "create_time desc"] {
        let mut token = String::new();
        let (first, next) = fastest(&mut leads, order, &token).await?;
        token.clone_from(&next);
        for _ in 2..PAGES {
            token = page(&mut leads, order, &token).await?;
        }
        let (last, _) = fastest(&mut leads, order, &token).await?;
        let order = if order.is_empty() { "(by name)" } else { order };
        println!("{name:<10} {order:<16} {:>9} us {:>9} us", first.as_micros(), last.as_micros());
    }
    Ok(())
}

/// The fastest of some reads of a page, and the token of the next one.
async fn fastest(
    leads: &mut LeadServiceClient<Link>,
    order: &str,
    token: &str,
) -> Result<(Duration, String), tonic::Status> {
    let (mut best, mut next) = (Duration::MAX, String::new());
    for _ in 0..REPEATS {
        let begun = Instant::now();
        next = page(leads, order, token).await?;
        best = best.min(begun.elapsed());
    }
    Ok((best, next))
}

async fn page(leads: &mut LeadServiceClient<Link>, order: &str, token: &str) -> Result<String, tonic::Status> {
    let ask = ListLeadsRequest {
        page_size: SIZE,
        page_token: token.to_owned(),
        order_by: order.to_owned(),
        ..Default::default()
    };
    Ok(leads.list_leads(ask).await?.into_inner().next_page_token)
}
