//! What a test begins with: the part in process, and the few things that tests say to it again and again.

use dealflow_chassis::context::ACTOR;
use dealflow_chassis::link::Link;
use dealflow_leads::{QUALIFICATION_GUARD, part};
use dealflow_migrations::leads::Migrator;
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, ListEventsRequest};
use dealflow_proto::google::type_::Money;
use dealflow_proto::leads::v1::account_service_client::AccountServiceClient;
use dealflow_proto::leads::v1::contact_service_client::ContactServiceClient;
use dealflow_proto::leads::v1::lead_service_client::LeadServiceClient;
use dealflow_proto::leads::v1::person_service_client::PersonServiceClient;
use dealflow_proto::leads::v1::*;
use dealflow_proto::settings::v1::setting_service_client::SettingServiceClient;
use dealflow_proto::settings::v1::{Setting, SettingValue, UpdateSettingRequest};
use dealflow_proto::types::v1::{Bant, BudgetStatus, Need};
use dealflow_testbed::{TestClock, TestDb, id};
use tonic::{Request, Status};

/// Who acts in these tests.
pub(crate) const ANNA: &str = "employees/01890000-0000-7000-8000-00000000000a";

/// The part and its clients.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) leads: LeadServiceClient<Link>,
    pub(crate) accounts: AccountServiceClient<Link>,
    pub(crate) contacts: ContactServiceClient<Link>,
    pub(crate) persons: PersonServiceClient<Link>,
    pub(crate) settings: SettingServiceClient<Link>,
    pub(crate) feed: FeedServiceClient<Link>,
    pub(crate) clock: TestClock,
}

impl Desk {
    pub(crate) async fn open(db: &TestDb) -> Self {
        let clock = TestClock::new();
        let store = db.store::<Migrator>("leads", clock.clock()).await;
        let link = part(store).link();
        Self {
            leads: LeadServiceClient::new(link.clone()),
            accounts: AccountServiceClient::new(link.clone()),
            contacts: ContactServiceClient::new(link.clone()),
            persons: PersonServiceClient::new(link.clone()),
            settings: SettingServiceClient::new(link.clone()),
            feed: FeedServiceClient::new(link),
            clock,
        }
    }

    /// Decides whether qualification is guarded.
    pub(crate) async fn guard(&mut self, flag: bool) -> Setting {
        let ask = UpdateSettingRequest {
            name: QUALIFICATION_GUARD.spec().name(),
            value: Some(SettingValue { flag: Some(flag), ..Default::default() }),
            request_id: id(),
            ..Default::default()
        };
        self.settings.update_setting(by_anna(ask)).await.expect("the setting is changed").into_inner()
    }

    /// Captures a lead.
    pub(crate) async fn capture(&mut self, lead: Lead) -> Lead {
        let ask = CreateLeadRequest { lead: Some(lead), request_id: id(), ..Default::default() };
        self.leads.create_lead(ask).await.expect("the lead is captured").into_inner()
    }

    /// Asks for a lead's qualification, as Anna.
    pub(crate) async fn qualify(&mut self, ask: QualifyLeadRequest) -> Result<Lead, Status> {
        let ask = QualifyLeadRequest { request_id: id(), ..ask };
        Ok(self.leads.qualify_lead(by_anna(ask)).await?.into_inner())
    }

    /// Captures and qualifies a lead that nobody knows.
    pub(crate) async fn qualified(&mut self, lead: Lead) -> Lead {
        let name = self.capture(lead).await.name;
        self.qualify(QualifyLeadRequest { name, ..Default::default() }).await.expect("the lead is qualified")
    }

    pub(crate) async fn disqualify(&mut self, name: &str) -> Result<Lead, Status> {
        let ask = DisqualifyLeadRequest {
            name: name.to_owned(),
            reason: lead::DisqualifyReason::Lost.into(),
            comment: "went to a competitor".to_owned(),
            request_id: id(),
            ..Default::default()
        };
        Ok(self.leads.disqualify_lead(ask).await?.into_inner())
    }

    pub(crate) async fn move_to(&mut self, name: &str, stage: lead::Stage) -> Result<Lead, Status> {
        let (name, stage) = (name.to_owned(), stage.into());
        let ask = MoveLeadToStageRequest { name, stage, request_id: id(), ..Default::default() };
        Ok(self.leads.move_lead_to_stage(ask).await?.into_inner())
    }

