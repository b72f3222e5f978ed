//! Winning and losing, from any open stage (R-OPP-2); afterwards nothing changes any more (R-OPP-3).

use chrono::NaiveDate;
use dealflow_proto::names::ORDERS;
use uuid::Uuid;

use super::{Moment, Sale};
use crate::error::Error;
use crate::library::Control;
use crate::opportunity::{NamedReason, Reason, State, Verb};
use crate::stage_entry::Cause;

/// The most minutes one sale can take: some 190 years.
const MAX_MINUTES: i64 = 100_000_000;

/// What the winner says; what is absent follows from the record.
#[derive(Debug, Clone, Default)]
pub struct Win {
    /// What it is worth in minor units; where it is absent the order's total, else the estimate.
    pub actual_value: Option<i64>,
    /// The day; the effective time's where it is absent.
    pub close_date: Option<NaiveDate>,
    /// Minutes spent; the sum over the results where it is absent.
    pub spent_minutes: Option<i64>,
    /// Whether a gate may take a quote as accepted that is not yet: only to ask what would be.
    pub assume_accepted_quote: bool,
}

/// What the loser says.
#[derive(Debug, Clone)]
pub struct Loss {
    /// Why; always.
    pub reason: Reason,
    /// In words; needed where the reason is OTHER, or asks for it.
    pub comment: String,
    /// Who sold instead; the competitor known so far where it is empty.
    pub competitor: String,
    /// The day; the effective time's where it is absent.
    pub close_date: Option<NaiveDate>,
}

impl Loss {
    /// A loss that the result of an activity asks for.
    pub fn from_result(reason: NamedReason, comment: &str) -> Self {
        Self { reason: reason.into(), comment: comment.to_owned(), competitor: String::new(), close_date: None }
    }
}

impl Sale {
    /// Reserves it for its order, which is worth `value`: until that is cancelled it cannot be lost (R-OPP-2). Whatever
    /// would refuse a win refuses this too, so that nothing is ordered that could not be won; but for the gates of a
    /// process, which may have work before the win still: they are asked where it is `to_win` at once, in the same
    /// transaction, as if the quote that is taken were accepted.
    ///
    /// # Errors
    /// A refusal that names the state, the order that it is reserved for already, or the field that cannot be meant.
    pub fn reserve(&mut self, order: Uuid, value: Option<i64>, to_win: bool, at: Moment) -> Result<(), Error> {
        let state = self.accept(Verb::ReserveOpportunity)?;
        match self.opportunity.reserved_order {
            Some(reserved) if reserved == order => return Ok(()),
            Some(_) => return self.not_ordered("reserve it"),
            None => {}
        }
        if to_win {
            self.check_win(true)?;
        }
        self.clone().end_as_won(&Win { actual_value: value, ..Win::default() }, at)?;
        self.opportunity.reserved_order = Some(order);
        self.opportunity.reserved_value = value;
        self.step("opportunity.reserved", state, state, None, &ORDERS.name(order));
        Ok(())
    }

    /// Frees it of an order; of another one, or free already, it stays as it is.
    ///
    /// # Errors
    /// A refusal that names the state.
    pub fn release(&mut self, order: Uuid) -> Result<(), Error> {
        let state = self.accept(Verb::ReleaseOpportunity)?;
        if self.opportunity.reserved_order == Some(order) {
            self.free();
            self.step("opportunity.released", state, state, None, &ORDERS.name(order));
        }
        Ok(())
    }

    fn free(&mut self) {
        self.opportunity.reserved_order = None;
        self.opportunity.reserved_value = None;
    }

    fn not_ordered(&self, verb: &'static str) -> Result<(), Error> {
        let Some(order) = self.opportunity.reserved_order else { return Ok(()) };
        Err(Error::Ordered { opportunity: self.opportunity.name(), order: ORDERS.name(order), verb })
    }

    /// OPEN → WON, by hand. Under GATED and STRICT that is a way forward like others: the gates are asked, and STRICT
    /// is won from its last stage only (R-STG-2).
    ///
    /// # Errors
    /// A refusal that names the state, what is missing at a gate, or the field that cannot be meant.
    pub fn win(&mut self, win: &Win, at: Moment) -> Result<(), Error> {
        self.accept(Verb::WinOpportunity)?;
        self.check_win(win.assume_accepted_quote)?;
        self.end_as_won(win, at)
    }

