//! One complete deal through the gateway, phase by phase, as a sales team and its customer would do it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use dealflow_proto::activities::v1::{Activity, activity};
use dealflow_proto::gateway::v1::{
    AcceptQuoteRequest, CompleteActivityRequest, DealProgress, DevelopDealRequest, FulfillDealRequest,
    ProposeQuoteRequest, QualifyLeadRequest,
};
use dealflow_proto::google::type_::{Date, Decimal, Money};
use dealflow_proto::leads::v1::{CreateLeadRequest, Lead};
use dealflow_proto::opportunities::v1::opportunity::State;
use dealflow_proto::orders::v1::{CreateProductRequest, Product};
use dealflow_proto::types::v1::{Bant, BudgetStatus, Line, Need, Vat, VatCategory};

use crate::api::{Api, new_id};

/// The phases, in order; capture is the lead's creation before them.
pub(super) const PHASES: [&str; 6] = ["capture", "qualify", "develop", "propose", "close", "fulfill"];

/// How long each phase of one deal took.
pub(super) type Took = [Duration; PHASES.len()];

/// The product that is sold.
pub(super) async fn product(api: &Api) -> anyhow::Result<Product> {
    let product = Product {
        code: format!("bench-{}", new_id()),
        display_name: "Bench press".to_owned(),
        list_price: usd(999),
        vat: Some(Vat { category: VatCategory::Standard.into(), rate: decimal("20") }),
        ..Product::default()
    };
    let ask = CreateProductRequest { product: Some(product), request_id: new_id(), ..CreateProductRequest::default() };
    Ok(api.products.clone().create_product(api.ask(ask)).await?.into_inner())
}

/// Runs one deal from lead to posted invoice; its hand-overs go on by themselves.
pub(super) async fn run(api: &Api, product: &Product, number: u64) -> anyhow::Result<Took> {
    let mut took = Took::default();
    let mut clock = Instant::now();
    let mut lap = |phase: usize| {
        let now = Instant::now();
        took[phase] = now - clock;
        clock = now;
    };

    let lead = capture(api, number).await?;
    lap(0);
    let qualified = qualify(api, lead).await?;
    lap(1);
    let opportunity = qualified.opportunity.clone().context("qualify answers the opportunity")?.name;
    develop(api, &opportunity, product).await?;
    let in_presentation = complete_all(api, open(&qualified)).await?;
    let in_proposal = complete_all(api, open(&in_presentation)).await?;
    lap(2);
    let quote = propose(api, &opportunity).await?;
    let in_contracting = complete_all(api, open(&in_proposal)).await?;
    lap(3);
    accept(api, &opportunity, quote).await?;
    let closed = complete_all(api, open(&in_contracting)).await?;
    let state = closed.opportunity.map(|opportunity| opportunity.state());
    ensure!(state == Some(State::Won), "the deal ended {state:?} instead of won");
    lap(4);
    fulfill(api, &opportunity).await?;
    lap(5);
    Ok(took)
}

/// A lead that can be qualified.
pub(super) fn lead(number: u64) -> CreateLeadRequest {
    let lead = Lead {
        title: format!("Bench deal {number}"),
        company_name: format!("Bench customer {}", new_id()),
        given_name: "Ann".to_owned(),
        family_name: "Buyer".to_owned(),
        email: format!("{}@example.com", new_id()),
        bant: Some(Bant { budget_status: BudgetStatus::CanBuy.into(), need: Need::MustHave.into(), ..Bant::default() }),
        ..Lead::default()
    };
    CreateLeadRequest { lead: Some(lead), request_id: new_id(), ..CreateLeadRequest::default() }
}

async fn capture(api: &Api, number: u64) -> anyhow::Result<Lead> {
    Ok(api.leads.clone().create_lead(api.ask(lead(number))).await?.into_inner())
}

async fn qualify(api: &Api, lead: Lead) -> anyhow::Result<DealProgress> {
    let ask = QualifyLeadRequest { lead: lead.name, request_id: new_id(), ..QualifyLeadRequest::default() };
    Ok(api.deals.clone().qualify_lead(api.ask(ask)).await?.into_inner())
}

async fn develop(api: &Api, opportunity: &str, product: &Product) -> anyhow::Result<()> {
    let line = Line { product: product.name.clone(), quantity: decimal("3"), unit_price: usd(999), ..Line::default() };
    let ask = DevelopDealRequest {
        opportunity: opportunity.to_owned(),
        lines: vec![line],
        estimated_close_date: Some(Date { year: 2099, month: 12, day: 31 }),
        request_id: new_id(),
        ..DevelopDealRequest::default()
    };
    api.deals.clone().develop_deal(api.ask(ask)).await?;
    Ok(())
}

async fn propose(api: &Api, opportunity: &str) -> anyhow::Result<String> {
    let ask = ProposeQuoteRequest {
        opportunity: opportunity.to_owned(),
        discount_percent: decimal("5"),
        request_id: new_id(),
        ..ProposeQuoteRequest::default()
    };
    let proposed = api.deals.clone().propose_quote(api.ask(ask)).await?.into_inner();
    Ok(proposed.quote.context("propose answers the quote")?.name)
}

async fn accept(api: &Api, opportunity: &str, quote: String) -> anyhow::Result<()> {
    let ask = AcceptQuoteRequest {
        opportunity: opportunity.to_owned(),
        quote,
        request_id: new_id(),
        ..AcceptQuoteRequest::default()
    };
    api.deals.clone().accept_quote(api.ask(ask)).await?;
    Ok(())
}

async fn fulfill(api: &Api, opportunity: &str) -> anyhow::Result<()> {
    let ask = FulfillDealRequest {
        opportunity: opportunity.to_owned(),
        request_id: new_id(),
        ..FulfillDealRequest::default()
    };
    let fulfilled = api.deals.clone().fulfill_deal(api.ask(ask)).await?.into_inner();
    ensure!(fulfilled.invoice.is_some_and(|invoice| !invoice.number.is_empty()), "fulfill posts an invoice");
    Ok(())
}

/// Completes activities one after the other; answers what the last one led to.
async fn complete_all(api: &Api, activities: Vec<Activity>) -> anyhow::Result<DealProgress> {
    ensure!(!activities.is_empty(), "the stage has no activity to complete");
    let mut last = DealProgress::default();
    for activity in activities {
        let ask = CompleteActivityRequest {
            activity: activity.name,
            result: "done".to_owned(),
            actual_minutes: 15,
            request_id: new_id(),
            ..CompleteActivityRequest::default()
        };
        last = api.deals.clone().complete_activity(api.ask(ask)).await?.into_inner();
    }
    Ok(last)
}

/// The activities that are to be done, of those that a verb made or changed.
fn open(progress: &DealProgress) -> Vec<Activity> {
    let to_do = |activity: &&Activity| activity.state() == activity::State::NotStarted;
    progress.activities.iter().filter(to_do).cloned().collect()
}

fn usd(units: i64) -> Option<Money> {
    Some(Money { currency_code: "USD".to_owned(), units, nanos: 0 })
}

fn decimal(value: &str) -> Option<Decimal> {
    Some(Decimal { value: value.to_owned() })
}
