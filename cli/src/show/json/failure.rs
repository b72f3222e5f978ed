//! Why a command ended without success, as data: what was being done, and the refusal with its `google.rpc` details.

use serde_json::{Value, json};
use tonic::Status;
use tonic_types::StatusExt;

use crate::show::refusal::code_word;

/// `{"error": …}`: without a refusal only what went wrong, in words.
pub fn failure(said: &str, status: Option<&Status>, broke: Option<&str>) -> Value {
    let Some(status) = status else { return json!({ "error": { "message": said } }) };
    json!({
        "error": {
            "code": code_word(status.code()),
            "message": status.message(),
            "doing": super::text(said),
            "cause": broke,
            "details": details(status),
        }
    })
}

/// The details that a refusal of ours carries, in the form of JSON that their messages have.
fn details(status: &Status) -> Vec<Value> {
    let details = status.get_error_details();
    let mut told = Vec::new();
    let mut tell = |kind: &str, mut detail: Value| {
        detail["@type"] = json!(format!("type.googleapis.com/google.rpc.{kind}"));
        told.push(detail);
    };
    if let Some(info) = details.error_info() {
        tell("ErrorInfo", json!({ "reason": info.reason, "domain": info.domain, "metadata": info.metadata }));
    }
    if let Some(bad) = details.bad_request() {
        let fields = bad.field_violations.iter();
        let fields: Vec<_> = fields.map(|it| json!({ "field": it.field, "description": it.description })).collect();
        tell("BadRequest", json!({ "fieldViolations": fields }));
    }
    if let Some(failure) = details.precondition_failure() {
        let violations = failure.violations.iter();
        let violations: Vec<_> = violations
            .map(|it| json!({ "type": it.r#type, "subject": it.subject, "description": it.description }))
            .collect();
        tell("PreconditionFailure", json!({ "violations": violations }));
    }
    if let Some(resource) = details.resource_info() {
        tell(
            "ResourceInfo",
            json!({
                "resourceType": resource.resource_type,
                "resourceName": resource.resource_name,
                "owner": resource.owner,
                "description": resource.description,
            }),
        );
    }
    if let Some(after) = details.retry_info().and_then(|retry| retry.retry_delay) {
        tell("RetryInfo", json!({ "retryDelay": format!("{}s", after.as_secs_f64()) }));
    }
    told
}
