//! A gateway that serves, and a sale for it to work on.

use std::time::Duration;

use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_chassis::serve::{ServeConfig, Serving, serve};
use dealflow_chassis::{Clock, Kind, Refusal};
use dealflow_gateway::{Settings, part};
use dealflow_migrations::gateway::Migrator;
use dealflow_proto::erp::v1::handoff_service_client::HandoffServiceClient;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::gateway::v1::deal_service_client::DealServiceClient;
use dealflow_proto::gateway::v1::flow_service_client::FlowServiceClient;
use dealflow_proto::gateway::v1::{Flow, GetFlowRequest, QualifyLeadRequest, flow};
use dealflow_proto::orders::v1::invoice_service_client::InvoiceServiceClient;
use dealflow_proto::{activities, leads, opportunities};
use dealflow_testbed::{TestDb, eventually, id};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::neighbour::Neighbour;

pub(crate) const LEAD: &str = "leads/0197a000-0000-7000-8000-000000000001";
pub(crate) const OPPORTUNITY: &str = "opportunities/0197a000-0000-7000-8000-000000000002";
pub(crate) const ENTRY: &str = "stageEntries/0197a000-0000-7000-8000-000000000003";
pub(crate) const ACTIVITY: &str = "activities/0197a000-0000-7000-8000-000000000004";

/// How long a flow may take to get where it is going: takeover included.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// One instance of the gateway.
pub(crate) struct House {
    pub(crate) deals: DealServiceClient<Link>,
    pub(crate) flows: FlowServiceClient<Link>,
    pub(crate) invoices: InvoiceServiceClient<Link>,
    pub(crate) handoffs: HandoffServiceClient<Link>,
    serving: Serving,
    stop: CancellationToken,
}

impl House {
    /// Opens a gateway on this database, with these neighbours.
    pub(crate) async fn open(db: &TestDb, neighbour: &Neighbour) -> Self {
        let store = db.store::<Migrator>("gateway", Clock::system()).await;
        let stop = CancellationToken::new();
        let gateway = part(store, neighbour.neighbours(), Settings::default());
        let serving = serve(gateway, ServeConfig::default(), stop.clone()).await.expect("the gateway serves");
        // Over the wire, so that its calls are at work in its own runtime and die with it.
        let link = Link::remote(&serving.uri(), &LinkConfig::default()).expect("its address is one");
        Self {
            deals: DealServiceClient::new(link.clone()),
            flows: FlowServiceClient::new(link.clone()),
            invoices: InvoiceServiceClient::new(link.clone()),
            handoffs: HandoffServiceClient::new(link),
            serving,
            stop,
        }
    }

    /// Stops it in peace.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.serving.stopped().await;
    }

    /// A flow as operators see it.
    pub(crate) async fn flow(&self, request_id: &str) -> Result<Flow, Status> {
        let name = format!("flows/{request_id}");
        self.flows.clone().get_flow(GetFlowRequest { name }).await.map(tonic::Response::into_inner)
    }

    /// Waits until a flow is in a state.
    pub(crate) async fn reaches(&self, request_id: &str, state: flow::State) -> Flow {
        eventually(format!("flow {request_id} in {state:?}"), SOON, || async {
            self.flow(request_id).await.ok().filter(|flow| flow.state() == state)
        })
        .await
    }
}

/// A request to qualify the lead.
pub(crate) fn qualify() -> QualifyLeadRequest {
    QualifyLeadRequest { lead: LEAD.to_owned(), request_id: id(), ..QualifyLeadRequest::default() }
}

/// The steps of a qualification, as far as they have an effect.
pub(crate) const QUALIFICATION: [&str; 4] =
    ["QualifyLead", "CreateOpportunity", "LinkOpportunity", "SyncStageActivities"];

