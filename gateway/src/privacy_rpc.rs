//! The rights of natural persons across the services (R-ACC-3): what each holds of a person is gathered, or blanked.
//!
//! The part `leads` owns persons: it blanks records, history and remembered answers. What the gateway itself keeps is
//! in flows: their answers hold leads, their journals what was read. Which flows they are is in the history of the
//! person's records and deals; so they are found by their keys. Erasing again does again what is not done yet.

use std::collections::BTreeSet;

use dealflow_chassis::work::check;
use dealflow_chassis::{Context, Kind, Refusal, Store};
use dealflow_proto::activities::v1::activity_service_client::ActivityServiceClient;
use dealflow_proto::activities::v1::interaction_service_client::InteractionServiceClient;
use dealflow_proto::activities::v1::{Activity, Interaction, ListActivitiesRequest, ListInteractionsRequest};
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, ListEventsRequest};
use dealflow_proto::gateway::v1::privacy_service_server::PrivacyService;
use dealflow_proto::gateway::v1::{
    DealProgress, ErasePersonalDataRequest, ErasePersonalDataResponse, ExportPersonalDataRequest,
    ExportPersonalDataResponse,
};
use dealflow_proto::leads::v1::person_service_client::PersonServiceClient;
use dealflow_proto::leads::v1::{ErasePersonRequest, ExportPersonRequest, Lead, PersonExport};
use dealflow_proto::names;
use dealflow_proto::opportunities::v1::opportunity_service_client::OpportunityServiceClient;
use dealflow_proto::opportunities::v1::{GetOpportunityRequest, Opportunity};
use futures::future::try_join_all;
use prost::Message;
use sea_orm::sea_query::{CaseStatement, Expr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Value};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::calls::Neighbours;
use crate::events::FOLLOW_EVENT;
use crate::flow::table::{Column, Entity, Model, State};

/// Activities that an export holds at the most, and events of a deal that are looked at in one call.
const MOST: i32 = 1000;
/// Records that one filter names.
const AT_ONCE: usize = 20;
/// Flows of one statement.
const FLOWS: usize = 100;

/// The service.
#[derive(Clone)]
pub(crate) struct PrivacyRpc {
    pub(crate) store: Store,
    pub(crate) to: Neighbours,
}

#[tonic::async_trait]
impl PrivacyService for PrivacyRpc {
    async fn export_personal_data(
        &self,
        request: Request<ExportPersonalDataRequest>,
    ) -> Result<Response<ExportPersonalDataResponse>, Status> {
        check(request.get_ref())?;
        let context = Context::of(request.metadata())?;
        let name = request.into_inner().name;
        Ok(Response::new(self.gather(&context, name).await?))
    }

    async fn erase_personal_data(
        &self,
        request: Request<ErasePersonalDataRequest>,
    ) -> Result<Response<ErasePersonalDataResponse>, Status> {
        check(request.get_ref())?;
        let context = Context::of(request.metadata())?;
        let ErasePersonalDataRequest { name, request_id, validate_only, effective_time } = request.into_inner();
        let held = self.gather(&context, name.clone()).await?;
        let ask = ErasePersonRequest { name, request_id, validate_only, effective_time };
        let erased = PersonServiceClient::new(self.to.leads.clone()).erase_person(asked(&context, ask)).await?;
        if !validate_only {
            let flows = self.flows_of(&context, &held).await?;
            blank_flows(&self.store, flows).await?;
        }
        let opportunities = held.opportunities.into_iter().map(|it| it.name);
        let activities = held.activities.into_iter().map(|it| it.name);
        let referring =
            opportunities.chain(activities).chain(held.interactions.into_iter().map(|it| it.name)).collect();
        Ok(Response::new(ErasePersonalDataResponse { person: Some(erased.into_inner()), referring }))
    }
}

impl PrivacyRpc {
    /// What the services hold of a person.
    async fn gather(&self, context: &Context, name: String) -> Result<ExportPersonalDataResponse, Status> {
        let mut persons = PersonServiceClient::new(self.to.leads.clone());
        let person = persons.export_person(asked(context, ExportPersonRequest { name })).await?.into_inner();
        let deals = person.leads.iter().map(|lead| lead.opportunity.clone()).filter(|deal| !deal.is_empty());
        let opportunities: Vec<Opportunity> =
            try_join_all(deals.map(|deal| self.opportunity(context, deal))).await?.into_iter().flatten().collect();
        let records: Vec<&str> = names_of(&person).chain(opportunities.iter().map(|it| it.name.as_str())).collect();
        let activities = try_join_all(records.chunks(AT_ONCE).map(|names| self.activities(context, names))).await?;
        let activities = activities.concat();
        let interactions = try_join_all(records.chunks(AT_ONCE).map(|names| self.interactions(context, names))).await?;
        let mut interactions = interactions.concat();
        // One may be with the contact about the deal: it is one all the same.
        interactions.sort_by(|one, other| one.name.cmp(&other.name));
        interactions.dedup_by(|one, other| one.name == other.name);
        Ok(ExportPersonalDataResponse { person: Some(person), opportunities, activities, interactions })
    }

