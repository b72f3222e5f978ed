//! Activities in the database: what their lists know, and how one is found, locked and saved.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use dealflow_chassis::security::Sight;
use dealflow_chassis::{Refusal, rows};
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveEnum, IntoActiveModel, QueryOrder, QuerySelect};

use super::{Column, Entity, Model, OPEN, Origin, State};
use crate::error::Error;
use crate::seen;

/// The most that an action panel shows.
const PANEL: u64 = 200;

/// What lists of activities let be filtered and sorted; each order has its index in `m0001_activities`. Overdue is
/// computed: `due_time < "…" AND (state = "NOT_STARTED" OR state = "IN_PROGRESS")`.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(fields);

/// As [`FIELDS`], the most urgent first.
pub static BY_DUE: LazyLock<Fields> = LazyLock::new(|| fields().default_order("due_time"));

/// As [`FIELDS`], in the order of the calendar.
pub static BY_TIME: LazyLock<Fields> =
    LazyLock::new(|| fields().time("calendar_time", Column::CalendarStart).default_order("calendar_time"));

fn fields() -> Fields {
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
        .uuid("category", "categories", Column::Category)
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
        .time("planned_start_time", Column::PlannedStartAt)
        .filter_only()
        .time("start_time", Column::StartedAt)
        .filter_only()
        .time("end_time", Column::EndedAt)
        .filter_only()
}

/// The activity of this name, locked until the end of the transaction.
pub async fn lock(tx: &impl ConnectionTrait, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::ACTIVITIES.parse(name).map_err(Refusal::from)?;
    let found = Entity::find_by_id(id).filter(seen::activities(sight)).lock_exclusive().one(tx).await?;
    Ok(found.ok_or_else(|| Refusal::missing(name))?)
}

/// The activity of this name, to be read.
pub async fn get(db: &impl ConnectionTrait, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::ACTIVITIES.parse(name).map_err(Refusal::from)?;
    let found = Entity::find_by_id(id).filter(seen::activities(sight)).one(db).await?;
    Ok(found.ok_or_else(|| Refusal::missing(name))?)
}

/// The open activities of a record: first those that its stage waits for, then the rest, in the order of their making.
pub async fn panel(db: &impl ConnectionTrait, regarding: &str, sight: &Sight) -> Result<Vec<Model>, Error> {
    let open = Entity::find()
        .filter(Column::Regarding.eq(regarding))
        .filter(Column::State.is_in(OPEN))
        .filter(seen::activities(sight))
        .order_by_desc(Column::Required)
        .order_by_asc(Column::Id)
        .limit(PANEL);
    Ok(open.all(db).await?)
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
