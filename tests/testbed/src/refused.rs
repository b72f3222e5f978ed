//! A refusal as a caller sees it, taken apart for assertions.

use std::collections::BTreeMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// The parts of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalView {
    /// The gRPC code.
    pub code: Code,
    /// `ErrorInfo.reason`: a name from `dealflow.errors.v1.ErrorReason` without its prefix; empty if none was given.
    pub reason: String,
    /// What a person reads.
    pub message: String,
    /// `BadRequest`: each field with what is wrong.
    pub fields: Vec<(String, String)>,
    /// `PreconditionFailure`: type, subject, description.
    pub preconditions: Vec<(String, String, String)>,
    /// `ErrorInfo.metadata`.
    pub metadata: BTreeMap<String, String>,
    /// `ResourceInfo`: the name of the record that is not there.
    pub resource: Option<String>,
    /// `RetryInfo`: when the same call may be sent again.
    pub retry_after: Option<Duration>,
}

impl RefusalView {
    /// The names of the fields that are wrong, in order.
    pub fn field_names(&self) -> Vec<&str> {
        self.fields.iter().map(|(field, _)| field.as_str()).collect()
    }
}

/// Takes a refusal apart.
pub fn refusal(status: &Status) -> RefusalView {
    let details = status.get_error_details();
    let info = details.error_info();
    RefusalView {
        code: status.code(),
        reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
        message: status.message().to_owned(),
        fields: details
            .bad_request()
            .map(|bad| bad.field_violations.iter().map(|v| (v.field.clone(), v.description.clone())).collect())
            .unwrap_or_default(),
        preconditions: details
            .precondition_failure()
            .map(|failure| {
                let parts = failure.violations.iter();
                parts.map(|v| (v.r#type.clone(), v.subject.clone(), v.description.clone())).collect()
            })
            .unwrap_or_default(),
        metadata: info.map(|info| info.metadata.clone().into_iter().collect()).unwrap_or_default(),
        resource: details.resource_info().map(|resource| resource.resource_name.clone()),
        retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
    }
}
