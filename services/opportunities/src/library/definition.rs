//! A process definition (R-PRC-2): stages, activity templates, results and what follows from them.

use std::fmt;

use super::text::Text;
use crate::opportunity::{Field, NamedReason};

/// How freely an opportunity moves between the stages (R-STG-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// From any open stage to any other.
    Free,
    /// Leaving forward needs the gates of the stages left behind.
    Gated,
    /// Only the next stage, and that needs the gate of the present one.
    Strict,
}

/// A process: one version of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// Version, from 1; not in the file, it is given when the file is registered.
    pub version: i32,
    /// The slug in its name, e.g. `corporate-sale`.
    pub id: At<String>,
    /// Its names; it can be started by either.
    pub captions: Text,
    /// How freely an opportunity moves.
    pub control: Control,
    /// Its stages, in order: open ones, the one of won and the one of lost sales.
    pub stages: Vec<ProcessStage>,
}

/// A stage as a process uses it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessStage {
    /// The stage of the lookup.
    pub stage: At<String>,
    /// What is to be reached in it; none for final stages.
    pub goal: Option<Text>,
    /// The kind of record that it stands for.
    pub record: Option<RecordKind>,
    /// What it is to find out: said in the guidance, and the gate where control is GATED or STRICT.
    pub fields: Vec<Asked>,
    /// The documents that its gate asks for.
    pub documents: Vec<DocumentGate>,
    /// Whether entering it ends the run: the sale goes on without the process.
    pub completes: bool,
    /// Whether entering it starts the preparation of a quote.
    pub prepares_quote: bool,
    /// Whether entering it makes the account a customer (R-ACC-1).
    pub makes_customer: bool,
    /// What it makes activities from.
    pub activities: Vec<Template>,
}

/// The kinds of record that a stage can stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// A lead: an opportunity that has one begins behind it.
    Lead,
    /// The opportunity itself.
    Opportunity,
    /// A quote.
    Quote,
    /// An order.
    Order,
    /// An invoice.
    Invoice,
}

/// What a gate asks to be known: one of these fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked(pub Vec<Field>);

/// A document that a gate asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentGate {
    /// A quote that the customer can accept, or did.
    QuoteActive,
    /// A quote that the customer accepted.
    QuoteAccepted,
    /// An invoice that the ERP accepted.
    InvoiceAccepted,
}

/// What a process makes an activity from.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Unique in its process.
    pub code: At<String>,
    /// What kind of activity.
    pub r#type: ActivityType,
    /// What is to be done.
    pub subject: Text,
    /// How it is to be done.
    pub instructions: Text,
    /// Whether the stage waits for it.
    pub required: bool,
    /// Days from its creation to its due day.
    pub due_days: i32,
    /// Whether it is made on entry, or only when a result asks for it.
    pub on_entry: bool,
    /// Whether completing it needs the result in words.
    pub needs_text: bool,
    /// What kind of work it is: what people call the category of activities (R-ACT-1).
    pub category: Option<String>,
    /// The documents that help to do it: the last parts of their names (R-ACT-6).
    pub knowledge: Vec<String>,
    /// The results it may be completed with.
    pub results: Vec<Outcome>,
}

/// The kinds of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The code to complete with.
    pub code: At<String>,
    /// What it means, for people.
    pub captions: Text,
    /// What follows from it.
    pub effect: At<Effect>,
}

/// What a result does (R-STG-5).
#[derive(Debug, Clone, PartialEq, Eq)]
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
    Lose(NamedReason),
    /// The activity is to be done again after so many days; the opportunity does not move.
    Wait(i32),
}

/// A value of a file, and where it stands there. Two are the same wherever they stand.
#[derive(Debug, Clone, Default)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

/// One mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct Fault {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
    /// What is wrong there.
    pub reason: String,
}

