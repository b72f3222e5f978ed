//! `dealflow deal move | win | lose | hold | resume | follow-up | team`: deals moved on from the command line.

use std::cell::Cell;

use anyhow::Context as _;
use chrono::NaiveDate;
use clap::Args;
use dealflow_proto::convert;
use dealflow_proto::gateway::v1::{DealProgress, LoseDealRequest, MoveToStageRequest, WinDealRequest};
use dealflow_proto::names::LOSE_REASONS;
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::opportunities::v1::{
    CreateFollowUpOpportunityRequest, GetOpportunityRequest, HoldOpportunityRequest, Opportunity,
    ResumeOpportunityRequest, UpdateOpportunityRequest,
};
use rust_decimal::Decimal;

use super::find::find;
use crate::api::{Api, new_id};
use crate::client::Target;
use crate::commands::fields::{DEAL, Said};
use crate::commands::forecast::slug;
use crate::commands::{lookups, people::People};
use crate::show::{self, json as data, word};

/// Which deal, of which suite, and how the answer is printed.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// The deal: its title, its external id, its UUID or its name
    #[arg(value_name = "DEAL")]
    pub(super) deal: String,
    /// The result as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Which suite
    #[command(flatten)]
    pub(super) target: Target,
}

impl Which {
    /// Finds the deal, does something with it, and prints how it stands.
    pub(super) async fn act(
        &self,
        act: impl AsyncFnOnce(&Api, String) -> anyhow::Result<Opportunity>,
    ) -> anyhow::Result<()> {
        let (opportunity, text) = self
            .target
            .ask(async |api| {
                let name = find(&api, &self.deal).await?;
                let opportunity = act(&api, name).await?;
                let text = if self.json { String::new() } else { told(&api, &opportunity).await? };
                Ok((opportunity, text))
            })
            .await?;
        if self.json {
            return data::print(&data::opportunity(&opportunity));
        }
        println!("{text}");
        Ok(())
    }
}

/// How a deal stands, in a few lines.
async fn told(api: &Api, deal: &Opportunity) -> anyhow::Result<String> {
    let stages = lookups::stages(api).await?;
    let stage = stages.get(&deal.stage).unwrap_or(&deal.stage);
    let state = match word(deal.status().as_str_name(), "STATUS_") {
        "ON_HOLD" => held(deal),
        "" => word(deal.state().as_str_name(), "STATE_").to_lowercase(),
        _ => "open".to_owned(),
    };
    let value = show::money(deal.actual_value.as_ref().or(deal.estimated_value.as_ref()));
    let mut lines = vec![format!("{}: {stage}, {state}", deal.title)];
    if !value.is_empty() {
        lines.push(format!("  {value}, {} %", deal.probability.unwrap_or_default()));
    }
    if !deal.team.is_empty() {
        let people = People::read(api).await?;
        let member = |it: &dealflow_proto::opportunities::v1::TeamMember| {
            let role = if it.role.is_empty() { String::new() } else { format!(" ({})", it.role) };
            format!("{}{role}", people.display(&it.employee))
        };
        lines.push(format!("  team: {}", deal.team.iter().map(member).collect::<Vec<_>>().join(", ")));
    }
    let next = deal.guidance.iter().flat_map(|guidance| &guidance.next_actions);
    lines.extend(next.map(|next| format!("  next: {}", next.description)));
    lines.push(format!("  {}", deal.name));
    Ok(lines.join("\n"))
}

/// Until when and why a deal waits.
pub(super) fn held(deal: &Opportunity) -> String {
    let mut held = "on hold".to_owned();
    if let Some(day) = &deal.hold_until_date {
        held = format!("{held} until {}", show::date(Some(day)));
    }
    if deal.hold_reason.is_empty() { held } else { format!("{held}: {}", deal.hold_reason) }
}

fn moved(progress: DealProgress) -> anyhow::Result<Opportunity> {
    progress.opportunity.context("the gateway did not tell the deal")
}

/// Arguments of `deal set`.
#[derive(Debug, Args)]
#[command(after_help = SET_EXAMPLES)]
pub struct Set {
    #[command(flatten)]
    which: Which,
    /// What is known now; nothing behind = clears the field, one that is none names all that are
    #[arg(required = true, value_name = "FIELD=VALUE")]
    fields: Vec<String>,
}

