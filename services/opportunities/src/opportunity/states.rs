//! The life cycle of an opportunity: `OPEN -> WON | LOST`, and nothing after (R-OPP-3).

use std::fmt;

use dealflow_chassis::Lifecycle;
use sea_orm::entity::prelude::StringLen;
use sea_orm::{DeriveActiveEnum, EnumIter};
use serde::{Deserialize, Serialize};

use crate::library::Meaning;

/// Whether the sale is still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::None)", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Being worked on.
    Open,
    /// Won; changes no more.
    Won,
    /// Lost; changes no more.
    Lost,
}

/// What can be asked of an opportunity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Take over new values.
    UpdateOpportunity,
    /// Start a process.
    StartProcess,
    /// Enter another open stage.
    MoveToStage,
    /// Note the result of an activity.
    RecordActivityResult,
    /// Add time that somebody spent on it.
    RecordTime,
    /// Reserve it for its order.
    ReserveOpportunity,
    /// Free it of its order.
    ReleaseOpportunity,
    /// Win.
    WinOpportunity,
    /// Lose.
    LoseOpportunity,
    /// Let it wait.
    HoldOpportunity,
    /// Go on with it.
    ResumeOpportunity,
    /// Cancel the run of its process.
    CancelProcess,
    /// Let the run of its process go on.
    ResumeProcess,
}

/// Why it was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::None)", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LoseReason {
    /// A competitor sold.
    OutSold,
    /// The customer canceled.
    Canceled,
    /// No budget.
    NoBudget,
    /// No decision was made.
    NoDecision,
    /// The price.
    Price,
    /// Anything else; needs a comment.
    Other,
}

impl Lifecycle for State {
    type Verb = Verb;
    const NOUN: &'static str = "opportunity";
    const STATES: &'static [Self] = &[Self::Open, Self::Won, Self::Lost];
    const VERBS: &'static [Verb] = &[
        Verb::UpdateOpportunity,
        Verb::StartProcess,
        Verb::MoveToStage,
        Verb::RecordActivityResult,
        Verb::RecordTime,
        Verb::ReserveOpportunity,
        Verb::ReleaseOpportunity,
        Verb::WinOpportunity,
        Verb::LoseOpportunity,
        Verb::HoldOpportunity,
        Verb::ResumeOpportunity,
        Verb::CancelProcess,
        Verb::ResumeProcess,
    ];

    fn next(self, verb: Verb) -> Option<Self> {
        match (self, verb) {
            (Self::Open, Verb::WinOpportunity) => Some(Self::Won),
            (Self::Open, Verb::LoseOpportunity) => Some(Self::Lost),
            (
                Self::Open,
                Verb::UpdateOpportunity
                | Verb::StartProcess
                | Verb::MoveToStage
                | Verb::RecordActivityResult
                | Verb::RecordTime
                | Verb::ReserveOpportunity
                | Verb::ReleaseOpportunity
                | Verb::HoldOpportunity
                | Verb::ResumeOpportunity
                | Verb::CancelProcess
                | Verb::ResumeProcess,
            ) => Some(Self::Open),
            (Self::Won | Self::Lost, _) => None,
        }
    }
}

impl State {
    /// What the stage of an opportunity in this state means.
    pub fn meaning(self) -> Meaning {
        match self {
            Self::Open => Meaning::Open,
            Self::Won => Meaning::Won,
            Self::Lost => Meaning::Lost,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "OPEN",
            Self::Won => "WON",
            Self::Lost => "LOST",
        })
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UpdateOpportunity => "UpdateOpportunity",
            Self::StartProcess => "StartProcess",
            Self::MoveToStage => "MoveToStage",
            Self::RecordActivityResult => "RecordActivityResult",
            Self::RecordTime => "RecordTime",
            Self::ReserveOpportunity => "ReserveOpportunity",
            Self::ReleaseOpportunity => "ReleaseOpportunity",
            Self::WinOpportunity => "WinOpportunity",
            Self::LoseOpportunity => "LoseOpportunity",
            Self::HoldOpportunity => "HoldOpportunity",
            Self::ResumeOpportunity => "ResumeOpportunity",
            Self::CancelProcess => "CancelProcess",
            Self::ResumeProcess => "ResumeProcess",
        })
    }
}

impl LoseReason {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::OutSold, Self::Canceled, Self::NoBudget, Self::NoDecision, Self::Price, Self::Other];

    /// As files, columns and messages write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutSold => "OUT_SOLD",
            Self::Canceled => "CANCELED",
            Self::NoBudget => "NO_BUDGET",
            Self::NoDecision => "NO_DECISION",
            Self::Price => "PRICE",
            Self::Other => "OTHER",
        }
    }
}

impl fmt::Display for LoseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
