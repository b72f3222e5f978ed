//! An activity: the record, its life cycle, and what its verbs ask for.

use std::fmt;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use dealflow_chassis::{Lifecycle, Refusal, rows};
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveEnum, FromJsonQueryResult, IntoActiveModel, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The result of an activity that allows no others.
pub const DONE: &str = "done";

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
    /// What is to be done.
    pub subject: String,
    /// How.
    pub instructions: String,
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
    /// What was said of that.
    pub result_text: String,
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
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
}

/// How far an activity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum State {
    /// Nobody began.
    #[sea_orm(string_value = "NOT_STARTED")]
    NotStarted,
    /// Somebody is at it.
    #[sea_orm(string_value = "IN_PROGRESS")]
    InProgress,
    /// Done; final.
    #[sea_orm(string_value = "COMPLETED")]
    Completed,
    /// Not to be done any more; final.
    #[sea_orm(string_value = "CANCELED")]
    Canceled,
}

/// Who asked for an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Origin {
    /// A stage entry of a process; it ends with the entry (R-STG-3).
    #[sea_orm(string_value = "PROCESS")]
    Process,
    /// A person; it outlives stages.
    #[sea_orm(string_value = "MANUAL")]
    Manual,
}

/// What may be done with an activity; named as the RPCs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Begin.
    StartActivity,
    /// End with a result.
    CompleteActivity,
    /// End without.
    CancelActivity,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_value())
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Lifecycle for State {
    type Verb = Verb;
    const NOUN: &'static str = "activity";
    const STATES: &'static [Self] = &[Self::NotStarted, Self::InProgress, Self::Completed, Self::Canceled];
    const VERBS: &'static [Verb] = &[Verb::StartActivity, Verb::CompleteActivity, Verb::CancelActivity];

    fn next(self, verb: Verb) -> Option<Self> {
        match (self, verb) {
            (Self::NotStarted, Verb::StartActivity) => Some(Self::InProgress),
            (Self::NotStarted | Self::InProgress, Verb::CompleteActivity) => Some(Self::Completed),
            (Self::NotStarted | Self::InProgress, Verb::CancelActivity) => Some(Self::Canceled),
            _ => None,
        }
    }
}

/// What the list of activities lets be filtered and sorted; each order has its index in `m0001_activities`.
/// Overdue is computed: `due_time < "…" AND (state = "NOT_STARTED" OR state = "IN_PROGRESS")`.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .time("create_time", Column::CreatedAt)
        .time("due_time", Column::DueAt)
        .variants("state", Column::State, |state: &State| state.to_value().into())
        .filter_only()
        .variants("origin", Column::Origin, |origin: &Origin| origin.to_value().into())
        .filter_only()
        .text("regarding", Column::Regarding)
        .filter_only()
        .uuid("performer", "employees", Column::Performer)
        .filter_only()
        .uuid("stage_entry", "stageEntries", Column::StageEntry)
        .filter_only()
        .text("planned_key", Column::PlannedKey)
        .filter_only()
        .text("type", Column::Kind)
        .filter_only()
        .text("importance", Column::Importance)
        .filter_only()
        .text("subject", Column::Subject)
        .filter_only()
        .text("author", Column::Author)
        .filter_only()
        .text("result", Column::Result)
        .filter_only()
        .text("cancel_reason", Column::CancelReason)
        .filter_only()
        .bool("required", Column::Required)
        .filter_only()
        .time("update_time", Column::UpdatedAt)
        .filter_only()
        .time("start_time", Column::StartedAt)
        .filter_only()
        .time("end_time", Column::EndedAt)
        .filter_only()
});

impl AllowedResults {
    /// The results as given, `done` where none is; codes that come twice are refused under `field`.
    pub fn of(field: &str, given: Vec<AllowedResult>) -> Result<Self, Refusal> {
        if given.is_empty() {
            let (caption, effect) = (String::new(), String::new());
            let done = AllowedResult { code: DONE.to_owned(), caption, effect, closes_deal: false };
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
        let of_deal = |it: &str| names::OPPORTUNITIES.parse(it).is_ok() || names::LEADS.parse(it).is_ok();
        if of_deal(&self.regarding) { self.regarding.clone() } else { self.name() }
    }

    /// Whether somebody still has to do it.
    pub fn is_open(&self) -> bool {
        !self.state.is_final()
    }

    /// NOT_STARTED → IN_PROGRESS, with the time of the beginning.
    pub fn start(self, now: DateTime<Utc>) -> Result<Self, Error> {
        Ok(Self { started_at: Some(now), ..self.accept(Verb::StartActivity, now)? })
    }

    /// Open → COMPLETED with a result that it allows; where it allows one only, that need not be said (R-ACT-1).
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
        Ok(Self {
            result: chosen.code.clone(),
            result_text: text.to_owned(),
            actual_minutes: minutes,
            ended_at: Some(now),
            ..activity
        })
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
        Ok(Self { cancel_reason: reason.to_owned(), ended_at: Some(now), ..activity })
    }

    /// Whether a stage waits for it.
    pub fn is_awaited(&self) -> bool {
        self.required && self.origin == Origin::Process
    }

    fn accept(mut self, verb: Verb, now: DateTime<Utc>) -> Result<Self, Error> {
        self.state = self.state.accept(verb)?;
        self.state_since = now;
        Ok(self)
    }
}

/// The activity of this name, locked until the end of the transaction.
pub async fn lock(tx: &impl ConnectionTrait, name: &str) -> Result<Model, Error> {
    let id = names::ACTIVITIES.parse(name).map_err(Refusal::from)?;
    let found = Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    Ok(found.ok_or_else(|| Refusal::missing(name))?)
}

/// The activity of this name, to be read.
pub async fn get(db: &impl ConnectionTrait, name: &str) -> Result<Model, Error> {
    let id = names::ACTIVITIES.parse(name).map_err(Refusal::from)?;
    Ok(Entity::find_by_id(id).one(db).await?.ok_or_else(|| Refusal::missing(name))?)
}

/// Adds activities, in one statement.
pub async fn insert(tx: &impl ConnectionTrait, activities: &[Model]) -> Result<(), Error> {
    if activities.is_empty() {
        return Ok(());
    }
    let rows = activities.iter().map(|activity| activity.clone().into_active_model().reset_all());
    Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// Saves a changed activity as its next version; only what changed is written.
pub async fn save(
    tx: &impl ConnectionTrait,
    before: &Model,
    mut activity: Model,
    now: DateTime<Utc>,
) -> Result<Model, Error> {
    activity.version += 1;
    activity.updated_at = now;
    let row = rows::changed::<Entity>(before, &activity);
    Entity::update_many().set(row).filter(Column::Id.eq(activity.id)).exec(tx).await?;
    Ok(activity)
}
