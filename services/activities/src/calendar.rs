//! The calendar: activities by their time, and the secret under which a calendar program reads them (R-ACT-3).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{Condition, ExprTrait, IntoActiveModel, QueryOrder, QuerySelect, Select};
use sha2::{Digest, Sha256};

use crate::activity::{self, OPEN, State};
use crate::error::Error;

/// How long what is over stays in the feed.
const PAST: TimeDelta = TimeDelta::days(90);
/// How long the feed says of what was canceled that it is: longer than any calendar program stays away.
const CANCELED: TimeDelta = TimeDelta::days(14);
/// The most that a feed holds: what lies farthest in the future is left out.
const MOST: u64 = 5000;

/// An employee's calendar that has a secret address.
#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "calendar_share")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner: Uuid,
    /// The secret.
    pub token: String,
    /// Since when it is valid.
    pub created_at: DateTime<Utc>,
}

/// The secret is shown to no log.
impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("owner", &self.owner)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A new secret: 244 random bits, which nobody guesses.
    pub fn new(owner: Uuid, now: DateTime<Utc>) -> Self {
        let random = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        Self { owner, token: URL_SAFE_NO_PAD.encode(random), created_at: now }
    }

    /// Whether this is the secret; how long the answer takes does not tell how much of it was right.
    fn is(&self, token: &str) -> bool {
        Sha256::digest(self.token.as_bytes()) == Sha256::digest(token.as_bytes())
    }
}

/// Takes the place of the address that was there before.
pub async fn share(tx: &impl ConnectionTrait, share: &Model) -> Result<(), Error> {
    let anew = OnConflict::column(Column::Owner).update_columns([Column::Token, Column::CreatedAt]).to_owned();
    let row = share.clone().into_active_model().reset_all();
    Entity::insert(row).on_conflict(anew).exec_without_returning(tx).await?;
    Ok(())
}

/// Takes the address back; whether there was one.
pub async fn unshare(tx: &impl ConnectionTrait, owner: Uuid) -> Result<bool, Error> {
    Ok(Entity::delete_by_id(owner).exec(tx).await?.rows_affected > 0)
}

/// Refuses whoever does not know the secret. Whether there is such an employee or address is not told.
pub async fn check_secret(db: &impl ConnectionTrait, owner: Uuid, token: &str) -> Result<(), Error> {
    let share = Entity::find_by_id(owner).one(db).await?;
    if share.is_some_and(|share| share.is(token)) { Ok(()) } else { Err(Error::NoSuchCalendar) }
}

/// The activities of some people that touch an interval.
pub fn between(owners: &[Uuid], from: DateTime<Utc>, until: DateTime<Utc>, canceled: bool) -> Select<activity::Entity> {
    use activity::Column;
    let mut found = activity::Entity::find()
        .filter(Column::Performer.is_in(owners.iter().copied()))
        .filter(Column::CalendarEnd.gt(from))
        .filter(Column::CalendarStart.lt(until));
    if !canceled {
        found = found.filter(Column::State.ne(State::Canceled));
    }
    found
}

/// What a calendar program is told: what lies ahead, what is open whenever it was due, what is over since a while.
pub async fn feed(db: &impl ConnectionTrait, owner: Uuid, now: DateTime<Utc>) -> Result<Vec<activity::Model>, Error> {
    use activity::Column;
    let over = Column::State.eq(State::Completed).and(Column::CalendarEnd.gt(now - PAST));
    let canceled = Column::State.eq(State::Canceled).and(Column::EndedAt.gt(now - CANCELED));
    let wanted = Condition::any().add(Column::State.is_in(OPEN)).add(over).add(canceled);
    let found = activity::Entity::find()
        .filter(Column::Performer.eq(owner))
        .filter(Column::CalendarEnd.is_not_null())
        .filter(wanted)
        .order_by_asc(Column::CalendarEnd)
        .order_by_asc(Column::Id)
        .limit(MOST);
    Ok(found.all(db).await?)
}
