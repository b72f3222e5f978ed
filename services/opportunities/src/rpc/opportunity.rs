//! The verbs of an opportunity.
//!
//! Each is: lock the sale, look at the version, let the rule decide, write the rows, record the steps, answer.

use std::sync::Arc;

use dealflow_chassis::list::{ListRequest, list};
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::check;
use dealflow_chassis::{Mask, Refusal, Store, Work};
use dealflow_proto::names::{CONTACTS, OPPORTUNITIES, ORDERS, STAGE_ENTRIES};
use dealflow_proto::opportunities::v1 as pb;
use dealflow_proto::opportunities::v1::opportunity_service_server::OpportunityService;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};

use super::steps::{answer, id, language, lose_reason, save_if_changed, stage_slug};
use crate::error::Error;
use crate::library::Library;
use crate::opportunity::{self, Verb, tactics};
use crate::sale::{Loss, Performed, Recorded, Sale, Win};
use crate::stage_entry;
use crate::wire::{self, day};

/// Stage entries of a page where nobody says.
const MOST_ENTRIES: i32 = 1000;

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
        let mut seen = opportunity::Entity::find().filter(opportunity::seen(&sight, self.store.backend()));
        if !ask.participant.is_empty() {
            let contact = id("participant", CONTACTS, &ask.participant).map_err(Refusal::from)?;
            seen = seen.filter(opportunity::with_participant(contact, self.store.backend()));
        }
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
        let wanted = ListRequest {
            // Who asks for no pages asks as if there were none.
            page_size: if ask.page_size == 0 { MOST_ENTRIES } else { ask.page_size },
            page_token: &ask.page_token,
            filter: &ask.filter,
            order_by: &ask.order_by,
        };
        let of_this = stage_entry::Entity::find().filter(stage_entry::Column::Opportunity.eq(id));
        let page = list(db, of_this, &stage_entry::LISTED, wanted).await.map_err(Refusal::from)?;
        let stays = match ask.page_token.is_empty() {
            true => stage_entry::stays(db, id).await.map_err(Refusal::from)?,
            false => Vec::new(),
        };
        let (process, language) = (sale.process.as_deref(), sale.language());
        Ok(Response::new(pb::ListStageEntriesResponse {
            stage_entries: page.items.iter().map(|entry| wire::entry(entry, process, language)).collect(),
            next_page_token: page.next_page_token,
            stays: stays.iter().map(wire::stay).collect(),
        }))
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

    async fn note_refused_attempt(
        &self,
        request: Request<pb::NoteRefusedAttemptRequest>,
    ) -> Result<Response<pb::RefusedAttempt>, Status> {
        self.note_attempt(request).await
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