const SET_EXAMPLES: &str = "\
Examples:
  dealflow deal set HAXMC4IX need=must-have budget_status=can-buy
  dealflow deal set HAXMC4IX 'owner=Anna Snelling' 'estimated_value=1200 USD' estimated_close_date=2026-12-31";

impl Set {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let said = Said::read("a deal", DEAL, &self.fields)?;
        self.which
            .act(async |api: &Api, name: String| {
                let ask = GetOpportunityRequest { name };
                let mut deal = api.opportunities.clone().get_opportunity(api.ask(ask)).await?.into_inner();
                let ask = UpdateOpportunityRequest {
                    etag: deal.etag.clone(),
                    update_mask: Some(said.write(api, &mut deal).await?),
                    opportunity: Some(deal),
                    request_id: new_id(),
                    ..UpdateOpportunityRequest::default()
                };
                Ok(api.opportunities.clone().update_opportunity(api.ask(ask)).await?.into_inner())
            })
            .await
    }
}

/// Arguments of `deal move`.
#[derive(Debug, Args)]
pub struct Move {
    #[command(flatten)]
    which: Which,
    /// The stage: its slug, or what it is called in either language, in this deal's process first
    #[arg(value_name = "STAGE")]
    stage: String,
    /// Why, in words
    #[arg(long, default_value = "")]
    reason: String,
}

impl Move {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.which
            .act(async |api: &Api, opportunity: String| {
                let stage = lookups::stage(api, &opportunity, &self.stage).await?;
                let reason = self.reason.clone();
                let ask = MoveToStageRequest { opportunity, stage, reason, request_id: new_id(), ..Default::default() };
                moved(api.deals.clone().move_to_stage(api.ask(ask)).await?.into_inner())
            })
            .await
    }
}

/// Arguments of `deal win`.
#[derive(Debug, Args)]
pub struct Win {
    #[command(flatten)]
    which: Which,
    /// What it is worth; the quote's total or the estimate where it is not said
    #[arg(long, value_name = "AMOUNT")]
    value: Option<Decimal>,
    /// The day it was won; today where it is not said
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<NaiveDate>,
    /// Hours spent on it; the sum over its activities where it is not said
    #[arg(long, value_name = "HOURS")]
    hours: Option<Decimal>,
    /// The quote that the customer takes, by name
    #[arg(long, default_value = "", value_name = "QUOTE")]
    quote: String,
    /// The customer's order number
    #[arg(long, default_value = "", value_name = "NUMBER")]
    customer_reference: String,
}

impl Win {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let minutes = self
            .hours
            .map(|hours| hours.checked_mul(Decimal::from(60)).and_then(whole))
            .map(|minutes| minutes.context("--hours must be a number of whole minutes"));
        let spent_minutes = minutes.transpose()?;
        let ordered = Cell::new(false);
        self.which
            .act(async |api: &Api, opportunity: String| {
                let actual_value = match self.value {
                    Some(value) => {
                        let ask = GetOpportunityRequest { name: opportunity.clone() };
                        let deal = api.opportunities.clone().get_opportunity(api.ask(ask)).await?.into_inner();
                        Some(convert::money(value, &deal.currency_code)?)
                    }
                    None => None,
                };
                let ask = WinDealRequest {
                    opportunity,
                    quote: self.quote.clone(),
                    actual_value,
                    close_date: self.date.map(convert::date),
                    spent_minutes,
                    customer_reference: self.customer_reference.clone(),
                    request_id: new_id(),
                    ..WinDealRequest::default()
                };
                let progress = api.deals.clone().win_deal(api.ask(ask)).await?.into_inner();
                ordered.set(progress.order.is_some());
                moved(progress)
            })
            .await?;
        if !ordered.get() && !self.which.json {
            println!("  no order was made: the deal has no quote, no lines and no value");
        }
        Ok(())
    }
}

/// A whole number, where it is one.
fn whole(number: Decimal) -> Option<i64> {
    number.is_integer().then(|| i64::try_from(number).ok()).flatten()
}

