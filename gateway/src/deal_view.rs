//! One view of a deal in one call (R-API-3): every part of it read side by side. What there may be any number of is shown
//! as far as it fits, the latest of it, and the view says where there is more.

use std::collections::BTreeMap;

use dealflow_chassis::Context;
use dealflow_chassis::security::Sight;
use dealflow_proto::activities::v1::{ListActivitiesRequest, ListActivitiesResponse};
use dealflow_proto::erp::v1::ListHandoffsRequest;
use dealflow_proto::erp::v1::handoff_service_server::HandoffService;
use dealflow_proto::feed::v1::ListEventsResponse;
use dealflow_proto::gateway::v1::{Deal, GetDealRequest, StageBarItem, stage_bar_item};
use dealflow_proto::leads::v1::{GetAccountRequest, GetContactRequest, GetLeadRequest, Lead};
use dealflow_proto::opportunities::v1::{
    Caption, GetOpportunityRequest, GetProcessRequest, ListStageEntriesRequest, ListStageEntriesResponse,
    ListStagesRequest, Opportunity, Process, Stage, StageStay, process_run,
};
use dealflow_proto::orders::v1::{ListContractsRequest, ListInvoicesRequest, ListOrdersRequest, ListQuotesRequest};
use prost::Message;
use prost_types::Timestamp;
use tonic::{Code, Request, Response, Status};

use crate::calls::{Ask, Neighbours};
use crate::deal::of_deal;
use crate::guidance;
use crate::handoff::Handoffs;
use crate::timeline::{fitting, latest, merged};

/// The most of one kind of document, and of what is to be done, that a view shows: fewer where they are large.
const MOST: i32 = 1000;
/// The most stage entries, and activities that are over, that a view shows: a deal may have had any number (R-STG-2).
const LATEST: i32 = 200;
/// The most bytes of either: a view is one message.
const MOST_BYTES: usize = 512 * 1024;
/// The most bytes of the whole: a message has 4 MiB at the most.
const MOST_IN_ALL: usize = 4 * 1024 * 1024 - 16 * 1024;
/// What stands before a record in a message: its field and its length.
const BEFORE_EACH: usize = 8;

/// Reads deals.
#[derive(Clone)]
pub(crate) struct DealView {
    pub(crate) to: Neighbours,
    pub(crate) handoffs: Handoffs,
}

/// The deal's own records, of opportunities and activities.
struct Records {
    opportunity: Opportunity,
    /// The latest first.
    entries: ListStageEntriesResponse,
    stages: Vec<Stage>,
    /// What is to be done.
    open: ListActivitiesResponse,
    /// What was done or canceled, the latest first.
    over: ListActivitiesResponse,
}

/// Activities that are done or canceled.
const OVER: &str = "state = \"COMPLETED\" OR state = \"CANCELED\"";

impl DealView {
    /// The whole deal. Its parts are read one after the other's start, not in one transaction: each is as it was at
    /// some moment of the call.
    pub(crate) async fn read(&self, request: Request<GetDealRequest>) -> Result<Deal, Status> {
        let context = Context::of(request.metadata())?;
        let GetDealRequest { opportunity: name, timeline_before_time: before } = request.into_inner();
        let (records, documents, mut timeline) = tokio::try_join!(
            self.records(&context, &name),
            self.documents(&context, &name),
            self.timeline(&name, before)
        )?;
        let Records { opportunity, entries, stages, open, over } = records;
        let ((lead, of_lead), account, contact, process) = tokio::try_join!(
            self.lead(&context, &opportunity.lead, before),
            self.ask_for(&context, &opportunity.account, |name| GetAccountRequest { name }),
            self.ask_for(&context, &opportunity.contact, |name| GetContactRequest { name }),
            self.process(&context, &opportunity),
        )?;
        timeline.extend(of_lead);
        let (timeline, more_timeline) = merged(timeline);
        let (stage_entries, more_stage_entries) = latest_of(entries.stage_entries, &entries.next_page_token);
        let (past_activities, more_past_activities) = latest_of(over.activities, &over.next_page_token);
        let mut deal = Deal {
            stage_bar: stage_bar(&opportunity, process.as_ref(), &stages, &entries.stays),
            opportunity: Some(opportunity),
            lead,
            account,
            contact,
            stage_entries,
            more_stage_entries,
            action_panel: open.activities,
            past_activities,
            more_past_activities,
            timeline,
            more_timeline,
            more_action_panel: !open.next_page_token.is_empty(),
            ..documents
        };
        // Of what was read, not of what is shown of it.
        deal.guidance = guidance::of_deal(&deal);
        fit(&mut deal);
        Ok(deal)
    }

