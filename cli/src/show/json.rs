//! The messages as data: stable keys in snake_case, money as exact text, times in RFC 3339, absent values as null.

use dealflow_proto::activities::v1::{Activity, Employee, KnowledgeDocument, Notification};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{Attempt, ErpDocument, Handoff, Reason};
use dealflow_proto::feed::v1::Event;
use dealflow_proto::gateway::v1::{Flow, StageBarItem};
use dealflow_proto::google::type_::{self, Date};
use dealflow_proto::leads::v1::{Account, Contact, Lead};
use dealflow_proto::opportunities::v1::{Opportunity, StageEntry};
use dealflow_proto::orders::v1::{Contract, Invoice, Order, Quote};
use dealflow_proto::types::v1::{Guidance, Line, Totals};
use prost_types::Timestamp;
use serde_json::{Value, json};

use super::{places, word};

/// Prints a value for a machine.
pub fn print(value: &Value) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// `{"amount": "1234.50", "currency": "USD"}`; null where there is none.
pub fn money(amount: Option<&type_::Money>) -> Value {
    amount.map_or(Value::Null, |amount| match convert::decimal_of(amount) {
        Ok(value) => json!({ "amount": places(value), "currency": amount.currency_code }),
        Err(error) => json!({ "error": error.to_string() }),
    })
}

/// `"2017-03-01"`; null where there is none.
pub fn date(day: Option<&Date>) -> Value {
    day.map_or(Value::Null, |day| super::date(Some(day)).into())
}

/// `"2017-03-01T09:00:00.000000Z"`; null where there is none.
pub fn time(time: Option<&Timestamp>) -> Value {
    let time = time.and_then(|time| convert::time_of(time).ok());
    time.map_or(Value::Null, |time| time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true).into())
}

/// The text, or null where it is empty.
pub fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

/// A list by one conversion.
pub fn list<T>(items: &[T], item: impl Fn(&T) -> Value) -> Value {
    items.iter().map(item).collect()
}

/// A lead.
pub fn lead(lead: &Lead) -> Value {
    json!({
        "name": lead.name,
        "title": lead.title,
        "state": word(lead.state().as_str_name(), "STATE_"),
        "stage": word(lead.stage().as_str_name(), "STAGE_"),
        "source": text(word(lead.source().as_str_name(), "SOURCE_")),
        "channel": text(&lead.channel),
        "campaign": text(&lead.campaign),
        "company_name": text(&lead.company_name),
        "given_name": text(&lead.given_name),
        "family_name": text(&lead.family_name),
        "email": text(&lead.email),
        "phone": text(&lead.phone),
        "vat_id": text(&lead.vat_id),
        "owner": text(&lead.owner),
        "estimated_value": money(lead.estimated_value.as_ref()),
        "notes": text(&lead.notes),
        "external_id": text(&lead.external_id),
        "account": text(&lead.account),
        "contact": text(&lead.contact),
        "opportunity": text(&lead.opportunity),
        "disqualify_reason": text(word(lead.disqualify_reason().as_str_name(), "DISQUALIFY_REASON_")),
        "disqualify_comment": text(&lead.disqualify_comment),
        "create_time": time(lead.create_time.as_ref()),
        "stage_time": time(lead.stage_time.as_ref()),
        "erase_time": time(lead.erase_time.as_ref()),
        "etag": lead.etag,
        "guidance": guidance(lead.guidance.as_ref()),
    })
}

/// An account.
pub fn account(account: &Account) -> Value {
    json!({
        "name": account.name,
        "display_name": account.display_name,
        "legal_name": text(&account.legal_name),
        "vat_id": text(&account.vat_id),
        "registration_id": text(&account.registration_id),
        "address": account.address.as_ref().map(|address| json!({
            "street": text(&address.street),
            "city": text(&address.city),
            "postal_code": text(&address.postal_code),
            "region": text(&address.region),
            "country_code": text(&address.country_code),
        })),
        "electronic_address_scheme": text(&account.electronic_address_scheme),
        "electronic_address": text(&account.electronic_address),
        "email": text(&account.email),
        "phone": text(&account.phone),
        "sector": text(&account.sector),
        "parent": text(&account.parent),
        "etag": account.etag,
        "external_id": text(&account.external_id),
        "customer_time": time(account.customer_time.as_ref()),
        "customer_actor": text(&account.customer_actor),
    })
}

