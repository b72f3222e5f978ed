//! A request's transaction: the one way in which anything changes.
//!
//! [`Store::work`] claims the request id, runs the handler, writes history (which is audit and outbox too), remembers
//! the answer and commits: all of it together, or none of it. A concurrent copy of the request waits for the first and
//! reads its answer; the same id with other content is refused; a refusal rolls back and is not remembered. After a
//! crash either nothing happened, or the answer is there to be asked for again.

use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::{Mutation, Validate, convert};
use prost::{Message, Name};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, TryInsertResult};
use sha2::{Digest, Sha256};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::context::Context;
use crate::history::{self, Change};
use crate::refusal::{Kind, Refusal};
use crate::remembered;
use crate::store::Store;

/// One request's transaction. Rules read `now`; handlers query through `tx`.
pub struct Work {
    /// The transaction; every query of the handler goes through it.
    pub tx: DatabaseTransaction,
    /// When the change takes effect: the request's effective time, or the clock's.
    pub now: DateTime<Utc>,
    /// Whether `now` is the request's effective time.
    dated: bool,
    /// Who asks.
    pub context: Context,
    /// The request's id.
    pub request_id: Uuid,
    changes: Vec<Change>,
}

/// A finished piece of work: what the caller will be told once it is committed.
pub struct Done<A> {
    work: Work,
    answer: A,
}

impl Work {
    /// Records a change: history row, audit row and event, committed with the rest.
    pub fn record(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Ends the work with its answer.
    pub fn done<A>(self, answer: A) -> Done<A> {
        Done { work: self, answer }
    }

    /// Refuses a write to a version that the caller did not see; an empty etag means any.
    pub fn check_etag(&self, name: &str, seen: &str, version: i64) -> Result<(), Refusal> {
        let current = version.to_string();
        if seen.is_empty() || seen == current { Ok(()) } else { Err(Refusal::stale(name, seen, &current)) }
    }

    /// History runs one way: refuses an effective time before the record's last change. A request that gave none, and
    /// waited for that change or met a clock that is behind, takes effect together with it: `now` moves there.
    pub fn take_effect_after(&mut self, last: DateTime<Utc>) -> Result<(), Refusal> {
        if self.dated && self.now < last {
            let expected = format!("not before the record's last change at {}", last.to_rfc3339());
            return Err(Refusal::field("effective_time", expected));
        }
        self.now = self.now.max(last);
        Ok(())
    }
}

/// What a request's copy finds.
enum Claim {
    Ours,
    Answered(Vec<u8>),
}

impl Store {
    /// Runs one mutating request: `act` gets the work and the message, and ends with [`Work::done`].
    pub async fn work<Q, A, E, F, Fut>(&self, request: Request<Q>, act: F) -> Result<Response<A>, Status>
    where
        Q: Message + Name + Validate + Mutation,
        A: Message + Default,
        E: Into<Refusal>,
        F: FnOnce(Work, Q) -> Fut + Send,
        Fut: Future<Output = Result<Done<A>, E>> + Send,
    {
        Ok(Response::new(self.run(request, act).await?))
    }

    async fn run<Q, A, E, F, Fut>(&self, request: Request<Q>, act: F) -> Result<A, Refusal>
    where
        Q: Message + Name + Validate + Mutation,
        A: Message + Default,
        E: Into<Refusal>,
        F: FnOnce(Work, Q) -> Fut + Send,
        Fut: Future<Output = Result<Done<A>, E>> + Send,
    {
        let (metadata, _, message) = request.into_parts();
        let context = Context::of(&metadata)?;
        check(&message)?;
        let request_id = request_id(&message)?;
        let validate_only = message.validate_only();

        let tx = self.begin().await?;
        // Read when it is this request's turn: on SQLite it may have waited for the writer.
        let clock = self.clock().now();
        if !validate_only {
            let digest = digest(&message);
            if let Claim::Answered(answer) = claim(&tx, request_id, Q::NAME, &digest, clock).await? {
                tx.rollback().await?;
                self.settle().await?;
                return A::decode(answer.as_slice()).map_err(Refusal::internal);
            }
        }
        // After the claim: a request that was answered is not judged again by a clock that is behind.
        let now = effective_time(&message, clock)?;
        let dated = message.effective_time().is_some();
        let work = Work { tx, now, dated, context, request_id, changes: Vec::new() };
        let Done { mut work, answer } = act(work, message).await.map_err(Into::into)?;
        if validate_only {
            work.tx.rollback().await?;
            return Ok(answer);
        }
        write_history(&mut work).await?;
        remember(&work.tx, request_id, &answer).await?;
        self.commit(work.tx).await?;
        Ok(answer)
    }
}

/// Checks the form of a request: all fields at once.
pub fn check<Q: Validate>(message: &Q) -> Result<(), Refusal> {
    let mut violations = Vec::new();
    message.validate("", &mut violations);
    if violations.is_empty() { Ok(()) } else { Err(Refusal::fields(violations)) }
}

/// The request id; its form was checked, so a fault here is one field's.
pub fn request_id<Q: Mutation>(message: &Q) -> Result<Uuid, Refusal> {
    message.request_id().parse().map_err(|_| Refusal::field("request_id", "a UUID chosen by the caller"))
}

/// SHA-256 over the request's type and content: what "the same request" means.
pub fn digest<Q: Message + Name>(message: &Q) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(Q::NAME.as_bytes());
    hash.update([0]);
    hash.update(message.encode_to_vec());
    hash.finalize().to_vec()
}

