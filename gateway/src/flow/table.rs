//! The table `flow`: one row for each verb on its way, and the statements on it.

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_chassis::Clock;
use dealflow_proto::convert;
use dealflow_proto::gateway::v1::{self as pb, flow};
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, LockBehavior, LockType, Query};
use sea_orm::{ActiveValue, DatabaseTransaction, DbBackend, ExprTrait, QueryOrder, QuerySelect, Statement, Value};
use uuid::Uuid;

/// How long a flow belongs to the instance that drives it, unless it renews the lease.
pub(crate) const LEASE: TimeDelta = TimeDelta::seconds(5);

/// How far a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub(crate) enum State {
    /// Being driven.
    #[sea_orm(string_value = "RUNNING")]
    Running,
    /// Ended completely; the answer is remembered.
    #[sea_orm(string_value = "COMPLETED")]
    Completed,
    /// An operator decides.
    #[sea_orm(string_value = "PARKED")]
    Parked,
    /// Given up by an operator.
    #[sea_orm(string_value = "ABANDONED")]
    Abandoned,
    /// Refused half-way, and taken back; the refusal is remembered.
    #[sea_orm(string_value = "COMPENSATED")]
    Compensated,
}

/// A flow as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "flow")]
pub(crate) struct Model {
    /// The caller's request id, or the event's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Which verb.
    pub verb: String,
    /// SHA-256 of the input: what "the same request" means.
    pub digest: Vec<u8>,
    /// The message, serialized.
    pub input: Vec<u8>,
    /// What the flow has read, serialized: it reads each thing once.
    pub journal: Vec<u8>,
    /// The record it began with.
    pub subject: String,
    /// How far it is.
    pub(crate) state: State,
    /// The answer of a completed flow, the refusal of a compensated one, serialized.
    pub answer: Option<Vec<u8>>,
    /// The step it stopped at last.
    pub step: String,
    /// Why it was parked or abandoned, or what it waits for.
    pub reason: String,
    /// Who asked for it.
    pub actor: String,
    /// W3C trace context of the call.
    pub traceparent: Option<String>,
    /// How often it was run from the top.
    pub runs: i32,
    /// The instance that drives it.
    pub lease_owner: Uuid,
    /// Until when.
    pub lease_until: DateTime<Utc>,
    /// Counts the owners: what an earlier one still writes is ignored.
    pub fence: i64,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// No relations: what a flow touches lives in other databases.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<State> for flow::State {
    fn from(state: State) -> Self {
        match state {
            State::Running => Self::Running,
            State::Completed => Self::Completed,
            State::Parked => Self::Parked,
            State::Abandoned => Self::Abandoned,
            State::Compensated => Self::Compensated,
        }
    }
}

impl Model {
    /// Another one after each run and each change of state: what an operator saw and decided about.
    pub(crate) fn version(&self) -> i64 {
        i64::from(self.runs) * 10 + i64::from(i32::from(flow::State::from(self.state)))
    }

    /// The row as operators see it.
    pub(crate) fn into_pb(self) -> pb::Flow {
        pb::Flow {
            etag: self.version().to_string(),
            name: names::FLOWS.name(self.id),
            verb: self.verb,
            state: flow::State::from(self.state).into(),
            subject: self.subject,
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            run_count: self.runs,
            step: self.step,
            reason: self.reason,
            actor: self.actor,
        }
    }
}

/// Leases run by one clock, the database's: replicas whose own clocks differ by more than a lease would take flows from
/// each other that nobody left. On SQLite one process has the file, and its machine's clock is the one.
fn now(backend: DbBackend) -> Expr {
    match backend {
        DbBackend::Postgres => Expr::cust("statement_timestamp()"),
        _ => Expr::value(Clock::system().now()),
    }
}

/// The end of a lease that begins now; on PostgreSQL also what a new flow has where it says nothing.
fn lease_end(backend: DbBackend) -> Expr {
    match backend {
        DbBackend::Postgres => {
            Expr::cust(format!("statement_timestamp() + interval '{} seconds'", LEASE.num_seconds()))
        }
        _ => Expr::value(Clock::system().now() + LEASE),
    }
}

/// The end of a new flow's lease as it is stored: by the database's clock where it has one.
pub(crate) fn first_lease(backend: DbBackend) -> ActiveValue<DateTime<Utc>> {
    match backend {
        DbBackend::Postgres => ActiveValue::NotSet,
        _ => ActiveValue::Set(Clock::system().now() + LEASE),
    }
}

