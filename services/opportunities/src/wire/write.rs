//! A sale as its callers see it.

use dealflow_proto::convert::{date, decimal, money, timestamp};
use dealflow_proto::names::{
    ACCOUNTS, CONTACTS, Collection, EMPLOYEES, LEADS, OPPORTUNITIES, ORDERS, PROCESSES, PRODUCTS, STAGES,
};
use dealflow_proto::opportunities::v1 as pb;
use dealflow_proto::types::v1 as types;
use uuid::Uuid;

use super::library::{activity_result, caption};
use super::people::{competitor, member, participant};
use crate::library::{Language, Process};
use crate::opportunity::{Bant, Line, LoseReason, Model, Run, RunState, State};
use crate::sale::Sale;
use crate::stage_entry::{self, Cause, PlannedActivity};

/// A sale with its run, its entry and its guidance.
pub(crate) fn sale(sale: &Sale) -> pb::Opportunity {
    let record = &sale.opportunity;
    let amount = |minor: Option<i64>| minor.map(|minor| record.currency.money(minor));
    pb::Opportunity {
        name: record.name(),
        etag: record.version.to_string(),
        create_time: Some(timestamp(record.created_at)),
        update_time: Some(timestamp(record.updated_at)),
        state: state(record.state).into(),
        stage: STAGES.slug(&record.stage),
        estimated_value: amount(record.estimated_value),
        probability: Some(sale.probability()),
        close_date: record.close_date.map(date),
        actual_value: amount(record.actual_value),
        spent_minutes: record.spent_minutes,
        lose_reason: lost_for(record).into(),
        lose_reason_code: record.lose_reason_code.clone(),
        status: status(sale).into(),
        hold_reason: record.hold_reason.clone(),
        hold_until_date: record.hold_until.map(date),
        hold_time: record.held_at.map(timestamp),
        follow_up_of: name(OPPORTUNITIES, record.follow_up_of),
        lose_comment: record.lose_comment.clone(),
        cycle_days: record.cycle_days.unwrap_or_default(),
        process_run: record.run.as_ref().map(|it| run(it, sale)),
        stage_entry: Some(entry(&sale.entry, sale.process.as_deref(), sale.language())),
        guidance: Some(guidance(sale)),
        reserved_order: name(ORDERS, record.reserved_order),
        ..facts(record)
    }
}

/// What callers said of an opportunity, and nothing that follows from it: what an update is laid over.
pub(crate) fn facts(record: &Model) -> pb::Opportunity {
    pb::Opportunity {
        title: record.title.clone(),
        lead: name(LEADS, record.lead),
        account: name(ACCOUNTS, record.account),
        contact: name(CONTACTS, record.contact),
        owner: name(EMPLOYEES, record.owner),
        bant: (record.bant != Bant::default()).then(|| bant(record)),
        currency_code: record.currency.to_string(),
        lines: record.lines.0.iter().map(|it| line(it, record)).collect(),
        estimated_value: record
            .estimated_value
            .filter(|_| record.estimated_by_hand)
            .map(|minor| record.currency.money(minor)),
        estimated_close_date: record.estimated_close_date.map(date),
        probability: record.probability,
        tactics: record.tactics.clone(),
        competitor: record.competitor.clone(),
        presentation_date: record.presentation_date.map(date),
        notes: record.notes.clone(),
        source: record.source.clone(),
        external_id: record.external_id.clone().unwrap_or_default(),
        open_date: Some(date(record.open_date)),
        terms_of_sale: record.terms_of_sale.clone(),
        revenue_expectation: record.revenue_expectation.map(|minor| record.currency.money(minor)),
        channel: record.channel.clone(),
        campaign: record.campaign.clone(),
        proposal_handover_date: record.proposal_handover_date.map(date),
        decision_maker: name(CONTACTS, record.bant.decision_maker),
        competitors: record.competitors.0.iter().map(competitor).collect(),
        participants: record.participants.0.iter().map(participant).collect(),
        team: record.team.0.iter().map(member).collect(),
        ..pb::Opportunity::default()
    }
}

/// A stage entry; its activities say what the template of the run's version says, in the run's language.
pub(crate) fn entry(entry: &stage_entry::Model, process: Option<&Process>, language: Language) -> pb::StageEntry {
    let planned = entry.planned.0.iter();
    pb::StageEntry {
        name: entry.name(),
        opportunity: OPPORTUNITIES.name(entry.opportunity),
        number: entry.number,
        stage: STAGES.slug(&entry.stage),
        enter_time: Some(timestamp(entry.entered_at)),
        leave_time: entry.left_at.map(timestamp),
        cause: cause(entry.cause).into(),
        planned_activities: planned.map(|it| planned_activity(it, process, language)).collect(),
        wins_when_done: process.is_some_and(|process| process.is_last_before_win(&entry.stage)),
        prepares_quote: process.and_then(|it| it.stage(&entry.stage)).is_some_and(|stage| stage.prepares_quote),
    }
}

