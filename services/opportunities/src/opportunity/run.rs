//! The run of a process for one opportunity: `RUNNING -> COMPLETED | CANCELED`, `RUNNING -> ERROR -> RUNNING`, pinned to
//! one version (R-PRC-3).

use std::fmt;

use chrono::{DateTime, Utc};
use dealflow_chassis::Lifecycle;
use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};

use crate::library::Language;

/// A run. An opportunity has one at the most, so at most one leads it (R-PRC-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Run {
    /// The slug of the process.
    pub process: String,
    /// The version that it is pinned to.
    pub version: i32,
    /// The language that its activities are written in.
    pub language: Language,
    /// How far it is.
    pub state: RunState,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why its definition cannot be followed, while it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunState {
    /// It leads the opportunity.
    Running,
    /// The opportunity was closed, or the process handed it on.
    Completed,
    /// Somebody ended it.
    Canceled,
    /// Its definition cannot be followed.
    Error,
}

/// What can be asked of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunVerb {
    /// End it before its end.
    CancelProcess,
    /// Go on, when the definition can be followed again.
    ResumeProcess,
    /// End it: its last gate is open.
    CompleteProcess,
}

impl Lifecycle for RunState {
    type Verb = RunVerb;
    const NOUN: &'static str = "process run";
    const STATES: &'static [Self] = &[Self::Running, Self::Completed, Self::Canceled, Self::Error];
    const VERBS: &'static [RunVerb] = &[RunVerb::CancelProcess, RunVerb::ResumeProcess, RunVerb::CompleteProcess];

    fn next(self, verb: RunVerb) -> Option<Self> {
        match (self, verb) {
            (Self::Running | Self::Error, RunVerb::CancelProcess) => Some(Self::Canceled),
            (Self::Error, RunVerb::ResumeProcess) => Some(Self::Running),
            (Self::Running, RunVerb::CompleteProcess) => Some(Self::Completed),
            _ => None,
        }
    }
}

impl Run {
    /// Ends it: its opportunity was closed, or handed on.
    pub fn complete(&mut self, now: DateTime<Utc>) {
        if self.is_live() {
            self.end(RunState::Completed, now);
        }
    }

    /// Whether it leads the opportunity, or would if it could.
    pub fn is_live(&self) -> bool {
        matches!(self.state, RunState::Running | RunState::Error)
    }

    /// Ends it.
    pub fn end(&mut self, state: RunState, now: DateTime<Utc>) {
        self.state = state;
        self.ended_at = Some(now);
        self.error = None;
    }
}

/// What the column `led_by` says of an opportunity that a version leads: how its runs are found.
pub fn led_by(process: &str, version: i32) -> String {
    format!("{process}@{version}")
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Canceled => "CANCELED",
            Self::Error => "ERROR",
        })
    }
}

impl fmt::Display for RunVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
