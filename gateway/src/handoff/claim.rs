//! Taking what is due: under a lease, with a fencing token, the first of each chain only.

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_chassis::Store;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, Statement, Value};
use uuid::Uuid;

use super::record::{Entity, Model};

/// The due, oldest first. A blocked document has a time only after the ERP said that its order is not there; one in
/// flight has its lease's end. Of a chain only the first that is under way; and none while another is on its way to the ERP.
/// A chain's documents therefore go in order and one at a time, and no chain waits for another.
const DUE: &str = "SELECT h.id FROM handoff h
    WHERE h.state IN ('READY', 'RETRY_WAIT', 'UNCERTAIN', 'IN_FLIGHT', 'BLOCKED') AND h.next_attempt_at <= $1
      AND NOT EXISTS (SELECT 1 FROM handoff e WHERE e.chain = h.chain AND e.id <> h.id
          AND ((e.state = 'IN_FLIGHT' AND e.next_attempt_at > $1)
            OR (e.id < h.id AND (e.state IN ('READY', 'RETRY_WAIT', 'UNCERTAIN', 'IN_FLIGHT')
                OR (e.state = 'BLOCKED' AND e.next_attempt_at <= $1)))))
    ORDER BY h.next_attempt_at, h.id LIMIT $2";

/// Takes at most `limit` documents. A lease that ran out makes a document uncertain (`LeaseRanOut` of the table): its
/// worker may have sent it.
pub(super) async fn claim(store: &Store, owner: Uuid, limit: u64, lease: TimeDelta) -> Result<Vec<Model>, DbErr> {
    let tx = store.begin().await?;
    let postgres = store.backend() == DbBackend::Postgres;
    if postgres {
        // One claimer at a time: two that looked at once could each take another document of one chain.
        tx.execute_unprepared("SELECT pg_advisory_xact_lock(hashtext('dealflow-handoff-claim'))").await?;
    }
    let now = store.clock().now();
    let lock = if postgres { "FOR UPDATE OF h SKIP LOCKED" } else { "" };
    let sql = format!(
        "WITH due AS MATERIALIZED ({DUE} {lock})
         UPDATE handoff SET look_up_first = (look_up_first OR state IN ('UNCERTAIN', 'IN_FLIGHT')), state = 'IN_FLIGHT',
             lease_owner = $3, next_attempt_at = $4, fence = fence + 1, version = version + 1, updated_at = $1
         WHERE id IN (SELECT id FROM due) RETURNING *"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values: [Value; 4] = [now.into(), limit.into(), owner.into(), (now + lease).into()];
    let claim = Statement::from_sql_and_values(store.backend(), sql, values);
    let mut taken = Entity::find().from_raw_sql(claim).all(&tx).await?;
    if taken.is_empty() {
        tx.rollback().await?;
        return Ok(taken);
    }
    store.commit(tx).await?;
    taken.sort_by_key(|row| row.id);
    Ok(taken)
}

/// Whether anything may be due; a look that locks nothing. (The states stand in the text, not in parameters: only so can
/// SQLite use the index that holds nothing else.)
pub(super) async fn is_any_due(store: &Store, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let sql = "SELECT id FROM handoff
        WHERE state IN ('READY', 'RETRY_WAIT', 'UNCERTAIN', 'IN_FLIGHT', 'BLOCKED') AND next_attempt_at <= $1 LIMIT 1";
    let look = Statement::from_sql_and_values(store.backend(), sql, [now.into()]);
    Ok(store.reader().query_one_raw(look).await?.is_some())
}

/// Whether so many others were delivered since then.
pub(super) async fn others_passed(store: &Store, since: DateTime<Utc>, many: usize) -> Result<bool, DbErr> {
    let sql = "SELECT id FROM handoff WHERE state = 'DELIVERED' AND updated_at > $1 LIMIT $2";
    let limit = i64::try_from(many).unwrap_or(i64::MAX);
    let look = Statement::from_sql_and_values(store.backend(), sql, [since.into(), limit.into()]);
    Ok(store.reader().query_all_raw(look).await?.len() >= many)
}
