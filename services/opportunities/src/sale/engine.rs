//! The process engine: how a sale moves through the stages of its process.
//!
//! Every entry into a stage is a record of its own, and what the process asks for belongs to it (R-STG-3): leaving an
//! entry leaves its activities behind, entering a stage plans them anew, also when it was visited before.

use std::sync::Arc;

use chrono::{DateTime, Days, Utc};
use dealflow_proto::names::{PROCESSES, STAGES};

use super::{Loss, Moment, Sale, Win};
use crate::error::Error;
use crate::library::{Effect, Language, Meaning, Process, Stage, Template};
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
        let stage = process.stage(&self.opportunity.stage).filter(|stage| !stage.completes);
        let stage = stage.ok_or_else(|| self.not_of(&process, &self.opportunity.stage))?;
        self.entry.planned.plan_stage(stage);
        self.begin_run(process, language, now);
        self.step("opportunity.process_started", state, state, None, "");
        Ok(())
    }

    /// Enters another open stage, forward or back, as the process's control allows (R-STG-2).
    ///
    /// # Errors
    /// [`Error`] that names the stages that can be entered, or all that is missing at the gate.
    pub fn move_to(&mut self, stage: &str, reason: &str, now: DateTime<Utc>) -> Result<(), Error> {
        self.accept(Verb::MoveToStage)?;
        self.followed()?;
        self.open_stage(stage)?;
        self.go(stage, Cause::Manual, reason, now)
    }

    /// Notes the result of an activity of the current entry and does what the result asks for (R-STG-4, R-STG-5). Where
    /// the process cannot be followed the result stands, and has its effect when the run is resumed.
    ///
    /// # Errors
    /// [`Error::UnknownActivity`], [`Error::UnknownResult`], [`Error::ResultStands`] for another result than the one
    /// recorded, and what the effect refuses.
    pub fn record(&mut self, performed: &Performed<'_>, at: Moment) -> Result<Recorded, Error> {
        let state = self.opportunity.state;
        self.accept(Verb::RecordActivityResult)?;
        let unknown = self.unknown(performed.key);
        let cause = self.run_error().map(str::to_owned);
        let process = self.leading();
        if process.is_none() && cause.is_none() {
            return Err(unknown);
        }
        let planned = self.entry.planned.get_mut(performed.key).ok_or(unknown)?;
        if let Some(result) = &planned.result {
            return repeated(planned, result, performed.result);
        }
        let effect = match process.as_deref().filter(|_| cause.is_none()) {
            Some(process) => Some(effect_of(process, planned, performed)?),
            None => None,
        };
        planned.result = Some(performed.result.to_owned());
        if effect.is_none() {
            planned.pending = Some(performed.comment.to_owned());
        }
        self.opportunity.spent_minutes += i64::from(performed.minutes);
        self.step("opportunity.result_recorded", state, state, None, performed.comment);
        match (process, effect) {
            (Some(process), Some(effect)) => self.follow(&process, performed.key, &effect, performed.comment, at)?,
            _ => self.fail_run(&cause.unwrap_or_default()),
        }
        Ok(Recorded::Now)
    }

    /// Gives the results their effects that came while the process could not be followed.
    pub(super) fn make_good(&mut self, at: Moment) -> Result<(), Error> {
        let entry = self.entry.id;
        while let Some(process) = self.leading().filter(|_| self.entry.id == entry) {
            let Some(planned) = self.entry.planned.0.iter_mut().find(|planned| planned.pending.is_some()) else {
                break;
            };
            let comment = planned.pending.take().unwrap_or_default();
            let (key, result) = (planned.key.clone(), planned.result.clone().unwrap_or_default());
            let performed = Performed { key: &key, result: &result, comment: &comment, minutes: 0 };
            let effect = effect_of(&process, planned, &performed)?;
            self.follow(&process, &key, &effect, &comment, at)?;
        }
        Ok(())
    }

    /// Does what a result asks for. Where a gate is shut the result stands and the sale stays: somebody moves it when
    /// what is missing is there.
    fn follow(&mut self, process: &Process, key: &str, effect: &Effect, said: &str, at: Moment) -> Result<(), Error> {
        let moved = match effect {
            Effect::None => self.advance_when_done(process, at),
            Effect::Create(template) => {
                self.entry.planned.plan(template);
                self.advance_when_done(process, at)
            }
            Effect::Wait(days) => {
                let until = at.now + Days::new(u64::try_from(*days).unwrap_or_default());
                self.entry.planned.plan_again(key, until);
                Ok(())
            }
            Effect::Advance => self.advance(process, Cause::Result, at),
            Effect::Goto(stage) => self.go(stage, Cause::Result, said, at.now),
            Effect::Win => self.win_by_process(process, at),
            Effect::Lose(reason) => self.lose(&Loss::from_result(reason.clone(), said), at),
        };
        match moved {
            Err(Error::Gate { .. }) => Ok(()),
            other => other,
        }
    }

    /// When all required activities of the entry are completed the opportunity advances by itself, if the setting says
    /// so (R-STG-4).
    fn advance_when_done(&mut self, process: &Process, at: Moment) -> Result<(), Error> {
        if !at.auto_advance || !self.entry.planned.is_done(process) {
            return Ok(());
        }
        self.advance(process, Cause::AdvanceAuto, at)
    }

    /// The next stage of the process; after the last open one that means won.
    fn advance(&mut self, process: &Process, cause: Cause, at: Moment) -> Result<(), Error> {
        let present = &self.opportunity.stage;
        let next = process.after(present).ok_or_else(|| self.not_of(process, present))?.stage.value.clone();
        match self.stages.get(&next).map(|stage| stage.meaning) {
            Some(Meaning::Open) => self.go(&next, cause, "", at.now),
            _ => self.win_by_process(process, at),
        }
    }

    /// Won because the process says so: whatever stage it is in, but not past a shut gate.
    fn win_by_process(&mut self, process: &Process, at: Moment) -> Result<(), Error> {
        self.check_gate(process, &process.won().stage.value, false)?;
        self.end_as_won(&Win::default(), at)
    }

    /// Enters an open stage, if the process lets it; by hand only another one than the present.
    fn go(&mut self, stage: &str, cause: Cause, reason: &str, now: DateTime<Utc>) -> Result<(), Error> {
        let from = self.opportunity.stage.clone();
        if from == stage && cause == Cause::Manual {
            let shut = self
                .leading()
                .and_then(|process| self.check_control(&process, &process.after(stage)?.stage.value, cause).err());
            let open = self.others();
            // Where it cannot move at all, it helps more to know what it takes.
            return Err(shut
                .filter(|_| open.is_empty())
                .unwrap_or(Error::SameStage { stage: STAGES.slug(stage), open }));
        }
        if let Some(process) = self.leading() {
            if process.stage(stage).is_none() {
                return Err(self.not_of(&process, stage));
            }
            self.check_control(&process, stage, cause)?;
        }
        let since = self.entry.entered_at;
        self.enter(stage, cause, now);
        self.step("opportunity.stage_changed", from, stage, Some(since), reason);
        Ok(())
    }

    /// Leaves the current entry and begins a new one; an open stage plans its activities anew (R-STG-3). A stage that
    /// completes the process ends the run.
    pub(super) fn enter(&mut self, stage: &str, cause: Cause, now: DateTime<Utc>) {
        let mut next = stage_entry::Model::new(self.opportunity.id, self.entry.number + 1, stage, cause, now);
        if let Some(stage) = self.leading().as_deref().and_then(|process| process.stage(stage)) {
            next.planned.plan_stage(stage);
            if stage.completes {
                self.change_run(|run| run.complete(now));
            }
        }
        self.opportunity.entry = next.id;
        stage.clone_into(&mut self.opportunity.stage);
        let mut old = std::mem::replace(&mut self.entry, next);
        old.leave(now);
        self.left = Some(old);
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
        let Ok(process) = self.followed() else { return Vec::new() };
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

    pub(super) fn not_of(&self, process: &Process, stage: &str) -> Error {
        let is_open = |id: &str| self.stages.open().any(|stage| stage.id == id);
        let stages = process.stages.iter().filter(|stage| !stage.completes).map(|stage| stage.stage.value.as_str());
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

/// What a result of an activity does; refused where it may not have it, or was to be told in words and was not.
fn effect_of(process: &Process, planned: &PlannedActivity, performed: &Performed<'_>) -> Result<Effect, Error> {
    let template: Option<&Template> = process.template(&planned.template);
    let template = template.ok_or_else(|| Error::Broken(format!("{} has no template", planned.key)))?;
    let outcome = template.outcome(performed.result).ok_or_else(|| {
        let allowed: Vec<&str> = template.results.iter().map(|outcome| outcome.code.value.as_str()).collect();
        let (key, result) = (planned.key.clone(), performed.result.to_owned());
        Error::UnknownResult { key, result, allowed: allowed.join(", ") }
    })?;
    if template.needs_text_for(outcome) && performed.comment.trim().is_empty() {
        return Err(Error::field("comment", format!("`{}` is completed with its result in words", planned.key)));
    }
    Ok(outcome.effect.value.clone())
}