/// What it says comes from the version that leads the sale; an entry of another time may know templates that are not in
/// it: then its key and its result are all there is to tell.
fn planned_activity(planned: &PlannedActivity, process: Option<&Process>, language: Language) -> pb::PlannedActivity {
    let bare = pb::PlannedActivity {
        key: planned.key.clone(),
        template: planned.template.clone(),
        result: planned.result.clone().unwrap_or_default(),
        wait_until_time: planned.wait_until.map(timestamp),
        ..pb::PlannedActivity::default()
    };
    let Some(template) = process.and_then(|process| process.template(&planned.template)) else { return bare };
    pb::PlannedActivity {
        r#type: template.r#type.as_str().to_owned(),
        subject: caption(&template.subject, language),
        instructions: caption(&template.instructions, language),
        required: template.required,
        due_days: template.due_days,
        results: template.results.iter().map(|outcome| activity_result(outcome, language)).collect(),
        needs_text: template.needs_text,
        ..bare
    }
}

fn guidance(sale: &Sale) -> types::Guidance {
    let guidance = sale.guidance();
    let actions = guidance.next_actions.into_iter();
    types::Guidance {
        allowed_verbs: guidance.allowed_verbs,
        next_actions: actions
            .map(|action| types::NextAction {
                verb: action.verb.to_owned(),
                resource: sale.opportunity.name(),
                description: action.description,
            })
            .collect(),
        missing_fields: guidance.missing_fields,
    }
}

fn bant(record: &Model) -> types::Bant {
    let bant = &record.bant;
    types::Bant {
        budget_status: types::BudgetStatus::from_str_name(&bant.budget_status).unwrap_or_default().into(),
        budget_amount: bant.budget_amount.map(|minor| record.currency.money(minor)),
        purchase_process: types::PurchaseProcess::from_str_name(&bant.purchase_process).unwrap_or_default().into(),
        decision_maker: name(CONTACTS, bant.decision_maker),
        need: types::Need::from_str_name(&bant.need).unwrap_or_default().into(),
        need_text: bant.need_text.clone(),
        timeframe: types::Timeframe::from_str_name(&bant.timeframe).unwrap_or_default().into(),
        decision_date: bant.decision_date.map(date),
    }
}

fn line(line: &Line, record: &Model) -> types::Line {
    let code = record.currency.to_string();
    types::Line {
        line_id: line.id.clone(),
        product: name(PRODUCTS, line.product),
        description: line.description.clone(),
        quantity: Some(decimal(line.quantity)),
        unit_code: line.unit_code.clone(),
        // A stored price came from a money of the wire, so it fits one.
        unit_price: line.unit_price.and_then(|price| money(price, &code).ok()),
        discount_percent: line.discount_percent.map(decimal),
        vat: line.vat.as_ref().map(|(category, rate)| types::Vat {
            category: types::VatCategory::from_str_name(category).unwrap_or_default().into(),
            rate: rate.map(decimal),
        }),
        net: line.net.map(|minor| record.currency.money(minor)),
        allowances: Vec::new(),
        charges: Vec::new(),
    }
}

fn run(run: &Run, sale: &Sale) -> pb::ProcessRun {
    use pb::process_run::State as Wire;
    let state = match sale.shown_run_state().unwrap_or(run.state) {
        RunState::Running => Wire::Running,
        RunState::Completed => Wire::Completed,
        RunState::Canceled => Wire::Canceled,
        RunState::Error => Wire::Error,
    };
    pb::ProcessRun {
        process: PROCESSES.slug(&run.process),
        version: run.version,
        state: state.into(),
        start_time: Some(timestamp(run.started_at)),
        end_time: run.ended_at.map(timestamp),
        error: sale.run_error().unwrap_or_default().to_owned(),
        asks_documents: sale.asks_documents(),
    }
}

fn name(collection: Collection, id: Option<Uuid>) -> String {
    id.map(|id| collection.name(id)).unwrap_or_default()
}

pub(super) fn state(state: State) -> pb::opportunity::State {
    match state {
        State::Open => pb::opportunity::State::Open,
        State::Won => pb::opportunity::State::Won,
        State::Lost => pb::opportunity::State::Lost,
    }
}

fn status(sale: &Sale) -> pb::opportunity::Status {
    match sale.opportunity.state {
        State::Open if sale.is_on_hold() => pb::opportunity::Status::OnHold,
        State::Open => pb::opportunity::Status::InProgress,
        State::Won | State::Lost => pb::opportunity::Status::Unspecified,
    }
}

fn lost_for(record: &Model) -> pb::opportunity::LoseReason {
    match record.lose_reason {
        Some(reason) => lose_reason(reason),
        None if record.lose_reason_code.is_empty() => pb::opportunity::LoseReason::Unspecified,
        None => pb::opportunity::LoseReason::Own,
    }
}

fn lose_reason(reason: LoseReason) -> pb::opportunity::LoseReason {
    use pb::opportunity::LoseReason as Wire;
    match reason {
        LoseReason::OutSold => Wire::OutSold,
        LoseReason::Canceled => Wire::Canceled,
        LoseReason::NoBudget => Wire::NoBudget,
        LoseReason::NoDecision => Wire::NoDecision,
        LoseReason::Price => Wire::Price,
        LoseReason::Other => Wire::Other,
    }
}

fn cause(cause: Cause) -> pb::stage_entry::Cause {
    use pb::stage_entry::Cause as Wire;
    match cause {
        Cause::Opened => Wire::Opened,
        Cause::AdvanceAuto => Wire::AdvanceAuto,
        Cause::Manual => Wire::Manual,
        Cause::Result => Wire::Result,
        Cause::Final => Wire::Final,
        Cause::ProcessCanceled => Wire::ProcessCanceled,
    }
}
