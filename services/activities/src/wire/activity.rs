//! An activity ⇄ the wire, and what may come next for it (R-PRC-4).

use chrono::{DateTime, Utc};
use dealflow_chassis::{Lifecycle, Refusal};
use dealflow_proto::Violation;
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::activity::{CancelReason, Importance, Type};
use dealflow_proto::names;
use dealflow_proto::types::v1::{Guidance, NextAction};
use uuid::Uuid;

use crate::activity::{AllowedResult, AllowedResults, Model, Origin, State, Verb};
use crate::stage::{self, Synced};
use crate::wire;

/// An activity that a person makes: the actor is its author, and it is not due before it exists.
pub fn manual(sent: pb::Activity, actor: &str, now: DateTime<Utc>) -> Result<Model, Refusal> {
    check_regarding(&sent.regarding)?;
    let activity = read("activity", sent, actor, now)?;
    if activity.due_at.is_some_and(|due| due < now) {
        let expected = format!("not before the activity is made, at {}", now.to_rfc3339());
        return Err(Refusal::field("activity.due_time", expected));
    }
    Ok(activity)
}

/// The stage entry of a sync, and the activities that it plans.
pub fn plan(
    ask: pb::SyncStageActivitiesRequest,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(stage::Model, Vec<Model>), Refusal> {
    let opportunity = names::OPPORTUNITIES.parse(&ask.opportunity);
    let stage_entry = names::STAGE_ENTRIES.parse(&ask.stage_entry);
    let entry = stage::Model {
        opportunity: opportunity.map_err(|bad| Refusal::field("opportunity", bad.to_string()))?,
        stage_entry: stage_entry.map_err(|bad| Refusal::field("stage_entry", bad.to_string()))?,
        entry_number: ask.entry_number,
        closed: ask.closed,
    };
    check_planned_keys(&ask.planned)?;
    let planned = ask.planned.into_iter().enumerate().map(|(n, sent)| {
        let (key, required) = (sent.planned_key.clone(), sent.required);
        Ok(Model {
            origin: Origin::Process,
            regarding: ask.opportunity.clone(),
            stage_entry: Some(entry.stage_entry),
            entry_number: Some(entry.entry_number),
            planned_key: Some(key),
            required,
            ..read(&format!("planned[{n}]"), sent, actor, now)?
        })
    });
    Ok((entry, planned.collect::<Result<_, Refusal>>()?))
}

/// An activity as it was sent under `field`; what is output only is not taken over.
fn read(field: &str, sent: pb::Activity, actor: &str, now: DateTime<Utc>) -> Result<Model, Refusal> {
    let kind = if sent.r#type() == Type::Unspecified { Type::Task } else { sent.r#type() };
    let importance = if sent.importance() == Importance::Unspecified { Importance::Normal } else { sent.importance() };
    let allowed = sent.allowed_results.into_iter().map(|result| AllowedResult {
        code: result.code,
        caption: result.caption,
        effect: result.effect,
        closes_deal: result.closes_deal,
    });
    Ok(Model {
        id: Uuid::now_v7(),
        version: 1,
        created_at: now,
        updated_at: now,
        state: State::NotStarted,
        state_since: now,
        kind: kind.as_str_name().trim_start_matches("TYPE_").to_owned(),
        subject: sent.subject,
        instructions: sent.instructions,
        regarding: sent.regarding,
        origin: Origin::Manual,
        stage_entry: None,
        entry_number: None,
        planned_key: None,
        performer: wire::id(names::EMPLOYEES, &format!("{field}.performer"), &sent.performer)?,
        author: actor.to_owned(),
        importance: importance.as_str_name().trim_start_matches("IMPORTANCE_").to_owned(),
        required: false,
        allowed_results: AllowedResults::of(&format!("{field}.allowed_results"), allowed.collect())?,
        result: String::new(),
        result_text: String::new(),
        due_at: wire::moment(&format!("{field}.due_time"), sent.due_time.as_ref())?,
        started_at: None,
        ended_at: None,
        actual_minutes: 0,
        cancel_reason: String::new(),
    })
}

fn check_regarding(regarding: &str) -> Result<(), Refusal> {
    let about = [names::OPPORTUNITIES, names::LEADS, names::ACCOUNTS, names::CONTACTS];
    if regarding.is_empty() || about.iter().any(|collection| collection.parse(regarding).is_ok()) {
        return Ok(());
    }
    let expected = "of the form opportunities/{uuid}, leads/{uuid}, accounts/{uuid} or contacts/{uuid}";
    Err(Refusal::field("activity.regarding", expected))
}

/// Each planned activity has a key of its own: by it a repeated sync knows what stands already.
fn check_planned_keys(planned: &[pb::Activity]) -> Result<(), Refusal> {
    let wrong = |n: usize, description: &str| Violation {
        field: format!("planned[{n}].planned_key"),
        description: description.to_owned(),
    };
    let violations: Vec<Violation> = planned
        .iter()
        .enumerate()
        .filter_map(|(n, activity)| {
            let key = &activity.planned_key;
            let repeated = planned[..n].iter().any(|earlier| earlier.planned_key == *key);
            match (key.is_empty(), repeated) {
                (true, _) => Some(wrong(n, "is required")),
                (false, true) => Some(wrong(n, "is given twice")),
                (false, false) => None,
            }
        })
        .collect();
    if violations.is_empty() { Ok(()) } else { Err(Refusal::fields(violations)) }
}

/// A reason's name without its prefix.
pub fn cancel_reason(reason: CancelReason) -> &'static str {
    reason.as_str_name().trim_start_matches("CANCEL_REASON_")
}

