//! The service for operators: one function per RPC, one transaction per function.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::{Fields, Filter, ListRequest, list};
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Context, Lifecycle, Refusal, Work};
use dealflow_proto::erp::v1::handoff_service_server::HandoffService;
use dealflow_proto::erp::v1::{
    AbandonHandoffRequest, AdoptHandoffRequest, GetHandoffRequest, GetTargetRequest, Handoff, ListHandoffsRequest,
    ListHandoffsResponse, PauseTargetRequest, ReplayHandoffRequest, ReplayHandoffsRequest, ReplayHandoffsResponse,
    ResumeTargetRequest, Target,
};
use dealflow_proto::{Mutation, Validate, names};
use prost::{Message, Name};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tonic::{Request, Response, Status};

use super::Handoffs;
use super::attempt;
use super::essence;
use super::mend::news_of_adopted;
use super::outcome::unblock;
use super::record::{ActiveModel, Column, Entity, Kind, Model, State, Verb};
use super::target;

/// How many are replayed at once where the caller says nothing.
const MANY: u64 = 1000;

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
        .bool("diverges", Column::Diverges)
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

/// What history says where the ERP is not asked first.
const NOT_THERE: &str = "an operator looked: the ERP does not have it";

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
        let (attachments, not_attached) = essence::files(&found.payload).map_err(Refusal::internal)?;
        Ok(Response::new(Handoff { attempts, attachments, not_attached, ..found.to_wire() }))
    }

    async fn replay_handoff(&self, request: Request<ReplayHandoffRequest>) -> Result<Response<Handoff>, Status> {
        check(request.get_ref())?;
        let anew = self.anew(&Context::of(request.metadata())?, &request.get_ref().name).await?;
        let replayed = self
            .0
            .store
            .work(request, |mut work, ask: ReplayHandoffRequest| async move {
                let row = Entity::lock(&work.tx, &ask.name).await?;
                work.check_etag(&ask.name, &ask.etag, row.version)?;
                let mut after = replayed(&row, work.now)?;
                if row.state == State::Rejected {
                    after = after.corrected(anew);
                }
                after.look_up_first &= !ask.not_there;
                let why = if ask.not_there { NOT_THERE.to_owned() } else { superseded(&row, &after) };
                let wire = save(&mut work, &row, after, Verb::Replay, "handoff.replayed", &why).await?;
                Ok::<_, Refusal>(work.done(wire))
            })
            .await?;
        self.wake();
        Ok(replayed)
    }

    async fn replay_handoffs(
        &self,
        request: Request<ReplayHandoffsRequest>,
    ) -> Result<Response<ReplayHandoffsResponse>, Status> {
        let replayed = self
            .0
            .store
            .work(request, |mut work, ask: ReplayHandoffsRequest| async move {
                let most = if ask.max_count == 0 { MANY } else { u64::from(ask.max_count.unsigned_abs()) };
                let mut dead = Entity::find().filter(Column::State.eq(State::DeadLettered));
                if !ask.filter.trim().is_empty() {
                    let filter = Filter::parse(&ask.filter)?;
                    dead = dead.filter(filter.to_condition(&FIELDS, work.tx.get_database_backend())?);
                }
                // In the order in which all lock who lock several.
                let mut rows = dead
                    .order_by_asc(Column::CreatedAt)
                    .order_by_asc(Column::Id)
                    .limit(most + 1)
                    .lock_exclusive()
                    .all(&work.tx)
                    .await?;
                let more = rows.len() as u64 > most;
                rows.truncate(usize::try_from(most).unwrap_or(usize::MAX));
                let mut handoffs = Vec::with_capacity(rows.len());
                for row in rows {
                    let after = self::replayed(&row, work.now)?;
                    handoffs.push(save(&mut work, &row, after, Verb::Replay, "handoff.replayed", "").await?.name);
                }
                Ok::<_, Refusal>(work.done(ReplayHandoffsResponse { handoffs, more }))
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
                abandon_waiting(&mut work, &row).await?;
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
                after.news_at = news_of_adopted(&work, &row).await?;
                unblock(&work.tx, vec![row.external_id.clone()], work.now).await?;
                let wire = save(&mut work, &row, after, Verb::Adopt, "handoff.adopted", "").await?;
                Ok::<_, Refusal>(work.done(wire))
            })
            .await?;
        self.wake();
        Ok(adopted)
    }

    async fn get_target(&self, request: Request<GetTargetRequest>) -> Result<Response<Target>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let found = target::find(self.0.store.reader(), &ask.name).await?;
        Ok(Response::new(found.seen_by(&self.0)))
    }

    async fn pause_target(&self, request: Request<PauseTargetRequest>) -> Result<Response<Target>, Status> {
        self.turn(request, true, |ask: PauseTargetRequest| (ask.name, ask.etag, ask.reason)).await
    }

    async fn resume_target(&self, request: Request<ResumeTargetRequest>) -> Result<Response<Target>, Status> {
        self.turn(request, false, |ask: ResumeTargetRequest| (ask.name, ask.etag, String::new())).await
    }
}

