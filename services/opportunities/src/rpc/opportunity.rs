//! The verbs of an opportunity.
//!
//! Each is: lock the sale, look at the version, let the rule decide, write the rows, record the steps, answer.

use std::sync::Arc;

use dealflow_chassis::list::{ListRequest, list};
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Done, Lifecycle, Mask, Refusal, Store, Work};
use dealflow_proto::names::{Collection, OPPORTUNITIES, STAGE_ENTRIES, STAGES};
use dealflow_proto::opportunities::v1 as pb;
use dealflow_proto::opportunities::v1::opportunity_service_server::OpportunityService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::AUTO_ADVANCE;
use crate::error::Error;
use crate::library::{Language, Library, Process};
use crate::opportunity::{self, Verb};
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
            Ok::<_, Error>(answer(work, sale, "CreateOpportunity"))
        };
        self.store.work(request, act).await
    }

    async fn get_opportunity(
        &self,
        request: Request<pb::GetOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let id = id("name", OPPORTUNITIES, &ask.name).map_err(Refusal::from)?;
        let sale = Sale::find(self.store.reader(), &self.library, id).await.map_err(Refusal::from)?;
        Ok(Response::new(wire::sale(&sale)))
    }

    async fn list_opportunities(
        &self,
        request: Request<pb::ListOpportunitiesRequest>,
    ) -> Result<Response<pb::ListOpportunitiesResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let db = self.store.reader();
        let wanted = ListRequest {
            page_size: ask.page_size,
            page_token: &ask.page_token,
            filter: &ask.filter,
            order_by: &ask.order_by,
        };
        let page = list(db, opportunity::Entity::find(), &opportunity::LISTED, wanted).await.map_err(Refusal::from)?;
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
            sale.opportunity.state.accept(Verb::UpdateOpportunity)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            let mut whole = wire::facts(&sale.opportunity);
            wire::overlay(&mut whole, given, &mask);
            wire::read(&whole, &mut sale.opportunity, self.moment(&work).today)?;
            sale.opportunity.check_unique(&work.tx).await?;
            sale.updated();
            sale.save_opportunity(&work.tx, work.now).await?;
            Ok::<_, Error>(answer(work, sale, "UpdateOpportunity"))
        };
        self.store.work(request, act).await
    }

    async fn start_process(
        &self,
        request: Request<pb::StartProcessRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::StartProcessRequest| async move {
            let language = language(&ask.language_code)?;
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            sale.opportunity.state.accept(Verb::StartProcess)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            let process = self.library.named(&work.tx, &ask.process).await?;
            sale.start(process, language, work.now)?;
            sale.save(&work.tx, work.now).await?;
            Ok::<_, Error>(answer(work, sale, "StartProcess"))
        };
        self.store.work(request, act).await
    }

    async fn move_to_stage(
        &self,
        request: Request<pb::MoveToStageRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::MoveToStageRequest| async move {
            let stage = stage_slug("stage", &ask.stage)?.unwrap_or_default();
            self.know(&work, Some(stage)).await?;
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            sale.opportunity.state.accept(Verb::MoveToStage)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            sale.move_to(stage, &ask.reason, work.now)?;
            sale.save(&work.tx, work.now).await?;
            Ok::<_, Error>(answer(work, sale, "MoveToStage"))
        };
        self.store.work(request, act).await
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
            sale.opportunity.state.accept(Verb::RecordActivityResult)?;
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
        self.store.work(request, act).await
    }

    async fn win_opportunity(
        &self,
        request: Request<pb::WinOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::WinOpportunityRequest| async move {
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            sale.opportunity.state.accept(Verb::WinOpportunity)?;
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
        self.store.work(request, act).await
    }

    async fn lose_opportunity(
        &self,
        request: Request<pb::LoseOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::LoseOpportunityRequest| async move {
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            sale.opportunity.state.accept(Verb::LoseOpportunity)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            let reason = wire::lose_reason(ask.reason());
            let reason = reason.ok_or_else(|| Error::field("reason", "is required"))?;
            let close_date = day("close_date", ask.close_date.as_ref())?;
            let loss = Loss { reason, comment: ask.comment, competitor: ask.competitor, close_date };
            sale.lose(&loss, self.moment(&work))?;
            sale.save(&work.tx, work.now).await?;
            Ok::<_, Error>(answer(work, sale, "LoseOpportunity"))
        };
        self.store.work(request, act).await
    }

    async fn list_stage_entries(
        &self,
        request: Request<pb::ListStageEntriesRequest>,
    ) -> Result<Response<pb::ListStageEntriesResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let db = self.store.reader();
        let id = id("opportunity", OPPORTUNITIES, &ask.opportunity).map_err(Refusal::from)?;
        let sale = Sale::find(db, &self.library, id).await.map_err(Refusal::from)?;
        let entries = stage_entry::of_opportunity(db, id).await.map_err(Refusal::from)?;
        let (process, language) = (sale.process.as_deref(), sale.language());
        let stage_entries = entries.iter().map(|entry| wire::entry(entry, process, language)).collect();
        Ok(Response::new(pb::ListStageEntriesResponse { stage_entries }))
    }
}

impl Opportunities {
    pub(super) async fn lock(&self, work: &Work, name: &str, etag: &str) -> Result<Sale, Error> {
        let id = id("name", OPPORTUNITIES, name)?;
        let sale = Sale::lock(&work.tx, &self.library, id).await?;
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
    async fn process_to_start(&self, work: &Work, name: &str) -> Result<Option<Arc<Process>>, Error> {
        if name.is_empty() {
            return Ok(None);
        }
        self.library.named(&work.tx, name).await.map(Some)
    }

    async fn know(&self, work: &Work, stage: Option<&str>) -> Result<(), Error> {
        match stage {
            Some(stage) => Ok(self.library.know(&work.tx, stage).await?),
            None => Ok(()),
        }
    }
}

/// Records the steps of a sale, each with the record as it is now, and ends the work with it.
pub(super) fn answer(mut work: Work, sale: Sale, verb: &str) -> Done<pb::Opportunity> {
    let opportunity = wire::sale(&sale);
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
    work.done(opportunity)
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
