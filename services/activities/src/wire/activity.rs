//! An activity ⇄ the wire, and what may come next for it (R-PRC-4).

use chrono::{DateTime, Utc};
use dealflow_chassis::{Lifecycle, Mask, Refusal};
use dealflow_proto::Violation;
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::activity::{CancelReason, Importance, Type};
use dealflow_proto::names::{self, Collection};
use dealflow_proto::types::v1::{Guidance, NextAction};
use uuid::Uuid;

use crate::activity::{AllowedResult, AllowedResults, Model, Names, Origin, State, Verb};
use crate::error::Error;
use crate::stage::{self, Synced};
use crate::wire;

/// The fields that an update may name; who does it, and how far it is, change by verbs.
pub const KNOWN: &[&str] = &[
    "type",
    "subject",
    "instructions",
    "regarding",
    "importance",
    "category",
    "allowed_results",
    "planned_start_time",
    "due_time",
    "reminder_minutes",
    "knowledge",
    "result_text",
    "actual_minutes",
];

/// An activity that a person makes: the actor is its author, and it is not due before it exists.
pub fn manual(sent: pb::Activity, actor: &str, now: DateTime<Utc>) -> Result<Model, Refusal> {
    check_regarding("activity.regarding", &sent.regarding)?;
    let activity = read("activity", sent, actor, now)?;
    check_due(&activity, now)?;
    check_order(&activity)?;
    Ok(activity)
}

/// The activity with the fields that the mask takes over from the message. What a stage planned keeps its results and
/// its opportunity.
pub fn take_over(mut activity: Model, news: pb::Activity, mask: &Mask) -> Result<Model, Error> {
    let of_stage = activity.origin == Origin::Process;
    let (kind, importance) = (news.r#type(), news.importance());
    let fixed = |field: &'static str, set: bool| {
        if of_stage && mask.takes(field, set) {
            return Err(Error::OfProcess { activity: activity.name(), field });
        }
        Ok(mask.takes(field, set))
    };
    let takes_regarding = fixed("regarding", !news.regarding.is_empty())?;
    let takes_results = fixed("allowed_results", !news.allowed_results.is_empty())?;
    let takes_category = fixed("category", !news.category.is_empty())?;
    if takes_regarding {
        check_regarding("activity.regarding", &news.regarding)?;
        activity.regarding = news.regarding;
    }
    if takes_results {
        activity.allowed_results = AllowedResults::of("activity.allowed_results", results(news.allowed_results))?;
    }
    if takes_category {
        activity.category = wire::id(names::CATEGORIES, "activity.category", &news.category)?;
    }
    if mask.takes("type", kind != Type::Unspecified) {
        activity.kind = kind_name(kind);
    }
    if mask.takes("importance", importance != Importance::Unspecified) {
        activity.importance = importance_name(importance);
    }
    let text = |path: &str, mine: &mut String, theirs: String| {
        if mask.takes(path, !theirs.is_empty()) {
            *mine = theirs;
        }
    };
    text("subject", &mut activity.subject, news.subject);
    text("instructions", &mut activity.instructions, news.instructions);
    text("result_text", &mut activity.result_text, news.result_text);
    if mask.takes("actual_minutes", news.actual_minutes != 0) {
        activity.actual_minutes = news.actual_minutes;
    }
    if mask.takes("knowledge", !news.knowledge.is_empty()) {
        activity.knowledge = Names(news.knowledge);
    }
    let times = (activity.planned_start_at, activity.due_at);
    if mask.takes("planned_start_time", news.planned_start_time.is_some()) {
        activity.planned_start_at = wire::moment("activity.planned_start_time", news.planned_start_time.as_ref())?;
    }
    if mask.takes("due_time", news.due_time.is_some()) {
        activity.due_at = wire::moment("activity.due_time", news.due_time.as_ref())?;
        check_due(&activity, activity.created_at)?;
    }
    if times != (activity.planned_start_at, activity.due_at) {
        check_order(&activity)?;
    }
    if mask.takes("reminder_minutes", news.reminder_minutes.is_some()) {
        activity.reminder_minutes = news.reminder_minutes;
    }
    Ok(activity)
}

/// Whether a change moves the activity in time: then its reminder is set anew.
pub fn is_moved(before: &Model, after: &Model) -> bool {
    before.due_at != after.due_at
        || before.planned_start_at != after.planned_start_at
        || before.reminder_minutes != after.reminder_minutes
}

