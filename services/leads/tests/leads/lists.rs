//! Lists: found by what people look for, page by page.

use dealflow_proto::leads::v1::*;
use dealflow_testbed::{TestDb, both, refusal};
use tonic::Code;

use crate::desk::{ANNA, Desk, opportunity, ready};

impl Desk {
    async fn found(&mut self, filter: &str, order_by: &str) -> Vec<String> {
        let ask = ListLeadsRequest { filter: filter.to_owned(), order_by: order_by.to_owned(), ..Default::default() };
        let page = self.leads.list_leads(ask).await.unwrap_or_else(|no| panic!("{filter}: {no}"));
        page.into_inner().leads.into_iter().map(|lead| lead.title).collect()
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

    /// R-LED-2, AIP-158: while leads come in, each page goes on where the one before ended: none that was there at the
    /// start is skipped, and none is shown twice.
    async fn pages_neither_skip_nor_repeat_while_leads_come_in(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let mut known = std::collections::BTreeSet::new();
        for number in 0..60 {
            known.insert(desk.capture(Lead { title: format!("old {number}"), ..ready() }).await.name);
        }
        for order_by in ["", "create_time", "create_time desc"] {
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let ask = ListLeadsRequest {
                    page_size: 7,
                    page_token: token,
                    order_by: order_by.to_owned(),
                    ..Default::default()
                };
                let mut writer = desk.clone();
                let (page, _) = tokio::join!(desk.leads.list_leads(ask), writer.capture(ready()));
                let page = page.expect("a page").into_inner();
                seen.extend(page.leads.into_iter().map(|lead| lead.name));
                token = page.next_page_token;
                // Ascending, the newest are always ahead: what was there at the start is enough.
                if token.is_empty() || seen.len() > 150 {
                    break;
                }
            }
            let once: std::collections::BTreeSet<_> = seen.iter().cloned().collect();
            assert_eq!(once.len(), seen.len(), "{order_by}: none twice");
            assert!(known.is_subset(&once), "{order_by}: none skipped");
        }
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
