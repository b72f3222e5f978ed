//! One deal of the source, taken through the real verbs.
//!
//! Every request id is made of the deal's id and the verb: a second run, or one that goes on after a kill, asks the
//! same questions and gets the same answers.

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_proto::convert;
use dealflow_proto::gateway::v1::{
    DevelopDealRequest, FulfillDealRequest, LoseDealRequest, MoveToStageRequest, ProposeQuoteRequest,
    QualifyLeadRequest, WinDealRequest,
};
use dealflow_proto::google::type_::{Date, Decimal as WireDecimal, Money};
use dealflow_proto::leads::v1::{CreateLeadRequest, Lead, lead};
use dealflow_proto::orders::v1::Order;
use dealflow_proto::types::v1::Line;
use prost_types::Timestamp;
use tonic::Status;
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::rows::{Deal, Stage};
use super::world::World;
use crate::api::Api;

/// The rows do not say how long a quote was valid. With a day of the past the calendar would close it as soon as it looks:
/// between the call that proposes it and the one that accepts it.
const VALID_UNTIL: Date = Date { year: 2099, month: 12, day: 31 };
/// The namespace of this import's request ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x6ba2_9c1e_55a8_4a39_9a40_7d1f_0c52_33b1);

/// The request id of one verb of one deal.
pub(super) fn request_id(deal: &str, verb: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{deal}/{verb}").as_bytes())
}

/// What is delivered and billed on the day of the source.
const FULFILL: &str = "fulfill";
/// The same today: the order changed since, as it does where the ERP refuses it.
const FULFILL_NOW: &str = "fulfill now";

/// The verbs of which one ends a deal's import: once the gateway remembers it, the deal is done.
pub(super) fn last_verbs(deal: &Deal, world: &World) -> Vec<String> {
    match deal.deal_stage {
        Stage::Won => vec![FULFILL.to_owned(), FULFILL_NOW.to_owned()],
        Stage::Lost => vec!["lose".to_owned()],
        Stage::Engaging | Stage::Prospecting => {
            let stages = world.profile.stages(deal.deal_stage);
            vec![stages.last().map_or("qualify".to_owned(), |stage| format!("move {stage}"))]
        }
    }
}

/// When the verbs of a deal took place: historical where the source says so, else now.
struct Dates {
    engage: Option<NaiveDate>,
    close: Option<NaiveDate>,
    start: chrono::NaiveTime,
}

impl Dates {
    /// The beginning of the sale.
    fn begin(&self) -> Option<Timestamp> {
        self.engage.map(|day| self.at(day))
    }

    /// The `step`-th of `of` steps between the first and the last day.
    fn between(&self, step: usize, of: usize) -> Option<Timestamp> {
        let (engage, Some(close)) = (self.engage?, self.close) else { return self.begin() };
        let days = u64::try_from((close - engage).num_days()).unwrap_or_default();
        let share = days.saturating_mul(step as u64) / (of.max(1) as u64);
        Some(self.at(engage.checked_add_days(chrono::Days::new(share)).unwrap_or(close)))
    }

    /// The end of the sale.
    fn end(&self) -> Option<Timestamp> {
        self.close.map(|day| self.at(day))
    }

    fn at(&self, day: NaiveDate) -> Timestamp {
        convert::timestamp(DateTime::<Utc>::from_naive_utc_and_offset(day.and_time(self.start), Utc))
    }
}

/// Takes one deal from lead to where the source has it.
pub(super) async fn run(api: &Api, world: &World, deal: &Deal) -> Result<(), Status> {
    let id = |verb: &str| request_id(&deal.opportunity_id, verb).to_string();
    let dates = Dates { engage: deal.engage_date, close: deal.close_date, start: world.profile.day_starts_at };
    let lead = capture(api, world, deal, id("capture"), &dates).await?;
    let qualified = api
        .deals
        .clone()
        .qualify_lead(api.ask(QualifyLeadRequest {
            lead: lead.name,
            account: world.account(&deal.account),
            process: world.profile.process.clone(),
            open_date: deal.engage_date.map(convert::date),
            request_id: id("qualify"),
            effective_time: dates.begin(),
            ..QualifyLeadRequest::default()
        }))
        .await?
        .into_inner();
    let opportunity = qualified.opportunity.unwrap_or_default().name;

    // What was asked for is known of every deal; what it was worth only of the won ones, which are developed later.
    if deal.deal_stage != Stage::Won {
        demand(api, world, deal, &opportunity, id("demand"), dates.begin()).await?;
    }
    let stages = world.profile.stages(deal.deal_stage);
    for (index, stage) in stages.iter().enumerate() {
        if deal.deal_stage == Stage::Won && index == 1 {
            develop(api, world, deal, &opportunity, id("develop"), dates.between(index, stages.len())).await?;
        }
        api.deals
            .clone()
            .move_to_stage(api.ask(MoveToStageRequest {
                opportunity: opportunity.clone(),
                stage: stage.clone(),
                request_id: id(&format!("move {stage}")),
                effective_time: dates.between(index, stages.len()),
                ..MoveToStageRequest::default()
            }))
            .await?;
    }
    match deal.deal_stage {
        Stage::Won => win(api, world, deal, opportunity, &id, &dates).await,
        Stage::Lost => lose(api, world, deal, opportunity, &id, &dates).await,
        Stage::Engaging | Stage::Prospecting => Ok(()),
    }
}

