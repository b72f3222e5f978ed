//! An opportunity, its stages and activities, and what people are told.

use dealflow_proto::activities::v1::{Activity, KnowledgeDocument, Notification};
use dealflow_proto::gateway::v1::StageBarItem;
use dealflow_proto::opportunities::v1::{ActivityResult, Opportunity, PlannedActivity, ProcessRun, StageEntry};
use dealflow_proto::types::v1::Guidance;
use serde_json::{Value, json};

use super::*;

/// An opportunity.
pub fn opportunity(opportunity: &Opportunity) -> Value {
    let mut whole = known(opportunity);
    if let (Value::Object(whole), Value::Object(how)) = (&mut whole, how(opportunity)) {
        whole.extend(how);
    }
    whole
}

/// What it is, how it stands, and what it is worth.
fn known(opportunity: &Opportunity) -> Value {
    json!({
        "name": opportunity.name,
        "etag": opportunity.etag,
        "title": opportunity.title,
        "state": word(opportunity.state().as_str_name(), "STATE_"),
        "stage": opportunity.stage,
        "lead": text(&opportunity.lead),
        "account": text(&opportunity.account),
        "contact": text(&opportunity.contact),
        "owner": text(&opportunity.owner),
        "external_id": text(&opportunity.external_id),
        "bant": bant(opportunity.bant.as_ref()),
        "currency_code": text(&opportunity.currency_code),
        "lines": list(&opportunity.lines, line),
        "estimated_value": money(opportunity.estimated_value.as_ref()),
        "actual_value": money(opportunity.actual_value.as_ref()),
        "probability": opportunity.probability,
        "open_date": date(opportunity.open_date.as_ref()),
        "estimated_close_date": date(opportunity.estimated_close_date.as_ref()),
        "close_date": date(opportunity.close_date.as_ref()),
        "cycle_days": opportunity.cycle_days,
        "spent_minutes": opportunity.spent_minutes,
        "lose_reason": text(word(opportunity.lose_reason().as_str_name(), "LOSE_REASON_")),
        "lose_reason_code": text(&opportunity.lose_reason_code),
        "lose_comment": text(&opportunity.lose_comment),
        "process": opportunity.process_run.as_ref().map(|run| run.process.as_str()),
        "process_run": opportunity.process_run.as_ref().map(process_run),
        "stage_entry": opportunity.stage_entry.as_ref().map(stage_entry),
        "status": text(word(opportunity.status().as_str_name(), "STATUS_")),
        "hold_reason": text(&opportunity.hold_reason),
        "hold_until_date": date(opportunity.hold_until_date.as_ref()),
        "hold_time": time(opportunity.hold_time.as_ref()),
    })
}

/// How it came, how it is sold, and who takes part.
fn how(opportunity: &Opportunity) -> Value {
    json!({
        "terms_of_sale": text(&opportunity.terms_of_sale),
        "revenue_expectation": money(opportunity.revenue_expectation.as_ref()),
        "source": text(&opportunity.source),
        "channel": text(&opportunity.channel),
        "campaign": text(&opportunity.campaign),
        "presentation_date": date(opportunity.presentation_date.as_ref()),
        "proposal_handover_date": date(opportunity.proposal_handover_date.as_ref()),
        "decision_maker": text(&opportunity.decision_maker),
        "tactics": text(&opportunity.tactics),
        "notes": text(&opportunity.notes),
        "knowledge": opportunity.knowledge,
        "participants": list(&opportunity.participants, |it| json!({
            "contact": it.contact,
            "role": word(it.role().as_str_name(), "ROLE_"),
        })),
        "team": list(&opportunity.team, |it| json!({ "employee": it.employee, "role": text(&it.role) })),
        "competitor": text(&opportunity.competitor),
        "competitors": list(&opportunity.competitors, |it| json!({
            "name": it.name,
            "strengths": text(&it.strengths),
            "weaknesses": text(&it.weaknesses),
            "threat": text(word(it.threat().as_str_name(), "THREAT_")),
            "won": it.won,
        })),
        "follow_up_of": text(&opportunity.follow_up_of),
        "reserved_order": text(&opportunity.reserved_order),
        "create_time": time(opportunity.create_time.as_ref()),
        "update_time": time(opportunity.update_time.as_ref()),
        "guidance": guidance(opportunity.guidance.as_ref()),
    })
}

/// The run of the process that leads a deal.
pub fn process_run(run: &ProcessRun) -> Value {
    json!({
        "process": run.process,
        "version": run.version,
        "state": word(run.state().as_str_name(), "STATE_"),
        "start_time": time(run.start_time.as_ref()),
        "end_time": time(run.end_time.as_ref()),
        "error": text(&run.error),
        "asks_documents": run.asks_documents,
    })
}

/// A stage of the bar.
pub fn stage(item: &StageBarItem) -> Value {
    json!({
        "stage": item.stage,
        "caption": item.caption,
        "mark": text(word(item.mark().as_str_name(), "MARK_")),
        "entry_count": item.entry_count,
        "seconds": item.seconds,
    })
}

