//! What a file changes in a process (R-PRC-3): every text, field, activity and result that is new, gone or another.

use std::collections::BTreeMap;

use super::definition::{Process, ProcessStage, Template};
use super::text::Text;

/// One thing that a file changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which part, e.g. `stages/proposal/activities/present_proposal/subject.en`.
    pub path: String,
    /// What it was; none where it is new.
    pub before: Option<String>,
    /// What it is; none where it is gone.
    pub after: Option<String>,
}

/// The facts of a process in the order of its file: where they stand, and what they say.
type Facts = Vec<(String, String)>;

/// What is another in `after`, in its order; then what is gone.
pub fn differences(before: Option<&Process>, after: &Process) -> Vec<Difference> {
    let old = before.map(facts).unwrap_or_default();
    let new = facts(after);
    let before: BTreeMap<&str, &str> = old.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
    let after: BTreeMap<&str, &str> = new.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
    let changed = new.iter().filter(|(path, value)| before.get(path.as_str()) != Some(&value.as_str()));
    let changed = changed.map(|(path, value)| Difference {
        path: path.clone(),
        before: before.get(path.as_str()).map(ToString::to_string),
        after: Some(value.clone()),
    });
    let gone = old.iter().filter(|(path, _)| !after.contains_key(path.as_str()));
    let gone = gone.map(|(path, value)| Difference { path: path.clone(), before: Some(value.clone()), after: None });
    changed.chain(gone).collect()
}

fn facts(process: &Process) -> Facts {
    let mut facts = Facts::new();
    text(&mut facts, "captions", &process.captions);
    facts.push(("control".to_owned(), process.control.as_str().to_owned()));
    let order: Vec<&str> = process.stages.iter().map(|stage| stage.stage.value.as_str()).collect();
    facts.push(("stages".to_owned(), order.join(", ")));
    for stage in &process.stages {
        stage_facts(&mut facts, stage);
    }
    facts
}

fn stage_facts(facts: &mut Facts, stage: &ProcessStage) {
    let at = format!("stages/{}", stage.stage.value);
    if let Some(goal) = &stage.goal {
        text(facts, &format!("{at}/goal"), goal);
    }
    let mut said = |name: &str, value: String| {
        if !value.is_empty() {
            facts.push((format!("{at}/{name}"), value));
        }
    };
    said("record", stage.record.map(|record| record.as_str().to_owned()).unwrap_or_default());
    said("fields", joined(stage.fields.iter().map(super::Asked::path)));
    said("documents", joined(stage.documents.iter().map(|document| document.as_str().to_owned())));
    said("completes", flag(stage.completes));
    said("prepares_quote", flag(stage.prepares_quote));
    said("makes_customer", flag(stage.makes_customer));
    said("activities", joined(stage.activities.iter().map(|template| template.code.value.clone())));
    for template in &stage.activities {
        template_facts(facts, &format!("{at}/activities/{}", template.code.value), template);
    }
}

fn template_facts(facts: &mut Facts, at: &str, template: &Template) {
    let mut said = |name: &str, value: String| facts.push((format!("{at}/{name}"), value));
    said("type", template.r#type.as_str().to_owned());
    said("required", template.required.to_string());
    said("on_entry", template.on_entry.to_string());
    said("needs_text", template.needs_text.to_string());
    said("due_days", template.due_days.to_string());
    if let Some(category) = &template.category {
        said("category", category.clone());
    }
    if !template.knowledge.is_empty() {
        said("knowledge", template.knowledge.join(", "));
    }
    text(facts, &format!("{at}/subject"), &template.subject);
    text(facts, &format!("{at}/instructions"), &template.instructions);
    for outcome in &template.results {
        let at = format!("{at}/results/{}", outcome.code.value);
        text(facts, &format!("{at}/captions"), &outcome.captions);
        facts.push((format!("{at}/effect"), outcome.effect.value.to_string()));
    }
}

fn text(facts: &mut Facts, at: &str, text: &Text) {
    facts.push((format!("{at}.en"), text.en.clone()));
    facts.push((format!("{at}.ru"), text.ru.clone()));
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

fn flag(set: bool) -> String {
    if set { "true".to_owned() } else { String::new() }
}