    /// Gives leads to employees; answers who got which, in the leads' order.
    pub(crate) async fn distribute(
        &mut self,
        leads: &[&str],
        method: distribute_leads_request::Method,
        employees: &[&str],
    ) -> Result<Vec<String>, Status> {
        let ask = DistributeLeadsRequest {
            leads: leads.iter().map(ToString::to_string).collect(),
            method: method.into(),
            employees: employees.iter().map(ToString::to_string).collect(),
            request_id: id(),
            ..Default::default()
        };
        let done = self.leads.distribute_leads(ask).await?.into_inner();
        Ok(done.assignments.into_iter().map(|it| it.owner).collect())
    }

    pub(crate) async fn link(&mut self, name: &str, opportunity: &str) -> Result<Lead, Status> {
        let ask = LinkOpportunityRequest {
            name: name.to_owned(),
            opportunity: opportunity.to_owned(),
            request_id: id(),
            ..Default::default()
        };
        Ok(self.leads.link_opportunity(ask).await?.into_inner())
    }

    pub(crate) async fn satisfy(&mut self, name: &str) -> Result<Lead, Status> {
        let ask = SatisfyLeadRequest { name: name.to_owned(), request_id: id(), ..Default::default() };
        Ok(self.leads.satisfy_lead(ask).await?.into_inner())
    }

    /// The lead as it stands.
    pub(crate) async fn lead(&mut self, name: &str) -> Lead {
        let ask = GetLeadRequest { name: name.to_owned() };
        self.leads.get_lead(ask).await.expect("the lead is there").into_inner()
    }

    /// The account as it stands.
    pub(crate) async fn account(&mut self, name: &str) -> Account {
        let ask = GetAccountRequest { name: name.to_owned() };
        self.accounts.get_account(ask).await.expect("the account is there").into_inner()
    }

    /// The contact as it stands.
    pub(crate) async fn contact(&mut self, name: &str) -> Contact {
        let ask = GetContactRequest { name: name.to_owned() };
        self.contacts.get_contact(ask).await.expect("the contact is there").into_inner()
    }

    /// Adds an account.
    pub(crate) async fn add_account(&mut self, account: Account) -> Result<Account, Status> {
        let ask = CreateAccountRequest { account: Some(account), request_id: id(), ..Default::default() };
        Ok(self.accounts.create_account(ask).await?.into_inner())
    }

    /// Adds a contact.
    pub(crate) async fn add_contact(&mut self, contact: Contact) -> Result<Contact, Status> {
        let ask = CreateContactRequest { contact: Some(contact), request_id: id(), ..Default::default() };
        Ok(self.contacts.create_contact(ask).await?.into_inner())
    }

    /// All accounts.
    pub(crate) async fn all_accounts(&mut self) -> Vec<Account> {
        let page = self.accounts.list_accounts(ListAccountsRequest::default()).await;
        page.expect("accounts are listed").into_inner().accounts
    }

    /// What happened in a thread, first to last.
    pub(crate) async fn thread(&mut self, thread: &str) -> Vec<Event> {
        let ask = ListEventsRequest { thread: thread.to_owned(), ..Default::default() };
        self.feed.list_events(ask).await.expect("the history is read").into_inner().events
    }
}

/// The request, sent by Anna.
pub(crate) fn by_anna<Q>(ask: Q) -> Request<Q> {
    let mut request = Request::new(ask);
    request.metadata_mut().insert(ACTOR, ANNA.parse().expect("a header value"));
    request
}

/// A lead that may be qualified: Erika Berg of Berg Maschinenbau.
pub(crate) fn ready() -> Lead {
    Lead {
        title: "Three lathes".to_owned(),
        company_name: "Berg Maschinenbau GmbH".to_owned(),
        given_name: "Erika".to_owned(),
        family_name: "Berg".to_owned(),
        email: "erika.berg@berg.example".to_owned(),
        phone: "+49 30 1234-567".to_owned(),
        vat_id: "DE 123456789".to_owned(),
        bant: Some(convinced()),
        estimated_value: Some(eur(120_000)),
        ..Default::default()
    }
}

/// Need and purchasing power are known.
pub(crate) fn convinced() -> Bant {
    Bant { need: Need::MustHave.into(), budget_status: BudgetStatus::CanBuy.into(), ..Default::default() }
}

/// Whole euros.
pub(crate) fn eur(units: i64) -> Money {
    Money { currency_code: "EUR".to_owned(), units, nanos: 0 }
}

/// A name of something in another service.
pub(crate) fn opportunity() -> String {
    format!("opportunities/{}", id())
}
