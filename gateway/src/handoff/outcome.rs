//! Writing what came of a delivery: only under the lease it was made in, and many in one commit.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use dealflow_chassis::{Refusal, Store, history};
use dealflow_proto::erp::v1::ErpEvent;
use prost::{Message, Name};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, Statement, Value};
use tokio::sync::Notify;
use uuid::Uuid;

use super::attempt;
use super::batch::Write;
use super::business;
use super::erp::Call;
use super::record::{ActiveModel, Column, Entity, Kind, Model, State};

/// Who acts where the machine does.
pub(super) const MACHINE: &str = "handoff";

/// What came of one delivery.
#[derive(Clone)]
pub(super) struct Outcome {
    /// The row as it was claimed.
    pub(super) before: Arc<Model>,
    /// The row as it shall be.
    pub(super) after: Model,
    /// The calls that were made, each with the state after it.
    pub(super) calls: Vec<(Call, State)>,
}

/// Writes outcomes that wait at the same time.
#[derive(Clone)]
pub(super) struct Outcomes {
    pub(super) store: Store,
    /// Told when something may go on by it.
    pub(super) wake: Arc<Notify>,
    /// Told when a document was refused.
    pub(super) rejected: Arc<Notify>,
    /// Told when there is something to tell.
    pub(super) news: Arc<Notify>,
}

impl Write for Outcomes {
    type Row = Outcome;
    /// Whether it was written: not if the lease had run out and another worker holds the document.
    type Answer = bool;

    async fn write(&self, mut rows: Vec<Outcome>) -> Result<Vec<Result<bool, Refusal>>, Refusal> {
        let now = self.store.clock().now();
        let tx = self.store.begin().await?;
        // Rows are locked in the same order by all who lock several.
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|a, b| rows[*a].before.external_id.cmp(&rows[*b].before.external_id));
        let mut written = vec![false; rows.len()];
        for place in order {
            rows[place].after.updated_at = now;
            written[place] = update(&tx, &rows[place]).await?;
        }
        let applied: Vec<&Outcome> = rows.iter().zip(&written).filter(|(_, done)| **done).map(|(row, _)| row).collect();
        let more = follow(&tx, &applied, now).await?;
        // Where the ERP was asked, it also said how far it is.
        let statuses =
            applied.iter().flat_map(|outcome| outcome.calls.iter().filter_map(|(call, _)| call.status.clone()));
        let statuses: Vec<ErpEvent> = statuses.collect();
        if !statuses.is_empty() {
            business::apply(&tx, &statuses, now).await?;
        }
        note_attempts(&tx, &applied).await?;
        note_history(&tx, &applied, now).await?;
        self.store.commit(tx).await?;
        if more > 0 {
            self.wake.notify_one();
        }
        if applied.iter().any(|outcome| outcome.after.state == State::Rejected) {
            self.rejected.notify_one();
        }
        if !statuses.is_empty() || applied.iter().any(|outcome| outcome.after.news_at.is_some()) {
            self.news.notify_one();
        }
        Ok(written.into_iter().map(Ok).collect())
    }
}

async fn update(tx: &DatabaseTransaction, outcome: &Outcome) -> Result<bool, DbErr> {
    let after = outcome.after.clone();
    let change = ActiveModel {
        state: Set(after.state),
        attempts: Set(after.attempts),
        calls: Set(after.calls),
        failures: Set(after.failures),
        failing_since: Set(after.failing_since),
        next_attempt_at: Set(after.next_attempt_at),
        look_up_first: Set(after.look_up_first),
        lease_owner: Set(None),
        erp_number: Set(after.erp_number),
        reasons: Set(after.reasons),
        owner_told: Set(after.owner_told),
        last_error: Set(after.last_error),
        news_at: if after.news_at.is_some() { Set(after.news_at) } else { NotSet },
        version: Set(after.version),
        updated_at: Set(after.updated_at),
        ..Default::default()
    };
    let updated = Entity::update_many()
        .set(change)
        .filter(Column::Id.eq(outcome.before.id))
        .filter(Column::Fence.eq(outcome.before.fence))
        .filter(Column::State.eq(State::InFlight))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// What goes on by these outcomes: invoices of delivered orders, and the next of each chain whose turn was.
async fn follow(tx: &DatabaseTransaction, applied: &[&Outcome], now: DateTime<Utc>) -> Result<u64, DbErr> {
    let delivered = applied.iter().filter(|it| it.after.state == State::Delivered);
    let unblocked = unblock(tx, delivered.map(|it| it.after.external_id.clone()).collect(), now).await?;
    let had_turn = applied.iter().filter(|it| it.after.kind != Kind::Order && it.after.state != State::InFlight);
    let moved = to_the_back(tx, had_turn.map(|it| it.after.chain.clone()).collect(), now).await?;
    Ok(unblocked + moved)
}

/// What waits for these documents may go (`OrderDelivered` of the table), in the transaction that says so of them.
pub(super) async fn unblock(
    tx: &DatabaseTransaction,
    delivered: Vec<String>,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    if delivered.is_empty() {
        return Ok(0);
    }
    let unblocked = Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Ready))
        .col_expr(Column::NextAttemptAt, Expr::value(Some(now)))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Awaits.is_in(delivered))
        // As the index says it.
        .filter(Expr::cust("state = 'BLOCKED'"))
        .exec(tx)
        .await?;
    Ok(unblocked.rows_affected)
}