impl Handoffs {
    /// Stops the target or lets it go on: here at once, at other replicas as soon as their workers look again.
    async fn turn<Q>(
        &self,
        request: Request<Q>,
        paused: bool,
        said: fn(Q) -> (String, String, String),
    ) -> Result<Response<Target>, Status>
    where
        Q: Message + Name + Validate + Mutation,
    {
        let only_checks = request.get_ref().validate_only();
        let inner = self.0.clone();
        let turned = self
            .0
            .store
            .work(request, |mut work, ask: Q| async move {
                let (name, etag, reason) = said(ask);
                let after = target::turn(&mut work, (&name, &etag), paused, reason).await?;
                Ok::<_, Refusal>(work.done(after.seen_by(&inner)))
            })
            .await?;
        if !only_checks {
            self.0.pause(paused);
            if !paused {
                self.0.breaker().close();
            }
            self.wake();
        }
        Ok(turned)
    }
}

/// What history says where another document takes the place of the refused one.
fn superseded(before: &Model, after: &Model) -> String {
    if before.revision == after.revision {
        return String::new();
    }
    format!("as the records say it now; revision {} had {}", before.revision, before.sha256)
}

/// A dead letter, or a refused document, as it goes out again.
fn replayed(row: &Model, now: DateTime<Utc>) -> Result<Model, Refusal> {
    let state = row.state.accept(Verb::Replay)?;
    let refused = row.state == State::Rejected;
    if refused && !row.stands() {
        let message =
            format!("{} went back to CONFIRMED when the ERP refused it; SubmitOrder hands it over anew", row.document);
        return Err(Refusal::guard(message, &[(&row.document, "is to be submitted again")]));
    }
    Ok(Model {
        state,
        attempts: 0,
        failures: 0,
        failing_since: None,
        next_attempt_at: Some(now),
        // Whatever became of a dead letter: an earlier attempt may have had an effect. A refusal had none.
        look_up_first: !refused,
        owner_told: true,
        diverges: false,
        divergence: String::new(),
        ..row.clone()
    })
}

/// Abandons what waits for an abandoned document: nothing would ever let it go. What waits for that in turn follows; a
/// chain is an order, its invoices, and their credit notes.
async fn abandon_waiting(work: &mut Work, abandoned: &Model) -> Result<(), Refusal> {
    let mut given_up = vec![abandoned.external_id.clone()];
    while !given_up.is_empty() {
        let waiting = Entity::find()
            .filter(Column::Awaits.is_in(std::mem::take(&mut given_up)))
            // As the index says it.
            .filter(Expr::cust("state = 'BLOCKED'"))
            .order_by_asc(Column::ExternalId)
            .lock_exclusive()
            .all(&work.tx)
            .await?;
        for row in waiting {
            let after = Model { state: row.state.accept(Verb::Abandon)?, next_attempt_at: None, ..row.clone() };
            let reason = format!("{} is abandoned", row.awaits);
            save(work, &row, after, Verb::Abandon, "handoff.abandoned", &reason).await?;
            given_up.push(row.external_id);
        }
    }
    Ok(())
}

/// Writes the row and its history.
pub(super) async fn save(
    work: &mut Work,
    before: &Model,
    mut after: Model,
    verb: Verb,
    kind: &str,
    reason: &str,
) -> Result<Handoff, Refusal> {
    after.version += 1;
    after.updated_at = work.now;
    let forgets = after.business_sequence != before.business_sequence;
    let tells = after.news_at != before.news_at;
    let mut change = ActiveModel {
        state: Set(after.state),
        attempts: Set(after.attempts),
        failures: Set(after.failures),
        failing_since: Set(after.failing_since),
        next_attempt_at: Set(after.next_attempt_at),
        look_up_first: Set(after.look_up_first),
        owner_told: Set(after.owner_told),
        erp_number: Set(after.erp_number.clone()),
        diverges: Set(after.diverges),
        divergence: Set(after.divergence.clone()),
        news_at: if tells { Set(after.news_at) } else { NotSet },
        version: Set(after.version),
        updated_at: Set(after.updated_at),
        ..Default::default()
    };
    if after.revision != before.revision {
        change.payload = Set(after.payload.clone());
        change.sha256 = Set(after.sha256.clone());
        change.payable_minor = Set(after.payable_minor);
        change.currency = Set(after.currency.clone());
        change.legal_entity = Set(after.legal_entity.clone());
        change.issue_date = Set(after.issue_date);
        change.idempotency_key = Set(after.idempotency_key);
        change.revision = Set(after.revision);
    }
    if forgets {
        change.business_status = Set(after.business_status);
        change.business_sequence = Set(after.business_sequence);
        change.business_lines = Set(after.business_lines.clone());
        change.paid_minor = Set(after.paid_minor);
        change.credited_minor = Set(after.credited_minor);
        change.not_taken = Set(after.not_taken.clone());
        change.business_at = Set(after.business_at);
    }
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
