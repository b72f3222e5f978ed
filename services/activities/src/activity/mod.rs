//! An activity: the record, and what its verbs ask for.
//!
//! - `states.rs` the life cycle; `rows.rs` the database; this file the record and its rules

mod rows;
mod states;

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_chassis::{Lifecycle, Refusal};
use dealflow_proto::names;
use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::Error;

pub use rows::{BY_DUE, BY_TIME, FIELDS, get, insert, lock, panel, save};
pub use states::{OPEN, Origin, State, Verb};

/// The result of an activity that allows no others.
pub const DONE: &str = "done";

/// How long an activity takes in the calendar where that is not said.
const USUAL: TimeDelta = TimeDelta::minutes(30);

/// Something that somebody does (R-ACT-1).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "activity")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Grows by one with each change; the etag.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// How far it is.
    pub state: State,
    /// Since when it is in that state.
    pub state_since: DateTime<Utc>,
    /// Task, call, e-mail, meeting: a name of the wire's enum without its prefix.
    pub kind: String,
    /// What kind of work it is.
    pub category: Option<Uuid>,
    /// What is to be done.
    pub subject: String,
    /// How.
    pub instructions: String,
    /// The documents that help to do it (R-ACT-6).
    #[sea_orm(column_type = "JsonBinary")]
    pub knowledge: Names,
    /// The resource name of what it is about; empty for nothing.
    pub regarding: String,
    /// Who asked for it.
    pub origin: Origin,
    /// The stage entry that it belongs to; none where a person made it.
    pub stage_entry: Option<Uuid>,
    /// The number of that entry.
    pub entry_number: Option<i32>,
    /// Its key in that entry; unique there.
    pub planned_key: Option<String>,
    /// The employee who is to do it.
    pub performer: Option<Uuid>,
    /// Who made it.
    pub author: String,
    /// How much it matters: a name of the wire's enum without its prefix.
    pub importance: String,
    /// Whether its stage waits for it.
    pub required: bool,
    /// The results that it may be completed with; never empty.
    #[sea_orm(column_type = "JsonBinary")]
    pub allowed_results: AllowedResults,
    /// The result it was completed with; empty before.
    pub result: String,
    /// What was reached.
    pub result_text: String,
    /// When it is to begin.
    pub planned_start_at: Option<DateTime<Utc>>,
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
    /// Its place in the calendar; none where it has no time.
    pub calendar_start: Option<DateTime<Utc>>,
    /// The end of that place.
    pub calendar_end: Option<DateTime<Utc>>,
    /// Minutes before its time at which the performer is reminded; the setting's where it is none, never where negative.
    pub reminder_minutes: Option<i32>,
    /// When the performer will be reminded; none once that was done (R-ACT-4).
    pub remind_at: Option<DateTime<Utc>>,
    /// Until when it waits or is put off.
    pub resume_at: Option<DateTime<Utc>>,
    /// When it was begun.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was completed or canceled.
    pub ended_at: Option<DateTime<Utc>>,
    /// Minutes it took.
    pub actual_minutes: i32,
    /// Why it was canceled: a name of the wire's enum without its prefix; empty where it was not.
    pub cancel_reason: String,
}

/// No relations: what an activity is about lives in other services.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The results that an activity may be completed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct AllowedResults(pub Vec<AllowedResult>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedResult {
    /// What to complete with.
    pub code: String,
    /// What it means.
    pub caption: String,
    /// What follows from it.
    pub effect: String,
    /// Whether it may win or lose the deal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closes_deal: bool,
    /// Whether completing with it needs the result in words.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_text: bool,
}

/// Names of records, or of people and roles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Names(pub Vec<String>);

impl AllowedResults {
    /// The results as given, `done` where none is; codes that come twice are refused under `field`.
    pub fn of(field: &str, given: Vec<AllowedResult>) -> Result<Self, Refusal> {
        if given.is_empty() {
            let (caption, effect) = (String::new(), String::new());
            let done = AllowedResult { code: DONE.to_owned(), caption, effect, closes_deal: false, needs_text: false };
            return Ok(Self(vec![done]));
        }
        let repeated = given.iter().enumerate().find(|(n, result)| given[..*n].iter().any(|it| it.code == result.code));
        match repeated {
            Some((n, result)) => {
                Err(Refusal::field(&format!("{field}[{n}].code"), format!("{} is given twice", result.code)))
            }
            None => Ok(Self(given)),
        }
    }

    /// The codes.
    pub fn codes(&self) -> Vec<String> {
        self.0.iter().map(|result| result.code.clone()).collect()
    }
}

impl Model {
    /// Its resource name.
    pub fn name(&self) -> String {
        names::ACTIVITIES.name(self.id)
    }

    /// The deal that it belongs to: the opportunity or lead that it is about, or itself.
    pub fn thread(&self) -> String {
        if self.deal().is_empty() { self.name() } else { self.regarding.clone() }
    }

    /// The opportunity or lead that it is about; empty where it is about neither.
    pub fn deal(&self) -> &str {
        deal_of(&self.regarding)
    }

    /// Whether somebody still has to do it.
    pub fn is_open(&self) -> bool {
        !self.state.is_final()
    }

