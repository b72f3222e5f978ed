//! Flows, for operators: list, read, run again, give up (R-FLW-3).

use std::sync::LazyLock;

use dealflow_chassis::list::{self, Fields, ListRequest};
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Kind, Refusal, Work};
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::gateway::v1::flow_service_server::FlowService;
use dealflow_proto::gateway::v1::{
    AbandonFlowRequest, Flow, GetFlowRequest, ListFlowsRequest, ListFlowsResponse, RetryFlowRequest,
};
use dealflow_proto::names;
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QuerySelect};
use tonic::{Request, Response, Status};

use crate::flow::Flows;
use crate::flow::table::{Column, Entity, Model, State};

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .text("verb", Column::Verb)
        .filter_only()
        .one_of("state", Column::State, &["RUNNING", "COMPLETED", "PARKED", "ABANDONED", "COMPENSATED"])
        .text("subject", Column::Subject)
        .filter_only()
        .text("actor", Column::Actor)
        .filter_only()
        .time("create_time", Column::CreatedAt)
        .default_order("create_time desc")
});

/// The service over the flows of this instance's database.
#[derive(Clone)]
pub(crate) struct FlowRpc(pub(crate) Flows);

#[tonic::async_trait]
impl FlowService for FlowRpc {
    async fn list_flows(&self, request: Request<ListFlowsRequest>) -> Result<Response<ListFlowsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let page = ListRequest {
            page_size: ask.page_size,
            page_token: &ask.page_token,
            filter: &ask.filter,
            order_by: &ask.order_by,
        };
        let page = list::list(self.0.store().reader(), Entity::find(), &FIELDS, page).await.map_err(Refusal::from)?;
        let flows = page.items.into_iter().map(Model::into_pb).collect();
        Ok(Response::new(ListFlowsResponse { flows, next_page_token: page.next_page_token }))
    }

    async fn get_flow(&self, request: Request<GetFlowRequest>) -> Result<Response<Flow>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let id = names::FLOWS.parse(&ask.name).map_err(Refusal::from)?;
        let row = Entity::find_by_id(id).one(self.0.store().reader()).await.map_err(Refusal::from)?;
        let row = row.ok_or_else(|| Refusal::missing(&ask.name))?;
        Ok(Response::new(row.into_pb()))
    }

    async fn retry_flow(&self, request: Request<RetryFlowRequest>) -> Result<Response<Flow>, Status> {
        let retried = self.0.store().work(request, |mut work, ask: RetryFlowRequest| async move {
            let flow = found(&work.tx, &ask.name).await?;
            work.check_etag(&ask.name, &ask.etag, flow.version())?;
            parked(&flow, "RetryFlow")?;
            let flow = decide(&mut work, flow, State::Running, "RetryFlow", "flow.retried", String::new()).await?;
            Ok::<_, Refusal>(work.done(flow))
        });
        let retried = retried.await?;
        self.0.wake();
        Ok(retried)
    }

    async fn abandon_flow(&self, request: Request<AbandonFlowRequest>) -> Result<Response<Flow>, Status> {
        let abandoned = self.0.store().work(request, |mut work, ask: AbandonFlowRequest| async move {
            let flow = found(&work.tx, &ask.name).await?;
            work.check_etag(&ask.name, &ask.etag, flow.version())?;
            parked(&flow, "AbandonFlow")?;
            let (state, reason) = (State::Abandoned, ask.reason);
            let flow = decide(&mut work, flow, state, "AbandonFlow", "flow.abandoned", reason).await?;
            Ok::<_, Refusal>(work.done(flow))
        });
        abandoned.await
    }
}

/// Locks a flow.
async fn found(tx: &DatabaseTransaction, name: &str) -> Result<Model, Refusal> {
    let id = names::FLOWS.parse(name)?;
    Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or_else(|| Refusal::missing(name))
}

/// Refuses a verb on a flow that does not wait for an operator.
fn parked(flow: &Model, verb: &str) -> Result<(), Refusal> {
    if flow.state == State::Parked {
        return Ok(());
    }
    let state = word(flow.state);
    let a = if flow.state == State::Abandoned { "an" } else { "a" };
    let message = format!("{a} {state} flow does not accept {verb}; only a PARKED one does");
    let refusal = Refusal::new(Kind::Precondition, ErrorReason::StateRefusesVerb, message);
    Err(refusal.with("state", state).with("verb", verb).with("allowed", "").precondition(
        "STATE",
        "flow",
        &format!("is {state}"),
    ))
}

/// Notes the operator's decision. A flow that runs again has no owner until the driver takes it.
async fn decide(
    work: &mut Work,
    flow: Model,
    to: State,
    verb: &str,
    kind: &str,
    reason: String,
) -> Result<Flow, Refusal> {
    let (from, since) = (flow.state, flow.updated_at);
    let mut decided = Model { state: to, updated_at: work.now, lease_until: chrono::DateTime::UNIX_EPOCH, ..flow };
    if !reason.is_empty() {
        decided.reason.clone_from(&reason);
    }
    let row = decided.clone();
    Entity::update(row.into_active_model().reset_all()).exec(&work.tx).await?;
    let subject = decided.subject.clone();
    let flow = decided.into_pb();
    let change = Change::new(kind, &flow.name, verb).thread(subject).states(word(from), word(to)).since(since);
    work.record(change.reason(reason).data(&flow));
    Ok(flow)
}

fn word(state: State) -> &'static str {
    match state {
        State::Running => "RUNNING",
        State::Completed => "COMPLETED",
        State::Parked => "PARKED",
        State::Abandoned => "ABANDONED",
        State::Compensated => "COMPENSATED",
    }
}
