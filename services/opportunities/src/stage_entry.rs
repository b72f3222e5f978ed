//! One entry of an opportunity into a stage (R-STG-3): when, why, and which activities belong to it.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use dealflow_proto::names::{STAGE_ENTRIES, STAGES};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, FromJsonQueryResult, FromQueryResult, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::library::{Process, ProcessStage};

/// A stage entry.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stage_entry")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The opportunity.
    pub opportunity: Uuid,
    /// The how manieth entry of the opportunity it is, from 1.
    pub number: i32,
    /// The slug of the stage.
    pub stage: String,
    /// When it was entered.
    pub entered_at: DateTime<Utc>,
    /// When it was left; none while it is the current one.
    pub left_at: Option<DateTime<Utc>>,
    /// Microseconds from entering to leaving; none while it is the current one.
    pub spent_micros: Option<i64>,
    /// Why it was entered.
    pub cause: Cause,
    /// What the process asks for in it, done ones too.
    #[sea_orm(column_type = "JsonBinary")]
    pub planned: Planned,
}

/// The opportunity is looked up by its id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Why a stage was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::None)", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Cause {
    /// The opportunity was opened here.
    Opened,
    /// All required activities of the stage before were completed.
    AdvanceAuto,
    /// Somebody moved it.
    Manual,
    /// The result of an activity asked for it.
    Result,
    /// It was won or lost.
    Final,
    /// Its process was canceled: the same stage, without its activities.
    ProcessCanceled,
}

/// The planned activities of an entry, in the order in which they were planned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Planned(pub Vec<PlannedActivity>);

/// An activity that the process asks for. What it says stands in the template of the version that the run is pinned to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedActivity {
    /// Unique in its entry: the template's code and a count, `contact_client#1`.
    pub key: String,
    /// The code of the template.
    pub template: String,
    /// The code of the result it was completed with; none while it is open.
    pub result: Option<String>,
    /// When it is to be done, where a result made it wait (R-STG-5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_until: Option<DateTime<Utc>>,
    /// What was said of a result whose effect is still to come: the process could not be followed when it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
}

impl Model {
    /// An entry that begins now, without activities.
    pub fn new(opportunity: Uuid, number: i32, stage: &str, cause: Cause, now: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::now_v7(),
            opportunity,
            number,
            stage: stage.to_owned(),
            entered_at: now,
            left_at: None,
            spent_micros: None,
            cause,
            planned: Planned::default(),
        }
    }

    /// It is left.
    pub fn leave(&mut self, now: DateTime<Utc>) {
        self.left_at = Some(now);
        self.spent_micros = (now - self.entered_at).num_microseconds();
    }

    /// Its resource name.
    pub fn name(&self) -> String {
        STAGE_ENTRIES.name(self.id)
    }
}

impl Planned {
    /// Plans what a stage makes on entry.
    pub fn plan_stage(&mut self, stage: &ProcessStage) {
        for template in stage.activities.iter().filter(|template| template.on_entry) {
            self.plan(&template.code.value);
        }
    }

    /// Plans what a stage makes on entry and this entry was never asked for; answers the keys.
    pub fn plan_missing(&mut self, stage: &ProcessStage) -> Vec<String> {
        let before = self.0.len();
        for template in stage.activities.iter().filter(|template| template.on_entry) {
            if !self.0.iter().any(|planned| planned.template == template.code.value) {
                self.plan(&template.code.value);
            }
        }
        self.0[before..].iter().map(|planned| planned.key.clone()).collect()
    }

    /// Plans one more activity from a template; made again it counts up.
    pub fn plan(&mut self, template: &str) {
        let count = self.0.iter().filter(|planned| planned.template == template).count() + 1;
        let key = format!("{template}#{count}");
        let template = template.to_owned();
        self.0.push(PlannedActivity { key, template, result: None, wait_until: None, pending: None });
    }

    /// Plans what an activity was made from once more, to be done when its time has come (R-STG-5).
    pub fn plan_again(&mut self, key: &str, until: DateTime<Utc>) {
        let template = self.0.iter().find(|planned| planned.key == key).map(|planned| planned.template.clone());
        if let Some(template) = template {
            self.plan(&template);
            if let Some(planned) = self.0.last_mut() {
                planned.wait_until = Some(until);
            }
        }
    }

    /// The activity of a key.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut PlannedActivity> {
        self.0.iter_mut().find(|planned| planned.key == key)
    }

    /// Those without a result.
    pub fn open(&self) -> impl Iterator<Item = &PlannedActivity> {
        self.0.iter().filter(|planned| planned.result.is_none())
    }

    /// Whether all required activities are completed (R-STG-4).
    pub fn is_done(&self, process: &Process) -> bool {
        let required =
            |planned: &PlannedActivity| process.template(&planned.template).is_some_and(|template| template.required);
        !self.open().any(required)
    }

    /// All keys, for a refusal.
    pub fn keys(&self) -> String {
        let keys: Vec<&str> = self.0.iter().map(|planned| planned.key.as_str()).collect();
        if keys.is_empty() { "none".to_owned() } else { keys.join(", ") }
    }
}

/// The entry of an id, if it is one of the opportunity's.
pub async fn find(db: &impl ConnectionTrait, opportunity: Uuid, id: Uuid) -> Result<Model, Error> {
    let found = Entity::find_by_id(id).filter(Column::Opportunity.eq(opportunity)).one(db).await?;
    found.ok_or_else(|| Error::Missing(STAGE_ENTRIES.name(id)))
}

/// What the list of an opportunity's entries is filtered and ordered by.
pub static LISTED: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .int("number", Column::Number)
        .slug("stage", STAGES.as_str(), Column::Stage)
        .filter_only()
        .time("enter_time", Column::EnteredAt)
        .filter_only()
        .time("leave_time", Column::LeftAt)
        .filter_only()
        .default_order("number")
});

/// How often an opportunity was in a stage.
#[derive(Debug, FromQueryResult)]
pub struct Stay {
    /// The slug of the stage.
    pub stage: String,
    /// How often it was entered.
    pub entries: i64,
    /// Microseconds spent in it, without the entry that is open.
    pub micros: i64,
}

/// How often an opportunity was in which stage, over all its entries.
pub async fn stays(db: &impl ConnectionTrait, opportunity: Uuid) -> Result<Vec<Stay>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Stage)
        .column_as(Column::Id.count(), "entries")
        .column_as(Expr::cust("CAST(COALESCE(SUM(spent_micros), 0) AS BIGINT)"), "micros")
        .filter(Column::Opportunity.eq(opportunity))
        .group_by(Column::Stage)
        .into_model()
        .all(db)
        .await
}

/// The entries of these ids, in no order: one query for a page of opportunities.
pub async fn of_ids(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Id.is_in(ids)).all(db).await
}
