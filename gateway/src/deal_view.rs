//! One view of a deal in one call (R-API-3): every part of it read side by side.

use std::collections::BTreeMap;

use dealflow_chassis::Context;
use dealflow_chassis::link::Link;
use dealflow_chassis::security::Sight;
use dealflow_proto::activities::v1::{Activity, ListActivitiesRequest, activity};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::ListHandoffsRequest;
use dealflow_proto::erp::v1::handoff_service_server::HandoffService;
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, ListEventsRequest};
use dealflow_proto::gateway::v1::{Deal, GetDealRequest, StageBarItem, stage_bar_item};
use dealflow_proto::leads::v1::{GetAccountRequest, GetContactRequest, GetLeadRequest, Lead};
use dealflow_proto::opportunities::v1::{
    Caption, GetOpportunityRequest, GetProcessRequest, ListStageEntriesRequest, ListStagesRequest, Opportunity,
    Process, Stage, StageEntry, process_run,
};
use dealflow_proto::orders::v1::{ListContractsRequest, ListInvoicesRequest, ListOrdersRequest, ListQuotesRequest};
use tonic::{Code, Request, Response, Status};

use crate::calls::{Ask, Neighbours};
use crate::deal::of_deal;
use crate::guidance;
use crate::handoff::Handoffs;

/// The most of one kind that a view shows, and a page of the timeline.
const MOST: i32 = 1000;

/// Reads deals.
#[derive(Clone)]
pub(crate) struct DealView {
    pub(crate) to: Neighbours,
    pub(crate) handoffs: Handoffs,
}

impl DealView {
    /// The whole deal. Its parts are read one after the other's start, not in one transaction: each is as it was at
    /// some moment of the call.
    pub(crate) async fn read(&self, request: Request<GetDealRequest>) -> Result<Deal, Status> {
        let context = Context::of(request.metadata())?;
        let name = request.into_inner().opportunity;
        let (records, documents, timeline) =
            tokio::try_join!(self.records(&context, &name), self.documents(&context, &name), self.timeline(&name))?;
        let (opportunity, entries, stages, activities) = records;
        let ((lead, of_lead), account, contact, process) = tokio::try_join!(
            self.lead(&context, &opportunity.lead),
            self.ask_for(&context, &opportunity.account, |name| GetAccountRequest { name }),
            self.ask_for(&context, &opportunity.contact, |name| GetContactRequest { name }),
            self.process(&context, &opportunity),
        )?;
        let (action_panel, past_activities) = activities.into_iter().partition(is_open);
        let mut deal = Deal {
            stage_bar: stage_bar(&opportunity, process.as_ref(), &stages, &entries),
            opportunity: Some(opportunity),
            lead,
            account,
            contact,
            stage_entries: entries,
            action_panel,
            past_activities,
            timeline: in_order(timeline, of_lead),
            ..documents
        };
        deal.guidance = guidance::of_deal(&deal);
        Ok(deal)
    }

    async fn records(
        &self,
        context: &Context,
        name: &str,
    ) -> Result<(Opportunity, Vec<StageEntry>, Vec<Stage>, Vec<Activity>), Status> {
        let (opportunity, entries, stages, activities) = tokio::try_join!(
            self.ask(context, GetOpportunityRequest { name: name.to_owned() }),
            self.ask(context, ListStageEntriesRequest { opportunity: name.to_owned() }),
            self.ask(context, ListStagesRequest {}),
            self.ask_of_deal(
                context,
                ListActivitiesRequest {
                    page_size: MOST,
                    filter: format!("regarding = \"{name}\""),
                    ..Default::default()
                }
            ),
        )?;
        Ok((opportunity, entries.stage_entries, stages.stages, activities.activities))
    }

    /// The documents' part of the deal.
    async fn documents(&self, context: &Context, name: &str) -> Result<Deal, Status> {
        let (page_size, filter) = (MOST, of_deal(name));
        let (quotes, contracts, orders, invoices, handoffs) = tokio::try_join!(
            self.ask_of_deal(context, ListQuotesRequest { page_size, filter: filter.clone(), ..Default::default() }),
            self.ask_of_deal(context, ListContractsRequest { page_size, filter: filter.clone(), ..Default::default() }),
            self.ask_of_deal(context, ListOrdersRequest { page_size, filter: filter.clone(), ..Default::default() }),
            self.ask_of_deal(context, ListInvoicesRequest { page_size, filter: filter.clone(), ..Default::default() }),
            self.handoffs.list_handoffs(Request::new(ListHandoffsRequest {
                page_size,
                filter: filter.clone(),
                ..Default::default()
            })),
        )?;
        Ok(Deal {
            quotes: quotes.quotes,
            contracts: contracts.contracts,
            orders: orders.orders,
            invoices: invoices.invoices,
            handoffs: handoffs.into_inner().handoffs,
            ..Deal::default()
        })
    }

    /// The lead that the deal came from, and what happened to it. Nothing where the caller does not see it: a deal may be
    /// somebody's whose lead is somebody else's (R-SEC-1).
    async fn lead(&self, context: &Context, name: &str) -> Result<(Option<Lead>, Vec<Event>), Status> {
        let lead = async { Ok(self.ask_for(context, name, |name| GetLeadRequest { name }).await) };
        match tokio::try_join!(lead, self.timeline_of_lead(name))? {
            (Err(unseen), _) if unseen.code() == Code::NotFound && context.sight != Sight::All => {
                Ok((None, Vec::new()))
            }
            (lead, timeline) => Ok((lead?, timeline)),
        }
    }

