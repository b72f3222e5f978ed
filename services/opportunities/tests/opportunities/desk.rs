//! A salesperson's desk: the part's clients, and the calls of a sale in one line each.

use dealflow_chassis::Store;
use dealflow_chassis::link::Link;
use dealflow_migrations::opportunities::Migrator;
use dealflow_opportunities::part;
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, ListEventsRequest};
use dealflow_proto::google::type_::{Date, Decimal, Money};
use dealflow_proto::opportunities::v1::analytics_service_client::AnalyticsServiceClient;
use dealflow_proto::opportunities::v1::opportunity_service_client::OpportunityServiceClient;
use dealflow_proto::opportunities::v1::process_service_client::ProcessServiceClient;
use dealflow_proto::opportunities::v1::run_service_client::RunServiceClient;
use dealflow_proto::opportunities::v1::{
    CancelProcessRequest, CompleteProcessRequest, CreateFollowUpOpportunityRequest, CreateOpportunityRequest,
    DealDocument, GetOpportunityRequest, GetProcessRequest, HoldOpportunityRequest, ImportProcessRequest,
    ImportProcessResponse, ListStageEntriesRequest, LoseOpportunityRequest, MigrateRunsRequest, MigrateRunsResponse,
    MoveToStageRequest, Opportunity, Process, RecordActivityResultRequest, RecordDocumentsRequest,
    ReleaseOpportunityRequest, ReserveOpportunityRequest, ResumeOpportunityRequest, ResumeProcessRequest, StageEntry,
    StartProcessRequest, UpdateOpportunityRequest, WinOpportunityRequest, deal_document, opportunity::LoseReason,
};
use dealflow_proto::settings::v1::setting_service_client::SettingServiceClient;
use dealflow_testbed::{RefusalView, TestClock, TestDb, id, refusal};
use tonic::Status;

/// The process that ships.
pub(crate) const CORPORATE_SALE: &str = "processes/corporate-sale";

/// The open stages of the corporate sale, in order.
pub(crate) const OPEN_STAGES: [&str; 4] =
    ["stages/qualification", "stages/presentation", "stages/proposal", "stages/contracting"];

/// What a call ends with.
pub(crate) type Answer = Result<Opportunity, Box<RefusalView>>;

/// The clients of one part on one database.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) opportunities: OpportunityServiceClient<Link>,
    pub(crate) processes: ProcessServiceClient<Link>,
    pub(crate) runs: RunServiceClient<Link>,
    pub(crate) analytics: AnalyticsServiceClient<Link>,
    pub(crate) settings: SettingServiceClient<Link>,
    pub(crate) feed: FeedServiceClient<Link>,
    pub(crate) time: TestClock,
    pub(crate) store: Store,
}

impl Desk {
    pub(crate) async fn open(db: &TestDb) -> Self {
        let time = TestClock::new();
        let store = db.store::<Migrator>("opportunities", time.clock()).await;
        Self::of_store(store, time).await
    }

    pub(crate) async fn of_store(store: Store, time: TestClock) -> Self {
        let link = part(store.clone()).await.expect("the part starts").link();
        Self {
            opportunities: OpportunityServiceClient::new(link.clone()),
            processes: ProcessServiceClient::new(link.clone()),
            runs: RunServiceClient::new(link.clone()),
            analytics: AnalyticsServiceClient::new(link.clone()),
            settings: SettingServiceClient::new(link.clone()),
            feed: FeedServiceClient::new(link),
            time,
            store,
        }
    }

    pub(crate) async fn create(&self, opportunity: Opportunity, process: &str) -> Answer {
        let ask = CreateOpportunityRequest {
            opportunity: Some(opportunity),
            process: process.to_owned(),
            request_id: id(),
            ..CreateOpportunityRequest::default()
        };
        self.create_as(ask).await
    }

    pub(crate) async fn create_as(&self, ask: CreateOpportunityRequest) -> Answer {
        answer(self.opportunities.clone().create_opportunity(ask).await)
    }

    /// A sale of Pumps that the corporate sale leads.
    pub(crate) async fn led(&self) -> Opportunity {
        self.create(titled("Pumps"), CORPORATE_SALE).await.expect("it is opened")
    }

    pub(crate) async fn reserve(&self, name: &str, order: &str, value: Option<Money>) -> Answer {
        let (name, order) = (name.to_owned(), order.to_owned());
        let ask = ReserveOpportunityRequest { name, order, value, request_id: id(), ..Default::default() };
        answer(self.opportunities.clone().reserve_opportunity(ask).await)
    }

    pub(crate) async fn release(&self, name: &str, order: &str) -> Answer {
        let (name, order) = (name.to_owned(), order.to_owned());
        let ask = ReleaseOpportunityRequest { name, order, request_id: id(), ..Default::default() };
        answer(self.opportunities.clone().release_opportunity(ask).await)
    }

