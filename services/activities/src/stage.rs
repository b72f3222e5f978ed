//! The activities of a process, made to agree with an opportunity's stage entry (R-STG-3).
//!
//! Syncing is convergent: however often, late or concurrently it is asked for, the activities end as the latest entry
//! wants them. One row per opportunity keeps the number of the last entry that was seen; writing it first is the lock
//! at which concurrent syncs queue, and what tells an entry that came too late.

use chrono::{DateTime, Utc};
use dealflow_proto::activities::v1::PlannedCategory;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Condition, OnConflict};
use sea_orm::{ActiveValue::Set, ExprTrait, IntoActiveModel, QueryOrder, QuerySelect};

use crate::activity::{self, OPEN, Origin, State};
use crate::category;
use crate::error::Error;

/// How far an opportunity's process activities have been synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stage_sync")]
pub struct Model {
    /// The opportunity.
    #[sea_orm(primary_key, auto_increment = false)]
    pub opportunity: Uuid,
    /// The last stage entry that was seen.
    pub stage_entry: Uuid,
    /// Its number.
    pub entry_number: i32,
    /// Whether the opportunity was closed in it: nothing is planned any more.
    pub closed: bool,
}

/// No relations: opportunities live in another service.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What was changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// The entry's open activities that stood already, as they are now.
    pub kept: Vec<activity::Model>,
    /// Those of them that were nobody's, and are somebody's now.
    pub assigned: Vec<activity::Model>,
    /// Those that were created.
    pub created: Vec<activity::Model>,
    /// Those that were canceled, as they are now; the state and its beginning before.
    pub canceled: Vec<(activity::Model, State, DateTime<Utc>)>,
}

impl Model {
    /// Notes the entry and locks the opportunity's row; false where a later entry, or the end, was seen already.
    pub async fn advance(self, tx: &impl ConnectionTrait) -> Result<bool, Error> {
        let seen = |column: Column| Expr::col((Entity, column));
        let asked = |column: &'static str| Expr::col(("excluded", column));
        let later = seen(Column::EntryNumber).lt(asked("entry_number"));
        let same = seen(Column::EntryNumber).eq(asked("entry_number"));
        let still_open = seen(Column::Closed).eq(false).or(asked("closed").eq(true));
        let conflict = OnConflict::column(Column::Opportunity)
            .update_columns([Column::StageEntry, Column::EntryNumber, Column::Closed])
            .action_and_where(later.or(same.and(still_open)))
            .to_owned();
        let row = self.into_active_model().reset_all();
        let written = Entity::insert(row).on_conflict(conflict).exec_without_returning(tx).await?;
        Ok(written > 0)
    }

    /// Cancels the open process activities of earlier entries (all where it is closed), creates the planned ones that are
    /// missing, and gives those that were nobody's to whom they are planned for (R-ACT-2): their deal had no owner when
    /// they were made. As many statements whether there are few or many.
    pub async fn sync(
        self,
        tx: &impl ConnectionTrait,
        planned: Vec<activity::Model>,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Synced, Error> {
        let mut synced = Synced::default();
        let mut known = Vec::new();
        for activity in self.process_activities(tx).await? {
            let ours = activity.stage_entry == Some(self.stage_entry);
            if ours {
                known.extend(activity.planned_key.clone());
            }
            if !activity.is_open() {
                continue;
            }
            if ours && !self.closed {
                match planned_for(&planned, &activity).filter(|_| activity.performer.is_none()) {
                    Some(performer) => {
                        let version = activity.version + 1;
                        let given =
                            activity::Model { performer: Some(performer), version, updated_at: now, ..activity };
                        synced.assigned.push(given.clone());
                        synced.kept.push(given);
                    }
                    None => synced.kept.push(activity),
                }
            } else {
                let (state, since) = (activity.state, activity.state_since);
                let mut canceled = activity.cancel(reason, now)?;
                canceled.version += 1;
                canceled.updated_at = now;
                synced.canceled.push((canceled, state, since));
            }
        }
        cancel_all(tx, &synced.canceled, reason, now).await?;
        assign_all(tx, &synced.assigned, now).await?;
        if !self.closed {
            let missing = |it: &activity::Model| it.planned_key.as_ref().is_some_and(|key| !known.contains(key));
            synced.created = planned.into_iter().filter(missing).collect();
            activity::insert(tx, &synced.created).await?;
        }
        Ok(synced)
    }

    /// The opportunity's open process activities, and all of this entry; locked: nobody completes one meanwhile.
    async fn process_activities(&self, tx: &impl ConnectionTrait) -> Result<Vec<activity::Model>, Error> {
        use activity::Column;
        let wanted = Condition::any().add(Column::State.is_in(OPEN)).add(Column::StageEntry.eq(self.stage_entry));
        let found = activity::Entity::find()
            .filter(Column::Regarding.eq(names::OPPORTUNITIES.name(self.opportunity)))
            .filter(Column::Origin.eq(Origin::Process))
            .filter(wanted)
            .order_by_asc(Column::Id)
            .lock_exclusive();
        Ok(found.all(tx).await?)
    }
}

/// Gives planned activities their categories by what people call them (R-ACT-1). One that is not there is passed over: the
/// sale goes on without it.
pub async fn with_categories(
    tx: &impl ConnectionTrait,
    planned: &mut [activity::Model],
    categories: &[PlannedCategory],
) -> Result<(), Error> {
    let called = categories.iter().map(|it| it.display_name.as_str()).collect();
    let known = category::called(tx, called).await?;
    for activity in planned {
        let key = activity.planned_key.as_deref().unwrap_or_default();
        let called = categories.iter().find(|it| it.planned_key == key);
        let found = called.and_then(|it| known.iter().find(|known| known.display_name == it.display_name));
        activity.category = found.map(|found| found.id).or(activity.category);
    }
    Ok(())
}

/// Who is to do an activity by the plan.
fn planned_for(planned: &[activity::Model], activity: &activity::Model) -> Option<Uuid> {
    planned.iter().find(|it| it.planned_key == activity.planned_key)?.performer
}

async fn assign_all(tx: &impl ConnectionTrait, given: &[activity::Model], now: DateTime<Utc>) -> Result<(), Error> {
    use activity::{ActiveModel, Column};
    // A deal has one owner: this is one statement.
    for alike in given.chunk_by(|one, next| one.performer == next.performer) {
        let performer = alike.first().and_then(|it| it.performer);
        activity::Entity::update_many()
            .set(ActiveModel { performer: Set(performer), updated_at: Set(now), ..Default::default() })
            .col_expr(Column::Version, Expr::col(Column::Version).add(1))
            .filter(Column::Id.is_in(alike.iter().map(|activity| activity.id)))
            .exec(tx)
            .await?;
    }
    Ok(())
}

async fn cancel_all(
    tx: &impl ConnectionTrait,
    canceled: &[(activity::Model, State, DateTime<Utc>)],
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    use activity::{ActiveModel, Column};
    if canceled.is_empty() {
        return Ok(());
    }
    let news = ActiveModel {
        state: Set(State::Canceled),
        state_since: Set(now),
        updated_at: Set(now),
        ended_at: Set(Some(now)),
        cancel_reason: Set(reason.to_owned()),
        remind_at: Set(None),
        resume_at: Set(None),
        ..Default::default()
    };
    activity::Entity::update_many()
        .set(news)
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::Id.is_in(canceled.iter().map(|(activity, ..)| activity.id)))
        .exec(tx)
        .await?;
    Ok(())
}
