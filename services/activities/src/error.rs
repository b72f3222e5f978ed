//! Why this part says no.

use dealflow_chassis::list::ListError;
use dealflow_chassis::{Kind, Refusal};
use dealflow_proto::Violation;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::names;
use sea_orm::DbErr;
use tonic::Status;
use uuid::Uuid;

use crate::activity::Verb;

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
    /// Only the performer or a manager above starts and completes an activity (R-ACT-7).
    #[error("{verb} is refused to {actor}: {activity} is for {performer}, or for a manager above {performer}, to do")]
    NotYours {
        /// The activity.
        activity: String,
        /// What was asked.
        verb: Verb,
        /// Who is to do it.
        performer: String,
        /// Who asked.
        actor: String,
    },
    /// An employee who is not here any more gets no new work.
    #[error("{employee} is not active and gets no new activities; choose somebody else, or UpdateEmployee")]
    Inactive {
        /// Who.
        employee: String,
    },
    /// Whoever leads a person is never led by that person.
    #[error("{} is led by {} already: nobody leads and is led by the same person", names::EMPLOYEES.name(*manager), names::EMPLOYEES.name(*employee))]
    Cycle {
        /// Who was to be led.
        employee: Uuid,
        /// By whom.
        manager: Uuid,
    },
    /// What a stage planned stays as it was planned.
    #[error("{activity} belongs to a stage: its {field} is the process's, and is not changed by hand")]
    OfProcess {
        /// The activity.
        activity: String,
        /// The field that was to change.
        field: &'static str,
    },
    /// Documents that are not in the knowledge base (R-ACT-6).
    #[error("there is no {}", missing.join(", no "))]
    NoSuchDocument {
        /// Their names.
        missing: Vec<String>,
    },
    /// A secret address that opens no calendar: whose it is, or that there is none, is not said.
    #[error("this address opens no calendar; ask its owner for the present one")]
    NoSuchCalendar,
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
            Error::NotYours { activity, performer, actor, verb } => {
                Self::new(Kind::Forbidden, ErrorReason::PermissionDenied, message)
                    .with("resource", activity)
                    .with("verb", verb.to_string())
                    .with("performer", performer)
                    .with("actor", actor)
            }
            Error::Inactive { employee } => {
                Self::guard(message, &[(&employee, "is not active")]).with("resource", employee)
            }
            Error::Cycle { employee, manager } => {
                let (employee, manager) = (names::EMPLOYEES.name(employee), names::EMPLOYEES.name(manager));
                Self::guard(message, &[(&manager, "is led by the employee")])
                    .with("resource", employee)
                    .with("manager", manager)
            }
            Error::OfProcess { activity, field } => {
                Self::guard(message, &[(field, "belongs to the process")]).with("resource", activity)
            }
            Error::NoSuchDocument { missing } => {
                let first = missing.first().cloned().unwrap_or_default();
                Self::missing(&first).with("missing", missing.join(", "))
            }
            Error::NoSuchCalendar => Self::new(Kind::Missing, ErrorReason::NotFound, message),
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
