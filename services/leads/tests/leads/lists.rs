//! Lists: found by what people look for, page by page.

use std::collections::BTreeSet;

use dealflow_proto::leads::v1::*;
use dealflow_testbed::{TestDb, both, refusal};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use tonic::Code;

use crate::desk::{ANNA, Desk, opportunity, ready};

impl Desk {
    async fn found(&mut self, filter: &str, order_by: &str) -> Vec<String> {
        let ask = ListLeadsRequest { filter: filter.to_owned(), order_by: order_by.to_owned(), ..Default::default() };
        let page = self.leads.list_leads(ask).await.unwrap_or_else(|no| panic!("{filter}: {no}"));
        page.into_inner().leads.into_iter().map(|lead| lead.title).collect()
    }
}

/// The lists, and the orders that each knows.
const LISTS: [(List, &[&str]); 3] = [
    (List::Leads, &["", "create_time", "create_time desc"]),
    (List::Accounts, &["", "display_name", "display_name desc", "create_time desc", "customer_time"]),
    (List::Contacts, &["", "family_name", "family_name desc", "create_time"]),
];

#[derive(Debug, Clone, Copy)]
enum List {
    Leads,
    Accounts,
    Contacts,
}

/// One reading of a list, and what comes in beside each of its pages.
#[derive(Debug, Clone)]
struct Reading {
    list: List,
    order_by: &'static str,
    sizes: Vec<i32>,
    added: Vec<Vec<usize>>,
}

fn reading() -> impl Strategy<Value = Reading> {
    let ordered = prop::sample::select(LISTS.to_vec())
        .prop_flat_map(|(list, orders)| (Just(list), prop::sample::select(orders.to_vec())));
    let added = prop::collection::vec(prop::collection::vec(0..4_usize, 0..4), 1..8);
    (ordered, prop::collection::vec(1..7_i32, 1..5), added).prop_map(|((list, order_by), sizes, added)| Reading {
        list,
        order_by,
        sizes,
        added,
    })
}

impl Desk {
    /// A record for each list; some have equal names.
    async fn add(&mut self, number: usize) {
        self.clock.advance(chrono::TimeDelta::milliseconds(number as i64 % 3));
        let name = ["Ann", "ann", "Berg", "Ärmel"][number % 4].to_owned();
        self.capture(Lead { title: name.clone(), ..ready() }).await;
        let account = Account { display_name: name.clone(), ..Default::default() };
        let account = self.add_account(account).await.expect("added").name;
        self.add_contact(Contact { account, family_name: name, ..Default::default() }).await.expect("added");
    }

    async fn page(&mut self, of: &Reading, page_size: i32, page_token: String) -> (Vec<String>, String) {
        let order_by = of.order_by.to_owned();
        macro_rules! page {
            ($client:ident.$list:ident($request:ident), $items:ident) => {{
                let ask = $request { page_size, page_token, order_by, ..Default::default() };
                let page = self.$client.$list(ask).await.expect("a page").into_inner();
                (page.$items.into_iter().map(|it| it.name).collect(), page.next_page_token)
            }};
        }
        match of.list {
            List::Leads => page!(leads.list_leads(ListLeadsRequest), leads),
            List::Accounts => page!(accounts.list_accounts(ListAccountsRequest), accounts),
            List::Contacts => page!(contacts.list_contacts(ListContactsRequest), contacts),
        }
    }
}

