//! How a run is canceled, stops where its definition cannot be followed, goes on, and is completed (states.md).

use chrono::{DateTime, Utc};
use dealflow_chassis::Lifecycle;
use dealflow_proto::names::{PROCESSES, STAGES};

use super::{Moment, Sale};
use crate::error::Error;
use crate::opportunity::{RunState, RunVerb, State, Verb};
use crate::stage_entry::Cause;

impl Sale {
    /// RUNNING, ERROR → CANCELED: the same stage is entered anew, without what the process asked for in it.
    ///
    /// # Errors
    /// A refusal that names the state of the run, or of an opportunity that is closed.
    pub fn cancel_run(&mut self, reason: &str, now: DateTime<Utc>) -> Result<(), Error> {
        self.accept(Verb::CancelProcess)?;
        let before = self.run_state()?;
        let after = before.accept(RunVerb::CancelProcess)?;
        self.change_run(|run| run.end(after, now));
        let stage = self.opportunity.stage.clone();
        self.enter(&stage, Cause::ProcessCanceled, now);
        self.step("opportunity.process_canceled", before, after, None, reason);
        Ok(())
    }

    /// ERROR → RUNNING, when the definition can be followed again; results that came meanwhile have their effects now.
    ///
    /// # Errors
    /// A refusal that names the state of the run, or why it still cannot be followed.
    pub fn resume_run(&mut self, at: Moment) -> Result<(), Error> {
        self.accept(Verb::ResumeProcess)?;
        let before = self.shown_run_state().ok_or_else(|| Error::NoRun(self.opportunity.name()))?;
        let after = before.accept(RunVerb::ResumeProcess)?;
        if let Some(cause) = &self.unfollowable {
            let process = self.opportunity.run.as_ref().map(|run| PROCESSES.slug(&run.process)).unwrap_or_default();
            return Err(Error::RunInError { process, cause: cause.clone() });
        }
        self.change_run(|run| {
            run.state = after;
            run.error = None;
        });
        self.step("opportunity.process_resumed", before, after, None, "");
        self.make_good(at)
    }

    /// RUNNING → COMPLETED for a won sale, when the gate of its last stage is open.
    ///
    /// # Errors
    /// A refusal that names what is missing, or that the sale is not won yet.
    pub fn complete_run(&mut self, now: DateTime<Utc>) -> Result<(), Error> {
        let before = self.run_state()?;
        before.accept(RunVerb::CompleteProcess)?;
        if self.opportunity.state != State::Won {
            let missing = vec![("state".to_owned(), "the opportunity is not won".to_owned())];
            return Err(Error::Gate { stage: STAGES.slug(&self.opportunity.stage), missing });
        }
        let missing = self.missing_at_the_end();
        if !missing.is_empty() {
            return Err(Error::Gate { stage: STAGES.slug(&self.opportunity.stage), missing });
        }
        self.finish_run(now);
        Ok(())
    }

    /// Completes the run of a won sale as soon as nothing is missing at its end.
    pub fn complete_when_fulfilled(&mut self, now: DateTime<Utc>) {
        let running = self.leading().is_some() && self.opportunity.state == State::Won;
        if running && self.missing_at_the_end().is_empty() {
            self.finish_run(now);
        }
    }

    /// The documents that the process still waits for behind the win.
    pub(super) fn missing_at_the_end(&self) -> Vec<(String, String)> {
        let Some(process) = self.leading() else { return Vec::new() };
        let missing = self.missing_documents(process.won()).into_iter();
        missing.map(|gate| (gate.path().to_owned(), gate.missing().to_owned())).collect()
    }

    fn finish_run(&mut self, now: DateTime<Utc>) {
        self.change_run(|run| run.complete(now));
        self.step("opportunity.process_completed", RunState::Running, RunState::Completed, None, "");
    }

    /// Stops the run: its definition cannot be followed.
    pub(super) fn fail_run(&mut self, cause: &str) {
        if self.run_state().is_ok_and(|state| state == RunState::Running) {
            self.change_run(|run| {
                run.state = RunState::Error;
                run.error = Some(cause.to_owned());
            });
            self.step("opportunity.process_failed", RunState::Running, RunState::Error, None, cause);
        }
    }

    /// How far the run is.
    fn run_state(&self) -> Result<RunState, Error> {
        let run = self.opportunity.run.as_ref();
        run.map(|run| run.state).ok_or_else(|| Error::NoRun(self.opportunity.name()))
    }

    /// How far the run is as callers see it: one that cannot be followed is in ERROR, also before anything ran into it.
    pub fn shown_run_state(&self) -> Option<RunState> {
        let state = self.opportunity.run.as_ref()?.state;
        Some(if self.run_error().is_some() { RunState::Error } else { state })
    }
}
