//! The whole way: the gateway's hand-over, the adapter, and an ERPNext that loses answers.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use dealflow_chassis::Context;
use dealflow_gateway::handoff::record::{Entity, Model, State};
use dealflow_gateway::handoff::schedule::RetrySchedule;
use dealflow_gateway::handoff::{Handoffs, NewHandoff, Poison, Settings};
use dealflow_migrations::gateway::Migrator;
use dealflow_proto::erp::v1::{Document, DocumentType, ListDocumentsRequest};
use dealflow_testbed::{TestClock, TestDb, both, eventually};
use sea_orm::EntityTrait;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::house::{Caller, cancellation, change, credit_note, invoice, order};
use crate::mapping::{MAPPING, link};
use crate::site::Site;

const CHAINS: u32 = 12;

both! {
    /// R-ERP-1: of orders, invoices, credit notes, changes and cancellations that are handed over while one call in seven fails or
    /// loses its answer, each is in ERPNext once, submitted, and delivered here under its number.
    async fn every_document_is_there_once_while_answers_are_lost(db: TestDb) {
        let (site, url) = Site::open().await;
        {
            let mut books = site.books();
            books.chances = 14;
            books.dice = 20_260_302;
        }
        let adapter = link(&url, MAPPING);
        let time = TestClock::new();
        let store = db.store::<Migrator>("gateway", time.clock()).await;
        let settings = Settings {
            look_again: Duration::from_millis(10),
            lease: TimeDelta::seconds(90),
            // So much is lost that a document would count as poison, and spend the attempts of a weekend.
            schedule: RetrySchedule { waits: vec![TimeDelta::seconds(30); 60], jitter_percent: 20 },
            poison: Poison { failures: 1000, others: 3 },
            ..Settings::default()
        };
        let handoffs = Handoffs::new(store.clone(), adapter.clone(), settings);
        let stop = CancellationToken::new();
        let worker = tokio::spawn(handoffs.clone().task(stop.clone()));

        let mut documents = Vec::new();
        for chain in 1..=CHAINS {
            let (so, inv) = (format!("dealflow:order:SO-{chain}"), format!("dealflow:invoice:INV-{chain}"));
            documents.push(order(&so));
            if chain % 4 == 0 {
                documents.push(cancellation(&so));
                continue;
            }
            if chain % 4 == 1 {
                let lines = [("1", "2", "9.50", 20, "0"), ("3", "4", "2.25", 20, "0")];
                documents.push(change(&so, 1, &lines, "0"));
                continue;
            }
            documents.push(invoice(&inv, &so));
            documents.push(credit_note(&format!("dealflow:credit:CN-{chain}"), &so, &inv));
        }
        // What follows comes first: it must wait.
        for document in documents.iter().rev() {
            handoffs.store(new(document)).await.expect("stored");
        }
        let rows = eventually("everything to be delivered", Duration::from_secs(120), || async {
            let rows: Vec<Model> = Entity::find().all(store.reader()).await.expect("read");
            if rows.iter().all(|row| row.state == State::Delivered) {
                return Some(rows);
            }
            let dead = rows.iter().find(|row| matches!(row.state, State::DeadLettered | State::Rejected));
            assert!(dead.is_none(), "{dead:?}");
            if rows.iter().all(|row| row.state != State::InFlight) {
                time.advance(TimeDelta::seconds(40));
                handoffs.wake();
            }
            None
        })
        .await;
        stop.cancel();
        worker.await.expect("the worker ends");

        let numbers = numbers(&site);
        for row in &rows {
            let of = row.external_id.trim_end_matches(":x").trim_end_matches(":c1");
            assert_eq!(numbers.get(of), Some(&row.erp_number), "{}", row.external_id);
        }
        let listed = Caller::of(adapter).list(ListDocumentsRequest { page_size: 7, ..ListDocumentsRequest::default() }).await;
        assert_eq!(listed.len(), documents.len());
    }
}

/// What a flow leaves for the ERP.
pub(crate) fn new(document: &Document) -> NewHandoff {
    let folder = match document.r#type() {
        DocumentType::Invoice => "invoices",
        DocumentType::CreditNote => "creditNotes",
        _ => "orders",
    };
    NewHandoff {
        document: document.clone(),
        record: format!("{folder}/{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, document.external_id.as_bytes())),
        opportunity: format!("opportunities/{}", Uuid::nil()),
        context: Context::internal("employees/ann"),
    }
}

/// The site's numbers by our ids, each there once and no draft; from now on it loses nothing.
fn numbers(site: &Site) -> BTreeMap<String, String> {
    let mut books = site.books();
    let lost = books.calls.iter().filter(|(_, status)| *status == 0 || *status >= 500).count();
    assert!(lost > 10, "answers were lost: {lost}");
    books.chances = 0;
    let mut numbers = BTreeMap::new();
    for row in books.orders.iter().chain(&books.invoices) {
        let id = row["dealflow_external_id"].as_str().expect("ours").to_owned();
        assert!(row["docstatus"].as_i64().expect("a docstatus") > 0, "{id} is no draft");
        let twice = numbers.insert(id.clone(), row["name"].as_str().expect("a name").to_owned());
        assert_eq!(twice, None, "{id} is there once");
    }
    numbers
}