/// Neighbours that can qualify.
pub(crate) fn neighbour() -> Neighbour {
    let neighbour = Neighbour::default();
    neighbour.read("GetLead", |ask: leads::v1::GetLeadRequest| {
        Ok(leads::v1::Lead { name: ask.name, title: "Stone for a bridge".to_owned(), ..Default::default() })
    });
    neighbour.verb("QualifyLead", |ask: leads::v1::QualifyLeadRequest| {
        Ok(leads::v1::Lead { name: ask.name, title: "Stone for a bridge".to_owned(), ..Default::default() })
    });
    opens(&neighbour, None);
    neighbour.verb("NoteRefusedAttempt", |ask: opportunities::v1::NoteRefusedAttemptRequest| {
        Ok(opportunities::v1::RefusedAttempt { opportunity: ask.name, verb: ask.verb, ..Default::default() })
    });
    neighbour.verb("NoteRefusedAttempt", |ask: opportunities::v1::NoteRefusedAttemptRequest| {
        Ok(opportunities::v1::RefusedAttempt { opportunity: ask.name, verb: ask.verb, ..Default::default() })
    });
    neighbour.verb("LinkOpportunity", |ask: leads::v1::LinkOpportunityRequest| {
        Ok(leads::v1::Lead { name: ask.name, opportunity: ask.opportunity, ..Default::default() })
    });
    neighbour.verb("SyncStageActivities", |ask: activities::v1::SyncStageActivitiesRequest| {
        let open =
            ask.planned.into_iter().map(|planned| activities::v1::Activity { name: ACTIVITY.to_owned(), ..planned });
        Ok(activities::v1::SyncStageActivitiesResponse { open: open.collect(), canceled: Vec::new() })
    });
    neighbour.verb("MakeCustomer", |ask: leads::v1::MakeCustomerRequest| {
        Ok(leads::v1::Account { name: ask.name, ..Default::default() })
    });
    neighbour.verb("NotifyDealClosed", |_: activities::v1::NotifyDealClosedRequest| {
        Ok(activities::v1::NotifyDealClosedResponse::default())
    });
    neighbour
}

/// Opportunities are opened; or, where it is said why, foreseen and then refused: something changed in between.
pub(crate) fn opens(neighbour: &Neighbour, refusal: Option<Status>) {
    neighbour.verb("CreateOpportunity", move |ask: opportunities::v1::CreateOpportunityRequest| match &refusal {
        Some(refusal) if !ask.validate_only => Err(refusal.clone()),
        _ => Ok(opened(ask.opportunity.unwrap_or_default())),
    });
}

/// An open opportunity in the first stage of a running process.
pub(crate) fn opened(known: opportunities::v1::Opportunity) -> opportunities::v1::Opportunity {
    opportunities::v1::Opportunity {
        name: OPPORTUNITY.to_owned(),
        etag: "1".to_owned(),
        state: opportunities::v1::opportunity::State::Open.into(),
        stage: "stages/qualification".to_owned(),
        process_run: Some(opportunities::v1::ProcessRun {
            process: "processes/corporate-sale".to_owned(),
            version: 1,
            state: opportunities::v1::process_run::State::Running.into(),
            ..Default::default()
        }),
        stage_entry: Some(opportunities::v1::StageEntry {
            name: ENTRY.to_owned(),
            number: 1,
            stage: "stages/qualification".to_owned(),
            planned_activities: vec![opportunities::v1::PlannedActivity {
                key: "contact_client#1".to_owned(),
                r#type: "CALL".to_owned(),
                subject: "Contact the client".to_owned(),
                required: true,
                results: vec![opportunities::v1::ActivityResult {
                    code: "done".to_owned(),
                    effect: opportunities::v1::activity_result::Effect::None.into(),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..known
    }
}

/// A business refusal as the services make them.
pub(crate) fn guard(message: &str) -> Status {
    Refusal::guard(message, &[("bant.need", "is not known")]).into()
}

/// The refusal of a record whose state does not accept a verb.
pub(crate) fn wrong_state() -> Status {
    Refusal::new(Kind::Precondition, ErrorReason::StateRefusesVerb, "it is not in the state for that").into()
}
