//! Pages of the lists beside opportunities while others write: stages, processes and their versions, what can be started,
//! stage entries, tactics, refused attempts, reasons of loss. Nothing is skipped, nothing comes twice.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use dealflow_opportunities::library::SHIPPED;
use dealflow_proto::opportunities::v1::opportunity::LoseReason as Reason;
use dealflow_proto::opportunities::v1::*;
use dealflow_testbed::{TestDb, both, id};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::desk::{CORPORATE_SALE, Desk, titled};

/// The lists, and the orders that each knows. That of processes by their latest version's age is left out: a new version
/// is not added to it, it moves a process.
const LISTS: [(List, &[&str]); 8] = [
    (List::Stages, &["", "position desc", "name", "probability, name desc"]),
    (List::Processes, &["", "name desc"]),
    (List::Startable, &["", "name desc"]),
    (List::Versions, &["", "version", "create_time desc"]),
    (List::StageEntries, &["", "number desc"]),
    (List::Tactics, &["", "write_time"]),
    (List::RefusedAttempts, &["", "attempt_time"]),
    (List::LoseReasons, &["", "name desc"]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Stages,
    Processes,
    Startable,
    Versions,
    StageEntries,
    Tactics,
    RefusedAttempts,
    LoseReasons,
}

/// One reading of a list, and how many are added before each of its pages.
#[derive(Debug, Clone)]
struct Reading {
    list: List,
    order_by: &'static str,
    sizes: Vec<i32>,
    added: Vec<usize>,
}

fn reading(list: List, orders: &'static [&'static str]) -> impl Strategy<Value = Reading> {
    let (sizes, added) = (prop::collection::vec(1..5_i32, 1..4), prop::collection::vec(0..3_usize, 1..6));
    (prop::sample::select(orders), sizes, added).prop_map(move |(order_by, sizes, added)| Reading {
        list,
        order_by,
        sizes,
        added,
    })
}

/// An opportunity that goes to and fro, and one that is closed.
struct Office {
    desk: Desk,
    open: String,
    lost: String,
    added: usize,
}

impl Office {
    async fn open(db: &TestDb) -> Self {
        let desk = Desk::open(db).await;
        let open = desk.create(titled("Pumps"), "").await.expect("opened").name;
        let lost = desk.create(titled("Valves"), "").await.expect("opened").name;
        desk.lose(&lost, Reason::Price).await.expect("lost");
        Self { desk, open, lost, added: 0 }
    }

    /// A record for each list: a stage, a process, a version of another one, a move, tactics, a vain attempt, a reason.
    async fn add(&mut self) {
        self.added += 1;
        let (desk, number) = (&self.desk, self.added);
        desk.time.advance(TimeDelta::milliseconds(i64::from(number % 3 != 0)));
        let captions = || {
            let caption = |language: &str| Caption { language_code: language.to_owned(), text: format!("N {number}") };
            vec![caption("en"), caption("ru")]
        };
        let stage = Stage {
            captions: captions(),
            meaning: stage::Meaning::Open.into(),
            probability: (number % 4) as i32,
            forecast_category: stage::ForecastCategory::Pipeline.into(),
            position: (number * 7 % 20) as i32 + 1,
            ..Stage::default()
        };
        let stage_id = format!("s{}", number * 37 % 1000);
        let ask = CreateStageRequest { stage: Some(stage), stage_id, request_id: id(), ..Default::default() };
        desk.processes.clone().create_stage(ask).await.expect("added");
        let own = SHIPPED[0].1.replacen("id: corporate-sale", &format!("id: p{}", number * 37 % 1000), 1);
        desk.import(&own).await.expect("imported");
        let next = SHIPPED[0].1.replacen("due_days: 1\n", &format!("due_days: {}\n", number + 1), 1);
        desk.import(&next).await.expect("imported");
        let stage = ["stages/qualification", "stages/presentation"][number % 2];
        desk.move_to(&self.open, stage).await.expect("moved");
        let tactics = format!("the {number}th way");
        let change = Opportunity { name: self.open.clone(), tactics, ..Opportunity::default() };
        desk.update(change, &["tactics"]).await.expect("written");
        desk.hold(&self.lost, &format!("vain {number}")).await.expect_err("it is closed");
        let reason = LoseReason { captions: captions(), ..LoseReason::default() };
        let lose_reason_id = format!("R{}", number * 37 % 1000);
        let lose_reason = Some(reason);
        let ask = CreateLoseReasonRequest { lose_reason, lose_reason_id, request_id: id(), ..Default::default() };
        desk.opportunities.clone().create_lose_reason(ask).await.expect("added");
    }

    async fn page(&self, of: &Reading, page_size: i32, page_token: String) -> (Vec<String>, String) {
        let order_by = of.order_by.to_owned();
        macro_rules! page {
            ($client:ident.$list:ident($request:ident { $($field:ident: $value:expr)? }), $items:ident, $name:expr) => {{
                let ask = $request { page_size, page_token, order_by, $($field: $value,)? ..Default::default() };
                let page = self.desk.$client.clone().$list(ask).await.expect("a page").into_inner();
                (page.$items.into_iter().map($name).collect(), page.next_page_token)
            }};
        }
        let (open, process) = (self.open.clone(), CORPORATE_SALE.to_owned());
        match of.list {
            List::Stages => page!(processes.list_stages(ListStagesRequest {}), stages, |it| it.name),
            List::Processes => page!(processes.list_processes(ListProcessesRequest {}), processes, |it| it.name),
            List::Startable => {
                page!(processes.list_startable_processes(ListStartableProcessesRequest {}), processes, |it| it.process)
            }
            List::Versions => page!(
                processes.list_process_versions(ListProcessVersionsRequest { process: process }),
                versions,
                |it| it.version.to_string()
            ),
            List::StageEntries => page!(
                opportunities.list_stage_entries(ListStageEntriesRequest { opportunity: open }),
                stage_entries,
                |it| it.name
            ),
            List::Tactics => {
                page!(opportunities.list_tactics(ListTacticsRequest {}), tactics, |it| it.number.to_string())
            }
            List::RefusedAttempts => {
                page!(opportunities.list_refused_attempts(ListRefusedAttemptsRequest {}), refused_attempts, |it| it
                    .request_id)
            }
            List::LoseReasons => {
                page!(opportunities.list_lose_reasons(ListLoseReasonsRequest {}), lose_reasons, |it| it.name)
            }
        }
    }
}