    pub(crate) async fn get(&self, name: &str) -> Opportunity {
        let ask = GetOpportunityRequest { name: name.to_owned() };
        answer(self.opportunities.clone().get_opportunity(ask).await).expect("it is there")
    }

    pub(crate) async fn update(&self, opportunity: Opportunity, mask: &[&str]) -> Answer {
        let paths: Vec<String> = mask.iter().map(ToString::to_string).collect();
        let ask = UpdateOpportunityRequest {
            opportunity: Some(opportunity),
            update_mask: (!paths.is_empty()).then_some(prost_types::FieldMask { paths }),
            request_id: id(),
            ..UpdateOpportunityRequest::default()
        };
        answer(self.opportunities.clone().update_opportunity(ask).await)
    }

    pub(crate) async fn start(&self, name: &str, process: &str) -> Answer {
        let ask = StartProcessRequest {
            name: name.to_owned(),
            process: process.to_owned(),
            request_id: id(),
            ..StartProcessRequest::default()
        };
        answer(self.opportunities.clone().start_process(ask).await)
    }

    pub(crate) async fn move_to(&self, name: &str, stage: &str) -> Answer {
        let ask = MoveToStageRequest {
            name: name.to_owned(),
            stage: stage.to_owned(),
            request_id: id(),
            ..MoveToStageRequest::default()
        };
        answer(self.opportunities.clone().move_to_stage(ask).await)
    }

    /// The result of an activity of the entry that `of` is in.
    pub(crate) async fn record(&self, of: &Opportunity, key: &str, result: &str) -> Answer {
        let entry = of.stage_entry.as_ref().expect("every opportunity is in an entry");
        let ask = RecordActivityResultRequest {
            name: of.name.clone(),
            stage_entry: entry.name.clone(),
            planned_key: key.to_owned(),
            result: result.to_owned(),
            actual_minutes: 30,
            request_id: id(),
            ..RecordActivityResultRequest::default()
        };
        answer(self.opportunities.clone().record_activity_result(ask).await)
    }

    /// Completes all open activities of the entry with `done`.
    pub(crate) async fn complete_stage(&self, of: &Opportunity) -> Opportunity {
        let mut last = of.clone();
        for key in open_keys(of) {
            last = self.record(of, &key, "done").await.expect("the result is taken");
        }
        last
    }

    /// The latest version of a process.
    pub(crate) async fn process(&self, name: &str) -> Process {
        let ask = GetProcessRequest { name: name.to_owned(), version: 0 };
        self.processes.clone().get_process(ask).await.expect("it is there").into_inner()
    }

    /// Imports a definition.
    pub(crate) async fn import(&self, yaml: &str) -> Result<ImportProcessResponse, Box<RefusalView>> {
        self.import_as(ImportProcessRequest { yaml: yaml.to_owned(), ..Default::default() }).await
    }

    pub(crate) async fn import_as(&self, ask: ImportProcessRequest) -> Result<ImportProcessResponse, Box<RefusalView>> {
        let ask = ImportProcessRequest { request_id: id(), ..ask };
        let imported = self.processes.clone().import_process(ask).await;
        imported.map(tonic::Response::into_inner).map_err(|status| Box::new(refusal(&status)))
    }

    /// Tells how far a document is.
    pub(crate) async fn document(
        &self,
        name: &str,
        document: &str,
        state: deal_document::State,
        version: i64,
    ) -> Answer {
        let document = DealDocument { document: document.to_owned(), state: state.into(), version };
        let (name, documents) = (name.to_owned(), vec![document]);
        let ask = RecordDocumentsRequest { name, documents, request_id: id(), ..Default::default() };
        answer(self.runs.clone().record_documents(ask).await)
    }

    pub(crate) async fn cancel_process(&self, name: &str) -> Answer {
        let ask = CancelProcessRequest { name: name.to_owned(), request_id: id(), ..Default::default() };
        answer(self.runs.clone().cancel_process(ask).await)
    }

    pub(crate) async fn resume_process(&self, name: &str) -> Answer {
        let ask = ResumeProcessRequest { name: name.to_owned(), request_id: id(), ..Default::default() };
        answer(self.runs.clone().resume_process(ask).await)
    }

    pub(crate) async fn complete_process(&self, name: &str) -> Answer {
        let ask = CompleteProcessRequest { name: name.to_owned(), request_id: id(), ..Default::default() };
        answer(self.runs.clone().complete_process(ask).await)
    }

    pub(crate) async fn migrate(&self, ask: MigrateRunsRequest) -> Result<MigrateRunsResponse, Box<RefusalView>> {
        let ask = MigrateRunsRequest { request_id: id(), ..ask };
        let moved = self.runs.clone().migrate_runs(ask).await;
        moved.map(tonic::Response::into_inner).map_err(|status| Box::new(refusal(&status)))
    }