/// A chain that had its turn stands at the back of the queue: its next document is due from now, not from long ago.
async fn to_the_back(tx: &DatabaseTransaction, chains: Vec<String>, now: DateTime<Utc>) -> Result<u64, DbErr> {
    if chains.is_empty() {
        return Ok(0);
    }
    let places: Vec<String> = (0..chains.len()).map(|place| format!("${}", place + 2)).collect();
    let sql = format!(
        "UPDATE handoff SET next_attempt_at = $1 WHERE chain IN ({}) AND state = 'READY'
           AND NOT EXISTS (SELECT 1 FROM handoff e
               WHERE e.chain = handoff.chain AND e.state = 'READY' AND e.id < handoff.id)",
        places.join(", ")
    );
    let values = std::iter::once(Value::from(now)).chain(chains.into_iter().map(Value::from));
    let moved = tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    Ok(moved.rows_affected())
}

async fn note_attempts(tx: &DatabaseTransaction, applied: &[&Outcome]) -> Result<(), DbErr> {
    let rows: Vec<attempt::ActiveModel> = applied
        .iter()
        .flat_map(|outcome| {
            let before = outcome.before.calls;
            outcome.calls.iter().zip(1..).map(move |((call, state), place)| attempt::ActiveModel {
                handoff: Set(outcome.before.id),
                number: Set(before + place),
                started_at: Set(call.started_at),
                ended_at: Set(call.ended_at),
                method: Set(call.method.to_owned()),
                code: Set(call.code.clone()),
                message: Set(call.message.clone()),
                state: Set(*state),
            })
        })
        .collect();
    if !rows.is_empty() {
        attempt::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// What ends a delivery is history, audit and event; what only delays it stands in the attempts.
async fn note_history(tx: &DatabaseTransaction, applied: &[&Outcome], now: DateTime<Utc>) -> Result<(), DbErr> {
    let rows: Vec<history::ActiveModel> =
        applied.iter().filter_map(|outcome| event(outcome).map(|kind| ended(outcome, kind, now))).collect();
    if !rows.is_empty() {
        history::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

fn event(outcome: &Outcome) -> Option<&'static str> {
    match outcome.after.state {
        State::Delivered => Some("handoff.delivered"),
        State::Rejected => Some("handoff.rejected"),
        State::DeadLettered => Some("handoff.dead_lettered"),
        _ => None,
    }
}

fn ended(outcome: &Outcome, kind: &str, now: DateTime<Utc>) -> history::ActiveModel {
    let verb = outcome.calls.last().map_or("", |(call, _)| call.method);
    told(&outcome.after, kind, (verb, State::InFlight, &outcome.after.last_error), now)
}

/// What history says of a hand-over that the machine moved: kind, and the verb, the state before and the reason.
pub(super) fn told(
    after: &Model,
    kind: &str,
    (verb, from, reason): (&str, State, &str),
    now: DateTime<Utc>,
) -> history::ActiveModel {
    let wire = after.to_wire();
    history::ActiveModel {
        seq: NotSet,
        position: Set(None),
        id: Set(Uuid::now_v7()),
        kind: Set(kind.to_owned()),
        subject: Set(after.name()),
        thread: Set(if after.opportunity.is_empty() { after.name() } else { after.opportunity.clone() }),
        verb: Set(verb.to_owned()),
        from_state: Set(from.to_string()),
        to_state: Set(after.state.to_string()),
        actor: Set(MACHINE.to_owned()),
        reason: Set(reason.to_owned()),
        at: Set(now),
        spent_micros: Set((now - after.created_at).num_microseconds()),
        request_id: Set(after.id),
        flow: Set(None),
        traceparent: Set(after.traceparent.clone()),
        data_type: Set(dealflow_proto::erp::v1::Handoff::type_url()),
        data: Set(wire.encode_to_vec()),
        method: Set(String::new()),
        digest: Set(None),
        answer: Set(None),
    }
}