both! {
    /// R-API-1, AIP-158: whatever the list, the order and the sizes of the pages, and whatever is added meanwhile: what was
    /// there at the beginning comes exactly once, what was added at most once.
    async fn pages_of_what_stands_beside_skip_nothing_and_double_nothing_while_others_add(db: TestDb) {
        let mut office = Office::open(&db).await;
        for _ in 0..5 {
            office.add().await;
        }
        let mut runner = TestRunner::new(Config::default());
        let (mut readings, mut pages, before_all) = (0, 0, office.added);
        for (list, orders) in LISTS {
            for _ in 0..4 {
                let reading = reading(list, orders).new_tree(&mut runner).expect("a reading").current();
                let (before, end) = office.page(&reading, 1000, String::new()).await;
                assert!(end.is_empty() && before.len() >= 5, "all of it: {reading:?} {before:?}");
                let (mut seen, mut token) = (Vec::new(), String::new());
                for page in 0.. {
                    for _ in 0..reading.added.get(page).copied().unwrap_or_default() {
                        office.add().await;
                    }
                    let size = reading.sizes[page % reading.sizes.len()];
                    let (names, next) = office.page(&reading, size, token).await;
                    pages += 1;
                    seen.extend(names);
                    if next.is_empty() {
                        break;
                    }
                    token = next;
                }
                readings += 1;
                let names: BTreeSet<&String> = seen.iter().collect();
                assert_eq!(names.len(), seen.len(), "one came twice: {reading:?} {seen:?}");
                let skipped: Vec<_> = before.iter().filter(|name| !names.contains(name)).collect();
                assert!(skipped.is_empty(), "{skipped:?} were skipped: {reading:?}");
            }
        }
        let added = office.added - before_all;
        println!("{readings} readings of {} lists, {pages} pages, {added} added to each meanwhile", LISTS.len());
        assert!(pages > 100 && added > 30);
    }

    /// R-PRC-1, R-PRC-3, R-STG-1: the lookup, the library and its versions are found by filter, in an order.
    async fn the_library_is_found_by_filter_and_order(db: TestDb) {
        let desk = Desk::open(&db).await;
        let next = SHIPPED[0].1.replacen("due_days: 1\n", "due_days: 2\n", 1);
        desk.import(&next).await.expect("imported");
        let stages = async |filter: &str, order_by: &str| {
            let ask = ListStagesRequest { filter: filter.to_owned(), order_by: order_by.to_owned(), ..Default::default() };
            let page = desk.processes.clone().list_stages(ask).await.expect("listed").into_inner();
            page.stages.into_iter().map(|it| it.name).collect::<Vec<_>>()
        };
        assert_eq!(stages("meaning = LOST", "").await.len() + stages("meaning != LOST", "").await.len(), stages("", "").await.len());
        assert_eq!(stages("name = \"stages/closed-won\" AND forecast_category = CLOSED", "").await, ["stages/closed-won"]);
        assert_eq!(stages("probability = 100", "position").await.first().map(String::as_str), Some("stages/closed-won"));
        let in_order = stages("", "position").await;
        assert_eq!((stages("", "").await, stages("", "position desc").await), (in_order.clone(), in_order.into_iter().rev().collect()));
        let processes = async |filter: &str| {
            let ask = ListProcessesRequest { filter: filter.to_owned(), order_by: "name desc".to_owned(), ..Default::default() };
            let page = desk.processes.clone().list_processes(ask).await.expect("listed").into_inner();
            page.processes.into_iter().map(|it| (it.name, it.version)).collect::<Vec<_>>()
        };
        let names: Vec<String> = processes("shipped = true").await.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["processes/sales-lifecycle", "processes/qualify-sales-opportunity"]);
        assert_eq!(processes("version = 2").await, [(CORPORATE_SALE.to_owned(), 2)], "only the latest of each");
        assert_eq!(processes("version = 1 AND name = \"processes/corporate-sale\"").await, []);
        let startable = async |filter: &str| {
            let ask = ListStartableProcessesRequest { filter: filter.to_owned(), ..Default::default() };
            desk.processes.clone().list_startable_processes(ask).await.expect("listed").into_inner().processes.len()
        };
        assert_eq!((startable("shipped = false").await, startable("").await), (1, 3));
        let versions = async |process: &str, filter: &str| {
            let ask = ListProcessVersionsRequest { process: process.to_owned(), filter: filter.to_owned(), ..Default::default() };
            let page = desk.processes.clone().list_process_versions(ask).await?.into_inner();
            Ok::<_, tonic::Status>(page.versions.into_iter().map(|it| it.version).collect::<Vec<_>>())
        };
        assert_eq!(versions(CORPORATE_SALE, "").await.expect("listed"), [2, 1], "the latest first");
        assert_eq!(versions(CORPORATE_SALE, "shipped = true").await.expect("listed"), [1]);
        assert_eq!(versions(CORPORATE_SALE, "version > 2").await.expect("there is none, of a process that there is"), Vec::<i32>::new());
        assert_eq!(versions("processes/none", "").await.expect_err("no such process").code(), tonic::Code::NotFound);
    }
}
