//! Copies of the books, and putting them back: what an ERP has forgotten whose backup was restored.
//!
//! Kept are documents, events and counters. The journal is the test's own view and outlives it all.

use dealflow_proto::erp::v1::Outcome;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IdenStatic, Iterable, PaginatorTrait,
    QueryFilter, Statement,
};

use crate::state::State;
use crate::{book, event};

/// The kind of the row that marks a copy; no document's.
const MARK: i64 = 0;

/// What is kept: the table, its columns.
fn tables() -> [(&'static str, Vec<String>); 3] {
    [
        ("book", book::Column::iter().map(|column| column.as_str().to_owned()).collect()),
        ("event", event::Column::iter().map(|column| column.as_str().to_owned()).collect()),
        ("counter", vec!["kind".to_owned(), "value".to_owned()]),
    ]
}

/// Keeps a copy under a name; answers how many documents are in it.
pub(crate) async fn snapshot(tx: &DatabaseTransaction, name: &str) -> Result<u64, DbErr> {
    for (table, columns) in tables() {
        let columns = columns.join(", ");
        run(tx, &format!("DELETE FROM {table}_kept WHERE snapshot = $1"), name).await?;
        let copy = format!("INSERT INTO {table}_kept (snapshot, {columns}) SELECT $1, {columns} FROM {table}");
        run(tx, &copy, name).await?;
    }
    // Books without a document are a copy too.
    run(tx, &format!("INSERT INTO counter_kept (snapshot, kind, value) VALUES ($1, {MARK}, 0)"), name).await?;
    documents(tx).await
}

/// Puts a copy back; answers how many documents stand now, and how many were forgotten. None where there is no copy.
pub(crate) async fn restore(tx: &DatabaseTransaction, name: &str) -> Result<Option<(u64, u64)>, DbErr> {
    let look = format!("SELECT snapshot FROM counter_kept WHERE snapshot = $1 AND kind = {MARK}");
    let look = Statement::from_sql_and_values(tx.get_database_backend(), look, [name.into()]);
    if tx.query_one_raw(look).await?.is_none() {
        return Ok(None);
    }
    let before = documents(tx).await?;
    for (table, columns) in tables() {
        let columns = columns.join(", ");
        tx.execute_unprepared(&format!("DELETE FROM {table}")).await?;
        let copy = format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_kept WHERE snapshot = $1");
        run(tx, &copy, name).await?;
    }
    // The mark is the copy's, and counts nothing: in the books it would stand in the way of the next copy's.
    tx.execute_unprepared(&format!("DELETE FROM counter WHERE kind = {MARK}")).await?;
    State::load(tx).await?.next_epoch(tx).await?;
    let now = documents(tx).await?;
    Ok(Some((now, before.saturating_sub(now))))
}

/// Empties everything.
pub(crate) async fn reset(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    let mut state = State::load(tx).await?;
    for table in ["book", "event", "counter", "book_kept", "event_kept", "counter_kept", "journal", "state"] {
        tx.execute_unprepared(&format!("DELETE FROM {table}")).await?;
    }
    // What was told before is none of what will be told.
    state.next_epoch(tx).await
}

async fn documents(tx: &DatabaseTransaction) -> Result<u64, DbErr> {
    book::Entity::find().filter(book::Column::Outcome.ne(i32::from(Outcome::Unspecified))).count(tx).await
}

async fn run(tx: &DatabaseTransaction, sql: &str, name: &str) -> Result<(), DbErr> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [name.into()]);
    tx.execute_raw(statement).await.map(drop)
}