/// The refusal of a request id that was used for something else.
pub fn reused(request_id: Uuid, method: &str) -> Refusal {
    let message = format!("request_id {request_id} was used for another {method}; a new request needs a new id");
    Refusal::new(Kind::Taken, ErrorReason::RequestIdReused, message).with("request_id", request_id.to_string())
}

fn effective_time<Q: Mutation>(message: &Q, clock: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    let Some(time) = message.effective_time() else { return Ok(clock) };
    let time = convert::time_of(&time).map_err(|error| Refusal::field("effective_time", error.to_string()))?;
    if time > clock {
        return Err(Refusal::field("effective_time", format!("not in the future; it is {} now", clock.to_rfc3339())));
    }
    Ok(time)
}

async fn claim(
    tx: &DatabaseTransaction,
    id: Uuid,
    method: &str,
    digest: &[u8],
    at: DateTime<Utc>,
) -> Result<Claim, Refusal> {
    let row = remembered::ActiveModel {
        request_id: Set(id),
        method: Set(method.to_owned()),
        digest: Set(digest.to_vec()),
        answer: Set(None),
        at: Set(at),
    };
    let inserted = remembered::Entity::insert(row).on_conflict_do_nothing().exec_without_returning(tx).await?;
    if matches!(inserted, TryInsertResult::Inserted(1..)) {
        return Ok(Claim::Ours);
    }
    let first = remembered::Entity::find_by_id(id).one(tx).await?;
    match first {
        Some(first) if first.digest != digest => Err(reused(id, &first.method)),
        Some(remembered::Model { answer: Some(answer), .. }) => Ok(Claim::Answered(answer)),
        _ => Err(Refusal::internal(format!("request {id} is claimed and has no answer"))),
    }
}

async fn remember<A: Message>(tx: &DatabaseTransaction, id: Uuid, answer: &A) -> Result<(), Refusal> {
    remembered::Entity::update_many()
        .col_expr(remembered::Column::Answer, Expr::value(Some(answer.encode_to_vec())))
        .filter(remembered::Column::RequestId.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

async fn write_history(work: &mut Work) -> Result<(), Refusal> {
    let changes = std::mem::take(&mut work.changes);
    if changes.is_empty() {
        return Ok(());
    }
    let rows = changes.into_iter().map(|change| history::ActiveModel {
        seq: sea_orm::ActiveValue::NotSet,
        position: Set(None),
        id: Set(Uuid::now_v7()),
        kind: Set(change.kind),
        thread: Set(if change.thread.is_empty() { change.subject.clone() } else { change.thread }),
        subject: Set(change.subject),
        verb: Set(change.verb),
        from_state: Set(change.from_state),
        to_state: Set(change.to_state),
        actor: Set(work.context.actor.clone()),
        reason: Set(change.reason),
        at: Set(work.now),
        spent_micros: Set(change.since.and_then(|since| (work.now - since).max(TimeDelta::zero()).num_microseconds())),
        request_id: Set(work.request_id),
        flow: Set(work.context.flow),
        traceparent: Set(work.context.traceparent.clone()),
        data_type: Set(change.data_type),
        data: Set(change.data),
    });
    history::Entity::insert_many(rows).exec_without_returning(&work.tx).await?;
    Ok(())
}
