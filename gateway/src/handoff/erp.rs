//! The calls to the ERP, and what their answers mean.

use std::time::Duration;

use chrono::{DateTime, Utc};
use dealflow_chassis::Store;
use dealflow_chassis::context::TRACEPARENT;
use dealflow_chassis::deadline::Deadline;
use dealflow_chassis::link::{Link, Sent, sent};
use dealflow_proto::erp::v1::erp_service_client::ErpServiceClient;
use dealflow_proto::erp::v1::{
    CancelOrderRequest, ChangeOrderRequest, ErpEvent, GetDocumentStatusRequest, Outcome, Reason,
    SubmitCreditNoteRequest, SubmitInvoiceRequest, SubmitOrderRequest,
};
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::business::event_of;
use super::record::{Kind, Model};
use super::state::Seen;

/// One call and what came of it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) seen: Seen,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) erp_number: String,
    pub(super) reasons: Vec<Reason>,
    pub(super) retry_after: Option<Duration>,
    /// How far the ERP is with the document, where it was asked.
    pub(super) status: Option<ErpEvent>,
    pub(super) started_at: DateTime<Utc>,
    pub(super) ended_at: DateTime<Utc>,
}

/// An answer, taken apart.
struct Answer {
    seen: Seen,
    erp_number: String,
    reasons: Vec<Reason>,
    status: Option<ErpEvent>,
}

/// The way to one ERP.
#[derive(Clone)]
pub(super) struct Erp {
    pub(super) link: Link,
    pub(super) store: Store,
    pub(super) call_deadline: Duration,
    pub(super) look_up_deadline: Duration,
}

impl Erp {
    /// Sends the document: the same key and the same bytes, whichever attempt it is.
    pub(super) async fn submit(&self, row: &Model) -> Call {
        let started_at = self.store.clock().now();
        let mut erp = ErpServiceClient::new(self.link.clone());
        let (external_id, document_sha256) = (row.external_id.clone(), row.sha256.clone());
        let (idempotency_key, document) = (row.key().to_string(), row.payload.clone());
        macro_rules! send {
            ($name:literal $method:ident($ask:ident)) => {{
                let ask = $ask { external_id, idempotency_key, document_sha256, document };
                let answer = erp.$method(request(ask, row, self.call_deadline)).await;
                let answer = answer.map(|answer| answer.into_inner());
                ($name, answer.map(|it| said(it.outcome(), it.erp_number, it.reasons)))
            }};
        }
        let (method, answer) = match row.kind {
            Kind::Order => send!("SubmitOrder" submit_order(SubmitOrderRequest)),
            Kind::Invoice => send!("SubmitInvoice" submit_invoice(SubmitInvoiceRequest)),
            Kind::CreditNote => send!("SubmitCreditNote" submit_credit_note(SubmitCreditNoteRequest)),
            Kind::OrderChange => send!("ChangeOrder" change_order(ChangeOrderRequest)),
            Kind::OrderCancellation => send!("CancelOrder" cancel_order(CancelOrderRequest)),
        };
        self.call(method, started_at, answer, |status| after_submission(status, &row.sha256))
    }

    /// Asks whether the ERP has the document.
    pub(super) async fn look_up(&self, row: &Model) -> Call {
        let started_at = self.store.clock().now();
        let mut erp = ErpServiceClient::new(self.link.clone());
        let ask = GetDocumentStatusRequest { external_id: row.external_id.clone() };
        let answer = erp.get_document_status(request(ask, row, self.look_up_deadline)).await;
        let answer = answer.map(|answer| answer.into_inner()).map(|found| {
            // An ERP that keeps no hash is believed: the external id is ours alone.
            if found.document_sha256.is_empty() || found.document_sha256 == row.sha256 {
                let status = Some(event_of(&found));
                return Answer { status, ..said(found.outcome(), found.erp_number, found.reasons) };
            }
            Answer { seen: Seen::Conflict, erp_number: found.erp_number, reasons: Vec::new(), status: None }
        });
        self.call("GetDocumentStatus", started_at, answer, after_look_up)
    }

    fn call(
        &self,
        method: &'static str,
        started_at: DateTime<Utc>,
        answer: Result<Answer, Status>,
        meaning: impl FnOnce(&Status) -> Seen,
    ) -> Call {
        let ended_at = self.store.clock().now();
        match answer {
            Ok(Answer { seen, erp_number, reasons, status }) => Call {
                method,
                seen,
                code: "OK".to_owned(),
                message: in_words(seen, &erp_number, &reasons),
                erp_number,
                reasons,
                retry_after: None,
                status,
                started_at,
                ended_at,
            },
            Err(status) => Call {
                method,
                seen: meaning(&status),
                code: name_of(status.code()),
                message: status.message().chars().take(1000).collect(),
                erp_number: String::new(),
                reasons: Vec::new(),
                retry_after: status.get_details_retry_info().and_then(|retry| retry.retry_delay),
                status: None,
                started_at,
                ended_at,
            },
        }
    }
}

