//! Why something is refused here, each with what would be accepted; and why the part does not start.

use dealflow_chassis::refusal::{Kind, Refusal};
use dealflow_proto::Violation;
use dealflow_proto::errors::v1::ErrorReason;
use sea_orm::DbErr;

use crate::library::Faults;

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the chassis refuses: form, version, state, request id.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbErr),
    /// Fields that cannot be meant, all at once.
    #[error("fields are wrong")]
    Fields(Vec<Violation>),
    /// Amounts that do not fit, or of different currencies.
    #[error("{field}: {problem}")]
    Arithmetic {
        /// Which of these, from the catalogue.
        reason: ErrorReason,
        /// The field, e.g. `lines[2].unit_price`.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A record or definition that is not there.
    #[error("there is no {0}")]
    Missing(String),
    /// A value that must be unique.
    #[error("{field} `{value}` is taken by {holder}")]
    Taken {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// Who has it.
        holder: String,
    },
    /// A second start (R-PRC-1).
    #[error("{0} runs for this opportunity already; at most one does, nothing was changed")]
    ProcessRuns(String),
    /// The stage that the opportunity is in, or is to enter, is none of the process's.
    #[error("{stage} is no stage of {process}; its open stages are {open}")]
    NotOfProcess {
        /// The stage.
        stage: String,
        /// The process.
        process: String,
        /// What would be accepted.
        open: String,
    },
    /// Entering the stage that it is in.
    #[error("the opportunity is in {stage} already; it can move to {open}")]
    SameStage {
        /// The stage.
        stage: String,
        /// What would be accepted.
        open: String,
    },
    /// Entering a final stage by moving.
    #[error("{stage} is final and not entered by moving: call {verb}")]
    FinalStage {
        /// The stage.
        stage: String,
        /// What to call instead.
        verb: &'static str,
    },
    /// A process of control STRICT goes stage by stage (R-STG-2).
    #[error("{process} goes stage by stage: from {from} only to {next}")]
    OnlyNext {
        /// The process.
        process: String,
        /// The present stage.
        from: String,
        /// The one stage that can follow.
        next: String,
    },
    /// The gate of a stage under control GATED or STRICT (R-STG-2): all that is missing.
    #[error("{stage} is left forward when these are there: {}", missing.iter().map(|it| it.0.as_str()).collect::<Vec<_>>().join(", "))]
    Gate {
        /// The stage whose gate is shut.
        stage: String,
        /// Fields and documents, each with what is wrong with it.
        missing: Vec<(String, String)>,
    },
    /// No process goes by a name, or several do (R-PRC-1).
    #[error("{} `{name}`; known are {}", if *several { "several processes go by" } else { "no process goes by" }, candidates.join("; "))]
    NoProcess {
        /// The name as it was typed.
        name: String,
        /// Whether several processes go by it.
        several: bool,
        /// What could have been meant.
        candidates: Vec<String>,
    },
    /// A version of a process that is not there, or that this program cannot read.
    #[error("version {version} of {process} cannot be followed: {cause}")]
    Unfollowable {
        /// The process.
        process: String,
        /// The version.
        version: i32,
        /// Why.
        cause: String,
    },
    /// A verb that needs the process, whose definition cannot be followed.
    #[error("{process} cannot be followed ({cause}); ResumeProcess, CancelProcess or LoseOpportunity is accepted")]
    RunInError {
        /// The process.
        process: String,
        /// Why.
        cause: String,
    },
    /// A run that is not there.
    #[error("no process was started on {0}")]
    NoRun(String),
    /// A file with mistakes, all of them (R-PRC-3).
    #[error(transparent)]
    Definition(#[from] Faults),
    /// A result for an activity that the stage entry does not ask for.
    #[error("{entry} asks for no activity `{key}`; it asks for {known}")]
    UnknownActivity {
        /// The stage entry.
        entry: String,
        /// The key that was given.
        key: String,
        /// The keys it knows.
        known: String,
    },
    /// A result that the activity may not have.
    #[error("`{key}` cannot be completed with `{result}`; allowed are {allowed}")]
    UnknownResult {
        /// The activity.
        key: String,
        /// The result that was given.
        result: String,
        /// What would be accepted.
        allowed: String,
    },
    /// Another result for a completed activity.
    #[error("`{key}` was completed with `{result}`; a result stands")]
    ResultStands {
        /// The activity.
        key: String,
        /// The result it has.
        result: String,
    },
    /// Losing, or ordering once more, while an order stands (R-OPP-2, R-OPP-5).
    #[error("{opportunity} is ordered: {order} stands; CancelOrder it first, then {verb}")]
    Ordered {
        /// The opportunity.
        opportunity: String,
        /// The order that it is reserved for.
        order: String,
        /// What was asked for.
        verb: &'static str,
    },
    /// A record that is part of the product.
    #[error("{0} is built in and does not change; retire or add one of your own")]
    BuiltIn(String),
    /// Holding what is on hold, or resuming what is not.
    #[error("the opportunity is {status}; it accepts {allowed}")]
    Status {
        /// IN_PROGRESS or ON_HOLD.
        status: &'static str,
        /// The verb that it accepts.
        allowed: &'static str,
    },
    /// A follow-up of an opportunity that is still open.
    #[error("{0} is open: work on it, or close it first; a follow-up is for a closed one")]
    StillOpen(String),
    /// Stored data that contradicts itself: our fault.
    #[error("{0}")]
    Broken(String),
}

impl Error {
    /// One field that cannot be meant; `expected` says what it must be.
    pub fn field(field: &str, expected: impl Into<String>) -> Self {
        Self::Fields(vec![Violation { field: field.to_owned(), description: expected.into() }])
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Refused(refusal) => refusal,
            Error::Db(error) => error.into(),
            Error::Fields(fields) => Self::fields(fields),
            Error::Arithmetic { reason, field, .. } => Self::new(Kind::Invalid, reason, message).with("field", field),
            Error::Missing(name) => Self::missing(&name),
            Error::Taken { field, holder, .. } => {
                Self::new(Kind::Taken, ErrorReason::Taken, message).with("field", field).with("holder", holder)
            }
            Error::ProcessRuns(process) => {
                Self::guard(message, &[("process_run", "no process runs")]).with("process", process)
            }
            Error::NotOfProcess { open, .. } | Error::SameStage { open, .. } => {
                Self::guard(message, &[("stage", &open)]).with("allowed", open)
            }
            Error::FinalStage { verb, .. } => Self::guard(message, &[("stage", verb)]).with("allowed", verb),
            Error::OnlyNext { next, .. } => Self::guard(message, &[("stage", &next)]).with("allowed", next),
            Error::Gate { stage, missing } => {
                let missing: Vec<(&str, &str)> =
                    missing.iter().map(|(what, wrong)| (what.as_str(), wrong.as_str())).collect();
                Self::guard(message, &missing).with("stage", stage)
            }
            Error::NoProcess { several: false, candidates, name } => {
                Self::new(Kind::Missing, ErrorReason::NotFound, message)
                    .with("resource", name)
                    .with("candidates", candidates.join("; "))
            }
            Error::NoProcess { candidates, .. } => {
                Self::field("process", message).with("candidates", candidates.join("; "))
            }
            Error::Unfollowable { process, .. } => {
                Self::guard(message, &[("process", "a version that can be followed")]).with("process", process)
            }
            Error::RunInError { process, .. } => {
                let allowed = "ResumeProcess, CancelProcess, LoseOpportunity";
                Self::guard(message, &[("process_run", "can be followed")])
                    .with("process", process)
                    .with("allowed", allowed)
            }
            Error::NoRun(_) => Self::guard(message, &[("process_run", "a process was started")]),
            Error::Definition(faults) => Self::fields(
                faults
                    .faults
                    .iter()
                    .map(|fault| Violation { field: "yaml".to_owned(), description: fault.to_string() })
                    .collect(),
            ),
            Error::UnknownActivity { .. } => Self::field("planned_key", message),
            Error::UnknownResult { allowed, .. } => Self::field("result", message).with("allowed", allowed),
            Error::ResultStands { result, .. } => {
                Self::guard(message, &[("planned_key", "has no result yet")]).with("result", result)
            }
            Error::Ordered { order, .. } => {
                Self::guard(message, &[(&order, "is not canceled")]).with("reserved_order", order)
            }
            Error::BuiltIn(name) => Self::guard(message, &[(&name, "is built in")]).with("resource", name),
            Error::Status { status, allowed } => Self::new(Kind::Precondition, ErrorReason::StateRefusesVerb, message)
                .with("state", status)
                .with("allowed", allowed),
            Error::StillOpen(name) => Self::guard(message, &[(&name, "is not closed")]).with("resource", name),
            Error::Broken(cause) => Self::internal(cause),
        }
    }
}

/// Why the part does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A definition that ships, or the stage lookup, is wrong.
    #[error(transparent)]
    Definition(#[from] Faults),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbErr),
}
