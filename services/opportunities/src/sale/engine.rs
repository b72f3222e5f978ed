//! The process engine: how a sale moves through the stages of its process.
//!
//! Every entry into a stage is a record of its own, and what the process asks for belongs to it (R-STG-3): leaving an
//! entry leaves its activities behind, entering a stage plans them anew, also when it was visited before.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use dealflow_proto::names::{PROCESSES, STAGES};

use super::{Loss, Moment, Sale, Win};
use crate::error::Error;
use crate::library::{Control, Effect, Language, Meaning, Outcome, Process, Stage};
use crate::opportunity::Verb;
use crate::stage_entry::{self, Cause, PlannedActivity};

/// An activity of the current entry that somebody performed.
#[derive(Debug, Clone)]
pub struct Performed<'a> {
    /// The key of the planned activity.
    pub key: &'a str,
    /// The code of its result.
    pub result: &'a str,
    /// What was said.
    pub comment: &'a str,
    /// Minutes that it took.
    pub minutes: i32,
}

/// What recording a result did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It was noted, and its effect happened.
    Now,
    /// The activity had this result already: nothing changed.
    Before,
}

impl Sale {
    /// Starts a process from the stage that the opportunity is in: only that stage's activities are planned, and no
    /// stage is entered (R-PRC-1).
    ///
    /// # Errors
    /// [`Error::ProcessRuns`] for a second start, [`Error::NotOfProcess`] where the process lacks the stage.
    pub fn start(&mut self, process: Arc<Process>, language: Language, now: DateTime<Utc>) -> Result<(), Error> {
        let state = self.opportunity.state;
        self.accept(Verb::StartProcess)?;
        if let Some(run) = self.opportunity.running() {
            return Err(Error::ProcessRuns(PROCESSES.slug(&run.process)));
        }
        let stage = process.stage(&self.opportunity.stage);
        let stage = stage.ok_or_else(|| self.not_of(&process, &self.opportunity.stage))?;
        self.entry.planned.plan_stage(stage);
        self.begin_run(process, language, now);
        self.step("opportunity.process_started", state, state, None, "");
        Ok(())
    }

    /// Enters another open stage, forward or back, as the process's control allows (R-STG-2).
    ///
    /// # Errors
    /// [`Error`] that names the stages that can be entered, or the fields that are missing.
    pub fn move_to(&mut self, stage: &str, reason: &str, now: DateTime<Utc>) -> Result<(), Error> {
        self.accept(Verb::MoveToStage)?;
        self.open_stage(stage)?;
        self.go(stage, Cause::Manual, reason, now)
    }

    /// Notes the result of an activity of the current entry and does what the result asks for (R-STG-4, R-STG-5).
    ///
    /// # Errors
    /// [`Error::UnknownActivity`], [`Error::UnknownResult`], [`Error::ResultStands`] for another result than the one
    /// recorded, and what the effect refuses.
    pub fn record(&mut self, performed: &Performed<'_>, at: Moment) -> Result<Recorded, Error> {
        let state = self.opportunity.state;
        self.accept(Verb::RecordActivityResult)?;
        let process = self.leading().ok_or_else(|| self.unknown(performed.key))?;
        let unknown = self.unknown(performed.key);
        let planned = self.entry.planned.get_mut(performed.key).ok_or(unknown)?;
        if let Some(result) = &planned.result {
            return repeated(planned, result, performed.result);
        }
        let effect = outcome(&process, planned, performed.result)?.effect.value.clone();
        planned.result = Some(performed.result.to_owned());
        self.opportunity.spent_minutes += i64::from(performed.minutes);
        self.step("opportunity.result_recorded", state, state, None, performed.comment);
        match effect {
            Effect::None => self.advance_when_done(&process, at)?,
            Effect::Create(template) => {
                self.entry.planned.plan(&template);
                self.advance_when_done(&process, at)?;
            }
            Effect::Advance => self.advance(&process, Cause::Result, at)?,
            Effect::Goto(stage) => self.go(&stage, Cause::Result, performed.comment, at.now)?,
            Effect::Win => self.win(&Win::default(), at)?,
            Effect::Lose(reason) => self.lose(&Loss::from_result(reason, performed.comment), at)?,
        }
        Ok(Recorded::Now)
    }

    /// When all required activities of the entry are completed the opportunity advances by itself (R-STG-4). Where
    /// the gate forward is shut it stays: the result stands, and somebody moves it when the fields are known.
    fn advance_when_done(&mut self, process: &Process, at: Moment) -> Result<(), Error> {
        if !self.entry.planned.is_done(process) {
            return Ok(());
        }
        match self.advance(process, Cause::AdvanceAuto, at) {
            Err(Error::Gate { .. }) => Ok(()),
            other => other,
        }
    }

    /// The next stage of the process; after the last open one that means won.
    fn advance(&mut self, process: &Process, cause: Cause, at: Moment) -> Result<(), Error> {
        let present = &self.opportunity.stage;
        let next = process.after(present).ok_or_else(|| self.not_of(process, present))?;
        let next = next.stage.value.clone();
        self.check_gate(process, &next)?;
        match self.stages.get(&next).map(|stage| stage.meaning) {
            Some(Meaning::Open) => self.go(&next, cause, "", at.now),
            _ => self.win(&Win::default(), at),
        }
    }

