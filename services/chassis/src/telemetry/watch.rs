//! Levels that must be asked for: a part's pools and its outbox, looked at every few seconds.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{DbBackend, DbErr, Statement};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::metrics::{KeyValue, METERS, Meters, PART};
use crate::store::Store;

/// How often levels are looked at: often enough for a scrape each 15 s.
pub const EVERY: Duration = Duration::from_secs(5);

/// Watches a part's store until the stop; nothing is asked where this process has no metrics. For
/// [`crate::serve::Part::task`].
pub async fn watch(part: &'static str, store: Store, stop: CancellationToken) {
    let Some(meters) = METERS.get() else { return };
    loop {
        tell_pools(meters, part, &store);
        if let Err(error) = tell_outbox(meters, part, &store).await {
            tracing::debug!(part, %error, "the outbox was not looked at");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

fn tell_pools(meters: &Meters, part: &'static str, store: &Store) {
    for pool in store.pools() {
        let name = KeyValue::new("db.client.connection.pool.name", format!("{part}-{}", pool.name));
        let state = |state: &'static str| [name.clone(), KeyValue::new("db.client.connection.state", state)];
        meters.connections.record(f64::from(pool.used), &state("used"));
        meters.connections.record(f64::from(pool.idle), &state("idle"));
        meters.connections_max.record(f64::from(pool.max), &[name]);
    }
}

/// On SQLite a change is in the feed as soon as it is committed: nothing waits.
async fn tell_outbox(meters: &Meters, part: &'static str, store: &Store) -> Result<(), DbErr> {
    let (depth, oldest) = match store.backend() {
        DbBackend::Postgres => waiting(store).await?,
        _ => (0, None),
    };
    let age = oldest.map_or(0.0, |oldest| (Utc::now() - oldest).as_seconds_f64().max(0.0));
    #[expect(clippy::cast_precision_loss, reason = "a number of waiting events is far below 2^52")]
    meters.outbox.record(depth as f64, &[KeyValue::new(PART, part)]);
    meters.outbox_age.record(age, &[KeyValue::new(PART, part)]);
    Ok(())
}

/// How many changes are not numbered yet, and when the first of them was made: its id says it, whatever its effective
/// time. The index of the numbering's own work serves both.
async fn waiting(store: &Store) -> Result<(i64, Option<DateTime<Utc>>), DbErr> {
    use sea_orm::ConnectionTrait as _;
    let sql = "SELECT COUNT(*) AS depth, (SELECT id FROM history WHERE position IS NULL ORDER BY seq LIMIT 1) AS first
               FROM history WHERE position IS NULL";
    let Some(row) = store.reader().query_one_raw(Statement::from_string(store.backend(), sql)).await? else {
        return Ok((0, None));
    };
    let first: Option<Uuid> = row.try_get("", "first")?;
    let made = first.and_then(|id| id.get_timestamp()).and_then(|at| {
        let (seconds, nanos) = at.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    });
    Ok((row.try_get("", "depth")?, made))
}