/// Renews the leases of all flows that an instance drives, in one statement.
pub(crate) async fn renew(tx: &DatabaseTransaction, owner: Uuid) -> Result<(), DbErr> {
    set_ends(tx, owner, lease_end(tx.get_database_backend())).await
}

/// Ends all leases of an instance: anybody may take its flows over at once.
pub(crate) async fn release(tx: &DatabaseTransaction, owner: Uuid) -> Result<(), DbErr> {
    set_ends(tx, owner, Expr::value(DateTime::UNIX_EPOCH)).await
}

/// Sets the end of all leases of an instance.
///
/// A flow whose row is locked just now (it is being ended) is passed over: who waits for no lock is in no deadlock.
async fn set_ends(tx: &DatabaseTransaction, owner: Uuid, end: Expr) -> Result<(), DbErr> {
    let mut ours = Query::select();
    ours.column(Column::Id).from(Entity).and_where(running()).and_where(Column::LeaseOwner.eq(owner));
    if tx.get_database_backend() == DbBackend::Postgres {
        ours.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    Entity::update_many()
        .col_expr(Column::LeaseUntil, end)
        .filter(Column::Id.in_subquery(ours))
        .exec(tx)
        .await
        .map(drop)
}

/// Takes over at most `limit` flows whose lease ran out; on PostgreSQL replicas pass over each other's choice.
///
/// `orphans` takes flows of other owners whatever their lease says: true only where no other instance can be.
pub(crate) async fn take_over(
    tx: &DatabaseTransaction,
    owner: Uuid,
    limit: u64,
    orphans: bool,
) -> Result<Vec<Model>, DbErr> {
    let mut found = Entity::find().filter(running()).order_by_asc(Column::LeaseUntil).limit(limit);
    found = if orphans {
        found.filter(Column::LeaseOwner.ne(owner))
    } else {
        found.filter(Expr::col(Column::LeaseUntil).lt(now(tx.get_database_backend())))
    };
    if tx.get_database_backend() == DbBackend::Postgres {
        found = found.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let mut rows = found.all(tx).await?;
    if rows.is_empty() {
        return Ok(rows);
    }
    Entity::update_many()
        .col_expr(Column::LeaseOwner, Expr::value(owner))
        .col_expr(Column::LeaseUntil, lease_end(tx.get_database_backend()))
        .col_expr(Column::Fence, Expr::col(Column::Fence).add(1))
        .filter(Column::Id.is_in(rows.iter().map(|row| row.id)))
        .exec(tx)
        .await?;
    for row in &mut rows {
        row.lease_owner = owner;
        row.fence += 1;
    }
    Ok(rows)
}

/// Written out, so that the partial index serves it: a bound parameter would not.
fn running() -> Expr {
    Expr::cust("state = 'RUNNING'")
}

/// A completed flow, as the group commit writes it.
#[derive(Debug, Clone)]
pub(crate) struct Completed {
    pub(crate) id: Uuid,
    pub(crate) fence: i64,
    pub(crate) answer: Vec<u8>,
    pub(crate) runs: i32,
    pub(crate) at: DateTime<Utc>,
}

/// Completes flows, all in one statement; those that were taken over since are left to their new owner.
pub(crate) async fn complete(tx: &DatabaseTransaction, rows: Vec<Completed>) -> Result<(), DbErr> {
    let backend = tx.get_database_backend();
    let sql = |rows: usize| {
        let row = |n: usize| match backend {
            // Without the casts PostgreSQL takes a bare parameter for text.
            DbBackend::Postgres => {
                let n = n * 5;
                format!(
                    "(${}::uuid, ${}::bigint, ${}::bytea, ${}::integer, ${}::timestamptz)",
                    n + 1,
                    n + 2,
                    n + 3,
                    n + 4,
                    n + 5
                )
            }
            _ => "(?, ?, ?, ?, ?)".to_owned(),
        };
        let list: Vec<String> = (0..rows).map(row).collect();
        format!(
            "UPDATE flow SET state = 'COMPLETED', answer = done.column3, runs = done.column4, \
             updated_at = done.column5, step = '', reason = '' FROM (VALUES {}) AS done \
             WHERE flow.id = done.column1 AND flow.fence = done.column2 AND flow.state = 'RUNNING'",
            list.join(", ")
        )
    };
    let text = sql(rows.len());
    let values = rows.into_iter().flat_map(|row| {
        [
            Value::from(row.id),
            Value::from(row.fence),
            Value::from(row.answer),
            Value::from(row.runs),
            Value::from(row.at),
        ]
    });
    tx.execute_raw(Statement::from_sql_and_values(backend, text, values)).await.map(drop)
}
