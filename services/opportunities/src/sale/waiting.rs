//! Hold and resume: a sale that waits. Reminders pause, nothing is cancelled (states.md).

use chrono::NaiveDate;

use super::{Moment, Sale};
use crate::error::Error;
use crate::opportunity::{State, Verb};

/// As the guidance and the wire name it.
const IN_PROGRESS: &str = "IN_PROGRESS";
const ON_HOLD: &str = "ON_HOLD";

impl Sale {
    /// IN_PROGRESS → ON_HOLD.
    ///
    /// # Errors
    /// A refusal that names the state, or the day that cannot be meant.
    pub fn hold(&mut self, reason: &str, until: Option<NaiveDate>, at: Moment) -> Result<(), Error> {
        self.accept(Verb::HoldOpportunity)?;
        if self.is_on_hold() {
            return Err(Error::Status { status: ON_HOLD, allowed: "ResumeOpportunity" });
        }
        if until.is_some_and(|until| until < at.now.date_naive()) {
            return Err(Error::field("until_date", "must not lie before the day on which the sale begins to wait"));
        }
        self.opportunity.held_at = Some(at.now);
        reason.clone_into(&mut self.opportunity.hold_reason);
        self.opportunity.hold_until = until;
        self.step("opportunity.held", IN_PROGRESS, ON_HOLD, None, reason);
        Ok(())
    }

    /// ON_HOLD → IN_PROGRESS.
    ///
    /// # Errors
    /// A refusal that names the state.
    pub fn resume(&mut self, reason: &str) -> Result<(), Error> {
        self.accept(Verb::ResumeOpportunity)?;
        let Some(since) = self.opportunity.held_at else {
            return Err(Error::Status { status: IN_PROGRESS, allowed: "HoldOpportunity" });
        };
        self.end_waiting();
        self.step("opportunity.resumed", ON_HOLD, IN_PROGRESS, Some(since), reason);
        Ok(())
    }

    /// Whether it waits.
    pub fn is_on_hold(&self) -> bool {
        self.opportunity.state == State::Open && self.opportunity.held_at.is_some()
    }

    /// It waits no longer.
    pub(super) fn end_waiting(&mut self) {
        self.opportunity.held_at = None;
        self.opportunity.hold_reason.clear();
        self.opportunity.hold_until = None;
    }
}
