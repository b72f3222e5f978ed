//! The rights of natural persons across the services (R-ACC-3): what each holds of a person is gathered, or blanked.
//!
//! Gathered is whatever names the person: the sales that its leads became, those in which it is the contact, decides or takes
//! part, what is to do and was said about all of them, and their documents that name people. All of it is read, page by
//! page; an export shows as much as a message holds, and says where that is not all.
//!
//! The part `leads` owns persons: it blanks records, history and remembered answers. What the gateway itself keeps is
//! in flows: their answers hold leads, their journals what was read. Which flows they are is in the history of the
//! person's records and deals; so they are found by their keys. Erasing again does again what is not done yet.

use std::collections::BTreeSet;

use dealflow_chassis::work::check;
use dealflow_chassis::{Context, Kind, Refusal, Store};
use dealflow_proto::activities::v1::interaction_service_client::InteractionServiceClient;
use dealflow_proto::activities::v1::{Activity, Interaction, ListActivitiesRequest, ListInteractionsRequest};
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, ListEventsRequest};
use dealflow_proto::gateway::v1::privacy_service_server::PrivacyService;
use dealflow_proto::gateway::v1::{
    DealProgress, ErasePersonalDataRequest, ErasePersonalDataResponse, ExportPersonalDataRequest,
    ExportPersonalDataResponse, NamingDocument,
};
use dealflow_proto::leads::v1::person_service_client::PersonServiceClient;
use dealflow_proto::leads::v1::{ErasePersonRequest, ExportPersonRequest, Lead, PersonExport};
use dealflow_proto::names;
use dealflow_proto::opportunities::v1::{GetOpportunityRequest, ListOpportunitiesRequest, Opportunity};
use dealflow_proto::orders::v1::{ListContractsRequest, ListCreditNotesRequest, ListInvoicesRequest};
use futures::future::try_join_all;
use prost::Message;
use sea_orm::sea_query::{CaseStatement, Expr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Value};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::calls::{Ask, Neighbours};
use crate::events::FOLLOW_EVENT;
use crate::flow::table::{Column, Entity, Model, State};

/// Records of one page.
const PAGE: i32 = 1000;
/// The most bytes of an export: a message has 4 MiB at the most.
const MOST_BYTES: usize = 4 * 1024 * 1024 - 16 * 1024;
/// What stands before a record in a message: its field and its length.
const BEFORE_EACH: usize = 8;
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
        let mut held = self.gather(&context, name).await?;
        fit(&mut held);
        Ok(Response::new(held))
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
        let interactions = held.interactions.into_iter().map(|it| it.name);
        let documents = held.documents.into_iter().map(|it| it.name);
        let referring = opportunities.chain(activities).chain(interactions).chain(documents).collect();
        Ok(Response::new(ErasePersonalDataResponse { person: Some(erased.into_inner()), referring }))
    }
}

impl PrivacyRpc {
    /// What the services hold of a person.
    async fn gather(&self, context: &Context, name: String) -> Result<ExportPersonalDataResponse, Status> {
        let mut persons = PersonServiceClient::new(self.to.leads.clone());
        let person = persons.export_person(asked(context, ExportPersonRequest { name })).await?.into_inner();
        let opportunities = self.opportunities(context, &person).await?;
        let deals: Vec<&str> = opportunities.iter().map(|it| it.name.as_str()).collect();
        let records: Vec<&str> = names_of(&person).chain(deals.iter().copied()).collect();
        let activities = try_join_all(records.chunks(AT_ONCE).map(|names| self.activities(context, names))).await?;
        let activities = activities.concat();
        let interactions = try_join_all(records.chunks(AT_ONCE).map(|names| self.interactions(context, names))).await?;
        let mut interactions = interactions.concat();
        // One may be with the contact about the deal: it is one all the same.
        interactions.sort_by(|one, other| one.name.cmp(&other.name));
        interactions.dedup_by(|one, other| one.name == other.name);
        let documents = try_join_all(deals.chunks(AT_ONCE).map(|names| self.documents(context, names))).await?.concat();
        let more = person.more_events;
        Ok(ExportPersonalDataResponse {
            person: Some(person),
            opportunities,
            activities,
            interactions,
            documents,
            more,
        })
    }

    /// The opportunities that the person's leads became, and those that name its contact; each once.
    async fn opportunities(&self, context: &Context, person: &PersonExport) -> Result<Vec<Opportunity>, Status> {
        let deals = person.leads.iter().map(|lead| lead.opportunity.clone()).filter(|deal| !deal.is_empty());
        let mut opportunities: Vec<Opportunity> =
            try_join_all(deals.map(|deal| self.opportunity(context, deal))).await?.into_iter().flatten().collect();
        if let Some(contact) = &person.contact {
            let mut ask =
                ListOpportunitiesRequest { page_size: PAGE, participant: contact.name.clone(), ..Default::default() };
            loop {
                let page = self.ask(context, ask.clone()).await?;
                opportunities.extend(page.opportunities);
                if page.next_page_token.is_empty() {
                    break;
                }
                ask.page_token = page.next_page_token;
            }
        }
        opportunities.sort_by(|one, other| one.name.cmp(&other.name));
        opportunities.dedup_by(|one, other| one.name == other.name);
        Ok(opportunities)
    }

