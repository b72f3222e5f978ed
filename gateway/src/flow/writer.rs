//! The group commit: whoever stores or ends a flow queues here, and one transaction carries all who wait.
//!
//! While one commit runs, the next batch gathers; so the cost of a commit is shared by as many flows as are under way,
//! and one flow alone waits for nobody.
//!
//! Storing is waited for: a step may change something only when its flow can be found again. Completing is not: if it
//! is lost with the process, the flow is run again from the top, its steps answer as before, and the answer is the same.
//! So an end waits a moment for a beginning, whose commit carries it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use dealflow_chassis::{Refusal, Store};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, SqlErr, UpdateMany,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::table::{self, ActiveModel, Column, Completed, Entity, Model, State};

/// How many wishes one transaction carries at most; far below the databases' limits of parameters.
const BATCH: usize = 128;
/// How long an end waits for a beginning that it can share a commit with.
const COMPANY: Duration = Duration::from_millis(20);

/// What became of a wish.
pub(super) type Written = Result<bool, Refusal>;

/// What is to be written; all but the first need the flow to be still the writer's (its fence).
#[derive(Debug)]
pub(super) enum Wish {
    /// A new flow. False where the id is taken already.
    Store(Box<Model>),
    /// The flow ended.
    Complete(Completed),
    /// What it has read since it was stored.
    Journal { id: Uuid, fence: i64, journal: Vec<u8> },
    /// It was refused before it changed anything: nothing is remembered.
    Forget { id: Uuid, fence: i64 },
    /// It cannot end by itself (R-FLW-3).
    Park { id: Uuid, fence: i64, step: &'static str, reason: String, runs: i32, at: DateTime<Utc> },
    /// It was refused half-way and took back what it had done; the refusal is its answer.
    Compensate { id: Uuid, fence: i64, step: &'static str, reason: String, refusal: Vec<u8>, at: DateTime<Utc> },
    /// It runs again, because of this.
    Note { id: Uuid, fence: i64, step: &'static str, reason: String, runs: i32, at: DateTime<Utc> },
}

struct Item {
    wish: Wish,
    done: oneshot::Sender<Written>,
}

/// The queue to the one task that writes flows.
#[derive(Debug, Clone)]
pub(super) struct Writer(mpsc::Sender<Item>);

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.wish.fmt(f)
    }
}

impl Writer {
    /// Starts the task; it ends with the last writer.
    pub(super) fn start(store: Store) -> Self {
        let (sender, receiver) = mpsc::channel(1024);
        tokio::spawn(write_on(store, receiver));
        Self(sender)
    }

    /// Queues a wish and waits until it is committed. False: the flow is not the writer's (any more).
    pub(super) async fn write(&self, wish: Wish) -> Written {
        let (done, written) = oneshot::channel();
        let gone = || Refusal::internal("the task that writes flows has ended");
        self.0.send(Item { wish, done }).await.map_err(|_| gone())?;
        written.await.map_err(|_| gone())?
    }
}

async fn write_on(store: Store, mut queue: mpsc::Receiver<Item>) {
    let mut items = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut items, BATCH).await > 0 {
        gather(&mut queue, &mut items).await;
        let (wishes, waiting): (Vec<Wish>, Vec<_>) = items.drain(..).map(|item| (item.wish, item.done)).unzip();
        for (answer, done) in write_batch(&store, wishes).await.into_iter().zip(waiting) {
            // Whoever does not wait for its wish has no need of the answer.
            let _not_waited_for = done.send(answer);
        }
    }
}

/// Where nobody waits for any of these, waits a moment for somebody who does.
async fn gather(queue: &mut mpsc::Receiver<Item>, items: &mut Vec<Item>) {
    let until = Instant::now() + COMPANY;
    while items.len() < BATCH && items.iter().all(|item| matches!(item.wish, Wish::Complete(_))) {
        match timeout_at(until, queue.recv_many(items, BATCH - items.len())).await {
            Ok(more) if more > 0 => {}
            Ok(_) | Err(_) => return,
        }
    }
}