    async fn records(&self, context: &Context, name: &str) -> Result<Records, Status> {
        let entries = ListStageEntriesRequest {
            opportunity: name.to_owned(),
            page_size: LATEST,
            order_by: "number desc".to_owned(),
            ..ListStageEntriesRequest::default()
        };
        let to_do = ListActivitiesRequest {
            page_size: MOST,
            filter: format!("regarding = \"{name}\" AND NOT ({OVER})"),
            ..ListActivitiesRequest::default()
        };
        let over = ListActivitiesRequest {
            page_size: LATEST,
            filter: format!("regarding = \"{name}\" AND ({OVER})"),
            order_by: "create_time desc".to_owned(),
            ..ListActivitiesRequest::default()
        };
        let (opportunity, entries, stages, open, over) = tokio::try_join!(
            self.ask(context, GetOpportunityRequest { name: name.to_owned() }),
            self.ask(context, entries),
            self.ask(context, ListStagesRequest { page_size: MOST, ..ListStagesRequest::default() }),
            self.ask_of_deal(context, to_do),
            self.ask_of_deal(context, over),
        )?;
        Ok(Records { opportunity, entries, stages: stages.stages, open, over })
    }

    /// The documents' part of the deal.
    async fn documents(&self, context: &Context, name: &str) -> Result<Deal, Status> {
        macro_rules! latest {
            ($request:ident) => {
                $request {
                    page_size: MOST,
                    filter: of_deal(name),
                    order_by: "create_time desc".to_owned(),
                    ..Default::default()
                }
            };
        }
        let (quotes, contracts, orders, invoices, handoffs) = tokio::try_join!(
            self.ask_of_deal(context, latest!(ListQuotesRequest)),
            self.ask_of_deal(context, latest!(ListContractsRequest)),
            self.ask_of_deal(context, latest!(ListOrdersRequest)),
            self.ask_of_deal(context, latest!(ListInvoicesRequest)),
            self.handoffs.list_handoffs(Request::new(latest!(ListHandoffsRequest))),
        )?;
        let handoffs = handoffs.into_inner();
        Ok(Deal {
            more_quotes: !quotes.next_page_token.is_empty(),
            quotes: in_order(quotes.quotes),
            more_contracts: !contracts.next_page_token.is_empty(),
            contracts: in_order(contracts.contracts),
            more_orders: !orders.next_page_token.is_empty(),
            orders: in_order(orders.orders),
            more_invoices: !invoices.next_page_token.is_empty(),
            invoices: in_order(invoices.invoices),
            more_handoffs: !handoffs.next_page_token.is_empty(),
            handoffs: in_order(handoffs.handoffs),
            ..Deal::default()
        })
    }