async fn capture(api: &Api, world: &World, deal: &Deal, request_id: String, dates: &Dates) -> Result<Lead, Status> {
    let product = world.product(&deal.product).ok_or_else(|| Status::invalid_argument("unknown product"))?;
    let lead = Lead {
        title: format!("{} for {}", product.display_name, or(&deal.account, "a customer to be named")),
        company_name: deal.account.clone(),
        owner: world.employee(&deal.sales_agent),
        source: lead::Source::Other.into(),
        bant: Some(world.profile.bant()),
        estimated_value: product.list_price.clone(),
        external_id: deal.opportunity_id.clone(),
        ..Lead::default()
    };
    let ask = CreateLeadRequest {
        lead: Some(lead),
        request_id,
        effective_time: dates.begin(),
        ..CreateLeadRequest::default()
    };
    Ok(api.leads.clone().create_lead(api.ask(ask)).await?.into_inner())
}

async fn develop(
    api: &Api,
    world: &World,
    deal: &Deal,
    opportunity: &str,
    request_id: String,
    effective_time: Option<Timestamp>,
) -> Result<(), Status> {
    let value = world.profile.money(deal.close_value.unwrap_or_default())?;
    let ask = DevelopDealRequest {
        opportunity: opportunity.to_owned(),
        lines: vec![line(world, deal, value.clone())?],
        estimated_value: Some(value),
        estimated_close_date: deal.close_date.map(convert::date),
        request_id,
        effective_time,
        ..DevelopDealRequest::default()
    };
    api.deals.clone().develop_deal(api.ask(ask)).await?;
    Ok(())
}

/// What a deal that is not won asks for: its product, at the list price.
async fn demand(
    api: &Api,
    world: &World,
    deal: &Deal,
    opportunity: &str,
    request_id: String,
    effective_time: Option<Timestamp>,
) -> Result<(), Status> {
    let product = world.product(&deal.product).ok_or_else(|| Status::invalid_argument("unknown product"))?;
    let ask = DevelopDealRequest {
        opportunity: opportunity.to_owned(),
        lines: vec![line(world, deal, product.list_price.clone().unwrap_or_default())?],
        request_id,
        effective_time,
        ..DevelopDealRequest::default()
    };
    api.deals.clone().develop_deal(api.ask(ask)).await?;
    Ok(())
}

async fn win(
    api: &Api,
    world: &World,
    deal: &Deal,
    opportunity: String,
    id: &impl Fn(&str) -> String,
    dates: &Dates,
) -> Result<(), Status> {
    let mut deals = api.deals.clone();
    let quote = deals
        .propose_quote(api.ask(ProposeQuoteRequest {
            opportunity: opportunity.clone(),
            valid_until_date: Some(VALID_UNTIL),
            payment_days: world.profile.payment_days,
            request_id: id("propose"),
            effective_time: dates.end(),
            ..ProposeQuoteRequest::default()
        }))
        .await?
        .into_inner()
        .quote
        .unwrap_or_default();
    let won = deals
        .win_deal(api.ask(WinDealRequest {
            opportunity: opportunity.clone(),
            quote: quote.name,
            actual_value: Some(world.profile.money(deal.close_value.unwrap_or_default())?),
            close_date: deal.close_date.map(convert::date),
            request_id: id("win"),
            effective_time: dates.end(),
            ..WinDealRequest::default()
        }))
        .await?
        .into_inner();
    let fulfill = |verb: &str, effective_time: Option<Timestamp>| FulfillDealRequest {
        opportunity: opportunity.clone(),
        issue_date: deal.close_date.map(convert::date),
        request_id: id(verb),
        effective_time,
        ..FulfillDealRequest::default()
    };
    let ended = match deals.fulfill_deal(api.ask(fulfill(FULFILL, dates.end()))).await {
        Err(status) if is_of_the_past(&status) => deals.fulfill_deal(api.ask(fulfill(FULFILL_NOW, None))).await,
        ended => ended,
    };
    let order = won.order.unwrap_or_default();
    ended.map(drop).map_err(|status| of_order(&order, &status))
}

/// Whether a verb is refused because its record changed after the day on which the source has it.
fn is_of_the_past(status: &Status) -> bool {
    let details = status.get_details_bad_request();
    details.is_some_and(|bad| bad.field_violations.iter().any(|it| it.field == "effective_time"))
}

/// The refusal, with the order that it is about.
fn of_order(order: &Order, status: &Status) -> Status {
    Status::new(status.code(), format!("{} ({}): {}", order.number, order.name, status.message()))
}

async fn lose(
    api: &Api,
    world: &World,
    deal: &Deal,
    opportunity: String,
    id: &impl Fn(&str) -> String,
    dates: &Dates,
) -> Result<(), Status> {
    api.deals
        .clone()
        .lose_deal(api.ask(LoseDealRequest {
            opportunity,
            reason: world.profile.lost.reason()?.into(),
            comment: world.profile.lost.comment.clone(),
            close_date: deal.close_date.map(convert::date),
            request_id: id("lose"),
            effective_time: dates.end(),
            ..LoseDealRequest::default()
        }))
        .await?;
    Ok(())
}

fn line(world: &World, deal: &Deal, price: Money) -> Result<Line, Status> {
    let product = world.product(&deal.product).ok_or_else(|| Status::invalid_argument("unknown product"))?;
    Ok(Line {
        product: product.name.clone(),
        quantity: Some(WireDecimal { value: "1".to_owned() }),
        unit_price: Some(price),
        ..Line::default()
    })
}

fn or<'a>(text: &'a str, other: &'a str) -> &'a str {
    if text.is_empty() { other } else { text }
}