both! {
    /// R-LED-1: leads are found by state, stage, owner, source, campaign, company, account and opportunity.
    async fn leads_are_found_by_what_people_look_for(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let titled = |title: &str| Lead { title: title.to_owned(), ..ready() };
        let mine = Lead {
            owner: ANNA.to_owned(),
            campaign: "EMO".to_owned(),
            source: lead::Source::Web.into(),
            ..titled("mine")
        };
        desk.capture(mine).await;
        desk.clock.advance(chrono::TimeDelta::days(1));
        let gone = desk.capture(Lead { company_name: "Other AG".to_owned(), ..titled("gone") }).await;
        desk.disqualify(&gone.name).await.expect("disqualified");
        desk.clock.advance(chrono::TimeDelta::days(1));
        let won = desk.qualified(titled("won")).await;
        let deal = opportunity();
        desk.link(&won.name, &deal).await.expect("linked");

        let cases = [
            ("state = \"NEW\"".to_owned(), vec!["mine"]),
            ("NOT state = \"NEW\"".to_owned(), vec!["gone", "won"]),
            ("stage = \"AWAITING_SALE\"".to_owned(), vec!["won"]),
            (format!("owner = \"{ANNA}\""), vec!["mine"]),
            ("source = \"WEB\" AND campaign = \"EMO\"".to_owned(), vec!["mine"]),
            ("company_name : \"berg\"".to_owned(), vec!["mine", "won"]),
            (format!("account = \"{}\"", won.account), vec!["won"]),
            (format!("contact = \"{}\"", won.contact), vec!["won"]),
            (format!("opportunity = \"{deal}\""), vec!["won"]),
            ("disqualify_reason = \"LOST\"".to_owned(), vec!["gone"]),
            ("create_time < \"2026-03-03T00:00:00Z\"".to_owned(), vec!["mine"]),
        ];
        for (filter, titles) in cases {
            assert_eq!(desk.found(&filter, "").await, titles, "{filter}");
        }
        assert_eq!(desk.found("", "create_time desc").await, ["won", "gone", "mine"]);
    }

    /// R-LED-2, AIP-158: whatever the list, the order and the sizes of the pages, and whatever comes in meanwhile: what was
    /// there at the start comes exactly once, what came in at most once.
    async fn pages_of_every_list_skip_nothing_and_double_nothing_while_others_write(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        for number in 0..12 {
            desk.add(number).await;
        }
        let mut runner = TestRunner::new(Config::default());
        let (mut pages, mut added) = (0, 0);
        for _ in 0..40 {
            let reading = reading().new_tree(&mut runner).expect("a reading").current();
            let (before, next) = desk.page(&reading, 1000, String::new()).await;
            assert_eq!(next, "", "all at once");
            let before: BTreeSet<String> = before.into_iter().collect();
            let (mut seen, mut token) = (Vec::new(), String::new());
            for page in 0.. {
                let mut writer = desk.clone();
                let writing = async {
                    for number in reading.added.get(page).into_iter().flatten() {
                        writer.add(*number).await;
                    }
                };
                let size = reading.sizes[page % reading.sizes.len()];
                let ((names, next), ()) = tokio::join!(desk.page(&reading, size, token), writing);
                added += reading.added.get(page).map_or(0, Vec::len);
                pages += 1;
                seen.extend(names);
                if next.is_empty() {
                    break;
                }
                token = next;
            }
            let once: BTreeSet<String> = seen.iter().cloned().collect();
            assert_eq!(once.len(), seen.len(), "one came twice: {reading:?}");
            let skipped: Vec<_> = before.difference(&once).collect();
            assert!(skipped.is_empty(), "{skipped:?} were skipped: {reading:?}");
        }
        println!("40 readings of {} lists, {pages} pages, {added} added to each meanwhile", LISTS.len());
        assert!(pages > 100 && added > 30);
    }

    /// A list is read page by page without loss; what it does not know it refuses.
    async fn pages_hold_every_record_once(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let names = ["Delta", "alpha", "Beta", "Ärmel", "beta"];
        for display_name in names {
            let account = Account { display_name: display_name.to_owned(), ..Default::default() };
            let account = desk.add_account(account).await.expect("added").name;
            let contact = Contact { account, family_name: display_name.to_owned(), ..Default::default() };
            desk.add_contact(contact).await.expect("added");
        }
        let mut ask = ListAccountsRequest { page_size: 2, order_by: "display_name".to_owned(), ..Default::default() };
        let mut read = Vec::new();
        loop {
            let page = desk.accounts.list_accounts(ask.clone()).await.expect("a page").into_inner();
            read.extend(page.accounts.into_iter().map(|account| account.display_name));
            if page.next_page_token.is_empty() {
                break;
            }
            ask.page_token = page.next_page_token;
        }
        assert_eq!(read, ["Beta", "Delta", "alpha", "beta", "Ärmel"], "by code point, on both databases");
        let account = desk.all_accounts().await.remove(0).name;
        let ask = ListContactsRequest { filter: format!("account = \"{account}\""), ..Default::default() };
        let contacts = desk.contacts.list_contacts(ask).await.expect("listed").into_inner().contacts;
        assert_eq!(contacts.iter().map(|contact| contact.family_name.as_str()).collect::<Vec<_>>(), ["Delta"]);

        let ask = ListAccountsRequest { filter: "colour = \"red\"".to_owned(), ..Default::default() };
        let no = refusal(&desk.accounts.list_accounts(ask).await.expect_err("no such field"));
        assert_eq!((no.code, no.reason.as_str()), (Code::InvalidArgument, "INVALID_LIST"));
    }
}
