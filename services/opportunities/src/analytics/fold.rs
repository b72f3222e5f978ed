//! Sums up the facts, in the background: what is folded is added to the sums and is a new fact no more, in one
//! transaction, so that a reader counts each fact once whenever it looks.
//!
//! On PostgreSQL one replica folds at a time, and on one snapshot: a fact that commits meanwhile is not in it, and stays.

use std::time::Duration;

use dealflow_chassis::Store;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::EVERYBODY;
use super::closed::{DIMENSIONS, SUMS as CLOSED};

/// As many facts are folded at a time: little enough that nobody waits for it.
const BATCH: u32 = 5_000;
/// As many new facts are a reason to fold at once.
const MANY: u64 = 1_000;
/// A new fact waits at most so long.
const AT_LATEST: Duration = Duration::from_secs(20);
/// How often it is looked whether there are many.
const LOOK: Duration = Duration::from_secs(1);

const OPEN: [&str; 7] =
    ["count", "value_high", "value_low", "plain_high", "plain_low", "weighted_high", "weighted_low"];

/// Folds until the part stops: what is many at once, what is few after a while.
pub async fn task(store: Store, stop: CancellationToken) {
    let mut last = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        match fold_when_due(&store, last.elapsed() >= AT_LATEST).await {
            Ok(true) => last = Instant::now(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "figures could not be folded; trying again"),
        }
    }
}

async fn fold_when_due(store: &Store, due: bool) -> Result<bool, DbErr> {
    let many = if due { 1 } else { MANY };
    let open = format!("SELECT COUNT(*) AS count FROM (SELECT 1 FROM open_delta LIMIT {many}) new");
    let closed =
        format!("SELECT COUNT(*) AS count FROM (SELECT 1 FROM closed_fact WHERE folded = false LIMIT {many}) new");
    let waiting = number(store.reader(), &open).await?.max(number(store.reader(), &closed).await?);
    if waiting.unwrap_or_default() < i64::try_from(many).unwrap_or(i64::MAX) {
        return Ok(due);
    }
    fold(store).await?;
    Ok(true)
}

/// Folds all that there is when it begins.
///
/// # Errors
/// What the database says; nothing is lost then, and nothing counted twice.
pub async fn fold(store: &Store) -> Result<(), DbErr> {
    fold_by(store, BATCH).await
}

/// Folds all that there is when it begins, so many facts at a time.
///
/// # Errors
/// What the database says.
pub async fn fold_by(store: &Store, batch: u32) -> Result<(), DbErr> {
    while fold_once(store, batch).await? {}
    Ok(())
}

/// Folds a batch; whether there may be more.
async fn fold_once(store: &Store, batch: u32) -> Result<bool, DbErr> {
    let tx = store.begin().await?;
    if store.backend() == DbBackend::Postgres {
        tx.execute_unprepared("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        let lock = "SELECT CASE WHEN pg_try_advisory_xact_lock(hashtext('dealflow-figures'), \
                    hashtext(current_schema())) THEN 1 ELSE 0 END::bigint AS count";
        if number(&tx, lock).await? != Some(1) {
            tx.rollback().await?;
            return Ok(false);
        }
    }
    let open = fold_open(&tx, batch).await?;
    let closed = fold_closed(&tx, batch).await?;
    store.commit_aside(tx).await?;
    Ok(open || closed)
}

async fn fold_open(tx: &DatabaseTransaction, batch: u32) -> Result<bool, DbErr> {
    let bound = format!("SELECT MAX(seq) AS count FROM (SELECT seq FROM open_delta ORDER BY seq LIMIT {batch}) new");
    let Some(bound) = number(tx, &bound).await? else { return Ok(false) };
    let sums: Vec<String> = OPEN.iter().map(|sum| format!("SUM({sum})")).collect();
    let added: Vec<String> = OPEN.iter().map(|sum| format!("{sum} = open_figure.{sum} + excluded.{sum}")).collect();
    let (columns, sums, added) = (OPEN.join(", "), sums.join(", "), added.join(", "));
    let by = |owner: &str| {
        format!(
            "SELECT {owner}, stage, process, currency, day, {sums} FROM open_delta WHERE seq <= {bound} \
             GROUP BY 1, 2, 3, 4, 5"
        )
    };
    let (each, all) = (by("owner"), by(&format!("'{EVERYBODY}'")));
    for statement in [
        // `WHERE true` tells SQLite that what follows is no condition of a join.
        format!(
            "INSERT INTO open_figure (owner, stage, process, currency, day, {columns}) \
             SELECT * FROM ({each} UNION ALL {all}) new WHERE true \
             ON CONFLICT (owner, stage, process, currency, day) DO UPDATE SET {added}"
        ),
        format!("DELETE FROM open_delta WHERE seq <= {bound}"),
        // What nobody is in any more adds up to nothing.
        "DELETE FROM open_figure WHERE count = 0".to_owned(),
    ] {
        tx.execute_unprepared(&statement).await?;
    }
    Ok(true)
}

async fn fold_closed(tx: &DatabaseTransaction, batch: u32) -> Result<bool, DbErr> {
    let bound = format!(
        "SELECT MAX(seq) AS count FROM (SELECT seq FROM closed_fact WHERE folded = false ORDER BY seq LIMIT {batch}) new"
    );
    let Some(bound) = number(tx, &bound).await? else { return Ok(false) };
    let sums: Vec<String> = CLOSED.iter().map(|sum| format!("SUM({sum})")).collect();
    let added: Vec<String> = CLOSED.iter().map(|sum| format!("{sum} = closed_figure.{sum} + excluded.{sum}")).collect();
    let (columns, sums, added) = (CLOSED.join(", "), sums.join(", "), added.join(", "));
    let mut parts = Vec::new();
    for (dimension, key) in DIMENSIONS {
        let product = if dimension == "PRODUCT" { "product IS NOT NULL" } else { "product IS NULL" };
        for (level, period) in levels(tx.get_database_backend()) {
            parts.push(format!(
                "SELECT '{dimension}', '{level}', {period}, {key}, currency, {sums} FROM fact WHERE {product} \
                 GROUP BY 3, 4, 5"
            ));
        }
    }
    let parts = parts.join(" UNION ALL ");
    for statement in [
        format!(
            "INSERT INTO closed_figure (dim, level, period, key, currency, {columns}) \
             WITH fact AS (SELECT * FROM closed_fact WHERE folded = false AND seq <= {bound}) \
             SELECT * FROM ({parts}) new WHERE true \
             ON CONFLICT (dim, level, period, key, currency) DO UPDATE SET {added}"
        ),
        format!("UPDATE closed_fact SET folded = true WHERE folded = false AND seq <= {bound}"),
    ] {
        tx.execute_unprepared(&statement).await?;
    }
    Ok(true)
}

/// The first day of the period that a day belongs to.
fn levels(backend: DbBackend) -> [(&'static str, &'static str); 3] {
    match backend {
        DbBackend::Postgres => {
            [("D", "day"), ("M", "DATE_TRUNC('month', day)::date"), ("Y", "DATE_TRUNC('year', day)::date")]
        }
        _ => [("D", "day"), ("M", "SUBSTR(day, 1, 8) || '01'"), ("Y", "SUBSTR(day, 1, 5) || '01-01'")],
    }
}

/// A number that is asked for; none where it is null.
async fn number(db: &impl ConnectionTrait, text: &str) -> Result<Option<i64>, DbErr> {
    let statement = Statement::from_string(db.get_database_backend(), text);
    let row = db.query_one_raw(statement).await?;
    row.map_or(Ok(None), |row| row.try_get("", "count"))
}