/// Why a file is refused: all its mistakes, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// The file.
    pub file: String,
    /// What is wrong in it; never empty.
    pub faults: Vec<Fault>,
}

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.faults.iter().map(|fault| format!("{}, {fault}", self.file)).collect();
        f.write_str(&all.join("\n"))
    }
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

    /// Where it starts: behind the stages of the lead, where the sale came from one.
    pub fn first(&self, from_lead: bool) -> &ProcessStage {
        let behind_lead = |stage: &&ProcessStage| !from_lead || stage.record != Some(RecordKind::Lead);
        let first = self.stages.iter().find(behind_lead).or_else(|| self.stages.first());
        first.expect("a process without stages is refused when it is read")
    }

    /// Whether the sale is won when the activities of this stage are done: the next is where won sales end.
    pub fn is_last_before_win(&self, stage: &str) -> bool {
        self.after(stage).is_some_and(|next| next.stage.value == self.won().stage.value)
    }

    /// The stage after a stage; after the last open one it is the final one of won sales.
    pub fn after(&self, id: &str) -> Option<&ProcessStage> {
        self.stages.get(self.position(id)? + 1)
    }

    /// The stage in which its won sales end: the last but one.
    pub fn won(&self) -> &ProcessStage {
        let won = self.stages.len().checked_sub(2).and_then(|place| self.stages.get(place));
        won.expect("a process without final stages is refused when it is read")
    }

    /// A template, whatever stage it is of.
    pub fn template(&self, code: &str) -> Option<&Template> {
        self.stages.iter().flat_map(|stage| &stage.activities).find(|template| template.code.value == code)
    }

    /// Whether a gate of it asks for documents of other services.
    pub fn asks_documents(&self) -> bool {
        self.control != Control::Free && self.stages.iter().any(|stage| !stage.documents.is_empty())
    }
}

impl Template {
    /// The result of a code.
    pub fn outcome(&self, code: &str) -> Option<&Outcome> {
        self.results.iter().find(|outcome| outcome.code.value == code)
    }

    /// Whether completing it with this result needs the result in words: where it always does, but to be done again
    /// later; and where a loss asks for a comment (R-OPP-2).
    pub fn needs_text_for(&self, outcome: &Outcome) -> bool {
        match &outcome.effect.value {
            Effect::Wait(_) => false,
            Effect::Lose(reason) => self.needs_text || reason.needs_comment(),
            _ => self.needs_text,
        }
    }
}

impl Asked {
    /// As a refusal and the guidance name it: `bant.budget_status|bant.decision_maker` where one of them will do.
    pub fn path(&self) -> String {
        let paths: Vec<&str> = self.0.iter().map(|field| field.path()).collect();
        paths.join("|")
    }
}

/// The words of an enum as files and the wire write them.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}

words!(Control { Free = "FREE", Gated = "GATED", Strict = "STRICT" });
words!(ActivityType { Task = "TASK", Call = "CALL", Email = "EMAIL", Meeting = "MEETING" });
words!(RecordKind { Lead = "lead", Opportunity = "opportunity", Quote = "quote", Order = "order", Invoice = "invoice" });
words!(DocumentGate {
    QuoteActive = "quote_active",
    QuoteAccepted = "quote_accepted",
    InvoiceAccepted = "invoice_accepted",
});

impl DocumentGate {
    /// As a refusal and the guidance name it.
    pub fn path(self) -> &'static str {
        match self {
            Self::QuoteActive => "documents.quote_active",
            Self::QuoteAccepted => "documents.quote_accepted",
            Self::InvoiceAccepted => "documents.invoice_accepted",
        }
    }

    /// What is missing, for people.
    pub fn missing(self) -> &'static str {
        match self {
            Self::QuoteActive => "there is no active quote",
            Self::QuoteAccepted => "there is no accepted quote",
            Self::InvoiceAccepted => "there is no invoice that the ERP has accepted",
        }
    }
}

impl fmt::Display for Effect {
    /// As a file writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Advance => f.write_str("advance"),
            Self::Goto(stage) => write!(f, "goto: {stage}"),
            Self::Create(template) => write!(f, "create: {template}"),
            Self::Win => f.write_str("win"),
            Self::Lose(reason) => write!(f, "lose: {reason}"),
            Self::Wait(days) => write!(f, "wait: {days}"),
        }
    }
}
