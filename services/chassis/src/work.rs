//! A request's transaction: the one way in which anything changes.
//!
//! [`Store::work`] runs the handler, writes history (which is audit, outbox and remembered answer in one) and commits:
//! all of it together, or none of it. The request id is claimed by that last insert, so a request that comes once pays
//! no look-up. A copy is found out at the insert, or by being refused: what it did is rolled back, and the first one's
//! answer is given. Two copies at once wait for each other at the row they change or at the insert. The same id with
//! other content is refused; a refusal rolls back and is not remembered. After a crash either nothing happened, or the
//! answer is there to be asked for again.

use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::{Mutation, Validate, convert};
use prost::{Message, Name};
use sea_orm::DatabaseTransaction;
use sha2::{Digest, Sha256};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::context::Context;
use crate::history::{self, Change, Remembered};
use crate::refusal::{Kind, Refusal};
use crate::settings::Recent;
use crate::store::Store;
use crate::telemetry::metrics;

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
    pub(crate) changes: Vec<Change>,
    pub(crate) about: String,
    pub(crate) settings: Arc<Recent>,
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

    /// Which record a request that changes nothing is answered with: whoever is to blank the record finds the answer.
    pub fn about(&mut self, subject: String) {
        self.about = subject;
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
        let (metadata, _, mut message) = request.into_parts();
        let context = Context::of(&metadata)?;
        check(&message)?;
        let request_id = take_request_id(&mut message)?;
        if message.validate_only() {
            let Done { work, answer } = self.act(context, request_id, message, act).await?;
            work.tx.rollback().await?;
            return Ok(answer);
        }
        let digest = digest(&message);
        match self.act(context, request_id, message, act).await {
            Ok(Done { work, answer }) => {
                let bytes = answer.encode_to_vec();
                if history::write(&work, &Remembered { method: Q::NAME, digest: &digest, answer: &bytes }).await? {
                    self.commit(work.tx).await?;
                    metrics::committed(&work.changes);
                    return Ok(answer);
                }
                work.tx.rollback().await?;
                let first = self.first_answer(request_id, &digest).await?;
                first.ok_or_else(|| Refusal::internal(format!("request {request_id} is taken and has no answer")))
            }
            // A copy is refused for what the first one did; then the first one's answer holds.
            Err(refusal) => self.first_answer(request_id, &digest).await?.ok_or(refusal),
        }
    }

    /// Runs the handler in a transaction of its own, which is neither committed nor rolled back yet.
    async fn act<Q, A, E, F, Fut>(
        &self,
        context: Context,
        request_id: Uuid,
        message: Q,
        act: F,
    ) -> Result<Done<A>, Refusal>
    where
        Q: Mutation,
        E: Into<Refusal>,
        F: FnOnce(Work, Q) -> Fut + Send,
        Fut: Future<Output = Result<Done<A>, E>> + Send,
    {
        let tx = self.begin().await?;
        // Read when it is this request's turn: on SQLite it may have waited for the writer.
        let now = effective_time(&message, self.clock().now())?;
        let dated = message.effective_time().is_some();
        let (changes, about, settings) = (Vec::new(), String::new(), self.settings().clone());
        let work = Work { tx, now, dated, context, request_id, changes, about, settings };
        act(work, message).await.map_err(Into::into)
    }

    /// What the first request of this id was answered, if there was one; refused if it was another request.
    async fn first_answer<A: Message + Default>(&self, id: Uuid, digest: &[u8]) -> Result<Option<A>, Refusal> {
        let Some(first) = history::remembered(self.reader(), id).await? else { return Ok(None) };
        if first.digest.as_deref() != Some(digest) {
            return Err(reused(id, &first.method));
        }
        self.settle().await?;
        let answer = first.answer.unwrap_or(first.data);
        A::decode(answer.as_slice()).map(Some).map_err(Refusal::internal)
    }
}

/// Checks the form of a request: all fields at once.
pub fn check<Q: Validate>(message: &Q) -> Result<(), Refusal> {
    let mut violations = Vec::new();
    message.validate("", &mut violations);
    if violations.is_empty() { Ok(()) } else { Err(Refusal::fields(violations)) }
}

/// The request id; its form was checked, so a fault here is one field's. However it was spelt, in capitals too, it
/// stands in the message as we write it from here on: the same id is the same content.
pub fn take_request_id<Q: Mutation>(message: &mut Q) -> Result<Uuid, Refusal> {
    let id: Uuid =
        message.request_id().parse().map_err(|_| Refusal::field("request_id", "a UUID chosen by the caller"))?;
    message.set_request_id(id.to_string());
    Ok(id)
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