    /// The opportunity, if it is there: a lead may name one that another system holds.
    async fn opportunity(&self, context: &Context, name: String) -> Result<Option<Opportunity>, Status> {
        let mut opportunities = OpportunityServiceClient::new(self.to.opportunities.clone());
        match opportunities.get_opportunity(asked(context, GetOpportunityRequest { name })).await {
            Ok(found) => Ok(Some(found.into_inner())),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    }

    async fn activities(&self, context: &Context, names: &[&str]) -> Result<Vec<Activity>, Status> {
        let filter: Vec<String> = names.iter().map(|name| format!("regarding = \"{name}\"")).collect();
        let ask = ListActivitiesRequest { page_size: MOST, filter: filter.join(" OR "), ..Default::default() };
        let mut activities = ActivityServiceClient::new(self.to.activities.clone());
        Ok(activities.list_activities(asked(context, ask)).await?.into_inner().activities)
    }

    /// What was said with the contact, or about the records.
    async fn interactions(&self, context: &Context, names: &[&str]) -> Result<Vec<Interaction>, Status> {
        let filter = names.iter().map(|name| match names::CONTACTS.parse(name) {
            Ok(_) => format!("contact = \"{name}\" OR regarding = \"{name}\""),
            Err(_) => format!("regarding = \"{name}\""),
        });
        let filter = filter.collect::<Vec<_>>().join(" OR ");
        let ask = ListInteractionsRequest { page_size: MOST, filter, ..Default::default() };
        let mut interactions = InteractionServiceClient::new(self.to.activities.clone());
        Ok(interactions.list_interactions(asked(context, ask)).await?.into_inner().interactions)
    }

    /// The flows that the person's records and deals went through: those that changed them, and those that their events
    /// began.
    async fn flows_of(&self, context: &Context, held: &ExportPersonalDataResponse) -> Result<BTreeSet<Uuid>, Status> {
        let leads = held.person.iter().flat_map(|person| &person.leads);
        let threads: Vec<_> = leads
            .map(|lead| (&self.to.leads, &lead.name))
            .chain(held.opportunities.iter().map(|deal| (&self.to.opportunities, &deal.name)))
            .collect();
        let told = threads.into_iter().map(|(link, thread)| async move {
            let mut events = Vec::new();
            let mut ask = ListEventsRequest { thread: thread.clone(), page_size: MOST, ..Default::default() };
            loop {
                let page = FeedServiceClient::new(link.clone()).list_events(asked(context, ask.clone())).await?;
                let page = page.into_inner();
                events.extend(page.events);
                if page.next_page_token.is_empty() {
                    return Ok::<Vec<Event>, Status>(events);
                }
                ask.page_token = page.next_page_token;
            }
        });
        let events = try_join_all(told).await?.concat();
        let ids = events.iter().flat_map(|event| [&event.event_id, &event.flow_id, &event.request_id]);
        Ok(ids.filter_map(|id| id.parse().ok()).collect())
    }
}

/// The call, with who asks.
fn asked<Q>(context: &Context, ask: Q) -> Request<Q> {
    let mut request = Request::new(ask);
    context.carry(request.metadata_mut());
    request
}

fn names_of(person: &PersonExport) -> impl Iterator<Item = &str> {
    let contact = person.contact.iter().map(|contact| contact.name.as_str());
    contact.chain(person.leads.iter().map(|lead| lead.name.as_str()))
}

/// Blanks the leads in flows that have ended, and forgets what they read: they never run again. One that has not ended
/// refuses: it would write what it knows once more.
async fn blank_flows(store: &Store, ids: BTreeSet<Uuid>) -> Result<(), Refusal> {
    let ids: Vec<Uuid> = ids.into_iter().collect();
    for some in ids.chunks(FLOWS) {
        let found = Entity::find().filter(Column::Id.is_in(some.iter().copied())).all(store.reader()).await?;
        let (ended, open): (Vec<Model>, Vec<Model>) =
            found.into_iter().partition(|flow| matches!(flow.state, State::Completed | State::Abandoned));
        if let Some(open) = open.first() {
            let message = format!("flows/{} has not ended yet; erase the person again when it has", open.id);
            let reason = dealflow_proto::errors::v1::ErrorReason::Guard;
            return Err(Refusal::new(Kind::Precondition, reason, message));
        }
        if ended.is_empty() {
            continue;
        }
        let (mut input, mut answer) = (CaseStatement::new(), CaseStatement::new());
        for flow in &ended {
            let (fresh_input, fresh_answer) = blanked(flow).map_err(Refusal::internal)?;
            input = input.case(Column::Id.eq(flow.id), Expr::val(fresh_input));
            answer = answer.case(Column::Id.eq(flow.id), Expr::val(Value::Bytes(fresh_answer)));
        }
        let tx = store.begin().await?;
        Entity::update_many()
            .col_expr(Column::Input, input.into())
            .col_expr(Column::Answer, answer.into())
            .col_expr(Column::Journal, Expr::val(Vec::<u8>::new()))
            .filter(Column::Id.is_in(ended.iter().map(|flow| flow.id)))
            .exec(&tx)
            .await?;
        store.commit(tx).await?;
    }
    Ok(())
}

/// Input and answer of a flow without a lead's person in them.
fn blanked(flow: &Model) -> Result<(Vec<u8>, Option<Vec<u8>>), prost::DecodeError> {
    let input = if flow.verb == FOLLOW_EVENT {
        let event = Event::decode(flow.input.as_slice())?;
        Event { data: None, ..event }.encode_to_vec()
    } else {
        flow.input.clone()
    };
    let answer = flow.answer.as_deref().map(|bytes| {
        let mut progress = DealProgress::decode(bytes)?;
        if let Some(lead) = &mut progress.lead {
            let Lead { given_name, family_name, email, phone, notes, disqualify_comment, .. } = lead;
            for text in [given_name, email, phone, notes, disqualify_comment] {
                text.clear();
            }
            "erased".clone_into(family_name);
        }
        if let Some(opportunity) = &mut progress.opportunity {
            opportunity.notes.clear();
        }
        Ok::<_, prost::DecodeError>(progress.encode_to_vec())
    });
    Ok((input, answer.transpose()?))
}