/// Writes all, or, where that is refused, each by itself: one taken id must not fail its neighbours.
async fn write_batch(store: &Store, wishes: Vec<Wish>) -> Vec<Written> {
    let alone = wishes.len() == 1;
    match commit(store, &wishes).await {
        Ok(written) => written.into_iter().map(Ok).collect(),
        Err(error) if alone => vec![verdict(error)],
        Err(_) => {
            let mut all = Vec::with_capacity(wishes.len());
            for wish in wishes {
                let written = commit(store, std::slice::from_ref(&wish)).await;
                all.push(match written {
                    Ok(written) => Ok(written.first().copied().unwrap_or(false)),
                    Err(error) => verdict(error),
                });
            }
            all
        }
    }
}

fn verdict(error: DbErr) -> Written {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Ok(false),
        _ => Err(error.into()),
    }
}

async fn commit(store: &Store, wishes: &[Wish]) -> Result<Vec<bool>, DbErr> {
    let tx = store.begin().await?;
    let written = apply(&tx, wishes).await?;
    store.commit(tx).await?;
    Ok(written)
}

async fn apply(tx: &DatabaseTransaction, wishes: &[Wish]) -> Result<Vec<bool>, DbErr> {
    let mut written = vec![true; wishes.len()];
    let (mut fresh, mut ended) = (Vec::new(), Vec::new());
    for (wish, written) in wishes.iter().zip(&mut written) {
        match wish {
            Wish::Store(row) => {
                let lease_until = table::first_lease(tx.get_database_backend());
                fresh.push(ActiveModel { lease_until, ..row.as_ref().clone().into_active_model().reset_all() });
            }
            Wish::Complete(done) => ended.push(done.clone()),
            // The rest is rare: a statement each.
            Wish::Journal { id, fence, journal } => {
                let update = mine(*id, *fence).col_expr(Column::Journal, Expr::value(journal.clone()));
                *written = update.exec(tx).await?.rows_affected > 0;
            }
            Wish::Forget { id, fence } => {
                let delete = Entity::delete_many().filter(Column::Id.eq(*id)).filter(Column::Fence.eq(*fence));
                *written = delete.exec(tx).await?.rows_affected > 0;
            }
            Wish::Park { id, fence, step, reason, runs, at } => {
                let update = mine(*id, *fence).col_expr(Column::State, Expr::value(State::Parked));
                *written = noted(update, step, reason, *runs, *at).exec(tx).await?.rows_affected > 0;
            }
            Wish::Compensate { id, fence, step, reason, refusal, at } => {
                let update = mine(*id, *fence)
                    .col_expr(Column::State, Expr::value(State::Compensated))
                    .col_expr(Column::Answer, Expr::value(refusal.clone()))
                    .col_expr(Column::Step, Expr::value(*step))
                    .col_expr(Column::Reason, Expr::value(reason))
                    .col_expr(Column::UpdatedAt, Expr::value(*at));
                *written = update.exec(tx).await?.rows_affected > 0;
            }
            Wish::Note { id, fence, step, reason, runs, at } => {
                let update = noted(mine(*id, *fence), step, reason, *runs, *at);
                *written = update.exec(tx).await?.rows_affected > 0;
            }
        }
    }
    if !fresh.is_empty() {
        Entity::insert_many(fresh).exec_without_returning(tx).await?;
    }
    if !ended.is_empty() {
        table::complete(tx, ended).await?;
    }
    Ok(written)
}

/// The flow, while it is running and nobody else has taken it over.
fn mine(id: Uuid, fence: i64) -> UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::Id.eq(id))
        .filter(Column::Fence.eq(fence))
        .filter(Column::State.eq(State::Running))
}

fn noted(update: UpdateMany<Entity>, step: &str, reason: &str, runs: i32, at: DateTime<Utc>) -> UpdateMany<Entity> {
    update
        .col_expr(Column::Step, Expr::value(step))
        .col_expr(Column::Reason, Expr::value(reason))
        .col_expr(Column::Runs, Expr::value(runs))
        .col_expr(Column::UpdatedAt, Expr::value(at))
}