    /// Open, and due before now: computed, never stored.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.is_open() && self.due_at.is_some_and(|due| due < now)
    }

    /// Whether a stage waits for it.
    pub fn is_awaited(&self) -> bool {
        self.required && self.origin == Origin::Process
    }

    /// Gives it its place in the calendar, and the time of its reminder: so many minutes before, or as it says itself.
    /// Nobody is reminded of what is over already, such as history that is taken over from another system.
    pub fn timed(mut self, usual_reminder: i32, clock: DateTime<Utc>) -> Self {
        let place = match (self.planned_start_at, self.due_at) {
            (Some(start), Some(due)) if due > start => Some((start, due)),
            (Some(start), _) => Some((start, start + USUAL)),
            (None, Some(due)) => Some((due - USUAL, due)),
            (None, None) => None,
        };
        self.calendar_start = place.map(|(start, _)| start);
        self.calendar_end = place.map(|(_, end)| end);
        let minutes = self.reminder_minutes.unwrap_or(usual_reminder);
        let time = self.planned_start_at.or(self.due_at).filter(|time| minutes >= 0 && *time > clock && self.is_open());
        self.remind_at = time.map(|time| time - TimeDelta::minutes(i64::from(minutes)));
        self
    }

    /// Open → the same, to be changed by an update.
    pub fn update(self, now: DateTime<Utc>) -> Result<Self, Error> {
        self.accept(Verb::UpdateActivity, now)
    }

    /// NOT_STARTED, WAITING, DEFERRED → IN_PROGRESS, with the time of the beginning; the first one stays.
    pub fn start(self, began: DateTime<Utc>, now: DateTime<Utc>) -> Result<Self, Error> {
        let activity = self.accept(Verb::StartActivity, now)?;
        if began > now {
            let expected = format!("not in the future; it is {} now", now.to_rfc3339());
            return Err(Refusal::field("start_time", expected).into());
        }
        Ok(Self { started_at: activity.started_at.or(Some(began)), resume_at: None, ..activity })
    }

    /// Open → DEFERRED until a time.
    pub fn defer(self, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<Self, Error> {
        self.rest(Verb::DeferActivity, until, now)
    }

    /// Open → WAITING until a time at the latest.
    pub fn wait(self, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<Self, Error> {
        self.rest(Verb::WaitForActivity, until, now)
    }

    fn rest(self, verb: Verb, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<Self, Error> {
        let activity = self.accept(verb, now)?;
        if until <= now {
            return Err(Refusal::field("until_time", format!("later than now, {}", now.to_rfc3339())).into());
        }
        Ok(Self { resume_at: Some(until), ..activity })
    }

    /// WAITING, DEFERRED → IN_PROGRESS where it had been begun, NOT_STARTED where not.
    pub fn reopen(self, now: DateTime<Utc>) -> Result<Self, Error> {
        let activity = self.accept(Verb::ReopenActivity, now)?;
        let state = if activity.started_at.is_some() { State::InProgress } else { activity.state };
        Ok(Self { state, resume_at: None, ..activity })
    }

    /// Open → the same, somebody else's.
    pub fn reassign(self, performer: Uuid, now: DateTime<Utc>) -> Result<Self, Error> {
        let activity = self.accept(Verb::ReassignActivity, now)?;
        if activity.performer == Some(performer) {
            return Err(Refusal::field("performer", "somebody else than the present performer").into());
        }
        Ok(Self { performer: Some(performer), ..activity })
    }

    /// Open → COMPLETED with a result that it allows; where it allows one only, that need not be said (R-ACT-1). What
    /// was noted before stays where nothing else is said; a result that asks for words has them by one or the other.
    pub fn complete(self, result: &str, text: &str, minutes: i32, now: DateTime<Utc>) -> Result<Self, Error> {
        let activity = self.accept(Verb::CompleteActivity, now)?;
        let chosen = match (result, activity.allowed_results.0.as_slice()) {
            ("", [only]) => Some(only),
            (code, allowed) => allowed.iter().find(|result| result.code == code),
        };
        let Some(chosen) = chosen else {
            let allowed = activity.allowed_results.codes();
            return Err(Error::ResultNotAllowed { activity: activity.name(), allowed });
        };
        let result_text = if text.is_empty() { activity.result_text } else { text.to_owned() };
        if chosen.needs_text && result_text.trim().is_empty() {
            return Err(Refusal::field(
                "result_text",
                format!("`{}` is completed with its result in words", chosen.code),
            )
            .into());
        }
        Ok(Self {
            result: chosen.code.clone(),
            result_text,
            actual_minutes: if minutes == 0 { activity.actual_minutes } else { minutes },
            ..activity
        }
        .ended(now))
    }

    /// Open → CANCELED by a person; what a stage waits for is completed, not canceled.
    pub fn cancel_by_user(self, now: DateTime<Utc>) -> Result<Self, Error> {
        let activity = self.cancel("BY_USER", now)?;
        if activity.is_awaited() {
            return Err(Error::Required { activity: activity.name() });
        }
        Ok(activity)
    }

    /// Open → CANCELED for a reason.
    pub fn cancel(self, reason: &str, now: DateTime<Utc>) -> Result<Self, Error> {
        let activity = self.accept(Verb::CancelActivity, now)?;
        Ok(Self { cancel_reason: reason.to_owned(), ..activity }.ended(now))
    }

    /// Nobody is reminded of what is over, and it comes back no more.
    fn ended(self, now: DateTime<Utc>) -> Self {
        Self { ended_at: Some(now), remind_at: None, resume_at: None, ..self }
    }

    fn accept(mut self, verb: Verb, now: DateTime<Utc>) -> Result<Self, Error> {
        let next = self.state.accept(verb)?;
        if next != self.state {
            self.state = next;
            self.state_since = now;
        }
        Ok(self)
    }
}

/// The opportunity or lead that a record is about; empty where it is about neither.
pub fn deal_of(regarding: &str) -> &str {
    let of_deal = names::OPPORTUNITIES.parse(regarding).is_ok() || names::LEADS.parse(regarding).is_ok();
    if of_deal { regarding } else { "" }
}