/// Arguments of `deal lose`.
#[derive(Debug, Args)]
pub struct Lose {
    #[command(flatten)]
    which: Which,
    /// Why: OUT_SOLD, CANCELED, NO_BUDGET, NO_DECISION, PRICE, OTHER, or one of your own, by code or caption
    #[arg(value_name = "REASON")]
    reason: String,
    /// In words; needed where the reason asks for it
    #[arg(long, default_value = "")]
    comment: String,
    /// Who sold instead
    #[arg(long, default_value = "", value_name = "NAME")]
    competitor: String,
    /// The day it was lost; today where it is not said
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<NaiveDate>,
}

impl Lose {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.which
            .act(async |api: &Api, opportunity: String| {
                let found = lookups::lose_reason(api, &self.reason).await?;
                let code = LOSE_REASONS.parse_slug(&found.name)?;
                let built_in = LoseReason::from_str_name(&format!("LOSE_REASON_{code}")).filter(|_| found.built_in);
                let ask = LoseDealRequest {
                    opportunity,
                    reason: built_in.unwrap_or(LoseReason::Own).into(),
                    reason_code: if built_in.is_some() { String::new() } else { found.name.clone() },
                    comment: self.comment.clone(),
                    competitor: self.competitor.clone(),
                    close_date: self.date.map(convert::date),
                    request_id: new_id(),
                    ..LoseDealRequest::default()
                };
                moved(api.deals.clone().lose_deal(api.ask(ask)).await?.into_inner())
            })
            .await
    }
}

/// Arguments of `deal hold`.
#[derive(Debug, Args)]
pub struct Hold {
    #[command(flatten)]
    which: Which,
    /// Why, in words
    #[arg(value_name = "REASON")]
    reason: String,
    /// Until when, where that is known
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<NaiveDate>,
}

impl Hold {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.which
            .act(async |api: &Api, name: String| {
                let until_date = self.until.map(convert::date);
                let reason = self.reason.clone();
                let ask =
                    HoldOpportunityRequest { name, reason, until_date, request_id: new_id(), ..Default::default() };
                Ok(api.opportunities.clone().hold_opportunity(api.ask(ask)).await?.into_inner())
            })
            .await
    }
}

/// Arguments of `deal resume`.
#[derive(Debug, Args)]
pub struct Resume {
    #[command(flatten)]
    which: Which,
    /// Why, in words
    #[arg(long, default_value = "")]
    reason: String,
}

impl Resume {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.which
            .act(async |api: &Api, name: String| {
                let reason = self.reason.clone();
                let ask = ResumeOpportunityRequest { name, reason, request_id: new_id(), ..Default::default() };
                Ok(api.opportunities.clone().resume_opportunity(api.ask(ask)).await?.into_inner())
            })
            .await
    }
}

/// Arguments of `deal follow-up`.
#[derive(Debug, Args)]
pub struct FollowUp {
    #[command(flatten)]
    which: Which,
    /// What it is about; the old title where it is not said
    #[arg(long, default_value = "")]
    title: String,
    /// Take the team over
    #[arg(long)]
    team: bool,
    /// Take the demand lines over, and with them the estimate
    #[arg(long)]
    lines: bool,
    /// When it may be decided
    #[arg(long, value_name = "YYYY-MM-DD")]
    close_on: Option<NaiveDate>,
    /// The process to start with it, e.g. corporate-sale
    #[arg(long, value_name = "PROCESS")]
    process: Option<String>,
}

impl FollowUp {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.which
            .act(async |api: &Api, name: String| {
                let ask = CreateFollowUpOpportunityRequest {
                    name,
                    title: self.title.clone(),
                    copy_team: self.team,
                    copy_lines: self.lines,
                    estimated_close_date: self.close_on.map(convert::date),
                    process: self.process.as_deref().map(|process| slug("processes", process)).unwrap_or_default(),
                    request_id: new_id(),
                    ..CreateFollowUpOpportunityRequest::default()
                };
                Ok(api.opportunities.clone().create_follow_up_opportunity(api.ask(ask)).await?.into_inner())
            })
            .await
    }
}
