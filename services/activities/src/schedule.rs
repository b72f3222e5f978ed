//! What time does: reminders fire, what waits or was put off comes back (R-ACT-1, R-ACT-4).
//!
//! Every replica looks each second. Whoever finds something claims it in the database and does it in the same
//! transaction: replicas pass over each other's rows, and a replica that dies has either told it and is done, or has told
//! nobody and claimed nothing. Where there is nothing to do, nothing is written.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType, OnConflict};
use sea_orm::{ActiveValue::Set, DbBackend, ExprTrait, IntoActiveModel, QueryOrder, QuerySelect, Select};

use crate::activity::{self, OPEN, State};
use crate::error::Error;

/// The most that one transaction does.
const BATCH: u64 = 200;
/// A reminder that comes so long after its activity was due reminds of nothing: it is dropped.
const TOO_LATE: TimeDelta = TimeDelta::days(1);

/// Whether reminders of what regards a record are paused (states.md, hold and resume).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reminder_pause")]
pub struct Model {
    /// The record.
    #[sea_orm(primary_key, auto_increment = false)]
    pub regarding: String,
    /// The version of the record that said so; a lower one comes too late.
    pub version: i64,
    /// Whether nobody is reminded.
    pub paused: bool,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Notes it, unless something later was said already; answers what holds.
    pub async fn note(self, tx: &impl ConnectionTrait) -> Result<bool, Error> {
        let regarding = self.regarding.clone();
        let later = Expr::col((Entity, Column::Version)).lt(Expr::col(("excluded", "version")));
        let newer = OnConflict::column(Column::Regarding)
            .update_columns([Column::Version, Column::Paused])
            .action_and_where(later)
            .to_owned();
        Entity::insert(self.into_active_model().reset_all()).on_conflict(newer).exec_without_returning(tx).await?;
        let holds = Entity::find_by_id(regarding).one(tx).await?;
        Ok(holds.is_some_and(|row| row.paused))
    }
}

/// What is closed is not on hold any more: what people made by hand for it is reminded of again.
pub async fn release(tx: &impl ConnectionTrait, regarding: &str) -> Result<(), Error> {
    let held = Entity::update_many().col_expr(Column::Paused, Expr::value(false));
    held.filter(Column::Regarding.eq(regarding)).filter(Column::Paused.eq(true)).exec(tx).await?;
    Ok(())
}

/// Whether there is anything to do.
pub async fn is_due(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<bool, Error> {
    Ok(reminders(now).limit(1).one(db).await?.is_some() || resting(now).limit(1).one(db).await?.is_some())
}

/// What is to be reminded of: open, not put off, and not of a record that is on hold. What was put off is reminded of when
/// it comes back, if that is not too late.
fn reminders(now: DateTime<Utc>) -> Select<activity::Entity> {
    use activity::Column;
    let on_hold = "EXISTS (SELECT 1 FROM reminder_pause WHERE reminder_pause.regarding = activity.regarding \
                   AND reminder_pause.paused)";
    activity::Entity::find()
        .filter(Column::RemindAt.lte(now))
        .filter(Column::State.is_in(OPEN))
        .filter(Column::State.ne(State::Deferred))
        .filter(Expr::cust(on_hold).not())
        .order_by_asc(Column::RemindAt)
}

/// What waits or was put off until now.
fn resting(now: DateTime<Utc>) -> Select<activity::Entity> {
    use activity::Column;
    activity::Entity::find()
        .filter(Column::ResumeAt.lte(now))
        .filter(Column::State.is_in([State::Waiting, State::Deferred]))
        .order_by_asc(Column::ResumeAt)
}

/// Claims due reminders; answers those that are still worth it, as they were.
pub async fn claim_reminders(tx: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<activity::Model>, Error> {
    let mut due = claimed(reminders(now), tx).all(tx).await?;
    if due.is_empty() {
        return Ok(due);
    }
    activity::Entity::update_many()
        .set(activity::ActiveModel { remind_at: Set(None), ..Default::default() })
        .filter(activity::Column::Id.is_in(due.iter().map(|activity| activity.id)))
        .exec(tx)
        .await?;
    due.retain(|activity| activity.calendar_end.is_some_and(|end| end >= now - TOO_LATE));
    Ok(due)
}

/// Brings back what waited or was put off until now; answers each as it was and as it is. Two updates, however many.
pub async fn bring_back(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
) -> Result<Vec<(activity::Model, activity::Model)>, Error> {
    use activity::Column;
    let mut changed = Vec::new();
    for before in claimed(resting(now), tx).all(tx).await? {
        let mut after = before.clone().reopen(now)?;
        after.version += 1;
        after.updated_at = now;
        changed.push((before, after));
    }
    for state in [State::NotStarted, State::InProgress] {
        let back: Vec<Uuid> = changed.iter().filter(|(_, it)| it.state == state).map(|(_, it)| it.id).collect();
        if back.is_empty() {
            continue;
        }
        let news = activity::ActiveModel {
            state: Set(state),
            state_since: Set(now),
            updated_at: Set(now),
            resume_at: Set(None),
            ..Default::default()
        };
        activity::Entity::update_many()
            .set(news)
            .col_expr(Column::Version, Expr::col(Column::Version).add(1))
            .filter(Column::Id.is_in(back))
            .exec(tx)
            .await?;
    }
    Ok(changed)
}

fn claimed(select: Select<activity::Entity>, tx: &impl ConnectionTrait) -> Select<activity::Entity> {
    let select = select.limit(BATCH);
    match tx.get_database_backend() {
        DbBackend::Postgres => select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked),
        // SQLite has one writer.
        _ => select,
    }
}
