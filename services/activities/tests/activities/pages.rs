//! Pages of every list of the desk while others write: nothing is skipped, nothing comes twice.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use dealflow_proto::activities::v1::interaction::Channel;
use dealflow_proto::activities::v1::*;
use dealflow_proto::convert::timestamp;
use dealflow_testbed::{TestDb, both, id};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::desk::{Desk, result, task};
use crate::knowledge::link;

/// The lists, and the orders that each knows.
const LISTS: [(List, &[&str]); 9] = [
    (List::Activities, &["", "create_time", "create_time desc", "due_time", "due_time desc"]),
    (List::Tasks, &["", "create_time", "due_time desc"]),
    (List::Interactions, &["", "interaction_time", "interaction_time desc", "create_time desc"]),
    (List::Notifications, &["", "create_time", "create_time desc"]),
    (List::Employees, &["", "display_name", "display_name desc"]),
    (List::Reports, &["", "display_name desc"]),
    (List::Categories, &["", "display_name", "display_name desc"]),
    (List::Knowledge, &["", "title", "create_time desc"]),
    (List::Calendar, &["", "calendar_time desc", "create_time"]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Activities,
    Tasks,
    Interactions,
    Notifications,
    Employees,
    Reports,
    Categories,
    Knowledge,
    Calendar,
}

/// One reading of a list, and how far from now what is added before each of its pages lies, in hours.
#[derive(Debug, Clone)]
struct Reading {
    list: List,
    order_by: &'static str,
    sizes: Vec<i32>,
    added: Vec<Vec<i64>>,
}

fn reading() -> impl Strategy<Value = Reading> {
    let ordered = prop::sample::select(LISTS.to_vec())
        .prop_flat_map(|(list, orders)| (Just(list), prop::sample::select(orders.to_vec())));
    let added = prop::collection::vec(prop::collection::vec(1..5_i64, 0..4), 1..8);
    (ordered, prop::collection::vec(1..7_i32, 1..5), added).prop_map(|((list, order_by), sizes, added)| Reading {
        list,
        order_by,
        sizes,
        added,
    })
}

impl Desk {
    /// A record for each list: a task of somebody's, of which he is told and which his calendar shows, an interaction,
    /// somebody whom he leads, a category and a document.
    async fn add(&mut self, who: &str, hours: i64) {
        self.clock.advance(TimeDelta::milliseconds(hours));
        let time = Some(timestamp(self.clock.now() + TimeDelta::hours(hours)));
        // Nobody is told of what he makes himself: here nobody in particular makes it.
        let due = Activity { performer: who.to_owned(), due_time: time.filter(|_| hours != 4), ..task("Call") };
        self.make(due).await.expect("made");
        let happened = Some(timestamp(self.clock.now() - TimeDelta::hours(hours)));
        let said = Interaction {
            regarding: crate::desk::opportunity(),
            channel: Channel::Phone.into(),
            subject: "Asked".to_owned(),
            interaction_time: happened,
            ..Interaction::default()
        };
        let ask = CreateInteractionRequest { interaction: Some(said), request_id: id(), ..Default::default() };
        self.interactions.create_interaction(ask).await.expect("recorded");
        let name = format!("{} {}", ["Anna", "Bert", "Cleo", "Dora"][hours as usize % 4], id());
        self.hire(&name, who).await.expect("hired");
        let category =
            Category { display_name: name.clone(), allowed_results: vec![result("done")], ..Default::default() };
        let ask = CreateCategoryRequest { category: Some(category), request_id: id(), ..Default::default() };
        self.categories.create_category(ask).await.expect("made");
        self.write(&format!("d-{}", id()), link(&name, &[])).await.expect("written");
    }

    async fn page(&mut self, of: &Reading, who: &str, page_size: i32, page_token: String) -> (Vec<String>, String) {
        let order_by = of.order_by.to_owned();
        macro_rules! page {
            ($client:ident.$list:ident($request:ident { $($field:ident: $value:expr),* }), $items:ident) => {
                page!($client.$list($request { $($field: $value),* }), $items, |it| it.name)
            };
            ($client:ident.$list:ident($request:ident { $($field:ident: $value:expr),* }), $items:ident, $name:expr) => {{
                let ask = $request { page_size, page_token, order_by, $($field: $value,)* ..Default::default() };
                let page = self.$client.$list(ask).await.expect("a page").into_inner();
                (page.$items.into_iter().map($name).collect(), page.next_page_token)
            }};
        }
        match of.list {
            List::Activities => page!(activities.list_activities(ListActivitiesRequest {}), activities),
            List::Tasks => page!(tasks.list_my_tasks(ListMyTasksRequest { performer: who.to_owned() }), activities),
            List::Interactions => page!(interactions.list_interactions(ListInteractionsRequest {}), interactions),
            List::Notifications => {
                page!(
                    notifications.list_notifications(ListNotificationsRequest { recipient: who.to_owned() }),
                    notifications
                )
            }
            List::Employees => page!(employees.list_employees(ListEmployeesRequest {}), employees),
            List::Reports => page!(employees.list_reports(ListReportsRequest { manager: who.to_owned() }), employees),
            List::Categories => page!(categories.list_categories(ListCategoriesRequest {}), categories),
            List::Knowledge => {
                page!(knowledge.list_knowledge_documents(ListKnowledgeDocumentsRequest {}), documents)
            }
            List::Calendar => {
                let day = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
                let (from, until) = (day(1_600_000_000), day(1_900_000_000));
                page!(
                    calendars.list_calendar(ListCalendarRequest {
                        owners: vec![who.to_owned()],
                        start_time: from,
                        end_time: until
                    }),
                    entries,
                    |it| it.activity.expect("an activity").name
                )
            }
        }
    }
}

both! {
    /// R-ACT-1 to R-ACT-5, AIP-158: whatever the list, the order and the sizes of the pages, and whatever is added
    /// meanwhile: what was there at the beginning comes exactly once, what was added at most once.
    async fn pages_of_every_list_skip_nothing_and_double_nothing_while_others_add(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let who = desk.hire("Who", "").await.expect("hired").name;
        for hours in 0..12 {
            desk.add(&who, 1 + hours % 4).await;
        }
        let mut runner = TestRunner::new(Config::default());
        let (mut pages, mut added) = (0, 0);
        for _ in 0..40 {
            let reading = reading().new_tree(&mut runner).expect("a reading").current();
            let mut before = BTreeSet::new();
            let mut token = String::new();
            loop {
                let (names, next) = desk.page(&reading, &who, 1000, token).await;
                before.extend(names);
                if next.is_empty() {
                    break;
                }
                token = next;
            }
            let (mut seen, mut token) = (Vec::new(), String::new());
            for page in 0.. {
                for hours in reading.added.get(page).into_iter().flatten() {
                    desk.add(&who, *hours).await;
                    added += 1;
                }
                let size = reading.sizes[page % reading.sizes.len()];
                let (names, next) = desk.page(&reading, &who, size, token).await;
                pages += 1;
                seen.extend(names);
                if next.is_empty() {
                    break;
                }
                token = next;
            }
            let names: BTreeSet<String> = seen.iter().cloned().collect();
            assert_eq!(names.len(), seen.len(), "one came twice: {reading:?}");
            let skipped: Vec<_> = before.difference(&names).collect();
            assert!(skipped.is_empty(), "{skipped:?} were skipped: {reading:?}");
        }
        println!("40 readings of {} lists, {pages} pages, {added} added to each meanwhile", LISTS.len());
        assert!(pages > 100 && added > 30);
    }
}
