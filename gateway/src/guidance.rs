//! What may come next for a deal, in the gateway's own verbs (R-PRC-4).
//!
//! The opportunity says what it accepts and what is missing; here its verbs become those that a client of the gateway
//! calls, each on the record that it takes, and what the documents ask for is added.

use dealflow_proto::activities::v1::{Activity, activity};
use dealflow_proto::gateway::v1::{Deal, DealProgress};
use dealflow_proto::opportunities::v1::{Opportunity, opportunity};
use dealflow_proto::orders::v1::{Order, Quote, order, quote};
use dealflow_proto::types::v1::{Guidance, NextAction};

/// What is known of the deal's documents.
struct Known<'a> {
    activities: &'a [Activity],
    quotes: &'a [Quote],
    orders: &'a [Order],
    /// Whether these are all there are.
    all: bool,
    /// Whether what is delivered of them was billed just now.
    billed: bool,
}

/// Of a verb's answer: the documents that the verb told of, and perhaps there are others.
pub(crate) fn of_progress(told: &DealProgress) -> Option<Guidance> {
    let known = Known {
        activities: &told.activities,
        quotes: told.quote.as_slice(),
        orders: told.order.as_slice(),
        all: false,
        billed: told.invoice.is_some(),
    };
    told.opportunity.as_ref().map(|deal| guidance(deal, &known))
}

/// Of the whole deal.
pub(crate) fn of_deal(deal: &Deal) -> Option<Guidance> {
    let known =
        Known { activities: &deal.action_panel, quotes: &deal.quotes, orders: &deal.orders, all: true, billed: false };
    deal.opportunity.as_ref().map(|opportunity| guidance(opportunity, &known))
}

fn guidance(deal: &Opportunity, known: &Known<'_>) -> Guidance {
    let of_service = deal.guidance.clone().unwrap_or_default();
    let mut allowed_verbs: Vec<String> =
        of_service.allowed_verbs.iter().filter_map(|verb| ours(verb)).map(str::to_owned).collect();
    let mut next_actions: Vec<NextAction> =
        of_service.next_actions.into_iter().filter_map(|action| translated(action, deal, known)).collect();
    let (sale, documents) = of_documents(deal, known);
    allowed_verbs.extend(sale.iter().map(|verb| (*verb).to_owned()));
    // A document that waits for a decision comes before the stages that the deal could move to, and what could follow it.
    let last = |action: &NextAction| ["MoveToStage", "CreateFollowUpOpportunity"].contains(&action.verb.as_str());
    let stages = next_actions.iter().position(last).unwrap_or(next_actions.len());
    next_actions.splice(stages..stages, documents);
    Guidance { allowed_verbs, next_actions, missing_fields: of_service.missing_fields }
}

/// The verb that a client of the gateway calls for one of the opportunity's; none for what only the gateway itself calls.
/// What asks for no other part keeps its name: the gateway passes it on.
fn ours(verb: &str) -> Option<&'static str> {
    Some(match verb {
        "UpdateOpportunity" => "DevelopDeal",
        "StartProcess" => "StartProcess",
        "MoveToStage" => "MoveToStage",
        "RecordActivityResult" => "CompleteActivity",
        "WinOpportunity" => "WinDeal",
        "LoseOpportunity" => "LoseDeal",
        "HoldOpportunity" => "HoldOpportunity",
        "ResumeOpportunity" => "ResumeOpportunity",
        "CancelProcess" => "CancelProcess",
        "ResumeProcess" => "ResumeProcess",
        "CreateFollowUpOpportunity" => "CreateFollowUpOpportunity",
        _ => return None,
    })
}

/// An action of the opportunity's as one of ours, on the record that our verb takes.
fn translated(action: NextAction, deal: &Opportunity, known: &Known<'_>) -> Option<NextAction> {
    let verb = ours(&action.verb)?;
    let resource = if verb == "CompleteActivity" { activity(&action.description, deal, known) } else { None };
    Some(NextAction { verb: verb.to_owned(), resource: resource.unwrap_or(action.resource), ..action })
}

/// The open activity of the present stage entry that a description is about: its subject, and in brackets its results.
fn activity(described: &str, deal: &Opportunity, known: &Known<'_>) -> Option<String> {
    let entry = deal.stage_entry.as_ref().map(|entry| entry.name.as_str()).unwrap_or_default();
    let open = |it: &&Activity| !matches!(it.state(), activity::State::Completed | activity::State::Canceled);
    let about = |it: &&Activity| described.strip_prefix(&it.subject).is_some_and(|rest| rest.starts_with(" ["));
    let here = known.activities.iter().filter(open).find(|it| it.stage_entry == entry && about(it));
    here.map(|activity| activity.name.clone())
}

/// The verbs and the actions that follow from quotes and orders.
fn of_documents(deal: &Opportunity, known: &Known<'_>) -> (Vec<&'static str>, Vec<NextAction>) {
    let (mut verbs, mut actions) = (Vec::new(), Vec::new());
    let open = deal.state() == opportunity::State::Open;
    if open {
        verbs.push("ProposeQuote");
    }
    if open && deal.reserved_order.is_empty() {
        let offered = |it: &&Quote| matches!(it.state(), quote::State::Active | quote::State::Presented) && !it.expired;
        let offered: Vec<&Quote> = known.quotes.iter().filter(offered).collect();
        if !known.all || !offered.is_empty() {
            verbs.push("AcceptQuote");
        }
        actions.extend(offered.into_iter().map(|quote| NextAction {
            verb: "AcceptQuote".to_owned(),
            resource: quote.name.clone(),
            description: format!("The customer takes {}", quote.number),
        }));
    }
    if deal.state() != opportunity::State::Lost {
        let to_deliver: Vec<&Order> = known.orders.iter().filter(|order| is_to_deliver(order, known.billed)).collect();
        if !to_deliver.is_empty() || (!known.all && known.orders.is_empty() && is_ordered(deal)) {
            verbs.push("FulfillDeal");
        }
        actions.extend(to_deliver.into_iter().map(|order| NextAction {
            verb: "FulfillDeal".to_owned(),
            resource: order.name.clone(),
            description: format!("Deliver and bill {}", order.number),
        }));
    }
    (verbs, actions)
}

/// Whether something of an order is still to be delivered or billed.
fn is_to_deliver(order: &Order, billed: bool) -> bool {
    let done = order.billing() == order::Progress::Full || (billed && order.state() == order::State::Fulfilled);
    order.state() != order::State::Canceled && !done
}

/// Whether a deal has an order, as far as its opportunity knows.
fn is_ordered(deal: &Opportunity) -> bool {
    !deal.reserved_order.is_empty() || deal.state() == opportunity::State::Won
}
