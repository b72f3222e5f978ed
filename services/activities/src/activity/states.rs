//! How far an activity is: its states, its verbs, and the one table of both (`states.md`).

use std::fmt;

use dealflow_chassis::Lifecycle;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveEnum, DeriveActiveEnum};

/// How far an activity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum State {
    /// Nobody began.
    #[sea_orm(string_value = "NOT_STARTED")]
    NotStarted,
    /// Somebody is at it.
    #[sea_orm(string_value = "IN_PROGRESS")]
    InProgress,
    /// Somebody else has to do something first; open.
    #[sea_orm(string_value = "WAITING")]
    Waiting,
    /// Put off until a time; open.
    #[sea_orm(string_value = "DEFERRED")]
    Deferred,
    /// Done; final.
    #[sea_orm(string_value = "COMPLETED")]
    Completed,
    /// Not to be done any more; final.
    #[sea_orm(string_value = "CANCELED")]
    Canceled,
}

/// The states in which somebody still has to do something.
pub const OPEN: [State; 4] = [State::NotStarted, State::InProgress, State::Waiting, State::Deferred];

/// Who asked for an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Origin {
    /// A stage entry of a process; it ends with the entry (R-STG-3).
    #[sea_orm(string_value = "PROCESS")]
    Process,
    /// A person; it outlives stages.
    #[sea_orm(string_value = "MANUAL")]
    Manual,
}

/// What may be done with an activity; named as the RPCs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Change what is known of it.
    UpdateActivity,
    /// Begin.
    StartActivity,
    /// Put off.
    DeferActivity,
    /// Wait for somebody else.
    WaitForActivity,
    /// Go on.
    ReopenActivity,
    /// Give to somebody else.
    ReassignActivity,
    /// End with a result.
    CompleteActivity,
    /// End without.
    CancelActivity,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_value())
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Lifecycle for State {
    type Verb = Verb;
    const NOUN: &'static str = "activity";
    const STATES: &'static [Self] =
        &[Self::NotStarted, Self::InProgress, Self::Waiting, Self::Deferred, Self::Completed, Self::Canceled];
    const VERBS: &'static [Verb] = &[
        Verb::UpdateActivity,
        Verb::StartActivity,
        Verb::DeferActivity,
        Verb::WaitForActivity,
        Verb::ReopenActivity,
        Verb::ReassignActivity,
        Verb::CompleteActivity,
        Verb::CancelActivity,
    ];

    fn next(self, verb: Verb) -> Option<Self> {
        match (self, verb) {
            (Self::Completed | Self::Canceled, _) => None,
            (open, Verb::UpdateActivity | Verb::ReassignActivity) => Some(open),
            (Self::NotStarted | Self::Waiting | Self::Deferred, Verb::StartActivity) => Some(Self::InProgress),
            (_, Verb::DeferActivity) => Some(Self::Deferred),
            (_, Verb::WaitForActivity) => Some(Self::Waiting),
            // Or IN_PROGRESS, where it had been begun: see `Model::reopen`.
            (Self::Waiting | Self::Deferred, Verb::ReopenActivity) => Some(Self::NotStarted),
            (_, Verb::CompleteActivity) => Some(Self::Completed),
            (_, Verb::CancelActivity) => Some(Self::Canceled),
            _ => None,
        }
    }
}
