//! Leads: captured, contacted, set aside, taken up again.

use dealflow_chassis::security::Sight;
use dealflow_chassis::settings::Source;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Done, Lifecycle, Mask, Refusal, Store, Work};
use dealflow_proto::leads::v1 as pb;
use dealflow_proto::leads::v1::lead_service_server::LeadService;
use dealflow_proto::names;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use super::distribute::distribute;
use super::import::import;
use super::qualify::qualify;
use crate::QUALIFICATION_GUARD;
use crate::error::Error;
use crate::lead::{self, Model, Stage, Verb};
use crate::wire;

/// The service of leads.
#[derive(Clone)]
pub struct Leads {
    store: Store,
}

impl Leads {
    /// The service over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl LeadService for Leads {
    async fn create_lead(&self, request: Request<pb::CreateLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        self.store
            .work(request, move |mut work, ask: pb::CreateLeadRequest| async move {
                let blank = wire::lead::blank(Uuid::now_v7(), work.now);
                let lead =
                    wire::lead::take_over(blank, ask.lead.unwrap_or_default(), &wire::everything(wire::lead::KNOWN)?)?;
                lead::check_external_id(&work.tx, &lead).await?;
                lead::insert(&work.tx, &lead).await?;
                let answer = wire::lead::answer(&lead, guarded(&work, std::slice::from_ref(&lead)).await?);
                let change = Change::new("lead.created", lead.name(), "CreateLead").states("", lead.state);
                work.record(change.data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_lead(&self, request: Request<pb::GetLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let lead = lead::get(self.store.reader(), &ask.name, &sight).await?;
        let guarded = guarded(&self.store, std::slice::from_ref(&lead)).await?;
        Ok(Response::new(wire::lead::answer(&lead, guarded)))
    }

    async fn list_leads(
        &self,
        request: Request<pb::ListLeadsRequest>,
    ) -> Result<Response<pb::ListLeadsResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        let page = self.store.list(&ask, lead::seen(&sight), &lead::FIELDS).await?;
        let guarded = guarded(&self.store, &page.items).await?;
        let leads = page.items.iter().map(|lead| wire::lead::answer(lead, guarded)).collect();
        Ok(Response::new(pb::ListLeadsResponse { leads, next_page_token: page.next_page_token }))
    }

    async fn update_lead(&self, request: Request<pb::UpdateLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        self.store
            .work(request, move |mut work, ask: pb::UpdateLeadRequest| async move {
                let news = ask.lead.unwrap_or_default();
                let mask = Mask::of(ask.update_mask, wire::lead::KNOWN)?;
                let before = open(&mut work, &news.name, &ask.etag).await?;
                let lead = before.clone().accept(Verb::UpdateLead, work.now)?;
                let lead = wire::lead::take_over(lead, news, &mask)?;
                lead::check_external_id(&work.tx, &lead).await?;
                let change = Change::new("lead.updated", lead.name(), "UpdateLead");
                saved(work, &before, lead, change).await
            })
            .await
    }

    async fn contact_lead(&self, request: Request<pb::ContactLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        self.store
            .work(request, move |mut work, ask: pb::ContactLeadRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let lead = before.clone().contact(&ask.note, work.now)?;
                let change = Change::new("lead.contacted", lead.name(), "ContactLead");
                saved(work, &before, lead, change).await
            })
            .await
    }

    async fn qualify_lead(&self, request: Request<pb::QualifyLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        self.store
            .work(request, move |mut work, ask: pb::QualifyLeadRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let guarded = guarded(&work, std::slice::from_ref(&before)).await?;
                let lead = before.clone().qualify(guarded, work.now)?;
                let lead = qualify(&mut work, lead, &ask).await?;
                let change = Change::new("lead.qualified", lead.name(), "QualifyLead");
                saved(work, &before, lead, change).await
            })
            .await
    }

    async fn disqualify_lead(&self, request: Request<pb::DisqualifyLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        self.store
            .work(request, move |mut work, ask: pb::DisqualifyLeadRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let reason = wire::lead::disqualify_reason(ask.reason());
                let lead = before.clone().disqualify(reason, &ask.comment, work.now)?;
                let change = Change::new("lead.disqualified", lead.name(), "DisqualifyLead").reason(reason);
                saved(work, &before, lead, change).await
            })
            .await
    }

