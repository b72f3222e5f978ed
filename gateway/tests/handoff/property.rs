//! R-ERP-1: whatever fails, and whoever dies in between, every document is in the ERP once, in order, to the cent.
//!
//! Everything is drawn by one seed, which is printed; `DEALFLOW_PROPERTY_SEED` runs it again. How many orders, says
//! `DEALFLOW_PROPERTY_ORDERS`: a few in the ordinary run, 2,000 in the long one.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::TimeDelta;
use dealflow_gateway::handoff::Settings;
use dealflow_gateway::handoff::record::{Column, Entity, Kind, State};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{
    Document, DocumentType, ErpDocument, Fault, FaultKind, Outcome, Personality, ReconciliationClass,
    ReplayHandoffRequest, ReplayHandoffsRequest, RestoreRequest, SetFaultPlanRequest, Simulation, SnapshotRequest,
};
use dealflow_testbed::{TestDb, both, eventually, id};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rust_decimal::Decimal;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::house::{House, LONG, new, settings};
use crate::papers;

/// The personalities, one after the other, on the same books.
const PERSONALITIES: [Personality; 5] = [
    Personality::Native,
    Personality::LookupOnly,
    Personality::Async,
    Personality::LineRounding,
    Personality::DraftThenPost,
];

/// How long after it was posted the ERP says a part of an invoice is paid, in seconds.
const PAY_AFTER: i64 = 7200;