    /// Refuses a win that the process does not let be.
    pub(super) fn check_win(&self, assume_accepted_quote: bool) -> Result<(), Error> {
        let Some(process) = self.followed()? else { return Ok(()) };
        let won = &process.won().stage.value;
        if process.control == Control::Strict {
            self.check_next(&process, won)?;
        }
        self.check_gate(&process, won, assume_accepted_quote)
    }

    /// Where neither the winner, an order nor an estimate says what it is worth, nothing is made up.
    pub(super) fn end_as_won(&mut self, win: &Win, at: Moment) -> Result<(), Error> {
        let won = self.accept(Verb::WinOpportunity)?;
        let minutes = win.spent_minutes.unwrap_or(self.opportunity.spent_minutes);
        if !(0..=MAX_MINUTES).contains(&minutes) {
            return Err(Error::field("spent_minutes", format!("must be 0 to {MAX_MINUTES}, is {minutes}")));
        }
        if win.actual_value.is_some_and(|value| value < 0) {
            return Err(Error::field("actual_value", "must not be negative"));
        }
        let ordered = self.opportunity.reserved_value;
        self.opportunity.actual_value = win.actual_value.or(ordered).or(self.opportunity.estimated_value);
        self.free();
        self.opportunity.spent_minutes = minutes;
        self.close(won, win.close_date, at, "opportunity.won", "")
    }

    /// OPEN → LOST; no gate applies, but no order may stand.
    ///
    /// # Errors
    /// A refusal that names the state, or the field that cannot be meant.
    pub fn lose(&mut self, loss: &Loss, at: Moment) -> Result<(), Error> {
        let lost = self.accept(Verb::LoseOpportunity)?;
        self.not_ordered("lose it")?;
        if loss.reason.needs_comment() && loss.comment.trim().is_empty() {
            return Err(Error::field("comment", format!("is required where the reason is {}", loss.reason)));
        }
        self.opportunity.lose_reason = loss.reason.built_in();
        self.opportunity.lose_reason_code = loss.reason.to_string();
        self.opportunity.lose_comment.clone_from(&loss.comment);
        if !loss.competitor.is_empty() {
            self.opportunity.competitor.clone_from(&loss.competitor);
            self.opportunity.competitors.won_by(&loss.competitor);
        }
        self.close(lost, loss.close_date, at, "opportunity.lost", &loss.reason.to_string())
    }

    /// The day, the cycle, the end of the run, and the final stage entry, which asks for nothing.
    fn close(
        &mut self,
        state: State,
        close_date: Option<NaiveDate>,
        at: Moment,
        kind: &'static str,
        reason: &str,
    ) -> Result<(), Error> {
        let before = self.opportunity.state;
        let day = close_date.unwrap_or_else(|| at.now.date_naive());
        self.check_close_date(day, at.today)?;
        let cycle = (day - self.opportunity.open_date).num_days();
        self.opportunity.close_date = Some(day);
        self.opportunity.cycle_days = Some(i32::try_from(cycle).map_err(|error| Error::Broken(error.to_string()))?);
        self.opportunity.state = state;
        self.end_waiting();
        self.opportunity.probability = None; // from here the final stage's holds: 100 or 0
        let stage = self.final_stage(state);
        self.enter(&stage, Cause::Final, at.now);
        // A process may have work behind the win: it ends when that is done.
        if state == State::Lost || self.missing_at_the_end().is_empty() {
            self.change_run(|run| run.complete(at.now));
        }
        self.step(kind, before, state, Some(self.opportunity.created_at), reason);
        Ok(())
    }

    /// Where it ends: in the process's own final stage, while one leads it, else in that of the lookup.
    fn final_stage(&self, state: State) -> String {
        match (self.leading(), state) {
            (Some(process), State::Won) => process.won().stage.value.clone(),
            _ => self.stages.last(state.meaning()).id.clone(),
        }
    }

    fn check_close_date(&self, day: NaiveDate, today: NaiveDate) -> Result<(), Error> {
        let open_date = self.opportunity.open_date;
        if day < open_date {
            return Err(Error::field("close_date", format!("is {day}, before open_date, {open_date}")));
        }
        if day > today {
            return Err(Error::field("close_date", format!("is {day}, after today, {today}")));
        }
        Ok(())
    }
}
