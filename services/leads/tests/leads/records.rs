//! Accounts and contacts, and what all records of this part refuse: bad amounts, taken ids, unknown references.

use dealflow_proto::google::type_::{Date, Money};
use dealflow_proto::leads::v1::*;
use dealflow_proto::types::v1::{Address, Bant, Need, Timeframe};
use dealflow_testbed::{TestDb, both, id, refusal};
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::desk::{Desk, convinced, eur, ready};

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() })
}

impl Desk {
    async fn change(&mut self, account: Account, paths: &[&str]) -> Result<Account, Status> {
        let (account, update_mask) = (Some(account), mask(paths));
        let ask = UpdateAccountRequest { account, update_mask, request_id: id(), ..Default::default() };
        Ok(self.accounts.update_account(ask).await?.into_inner())
    }
}

both! {
    /// R-ACC-1: an account carries what an invoice needs; an update takes what the mask names, and no more.
    async fn an_account_carries_what_an_invoice_needs(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let sent = Account {
            display_name: "ACME".to_owned(),
            legal_name: "ACME Maschinen GmbH".to_owned(),
            vat_id: "DE123456789".to_owned(),
            registration_id: "HRB 1234".to_owned(),
            address: Some(Address {
                street: "Am Tor 1".to_owned(),
                country_code: "DE".to_owned(),
                ..Default::default()
            }),
            electronic_address_scheme: "9930".to_owned(),
            electronic_address: "DE123456789".to_owned(),
            sector: "Machines".to_owned(),
            employee_count: 250,
            annual_revenue: Some(Money { currency_code: "EUR".to_owned(), units: 9_000_000, nanos: 990_000_000 }),
            year_established: 1984,
            external_id: "erp-1".to_owned(),
            customer_actor: "nobody".to_owned(),
            ..Default::default()
        };
        let account = desk.add_account(sent.clone()).await.expect("added");
        let kept = Account {
            name: account.name.clone(),
            etag: "1".to_owned(),
            create_time: account.create_time,
            update_time: account.update_time,
            customer_actor: String::new(),
            ..sent
        };
        assert_eq!(account, kept, "an account is no customer before a lead of it is qualified");
        assert_eq!(desk.account(&account.name).await, account);

        let news = Account { name: account.name.clone(), sector: "Tools".to_owned(), ..Default::default() };
        let changed = desk.change(news, &["sector", "annual_revenue"]).await.expect("changed");
        assert_eq!(
            (changed.sector.as_str(), changed.annual_revenue.clone(), changed.etag.as_str()),
            ("Tools", None, "2")
        );
        assert_eq!((changed.legal_name.as_str(), changed.employee_count), ("ACME Maschinen GmbH", 250));
        let news = Account { name: account.name.clone(), phone: "112233".to_owned(), ..Default::default() };
        let changed = desk.change(news.clone(), &[]).await.expect("without a mask what is set is taken");
        assert_eq!((changed.phone.as_str(), changed.display_name.as_str()), ("112233", "ACME"));
        assert_eq!(desk.change(news, &[]).await.expect("the same again"), changed, "nothing changed");

        let nameless = Account { name: account.name.clone(), ..Default::default() };
        let no = refusal(&desk.change(nameless.clone(), &["display_name"]).await.expect_err("an account has a name"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["account.display_name"]));
        let no = refusal(&desk.change(nameless, &["customer_time"]).await.expect_err("output only"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["update_mask"]));
        let subjects: Vec<_> = desk.thread(&account.name).await.into_iter().map(|event| event.r#type).collect();
        assert_eq!(subjects, ["account.created", "account.updated", "account.updated"]);
    }

    /// R-LED-1, R-LED-2, R-ACC-1: an e-mail address is one wherever it is written; empty it may be, and become.
    async fn what_is_no_email_address_is_refused(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let bad = || "not-an-email".to_owned();
        let lead = Lead { email: bad(), ..ready() };
        let ask = CreateLeadRequest { lead: Some(lead), request_id: id(), ..Default::default() };
        let no = refusal(&desk.leads.create_lead(ask).await.expect_err("no address"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["lead.email"]));
        let named = Account { display_name: "ACME".to_owned(), email: bad(), ..Default::default() };
        let no = refusal(&desk.add_account(named).await.expect_err("no address"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["account.email"]));
        let named = Contact { family_name: "Berg".to_owned(), email: bad(), ..Default::default() };
        let no = refusal(&desk.add_contact(named).await.expect_err("no address"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["contact.email"]));

        let lead = desk.capture(ready()).await;
        let update = |email: &str, paths: &[&str]| UpdateLeadRequest {
            lead: Some(Lead { name: lead.name.clone(), email: email.to_owned(), ..Default::default() }),
            update_mask: mask(paths),
            request_id: id(),
            ..Default::default()
        };
        let no = refusal(&desk.leads.update_lead(update("a b@c", &["email"])).await.expect_err("no address"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["lead.email"]));
        let kept = desk.leads.update_lead(update("a b@c", &["title"])).await.expect("the mask leaves it out");
        assert_eq!(kept.into_inner().email, lead.email);
        let gone = desk.leads.update_lead(update("", &["email"])).await.expect("nobody needs an address");
        assert_eq!(gone.into_inner().email, "");
        let account = desk.add_account(Account { display_name: "ACME".to_owned(), ..Default::default() }).await;
        let news = Account { name: account.expect("added").name, email: "acme@".to_owned(), ..Default::default() };
        let no = refusal(&desk.change(news, &[]).await.expect_err("no address"));
        assert_eq!(no.field_names(), ["account.email"]);
    }

    /// R-LED-2: an external id is given once among accounts, and once among leads; the refusal names the holder.
    async fn an_external_id_is_given_once(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let named = |external_id: &str| Account {
            display_name: "ACME".to_owned(),
            external_id: external_id.to_owned(),
            ..Default::default()
        };
        let holder = desk.add_account(named("x-1")).await.expect("added").name;
        let other = desk.add_account(named("")).await.expect("no id is no id");
        desk.add_account(named("")).await.expect("as often as you like");
        let change = Account { name: other.name, ..named("x-1") };
        for answer in [desk.add_account(named("x-1")).await, desk.change(change, &["external_id"]).await] {
            let no = refusal(&answer.expect_err("taken"));
            assert_eq!((no.code, no.reason.as_str()), (Code::AlreadyExists, "TAKEN"));
            assert_eq!(
                (no.metadata["field"].as_str(), no.metadata["holder"].as_str()),
                ("external_id", holder.as_str())
            );
        }
        let lead = desk.capture(Lead { external_id: "x-1".to_owned(), ..ready() }).await;
        let second = Some(Lead { external_id: "x-1".to_owned(), ..ready() });
        let ask = CreateLeadRequest { lead: second, request_id: id(), ..Default::default() };
        let no = refusal(&desk.leads.create_lead(ask).await.expect_err("taken"));
        assert_eq!((no.reason.as_str(), no.metadata["holder"].as_str()), ("TAKEN", lead.name.as_str()));
    }

    /// R-ACC-1: an account belongs to one that is there, is not itself and does not belong to it.
    async fn a_parent_is_another_account(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let named =
            |parent: &str| Account { display_name: "A".to_owned(), parent: parent.to_owned(), ..Default::default() };
        let mother = desk.add_account(named("")).await.expect("added");
        let daughter = desk.add_account(named(&mother.name)).await.expect("added");
        assert_eq!(daughter.parent, mother.name);
        for parent in [&mother.name, &daughter.name] {
            let news = Account { name: mother.name.clone(), parent: parent.clone(), ..Default::default() };
            let no = refusal(&desk.change(news, &["parent"]).await.expect_err("a circle"));
            assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["account.parent"]));
        }
        let unknown = "accounts/0198f7a0-0000-7000-8000-000000000001";
        let no = refusal(&desk.add_account(named(unknown)).await.expect_err("no such account"));
        assert_eq!((no.code, no.resource.as_deref()), (Code::NotFound, Some(unknown)));
    }

    /// R-ACC-1: a contact works for an account that is there, and may change to another.
    async fn a_contact_works_for_an_account(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let account =
            desk.add_account(Account { display_name: "A".to_owned(), ..Default::default() }).await.expect("added");
        let person = |account: &str| Contact {
            account: account.to_owned(),
            family_name: "Ito".to_owned(),
            ..Default::default()
        };
        let contact = desk.add_contact(person("")).await.expect("added");
        let ask = |contact: Contact, etag: &str| UpdateContactRequest {
            contact: Some(contact),
            etag: etag.to_owned(),
            update_mask: mask(&["account", "job_title"]),
            request_id: id(),
            ..Default::default()
        };
        let news = Contact { name: contact.name.clone(), job_title: "Buyer".to_owned(), ..person(&account.name) };
        let changed = desk.contacts.update_contact(ask(news.clone(), "1")).await.expect("changed").into_inner();
        assert_eq!((changed.account.as_str(), changed.job_title.as_str()), (account.name.as_str(), "Buyer"));
        assert_eq!((changed.family_name.as_str(), changed.etag.as_str()), ("Ito", "2"));
        let no = refusal(&desk.contacts.update_contact(ask(news, "1")).await.expect_err("stale"));
        assert_eq!((no.code, no.metadata["etag"].as_str()), (Code::Aborted, "2"));

        let unknown = "accounts/0198f7a0-0000-7000-8000-000000000001";
        let no = refusal(&desk.add_contact(person(unknown)).await.expect_err("no such account"));
        assert_eq!((no.code, no.resource.as_deref()), (Code::NotFound, Some(unknown)));
        let no = refusal(&desk.add_contact(Contact::default()).await.expect_err("nameless"));
        assert_eq!(no.field_names(), ["contact.family_name"]);
    }

    /// An amount that its currency cannot hold is refused, not rounded; the whole range is kept exactly.
    async fn amounts_are_exact_or_refused(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let worth = |currency: &str, units: i64, nanos: i32| Lead {
            estimated_value: Some(Money { currency_code: currency.to_owned(), units, nanos }),
            ..ready()
        };
        let bad = [
            worth("EUR", 1, 1),
            worth("JPY", 1, 500_000_000),
            worth("EUR", -1, 0),
            worth("EUR", i64::MAX, 0),
            worth("QQQ", 1, 0),
        ];
        for lead in bad {
            let ask = CreateLeadRequest { lead: Some(lead.clone()), request_id: id(), ..Default::default() };
            let no = refusal(&desk.leads.create_lead(ask).await.expect_err("no such amount"));
            assert_eq!(no.code, Code::InvalidArgument, "{:?}", lead.estimated_value);
            assert_eq!(no.field_names(), ["lead.estimated_value"]);
        }
        for lead in [worth("KWD", 1, 1_000_000), worth("JPY", 5, 0), worth("EUR", 90_000_000_000_000_000, 990_000_000)]
        {
            let value = lead.estimated_value.clone();
            assert_eq!(desk.capture(lead).await.estimated_value, value);
        }
    }

    /// R-LED-4: BANT is kept as a whole, and single answers are filled in one by one.
    async fn bant_is_filled_in_answer_by_answer(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let known = Bant {
            budget_amount: Some(eur(50_000)),
            need_text: "the old one breaks".to_owned(),
            timeframe: Timeframe::ThisQuarter.into(),
            decision_date: Some(Date { year: 2026, month: 3, day: 31 }),
            decision_maker: "contacts/0198f7a0-0000-7000-8000-000000000001".to_owned(),
            ..convinced()
        };
        let lead = desk.capture(Lead { bant: Some(known.clone()), ..ready() }).await;
        assert_eq!(lead.bant.as_ref(), Some(&known));
        let news = Lead {
            name: lead.name.clone(),
            bant: Some(Bant { need: Need::NoNeed.into(), need_text: "ignored".to_owned(), ..Default::default() }),
            ..Default::default()
        };
        let mut ask = UpdateLeadRequest {
            lead: Some(news),
            update_mask: mask(&["bant.need"]),
            request_id: id(),
            ..Default::default()
        };
        let lead = desk.leads.update_lead(ask.clone()).await.expect("changed").into_inner();
        assert_eq!(lead.bant, Some(Bant { need: Need::NoNeed.into(), ..known }));
        assert_eq!(lead.guidance.expect("guidance").missing_fields, ["bant.need"]);
        (ask.update_mask, ask.request_id) = (mask(&["bant", "title"]), id());
        let lead = desk.leads.update_lead(ask).await.expect("changed").into_inner();
        assert_eq!(lead.bant.map(|bant| bant.need_text).as_deref(), Some("ignored"), "the whole is replaced");
        assert_eq!(lead.title, "", "what the mask names and the message lacks is emptied");
    }

    /// R-ACC-1: a partner becomes a customer when it is said so, with time and actor; the first time stays.
    async fn a_partner_becomes_a_customer_once(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let partner = desk.add_account(Account { display_name: "ACME".to_owned(), ..Default::default() }).await.expect("added");
        assert_eq!((partner.customer_time, partner.customer_actor.as_str()), (None, ""));
        let ask = |etag: &str| MakeCustomerRequest {
            name: partner.name.clone(),
            etag: etag.to_owned(),
            request_id: id(),
            ..MakeCustomerRequest::default()
        };
        let stale = desk.accounts.make_customer(ask("7")).await.expect_err("another version");
        assert_eq!(stale.code(), Code::Aborted);
        let customer = desk.accounts.make_customer(ask(&partner.etag)).await.expect("made").into_inner();
        assert!(customer.customer_time.is_some() && !customer.customer_actor.is_empty());
        desk.clock.advance(chrono::TimeDelta::days(1));
        let again = desk.accounts.make_customer(ask("")).await.expect("it is one already").into_inner();
        assert_eq!(again, customer);
        let told: Vec<_> = desk.thread(&partner.name).await.into_iter().map(|event| event.r#type).collect();
        assert_eq!(told, ["account.created", "account.customer"]);
    }
}