/// A contact.
pub fn contact(contact: &Contact) -> Value {
    json!({
        "name": contact.name,
        "given_name": text(&contact.given_name),
        "family_name": contact.family_name,
        "email": text(&contact.email),
        "phone": text(&contact.phone),
        "job_title": text(&contact.job_title),
        "department": text(&contact.department),
        "preferred_channel": text(word(contact.preferred_channel().as_str_name(), "CHANNEL_")),
        "language_code": text(&contact.language_code),
        "account": text(&contact.account),
        "erase_time": time(contact.erase_time.as_ref()),
        "etag": contact.etag,
    })
}

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

/// An employee.
pub fn employee(employee: &Employee) -> Value {
    json!({
        "name": employee.name,
        "display_name": employee.display_name,
        "manager": text(&employee.manager),
        "team": text(&employee.team),
        "office": text(&employee.office),
        "email": text(&employee.email),
        "roles": employee.roles,
        "active": employee.active,
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

/// Totals of a document.
pub fn totals(totals: Option<&Totals>) -> Value {
    totals.map_or(Value::Null, |totals| {
        json!({
            "net": money(totals.total_without_vat.as_ref()),
            "vat": money(totals.total_vat.as_ref()),
            "gross": money(totals.total_with_vat.as_ref()),
            "payable": money(totals.payable.as_ref()),
        })
    })
}

/// A line of a document.
pub fn line(line: &Line) -> Value {
    let number = |value: &Option<type_::Decimal>| value.as_ref().map_or(Value::Null, |it| json!(it.value));
    json!({
        "line_id": line.line_id,
        "description": line.description,
        "quantity": number(&line.quantity),
        "unit_code": line.unit_code,
        "unit_price": money(line.unit_price.as_ref()),
        "discount_percent": number(&line.discount_percent),
        "net": money(line.net.as_ref()),
    })
}

/// A quote.
pub fn quote(quote: &Quote) -> Value {
    json!({
        "name": quote.name,
        "number": quote.number,
        "revision": quote.revision,
        "state": word(quote.state().as_str_name(), "STATE_"),
        "close_reason": text(word(quote.close_reason().as_str_name(), "CLOSE_REASON_")),
        "valid_until_date": date(quote.valid_until_date.as_ref()),
        "totals": totals(quote.totals.as_ref()),
        "order": text(&quote.order),
    })
}

/// A contract.
pub fn contract(contract: &Contract) -> Value {
    json!({
        "name": contract.name,
        "number": contract.number,
        "state": word(contract.state().as_str_name(), "STATE_"),
        "title": contract.title,
        "version": contract.version,
        "start_date": date(contract.start_date.as_ref()),
        "end_date": date(contract.end_date.as_ref()),
        "signatories": contract.signatories,
        "documents_complete": contract.documents_complete,
        "signed_date": date(contract.signed_date.as_ref()),
    })
}

/// An order.
pub fn order(order: &Order) -> Value {
    json!({
        "name": order.name,
        "number": order.number,
        "state": word(order.state().as_str_name(), "STATE_"),
        "order_date": date(order.order_date.as_ref()),
        "hold_reason": text(&order.hold_reason),
        "payment": word(order.payment().as_str_name(), "PROGRESS_"),
        "fulfilment": word(order.fulfilment().as_str_name(), "PROGRESS_"),
        "billing": word(order.billing().as_str_name(), "PROGRESS_"),
        "totals": totals(order.totals.as_ref()),
        "erp_refusal": text(&order.erp_refusal),
    })
}

/// An invoice.
pub fn invoice(invoice: &Invoice) -> Value {
    json!({
        "name": invoice.name,
        "number": text(&invoice.number),
        "state": word(invoice.state().as_str_name(), "STATE_"),
        "order": invoice.order,
        "issue_date": date(invoice.issue_date.as_ref()),
        "due_date": date(invoice.due_date.as_ref()),
        "payment_status": text(word(invoice.payment_status().as_str_name(), "PAYMENT_STATUS_")),
        "overdue": invoice.overdue,
        "paid": money(invoice.paid.as_ref()),
        "credited": money(invoice.credited.as_ref()),
        "open": money(invoice.open.as_ref()),
        "totals": totals(invoice.totals.as_ref()),
    })
}

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
        "next_attempt_time": time(handoff.next_attempt_time.as_ref()),
        "erp_number": text(&handoff.erp_number),
        "reasons": list(&handoff.reasons, reason),
        "last_error": text(&handoff.last_error),
        "awaits": text(&handoff.awaits),
        "revision": handoff.revision,
        "business_status": text(word(handoff.business_status().as_str_name(), "BUSINESS_STATUS_")),
        "business_sequence": handoff.business_sequence,
        "business_time": time(handoff.business_time.as_ref()),
        "paid": money(handoff.paid.as_ref()),
        "credited": money(handoff.credited.as_ref()),
        "attempts": list(&handoff.attempts, attempt),
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
