//! A refused call, as a person reads it: what was refused, each field, what is allowed next.

use std::fmt::Write as _;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Everything that a refusal tells, from its status and its details; several lines, without an end of line.
pub fn refusal(status: &Status) -> String {
    let details = status.get_error_details();
    let told = details.bad_request().map_or(0, |bad| bad.field_violations.len());
    let left_out = details.error_info().and_then(|info| info.metadata.get("left_out")?.parse().ok()).unwrap_or(0);
    let wrong = if told == 0 { 0 } else { told + left_out };
    let what = match wrong {
        0 => status.message().to_owned(),
        1 => "1 field is not right".to_owned(),
        more => format!("{more} fields are not right"),
    };
    let mut text = format!("{}: {what}", kind(status.code()));
    let mut line = |label: &str, value: &str| {
        // Writing to a string cannot fail.
        let _written = write!(text, "\n  {label}: {value}");
    };
    if let Some(bad) = details.bad_request() {
        for field in &bad.field_violations {
            line(&format!("field {}", field.field), &field.description);
        }
    }
    if let Some(failure) = details.precondition_failure() {
        for violation in &failure.violations {
            line(&format!("{} {}", violation.r#type.to_lowercase(), violation.subject), &violation.description);
        }
    }
    if let Some(resource) = details.resource_info() {
        line("record", &resource.resource_name);
    }
    from_metadata(&details, &mut line);
    if let Some(after) = details.retry_info().and_then(|retry| retry.retry_delay) {
        line("try again in", &format!("{:.1} s", after.as_secs_f64()));
    }
    line("gRPC", &code(status.code(), &details));
    text
}

/// What the catalogue's reasons carry: first what helps to go on, the rest by name.
fn from_metadata(details: &ErrorDetails, line: &mut impl FnMut(&str, &str)) {
    let Some(info) = details.error_info() else { return };
    let known = [
        ("state", "present state"),
        ("allowed", "allowed next"),
        ("etag", "its etag now"),
        ("flow", "the flow that waits"),
        ("step", "at the step"),
        ("left_out", "more that is wrong"),
    ];
    for (key, label) in known {
        if let Some(value) = info.metadata.get(key).filter(|value| !value.is_empty()) {
            line(label, value);
        }
    }
    // Told already: by the message, or as the record.
    let told = ["verb", "resource"];
    let mut others: Vec<_> = info
        .metadata
        .iter()
        .filter(|(key, _)| !told.contains(&key.as_str()) && !known.iter().any(|(known, _)| known == key))
        .collect();
    others.sort();
    for (key, value) in others {
        line(key, value);
    }
}

fn kind(code: Code) -> &'static str {
    match code {
        Code::Unavailable => "not reachable",
        Code::DeadlineExceeded => "too late",
        Code::Internal | Code::Unknown | Code::DataLoss => "failed",
        _ => "refused",
    }
}

/// A code as its enum has it: `FAILED_PRECONDITION`.
pub(super) fn code_word(code: Code) -> String {
    let mut words = String::new();
    for (index, letter) in format!("{code:?}").char_indices() {
        if index > 0 && letter.is_uppercase() {
            words.push('_');
        }
        words.push(letter.to_ascii_uppercase());
    }
    words
}

fn code(code: Code, details: &ErrorDetails) -> String {
    let words = code_word(code);
    match details.error_info() {
        Some(info) if info.reason != words => format!("{words}, {}", info.reason),
        _ => words,
    }
}

#[cfg(test)]
mod tests {
    use dealflow_chassis::refusal::{Kind, Refusal};
    use dealflow_proto::Violation;
    use dealflow_proto::errors::v1::ErrorReason;

    use super::*;

    #[test]
    fn a_state_that_refuses_is_shown_with_what_it_accepts() {
        let refused =
            Refusal::new(Kind::Precondition, ErrorReason::StateRefusesVerb, "a DRAFT quote does not accept Win")
                .with("state", "DRAFT")
                .with("allowed", "ActivateQuote, CloseQuote");
        let shown = refusal(&Status::from(refused));
        assert!(shown.starts_with("refused: a DRAFT quote does not accept Win"), "{shown}");
        assert!(shown.contains("\n  present state: DRAFT"), "{shown}");
        assert!(shown.contains("\n  allowed next: ActivateQuote, CloseQuote"), "{shown}");
        assert!(shown.contains("\n  gRPC: FAILED_PRECONDITION, STATE_REFUSES_VERB"), "{shown}");
    }

    #[test]
    fn every_field_at_fault_has_a_line() {
        let fault = |field: &str| Violation { field: field.to_owned(), description: "must be given".to_owned() };
        let shown = refusal(&Status::from(Refusal::fields(vec![fault("title"), fault("request_id")])));
        assert!(shown.starts_with("refused: 2 fields are not right"), "{shown}");
        assert!(shown.contains("\n  field title: must be given\n  field request_id: must be given"), "{shown}");
    }

    #[test]
    fn a_suite_that_is_away_is_not_called_a_refusal() {
        let shown = refusal(&Status::unavailable("connection refused"));
        assert!(shown.starts_with("not reachable: connection refused"), "{shown}");
    }
}
