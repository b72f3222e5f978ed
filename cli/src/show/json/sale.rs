//! An opportunity, its stages and activities, and what people are told.

use dealflow_proto::activities::v1::{Activity, KnowledgeDocument, Notification};
use dealflow_proto::gateway::v1::StageBarItem;
use dealflow_proto::opportunities::v1::{Opportunity, StageEntry};
use dealflow_proto::types::v1::Guidance;
use serde_json::{Value, json};

use super::*;

/// An opportunity.
pub fn opportunity(opportunity: &Opportunity) -> Value {
    json!({
        "name": opportunity.name,
        "etag": opportunity.etag,
        "title": opportunity.title,
        "state": word(opportunity.state().as_str_name(), "STATE_"),
        "stage": opportunity.stage,
        "account": text(&opportunity.account),
        "owner": text(&opportunity.owner),
        "external_id": text(&opportunity.external_id),
        "estimated_value": money(opportunity.estimated_value.as_ref()),
        "actual_value": money(opportunity.actual_value.as_ref()),
        "probability": opportunity.probability,
        "open_date": date(opportunity.open_date.as_ref()),
        "estimated_close_date": date(opportunity.estimated_close_date.as_ref()),
        "close_date": date(opportunity.close_date.as_ref()),
        "cycle_days": opportunity.cycle_days,
        "lose_reason": text(word(opportunity.lose_reason().as_str_name(), "LOSE_REASON_")),
        "lose_reason_code": text(&opportunity.lose_reason_code),
        "lose_comment": text(&opportunity.lose_comment),
        "process": opportunity.process_run.as_ref().map(|run| run.process.as_str()),
        "status": text(word(opportunity.status().as_str_name(), "STATUS_")),
        "hold_reason": text(&opportunity.hold_reason),
        "hold_until_date": date(opportunity.hold_until_date.as_ref()),
        "terms_of_sale": text(&opportunity.terms_of_sale),
        "revenue_expectation": money(opportunity.revenue_expectation.as_ref()),
        "source": text(&opportunity.source),
        "channel": text(&opportunity.channel),
        "campaign": text(&opportunity.campaign),
        "presentation_date": date(opportunity.presentation_date.as_ref()),
        "proposal_handover_date": date(opportunity.proposal_handover_date.as_ref()),
        "decision_maker": text(&opportunity.decision_maker),
        "tactics": text(&opportunity.tactics),
        "participants": list(&opportunity.participants, |it| json!({
            "contact": it.contact,
            "role": word(it.role().as_str_name(), "ROLE_"),
        })),
        "team": list(&opportunity.team, |it| json!({ "employee": it.employee, "role": text(&it.role) })),
        "competitors": list(&opportunity.competitors, |it| json!({
            "name": it.name,
            "strengths": text(&it.strengths),
            "weaknesses": text(&it.weaknesses),
            "threat": text(word(it.threat().as_str_name(), "THREAT_")),
            "won": it.won,
        })),
        "follow_up_of": text(&opportunity.follow_up_of),
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
        "number": entry.number,
        "stage": entry.stage,
        "cause": word(entry.cause().as_str_name(), "CAUSE_"),
        "enter_time": time(entry.enter_time.as_ref()),
        "leave_time": time(entry.leave_time.as_ref()),
    })
}

/// An activity.
pub fn activity(activity: &Activity) -> Value {
    json!({
        "name": activity.name,
        "subject": activity.subject,
        "type": word(activity.r#type().as_str_name(), "TYPE_"),
        "state": word(activity.state().as_str_name(), "STATE_"),
        "origin": word(activity.origin().as_str_name(), "ORIGIN_"),
        "required": activity.required,
        "performer": text(&activity.performer),
        "author": text(&activity.author),
        "importance": text(word(activity.importance().as_str_name(), "IMPORTANCE_")),
        "regarding": text(&activity.regarding),
        "instructions": text(&activity.instructions),
        "knowledge": activity.knowledge,
        "planned_start_time": time(activity.planned_start_time.as_ref()),
        "due_time": time(activity.due_time.as_ref()),
        "overdue": activity.overdue,
        "reminder_time": time(activity.reminder_time.as_ref()),
        "resume_time": time(activity.resume_time.as_ref()),
        "start_time": time(activity.start_time.as_ref()),
        "end_time": time(activity.end_time.as_ref()),
        "actual_minutes": activity.actual_minutes,
        "result": text(&activity.result),
        "result_text": text(&activity.result_text),
        "cancel_reason": text(word(activity.cancel_reason().as_str_name(), "CANCEL_REASON_")),
        "stage_entry": text(&activity.stage_entry),
        "allowed_results": list(&activity.allowed_results, |result| json!({
            "code": result.code, "caption": result.caption, "effect": text(&result.effect),
        })),
    })
}

/// A notification.
pub fn notification(notification: &Notification) -> Value {
    json!({
        "name": notification.name,
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