    /// Enters an open stage that is not the present one, if the process lets it.
    fn go(&mut self, stage: &str, cause: Cause, reason: &str, now: DateTime<Utc>) -> Result<(), Error> {
        let from = self.opportunity.stage.clone();
        if let Some(process) = self.leading() {
            if process.stage(stage).is_none() {
                return Err(self.not_of(&process, stage));
            }
            self.check_control(&process, stage, cause)?;
        }
        if from == stage && cause == Cause::Manual {
            return Err(Error::SameStage { stage: STAGES.slug(stage), open: self.others() });
        }
        let since = self.entry.entered_at;
        self.enter(stage, cause, now);
        self.step("opportunity.stage_changed", from, stage, Some(since), reason);
        Ok(())
    }

    /// Leaves the current entry and begins a new one; an open stage plans its activities anew (R-STG-3).
    pub(super) fn enter(&mut self, stage: &str, cause: Cause, now: DateTime<Utc>) {
        let mut next = stage_entry::Model::new(self.opportunity.id, self.entry.number + 1, stage, cause, now);
        if let Some(stage) = self.leading().as_deref().and_then(|process| process.stage(stage)) {
            next.planned.plan_stage(stage);
        }
        self.opportunity.entry = next.id;
        stage.clone_into(&mut self.opportunity.stage);
        let mut old = std::mem::replace(&mut self.entry, next);
        old.leave(now);
        self.left = Some(old);
    }

    /// STRICT goes stage by stage, for people; GATED asks for its fields on the way forward; FREE lets all pass.
    fn check_control(&self, process: &Process, to: &str, cause: Cause) -> Result<(), Error> {
        let next = process.after(&self.opportunity.stage).map(|next| next.stage.value.as_str());
        match (process.control, next) {
            (Control::Strict, Some(next)) if cause == Cause::Manual && next != to => Err(Error::OnlyNext {
                process: PROCESSES.slug(&process.id.value),
                from: STAGES.slug(&self.opportunity.stage),
                next: STAGES.slug(next),
            }),
            _ => self.check_gate(process, to),
        }
    }

    /// Under GATED, leaving forward needs the fields of every stage that is left behind.
    fn check_gate(&self, process: &Process, to: &str) -> Result<(), Error> {
        let places = process.position(&self.opportunity.stage).zip(process.position(to));
        let Some((from, to)) = places.filter(|(from, to)| process.control == Control::Gated && from < to) else {
            return Ok(());
        };
        let asked = process.stages[from..to].iter().flat_map(|stage| &stage.fields);
        let fields: Vec<_> =
            asked.filter(|field| field.is_missing(&self.opportunity)).map(|field| field.path()).collect();
        let stage = STAGES.slug(&self.opportunity.stage);
        if fields.is_empty() { Ok(()) } else { Err(Error::Gate { stage, fields }) }
    }

    /// A stage in which a sale is open; final ones are entered by winning and losing (states.md).
    pub(super) fn open_stage(&self, stage: &str) -> Result<&Stage, Error> {
        let found = self.stages.get(stage).ok_or_else(|| Error::Missing(STAGES.slug(stage)))?;
        let verb = match found.meaning {
            Meaning::Open => return Ok(found),
            Meaning::Won => "WinOpportunity",
            Meaning::Lost => "LoseOpportunity",
        };
        Err(Error::FinalStage { stage: STAGES.slug(stage), verb })
    }

    /// The open stages that somebody could move it to: as the process lets it, else any of the lookup.
    pub(super) fn other_stages(&self) -> Vec<&Stage> {
        let process = self.leading();
        let lets = |process: &Arc<Process>, stage: &Stage| {
            process.stage(&stage.id).is_some() && self.check_control(process, &stage.id, Cause::Manual).is_ok()
        };
        let others = self.stages.open().filter(|stage| stage.id != self.opportunity.stage);
        others.filter(|stage| process.as_ref().is_none_or(|process| lets(process, stage))).collect()
    }

    fn others(&self) -> String {
        let names: Vec<String> = self.other_stages().iter().map(|stage| STAGES.slug(&stage.id)).collect();
        names.join(", ")
    }

    fn not_of(&self, process: &Process, stage: &str) -> Error {
        let is_open = |id: &str| self.stages.open().any(|stage| stage.id == id);
        let stages = process.stages.iter().map(|stage| stage.stage.value.as_str());
        let open: Vec<String> = stages.filter(|id| is_open(id)).map(|id| STAGES.slug(id)).collect();
        Error::NotOfProcess {
            stage: STAGES.slug(stage),
            process: PROCESSES.slug(&process.id.value),
            open: open.join(", "),
        }
    }

    fn unknown(&self, key: &str) -> Error {
        Error::UnknownActivity { entry: self.entry.name(), key: key.to_owned(), known: self.entry.planned.keys() }
    }
}

/// A second result for an activity: the same one says nothing new, another one is refused.
fn repeated(planned: &PlannedActivity, stands: &str, given: &str) -> Result<Recorded, Error> {
    if stands == given {
        return Ok(Recorded::Before);
    }
    Err(Error::ResultStands { key: planned.key.clone(), result: stands.to_owned() })
}

/// What a result of an activity means, or which results it may have.
fn outcome<'a>(process: &'a Process, planned: &PlannedActivity, result: &str) -> Result<&'a Outcome, Error> {
    let template = process.template(&planned.template);
    let template = template.ok_or_else(|| Error::Broken(format!("{} has no template", planned.key)))?;
    template.outcome(result).ok_or_else(|| {
        let allowed: Vec<&str> = template.results.iter().map(|outcome| outcome.code.value.as_str()).collect();
        Error::UnknownResult { key: planned.key.clone(), result: result.to_owned(), allowed: allowed.join(", ") }
    })
}
