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
use futures::future::BoxFuture;
use prost::{Message, Name};
use prost_types::Timestamp;
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

/// A handler with its message: the work goes in, and comes out with the bytes of the answer.
type Act<'a> = Box<dyn FnOnce(Work) -> BoxFuture<'a, Result<(Work, Vec<u8>), Refusal>> + Send + 'a>;

/// A request, but for its message.
struct Ask {
    method: &'static str,
    context: Context,
    request_id: Uuid,
    validate_only: bool,
    effective_time: Option<Timestamp>,
    digest: Vec<u8>,
}

/// Whose answer a request gets.
enum Answered {
    /// Its own.
    Now,
    /// The one that its first copy was given.
    Before(Vec<u8>),
}

impl Store {
    /// Runs one mutating request: `act` gets the work and the message, and ends with [`Work::done`].
    ///
    /// What does not depend on the types of the request is a function of its own, compiled once and not for each RPC.
    pub async fn work<'a, Q, A, E, F, Fut>(&'a self, request: Request<Q>, act: F) -> Result<Response<A>, Status>
    where
        Q: Message + Name + Validate + Mutation + 'a,
        A: Message + Default,
        E: Into<Refusal>,
        F: FnOnce(Work, Q) -> Fut + Send + 'a,
        Fut: Future<Output = Result<Done<A>, E>> + Send + 'a,
    {
        let (metadata, _, mut message) = request.into_parts();
        let context = Context::of(&metadata)?;
        check(&message)?;
        let ask = Ask {
            method: Q::NAME,
            context,
            request_id: take_request_id(&mut message)?,
            validate_only: message.validate_only(),
            effective_time: message.effective_time(),
            digest: digest(&message),
        };
        let mut told = None;
        let tell = &mut told;
        let act: Act<'_> = Box::new(move |work| {
            Box::pin(async move {
                let Done { work, answer } = act(work, message).await.map_err(Into::into)?;
                let bytes = answer.encode_to_vec();
                *tell = Some(answer);
                Ok((work, bytes))
            })
        });
        let answer = match (self.run(ask, act).await?, told) {
            (Answered::Now, Some(answer)) => answer,
            (Answered::Now, None) => return Err(Refusal::internal("a handler ended without its answer").into()),
            (Answered::Before(bytes), _) => A::decode(bytes.as_slice()).map_err(Refusal::internal)?,
        };
        Ok(Response::new(answer))
    }

    async fn run(&self, ask: Ask, act: Act<'_>) -> Result<Answered, Refusal> {
        let Ask { method, context, request_id, validate_only, effective_time, digest } = ask;
        let acted = self.act(context, request_id, effective_time, act).await;
        if validate_only {
            acted?.0.tx.rollback().await?;
            return Ok(Answered::Now);
        }
        match acted {
            Ok((work, answer)) => {
                if history::write(&work, &Remembered { method, digest: &digest, answer: &answer }).await? {
                    self.commit(work.tx).await?;
                    metrics::committed(&work.changes);
                    return Ok(Answered::Now);
                }
                work.tx.rollback().await?;
                let first = self.first_answer(request_id, &digest).await?;
                let first = first
                    .ok_or_else(|| Refusal::internal(format!("request {request_id} is taken and has no answer")))?;
                Ok(Answered::Before(first))
            }
            // A copy is refused for what the first one did; then the first one's answer holds.
            Err(refusal) => {
                let first = self.first_answer(request_id, &digest).await?;
                first.map(Answered::Before).ok_or(refusal)
            }
        }
    }

    /// Runs the handler in a transaction of its own, which is neither committed nor rolled back yet.
    async fn act(
        &self,
        context: Context,
        request_id: Uuid,
        effective: Option<Timestamp>,
        act: Act<'_>,
    ) -> Result<(Work, Vec<u8>), Refusal> {
        let tx = self.begin().await?;
        // Read when it is this request's turn: on SQLite it may have waited for the writer.
        let now = effective_time(effective.as_ref(), self.clock().now())?;
        let (dated, changes, about) = (effective.is_some(), Vec::new(), String::new());
        let settings = self.settings().clone();
        act(Work { tx, now, dated, context, request_id, changes, about, settings }).await
    }

    /// What the first request of this id was answered, if there was one; refused if it was another request.
    async fn first_answer(&self, id: Uuid, digest: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        let Some(first) = history::remembered(self.reader(), id).await? else { return Ok(None) };
        if first.digest.as_deref() != Some(digest) {
            return Err(reused(id, &first.method));
        }
        self.settle().await?;
        Ok(Some(first.answer.unwrap_or(first.data)))
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

fn effective_time(given: Option<&Timestamp>, clock: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    let Some(time) = given else { return Ok(clock) };
    let time = convert::time_of(time).map_err(|error| Refusal::field("effective_time", error.to_string()))?;
    if time > clock {
        return Err(Refusal::field("effective_time", format!("not in the future; it is {} now", clock.to_rfc3339())));
    }
    Ok(time)
}
