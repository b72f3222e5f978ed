//! The service for operators: one function per RPC, one transaction per function.

use std::sync::LazyLock;

use dealflow_chassis::list::{Fields, ListRequest, list};
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Lifecycle, Refusal, Work};
use dealflow_proto::erp::v1::handoff_service_server::HandoffService;
use dealflow_proto::erp::v1::{
    AbandonHandoffRequest, AdoptHandoffRequest, GetHandoffRequest, Handoff, ListHandoffsRequest, ListHandoffsResponse,
    ReplayHandoffRequest,
};
use dealflow_proto::names;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};

use super::Handoffs;
use super::attempt;
use super::outcome::unblock;
use super::record::{ActiveModel, Column, Entity, Kind, Model, State, Verb};

/// Each has its index.
static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .variants::<State>("state", Column::State, |state| state.to_string().into())
        .filter_only()
        .variants::<Kind>("type", Column::Kind, |kind| {
            kind.wire().as_str_name().trim_start_matches("DOCUMENT_TYPE_").into()
        })
        .filter_only()
        .text("external_id", Column::ExternalId)
        .filter_only()
        .text("opportunity", Column::Opportunity)
        .filter_only()
        .text("chain", Column::Chain)
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

#[tonic::async_trait]
impl HandoffService for Handoffs {
    async fn list_handoffs(
        &self,
        request: Request<ListHandoffsRequest>,
    ) -> Result<Response<ListHandoffsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let wanted = ListRequest {
            page_size: ask.page_size,
            page_token: &ask.page_token,
            filter: &ask.filter,
            order_by: &ask.order_by,
        };
        let page = list(self.0.store.reader(), Entity::find(), &FIELDS, wanted).await.map_err(Refusal::from)?;
        Ok(Response::new(ListHandoffsResponse {
            handoffs: page.items.iter().map(Model::to_wire).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn get_handoff(&self, request: Request<GetHandoffRequest>) -> Result<Response<Handoff>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let db = self.0.store.reader();
        let id = names::HANDOFFS.parse(&ask.name).map_err(Refusal::from)?;
        let found = Entity::find_by_id(id).one(db).await.map_err(Refusal::from)?;
        let found = found.ok_or_else(|| Refusal::missing(&ask.name))?;
        let attempts = attempt::Entity::of(db, id).await.map_err(Refusal::from)?;
        let attempts = attempts.into_iter().map(Into::into).collect();
        Ok(Response::new(Handoff { attempts, ..found.to_wire() }))
    }

    async fn replay_handoff(&self, request: Request<ReplayHandoffRequest>) -> Result<Response<Handoff>, Status> {
        let replayed = self
            .0
            .store
            .work(request, |mut work, ask: ReplayHandoffRequest| async move {
                let row = Entity::lock(&work.tx, &ask.name).await?;
                work.check_etag(&ask.name, &ask.etag, row.version)?;
                let mut after = row.clone();
                after.state = row.state.accept(Verb::Replay)?;
                after.attempts = 0;
                after.failures = 0;
                after.failing_since = None;
                after.next_attempt_at = Some(work.now);
                // Whatever became of it: an earlier attempt may have had an effect.
                after.look_up_first = true;
                let wire = save(&mut work, &row, after, Verb::Replay, "handoff.replayed", "").await?;
                Ok::<_, Refusal>(work.done(wire))
            })
            .await?;
        self.wake();
        Ok(replayed)
    }

    async fn abandon_handoff(&self, request: Request<AbandonHandoffRequest>) -> Result<Response<Handoff>, Status> {
        self.0
            .store
            .work(request, |mut work, ask: AbandonHandoffRequest| async move {
                let row = Entity::lock(&work.tx, &ask.name).await?;
                work.check_etag(&ask.name, &ask.etag, row.version)?;
                let mut after = row.clone();
                after.state = row.state.accept(Verb::Abandon)?;
                after.next_attempt_at = None;
                let wire = save(&mut work, &row, after, Verb::Abandon, "handoff.abandoned", &ask.reason).await?;
                Ok::<_, Refusal>(work.done(wire))
            })
            .await
    }

    async fn adopt_handoff(&self, request: Request<AdoptHandoffRequest>) -> Result<Response<Handoff>, Status> {
        let adopted = self
            .0
            .store
            .work(request, |mut work, ask: AdoptHandoffRequest| async move {
                let row = Entity::lock(&work.tx, &ask.name).await?;
                work.check_etag(&ask.name, &ask.etag, row.version)?;
                let mut after = row.clone();
                after.state = row.state.accept(Verb::Adopt)?;
                after.erp_number = ask.erp_number;
                after.next_attempt_at = None;
                if row.kind == Kind::Order {
                    unblock(&work.tx, vec![row.external_id.clone()], work.now).await?;
                }
                let wire = save(&mut work, &row, after, Verb::Adopt, "handoff.adopted", "").await?;
                Ok::<_, Refusal>(work.done(wire))
            })
            .await?;
        self.wake();
        Ok(adopted)
    }
}

/// Writes the row and its history.
async fn save(
    work: &mut Work,
    before: &Model,
    mut after: Model,
    verb: Verb,
    kind: &str,
    reason: &str,
) -> Result<Handoff, Refusal> {
    after.version += 1;
    after.updated_at = work.now;
    let change = ActiveModel {
        state: Set(after.state),
        attempts: Set(after.attempts),
        failures: Set(after.failures),
        failing_since: Set(after.failing_since),
        next_attempt_at: Set(after.next_attempt_at),
        look_up_first: Set(after.look_up_first),
        erp_number: Set(after.erp_number.clone()),
        version: Set(after.version),
        updated_at: Set(after.updated_at),
        ..Default::default()
    };
    Entity::update_many().set(change).filter(Column::Id.eq(after.id)).exec(&work.tx).await?;
    let wire = after.to_wire();
    work.record(
        Change::new(kind, after.name(), &verb.to_string())
            .thread(after.opportunity.as_str())
            .states(before.state, after.state)
            .since(before.updated_at)
            .reason(reason)
            .data(&wire),
    );
    Ok(wire)
}
