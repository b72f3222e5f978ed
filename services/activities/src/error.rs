//! Why this part says no.

use dealflow_chassis::list::ListError;
use dealflow_chassis::{Kind, Refusal};
use dealflow_proto::Violation;
use dealflow_proto::errors::v1::ErrorReason;
use sea_orm::DbErr;
use tonic::Status;

/// The refusals of this part, beside those of every part.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Missing record, wrong field, stale version, wrong state: what every part refuses alike.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbErr),
    /// A result that the activity does not allow (R-ACT-1).
    #[error("{activity} is completed with one of its results: {}", allowed.join(", "))]
    ResultNotAllowed {
        /// The activity.
        activity: String,
        /// The codes that it allows.
        allowed: Vec<String>,
    },
    /// The stage waits for this activity: it is completed, not canceled (R-ACT-1).
    #[error("{activity} is required by its stage and cannot be canceled; complete it by CompleteActivity")]
    Required {
        /// The activity.
        activity: String,
    },
    /// Only the performer or the performer's manager completes an activity (R-ACT-7).
    #[error("{activity} is completed by {performer} or the manager of {performer}, not by {actor}")]
    NotYours {
        /// The activity.
        activity: String,
        /// Who is to do it.
        performer: String,
        /// Who asked.
        actor: String,
    },
    /// A value that must be unique.
    #[error("{field} {value} is taken by {holder}")]
    Taken {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// Who has it.
        holder: String,
    },
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Refused(refusal) => refusal,
            Error::Db(error) => error.into(),
            Error::ResultNotAllowed { activity, allowed } => {
                let allowed = allowed.join(", ");
                let wrong = Violation { field: "result".to_owned(), description: format!("one of {allowed}") };
                Self::fields(vec![wrong]).with("resource", activity).with("allowed", allowed)
            }
            Error::Required { activity } => Self::guard(message, &[(&activity, "is required by its stage")])
                .with("resource", activity)
                .with("allowed", "CompleteActivity"),
            Error::NotYours { activity, performer, actor } => {
                Self::new(Kind::Precondition, ErrorReason::PermissionDenied, message)
                    .with("resource", activity)
                    .with("performer", performer)
                    .with("actor", actor)
            }
            Error::Taken { field, value, holder } => Self::new(Kind::Taken, ErrorReason::Taken, message)
                .with("field", field)
                .with("value", value)
                .with("holder", holder),
        }
    }
}

impl From<ListError> for Error {
    fn from(error: ListError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        Refusal::from(error).into()
    }
}
