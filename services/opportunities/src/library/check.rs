//! What a process definition must hold to beyond its form: every name in it leads somewhere.

use serde_saphyr::Spanned;

use super::definition::{Effect, Fault, Outcome, Process, ProcessStage, Template, parse};
use super::stages::{Meaning, Stages};

/// The most days until an activity is due.
const MAX_DUE_DAYS: i32 = 365;

impl Process {
    /// Reads a definition, or says in which line it is wrong.
    ///
    /// # Errors
    /// [`Fault`] for what is misspelt, twice there, or refers to a stage or template that is not there.
    pub fn parse(file: &str, text: &str, stages: &Stages) -> Result<Self, Fault> {
        let process: Self = parse(file, text)?;
        Check { file, process: &process, stages }.all()?;
        Ok(process)
    }
}

struct Check<'a> {
    file: &'a str,
    process: &'a Process,
    stages: &'a Stages,
}

impl Check<'_> {
    fn all(&self) -> Result<(), Fault> {
        self.slug(&self.process.id)?;
        self.order()?;
        for (index, stage) in self.process.stages.iter().enumerate() {
            if self.process.stages[..index].iter().any(|before| before.stage.value == stage.stage.value) {
                return Err(self.fault(&stage.stage, format!("the stage `{}` stands here twice", stage.stage.value)));
            }
            self.stage(stage)?;
        }
        let templates: Vec<&Template> = self.process.stages.iter().flat_map(|stage| &stage.activities).collect();
        for (index, template) in templates.iter().enumerate() {
            if templates[..index].iter().any(|before| before.code.value == template.code.value) {
                let reason = format!("the template `{}` stands here twice", template.code.value);
                return Err(self.fault(&template.code, reason));
            }
            self.template(template)?;
        }
        Ok(())
    }

    /// Open stages first, then that of won and that of lost sales: so every open stage has a next one.
    fn order(&self) -> Result<(), Fault> {
        let mut meanings = Vec::new();
        for stage in &self.process.stages {
            meanings.push(self.meaning(stage)?);
        }
        let open = meanings.iter().take_while(|meaning| **meaning == Meaning::Open).count();
        if open > 0 && meanings[open..] == [Meaning::Won, Meaning::Lost] {
            return Ok(());
        }
        let reason = "stages are open ones, at least one, then the one of won and the one of lost sales".to_owned();
        Err(self.fault(&self.process.id, reason))
    }

    fn meaning(&self, stage: &ProcessStage) -> Result<Meaning, Fault> {
        let name = &stage.stage.value;
        let known = self.stages.get(name).map(|stage| stage.meaning);
        known.ok_or_else(|| self.fault(&stage.stage, format!("the stage `{name}` is not in the lookup")))
    }

    fn stage(&self, stage: &ProcessStage) -> Result<(), Fault> {
        let open = self.meaning(stage)? == Meaning::Open;
        let asks = !stage.activities.is_empty() || !stage.fields.is_empty();
        if !open && asks {
            return Err(self.fault(&stage.stage, "a final stage has neither activities nor fields".to_owned()));
        }
        if open && stage.goal.is_none() {
            return Err(self.fault(&stage.stage, "an open stage has a goal".to_owned()));
        }
        Ok(())
    }

    fn template(&self, template: &Template) -> Result<(), Fault> {
        self.slug(&template.code)?;
        if !(0..=MAX_DUE_DAYS).contains(&template.due_days) {
            return Err(self.fault(&template.code, format!("due_days must be 0 to {MAX_DUE_DAYS}")));
        }
        let done = template.outcome("done").is_some_and(|done| done.effect.value == Effect::None);
        if !done {
            return Err(self.fault(&template.code, "an activity has a result `done` with effect `none`".to_owned()));
        }
        for (index, outcome) in template.results.iter().enumerate() {
            if template.results[..index].iter().any(|before| before.code.value == outcome.code.value) {
                let reason = format!("the result `{}` stands here twice", outcome.code.value);
                return Err(self.fault(&outcome.code, reason));
            }
            self.outcome(outcome)?;
        }
        Ok(())
    }

    fn outcome(&self, outcome: &Outcome) -> Result<(), Fault> {
        self.slug(&outcome.code)?;
        let lost = |reason: String| Err(self.fault(&outcome.effect, reason));
        match &outcome.effect.value {
            Effect::Goto(stage) => match self.process.stage(stage).map(|stage| self.meaning(stage)).transpose()? {
                Some(Meaning::Open) => Ok(()),
                Some(_) => lost(format!("`goto: {stage}` leads to a final stage; use `win` or `lose`")),
                None => lost(format!("`goto: {stage}` leads to no stage of this process")),
            },
            Effect::Create(code) if self.process.template(code).is_none() => {
                lost(format!("`create: {code}` names no template of this process"))
            }
            _ => Ok(()),
        }
    }

    /// A word that can stand in a resource name or a key.
    fn slug(&self, word: &Spanned<String>) -> Result<(), Fault> {
        let letter = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-_".contains(&it);
        if (1..=60).contains(&word.value.len()) && word.value.bytes().all(letter) {
            return Ok(());
        }
        Err(self.fault(word, format!("`{}` is no id: 1 to 60 of a-z, 0-9, `-`, `_`", word.value)))
    }

    fn fault<T>(&self, at: &Spanned<T>, reason: String) -> Fault {
        Fault { file: self.file.to_owned(), line: at.referenced.line(), reason }
    }
}
