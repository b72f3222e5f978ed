//! Why a run of a flow ended before its end: a fault, which is tried again, or a refusal, which is not.

use dealflow_chassis::refusal::reason_name;
use dealflow_chassis::{Kind, Refusal};
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::gateway::v1::DealProgress;
use dealflow_proto::names;
use prost::Message;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use super::fields;

/// Why a run ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Nobody said no: the answer did not come, or somebody else was at the record. The flow runs again from the top.
    Fault(Stopped),
    /// A business refusal: the same call would be refused again.
    Refused(Stopped),
    /// Only a check was asked for, and the first step that changes something passed it: what it would have told.
    Checked(Box<DealProgress>),
    /// The id is stored already: the flow was begun before, here or elsewhere.
    Known,
    /// The lease was lost: the flow is somebody else's now.
    Over,
}

/// At which step, with what status.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) step: &'static str,
    pub(crate) status: Status,
}

impl Stop {
    /// What a failed call means for its flow.
    pub(crate) fn of(step: &'static str, status: Status) -> Self {
        let stopped = Stopped { step, status };
        if is_fault(&stopped.status) { Self::Fault(stopped) } else { Self::Refused(stopped) }
    }

    /// A refusal of the gateway itself.
    pub(crate) fn refuse(step: &'static str, refusal: Refusal) -> Self {
        Self::of(step, refusal.into())
    }
}

/// Whether a call may succeed if it is made again as it is.
pub(crate) fn is_fault(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown | Code::Internal => true,
        Code::Aborted => has_reason(status, ErrorReason::ConcurrentChange),
        Code::ResourceExhausted => !has_reason(status, ErrorReason::TooLarge),
        _ => false,
    }
}

/// Whether the record's state refuses the verb: somebody else was there before.
pub(crate) fn is_settled(status: &Status) -> bool {
    has_reason(status, ErrorReason::StateRefusesVerb) || has_reason(status, ErrorReason::Terminal)
}

/// Whether a status carries this reason of the catalogue.
pub(crate) fn has_reason(status: &Status, reason: ErrorReason) -> bool {
    status.get_details_error_info().is_some_and(|info| info.reason == reason_name(reason))
}

/// Whether a status refuses this field of the message.
pub(crate) fn refuses_field(status: &Status, field: &str) -> bool {
    status.get_details_bad_request().is_some_and(|bad| bad.field_violations.iter().any(|it| it.field == field))
}

impl Stopped {
    /// The refusal as the caller of a verb gets it: the fields in the words of its own request, the step's name added.
    pub(crate) fn passed_on(self, verb: &str) -> Status {
        let mut details = self.status.get_error_details();
        let Some(mut info) = details.error_info().cloned() else { return self.status };
        info.metadata.insert("step".to_owned(), self.step.to_owned());
        let mut message = self.status.message().to_owned();
        let mut reword = |field: &str| {
            let own = fields::of_caller(verb, self.step, field);
            message = message.replace(&format!("{field}: "), &format!("{own}: "));
            own
        };
        if let Some(field) = info.metadata.get_mut("field") {
            *field = reword(field);
        }
        if let Some(mut bad) = details.bad_request().cloned() {
            bad.field_violations.iter_mut().for_each(|it| it.field = reword(&it.field));
            details.set_bad_request(bad.field_violations);
        }
        details.set_error_info(info.reason, info.domain, info.metadata);
        Status::with_error_details_and_metadata(self.status.code(), message, details, self.status.metadata().clone())
    }
}

/// A refusal as it is kept.
#[derive(Clone, PartialEq, Message)]
struct Kept {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(bytes = "vec", tag = "3")]
    details: Vec<u8>,
}

/// A refusal as bytes, with all its details.
pub(crate) fn bytes_of(status: &Status) -> Vec<u8> {
    let (code, message, details) = (status.code().into(), status.message().to_owned(), status.details().to_vec());
    Kept { code, message, details }.encode_to_vec()
}

/// The refusal that [`bytes_of`] kept.
pub(crate) fn refusal_of(bytes: &[u8]) -> Status {
    match Kept::decode(bytes) {
        Ok(Kept { code, message, details }) => Status::with_details(Code::from(code), message, details.into()),
        Err(error) => Refusal::internal(error).into(),
    }
}

/// FAILED_PRECONDITION: the flow waits for an operator, or was given up by one (R-FLW-3).
pub(crate) fn parked(flow: Uuid, state: &str, step: &str, reason: &str) -> Refusal {
    let name = names::FLOWS.name(flow);
    let verb = if state == "ABANDONED" { "was given up" } else { "cannot end by itself and waits for an operator" };
    Refusal::new(Kind::Precondition, ErrorReason::FlowParked, format!("{name} {verb}: {reason}"))
        .with("flow", name)
        .with("state", state)
        .with("step", step)
        .with("reason", reason)
}