    async fn reactivate_lead(&self, request: Request<pb::ReactivateLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        self.store
            .work(request, move |mut work, ask: pb::ReactivateLeadRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let lead = before.clone().reactivate(work.now)?;
                let change = Change::new("lead.reactivated", lead.name(), "ReactivateLead");
                saved(work, &before, lead, change).await
            })
            .await
    }

    async fn move_lead_to_stage(
        &self,
        request: Request<pb::MoveLeadToStageRequest>,
    ) -> Result<Response<pb::Lead>, Status> {
        self.store
            .work(request, move |mut work, ask: pb::MoveLeadToStageRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let stage = wire::lead::read_stage(ask.stage());
                if stage == Stage::AwaitingSale {
                    return awaiting_sale(work, before, ask).await;
                }
                let lead = before.clone().move_to(stage, work.now)?;
                let change = Change::new("lead.stage_changed", lead.name(), "MoveLeadToStage").reason(ask.reason);
                saved_in_stage(work, &before, lead, change).await
            })
            .await
    }

    async fn distribute_leads(
        &self,
        request: Request<pb::DistributeLeadsRequest>,
    ) -> Result<Response<pb::DistributeLeadsResponse>, Status> {
        self.store
            .work(request, move |work, ask: pb::DistributeLeadsRequest| async move { distribute(work, &ask).await })
            .await
    }

    async fn import_leads(
        &self,
        request: Request<Streaming<pb::ImportLeadsRequest>>,
    ) -> Result<Response<pb::ImportLeadsResponse>, Status> {
        import(&self.store, request).await
    }

    async fn link_opportunity(
        &self,
        request: Request<pb::LinkOpportunityRequest>,
    ) -> Result<Response<pb::Lead>, Status> {
        self.store
            .work(request, move |mut work, ask: pb::LinkOpportunityRequest| async move {
                let opportunity = names::OPPORTUNITIES
                    .parse(&ask.opportunity)
                    .map_err(|bad| Refusal::field("opportunity", bad.to_string()))?;
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let lead = before.clone().link(opportunity, work.now)?;
                lead::check_opportunity(&work.tx, &lead, opportunity).await?;
                let change = Change::new("lead.linked", lead.name(), "LinkOpportunity");
                saved(work, &before, lead, change).await
            })
            .await
    }

    async fn satisfy_lead(&self, request: Request<pb::SatisfyLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        self.store
            .work(request, move |mut work, ask: pb::SatisfyLeadRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let lead = before.clone().satisfy(work.now)?;
                let change = Change::new("lead.satisfied", lead.name(), "SatisfyLead");
                saved(work, &before, lead, change).await
            })
            .await
    }
}

/// The lead that a request means to change: locked, of the version that the caller saw, not changed since.
async fn open(work: &mut Work, name: &str, etag: &str) -> Result<Model, Error> {
    let lead = lead::lock(&work.tx, name, &work.context.sight).await?;
    work.check_etag(name, etag, lead.version)?;
    work.take_effect_after(lead.updated_at)?;
    Ok(lead)
}

/// A lead that reaches AWAITING_SALE is qualified, whatever the route (R-LED-3); who is one already is not decided here.
async fn awaiting_sale(
    mut work: Work,
    before: Model,
    ask: pb::MoveLeadToStageRequest,
) -> Result<Done<pb::Lead>, Error> {
    let verb = Verb::MoveLeadToStage;
    before.clone().accept(verb, work.now)?;
    let guarded = guarded(&work, std::slice::from_ref(&before)).await?;
    let lead = before.clone().qualify(guarded, work.now)?;
    let lead = qualify(&mut work, lead, &pb::QualifyLeadRequest::default()).await?;
    let change = Change::new("lead.qualified", lead.name(), &verb.to_string()).reason(ask.reason);
    saved(work, &before, lead, change).await
}

/// As [`saved`], for a change of stage: history says from which stage to which, and how long it was in the first.
async fn saved_in_stage(work: Work, before: &Model, lead: Model, change: Change) -> Result<Done<pb::Lead>, Error> {
    let since = before.stage_since.unwrap_or(before.created_at);
    let change = change.states(before.stage, lead.stage).since(since);
    store(work, before, lead, change).await
}

/// Whether qualification asks for need and purchasing power (R-LED-4). The setting is read only where it decides: for
/// leads that are open and do not say both.
pub(super) async fn guarded(from: &impl Source, leads: &[Model]) -> Result<bool, Error> {
    let decides = |lead: &Model| lead.state.next(Verb::QualifyLead).is_some() && !lead.unknown().is_empty();
    Ok(leads.iter().any(decides) && QUALIFICATION_GUARD.read(from).await?)
}

/// Saves and records what changed. What did not change is answered as it stands: asking twice is no change.
async fn saved(work: Work, before: &Model, lead: Model, change: Change) -> Result<Done<pb::Lead>, Error> {
    let change = change.states(before.state, lead.state).since(before.state_since);
    store(work, before, lead, change).await
}

async fn store(mut work: Work, before: &Model, lead: Model, change: Change) -> Result<Done<pb::Lead>, Error> {
    if lead == *before {
        work.about(before.name());
        let answer = wire::lead::answer(before, guarded(&work, std::slice::from_ref(before)).await?);
        return Ok(work.done(answer));
    }
    let lead = lead::save(&work.tx, before, lead, work.now).await?;
    let answer = wire::lead::answer(&lead, guarded(&work, std::slice::from_ref(&lead)).await?);
    work.record(change.data(&answer));
    Ok(work.done(answer))
}