/// What a sync changed, as the wire has it.
pub fn synced(synced: &Synced) -> pb::SyncStageActivitiesResponse {
    pb::SyncStageActivitiesResponse {
        open: synced.kept.iter().chain(&synced.created).map(answer).collect(),
        canceled: synced.canceled.iter().map(|(activity, ..)| answer(activity)).collect(),
    }
}

/// An activity as the wire has it.
pub fn answer(activity: &Model) -> pb::Activity {
    pb::Activity {
        name: activity.name(),
        etag: activity.version.to_string(),
        create_time: wire::time(activity.created_at),
        update_time: wire::time(activity.updated_at),
        state: state(activity.state).into(),
        r#type: Type::from_str_name(&format!("TYPE_{}", activity.kind)).unwrap_or_default().into(),
        subject: activity.subject.clone(),
        instructions: activity.instructions.clone(),
        regarding: activity.regarding.clone(),
        origin: origin(activity.origin).into(),
        stage_entry: wire::name(names::STAGE_ENTRIES, activity.stage_entry),
        planned_key: activity.planned_key.clone().unwrap_or_default(),
        performer: wire::name(names::EMPLOYEES, activity.performer),
        author: activity.author.clone(),
        importance: Importance::from_str_name(&format!("IMPORTANCE_{}", activity.importance))
            .unwrap_or_default()
            .into(),
        allowed_results: activity.allowed_results.0.iter().map(allowed_result).collect(),
        result: activity.result.clone(),
        result_text: activity.result_text.clone(),
        due_time: activity.due_at.and_then(wire::time),
        start_time: activity.started_at.and_then(wire::time),
        end_time: activity.ended_at.and_then(wire::time),
        actual_minutes: activity.actual_minutes,
        cancel_reason: CancelReason::from_str_name(&format!("CANCEL_REASON_{}", activity.cancel_reason))
            .unwrap_or_default()
            .into(),
        guidance: Some(guidance(activity)),
        required: activity.required,
    }
}

fn allowed_result(result: &AllowedResult) -> pb::AllowedResult {
    pb::AllowedResult {
        code: result.code.clone(),
        caption: result.caption.clone(),
        effect: result.effect.clone(),
        closes_deal: result.closes_deal,
    }
}

fn state(state: State) -> pb::activity::State {
    match state {
        State::NotStarted => pb::activity::State::NotStarted,
        State::InProgress => pb::activity::State::InProgress,
        State::Completed => pb::activity::State::Completed,
        State::Canceled => pb::activity::State::Canceled,
    }
}

fn origin(origin: Origin) -> pb::activity::Origin {
    match origin {
        Origin::Process => pb::activity::Origin::Process,
        Origin::Manual => pb::activity::Origin::Manual,
    }
}

fn guidance(activity: &Model) -> Guidance {
    let refused = |verb: &Verb| *verb == Verb::CancelActivity && activity.is_awaited();
    let allowed = activity.state.allowed().into_iter().filter(|verb| !refused(verb));
    let mut next_actions = Vec::new();
    if activity.is_open() {
        let results = activity.allowed_results.codes().join(", ");
        next_actions.push(NextAction {
            verb: Verb::CompleteActivity.to_string(),
            resource: activity.name(),
            description: format!("{}; results: {results}", activity.subject),
        });
    }
    Guidance { allowed_verbs: allowed.map(|verb| verb.to_string()).collect(), next_actions, missing_fields: Vec::new() }
}