    /// The opportunity, if it is there: a lead may name one that another system holds.
    async fn opportunity(&self, context: &Context, name: String) -> Result<Option<Opportunity>, Status> {
        match self.ask(context, GetOpportunityRequest { name }).await {
            Ok(found) => Ok(Some(found)),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    }

    async fn activities(&self, context: &Context, names: &[&str]) -> Result<Vec<Activity>, Status> {
        let mut ask =
            ListActivitiesRequest { page_size: PAGE, filter: any_of("regarding", names), ..Default::default() };
        let mut activities = Vec::new();
        loop {
            let page = self.ask(context, ask.clone()).await?;
            activities.extend(page.activities);
            if page.next_page_token.is_empty() {
                return Ok(activities);
            }
            ask.page_token = page.next_page_token;
        }
    }

    /// What was said with the contact, or about the records.
    async fn interactions(&self, context: &Context, names: &[&str]) -> Result<Vec<Interaction>, Status> {
        let with = |name: &&str| names::CONTACTS.parse(name).is_ok().then(|| format!("contact = \"{name}\""));
        let filters: Vec<String> = names.iter().filter_map(with).chain([any_of("regarding", names)]).collect();
        let mut ask = ListInteractionsRequest { page_size: PAGE, filter: filters.join(" OR "), ..Default::default() };
        let mut interactions = Vec::new();
        loop {
            let mut client = InteractionServiceClient::new(self.to.activities.clone());
            let page = client.list_interactions(asked(context, ask.clone())).await?.into_inner();
            interactions.extend(page.interactions);
            if page.next_page_token.is_empty() {
                return Ok(interactions);
            }
            ask.page_token = page.next_page_token;
        }
    }

    /// The documents of these deals that name who signed or who buys.
    async fn documents(&self, context: &Context, deals: &[&str]) -> Result<Vec<NamingDocument>, Status> {
        let filter = any_of("opportunity", deals);
        let mut documents = Vec::new();
        macro_rules! add {
            ($request:ident, $records:ident, $document:expr) => {
                let mut ask = $request { page_size: PAGE, filter: filter.clone(), ..Default::default() };
                loop {
                    let page = self.ask(context, ask.clone()).await?;
                    documents.extend(page.$records.into_iter().map($document));
                    if page.next_page_token.is_empty() {
                        break;
                    }
                    ask.page_token = page.next_page_token;
                }
            };
        }
        add!(ListContractsRequest, contracts, |it| NamingDocument {
            name: it.name,
            signatories: it.signatories,
            buyer: None
        });
        add!(ListInvoicesRequest, invoices, |it| NamingDocument {
            name: it.name,
            signatories: Vec::new(),
            buyer: it.buyer
        });
        add!(ListCreditNotesRequest, credit_notes, |it| NamingDocument {
            name: it.name,
            signatories: Vec::new(),
            buyer: it.buyer
        });
        documents.retain(|it| !it.signatories.is_empty() || it.buyer.is_some());
        Ok(documents)
    }

    async fn ask<A: Ask>(&self, context: &Context, ask: A) -> Result<A::Answer, Status> {
        A::send(&self.to, asked(context, ask)).await.map(Response::into_inner)
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
            let mut ask = ListEventsRequest { thread: thread.clone(), page_size: PAGE, ..Default::default() };
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

/// The filter for a field that is any of these.
fn any_of(field: &str, names: &[&str]) -> String {
    names.iter().map(|name| format!("{field} = \"{name}\"")).collect::<Vec<_>>().join(" OR ")
}

/// Leaves out of an export what does not go into one message, and says so.
fn fit(held: &mut ExportPersonalDataResponse) {
    let (opportunities, documents) = (std::mem::take(&mut held.opportunities), std::mem::take(&mut held.documents));
    let (activities, interactions) = (std::mem::take(&mut held.activities), std::mem::take(&mut held.interactions));
    let mut left = MOST_BYTES.saturating_sub(held.encoded_len());
    held.opportunities = kept(opportunities, &mut left, &mut held.more);
    held.documents = kept(documents, &mut left, &mut held.more);
    held.interactions = kept(interactions, &mut left, &mut held.more);
    held.activities = kept(activities, &mut left, &mut held.more);
}

/// The records that fit into what is left; `more` where any does not.
fn kept<M: Message>(mut records: Vec<M>, left: &mut usize, more: &mut bool) -> Vec<M> {
    records.retain(|record| {
        let bytes = record.encoded_len() + BEFORE_EACH;
        let fits = bytes <= *left;
        *left -= if fits { bytes } else { 0 };
        *more |= !fits;
        fits
    });
    records
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
