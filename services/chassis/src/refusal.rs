//! What a caller is told when the answer is no.
//!
//! Seven kinds, one gRPC code each. A refusal names the field, the state, what is allowed next; its reason is from
//! the catalogue `dealflow.errors.v1.ErrorReason`. The cause of an internal fault is logged once, here, and never sent.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use dealflow_proto::Violation;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::names::BadName;
use sea_orm::{DbErr, RuntimeErr, SqlErr};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, PreconditionViolation, StatusExt};

use crate::list::ListError;

/// The domain of every `ErrorInfo` of this suite.
pub const DOMAIN: &str = "dealflow";

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// INVALID_ARGUMENT: the message is wrong whatever the state.
    Invalid,
    /// NOT_FOUND: no such record.
    Missing,
    /// FAILED_PRECONDITION: not in this state.
    Precondition,
    /// PERMISSION_DENIED: whoever asks may not do this, somebody else may.
    Forbidden,
    /// ALREADY_EXISTS: the key stands for something else.
    Taken,
    /// ABORTED: somebody else was faster; read again and decide.
    Conflict,
    /// UNAVAILABLE: not now; the same call may be sent again.
    Unavailable,
    /// INTERNAL: our fault.
    Internal,
}

impl Kind {
    fn code(self) -> Code {
        match self {
            Self::Invalid => Code::InvalidArgument,
            Self::Missing => Code::NotFound,
            Self::Precondition => Code::FailedPrecondition,
            Self::Forbidden => Code::PermissionDenied,
            Self::Taken => Code::AlreadyExists,
            Self::Conflict => Code::Aborted,
            Self::Unavailable => Code::Unavailable,
            Self::Internal => Code::Internal,
        }
    }
}

/// A refusal with everything that helps the caller.
#[derive(Debug)]
pub struct Refusal(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    reason: ErrorReason,
    message: String,
    fields: Vec<Violation>,
    preconditions: Vec<PreconditionViolation>,
    metadata: HashMap<String, String>,
    resource: Option<(String, String)>,
    retry_after: Option<Duration>,
    cause: Option<String>,
}

impl Refusal {
    /// A refusal of a kind, with its reason and a message that says what to do.
    pub fn new(kind: Kind, reason: ErrorReason, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            reason,
            message: message.into(),
            fields: Vec::new(),
            preconditions: Vec::new(),
            metadata: HashMap::new(),
            resource: None,
            retry_after: None,
            cause: None,
        }))
    }

    /// INVALID_ARGUMENT for one field; `expected` says what it must be.
    pub fn field(field: &str, expected: impl Into<String>) -> Self {
        Self::fields(vec![Violation { field: field.to_owned(), description: expected.into() }])
    }

    /// INVALID_ARGUMENT that lists all fields at once.
    pub fn fields(fields: Vec<Violation>) -> Self {
        let list: Vec<String> = fields.iter().map(|v| format!("{}: {}", v.field, v.description)).collect();
        let mut refusal = Self::new(Kind::Invalid, ErrorReason::InvalidFields, list.join("; "));
        refusal.0.fields = fields;
        refusal
    }

    /// NOT_FOUND for a record, by its resource name.
    pub fn missing(name: &str) -> Self {
        let mut refusal =
            Self::new(Kind::Missing, ErrorReason::NotFound, format!("there is no {name}")).with("resource", name);
        let collection = name.split('/').next().unwrap_or_default().to_owned();
        refusal.0.resource = Some((collection, name.to_owned()));
        refusal
    }

    /// FAILED_PRECONDITION: a guard is not fulfilled; each `(subject, what is missing)` is listed.
    pub fn guard(message: impl Into<String>, missing: &[(&str, &str)]) -> Self {
        let mut refusal = Self::new(Kind::Precondition, ErrorReason::Guard, message);
        refusal.0.preconditions =
            missing.iter().map(|(subject, text)| PreconditionViolation::new("GUARD", *subject, *text)).collect();
        refusal
    }

    /// ABORTED: the record has a newer version than the caller saw.
    pub fn stale(name: &str, seen: &str, current: &str) -> Self {
        let message = format!("{name} changed: you saw etag {seen}, it is {current} now; read it again and decide");
        Self::new(Kind::Conflict, ErrorReason::StaleEtag, message).with("etag", current).with("resource", name)
    }

    /// INTERNAL: our fault; the cause is logged and not sent.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let mut refusal =
            Self::new(Kind::Internal, ErrorReason::Internal, "a fault on our side; the log has it under this trace");
        refusal.0.cause = Some(cause.to_string());
        refusal
    }

    /// UNAVAILABLE: try the same call again after a while.
    pub fn unavailable(message: impl Into<String>, after: Duration) -> Self {
        Self::new(Kind::Unavailable, ErrorReason::Unavailable, message).after(after)
    }

    /// The same refusal, which a caller may hope to escape with the same call after so long.
    fn after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// The same refusal for a more telling reason of the catalogue.
    #[must_use]
    pub fn because(mut self, reason: ErrorReason) -> Self {
        self.0.reason = reason;
        self
    }

    /// Adds metadata to the `ErrorInfo`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.metadata.insert(key.to_owned(), value.into());
        self
    }

    /// Adds what must be fulfilled first: type, subject, description.
    #[must_use]
    pub fn precondition(mut self, kind: &str, subject: &str, description: &str) -> Self {
        self.0.preconditions.push(PreconditionViolation::new(kind, subject, description));
        self
    }

    /// The fields that are wrong.
    pub fn violations(&self) -> &[Violation] {
        &self.0.fields
    }

    /// The kind of this refusal.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The reason from the catalogue.
    pub fn reason(&self) -> ErrorReason {
        self.0.reason
    }
}

