//! The verbs of an opportunity.
//!
//! Each is: lock the sale, look at the version, let the rule decide, write the rows, record the steps, answer.

use std::sync::Arc;

use dealflow_chassis::list::{ListRequest, list};
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Context, Done, Mask, Refusal, Store, Work};
use dealflow_proto::names::{Collection, LOSE_REASONS, OPPORTUNITIES, ORDERS, STAGE_ENTRIES, STAGES};
use dealflow_proto::opportunities::v1 as pb;
use dealflow_proto::opportunities::v1::opportunity_service_server::OpportunityService;
use dealflow_proto::{Mutation, Validate};
use prost::{Message, Name};
use sea_orm::{EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::AUTO_ADVANCE;
use crate::error::Error;
use crate::library::{Language, Library, Process};
use crate::opportunity::{self, Reason, Verb, attempt, tactics};
use crate::sale::{Loss, Moment, Performed, Recorded, Sale, Win};
use crate::stage_entry;
use crate::wire::{self, day};

/// The opportunity service.
#[derive(Clone)]
pub(crate) struct Opportunities {
    pub(crate) store: Store,
    pub(crate) library: Arc<Library>,
}

#[tonic::async_trait]
impl OpportunityService for Opportunities {
    async fn create_opportunity(
        &self,
        request: Request<pb::CreateOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |work: Work, ask: pb::CreateOpportunityRequest| async move {
            let language = language(&ask.language_code)?;
            let process = self.process_to_start(&work, &ask.process).await?.map(|process| (process, language));
            let stage = stage_slug("initial_stage", &ask.initial_stage)?;
            self.know(&work, stage).await?;
            let mut opportunity = opportunity::Model::new(work.now);
            wire::read(&ask.opportunity.unwrap_or_default(), &mut opportunity, self.moment(&work).today)?;
            opportunity.check_unique(&work.tx).await?;
            let sale = Sale::open(opportunity, process, stage, self.library.stages(), work.now)?;
            sale.insert(&work.tx).await?;
            tactics::keep(&work, &sale.opportunity, "").await?;
            Ok::<_, Error>(answer(work, sale, "CreateOpportunity"))
        };
        self.work(request, act).await
    }

    async fn get_opportunity(
        &self,
        request: Request<pb::GetOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let id = id("name", OPPORTUNITIES, &ask.name).map_err(Refusal::from)?;
        let sale = Sale::find(self.store.reader(), &self.library, id, &sight).await.map_err(Refusal::from)?;
        Ok(Response::new(wire::sale(&sale)))
    }

    async fn list_opportunities(
        &self,
        request: Request<pb::ListOpportunitiesRequest>,
    ) -> Result<Response<pb::ListOpportunitiesResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let db = self.store.reader();
        let wanted = ListRequest {
            page_size: ask.page_size,
            page_token: &ask.page_token,
            filter: &ask.filter,
            order_by: &ask.order_by,
        };
        let seen = opportunity::Entity::find().filter(opportunity::seen(&sight, self.store.backend()));
        let page = list(db, seen, &opportunity::LISTED, wanted).await.map_err(Refusal::from)?;
        let sales = Sale::of_page(db, &self.library, page.items).await.map_err(Refusal::from)?;
        Ok(Response::new(pb::ListOpportunitiesResponse {
            opportunities: sales.iter().map(wire::sale).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn update_opportunity(
        &self,
        request: Request<pb::UpdateOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::UpdateOpportunityRequest| async move {
            let given = ask.opportunity.unwrap_or_default();
            let mask = Mask::of(ask.update_mask, wire::KNOWN)?;
            let mut sale = self.lock(&work, &given.name, &ask.etag).await?;
            sale.accept(Verb::UpdateOpportunity)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            self.take_over(&work, &mut sale, given, &mask).await?;
            Ok::<_, Error>(answer(work, sale, "UpdateOpportunity"))
        };
        self.work(request, act).await
    }

    async fn start_process(
        &self,
        request: Request<pb::StartProcessRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::StartProcessRequest| async move {
            let language = language(&ask.language_code)?;
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            sale.accept(Verb::StartProcess)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            let process = self.library.named(&work.tx, &ask.process).await?;
            sale.start(process, language, work.now)?;
            sale.save(&work.tx, work.now).await?;
            Ok::<_, Error>(answer(work, sale, "StartProcess"))
        };
        self.work(request, act).await
    }

    async fn move_to_stage(
        &self,
        request: Request<pb::MoveToStageRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::MoveToStageRequest| async move {
            let stage = stage_slug("stage", &ask.stage)?.unwrap_or_default();
            self.know(&work, Some(stage)).await?;
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            sale.accept(Verb::MoveToStage)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            sale.move_to(stage, &ask.reason, work.now)?;
            sale.save(&work.tx, work.now).await?;
            Ok::<_, Error>(answer(work, sale, "MoveToStage"))
        };
        self.work(request, act).await
    }

    async fn record_activity_result(
        &self,
        request: Request<pb::RecordActivityResultRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::RecordActivityResultRequest| async move {
            let entry = id("stage_entry", STAGE_ENTRIES, &ask.stage_entry)?;
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            if sale.entry.id != entry {
                // A late result changes nothing; that the entry is one of this opportunity's is still asked.
                stage_entry::find(&work.tx, sale.opportunity.id, entry).await?;
                return Ok(answer(work, sale, "RecordActivityResult"));
            }
            sale.accept(Verb::RecordActivityResult)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            let performed = Performed {
                key: &ask.planned_key,
                result: &ask.result,
                comment: &ask.comment,
                minutes: ask.actual_minutes,
            };
            if sale.record(&performed, self.moment_of_result(&work).await?)? == Recorded::Now {
                sale.save(&work.tx, work.now).await?;
            }
            Ok::<_, Error>(answer(work, sale, "RecordActivityResult"))
        };
        self.work(request, act).await
    }

    async fn record_time(&self, request: Request<pb::RecordTimeRequest>) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::RecordTimeRequest| async move {
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            sale.accept(Verb::RecordTime)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            sale.record_time(ask.minutes, &ask.spent_on)?;
            save_if_changed(&mut sale, &work).await?;
            Ok::<_, Error>(answer(work, sale, "RecordTime"))
        };
        self.work(request, act).await
    }

    async fn reserve_opportunity(
        &self,
        request: Request<pb::ReserveOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::ReserveOpportunityRequest| async move {
            let order = id("order", ORDERS, &ask.order)?;
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            sale.accept(Verb::ReserveOpportunity)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            let currency = sale.opportunity.currency;
            let value = ask.value.map(|value| currency.minor("value", &value)).transpose()?;
            sale.reserve(order, value, ask.to_win, self.moment(&work))?;
            save_if_changed(&mut sale, &work).await?;
            Ok::<_, Error>(answer(work, sale, "ReserveOpportunity"))
        };
        self.work(request, act).await
    }

    async fn release_opportunity(
        &self,
        request: Request<pb::ReleaseOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::ReleaseOpportunityRequest| async move {
            let order = id("order", ORDERS, &ask.order)?;
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            sale.accept(Verb::ReleaseOpportunity)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            sale.release(order)?;
            save_if_changed(&mut sale, &work).await?;
            Ok::<_, Error>(answer(work, sale, "ReleaseOpportunity"))
        };
        self.work(request, act).await
    }

    async fn win_opportunity(
        &self,
        request: Request<pb::WinOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::WinOpportunityRequest| async move {
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            sale.accept(Verb::WinOpportunity)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            let currency = sale.opportunity.currency;
            let actual_value = ask.actual_value.map(|value| currency.minor("actual_value", &value)).transpose()?;
            let close_date = day("close_date", ask.close_date.as_ref())?;
            if ask.assume_accepted_quote && !ask.validate_only {
                return Err(Error::field("assume_accepted_quote", "asks what would be: only with validate_only"));
            }
            let assume_accepted_quote = ask.assume_accepted_quote;
            let win = Win { actual_value, close_date, spent_minutes: ask.spent_minutes, assume_accepted_quote };
            sale.win(&win, self.moment(&work))?;
            sale.save(&work.tx, work.now).await?;
            Ok::<_, Error>(answer(work, sale, "WinOpportunity"))
        };
        self.work(request, act).await
    }

    async fn lose_opportunity(
        &self,
        request: Request<pb::LoseOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::LoseOpportunityRequest| async move {
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            sale.accept(Verb::LoseOpportunity)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            let reason = lose_reason(&work, &ask).await?;
            let close_date = day("close_date", ask.close_date.as_ref())?;
            let loss = Loss { reason, comment: ask.comment, competitor: ask.competitor, close_date };
            sale.lose(&loss, self.moment(&work))?;
            sale.save(&work.tx, work.now).await?;
            Ok::<_, Error>(answer(work, sale, "LoseOpportunity"))
        };
        self.work(request, act).await
    }

    async fn list_stage_entries(
        &self,
        request: Request<pb::ListStageEntriesRequest>,
    ) -> Result<Response<pb::ListStageEntriesResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let db = self.store.reader();
        let id = id("opportunity", OPPORTUNITIES, &ask.opportunity).map_err(Refusal::from)?;
        let sale = Sale::find(db, &self.library, id, &sight).await.map_err(Refusal::from)?;
        let entries = stage_entry::of_opportunity(db, id).await.map_err(Refusal::from)?;
        let (process, language) = (sale.process.as_deref(), sale.language());
        let stage_entries = entries.iter().map(|entry| wire::entry(entry, process, language)).collect();
        Ok(Response::new(pb::ListStageEntriesResponse { stage_entries }))
    }

    async fn batch_update_opportunities(
        &self,
        request: Request<pb::BatchUpdateOpportunitiesRequest>,
    ) -> Result<Response<pb::BatchUpdateOpportunitiesResponse>, Status> {
        self.batch_update(request).await
    }

    async fn hold_opportunity(
        &self,
        request: Request<pb::HoldOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        self.hold(request).await
    }

    async fn resume_opportunity(
        &self,
        request: Request<pb::ResumeOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        self.resume(request).await
    }

    async fn create_follow_up_opportunity(
        &self,
        request: Request<pb::CreateFollowUpOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        self.follow_up(request).await
    }

    async fn list_tactics(
        &self,
        request: Request<pb::ListTacticsRequest>,
    ) -> Result<Response<pb::ListTacticsResponse>, Status> {
        self.tactics(request).await
    }

    async fn list_refused_attempts(
        &self,
        request: Request<pb::ListRefusedAttemptsRequest>,
    ) -> Result<Response<pb::ListRefusedAttemptsResponse>, Status> {
        self.refused_attempts(request).await
    }

    async fn list_lose_reasons(
        &self,
        request: Request<pb::ListLoseReasonsRequest>,
    ) -> Result<Response<pb::ListLoseReasonsResponse>, Status> {
        self.lose_reasons(request).await
    }

    async fn create_lose_reason(
        &self,
        request: Request<pb::CreateLoseReasonRequest>,
    ) -> Result<Response<pb::LoseReason>, Status> {
        self.add_lose_reason(request).await
    }

    async fn update_lose_reason(
        &self,
        request: Request<pb::UpdateLoseReasonRequest>,
    ) -> Result<Response<pb::LoseReason>, Status> {
        self.change_lose_reason(request).await
    }
}

impl Opportunities {
    /// Runs a mutating request. What a closed opportunity refuses is kept in the audit before the refusal is told.
    pub(super) async fn work<Q, A, F, Fut>(&self, request: Request<Q>, act: F) -> Result<Response<A>, Status>
    where
        Q: Message + Name + Validate + Mutation,
        A: Message + Default,
        F: FnOnce(Work, Q) -> Fut + Send,
        Fut: Future<Output = Result<Done<A>, Error>> + Send,
    {
        let context = Context::of(request.metadata());
        let id = request.get_ref().request_id().parse().unwrap_or_default();
        let tried = !request.get_ref().validate_only();
        let refused = match self.store.work(request, act).await {
            Err(refused) if tried => refused,
            ended => return ended,
        };
        let attempts = attempt::of(&refused, &context?, id, self.store.clock().now());
        if !attempts.is_empty() {
            attempt::keep(&self.store, attempts).await.map_err(Refusal::from)?;
        }
        Err(refused)
    }

    /// Lays what is given over a sale that is locked, and writes it.
    pub(super) async fn take_over(
        &self,
        work: &Work,
        sale: &mut Sale,
        given: pb::Opportunity,
        mask: &Mask,
    ) -> Result<(), Error> {
        let before = sale.opportunity.tactics.clone();
        let mut whole = wire::facts(&sale.opportunity);
        wire::overlay(&mut whole, given, mask);
        wire::read(&whole, &mut sale.opportunity, self.moment(work).today)?;
        sale.opportunity.check_unique(&work.tx).await?;
        sale.updated();
        sale.save_opportunity(&work.tx, work.now).await?;
        Ok(tactics::keep(work, &sale.opportunity, &before).await?)
    }

    pub(super) async fn lock(&self, work: &Work, name: &str, etag: &str) -> Result<Sale, Error> {
        let id = id("name", OPPORTUNITIES, name)?;
        let sale = Sale::lock(&work.tx, &self.library, id, &work.context.sight).await?;
        work.check_etag(name, etag, sale.opportunity.version)?;
        Ok(sale)
    }

    /// When a verb takes effect that gives no activity a result.
    pub(super) fn moment(&self, work: &Work) -> Moment {
        Moment { now: work.now, today: self.store.clock().now().date_naive(), auto_advance: false }
    }

    /// As [`Self::moment`], for a verb by which a stage may be done.
    pub(super) async fn moment_of_result(&self, work: &Work) -> Result<Moment, Error> {
        Ok(Moment { auto_advance: AUTO_ADVANCE.read(&work.tx).await?, ..self.moment(work) })
    }

    /// The latest version of the process that is meant; none where none is.
    pub(super) async fn process_to_start(&self, work: &Work, name: &str) -> Result<Option<Arc<Process>>, Error> {
        if name.is_empty() {
            return Ok(None);
        }
        self.library.named(&work.tx, name).await.map(Some)
    }

    pub(super) async fn know(&self, work: &Work, stage: Option<&str>) -> Result<(), Error> {
        match stage {
            Some(stage) => Ok(self.library.know(&work.tx, stage).await?),
            None => Ok(()),
        }
    }
}

/// Writes the opportunity, unless nothing was done to it: then its version stays.
async fn save_if_changed(sale: &mut Sale, work: &Work) -> Result<(), Error> {
    if sale.steps.is_empty() {
        return Ok(());
    }
    sale.save_opportunity(&work.tx, work.now).await
}

/// Ends the work with a sale as it is now.
pub(super) fn answer(mut work: Work, sale: Sale, verb: &str) -> Done<pb::Opportunity> {
    let opportunity = record(&mut work, &sale, verb);
    work.done(opportunity)
}

/// Records the steps of a sale, each with the record as it is now.
pub(super) fn record(work: &mut Work, sale: &Sale, verb: &str) -> pb::Opportunity {
    let opportunity = wire::sale(sale);
    for step in &sale.steps {
        let mut change = Change::new(step.kind, &opportunity.name, verb)
            .states(&step.from, &step.to)
            .reason(&step.reason)
            .thread(&opportunity.name)
            .data(&opportunity);
        if let Some(since) = step.since {
            change = change.since(since);
        }
        work.record(change);
    }
    opportunity
}

/// The reason of a loss: a built-in one, or the user's own that is named.
async fn lose_reason(work: &Work, ask: &pb::LoseOpportunityRequest) -> Result<Reason, Error> {
    if ask.reason() != pb::opportunity::LoseReason::Own {
        if !ask.reason_code.is_empty() {
            return Err(Error::field("reason_code", "is given only where the reason is OWN"));
        }
        let reason = wire::lose_reason(ask.reason()).map(Reason::BuiltIn);
        return reason.ok_or_else(|| Error::field("reason", "is required"));
    }
    let code = LOSE_REASONS.parse_slug(&ask.reason_code);
    let code = code.map_err(|error| Error::field("reason_code", error.to_string()))?;
    match opportunity::lose_reason::built_in(code) {
        Some(reason) => Ok(Reason::BuiltIn(reason)),
        None => Reason::own(&work.tx, code).await,
    }
}

pub(super) fn language(code: &str) -> Result<Language, Error> {
    Language::of(code).ok_or_else(|| Error::field("language_code", "must be `en` or `ru`"))
}

pub(super) fn id(field: &str, collection: Collection, name: &str) -> Result<Uuid, Error> {
    collection.parse(name).map_err(|error| Error::field(field, error.to_string()))
}

pub(super) fn stage_slug<'a>(field: &str, name: &'a str) -> Result<Option<&'a str>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    STAGES.parse_slug(name).map(Some).map_err(|error| Error::field(field, error.to_string()))
}
