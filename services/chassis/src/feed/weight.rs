//! How much of the history goes into one message, found out where it lies: what is not sent is not read.
//!
//! The records of hundreds of changes may be a gigabyte. So the query that reads them goes as far as a message goes: their
//! lengths are added up in the database, which knows them without reading the records.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::history;

/// How much of records a message of events holds: one that is larger would not get through (4 MiB).
const MOST_BYTES: usize = 2 * 1024 * 1024;
/// What a row weighs, as the database and [`weight`] say alike.
pub(super) const WEIGHT: &str = "OCTET_LENGTH(data) + COALESCE(OCTET_LENGTH(answer), 0)";

/// The first rows that are wanted, in the order of a column, as far as they go into one message, and one or two more: by
/// those it is seen that there are more.
pub(super) fn read(wanted: Condition, place: history::Column, limit: u64) -> Select<history::Entity> {
    let rows = history::Entity::find().filter(wanted.clone()).filter(Expr::col(place).lte(end(wanted, place, limit)));
    rows.order_by_asc(place).limit(limit)
}

/// The place of the last row to read: the first one that has no room behind those before it, the second one at least.
fn end(wanted: Condition, place: history::Column, limit: u64) -> Expr {
    let [at, bytes, before, number] = ["at_place", "bytes", "before", "number"].map(Alias::new);
    let (rows, sums) = (Alias::new("weighed"), Alias::new("summed"));
    let mut weighed = Query::select();
    weighed
        .expr_as(Expr::col(place), at.clone())
        .expr_as(Expr::cust(WEIGHT), bytes)
        .from(history::Entity)
        .cond_where(wanted)
        .order_by(place, Order::Asc)
        .limit(limit);
    let mut summed = Query::select();
    summed
        .column(at.clone())
        .expr_as(Expr::cust("SUM(bytes) OVER (ORDER BY at_place ROWS UNBOUNDED PRECEDING) - bytes"), before.clone())
        .expr_as(Expr::cust("ROW_NUMBER() OVER (ORDER BY at_place)"), number.clone())
        .from_subquery(weighed, rows);
    let room = Expr::col(before).lte(i64::try_from(MOST_BYTES).unwrap_or(i64::MAX));
    let mut last: SelectStatement = Query::select();
    last.expr(Expr::col(at).max()).from_subquery(summed, sums).and_where(room.or(Expr::col(number).lte(2_i64)));
    Expr::SubQuery(None, Box::new(last.into()))
}

/// How many of the rows go into one message: one at least.
pub(super) fn fitting(rows: &[history::Model]) -> usize {
    count(rows.iter().map(weight))
}

/// How many rows of these weights go into one message: one at least.
pub(super) fn count(weights: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0;
    let fit = weights.take_while(|weight| {
        bytes += weight;
        bytes <= MOST_BYTES
    });
    fit.count().max(1)
}

fn weight(row: &history::Model) -> usize {
    row.data.len() + row.answer.as_ref().map_or(0, Vec::len)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use dealflow_testbed::{Cluster, postgres_available};
    use sea_orm::{ColumnTrait, ConnectionTrait, Database, DatabaseConnection, NotSet, Schema, Set};
    use uuid::Uuid;

    use super::*;

    /// A database with an empty history; on PostgreSQL in a schema of its own.
    async fn each() -> Vec<DatabaseConnection> {
        let mut databases = vec!["sqlite::memory:".to_owned()];
        if postgres_available().is_some() {
            let address = Cluster::shared().url("postgres");
            let schema = format!("weight{}", Uuid::new_v4().simple());
            let db = Database::connect(&address).await.expect("PostgreSQL");
            db.execute_unprepared(&format!("CREATE SCHEMA {schema}")).await.expect("a schema");
            databases.push(format!("{address}&options=-c%20search_path%3D{schema}"));
        }
        let mut open = Vec::new();
        for address in databases {
            let db = Database::connect(address).await.expect("a database");
            let table = Schema::new(db.get_database_backend()).create_table_from_entity(history::Entity);
            db.execute(&table).await.expect("the table of history");
            open.push(db);
        }
        open
    }

    async fn tell(db: &DatabaseConnection, subject: &str, kilobytes: usize, with_answer: bool) {
        let record = vec![0; kilobytes * 1024];
        let row = history::ActiveModel {
            seq: NotSet,
            position: Set(None),
            id: Set(Uuid::now_v7()),
            kind: Set("counter.to_1".to_owned()),
            subject: Set(subject.to_owned()),
            thread: Set(String::new()),
            verb: Set(String::new()),
            from_state: Set(String::new()),
            to_state: Set(String::new()),
            actor: Set(String::new()),
            reason: Set(String::new()),
            at: Set(DateTime::UNIX_EPOCH),
            spent_micros: Set(None),
            request_id: Set(Uuid::now_v7()),
            flow: Set(None),
            traceparent: Set(None),
            data_type: Set(String::new()),
            answer: Set(with_answer.then(|| record.clone())),
            data: Set(record),
            method: Set(String::new()),
            digest: Set(None),
        };
        history::Entity::insert(row).exec_without_returning(db).await.expect("a row");
    }

    /// Platform, item 16: a message of events is weighed before its rows are read, so that hundreds of large records are
    /// not in memory for the few that are sent.
    #[tokio::test]
    async fn what_is_not_sent_is_not_read() {
        for db in each().await {
            for _ in 0..40 {
                tell(&db, "light", 1, false).await;
            }
            for _ in 0..40 {
                tell(&db, "heavy", 600, false).await;
            }
            tell(&db, "huge", 3000, false).await;
            for _ in 0..4 {
                tell(&db, "huge", 100, false).await;
            }
            for _ in 0..4 {
                tell(&db, "answered", 600, true).await;
            }
            for (subject, limit, read, sent) in [
                ("light", 30, 30, 30),
                ("heavy", 30, 4, 3),
                ("heavy", 2, 2, 2),
                ("huge", 30, 2, 1),
                ("answered", 30, 2, 1),
            ] {
                let wanted = Condition::all().add(history::Column::Subject.eq(subject));
                let rows = super::read(wanted, history::Column::Seq, limit).all(&db).await.expect("rows");
                let told = format!("{subject} on {:?}", db.get_database_backend());
                assert_eq!((rows.len(), fitting(&rows)), (read, sent), "{told}");
                assert!(rows.is_sorted_by_key(|row| row.seq), "{told}");
            }
        }
    }
}
