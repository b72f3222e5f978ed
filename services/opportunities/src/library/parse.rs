//! A process from its file: read strictly, and told of everything that is wrong in it at once (R-PRC-3).

use super::check::check;
use super::definition::{
    ActivityType, Asked, At, Control, DocumentGate, Effect, Faults, Outcome, Process, ProcessStage, RecordKind,
    Template,
};
use super::reading::{Entries, Reader, is_slug};
use super::stages::Stages;
use super::tree::{self, Kind, Node};
use crate::opportunity::{Field, LoseReason, NamedReason};

/// The most days until an activity is due, or is to be done again.
const MAX_DAYS: i32 = 365;
/// The most characters of what people call a category, as the desk has it.
const MAX_CATEGORY: usize = 200;
/// The most documents that an activity points at, as the desk has it.
const MAX_DOCUMENTS: usize = 20;
const PROCESS: &[&str] = &["id", "captions", "control", "stages"];
const STAGE: &[&str] =
    &["stage", "record", "goal", "fields", "documents", "completes", "prepares_quote", "makes_customer", "activities"];
const TEMPLATE: &[&str] = &[
    "code",
    "type",
    "category",
    "subject",
    "instructions",
    "knowledge",
    "required",
    "on_entry",
    "needs_text",
    "due_days",
    "results",
];
const OUTCOME: &[&str] = &["code", "captions", "effect"];

impl Process {
    /// Reads a definition.
    ///
    /// # Errors
    /// [`Faults`] with all that is misspelt, twice there, or refers to a stage or template that is not there; each with
    /// its line and column.
    pub fn parse(file: &str, text: &str, stages: &Stages) -> Result<Self, Faults> {
        let refuse = |faults| Faults { file: file.to_owned(), faults };
        let tree = tree::read(text).map_err(|fault| refuse(vec![fault]))?;
        let mut reader = Reader::default();
        let process = process(&mut reader, &tree);
        check(&mut reader, &process, stages);
        let mut faults = reader.faults;
        faults.sort_by_key(|fault| (fault.line, fault.column));
        faults.dedup();
        if faults.is_empty() { Ok(process) } else { Err(refuse(faults)) }
    }
}

fn process(reader: &mut Reader, node: &Node) -> Process {
    let of = reader.entries(node, "a process", PROCESS);
    let id = reader.slug(&of, "id");
    let captions = reader.need_text(&of, "captions");
    let control = reader.need(&of, "control").and_then(|node| reader.one_of(node, Control::ALL, Control::as_str));
    reader.need(&of, "stages");
    let stages = reader.list(&of, "stages").iter().map(|node| stage(reader, node)).collect();
    Process { version: 0, id, captions, control: control.unwrap_or(Control::Free), stages }
}

fn stage(reader: &mut Reader, node: &Node) -> ProcessStage {
    let of = reader.entries(node, "a stage", STAGE);
    ProcessStage {
        stage: reader.slug(&of, "stage"),
        goal: of.get("goal").map(|node| reader.text(node)),
        record: of.get("record").and_then(|node| reader.one_of(node, RecordKind::ALL, RecordKind::as_str)),
        fields: reader.list(&of, "fields").iter().map(|node| asked(reader, node)).collect(),
        documents: {
            let items = reader.list(&of, "documents");
            items.iter().filter_map(|it| reader.one_of(it, DocumentGate::ALL, DocumentGate::as_str)).collect()
        },
        completes: reader.flag(&of, "completes", false),
        prepares_quote: reader.flag(&of, "prepares_quote", false),
        makes_customer: reader.flag(&of, "makes_customer", false),
        activities: reader.list(&of, "activities").iter().map(|node| template(reader, node)).collect(),
    }
}