    /// The lead that the deal came from, and what happened to it. Nothing where the caller does not see it: a deal may be
    /// somebody's whose lead is somebody else's (R-SEC-1).
    async fn lead(
        &self,
        context: &Context,
        name: &str,
        before: Option<Timestamp>,
    ) -> Result<(Option<Lead>, Vec<ListEventsResponse>), Status> {
        let lead = async { Ok(self.ask_for(context, name, |name| GetLeadRequest { name }).await) };
        match tokio::try_join!(lead, self.timeline_of_lead(name, before))? {
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
    async fn timeline(&self, deal: &str, before: Option<Timestamp>) -> Result<Vec<ListEventsResponse>, Status> {
        let (opportunities, activities, orders) = tokio::try_join!(
            latest(&self.to.opportunities, deal, before),
            latest(&self.to.activities, deal, before),
            latest(&self.to.orders, deal, before),
        )?;
        Ok(vec![opportunities, activities, orders])
    }

    /// What happened while it was a lead.
    async fn timeline_of_lead(&self, lead: &str, before: Option<Timestamp>) -> Result<Vec<ListEventsResponse>, Status> {
        if lead.is_empty() {
            return Ok(Vec::new());
        }
        let (leads, activities) =
            tokio::try_join!(latest(&self.to.leads, lead, before), latest(&self.to.activities, lead, before))?;
        Ok(vec![leads, activities])
    }
}

/// The latest of some records that stand the latest first, as many as fit, in the order in which they were made; and
/// whether there are earlier ones.
fn latest_of<M: Message>(mut records: Vec<M>, next_page_token: &str) -> (Vec<M>, bool) {
    let fit = fitting(records.iter().map(Message::encoded_len), records.len(), MOST_BYTES);
    let more = fit < records.len() || !next_page_token.is_empty();
    records.truncate(fit);
    records.reverse();
    (records, more)
}

/// What stands the latest first, in the order in which it was made.
fn in_order<M>(mut records: Vec<M>) -> Vec<M> {
    records.reverse();
    records
}

/// Leaves out of a view what does not go into one message with the rest: what is to be done comes first, then each kind of
/// document, the latest of it.
fn fit(deal: &mut Deal) {
    let panel = std::mem::take(&mut deal.action_panel);
    let (quotes, contracts) = (std::mem::take(&mut deal.quotes), std::mem::take(&mut deal.contracts));
    let (orders, invoices) = (std::mem::take(&mut deal.orders), std::mem::take(&mut deal.invoices));
    let handoffs = std::mem::take(&mut deal.handoffs);
    let mut left = MOST_IN_ALL.saturating_sub(deal.encoded_len());
    // What is to be done stands in its own order: what does not fit is missing at its end.
    deal.action_panel = in_order(kept(in_order(panel), &mut left, &mut deal.more_action_panel));
    deal.orders = kept(orders, &mut left, &mut deal.more_orders);
    deal.contracts = kept(contracts, &mut left, &mut deal.more_contracts);
    deal.invoices = kept(invoices, &mut left, &mut deal.more_invoices);
    deal.handoffs = kept(handoffs, &mut left, &mut deal.more_handoffs);
    deal.quotes = kept(quotes, &mut left, &mut deal.more_quotes);
}

/// The last of the records that fit into what is left; `more` where any does not.
fn kept<M: Message>(mut records: Vec<M>, left: &mut usize, more: &mut bool) -> Vec<M> {
    let fitting = records.iter().rev().take_while(|record| {
        let bytes = record.encoded_len() + BEFORE_EACH;
        let fits = bytes <= *left;
        *left -= if fits { bytes } else { 0 };
        fits
    });
    let dropped = records.len() - fitting.count();
    *more |= dropped > 0;
    records.drain(..dropped);
    records
}

/// The stages of the process that leads the deal, or of the lookup where none does; then those that it visited besides.
fn stage_bar(
    deal: &Opportunity,
    process: Option<&Process>,
    stages: &[Stage],
    stays: &[StageStay],
) -> Vec<StageBarItem> {
    let stays: BTreeMap<&str, &StageStay> = stays.iter().map(|stay| (stay.stage.as_str(), stay)).collect();
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
                entry_count: stay.map(|stay| stay.entry_count).unwrap_or_default(),
                seconds: stay.and_then(|stay| stay.total_time).map(|time| time.seconds).unwrap_or_default(),
            }
        })
        .collect()
}

fn in_english(captions: &[Caption]) -> String {
    let english = captions.iter().find(|caption| caption.language_code == "en").or(captions.first());
    english.map(|caption| caption.text.clone()).unwrap_or_default()
}
