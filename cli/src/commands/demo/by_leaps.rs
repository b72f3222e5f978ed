//! The second deal: it leaps between stages (R-STG-2, R-STG-3), is won by a call, and the ERP's answer to its order is
//! lost on the way (R-ERP-1).

use std::collections::HashSet;

use anyhow::Context as _;
use dealflow_proto::activities::v1::{Activity, CreateActivityRequest, activity};
use dealflow_proto::erp::v1::{
    DocumentType, Fault, FaultKind, GetHandoffRequest, GetJournalRequest, Handoff, JournalEntry, SetFaultPlanRequest,
};
use dealflow_proto::gateway::v1::{Deal, WinDealRequest};
use dealflow_proto::leads::v1::lead;
use dealflow_proto::orders::v1::Quote;
use serde_json::{Value, json};

use super::super::handoffs;
use super::ledger;
use super::play::{Play, Visitor};
use crate::api::new_id;
use crate::show::{self, json as data, word};

const PROPOSAL: &str = "stages/proposal";
const PRESENTATION: &str = "stages/presentation";

/// Plays the deal; answers its opportunity, and what became of the order whose answer was lost.
pub(super) async fn tell(play: &mut Play<'_>) -> anyhow::Result<(String, Value)> {
    play.tale.chapter("Second deal: back and forth, and an answer that is lost");
    let visitor = Visitor {
        title: "Analyzer for the field station",
        company: "Brightwater Survey",
        given_name: "Tomas",
        family_name: "Lindh",
        source: lead::Source::Web,
    };
    let name = play.open(&visitor).await?;
    play.develop(&name, [1, 10]).await?;
    leaps(play, &name).await?;
    let quote = play.propose(&name, "5").await?;
    win(play, &name, quote).await?;
    let lost_answer = found_again(play, &name).await?;
    play.fulfill(&name).await?;
    Ok((name, lost_answer))
}

/// Qualification → Proposal → Presentation → Proposal, with a task made by hand beside.
async fn leaps(play: &mut Play<'_>, name: &str) -> anyhow::Result<()> {
    let by_hand = task_by_hand(play, name).await?;
    play.move_to(name, PROPOSAL, "the customer knows the product and asks for the price at once").await?;
    let first = play.deal(name).await?;
    canceled(play, &first, 2, "Qualification");

    play.move_to(name, PRESENTATION, "the customer's director wants to see it first").await?;
    let second = play.deal(name).await?;
    canceled(play, &second, 5, "Qualification and Proposal");

    play.move_to(name, PROPOSAL, "the director has seen it").await?;
    let third = play.deal(name).await?;
    canceled(play, &third, 6, "Qualification, Proposal and Presentation");

    let (before, after) = (planned(&first), planned(&third));
    let subjects = |of: &[&Activity]| of.iter().map(|it| it.subject.clone()).collect::<HashSet<_>>();
    let names = |of: &[&Activity]| of.iter().map(|it| it.name.clone()).collect::<HashSet<_>>();
    play.tale.check("activities of the second visit to Proposal", 3, after.len());
    play.tale.check("they are the same as of the first visit", true, subjects(&before) == subjects(&after));
    play.tale.check("and are made anew: no id is kept (R-STG-3)", true, names(&before).is_disjoint(&names(&after)));
    play.tale.say("Proposal again: its three activities are made anew, under new ids:");
    for (old, new) in before.iter().zip(&after) {
        play.tale.say(format!("    {} → {}  {}", short(&old.name), short(&new.name), new.subject));
    }
    let survives = third.action_panel.iter().any(|it| it.name == by_hand.name);
    play.tale.check("the task made by hand survives all of it (R-STG-3)", true, survives);
    play.tale.say(format!("Still open: \"{}\", made by hand.", by_hand.subject));
    Ok(())
}

async fn task_by_hand(play: &mut Play<'_>, name: &str) -> anyhow::Result<Activity> {
    let task = Activity {
        r#type: activity::Type::Task.into(),
        subject: "Send the brochure".to_owned(),
        regarding: name.to_owned(),
        performer: play.owner.clone(),
        ..Activity::default()
    };
    let ask = CreateActivityRequest { activity: Some(task), request_id: new_id(), ..CreateActivityRequest::default() };
    let task = play.api.activities.clone().create_activity(play.api.ask(ask)).await?.into_inner();
    play.tale.say(format!("By hand: \"{}\".", task.subject));
    Ok(task)
}