/// A field, or a list of fields of which one must be known.
fn asked(reader: &mut Reader, node: &Node) -> Asked {
    let items = match &node.value {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() {
        reader.fault(node, "a list of fields of which one must be known is not empty");
    }
    Asked(items.iter().filter_map(|item| reader.one_of(item, Field::ALL, Field::path)).collect())
}

fn template(reader: &mut Reader, node: &Node) -> Template {
    let of = reader.entries(node, "an activity", TEMPLATE);
    let kind = reader.need(&of, "type").and_then(|it| reader.one_of(it, ActivityType::ALL, ActivityType::as_str));
    reader.need(&of, "results");
    Template {
        code: reader.slug(&of, "code"),
        r#type: kind.unwrap_or(ActivityType::Task),
        subject: reader.need_text(&of, "subject"),
        instructions: reader.need_text(&of, "instructions"),
        required: reader.flag(&of, "required", true),
        due_days: reader.need(&of, "due_days").and_then(|node| reader.number(node, 0..=MAX_DAYS)).unwrap_or_default(),
        on_entry: reader.flag(&of, "on_entry", true),
        needs_text: reader.flag(&of, "needs_text", false),
        category: of.get("category").and_then(|node| category(reader, node)),
        knowledge: documents(reader, &of),
        results: reader.list(&of, "results").iter().map(|node| outcome(reader, node)).collect(),
    }
}

fn category(reader: &mut Reader, node: &Node) -> Option<String> {
    let word = reader.word(node)?;
    if word.value.trim().is_empty() || word.value.chars().count() > MAX_CATEGORY {
        reader.fault(&word, format!("a category is called by 1 to {MAX_CATEGORY} characters"));
    }
    Some(word.value)
}

/// Documents of the knowledge base by the last part of their names. Whether they are there nobody can say here: another
/// service keeps them, and one that is not there when the activity is made is passed over.
fn documents(reader: &mut Reader, of: &Entries<'_>) -> Vec<String> {
    let words: Vec<_> = reader.list(of, "knowledge").iter().filter_map(|node| reader.word(node)).collect();
    for word in words.iter().filter(|word| !is_slug(&word.value)) {
        reader.fault(word, format!("`{}` is no document: the last part of its name, as in `knowledge/…`", word.value));
    }
    if let Some(one_more) = words.get(MAX_DOCUMENTS) {
        reader.fault(one_more, format!("an activity points at {MAX_DOCUMENTS} documents at the most"));
    }
    words.into_iter().map(|word| word.value).collect()
}

fn outcome(reader: &mut Reader, node: &Node) -> Outcome {
    let of = reader.entries(node, "a result", OUTCOME);
    let code = reader.slug(&of, "code");
    let captions = reader.need_text(&of, "captions");
    let effect = reader.need(&of, "effect").and_then(|node| effect(reader, node));
    Outcome { code, captions, effect: effect.unwrap_or(At { value: Effect::None, line: 0, column: 0 }) }
}

/// A built-in reason of loss, or a code that may be one of the user's own: the import asks whether it is.
fn reason(reader: &mut Reader, node: &Node) -> Option<NamedReason> {
    let word = reader.word(node)?;
    let named = NamedReason::of(&word.value);
    if named.is_none() {
        let known: Vec<&str> = LoseReason::ALL.iter().map(|it| it.as_str()).collect();
        reader
            .fault(&word, format!("`{}` is none of {}, and no code of one of your own", word.value, known.join(", ")));
    }
    named
}

/// A word for an effect of its own, a name with a value for one that leads somewhere.
fn effect(reader: &mut Reader, node: &Node) -> Option<At<Effect>> {
    const EXPECTED: &str =
        "none, advance, win, {goto: STAGE}, {create: ACTIVITY}, {lose: REASON} or {wait: DAYS} is expected here";
    let value = match &node.value {
        Kind::Word(word) => match word.as_str() {
            "none" => Some(Effect::None),
            "advance" => Some(Effect::Advance),
            "win" => Some(Effect::Win),
            _ => None,
        },
        Kind::Map(entries) if entries.len() == 1 => {
            let of: Entries<'_> = reader.entries(node, "an effect", &["goto", "create", "lose", "wait"]);
            let (name, value) = &entries[0];
            match name.value.as_str() {
                "goto" => reader.word(value).map(|word| Effect::Goto(word.value)),
                "create" => reader.word(value).map(|word| Effect::Create(word.value)),
                "lose" => reason(reader, value).map(Effect::Lose),
                "wait" => reader.need(&of, "wait").and_then(|days| reader.number(days, 1..=MAX_DAYS)).map(Effect::Wait),
                _ => None,
            }
        }
        _ => None,
    };
    if value.is_none() {
        let said = reader.faults.iter().any(|fault| fault.line == node.line && fault.column >= node.column);
        if !said {
            reader.fault(node, EXPECTED);
        }
    }
    value.map(|value| At { value, line: node.line, column: node.column })
}
