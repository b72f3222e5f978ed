//! A process definition as its file says it (R-PRC-2): stages, activity templates, results and what follows from them.
//!
//! A file is read strictly: what is misspelt, twice there or refers to nothing is refused with file, line and reason.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;

use super::text::Text;
use crate::opportunity::{Field, LoseReason};

/// How freely an opportunity moves between the stages (R-STG-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Control {
    /// From any open stage to any other.
    Free,
    /// Leaving forward needs the fields that the stages left behind ask for.
    Gated,
    /// Only the next stage.
    Strict,
}

/// A process: one version of one file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Version, from 1; not in the file, it is given when the file is registered.
    #[serde(skip)]
    pub version: i32,
    /// The slug in its name, e.g. `corporate-sale`.
    pub id: Spanned<String>,
    /// Its names; it can be started by either.
    pub captions: Text,
    /// How freely an opportunity moves.
    pub control: Control,
    /// Its stages, in order; open ones first.
    pub stages: Vec<ProcessStage>,
}

/// A stage as a process uses it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessStage {
    /// The stage of the lookup.
    pub stage: Spanned<String>,
    /// What is to be reached in it; none for final stages.
    pub goal: Option<Text>,
    /// What it is to find out: missing fields are said in the guidance, and are the gate where control is GATED.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// What it makes activities from.
    #[serde(default)]
    pub activities: Vec<Template>,
}

/// What a process makes an activity from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Unique in its process.
    pub code: Spanned<String>,
    /// What kind of activity.
    pub r#type: ActivityType,
    /// What is to be done.
    pub subject: Text,
    /// How it is to be done.
    pub instructions: Text,
    /// Whether the stage waits for it.
    #[serde(default = "yes")]
    pub required: bool,
    /// Days from its creation to its due day.
    pub due_days: i32,
    /// Whether it is made on entry, or only when a result asks for it.
    #[serde(default = "yes")]
    pub on_entry: bool,
    /// The results it may be completed with.
    pub results: Vec<Outcome>,
}

/// The kinds of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ActivityType {
    /// A task.
    Task,
    /// A call.
    Call,
    /// An e-mail.
    Email,
    /// A meeting.
    Meeting,
}

/// A result that an activity may have.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The code to complete with.
    pub code: Spanned<String>,
    /// What it means, for people.
    pub captions: Text,
    /// What follows from it.
    pub effect: Spanned<Effect>,
}

/// What a result does (R-STG-5).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Nothing more; the stage is done when all its required activities are.
    None,
    /// The next stage, at once.
    Advance,
    /// The stage of this slug.
    Goto(String),
    /// One more activity from the template of this code.
    Create(String),
    /// The opportunity is won.
    Win,
    /// The opportunity is lost, for this reason.
    Lose(LoseReason),
}

/// Why a file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {reason}")]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong there.
    pub reason: String,
}

impl Process {
    /// The stage of a slug.
    pub fn stage(&self, id: &str) -> Option<&ProcessStage> {
        self.stages.iter().find(|stage| stage.stage.value == id)
    }

    /// Place of a stage in the process.
    pub fn position(&self, id: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.stage.value == id)
    }

    /// Where it starts.
    pub fn first(&self) -> &ProcessStage {
        self.stages.first().expect("a process without stages is refused when it is read")
    }

    /// Whether the sale is won when the activities of this stage are done: a final stage has no goal.
    pub fn is_last_before_win(&self, stage: &str) -> bool {
        let of_work = |id: &str| self.stage(id).is_some_and(|stage| stage.goal.is_some());
        of_work(stage) && self.after(stage).is_none_or(|next| next.goal.is_none())
    }

    /// The stage after a stage; after the last open one it is the final one of won sales.
    pub fn after(&self, id: &str) -> Option<&ProcessStage> {
        self.stages.get(self.position(id)? + 1)
    }

    /// A template, whatever stage it is of.
    pub fn template(&self, code: &str) -> Option<&Template> {
        self.stages.iter().flat_map(|stage| &stage.activities).find(|template| template.code.value == code)
    }
}

impl Template {
    /// The result of a code.
    pub fn outcome(&self, code: &str) -> Option<&Outcome> {
        self.results.iter().find(|outcome| outcome.code.value == code)
    }
}

impl ActivityType {
    /// As it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Task => "TASK",
            Self::Call => "CALL",
            Self::Email => "EMAIL",
            Self::Meeting => "MEETING",
        }
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Free => "FREE",
            Self::Gated => "GATED",
            Self::Strict => "STRICT",
        })
    }
}

/// Reads a file into its struct, or says where it is wrong.
pub(super) fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Fault> {
    serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        Fault { file: file.to_owned(), line, reason: error.without_snippet().to_string() }
    })
}

fn yes() -> bool {
    true
}