fn from_env(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn span(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

/// The whole list of faults, each now and then; `poison` never gets through.
fn faults(personality: Personality, poison: &str) -> Vec<Fault> {
    use FaultKind::{
        CrashBetween, DuplicateRequest, ErrorAfterCommit, ErrorBeforeCommit, EventDelay, EventDrop, EventDuplicate,
        EventReorder, Flapping, Hang, Latency, LoseAnswer, Outage, Poison, RateLimit, Refuse, Unauthenticated,
        WrongAnswer,
    };
    let now_and_then = |kind: FaultKind, percent| Fault { kind: kind.into(), percent, ..Fault::default() };
    let mut all = vec![
        Fault { kind: Poison.into(), external_id_contains: poison.to_owned(), ..Fault::default() },
        Fault { kind: Outage.into(), lasts: span(300), percent: 50, ..Fault::default() },
        Fault { kind: Flapping.into(), lasts: span(900), period: span(60), percent: 30, ..Fault::default() },
        Fault { delay: Some(prost_types::Duration { seconds: 0, nanos: 3_000_000 }), ..now_and_then(Latency, 5) },
        Fault { times: 3, ..now_and_then(Hang, 2) },
        Fault { times: 2, ..now_and_then(Unauthenticated, 2) },
        now_and_then(ErrorBeforeCommit, 6),
        now_and_then(ErrorAfterCommit, 6),
        now_and_then(LoseAnswer, 8),
        now_and_then(RateLimit, 5),
        now_and_then(WrongAnswer, 3),
        now_and_then(CrashBetween, 5),
        now_and_then(Refuse, 3),
        now_and_then(EventDuplicate, 10),
        now_and_then(EventReorder, 10),
        Fault { delay: span(600), ..now_and_then(EventDelay, 10) },
        now_and_then(EventDrop, 5),
    ];
    if personality != Personality::LookupOnly {
        // Who knows no keys books a repeated request twice; that is for the reconciliation to find.
        all.push(now_and_then(DuplicateRequest, 5));
    }
    all
}

/// A house under test, and the workers in it.
struct Drill {
    house: House,
    dice: StdRng,
    workers: Vec<(JoinHandle<()>, CancellationToken)>,
    kills: usize,
    deadly: bool,
}

impl Drill {
    /// Some time passes in both houses; now and then a worker dies where it stands, and another takes its place.
    async fn pass(&mut self, at_most: i64) {
        tokio::time::sleep(Duration::from_millis(self.dice.random_range(0..15))).await;
        if self.deadly && self.dice.random_ratio(1, 6) {
            let which = self.dice.random_range(0..self.workers.len());
            let (worker, _stop) = self.workers.swap_remove(which);
            worker.abort();
            self.kills += 1;
            self.workers.push(self.house.work());
        }
        self.house.time.advance(TimeDelta::seconds(self.dice.random_range(1..=at_most)));
        self.house.erp_passes(0).await;
        self.house.handoffs.wake();
    }

    /// Time passes until nothing moves by itself any more.
    async fn settle(&mut self) {
        self.deadly = false;
        for round in 0_u32.. {
            let moving = Entity::find().filter(Column::NextAttemptAt.is_not_null()).count(self.house.store.reader());
            let moving = moving.await.expect("what moves is counted");
            if moving == 0 {
                self.deadly = true;
                return;
            }
            assert!(round < 5000, "{moving} documents are under way for ever");
            self.pass(1800).await;
        }
    }

    /// Time passes until the ERP has nothing to say any more: every invoice is posted and paid.
    async fn paid_up(&mut self) {
        for _ in 0..4 {
            self.house.time.advance(TimeDelta::seconds(PAY_AFTER));
            self.house.erp_passes(0).await;
        }
        self.settle().await;
        self.house.handoffs.read_events().await.expect("events are read");
    }

    /// An operator mends what is left: dead letters, refusals, what was given up; each says why.
    async fn heal(&mut self, documents: &HashMap<String, Document>) -> usize {
        let mut mended = 0;
        for _ in 0..20 {
            self.settle().await;
            let open: Vec<_> = self.house.all().await.into_iter().filter(|row| row.state != State::Delivered).collect();
            if open.is_empty() {
                return mended;
            }
            mended += open.len();
            for row in &open {
                let explained = !row.last_error.is_empty() || row.state == State::Blocked;
                assert!(explained, "{} is {} and does not say why", row.external_id, row.state);
                assert!(
                    row.state != State::Rejected || !row.reasons.0.is_empty(),
                    "{} has no reasons",
                    row.external_id
                );
            }
            let everything = ReplayHandoffsRequest { request_id: id(), ..ReplayHandoffsRequest::default() };
            self.house.operator().replay_handoffs(everything).await.expect("dead letters are replayed");
            for row in open.iter().filter(|row| matches!(row.state, State::Rejected | State::Abandoned)) {
                // A wish about an order that the ERP had refused was given up at once; whoever has it says so again.
                if row.kind == Kind::Order || row.state == State::Abandoned {
                    let again = new(&documents[&row.external_id]);
                    self.house.handoffs.store(again).await.expect("what was refused or given up is handed over anew");
                } else {
                    let ask = ReplayHandoffRequest { name: row.name(), request_id: id(), ..Default::default() };
                    self.house.operator().replay_handoff(ask).await.expect("a refusal is replayed");
                }
            }
        }
        let rows = self.house.all().await;
        let left = rows.iter().filter(|row| row.state != State::Delivered);
        let left = left.map(|row| format!("{} {} {}: {}", row.external_id, row.state, row.awaits, row.last_error));
        panic!("not healed after twenty rounds:\n{}", left.collect::<Vec<_>>().join("\n"));
    }
}

/// Sums by type, currency, category and rate.
type Sums = BTreeMap<String, (Decimal, Decimal)>;

fn add(sums: &mut Sums, kind: i32, vat: &[dealflow_proto::types::v1::VatTotal]) {
    for group in vat {
        let of = |money: &Option<_>| {
            money.as_ref().map(|it| convert::decimal_of(it).expect("an amount")).unwrap_or_default()
        };
        let (rate, currency) =
            (group.vat.clone().unwrap_or_default(), group.tax.clone().unwrap_or_default().currency_code);
        let percent = rate.rate.as_ref().map(|it| convert::decimal_from(it).expect("a rate").normalize());
        let sum = sums.entry(format!("{kind} {currency} {} {percent:?}", rate.category)).or_default();
        sum.0 += of(&group.taxable);
        sum.1 += of(&group.tax);
    }
}

/// The ERP's books hold each document once, in order, with the same totals and numbers without gaps.
fn check_books(books: &[ErpDocument], documents: &HashMap<String, Document>) {
    let mut by_id: HashMap<&str, &ErpDocument> = HashMap::new();
    for booked in books {
        assert_eq!(booked.outcome(), Outcome::Accepted, "{}", booked.external_id);
        assert!(by_id.insert(&booked.external_id, booked).is_none(), "{} is booked twice", booked.external_id);
    }
    let (mut ours, mut theirs) = (Sums::new(), Sums::new());
    for (external_id, document) in documents {
        let booked = by_id.get(external_id.as_str()).unwrap_or_else(|| panic!("{external_id} is missing"));
        add(&mut ours, document.r#type, document.totals.as_ref().map(|it| it.vat.as_slice()).unwrap_or_default());
        add(&mut theirs, booked.r#type, &booked.vat);
        for before in [&document.order_external_id, &document.invoice_external_id] {
            let earlier = by_id.get(before.as_str()).and_then(|it| it.book_time);
            let time = |it: Option<prost_types::Timestamp>| it.map(|it| (it.seconds, it.nanos));
            assert!(time(earlier) <= time(booked.book_time), "{external_id} was booked before {before}");
        }
    }
    assert_eq!(by_id.len(), documents.len(), "nothing is there that was not handed over");
    assert_eq!(ours, theirs, "control totals by currency and rate");
    for kind in [DocumentType::Order, DocumentType::Invoice, DocumentType::CreditNote] {
        let of_kind = books.iter().filter(|it| it.r#type() == kind);
        let mut numbers: Vec<&str> = of_kind.map(|it| it.erp_number.as_str()).collect();
        numbers.sort_unstable();
        let last = numbers.last().and_then(|it| it.rsplit('-').next()).map_or(0, |it| it.parse().expect("a number"));
        assert_eq!(numbers.len(), last, "numbers of {kind:?} have no gap");
    }
}

/// Each bill came with its UBL, byte by byte as it was attached; that it keeps every rule was seen when it was drawn.
fn check_files(books: &[ErpDocument], documents: &HashMap<String, Document>) -> usize {
    let mut files = 0;
    for booked in books {
        let attached = &documents[&booked.external_id].attachments;
        let hash =
            |content: &[u8]| Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let ours: Vec<String> = attached.iter().map(|file| hash(&file.content)).collect();
        let theirs: Vec<&str> = booked.attachments.iter().map(|file| file.sha256.as_str()).collect();
        assert_eq!(theirs, ours, "{}", booked.external_id);
        let bill = matches!(booked.r#type(), DocumentType::Invoice | DocumentType::CreditNote);
        assert_eq!(theirs.len(), usize::from(bill), "{} brings its file", booked.external_id);
        files += theirs.len();
    }
    files
}

/// Same bytes, same key: however often a document was sent.
async fn check_journal(house: &House) -> usize {
    let mut keys: HashMap<(String, String), String> = HashMap::new();
    let mut sent = 0;
    for entry in house.journal("").await.into_iter().filter(|entry| !entry.idempotency_key.is_empty()) {
        sent += 1;
        let same = (entry.external_id.clone(), entry.document_sha256.clone());
        let first = keys.entry(same).or_insert_with(|| entry.idempotency_key.clone());
        assert_eq!(*first, entry.idempotency_key, "{} was sent under two keys", entry.external_id);
    }
    sent
}

async fn snapshot(house: &House) {
    house.control().snapshot(SnapshotRequest { name: "before".to_owned() }).await.expect("the books are kept");
}

both! {
    /// R-ERP-1, R-INV-3: effectively once, in order within a chain, whatever fails; every UBL file of the run keeps every rule
    /// of the hand-over, exactly, and arrives as it was attached.
    async fn every_document_is_in_the_erp_once_whatever_fails_and_whoever_dies(db: TestDb) {
        let seed = from_env("DEALFLOW_PROPERTY_SEED", rand::rng().random());
        let orders = from_env("DEALFLOW_PROPERTY_ORDERS", 60).max(5);
        println!("DEALFLOW_PROPERTY_SEED={seed} DEALFLOW_PROPERTY_ORDERS={orders}");
        let quick = Settings {
            call_deadline: Duration::from_millis(1500),
            look_up_deadline: Duration::from_millis(1500),
            // The clock runs much faster than the calls: no lease runs out while its call is on the way.
            lease: TimeDelta::hours(24),
            ..settings()
        };
        let house = House::build(db, quick).await;
        let mut drill = Drill { house, dice: StdRng::seed_from_u64(seed), workers: Vec::new(), kills: 0, deadly: true };
        for _ in 0..2 {
            drill.workers.push(drill.house.work());
        }
        let (mut documents, mut mended): (HashMap<String, Document>, usize) = (HashMap::new(), 0);
        for (round, personality) in PERSONALITIES.into_iter().enumerate() {
            let simulation = Simulation {
                post_after: span(30),
                pay_after: span(PAY_AFTER),
                pay_steps: 2,
                // A delivered order is not canceled any more; deliveries have tests of their own.
                ..Simulation::default()
            };
            drill.house.be(personality, simulation).await;
            let ask = SetFaultPlanRequest { faults: faults(personality, &format!("{round}-0000")), seed: seed as i64 };
            drill.house.control().set_fault_plan(ask).await.expect("the plan is set");
            let mut papers: Vec<Document> = (0..orders / 5)
                .flat_map(|number| papers::chain(&mut drill.dice, &format!("{round}-{number:04}")).documents)
                .collect();
            // In any order: what comes before its order waits for it.
            papers.shuffle(&mut drill.dice);
            for paper in papers {
                drill.house.hand_over(&paper).await;
                documents.insert(paper.external_id.clone(), paper);
                if drill.dice.random_ratio(1, 4) {
                    drill.pass(30).await;
                }
            }
            for _ in 0..40 {
                drill.pass(120).await;
            }
            drill.house.clear().await;
            if personality == Personality::LineRounding {
                // What a line-rounding ERP refuses goes in once it rounds as EN 16931 asks.
                drill.settle().await;
                drill.house.be(Personality::Native, simulation).await;
            }
            mended += drill.heal(&documents).await;
            drill.house.handoffs.read_events().await.expect("events are read");
        }
        drill.paid_up().await;
        let books = crate::reconciling::all_books(&drill.house).await;
        check_books(&books, &documents);
        let sent = check_journal(&drill.house).await;

        // What was dropped of the events is caught up by asking; then nothing is left to say.
        let report = crate::reconciling::compared(&drill.house).await;
        for row in &report.rows {
            assert_eq!(row.class(), ReconciliationClass::StatusMismatch, "{row:?}");
        }
        crate::reconciling::refresh(&drill.house, &report).await;
        drill.settle().await;
        let report = crate::reconciling::compared(&drill.house).await;
        assert!(report.clean(), "{:?}", report.rows);

        // Amnesia: the report lists exactly what was forgotten, and a replay heals it.
        snapshot(&drill.house).await;
        let mut forgotten = Vec::new();
        for number in 0..10 {
            for paper in papers::chain(&mut drill.dice, &format!("A-{number}")).documents {
                drill.house.hand_over(&paper).await;
                forgotten.push(paper.external_id.clone());
                documents.insert(paper.external_id.clone(), paper);
            }
        }
        drill.settle().await;
        let ask = RestoreRequest { name: "before".to_owned() };
        let restored = drill.house.control().restore(ask).await.expect("the backup is restored").into_inner();
        assert_eq!(usize::try_from(restored.forgotten).expect("a count"), forgotten.len());
        let report = crate::reconciling::compared(&drill.house).await;
        let missing = report.rows.iter().filter(|row| row.class() == ReconciliationClass::MissingInErp);
        let mut missing: Vec<String> = missing.map(|row| row.external_id.clone()).collect();
        missing.sort_unstable();
        forgotten.sort_unstable();
        assert_eq!(missing, forgotten);
        crate::reconciling::replay(&drill.house, &report).await;
        drill.settle().await;
        eventually("the books to be whole again", LONG, || async {
            drill.house.books_count().await == documents.len()
        })
        .await;
        let books = crate::reconciling::all_books(&drill.house).await;
        check_books(&books, &documents);
        let files = check_files(&books, &documents);
        let report = crate::reconciling::compared(&drill.house).await;
        let left = report.rows.iter().filter(|row| row.class() != ReconciliationClass::StatusMismatch);
        assert_eq!(left.count(), 0, "{:?}", report.rows);
        println!(
            "{} documents, sent {sent} times, {} kills, {mended} mended by an operator; {files} UBL files keep every rule",
            documents.len(),
            drill.kills
        );
    }
}