/// Checks and tells what was canceled because its stage was left.
fn canceled(play: &mut Play<'_>, deal: &Deal, expected: usize, stages: &str) {
    let left: Vec<_> =
        deal.past_activities.iter().filter(|it| it.cancel_reason() == activity::CancelReason::StageLeft).collect();
    play.tale.check(format!("activities canceled with STAGE_LEFT, of {stages}"), expected, left.len());
    play.tale.say(format!("CANCELED, STAGE_LEFT: {} activities of {stages}.", left.len()));
}

/// The open activities that the process made, by subject.
fn planned(deal: &Deal) -> Vec<&Activity> {
    let mut planned: Vec<_> = deal.action_panel.iter().filter(|it| it.origin() == activity::Origin::Process).collect();
    planned.sort_by(|one, other| one.subject.cmp(&other.subject));
    planned
}

/// The end of a name, enough to tell it from the next.
fn short(name: &str) -> String {
    let tail: String = name.chars().rev().take(8).collect();
    format!("…{}", tail.chars().rev().collect::<String>())
}

/// The ERP is told to lose its next answer; then the deal is won.
async fn win(play: &mut Play<'_>, name: &str, quote: Quote) -> anyhow::Result<()> {
    let fault = Fault { kind: FaultKind::LoseAnswer.into(), times: 1, ..Fault::default() };
    let plan = SetFaultPlanRequest { faults: vec![fault], seed: 0 };
    play.api.stub.clone().set_fault_plan(play.api.ask(plan)).await?;
    play.tale.say("The ERP is told to book the next document, and to lose its answer.");
    let ask = WinDealRequest {
        opportunity: name.to_owned(),
        quote: quote.name,
        customer_reference: "BW-2231".to_owned(),
        request_id: new_id(),
        ..WinDealRequest::default()
    };
    let progress = play.api.deals.clone().win_deal(play.api.ask(ask)).await?.into_inner();
    let won = progress.opportunity.context("WinDeal answered no opportunity")?;
    let state = word(won.state().as_str_name(), "STATE_");
    let value = show::money(won.actual_value.as_ref());
    play.tale.say(format!("Won by WinDeal with quote {}: {value}.", quote.number));
    play.tale.check("the second deal is won", "WON", state);
    Ok(())
}

/// The order was sent, the answer lost; the ERP was asked, and has it once.
async fn found_again(play: &mut Play<'_>, name: &str) -> anyhow::Result<Value> {
    play.delivered(name, 1).await?;
    let deal = play.deal(name).await?;
    let order = deal.handoffs.iter().find(|it| it.r#type() == DocumentType::Order);
    let ask = GetHandoffRequest { name: order.context("no order was handed over")?.name.clone() };
    let handoff = play.api.handoffs.clone().get_handoff(play.api.ask(ask)).await?.into_inner();
    let ask = GetJournalRequest { external_id: handoff.external_id.clone(), ..GetJournalRequest::default() };
    let journal = play.api.stub.clone().get_journal(play.api.ask(ask)).await?.into_inner().entries;
    let documents = ledger::erp_documents(&play.api).await?;
    let stored = documents.iter().filter(|it| it.external_id == handoff.external_id).count();

    let calls = |method: &str| journal.iter().filter(|it| it.method == method).count();
    let lost = journal.iter().filter(|it| it.fault() == FaultKind::LoseAnswer).count();
    let (sent, asked) = (calls("SubmitOrder"), calls("GetDocumentStatus"));
    play.tale.check("answers that the ERP lost", 1, lost);
    play.tale.check("the order was sent", 1, sent);
    play.tale.check("then the ERP was asked for it", true, asked >= 1);
    play.tale.check("the order stands in the ERP", 1, stored);
    play.tale
        .say(format!("Sent {sent}×, its answer lost; asked for {asked}× by external id, found; stored {stored}×:"));
    for line in handoffs::attempts(&handoff).to_string().lines() {
        play.tale.say(format!("  {line}"));
    }
    Ok(to_json(&handoff, &journal, stored))
}

fn to_json(handoff: &Handoff, journal: &[JournalEntry], stored: usize) -> Value {
    json!({
        "external_id": handoff.external_id,
        "erp_number": handoff.erp_number,
        "attempts": data::list(&handoff.attempts, data::attempt),
        "journal": data::list(journal, |entry| json!({
            "method": entry.method,
            "answer": entry.answer,
            "fault": data::text(word(entry.fault().as_str_name(), "FAULT_KIND_")),
        })),
        "stored": stored,
    })
}