/// The catalogue's name without its prefix, as it stands in `ErrorInfo.reason`.
pub fn reason_name(reason: ErrorReason) -> &'static str {
    reason.as_str_name().trim_start_matches("ERROR_REASON_")
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let inner = *refusal.0;
        let mut metadata = inner.metadata;
        if let Some(cause) = inner.cause {
            tracing::error!(cause, "internal fault");
            if let Some(trace) = crate::telemetry::traceparent_of_current_span() {
                metadata.insert("traceparent".to_owned(), trace);
            }
        }
        let mut details = ErrorDetails::with_error_info(reason_name(inner.reason), DOMAIN, metadata);
        for violation in inner.fields {
            details.add_bad_request_violation(violation.field, violation.description);
        }
        if !inner.preconditions.is_empty() {
            details.set_precondition_failure(inner.preconditions);
        }
        if let Some((kind, name)) = inner.resource {
            details.set_resource_info(kind, name, "", "");
        }
        if inner.retry_after.is_some() {
            details.set_retry_info(inner.retry_after);
        }
        Status::with_error_details(inner.kind.code(), inner.message, details)
    }
}

/// A database fault: what helps a caller is told, the rest is ours.
impl From<DbErr> for Refusal {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => {
                return Self::new(
                    Kind::Taken,
                    ErrorReason::Taken,
                    "a value that must be unique is taken by another record",
                );
            }
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
                return Self::new(Kind::Precondition, ErrorReason::Guard, "a record that is referred to is not there");
            }
            _ => {}
        }
        if is_concurrent(&error) {
            return Self::new(
                Kind::Conflict,
                ErrorReason::ConcurrentChange,
                "a concurrent change won; send the same call again",
            )
            .after(Duration::from_millis(50));
        }
        match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => {
                Self::unavailable("the database is not reachable now", Duration::from_millis(500))
            }
            DbErr::Exec(RuntimeErr::SqlxError(ref inner)) | DbErr::Query(RuntimeErr::SqlxError(ref inner))
                if is_overdue(inner) =>
            {
                Self::unavailable("the database took too long; nothing was done", Duration::from_millis(500))
            }
            DbErr::Exec(RuntimeErr::SqlxError(ref inner)) | DbErr::Query(RuntimeErr::SqlxError(ref inner))
                if is_lost_connection(inner) =>
            {
                Self::unavailable("the connection to the database was lost", Duration::from_millis(500))
            }
            other => Self::internal(other),
        }
    }
}

/// Serialization failure, deadlock, lock or busy timeout: the transaction rolled back and may be run again.
fn is_concurrent(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner))) = error else {
        return false;
    };
    inner
        .as_database_error()
        .and_then(|database| database.code().map(|code| code.into_owned()))
        .is_some_and(|code| matches!(code.as_str(), "40001" | "40P01" | "55P03" | "5" | "261" | "517"))
}

/// A statement that PostgreSQL ended because its time was up.
fn is_overdue(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|database| database.code()).is_some_and(|code| code == "57014")
}

fn is_lost_connection(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed
    ) || error.as_database_error().and_then(|database| database.code()).is_some_and(|code| code.starts_with("57P"))
}

impl From<BadName> for Refusal {
    fn from(bad: BadName) -> Self {
        Self::field("name", bad.to_string())
    }
}

impl From<ListError> for Refusal {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Db(error) => error.into(),
            other => {
                let mut refusal = Self::field(other.field(), other.problem());
                refusal.0.reason = ErrorReason::InvalidList;
                refusal
            }
        }
    }
}
