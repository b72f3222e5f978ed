//! A process as people read it, and as data (R-PRC-2); on request with how far a deal is in it.

use dealflow_proto::gateway::v1::Deal;
use dealflow_proto::gateway::v1::stage_bar_item::Mark;
use dealflow_proto::opportunities::v1::activity_result::Effect;
use dealflow_proto::opportunities::v1::{ActivityResult, ActivityTemplate, Caption, Process, ProcessStage, Stage};
use serde_json::{Value, json};

use super::{called, caption, stage};
use crate::show::{self, json as data, word};

/// How far a deal is.
pub(super) struct Way {
    deal: String,
    title: String,
    current: String,
    visited: Vec<String>,
}

impl Way {
    /// The way of a deal through its stages.
    pub(super) fn of(deal: &Deal) -> Self {
        let opportunity = deal.opportunity.clone().unwrap_or_default();
        let been = deal.stage_bar.iter().filter(|item| item.mark() != Mark::Unspecified).map(|item| item.stage.clone());
        let visited = deal.stage_entries.iter().map(|entry| entry.stage.clone()).chain(been).collect();
        Self { deal: opportunity.name, title: opportunity.title, current: opportunity.stage, visited }
    }

    fn mark(&self, stage: &str) -> Mark {
        if stage == self.current {
            Mark::Current
        } else if self.visited.iter().any(|visited| visited == stage) {
            Mark::Visited
        } else {
            Mark::Unspecified
        }
    }
}

/// A process that is shown.
pub(super) struct Shown {
    pub(super) process: Process,
    /// What all stages are called.
    pub(super) stages: Vec<Stage>,
    /// The way of a deal, where one is marked.
    pub(super) way: Option<Way>,
}

impl Shown {
    /// For people: for each stage its goal and what it asks, then its activities.
    pub(super) fn to_text(&self, language: &str) -> String {
        let Self { process, stages, way } = self;
        let control = word(process.control().as_str_name(), "CONTROL_");
        let mut text =
            format!("{}, version {}, control {control}", caption(&process.captions, language), process.version);
        if let Some(way) = way {
            text.push_str(&format!("\nof the deal {}: \u{2713} visited, \u{25b6} in it now", way.title));
        }
        for (place, of) in process.stages.iter().enumerate() {
            let mark = match way.as_ref().map(|way| way.mark(&of.stage)) {
                Some(Mark::Current) => "\u{25b6} ",
                Some(Mark::Visited) => "\u{2713} ",
                _ => "",
            };
            let own = caption(&of.captions, language);
            let name = if own.is_empty() { called(stages, &of.stage, language) } else { own };
            text.push_str(&format!("\n\n{mark}{}. {name} ({})", place + 1, stage(&of.stage)));
            for (what, said) in about(of, language) {
                text.push_str(&format!("\n  {}", show::wrapped(&format!("{what}: {said}"), 4)));
            }
            if !of.activities.is_empty() {
                text.push_str(&format!("\n{}", activities(of, language)));
            }
        }
        text
    }

    /// For machines.
    pub(super) fn to_json(&self) -> Value {
        let process = &self.process;
        let mark = |stage: &str| self.way.as_ref().map(|way| data::text(word(way.mark(stage).as_str_name(), "MARK_")));
        json!({
            "name": process.name,
            "version": process.version,
            "control": word(process.control().as_str_name(), "CONTROL_"),
            "captions": captions(&process.captions),
            "opportunity": self.way.as_ref().map(|way| way.deal.as_str()),
            "stages": data::list(&process.stages, |stage| json!({
                "stage": stage.stage,
                "mark": mark(&stage.stage),
                "captions": captions(&stage.captions),
                "goal": captions(&stage.goals),
                "record": data::text(&stage.record),
                "fields": stage.fields,
                "documents": stage.documents,
                "completes": stage.completes,
                "prepares_quote": stage.prepares_quote,
                "makes_customer": stage.makes_customer,
                "activities": data::list(&stage.activities, activity),
            })),
        })
    }
}

/// What is to be said of a stage, beside its activities.
fn about(of: &ProcessStage, language: &str) -> Vec<(&'static str, String)> {
    let goal = caption(&of.goals, language).to_owned();
    let mut said = vec![("goal", goal), ("record", of.record.clone())];
    said.push(("asks for the fields", of.fields.join(", ")));
    said.push(("asks for the documents", of.documents.join(", ")));
    let does = [
        (of.prepares_quote, "prepares the quote"),
        (of.makes_customer, "the partner becomes a customer"),
        (of.completes, "ends the process"),
    ];
    let does: Vec<&str> = does.into_iter().filter(|(does, _)| *does).map(|(_, what)| what).collect();
    said.push(("does", does.join(", ")));
    said.retain(|(_, text)| !text.is_empty());
    said
}

/// The activities of a stage, with a line for each result.
fn activities(of: &ProcessStage, language: &str) -> comfy_table::Table {
    let mut table = show::table(&["activity", "type", "due", "result", "then"]);
    for (place, activity) in of.activities.iter().enumerate() {
        let mut what = format!("{}. {}", place + 1, caption(&activity.subjects, language));
        let notes = [(!activity.required, "not required"), (!activity.on_entry, "on demand")];
        let notes: Vec<&str> = notes.into_iter().filter(|(so, _)| *so).map(|(_, note)| note).collect();
        if !notes.is_empty() {
            what = format!("{what} ({})", notes.join(", "));
        }
        let how = caption(&activity.instructions, language);
        if !how.is_empty() {
            what = format!("{what}\n{how}");
        }
        if !activity.knowledge.is_empty() {
            what = format!("{what}\nhelps: {}", activity.knowledge.join(", "));
        }
        let lines =
            |text: &dyn Fn(&ActivityResult) -> String| activity.results.iter().map(text).collect::<Vec<_>>().join("\n");
        table.add_row([
            what,
            activity.r#type.clone(),
            format!("{} d", activity.due_days),
            lines(&|result| result.code.clone()),
            lines(&then),
        ]);
    }
    table
}

/// What a result does.
fn then(result: &ActivityResult) -> String {
    let target = stage(&result.target);
    match result.effect() {
        Effect::Unspecified | Effect::None => "-".to_owned(),
        Effect::Advance => "next stage".to_owned(),
        Effect::Goto => format!("to {target}"),
        Effect::Create => format!("adds {target}"),
        Effect::Win => "won".to_owned(),
        Effect::Lose => format!("lost: {target}"),
        Effect::Wait => format!("waits {target} d"),
    }
}

/// `{"en": …, "ru": …}`.
pub(super) fn captions(captions: &[Caption]) -> Value {
    captions.iter().map(|it| (it.language_code.clone(), Value::from(it.text.as_str()))).collect()
}

/// An activity that a process plans.
fn activity(activity: &ActivityTemplate) -> Value {
    json!({
        "template": activity.template,
        "type": activity.r#type,
        "subject": captions(&activity.subjects),
        "instructions": captions(&activity.instructions),
        "required": activity.required,
        "on_entry": activity.on_entry,
        "needs_text": activity.needs_text,
        "due_days": activity.due_days,
        "category": data::text(&activity.category),
        "knowledge": activity.knowledge,
        "results": data::list(&activity.results, data::activity_result),
    })
}
