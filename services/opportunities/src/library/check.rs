//! What a process definition must hold to beyond its form: every name in it leads somewhere.

use super::definition::{Control, Effect, Outcome, Process, ProcessStage, Template};
use super::reading::Reader;
use super::stages::{Meaning, Stages};

/// Notes everything in a process that leads nowhere or stands there twice.
pub(super) fn check(reader: &mut Reader, process: &Process, stages: &Stages) {
    let mut check = Check { reader, process, stages };
    check.order();
    for (index, stage) in process.stages.iter().enumerate() {
        if is_twice(&stage.stage.value, process.stages[..index].iter().map(|before| &before.stage.value)) {
            check.reader.fault(&stage.stage, format!("the stage `{}` stands here twice", stage.stage.value));
        }
        check.stage(index, stage);
    }
    let templates: Vec<&Template> = process.stages.iter().flat_map(|stage| &stage.activities).collect();
    for (index, template) in templates.iter().enumerate() {
        if is_twice(&template.code.value, templates[..index].iter().map(|before| &before.code.value)) {
            let reason = format!("the activity `{}` stands here twice", template.code.value);
            check.reader.fault(&template.code, reason);
        }
        check.template(template);
    }
}

struct Check<'a> {
    reader: &'a mut Reader,
    process: &'a Process,
    stages: &'a Stages,
}

impl Check<'_> {
    /// Open stages first, then that of won and that of lost sales: so every open stage has a next one.
    fn order(&mut self) {
        let process = self.process;
        let mut meanings = Vec::new();
        for stage in &process.stages {
            let name = &stage.stage.value;
            match self.stages.get(name) {
                Some(known) => meanings.push(known.meaning),
                // An id that is missing or is none was told of when it was read.
                None if super::reading::is_slug(name) => {
                    let reason = format!("the stage `{name}` is not in the lookup; add it with CreateStage");
                    self.reader.fault(&stage.stage, reason);
                }
                None => {}
            }
        }
        if meanings.len() < process.stages.len() {
            return;
        }
        let open = meanings.iter().take_while(|meaning| **meaning == Meaning::Open).count();
        if open == 0 || meanings[open..] != [Meaning::Won, Meaning::Lost] {
            let reason = "stages are open ones, at least one, then the one of won and the one of lost sales";
            self.reader.fault(&process.id, reason);
        }
    }

    fn stage(&mut self, index: usize, stage: &ProcessStage) {
        let at = &stage.stage;
        let Some(meaning) = self.stages.get(&at.value).map(|known| known.meaning) else { return };
        let asks = !stage.fields.is_empty() || !stage.activities.is_empty();
        match meaning {
            Meaning::Open if stage.goal.is_none() => self.reader.fault(at, "an open stage has a goal"),
            Meaning::Open => {}
            // A won sale may still have documents to come; nothing else can change in it.
            Meaning::Won if asks => self.reader.fault(at, "a final stage has neither activities nor fields"),
            Meaning::Lost if asks || !stage.documents.is_empty() => {
                self.reader.fault(at, "a final stage has neither activities nor fields");
            }
            Meaning::Won | Meaning::Lost => {}
        }
        if !stage.documents.is_empty() && self.process.control == Control::Free {
            self.reader.fault(at, "documents are asked for by a gate, and control FREE has none");
        }
        if stage.completes {
            let last = self.process.stages.len().checked_sub(3) == Some(index) && meaning == Meaning::Open;
            if !last || asks || !stage.documents.is_empty() {
                let reason = "a stage that completes the process is its last open one, without activities and gate";
                self.reader.fault(at, reason);
            }
        }
    }

    fn template(&mut self, template: &Template) {
        if !template.outcome("done").is_some_and(|done| done.effect.value == Effect::None) {
            self.reader.fault(&template.code, "an activity has a result `done` with effect `none`");
        }
        for (index, outcome) in template.results.iter().enumerate() {
            if is_twice(&outcome.code.value, template.results[..index].iter().map(|before| &before.code.value)) {
                self.reader.fault(&outcome.code, format!("the result `{}` stands here twice", outcome.code.value));
            }
            self.outcome(outcome);
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        let lost = match &outcome.effect.value {
            Effect::Goto(stage) if self.process.stage(stage).is_none() => {
                format!("`goto: {stage}` leads to no stage of this process")
            }
            Effect::Goto(stage) if self.stages.get(stage).is_some_and(|stage| stage.meaning != Meaning::Open) => {
                format!("`goto: {stage}` leads to a final stage; use `win` or `lose`")
            }
            Effect::Create(code) if self.process.template(code).is_none() => {
                format!("`create: {code}` names no activity of this process")
            }
            _ => return,
        };
        self.reader.fault(&outcome.effect, lost);
    }
}

/// Whether a word stands among those before it; one that is missing was told of when it was read.
fn is_twice<'a>(word: &str, mut before: impl Iterator<Item = &'a String>) -> bool {
    !word.is_empty() && before.any(|other| other == word)
}