/// A stage entry.
pub fn stage_entry(entry: &StageEntry) -> Value {
    json!({
        "name": entry.name,
        "opportunity": entry.opportunity,
        "number": entry.number,
        "stage": entry.stage,
        "cause": word(entry.cause().as_str_name(), "CAUSE_"),
        "enter_time": time(entry.enter_time.as_ref()),
        "leave_time": time(entry.leave_time.as_ref()),
        "planned_activities": list(&entry.planned_activities, planned_activity),
        "prepares_quote": entry.prepares_quote,
        "wins_when_done": entry.wins_when_done,
        "makes_customer": entry.makes_customer,
    })
}

/// An activity as the process plans it for a stage entry.
fn planned_activity(planned: &PlannedActivity) -> Value {
    json!({
        "key": planned.key,
        "template": planned.template,
        "type": planned.r#type,
        "subject": planned.subject,
        "instructions": text(&planned.instructions),
        "required": planned.required,
        "due_days": planned.due_days,
        "results": list(&planned.results, activity_result),
        "result": text(&planned.result),
        "wait_until_time": time(planned.wait_until_time.as_ref()),
        "needs_text": planned.needs_text,
        "category": text(&planned.category),
        "knowledge": planned.knowledge,
    })
}

/// A result that a process allows, and what it does (R-STG-5).
pub fn activity_result(result: &ActivityResult) -> Value {
    json!({
        "code": result.code,
        "caption": result.caption,
        "effect": word(result.effect().as_str_name(), "EFFECT_"),
        "target": text(&result.target),
        "needs_text": result.needs_text,
    })
}

/// An activity.
pub fn activity(activity: &Activity) -> Value {
    json!({
        "name": activity.name,
        "etag": activity.etag,
        "subject": activity.subject,
        "type": word(activity.r#type().as_str_name(), "TYPE_"),
        "state": word(activity.state().as_str_name(), "STATE_"),
        "origin": word(activity.origin().as_str_name(), "ORIGIN_"),
        "required": activity.required,
        "performer": text(&activity.performer),
        "author": text(&activity.author),
        "importance": text(word(activity.importance().as_str_name(), "IMPORTANCE_")),
        "regarding": text(&activity.regarding),
        "category": text(&activity.category),
        "instructions": text(&activity.instructions),
        "knowledge": activity.knowledge,
        "planned_start_time": time(activity.planned_start_time.as_ref()),
        "due_time": time(activity.due_time.as_ref()),
        "overdue": activity.overdue,
        "reminder_minutes": activity.reminder_minutes,
        "reminder_time": time(activity.reminder_time.as_ref()),
        "resume_time": time(activity.resume_time.as_ref()),
        "start_time": time(activity.start_time.as_ref()),
        "end_time": time(activity.end_time.as_ref()),
        "actual_minutes": activity.actual_minutes,
        "result": text(&activity.result),
        "result_text": text(&activity.result_text),
        "cancel_reason": text(word(activity.cancel_reason().as_str_name(), "CANCEL_REASON_")),
        "stage_entry": text(&activity.stage_entry),
        "planned_key": text(&activity.planned_key),
        "create_time": time(activity.create_time.as_ref()),
        "update_time": time(activity.update_time.as_ref()),
        "allowed_results": list(&activity.allowed_results, |result| json!({
            "code": result.code,
            "caption": result.caption,
            "effect": text(&result.effect),
            "closes_deal": result.closes_deal,
            "needs_text": result.needs_text,
        })),
        "guidance": guidance(activity.guidance.as_ref()),
    })
}

/// A notification.
pub fn notification(notification: &Notification) -> Value {
    json!({
        "name": notification.name,
        "etag": notification.etag,
        "kind": word(notification.kind().as_str_name(), "KIND_"),
        "recipient": notification.recipient,
        "title": notification.title,
        "text": text(&notification.text),
        "regarding": text(&notification.regarding),
        "deal": text(&notification.deal),
        "create_time": time(notification.create_time.as_ref()),
        "read_time": time(notification.read_time.as_ref()),
    })
}

/// A document of the knowledge base, without its bytes.
pub fn knowledge(document: &KnowledgeDocument) -> Value {
    json!({
        "name": document.name,
        "title": document.title,
        "language_code": text(&document.language_code),
        "summary": text(&document.summary),
        "tags": document.tags,
        "link": text(&document.link),
        "file_name": text(&document.file_name),
        "media_type": text(&document.media_type),
        "size": document.size,
        "create_time": time(document.create_time.as_ref()),
        "update_time": time(document.update_time.as_ref()),
        "etag": document.etag,
    })
}

/// What may come next (R-PRC-4).
pub fn guidance(guidance: Option<&Guidance>) -> Value {
    let guidance = guidance.cloned().unwrap_or_default();
    json!({
        "allowed_verbs": guidance.allowed_verbs,
        "next_actions": list(&guidance.next_actions, |next| json!({
            "verb": next.verb, "resource": next.resource, "description": next.description,
        })),
        "missing_fields": guidance.missing_fields,
    })
}
