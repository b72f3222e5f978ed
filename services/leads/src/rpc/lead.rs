//! Leads: captured, contacted, set aside, taken up again.

use dealflow_chassis::list::{self, ListRequest};
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Mask, Refusal, Store, Work};
use dealflow_proto::leads::v1 as pb;
use dealflow_proto::leads::v1::lead_service_server::LeadService;
use dealflow_proto::names;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::qualify::qualify;
use crate::Settings;
use crate::error::Error;
use crate::lead::{self, Model, Verb};
use crate::wire;

/// The service of leads.
#[derive(Clone)]
pub struct Leads {
    store: Store,
    settings: Settings,
}

impl Leads {
    /// The service over a store.
    pub fn new(store: Store, settings: Settings) -> Self {
        Self { store, settings }
    }
}

#[tonic::async_trait]
impl LeadService for Leads {
    async fn create_lead(&self, request: Request<pb::CreateLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        let settings = self.settings;
        self.store
            .work(request, move |mut work, ask: pb::CreateLeadRequest| async move {
                let blank = wire::lead::blank(Uuid::now_v7(), work.now);
                let lead =
                    wire::lead::take_over(blank, ask.lead.unwrap_or_default(), &wire::everything(wire::lead::KNOWN)?)?;
                lead::check_external_id(&work.tx, &lead).await?;
                lead::insert(&work.tx, &lead).await?;
                let answer = wire::lead::answer(&lead, settings);
                let change = Change::new("lead.created", lead.name(), "CreateLead").states("", lead.state);
                work.record(change.data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_lead(&self, request: Request<pb::GetLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let lead = lead::get(self.store.reader(), &ask.name).await?;
        Ok(Response::new(wire::lead::answer(&lead, self.settings)))
    }

    async fn list_leads(
        &self,
        request: Request<pb::ListLeadsRequest>,
    ) -> Result<Response<pb::ListLeadsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let wanted = ListRequest {
            page_size: ask.page_size,
            page_token: &ask.page_token,
            filter: &ask.filter,
            order_by: &ask.order_by,
        };
        let page =
            list::list(self.store.reader(), lead::Entity::find(), &lead::FIELDS, wanted).await.map_err(Error::from)?;
        let leads = page.items.iter().map(|lead| wire::lead::answer(lead, self.settings)).collect();
        Ok(Response::new(pb::ListLeadsResponse { leads, next_page_token: page.next_page_token }))
    }

    async fn update_lead(&self, request: Request<pb::UpdateLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        let settings = self.settings;
        self.store
            .work(request, move |mut work, ask: pb::UpdateLeadRequest| async move {
                let news = ask.lead.unwrap_or_default();
                let mask = Mask::of(ask.update_mask, wire::lead::KNOWN)?;
                let before = open(&mut work, &news.name, &ask.etag).await?;
                let lead = before.clone().accept(Verb::UpdateLead, work.now)?;
                let lead = wire::lead::take_over(lead, news, &mask)?;
                lead::check_external_id(&work.tx, &lead).await?;
                let change = Change::new("lead.updated", lead.name(), "UpdateLead");
                saved(work, settings, &before, lead, change).await
            })
            .await
    }

    async fn contact_lead(&self, request: Request<pb::ContactLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        let settings = self.settings;
        self.store
            .work(request, move |mut work, ask: pb::ContactLeadRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let lead = before.clone().contact(&ask.note, work.now)?;
                let change = Change::new("lead.contacted", lead.name(), "ContactLead");
                saved(work, settings, &before, lead, change).await
            })
            .await
    }

    async fn qualify_lead(&self, request: Request<pb::QualifyLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        let settings = self.settings;
        self.store
            .work(request, move |mut work, ask: pb::QualifyLeadRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let lead = before.clone().qualify(settings.qualification_guard, work.now)?;
                let lead = qualify(&mut work, lead, &ask).await?;
                let change = Change::new("lead.qualified", lead.name(), "QualifyLead");
                saved(work, settings, &before, lead, change).await
            })
            .await
    }

    async fn disqualify_lead(&self, request: Request<pb::DisqualifyLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        let settings = self.settings;
        self.store
            .work(request, move |mut work, ask: pb::DisqualifyLeadRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let reason = wire::lead::disqualify_reason(ask.reason());
                let lead = before.clone().disqualify(reason, &ask.comment, work.now)?;
                let change = Change::new("lead.disqualified", lead.name(), "DisqualifyLead").reason(reason);
                saved(work, settings, &before, lead, change).await
            })
            .await
    }

    async fn reactivate_lead(&self, request: Request<pb::ReactivateLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        let settings = self.settings;
        self.store
            .work(request, move |mut work, ask: pb::ReactivateLeadRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let lead = before.clone().reactivate(work.now)?;
                let change = Change::new("lead.reactivated", lead.name(), "ReactivateLead");
                saved(work, settings, &before, lead, change).await
            })
            .await
    }

    async fn link_opportunity(
        &self,
        request: Request<pb::LinkOpportunityRequest>,
    ) -> Result<Response<pb::Lead>, Status> {
        let settings = self.settings;
        self.store
            .work(request, move |mut work, ask: pb::LinkOpportunityRequest| async move {
                let opportunity = names::OPPORTUNITIES
                    .parse(&ask.opportunity)
                    .map_err(|bad| Refusal::field("opportunity", bad.to_string()))?;
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let lead = before.clone().link(opportunity, work.now)?;
                lead::check_opportunity(&work.tx, &lead, opportunity).await?;
                let change = Change::new("lead.linked", lead.name(), "LinkOpportunity");
                saved(work, settings, &before, lead, change).await
            })
            .await
    }

    async fn satisfy_lead(&self, request: Request<pb::SatisfyLeadRequest>) -> Result<Response<pb::Lead>, Status> {
        let settings = self.settings;
        self.store
            .work(request, move |mut work, ask: pb::SatisfyLeadRequest| async move {
                let before = open(&mut work, &ask.name, &ask.etag).await?;
                let lead = before.clone().satisfy(work.now)?;
                let change = Change::new("lead.satisfied", lead.name(), "SatisfyLead");
                saved(work, settings, &before, lead, change).await
            })
            .await
    }
}

/// The lead that a request means to change: locked, of the version that the caller saw, not changed since.
async fn open(work: &mut Work, name: &str, etag: &str) -> Result<Model, Error> {
    let lead = lead::lock(&work.tx, name).await?;
    work.check_etag(name, etag, lead.version)?;
    work.take_effect_after(lead.updated_at)?;
    Ok(lead)
}

/// Saves and records what changed. What did not change is answered as it stands: asking twice is no change.
async fn saved(
    mut work: Work,
    settings: Settings,
    before: &Model,
    lead: Model,
    change: Change,
) -> Result<dealflow_chassis::Done<pb::Lead>, Error> {
    if lead == *before {
        return Ok(work.done(wire::lead::answer(before, settings)));
    }
    let lead = lead::save(&work.tx, before, lead, work.now).await?;
    let answer = wire::lead::answer(&lead, settings);
    work.record(change.states(before.state, lead.state).since(before.state_since).data(&answer));
    Ok(work.done(answer))
}
