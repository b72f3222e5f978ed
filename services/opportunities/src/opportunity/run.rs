//! The run of a process for one opportunity: `RUNNING -> COMPLETED | CANCELED`, pinned to one version (R-PRC-3).

use chrono::{DateTime, Utc};
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
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunState {
    /// It leads the opportunity.
    Running,
    /// The opportunity was closed.
    Completed,
    /// Somebody ended it.
    Canceled,
}

impl Run {
    /// Ends it: its opportunity was closed.
    pub fn complete(&mut self, now: DateTime<Utc>) {
        if self.state == RunState::Running {
            self.state = RunState::Completed;
            self.ended_at = Some(now);
        }
    }
}