    async fn process(&self, context: &Context, deal: &Opportunity) -> Result<Option<Process>, Status> {
        let Some(run) = &deal.process_run else { return Ok(None) };
        if run.state() == process_run::State::Error {
            // A definition that cannot be followed cannot be shown either; the lookup's stages are.
            return Ok(None);
        }
        let (name, version) = (run.process.clone(), run.version);
        self.ask(context, GetProcessRequest { name, version }).await.map(Some)
    }

    /// Asks for what belongs to the deal, whosever it is: whoever sees the deal sees it whole (R-SEC-1). Whoever does not
    /// is told nothing, for the deal itself is asked for beside it with his own eyes.
    async fn ask_of_deal<A: Ask>(&self, context: &Context, ask: A) -> Result<A::Answer, Status> {
        let mut request = Request::new(ask);
        context.carry_seeing_all(request.metadata_mut());
        A::send(&self.to, request).await.map(Response::into_inner)
    }

    async fn ask<A: Ask>(&self, context: &Context, ask: A) -> Result<A::Answer, Status> {
        let mut request = Request::new(ask);
        context.carry(request.metadata_mut());
        A::send(&self.to, request).await.map(Response::into_inner)
    }

    /// Nothing where there is no name.
    async fn ask_for<A: Ask>(
        &self,
        context: &Context,
        name: &str,
        ask: impl FnOnce(String) -> A,
    ) -> Result<Option<A::Answer>, Status> {
        if name.is_empty() {
            return Ok(None);
        }
        self.ask(context, ask(name.to_owned())).await.map(Some)
    }

    /// What happened to the deal's own records.
    async fn timeline(&self, deal: &str) -> Result<Vec<Event>, Status> {
        let (opportunities, activities, orders) = tokio::try_join!(
            events(&self.to.opportunities, deal),
            events(&self.to.activities, deal),
            events(&self.to.orders, deal),
        )?;
        Ok([opportunities, activities, orders].concat())
    }

    /// What happened while it was a lead.
    async fn timeline_of_lead(&self, lead: &str) -> Result<Vec<Event>, Status> {
        if lead.is_empty() {
            return Ok(Vec::new());
        }
        let (leads, activities) = tokio::try_join!(events(&self.to.leads, lead), events(&self.to.activities, lead))?;
        Ok([leads, activities].concat())
    }
}

/// All events of a thread, page by page.
async fn events(feed: &Link, thread: &str) -> Result<Vec<Event>, Status> {
    let mut feed = FeedServiceClient::new(feed.clone());
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let ask = ListEventsRequest { thread: thread.to_owned(), page_size: MOST, page_token, ..Default::default() };
        let page = feed.list_events(ask).await?.into_inner();
        all.extend(page.events);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

/// By time; what took effect at the same moment, by its place in its feed.
fn in_order(mut events: Vec<Event>, more: Vec<Event>) -> Vec<Event> {
    events.extend(more);
    events.sort_by_key(|event| {
        let time = event.time.unwrap_or_default();
        (time.seconds, time.nanos, event.position)
    });
    events
}

fn is_open(activity: &Activity) -> bool {
    !matches!(activity.state(), activity::State::Completed | activity::State::Canceled)
}

/// What the deal did in one stage.
#[derive(Default)]
struct Stay {
    entries: i32,
    seconds: i64,
}

/// The stages of the process that leads the deal, or of the lookup where none does; then those that it visited besides.
fn stage_bar(
    deal: &Opportunity,
    process: Option<&Process>,
    stages: &[Stage],
    entries: &[StageEntry],
) -> Vec<StageBarItem> {
    let mut stays: BTreeMap<&str, Stay> = BTreeMap::new();
    for entry in entries {
        let stay = stays.entry(&entry.stage).or_default();
        stay.entries += 1;
        stay.seconds += seconds(entry);
    }
    let way: Vec<(&str, &[Caption])> = match process {
        Some(process) => process.stages.iter().map(|stage| (stage.stage.as_str(), stage.captions.as_slice())).collect(),
        None => stages.iter().map(|stage| (stage.name.as_str(), stage.captions.as_slice())).collect(),
    };
    let besides = stages
        .iter()
        .map(|stage| (stage.name.as_str(), stage.captions.as_slice()))
        .filter(|(name, _)| stays.contains_key(name) && !way.iter().any(|(known, _)| known == name));
    let all: Vec<_> = way.iter().copied().chain(besides).collect();
    all.into_iter()
        .map(|(stage, captions)| {
            let stay = stays.get(stage);
            let mark = match stay {
                _ if deal.stage == stage => stage_bar_item::Mark::Current,
                Some(_) => stage_bar_item::Mark::Visited,
                None => stage_bar_item::Mark::Unspecified,
            };
            StageBarItem {
                stage: stage.to_owned(),
                caption: in_english(captions),
                mark: mark.into(),
                entry_count: stay.map(|stay| stay.entries).unwrap_or_default(),
                seconds: stay.map(|stay| stay.seconds).unwrap_or_default(),
            }
        })
        .collect()
}

/// Whole seconds from entering to leaving; none while it lasts.
fn seconds(entry: &StageEntry) -> i64 {
    let time = |time: Option<&prost_types::Timestamp>| time.and_then(|time| convert::time_of(time).ok());
    match (time(entry.enter_time.as_ref()), time(entry.leave_time.as_ref())) {
        (Some(entered), Some(left)) => (left - entered).num_seconds(),
        _ => 0,
    }
}

fn in_english(captions: &[Caption]) -> String {
    let english = captions.iter().find(|caption| caption.language_code == "en").or(captions.first());
    english.map(|caption| caption.text.clone()).unwrap_or_default()
}
