//! Qualification: the guard, and what comes of a lead (R-LED-4, R-ACC-1).

use dealflow_proto::leads::v1::lead::{Stage, State};
use dealflow_proto::leads::v1::*;
use dealflow_proto::types::v1::{Address, Bant, BudgetStatus, Need, PurchaseProcess};
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::Code;

use crate::desk::{ANNA, Desk, ready};

const NEED: &str = "bant.need";
const POWER: &str = "bant.budget_status";

fn bant(need: Need, budget: BudgetStatus, process: PurchaseProcess, decision_maker: &str) -> Bant {
    Bant {
        need: need.into(),
        budget_status: budget.into(),
        purchase_process: process.into(),
        decision_maker: decision_maker.to_owned(),
        ..Default::default()
    }
}

both! {
    /// R-LED-4: need and purchasing power must be known; the refusal and the lead itself name what is missing.
    async fn the_guard_names_what_is_missing(db: TestDb) {
        use BudgetStatus as B;
        use PurchaseProcess as P;
        let mut desk = Desk::open(&db).await;
        let cases = [
            (Bant::default(), vec![NEED, POWER]),
            (bant(Need::NoNeed, B::WillBuy, P::Unspecified, ""), vec![NEED]),
            (bant(Need::GoodToHave, B::NoCommittedBudget, P::Unknown, ""), vec![POWER]),
            (bant(Need::GoodToHave, B::MayBuy, P::Unspecified, ""), vec![]),
            (bant(Need::ShouldHave, B::Unspecified, P::Individual, ""), vec![]),
            (bant(Need::MustHave, B::NoCommittedBudget, P::Committee, ""), vec![]),
            (bant(Need::MustHave, B::Unspecified, P::Unknown, "contacts/0198f7a0-0000-7000-8000-000000000001"), vec![]),
        ];
        for (bant, missing) in cases {
            let lead = desk
                .capture(Lead { title: "Guarded".to_owned(), bant: Some(bant.clone()), ..Default::default() })
                .await;
            assert_eq!(lead.guidance.clone().expect("guidance").missing_fields, missing, "{bant:?}");
            let answer = desk.qualify(QualifyLeadRequest { name: lead.name.clone(), ..Default::default() }).await;
            if missing.is_empty() {
                assert_eq!(answer.expect("the guard is fulfilled").state(), State::Qualified);
                continue;
            }
            let no = refusal(&answer.expect_err("the guard holds"));
            assert_eq!((no.code, no.reason.as_str()), (Code::FailedPrecondition, "GUARD"));
            let named: Vec<&str> = no.preconditions.iter().map(|(_, subject, _)| subject.as_str()).collect();
            assert_eq!(named, missing);
            assert_eq!(desk.lead(&lead.name).await, lead, "nothing changed");
        }
    }

    /// R-LED-4: the guard is a setting.
    async fn without_the_guard_any_open_lead_is_qualified(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        desk.guard(false).await;
        let lead = desk.capture(Lead { bant: None, ..ready() }).await;
        assert!(lead.guidance.expect("guidance").missing_fields.is_empty());
        let lead = desk.qualify(QualifyLeadRequest { name: lead.name, ..Default::default() }).await.expect("qualified");
        assert_eq!(lead.state(), State::Qualified);
    }

    /// R-LED-3, R-LED-4, R-ACC-1: a qualified lead has its account, a customer from now on, and its contact there; it
    /// awaits its sale and is read-only.
    async fn a_qualified_lead_has_its_customer(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let address = Address { city: "Berlin".to_owned(), country_code: "DE".to_owned(), ..Default::default() };
        let lead = desk.qualified(Lead { address: Some(address.clone()), ..ready() }).await;
        assert_eq!((lead.state(), lead.stage()), (State::Qualified, Stage::AwaitingSale));

        let account = desk.account(&lead.account).await;
        assert_eq!(account.display_name, "Berg Maschinenbau GmbH");
        assert_eq!((account.vat_id.as_str(), account.address), ("DE 123456789", Some(address)));
        assert_eq!(account.customer_actor, ANNA);
        assert_eq!(account.customer_time, lead.update_time);
        let contact = desk.contact(&lead.contact).await;
        assert_eq!((contact.given_name.as_str(), contact.family_name.as_str()), ("Erika", "Berg"));
        assert_eq!(
            (contact.account.as_str(), contact.email.as_str()),
            (lead.account.as_str(), "erika.berg@berg.example")
        );

        let told: Vec<_> =
            desk.thread(&lead.name).await.into_iter().map(|event| (event.r#type, event.subject)).collect();
        let (lead_name, account, contact) = (lead.name.clone(), lead.account.clone(), lead.contact.clone());
        assert_eq!(
            told,
            [
                ("lead.created".to_owned(), lead_name.clone()),
                ("account.created".to_owned(), account.clone()),
                ("account.customer".to_owned(), account),
                ("contact.created".to_owned(), contact),
                ("lead.qualified".to_owned(), lead_name),
            ]
        );
        let news = Lead { name: lead.name.clone(), title: "Changed".to_owned(), ..Default::default() };
        let ask = UpdateLeadRequest { lead: Some(news), request_id: id(), ..Default::default() };
        let no = refusal(&desk.leads.update_lead(ask).await.expect_err("a qualified lead is read-only"));
        assert_eq!((no.code, no.metadata["state"].as_str()), (Code::FailedPrecondition, "QUALIFIED"));
    }

    /// R-LED-4: no account is made of no company, no contact of no person.
    async fn nothing_is_made_of_nothing(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let person = desk.qualified(Lead { company_name: " ".to_owned(), ..ready() }).await;
        assert_eq!(person.account, "");
        assert_eq!(desk.contact(&person.contact).await.account, "");
        let company = Lead { given_name: String::new(), family_name: String::new(), ..ready() };
        let company = desk.qualified(company).await;
        assert_eq!(company.contact, "");
        assert_eq!(desk.account(&company.account).await.display_name, "Berg Maschinenbau GmbH");

        let bare = desk.capture(Lead { title: "Bare".to_owned(), bant: ready().bant, ..Default::default() }).await;
        let wishes = [(true, false, "company_name"), (false, true, "family_name")];
        for (create_account, create_contact, field) in wishes {
            let ask =
                QualifyLeadRequest { name: bare.name.clone(), create_account, create_contact, ..Default::default() };
            let no = refusal(&desk.qualify(ask).await.expect_err(field));
            assert_eq!((no.code, no.preconditions[0].1.as_str()), (Code::FailedPrecondition, field));
        }
    }

    /// R-LED-4: who is known by one name only becomes a contact all the same.
    async fn one_name_is_enough_for_a_contact(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let lead = desk.qualified(Lead { given_name: "Cher".to_owned(), family_name: String::new(), ..ready() }).await;
        let contact = desk.contact(&lead.contact).await;
        assert_eq!((contact.given_name.as_str(), contact.family_name.as_str()), ("", "Cher"));
    }
}