    /// As [`Desk::record`], told in words.
    pub(crate) async fn record_saying(&self, of: &Opportunity, key: &str, result: &str, comment: &str) -> Answer {
        let entry = of.stage_entry.as_ref().expect("every opportunity is in an entry");
        let ask = RecordActivityResultRequest {
            name: of.name.clone(),
            stage_entry: entry.name.clone(),
            planned_key: key.to_owned(),
            result: result.to_owned(),
            comment: comment.to_owned(),
            request_id: id(),
            ..RecordActivityResultRequest::default()
        };
        answer(self.opportunities.clone().record_activity_result(ask).await)
    }

    pub(crate) async fn win(&self, name: &str) -> Answer {
        self.win_as(WinOpportunityRequest { name: name.to_owned(), ..Default::default() }).await
    }

    pub(crate) async fn win_as(&self, ask: WinOpportunityRequest) -> Answer {
        let ask = WinOpportunityRequest { request_id: id(), ..ask };
        answer(self.opportunities.clone().win_opportunity(ask).await)
    }

    pub(crate) async fn lose(&self, name: &str, reason: LoseReason) -> Answer {
        self.lose_as(LoseOpportunityRequest { name: name.to_owned(), reason: reason.into(), ..Default::default() })
            .await
    }

    pub(crate) async fn hold(&self, name: &str, reason: &str) -> Answer {
        let (name, reason) = (name.to_owned(), reason.to_owned());
        self.hold_as(HoldOpportunityRequest { name, reason, ..Default::default() }).await
    }

    pub(crate) async fn hold_as(&self, ask: HoldOpportunityRequest) -> Answer {
        let ask = HoldOpportunityRequest { request_id: id(), ..ask };
        answer(self.opportunities.clone().hold_opportunity(ask).await)
    }

    pub(crate) async fn resume(&self, name: &str) -> Answer {
        let ask = ResumeOpportunityRequest { name: name.to_owned(), request_id: id(), ..Default::default() };
        answer(self.opportunities.clone().resume_opportunity(ask).await)
    }

    pub(crate) async fn follow_up(&self, ask: CreateFollowUpOpportunityRequest) -> Answer {
        let ask = CreateFollowUpOpportunityRequest { request_id: id(), ..ask };
        answer(self.opportunities.clone().create_follow_up_opportunity(ask).await)
    }

    pub(crate) async fn lose_as(&self, ask: LoseOpportunityRequest) -> Answer {
        let ask = LoseOpportunityRequest { request_id: id(), ..ask };
        answer(self.opportunities.clone().lose_opportunity(ask).await)
    }

    pub(crate) async fn entries(&self, name: &str) -> Vec<StageEntry> {
        let ask = ListStageEntriesRequest { opportunity: name.to_owned(), ..Default::default() };
        let listed = self.opportunities.clone().list_stage_entries(ask).await;
        listed.expect("its entries are listed").into_inner().stage_entries
    }

    /// The events of one opportunity, in order.
    pub(crate) async fn events(&self, name: &str) -> Vec<Event> {
        let ask = ListEventsRequest { thread: name.to_owned(), ..ListEventsRequest::default() };
        self.feed.clone().list_events(ask).await.expect("events are listed").into_inner().events
    }
}

/// What a call ended with, a refusal taken apart.
pub(crate) fn answer(of: Result<tonic::Response<Opportunity>, Status>) -> Answer {
    of.map(tonic::Response::into_inner).map_err(|status| Box::new(refusal(&status)))
}

/// An opportunity of which only the title is known.
pub(crate) fn titled(title: &str) -> Opportunity {
    Opportunity { title: title.to_owned(), ..Opportunity::default() }
}

pub(crate) fn open_keys(of: &Opportunity) -> Vec<String> {
    let planned = of.stage_entry.iter().flat_map(|entry| &entry.planned_activities);
    planned.filter(|activity| activity.result.is_empty()).map(|activity| activity.key.clone()).collect()
}

/// What is missing at a gate that refused.
pub(crate) fn missing(refused: &RefusalView) -> Vec<&str> {
    refused.preconditions.iter().map(|(_, subject, _)| subject.as_str()).collect()
}

pub(crate) fn number(of: &Opportunity) -> i32 {
    of.stage_entry.as_ref().map_or(0, |entry| entry.number)
}

pub(crate) fn usd(minor: i64) -> Option<Money> {
    let nanos = i32::try_from(minor % 100 * 10_000_000).expect("less than a unit");
    Some(Money { currency_code: "USD".to_owned(), units: minor / 100, nanos })
}

pub(crate) fn decimal(value: &str) -> Option<Decimal> {
    Some(Decimal { value: value.to_owned() })
}

pub(crate) fn day(year: i32, month: i32, day: i32) -> Option<Date> {
    Some(Date { year, month, day })
}
