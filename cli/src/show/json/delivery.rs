//! Hand-overs, what the ERP keeps, flows and events.

use dealflow_proto::erp::v1::{AttachedFile, Attempt, ErpDocument, Handoff, Reason};
use dealflow_proto::feed::v1::Event;
use dealflow_proto::gateway::v1::Flow;
use serde_json::{Value, json};

use super::*;

/// A hand-over; its attempts where they were read.
pub fn handoff(handoff: &Handoff) -> Value {
    json!({
        "name": handoff.name,
        "state": word(handoff.state().as_str_name(), "STATE_"),
        "type": word(handoff.r#type().as_str_name(), "DOCUMENT_TYPE_"),
        "document": handoff.document,
        "external_id": handoff.external_id,
        "opportunity": text(&handoff.opportunity),
        "chain": text(&handoff.chain),
        "payable": money(handoff.payable.as_ref()),
        "attempt_count": handoff.attempt_count,
        "call_count": handoff.call_count,
        "next_attempt_time": time(handoff.next_attempt_time.as_ref()),
        "erp_number": text(&handoff.erp_number),
        "reasons": list(&handoff.reasons, reason),
        "last_error": text(&handoff.last_error),
        "awaits": text(&handoff.awaits),
        "divergence": text(&handoff.divergence),
        "revision": handoff.revision,
        "business_status": text(word(handoff.business_status().as_str_name(), "BUSINESS_STATUS_")),
        "business_sequence": handoff.business_sequence,
        "business_time": time(handoff.business_time.as_ref()),
        "paid": money(handoff.paid.as_ref()),
        "credited": money(handoff.credited.as_ref()),
        "taken_over": handoff.taken_over,
        "attachments": list(&handoff.attachments, file),
        "not_attached": text(&handoff.not_attached),
        "attempts": list(&handoff.attempts, attempt),
    })
}

/// A file that a document brings.
fn file(file: &AttachedFile) -> Value {
    json!({
        "file_name": file.file_name,
        "media_type": file.media_type,
        "sha256": file.sha256,
        "size_bytes": file.size_bytes,
    })
}

/// One attempt of a hand-over.
pub fn attempt(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "method": attempt.method,
        "code": attempt.code,
        "message": text(&attempt.message),
        "state": word(attempt.state().as_str_name(), "STATE_"),
        "start_time": time(attempt.start_time.as_ref()),
        "end_time": time(attempt.end_time.as_ref()),
    })
}

/// Why an ERP refused.
pub fn reason(reason: &Reason) -> Value {
    json!({
        "code": reason.code,
        "rule": text(&reason.rule),
        "field": text(&reason.field),
        "line_id": text(&reason.line_id),
        "expected": text(&reason.expected),
        "actual": text(&reason.actual),
        "message": reason.message,
        "action": text(&reason.action),
    })
}

/// A document in the ERP's books.
pub fn erp_document(document: &ErpDocument) -> Value {
    json!({
        "external_id": document.external_id,
        "erp_number": document.erp_number,
        "type": word(document.r#type().as_str_name(), "DOCUMENT_TYPE_"),
        "outcome": word(document.outcome().as_str_name(), "OUTCOME_"),
        "net": money(document.total_without_vat.as_ref()),
        "vat": money(document.total_vat.as_ref()),
        "gross": money(document.total_with_vat.as_ref()),
        "book_time": time(document.book_time.as_ref()),
    })
}

/// A flow.
pub fn flow(flow: &Flow) -> Value {
    json!({
        "name": flow.name,
        "verb": flow.verb,
        "state": word(flow.state().as_str_name(), "STATE_"),
        "subject": text(&flow.subject),
        "run_count": flow.run_count,
        "step": text(&flow.step),
        "reason": text(&flow.reason),
        "actor": flow.actor,
        "create_time": time(flow.create_time.as_ref()),
        "update_time": time(flow.update_time.as_ref()),
    })
}

/// An event of a timeline.
pub fn event(event: &Event) -> Value {
    json!({
        "time": time(event.time.as_ref()),
        "type": event.r#type,
        "subject": event.subject,
        "verb": event.verb,
        "from_state": text(&event.from_state),
        "to_state": text(&event.to_state),
        "actor": event.actor,
        "reason": text(&event.reason),
        "flow_id": text(&event.flow_id),
    })
}