fn request<M>(message: M, row: &Model, within: Duration) -> Request<M> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Deadline::within(within));
    let trace = row.traceparent.as_deref().and_then(|trace| MetadataValue::try_from(trace).ok());
    if let Some(trace) = trace {
        request.metadata_mut().insert(TRACEPARENT, trace);
    }
    request
}

fn said(outcome: Outcome, erp_number: String, reasons: Vec<Reason>) -> Answer {
    let seen = match outcome {
        Outcome::Accepted => Seen::Accepted,
        Outcome::Rejected => Seen::Rejected,
        Outcome::Pending => Seen::Pending,
        // An answer without an outcome says nothing: the ERP is asked.
        Outcome::Unspecified => Seen::Lost,
    };
    Answer { seen, erp_number, reasons, status: None }
}

fn in_words(seen: Seen, erp_number: &str, reasons: &[Reason]) -> String {
    match seen {
        Seen::Accepted => format!("accepted as {erp_number}"),
        Seen::Rejected => {
            let reasons: Vec<String> = reasons.iter().map(|it| format!("{}: {}", it.code, it.message)).collect();
            format!("rejected: {}", reasons.join("; "))
        }
        Seen::Pending => "taken, to be decided later".to_owned(),
        Seen::Conflict => format!("booked as {erp_number} with other content"),
        _ => "answered without an outcome".to_owned(),
    }
}

/// What a failed submission means. Whatever may have had an effect is LOST: to ask costs little, to send twice much.
fn after_submission(status: &Status, sha256: &str) -> Seen {
    if sent(status) == Sent::No {
        return Seen::NotSent;
    }
    match status.code() {
        Code::FailedPrecondition if reason(status) == "DEPENDENCY_MISSING" => Seen::DependencyMissing,
        Code::ResourceExhausted => Seen::Exhausted,
        // Refused before it was looked at: sent again it is refused again.
        Code::FailedPrecondition | Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented => Seen::Faulty,
        Code::Unauthenticated | Code::PermissionDenied => Seen::Denied,
        // "It is there already" is no failure if the bytes are ours: where the ERP does not say so, it is asked.
        Code::AlreadyExists if other_hash(status, sha256) => Seen::Conflict,
        _ => Seen::Lost,
    }
}

fn after_look_up(status: &Status) -> Seen {
    if sent(status) != Sent::Answered {
        return Seen::Silent;
    }
    match status.code() {
        Code::NotFound => Seen::Absent,
        Code::ResourceExhausted => Seen::Exhausted,
        Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented => Seen::Faulty,
        Code::Unauthenticated | Code::PermissionDenied => Seen::Denied,
        _ => Seen::Silent,
    }
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

fn other_hash(status: &Status, sha256: &str) -> bool {
    let info = status.get_details_error_info();
    info.and_then(|info| info.metadata.get("document_sha256").cloned()).is_some_and(|theirs| theirs != sha256)
}

/// `UNAVAILABLE`, as the protocol writes it.
fn name_of(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn r_erp_1_every_code_of_a_submission_has_a_meaning() {
        let table = [
            (Code::Cancelled, Seen::Lost),
            (Code::Unknown, Seen::Lost),
            (Code::InvalidArgument, Seen::Faulty),
            (Code::DeadlineExceeded, Seen::Lost),
            (Code::NotFound, Seen::Lost),
            (Code::AlreadyExists, Seen::Lost),
            (Code::PermissionDenied, Seen::Denied),
            (Code::ResourceExhausted, Seen::Exhausted),
            (Code::FailedPrecondition, Seen::Faulty),
            (Code::Aborted, Seen::Lost),
            (Code::OutOfRange, Seen::Faulty),
            (Code::Unimplemented, Seen::Faulty),
            (Code::Internal, Seen::Lost),
            (Code::Unavailable, Seen::Lost),
            (Code::DataLoss, Seen::Lost),
            (Code::Unauthenticated, Seen::Denied),
        ];
        for (code, seen) in table {
            assert_eq!(after_submission(&Status::new(code, "x"), "00"), seen, "{code:?}");
        }
    }

    #[test]
    fn r_erp_1_a_conflict_is_one_only_if_the_hash_differs() {
        let taken = |hash: &str| {
            let metadata = [("document_sha256".to_owned(), hash.to_owned())];
            let details = ErrorDetails::with_error_info("DUP", "erp", metadata);
            Status::with_error_details(Code::AlreadyExists, "there", details)
        };
        assert_eq!(after_submission(&taken("aa"), "bb"), Seen::Conflict);
        assert_eq!(after_submission(&taken("aa"), "aa"), Seen::Lost, "it is asked, and says that it has it");
    }

    #[test]
    fn r_erp_1_only_not_found_says_that_a_document_is_not_there() {
        for code in (1..=16).map(Code::from_i32) {
            let absent = after_look_up(&Status::new(code, "x")) == Seen::Absent;
            assert_eq!(absent, code == Code::NotFound, "{code:?}");
        }
    }

    #[test]
    fn codes_are_written_as_the_protocol_writes_them() {
        assert_eq!(name_of(Code::DeadlineExceeded), "DEADLINE_EXCEEDED");
        assert_eq!(name_of(Code::Unavailable), "UNAVAILABLE");
    }
}
