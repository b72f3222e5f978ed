//! Rows, as all records of this service are written: only the columns that changed, in one statement.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use dealflow_chassis::history::Change;
use prost::{Message, Name};
use sea_orm::ColumnTrait;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, Iterable, ModelTrait, PrimaryKeyToColumn,
    QueryFilter,
};

/// Writes what differs between `before`, which is locked, and `after`.
pub(crate) async fn save<M, C>(db: &C, before: &M, after: &M) -> Result<(), DbErr>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: ActiveModelTrait<Entity = M::Entity>,
    C: ConnectionTrait,
{
    let mut changed = <<M::Entity as EntityTrait>::ActiveModel as ActiveModelTrait>::default();
    for column in <M::Entity as EntityTrait>::Column::iter() {
        let value = after.get(column);
        if before.get(column) != value {
            changed.set(column, value);
        }
    }
    let mut update = M::Entity::update_many().set(changed);
    for key in <M::Entity as EntityTrait>::PrimaryKey::iter() {
        let column = key.into_column();
        update = update.filter(column.eq(before.get(column)));
    }
    let written = update.exec(db).await?;
    if written.rows_affected == 1 { Ok(()) } else { Err(DbErr::RecordNotUpdated) }
}

/// What history tells of a record with a state.
pub(crate) trait Told {
    /// The record's resource name.
    fn name(&self) -> String;
    /// The deal it belongs to.
    fn thread(&self) -> String;
    /// Its state, as states.md writes it.
    fn state(&self) -> String;
    /// When it came into that state.
    fn state_since(&self) -> DateTime<Utc>;
}

/// The change from `before` (none on creation) to `after`, which goes out as `data`.
pub(crate) fn change<T: Told, M: Message + Name>(
    kind: &str,
    verb: &str,
    before: Option<&T>,
    after: &T,
    data: &M,
) -> Change {
    let from = before.map(Told::state).unwrap_or_default();
    let moved = before.filter(|before| before.state() != after.state());
    let change = Change::new(kind, after.name(), verb).thread(after.thread()).states(from, after.state()).data(data);
    match moved {
        Some(before) => change.since(before.state_since()),
        None => change,
    }
}

/// A point in time, and which day the company's calendar shows then: documents are dated by that day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The point in time.
    pub at: DateTime<Utc>,
    /// The company's day.
    pub today: NaiveDate,
}

impl Moment {
    /// A point in time where the company is.
    pub fn new(at: DateTime<Utc>, zone: Tz) -> Self {
        Self { at, today: at.with_timezone(&zone).date_naive() }
    }
}
