//! The first deal: won by its process, activity by activity (R-STG-4), then delivered, billed and handed over.

use anyhow::{Context as _, bail};
use dealflow_proto::activities::v1::{Activity, activity};
use dealflow_proto::gateway::v1::{AcceptQuoteRequest, Deal};
use dealflow_proto::leads::v1::lead;
use dealflow_proto::opportunities::v1::opportunity;
use dealflow_proto::orders::v1::{invoice, order};

use super::play::{Play, Visitor};
use crate::api::new_id;
use crate::show::{self, word};

/// More activities than any deal of this process has: an end to the loop if the process does not move.
const TURNS: usize = 20;

/// Plays the deal; answers its opportunity.
pub(super) async fn tell(play: &mut Play<'_>) -> anyhow::Result<String> {
    play.tale.chapter("First deal: won by its process");
    let visitor = Visitor {
        title: "Analyzers for the new laboratory",
        company: "Aldermoor Instruments",
        given_name: "Ines",
        family_name: "Maro",
        source: lead::Source::TradeShow,
    };
    let name = play.open(&visitor).await?;
    play.develop(&name, [2, 3]).await?;
    to_the_end(play, &name).await?;

    let deal = play.deal(&name).await?;
    let won = deal.opportunity.as_ref().context("the deal has no opportunity")?;
    let value = show::money(won.actual_value.as_ref());
    play.tale.say(format!("Won by the process: nobody called WinDeal. Worth {value}."));
    check(play, &deal);
    play.fulfill(&name).await?;

    let deal = play.deal(&name).await?;
    let orders: Vec<order::State> = deal.orders.iter().map(|order| order.state()).collect();
    let invoices: Vec<invoice::State> = deal.invoices.iter().map(|invoice| invoice.state()).collect();
    play.tale.check("the first deal's one order is delivered", "[Fulfilled]", format!("{orders:?}"));
    play.tale.check("the first deal's one invoice is posted", "[Posted]", format!("{invoices:?}"));
    Ok(name)
}

/// Completes what waits, until the deal is closed; the quote is made and taken on the way.
async fn to_the_end(play: &mut Play<'_>, name: &str) -> anyhow::Result<()> {
    let mut stage = String::new();
    for _ in 0..TURNS {
        let deal = play.deal(name).await?;
        let standing = deal.opportunity.as_ref().context("the deal has no opportunity")?;
        if standing.state() != opportunity::State::Open {
            return Ok(());
        }
        if standing.stage != stage {
            stage.clone_from(&standing.stage);
            play.tale.say(format!("Stage: {stage}."));
        }
        let Some(next) = deal.action_panel.iter().find(|activity| is_due(activity)) else {
            bail!("{name} is open in {stage}, and no activity of its process waits");
        };
        if next.planned_key.starts_with("present_proposal") && deal.quotes.is_empty() {
            let quote = play.propose(name, "0").await?;
            let gross = quote.totals.and_then(|totals| totals.total_with_vat);
            // 2 × 1,250.00 at 20 % and 3 × 33.33 at 7 %: 2,599.99 + 500.00 + 7.00.
            play.tale.check("the quote's total with VAT", "3,106.99 USD", show::money(gross.as_ref()));
        }
        if next.planned_key.starts_with("prepare_contract") && deal.orders.is_empty() {
            accept(play, name).await?;
        }
        play.complete(next).await?;
    }
    bail!("{name} is still open after {TURNS} activities")
}

fn is_due(activity: &Activity) -> bool {
    activity.origin() == activity::Origin::Process && activity.required
}

async fn accept(play: &mut Play<'_>, opportunity: &str) -> anyhow::Result<()> {
    let ask = AcceptQuoteRequest {
        opportunity: opportunity.to_owned(),
        customer_reference: "PO-4711".to_owned(),
        request_id: new_id(),
        ..AcceptQuoteRequest::default()
    };
    let progress = play.api.deals.clone().accept_quote(play.api.ask(ask)).await?.into_inner();
    let order = progress.order.context("AcceptQuote answered no order")?;
    let open = progress.opportunity.is_some_and(|it| it.state() == opportunity::State::Open);
    play.tale.say(format!("The customer takes the quote: order {} goes to the ERP.", order.number));
    play.tale.check("the deal stays open while its process has the contract before it (R-QUO-4)", true, open);
    Ok(())
}

fn check(play: &mut Play<'_>, deal: &Deal) {
    let state = deal.opportunity.as_ref().map_or("", |it| it.state().as_str_name());
    play.tale.check("the first deal is won", "STATE_WON", state);
    let way: Vec<&str> = deal.stage_entries.iter().map(|it| it.stage.trim_start_matches("stages/")).collect();
    let expected = "qualification presentation proposal contracting closed-won";
    play.tale.check("the first deal's way through the stages", expected, way.join(" "));
    let done = deal.past_activities.iter().filter(|it| it.state() == activity::State::Completed).count();
    // Two, one, three and three (requirements §1).
    play.tale.check("activities completed in the first deal", 9, done);
    let stage = deal.lead.as_ref().map_or("", |lead| word(lead.stage().as_str_name(), "STAGE_"));
    play.tale.check("the first deal's lead (R-LED-3)", "SATISFIED", stage);
}
