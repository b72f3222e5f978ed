//! What stands beside opportunities: the history of tactics, refused attempts, reasons of loss.

use dealflow_chassis::list::{ListRequest, few, list};
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Mask, Refusal, Work};
use dealflow_proto::Mutation;
use dealflow_proto::names::LOSE_REASONS;
use dealflow_proto::opportunities::v1 as pb;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, Iterable, QueryFilter};
use tonic::{Request, Response, Status};

use super::Opportunities;
use crate::error::Error;
use crate::opportunity::{self, LoseReason, State, attempt, lose_reason, tactics};
use crate::wire;

impl Opportunities {
    /// What the tactics of opportunities were, the last ones first.
    pub(super) async fn tactics(
        &self,
        request: Request<pb::ListTacticsRequest>,
    ) -> Result<Response<pb::ListTacticsResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let wanted = ListRequest {
            page_size: ask.page_size,
            page_token: &ask.page_token,
            filter: &ask.filter,
            order_by: &ask.order_by,
        };
        let seen = opportunity::of_seen(tactics::Column::Opportunity, &sight, self.store.backend());
        let page = list(self.store.reader(), tactics::Entity::find().filter(seen), &tactics::LISTED, wanted).await;
        let page = page.map_err(Refusal::from)?;
        Ok(Response::new(pb::ListTacticsResponse {
            tactics: page.items.into_iter().map(wire::tactics).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    /// What somebody tried on closed opportunities, the last attempt first.
    pub(super) async fn refused_attempts(
        &self,
        request: Request<pb::ListRefusedAttemptsRequest>,
    ) -> Result<Response<pb::ListRefusedAttemptsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let wanted = ListRequest {
            page_size: ask.page_size,
            page_token: &ask.page_token,
            filter: &ask.filter,
            order_by: &ask.order_by,
        };
        let page = list(self.store.reader(), attempt::Entity::find(), &attempt::LISTED, wanted).await;
        let page = page.map_err(Refusal::from)?;
        Ok(Response::new(pb::ListRefusedAttemptsResponse {
            refused_attempts: page.items.into_iter().map(wire::refused_attempt).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    /// What the gateway refused in the name of a closed opportunity.
    pub(super) async fn note_attempt(
        &self,
        request: Request<pb::NoteRefusedAttemptRequest>,
    ) -> Result<Response<pb::RefusedAttempt>, Status> {
        let id = request.get_ref().request_id().parse().unwrap_or_default();
        let act = |mut work: Work, ask: pb::NoteRefusedAttemptRequest| async move {
            let sale = self.lock(&work, &ask.name, "").await?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            let state = sale.opportunity.state;
            if state == State::Open {
                let message = format!("{} is open: nothing is refused for its being closed", ask.name);
                return Err(Refusal::guard(message, &[("opportunity", "is WON or LOST")]).into());
            }
            let told = attempt::Told { verb: ask.verb, message: ask.message };
            let attempt = attempt::Model::new(sale.opportunity.id, state, told, &work.context, id, work.now);
            attempt::Entity::insert(attempt.clone().into_active_model()).exec_without_returning(&work.tx).await?;
            Ok::<_, Error>(work.done(wire::refused_attempt(attempt)))
        };
        self.work(request, act).await
    }

    /// The built-in reasons and the user's own, which are few: one list, met in memory.
    pub(super) async fn lose_reasons(
        &self,
        request: Request<pb::ListLoseReasonsRequest>,
    ) -> Result<Response<pb::ListLoseReasonsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let wanted = ListRequest {
            page_size: ask.page_size,
            page_token: &ask.page_token,
            filter: &ask.filter,
            order_by: &ask.order_by,
        };
        let own = lose_reason::Entity::find().all(self.store.reader()).await.map_err(Refusal::from)?;
        let all = LoseReason::iter().map(wire::built_in_reason).chain(own.iter().map(wire::own_reason));
        let page = few(all.map(wire::ListedReason).collect(), wanted).map_err(Refusal::from)?;
        Ok(Response::new(pb::ListLoseReasonsResponse {
            lose_reasons: page.items.into_iter().map(|listed| listed.0).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    /// A reason of the user's own.
    pub(super) async fn add_lose_reason(
        &self,
        request: Request<pb::CreateLoseReasonRequest>,
    ) -> Result<Response<pb::LoseReason>, Status> {
        let act = |work: Work, ask: pb::CreateLoseReasonRequest| async move {
            lose_reason::check_new(&work.tx, &ask.lose_reason_id).await?;
            let row = wire::read_reason(&ask.lose_reason.unwrap_or_default(), ask.lose_reason_id, 1)?;
            lose_reason::Entity::insert(row.clone().into_active_model()).exec_without_returning(&work.tx).await?;
            Ok::<_, Error>(told(work, &row, "lose_reason.created", "CreateLoseReason"))
        };
        self.work(request, act).await
    }

    /// What it is called, whether it asks for a comment, whether it is still given: never its code, which closed
    /// opportunities keep.
    pub(super) async fn change_lose_reason(
        &self,
        request: Request<pb::UpdateLoseReasonRequest>,
    ) -> Result<Response<pb::LoseReason>, Status> {
        let act = |work: Work, ask: pb::UpdateLoseReasonRequest| async move {
            let given = ask.lose_reason.unwrap_or_default();
            let mask = Mask::of(ask.update_mask, &["captions", "comment_required", "retired"])?;
            let code = LOSE_REASONS.parse_slug(&given.name).map_err(|error| Error::field("name", error.to_string()))?;
            let before = lose_reason::lock(&work.tx, code).await?;
            work.check_etag(&given.name, &ask.etag, before.version)?;
            let mut whole = wire::own_reason(&before);
            if mask.takes("captions", !given.captions.is_empty()) {
                whole.captions = given.captions;
            }
            if mask.takes("comment_required", given.comment_required) {
                whole.comment_required = given.comment_required;
            }
            if mask.takes("retired", given.retired) {
                whole.retired = given.retired;
            }
            let row = wire::read_reason(&whole, before.code, before.version + 1)?;
            let values = lose_reason::ActiveModel {
                code: ActiveValue::NotSet,
                ..sea_orm::ActiveModelTrait::reset_all(row.clone().into_active_model())
            };
            let same = lose_reason::Column::Code.eq(row.code.as_str());
            lose_reason::Entity::update_many().set(values).filter(same).exec(&work.tx).await?;
            Ok::<_, Error>(told(work, &row, "lose_reason.updated", "UpdateLoseReason"))
        };
        self.work(request, act).await
    }
}

fn told(mut work: Work, row: &lose_reason::Model, kind: &str, verb: &str) -> dealflow_chassis::Done<pb::LoseReason> {
    let answer = wire::own_reason(row);
    work.record(Change::new(kind, &answer.name, verb).data(&answer));
    work.done(answer)
}
