//! Duplicate candidates refuse a qualification until the caller decides: link or create (R-LED-4).

use dealflow_proto::leads::v1::*;
use dealflow_testbed::{RefusalView, TestDb, both, refusal};
use tonic::Code;

use crate::desk::{Desk, convinced, ready};

/// A lead of another company than Berg's, without a person.
fn company(company_name: &str) -> Lead {
    Lead { company_name: company_name.to_owned(), bant: Some(convinced()), ..Default::default() }
}

fn acme() -> Account {
    Account {
        display_name: "ACME Inc.".to_owned(),
        legal_name: "Amalgamated Machines, Ltd.".to_owned(),
        vat_id: "FR 12 345678901".to_owned(),
        email: "Info@Acme.example".to_owned(),
        phone: "+33 (0)1 2345 6789".to_owned(),
        ..Default::default()
    }
}

impl Desk {
    async fn undecided(&mut self, lead: Lead) -> RefusalView {
        let name = self.capture(lead).await.name;
        let answer = self.qualify(QualifyLeadRequest { name, ..Default::default() }).await;
        let no = refusal(&answer.expect_err("there are candidates"));
        assert_eq!((no.code, no.reason.as_str()), (Code::FailedPrecondition, "DUPLICATES"));
        no
    }
}

both! {
    /// R-LED-4: VAT id, e-mail, telephone, and the name without case, punctuation and legal form find an account.
    async fn an_account_is_found_by_each_of_its_marks(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let account = desk.add_account(acme()).await.expect("added").name;
        desk.add_account(Account { display_name: "Unlike".to_owned(), ..Default::default() }).await.expect("added");
        let cases = [
            (company("acme GmbH"), "same company name: ACME Inc."),
            (company("A.C.M.E."), "same company name: ACME Inc."),
            (company("Amalgamated Machines"), "same company name: ACME Inc."),
            (Lead { vat_id: "fr12345678901".to_owned(), ..company("Other") }, "same VAT id: ACME Inc."),
            (Lead { email: "info@acme.EXAMPLE ".to_owned(), ..company("Other") }, "same e-mail address: ACME Inc."),
            (Lead { phone: "0033 1 23456789".to_owned(), ..company("Other") }, "same telephone number: ACME Inc."),
            (
                Lead { vat_id: "FR12345678901".to_owned(), ..company("Acme Ltd") },
                "same VAT id, same company name: ACME Inc.",
            ),
        ];
        for (lead, why) in cases {
            let no = desk.undecided(lead).await;
            assert_eq!(no.preconditions, [("DUPLICATE".to_owned(), account.clone(), why.to_owned())]);
            assert_eq!(no.metadata["candidates"], account);
        }
        let unknown = desk.qualified(company("Acme Tools Ltd")).await;
        assert_ne!(unknown.account, account, "another name is another company");
    }

    /// R-LED-4: a contact is found by e-mail and telephone anywhere, by name at the same account only.
    async fn a_contact_is_found_by_each_of_its_marks(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let account = desk.add_account(acme()).await.expect("added").name;
        let known = Contact {
            account: account.clone(),
            given_name: "Jean".to_owned(),
            family_name: "Dupont".to_owned(),
            email: "jean@acme.example".to_owned(),
            phone: "+33 6 1111 2222".to_owned(),
            ..Default::default()
        };
        let contact = desk.add_contact(known).await.expect("added").name;
        let person = |given: &str, family: &str| Lead {
            given_name: given.to_owned(),
            family_name: family.to_owned(),
            bant: Some(convinced()),
            ..Default::default()
        };
        let by_mail = Lead { email: "JEAN@acme.example".to_owned(), ..person("J.", "D.") };
        let by_phone = Lead { phone: "0033611112222".to_owned(), ..person("J.", "D.") };
        for (lead, why) in [(by_mail, "same e-mail address"), (by_phone, "same telephone number")] {
            let no = desk.undecided(lead).await;
            assert_eq!(no.preconditions, [("DUPLICATE".to_owned(), contact.clone(), format!("{why}: Jean Dupont"))]);
        }
        let no = desk.undecided(Lead { company_name: "Acme".to_owned(), ..person("jean", "DUPONT") }).await;
        assert_eq!(no.metadata["candidates"], format!("{account},{contact}"), "account and contact are both named");
        let namesake = desk.qualified(person("Jean", "Dupont")).await;
        assert_ne!(namesake.contact, contact, "elsewhere it is another person");
    }

    /// R-LED-4, R-ACC-1: linking decides; the linked account becomes a customer once, the linked contact works there.
    async fn linking_decides(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let account = desk.add_account(acme()).await.expect("added").name;
        let known = Contact { family_name: "Berg".to_owned(), email: ready().email, ..Default::default() };
        let contact = desk.add_contact(known).await.expect("added").name;
        for _ in 0..2 {
            let name = desk.capture(Lead { company_name: "Acme".to_owned(), ..ready() }).await.name;
            let (account, contact) = (account.clone(), contact.clone());
            let lead = desk.qualify(QualifyLeadRequest { name, account, contact, ..Default::default() }).await;
            desk.clock.advance(chrono::TimeDelta::days(1));
            lead.expect("the caller decided");
        }
        let leads = desk.leads.list_leads(ListLeadsRequest::default()).await.expect("listed").into_inner().leads;
        assert!(leads.iter().all(|lead| lead.account == account && lead.contact == contact));
        let customer = desk.account(&account).await;
        assert_eq!(customer.customer_time, leads[0].update_time, "the first time stays");
        assert_eq!((customer.etag.as_str(), desk.all_accounts().await.len()), ("2", 1));
        assert_eq!(desk.contact(&contact).await.account, account);
    }

    /// R-LED-4: creating decides too, whoever is known.
    async fn creating_decides(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let first = desk.qualified(ready()).await;
        let name = desk.capture(ready()).await.name;
        let ask = QualifyLeadRequest { name, create_account: true, create_contact: true, ..Default::default() };
        let second = desk.qualify(ask).await.expect("the caller decided");
        assert!(first.account != second.account && first.contact != second.contact);
        assert_eq!(desk.undecided(ready()).await.preconditions.len(), 4, "now there are two of each");
    }

    /// R-LED-4: one decision does not make the other, and both at once are none.
    async fn each_decision_is_its_own(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let first = desk.qualified(ready()).await;
        let name = desk.capture(ready()).await.name;
        let half = QualifyLeadRequest { name: name.clone(), create_account: true, ..Default::default() };
        let no = refusal(&desk.qualify(half).await.expect_err("the contact is undecided"));
        assert_eq!(no.metadata["candidates"], first.contact);
        assert_eq!(desk.all_accounts().await.len(), 1, "the refusal left no account behind");

        let both = QualifyLeadRequest {
            name: name.clone(),
            account: first.account.clone(),
            create_account: true,
            contact: first.contact.clone(),
            create_contact: true,
            ..Default::default()
        };
        let no = refusal(&desk.qualify(both).await.expect_err("link or create"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["create_account", "create_contact"]));
        for (account, contact) in [("accounts/x", ""), ("", "contacts/x")] {
            let (account, contact) = (account.to_owned(), contact.to_owned());
            let ask = QualifyLeadRequest { name: name.clone(), account, contact, ..Default::default() };
            let no = refusal(&desk.qualify(ask).await.expect_err("a bad name"));
            assert_eq!(no.code, Code::InvalidArgument);
        }
        let account = "accounts/0198f7a0-0000-7000-8000-000000000001".to_owned();
        let ask = QualifyLeadRequest { name, account: account.clone(), ..Default::default() };
        let no = refusal(&desk.qualify(ask).await.expect_err("no such account"));
        assert_eq!((no.code, no.resource), (Code::NotFound, Some(account)));
    }

    /// R-LED-4: a linked contact decides for the account it works for, and contradicts any other.
    async fn a_linked_contact_brings_its_account(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let first = desk.qualified(ready()).await;
        let other = desk.add_account(acme()).await.expect("added").name;
        let name = desk.capture(ready()).await.name;
        let (contact, account) = (first.contact.clone(), other.clone());
        let ask = QualifyLeadRequest { name: name.clone(), contact: contact.clone(), account, ..Default::default() };
        let no = refusal(&desk.qualify(ask).await.expect_err("she works elsewhere"));
        assert_eq!((no.code, no.metadata["account"].as_str()), (Code::FailedPrecondition, first.account.as_str()));
        let ask = QualifyLeadRequest { name, contact, ..Default::default() };
        let lead = desk.qualify(ask).await.expect("decided");
        assert_eq!((lead.account, lead.contact), (first.account, first.contact));
    }

    /// R-LED-4: leads of one new company that are qualified at once make one account; the others are told of it.
    async fn concurrent_qualifications_make_one_account(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let mut names = Vec::new();
        for form in ["GmbH", "AG", "Ltd", "Inc.", "", "LLC", "S.A.", "& Co. KG"] {
            names.push(desk.capture(company(&format!("Rush {form}"))).await.name);
        }
        let asked = names.into_iter().map(|name| {
            let mut desk = desk.clone();
            tokio::spawn(async move { desk.qualify(QualifyLeadRequest { name, ..Default::default() }).await })
        });
        let mut made = 0;
        for answer in asked.collect::<Vec<_>>() {
            match answer.await.expect("the call ends") {
                Ok(_) => made += 1,
                Err(no) => assert_eq!(refusal(&no).reason, "DUPLICATES"),
            }
        }
        assert_eq!((made, desk.all_accounts().await.len()), (1, 1));
    }
}