/// The time until which a verb lets an activity rest.
pub fn until(sent: Option<&prost_types::Timestamp>) -> Result<DateTime<Utc>, Refusal> {
    wire::moment("until_time", sent)?.ok_or_else(|| Refusal::field("until_time", "is required"))
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
        let resume = wire::moment(&format!("planned[{n}].resume_time"), sent.resume_time.as_ref())?;
        let resume_at = resume.filter(|resume| *resume > now);
        Ok(Model {
            state: if resume_at.is_some() { State::Deferred } else { State::NotStarted },
            resume_at,
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
    let (kind, importance) = (kind_name(sent.r#type()), importance_name(sent.importance()));
    Ok(Model {
        id: Uuid::now_v7(),
        version: 1,
        created_at: now,
        updated_at: now,
        state: State::NotStarted,
        state_since: now,
        kind,
        category: wire::id(names::CATEGORIES, &format!("{field}.category"), &sent.category)?,
        subject: sent.subject,
        instructions: sent.instructions,
        knowledge: Names(sent.knowledge),
        regarding: sent.regarding,
        origin: Origin::Manual,
        stage_entry: None,
        entry_number: None,
        planned_key: None,
        performer: wire::id(names::EMPLOYEES, &format!("{field}.performer"), &sent.performer)?,
        author: actor.to_owned(),
        importance,
        required: false,
        allowed_results: AllowedResults::of(&format!("{field}.allowed_results"), results(sent.allowed_results))?,
        result: String::new(),
        result_text: String::new(),
        planned_start_at: wire::moment(&format!("{field}.planned_start_time"), sent.planned_start_time.as_ref())?,
        due_at: wire::moment(&format!("{field}.due_time"), sent.due_time.as_ref())?,
        calendar_start: None,
        calendar_end: None,
        reminder_minutes: sent.reminder_minutes,
        remind_at: None,
        resume_at: None,
        started_at: None,
        ended_at: None,
        actual_minutes: 0,
        cancel_reason: String::new(),
    })
}

/// The results as a record keeps them.
pub fn results(sent: Vec<pb::AllowedResult>) -> Vec<AllowedResult> {
    let result = |it: pb::AllowedResult| AllowedResult {
        code: it.code,
        caption: it.caption,
        effect: it.effect,
        closes_deal: it.closes_deal,
        needs_text: it.needs_text,
    };
    sent.into_iter().map(result).collect()
}

fn kind_name(kind: Type) -> String {
    let kind = if kind == Type::Unspecified { Type::Task } else { kind };
    kind.as_str_name().trim_start_matches("TYPE_").to_owned()
}

fn importance_name(importance: Importance) -> String {
    let importance = if importance == Importance::Unspecified { Importance::Normal } else { importance };
    importance.as_str_name().trim_start_matches("IMPORTANCE_").to_owned()
}

fn check_due(activity: &Model, made: DateTime<Utc>) -> Result<(), Refusal> {
    if activity.due_at.is_some_and(|due| due < made) {
        let expected = format!("not before the activity is made, at {}", made.to_rfc3339());
        return Err(Refusal::field("activity.due_time", expected));
    }
    Ok(())
}

/// Nobody plans to begin what is due by then.
fn check_order(activity: &Model) -> Result<(), Refusal> {
    match (activity.planned_start_at, activity.due_at) {
        (Some(start), Some(due)) if start > due => {
            let expected = format!("not after the activity is due, at {}", due.to_rfc3339());
            Err(Refusal::field("activity.planned_start_time", expected))
        }
        _ => Ok(()),
    }
}

/// The records that an activity or an interaction may be about.
const ABOUT: [Collection; 7] = [
    names::OPPORTUNITIES,
    names::LEADS,
    names::ACCOUNTS,
    names::CONTACTS,
    names::QUOTES,
    names::ORDERS,
    names::INVOICES,
];

/// Refuses the name of a record that nothing is about; empty is fine.
pub fn check_regarding(field: &str, regarding: &str) -> Result<(), Refusal> {
    if regarding.is_empty() || ABOUT.iter().any(|collection| collection.parse(regarding).is_ok()) {
        return Ok(());
    }
    let forms: Vec<String> = ABOUT.iter().map(|collection| format!("{}/{{uuid}}", collection.as_str())).collect();
    Err(Refusal::field(field, format!("of the form {}", forms.join(" or "))))
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
pub fn synced(synced: &Synced, now: DateTime<Utc>) -> pb::SyncStageActivitiesResponse {
    pb::SyncStageActivitiesResponse {
        open: synced.kept.iter().chain(&synced.created).map(|activity| answer(activity, now)).collect(),
        canceled: synced.canceled.iter().map(|(activity, ..)| answer(activity, now)).collect(),
    }
}

/// Activities as the wire has them.
pub fn answers(activities: &[Model], now: DateTime<Utc>) -> Vec<pb::Activity> {
    activities.iter().map(|activity| answer(activity, now)).collect()
}

/// An activity as the wire has it; whether it is overdue is computed from `now`.
pub fn answer(activity: &Model, now: DateTime<Utc>) -> pb::Activity {
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
        category: wire::name(names::CATEGORIES, activity.category),
        planned_start_time: activity.planned_start_at.and_then(wire::time),
        reminder_minutes: activity.reminder_minutes,
        reminder_time: activity.remind_at.and_then(wire::time),
        resume_time: activity.resume_at.and_then(wire::time),
        knowledge: activity.knowledge.0.clone(),
        overdue: activity.is_overdue(now),
    }
}

/// A result as the wire has it.
pub fn allowed_result(result: &AllowedResult) -> pb::AllowedResult {
    pb::AllowedResult {
        code: result.code.clone(),
        caption: result.caption.clone(),
        effect: result.effect.clone(),
        closes_deal: result.closes_deal,
        needs_text: result.needs_text,
    }
}

fn state(state: State) -> pb::activity::State {
    match state {
        State::NotStarted => pb::activity::State::NotStarted,
        State::InProgress => pb::activity::State::InProgress,
        State::Waiting => pb::activity::State::Waiting,
        State::Deferred => pb::activity::State::Deferred,
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
