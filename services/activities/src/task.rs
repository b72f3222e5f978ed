//! My tasks: what somebody has to do, by when it is due (R-ACT-2).

use chrono::{DateTime, Days, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use dealflow_chassis::Refusal;
use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, FromQueryResult, QuerySelect, Select};

use crate::activity::{Column, Entity, OPEN};
use crate::error::Error;
use crate::hierarchy;

/// When a task is due, as seen from now; each open activity is in exactly one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Due before now.
    Overdue,
    /// Due from now to the end of the day.
    Today,
    /// Due later, or at no time.
    Planned,
}

/// Now, and the end of the day that it is where somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Now.
    pub now: DateTime<Utc>,
    /// The first moment of tomorrow.
    pub end: DateTime<Utc>,
}

/// How many there are in each bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromQueryResult)]
pub struct Counts {
    /// Due before now.
    pub overdue: i64,
    /// Due today.
    pub today: i64,
    /// Due later, or at no time.
    pub planned: i64,
}

impl Day {
    /// The day that it is in a time zone, by its IANA name; UTC where none is said.
    pub fn of(now: DateTime<Utc>, time_zone: &str) -> Result<Self, Refusal> {
        let zone: Tz = match time_zone {
            "" => Tz::UTC,
            name => name.parse().map_err(|_| Refusal::field("time_zone", "an IANA name such as Europe/Berlin"))?,
        };
        let tomorrow = now.with_timezone(&zone).date_naive() + Days::new(1);
        Ok(Self { now, end: beginning(tomorrow, zone) })
    }
}

/// The first moment of a day. Where the clocks skip midnight, the day begins at the first time that there is.
fn beginning(day: chrono::NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    let mut quarters = (0..96).map(|n| midnight + chrono::TimeDelta::minutes(15 * n));
    let first = quarters.find_map(|time| zone.from_local_datetime(&time).earliest());
    first.map_or_else(|| midnight.and_utc(), |time| time.to_utc())
}

/// The open activities of a performer, or of the performer's whole team.
pub fn open_of(performer: Uuid, team: bool, backend: sea_orm::DbBackend) -> Select<Entity> {
    let whose = if team { hierarchy::of_team(performer, backend) } else { Column::Performer.eq(performer) };
    Entity::find().filter(whose).filter(Column::State.is_in(OPEN))
}

/// The condition of being in a bucket.
pub fn is_in(bucket: Bucket, day: Day) -> Expr {
    match bucket {
        Bucket::Overdue => Column::DueAt.lt(day.now),
        Bucket::Today => Column::DueAt.gte(day.now).and(Column::DueAt.lt(day.end)),
        Bucket::Planned => Column::DueAt.gte(day.end).or(Column::DueAt.is_null()),
    }
}

/// Counts all buckets in one query.
pub async fn count(db: &impl ConnectionTrait, open: Select<Entity>, day: Day) -> Result<Counts, Error> {
    let counted = open
        .select_only()
        .column_as(how_many(Bucket::Overdue, day), "overdue")
        .column_as(how_many(Bucket::Today, day), "today")
        .column_as(how_many(Bucket::Planned, day), "planned");
    Ok(counted.into_model::<Counts>().one(db).await?.unwrap_or_default())
}

/// COUNT skips what is null: CASE without ELSE.
fn how_many(bucket: Bucket, day: Day) -> Expr {
    let one = sea_orm::sea_query::CaseStatement::new().case(is_in(bucket, day), 1);
    Expr::expr(one).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn a_day_ends_when_it_ends_where_somebody_is() {
        let evening = at("2026-03-02T22:30:00Z");
        let end = |zone| Day::of(evening, zone).expect("a zone").end;
        assert_eq!(end(""), at("2026-03-03T00:00:00Z"));
        assert_eq!(end("Europe/Berlin"), at("2026-03-02T23:00:00Z"));
        assert_eq!(end("Asia/Tokyo"), at("2026-03-03T15:00:00Z"), "there it is the 3rd already");
        assert_eq!(end("America/Los_Angeles"), at("2026-03-03T08:00:00Z"));
        // Clocks go forward on the 29th: a day of 23 hours.
        assert_eq!(
            Day::of(at("2026-03-29T00:30:00Z"), "Europe/Berlin").expect("a zone").end,
            at("2026-03-29T22:00:00Z")
        );
        // In Beirut they go forward at midnight: the 29th begins at 01:00.
        assert_eq!(Day::of(at("2026-03-28T12:00:00Z"), "Asia/Beirut").expect("a zone").end, at("2026-03-28T22:00:00Z"));
        assert!(Day::of(evening, "Mars/Olympus").is_err());
    }
}
