//! Flows: verbs that cross services and end completely, whatever dies on the way (R-FLW-1, R-FLW-3).
//!
//! A flow is a plain function from the top to the bottom, [`Run`] in its hand. Its input is stored before its first
//! step; each step's request id is made of the flow's id and the step's name, and every service remembers its answer to
//! an id. So **recovery is running the function again from the top**: done steps answer as before, the first undone one
//! goes on. There is no journal of steps here and no engine to operate.
//!
//! - `run.rs` what a phase gets: steps, reads, checks
//! - `stored.rs` a flow in memory: input, what it has read, whether it is stored
//! - `stop.rs` a fault is tried again, a refusal is not; `fields.rs` a refusal in the words of the caller's request
//! - `undo.rs` where two steps can refuse: what the first did is taken back
//! - `drive.rs` runs a flow until it ends: back-off, parking, the answer to whoever waits
//! - `writer.rs` the group commit; `table.rs` the rows
//! - `lease.rs` keeps our flows ours, and takes over those whose instance fell silent
//!
//! Repeats: a completed flow answers as before, a running one is waited for, other content under the same id is
//! ALREADY_EXISTS, a parked one says so. A refusal before anything changed is not remembered; one that came half-way, and
//! for which everything was taken back, is.

mod drive;
mod fields;
pub(crate) mod lease;
mod run;
mod stop;
mod stored;
pub(crate) mod table;
mod undo;
mod writer;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dealflow_chassis::work::{check, digest, reused, take_request_id};
use dealflow_chassis::{Context, Refusal, Store};
use dealflow_proto::gateway::v1::DealProgress;
use dealflow_proto::{Mutation, Validate};
use futures::future::{BoxFuture, FutureExt};
use prost::{Message, Name};
use prost_types::Timestamp;
use sea_orm::EntityTrait;
use tokio::sync::{Notify, watch};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use drive::Outcome;
use stored::{Begin, Flow};
use table::State;
use writer::Writer;

pub(crate) use run::{Parts, Run};
use stop::parked;
use stop::refusal_of;
pub(crate) use stop::{Stop, Stopped, has_reason, is_settled};
pub(crate) use stored::{Mode, Origin};

/// How often a flow that another instance drives is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// One run of a verb, from the top to its end.
type Ended = BoxFuture<'static, Result<DealProgress, Stop>>;

/// A verb over its serialized message.
type Function = Box<dyn Fn(Run, &[u8]) -> Ended + Send + Sync>;

/// How a verb is driven, by its serialized message.
type ModeOf = Box<dyn Fn(&[u8]) -> Mode + Send + Sync>;

/// What a verb does, by its name.
pub(crate) struct Act {
    run: Function,
    effective_time: fn(&[u8]) -> Option<Timestamp>,
    mode: ModeOf,
    origin: Origin,
}

/// All verbs that can be flows.
#[derive(Default)]
pub(crate) struct Acts(HashMap<&'static str, Act>);

impl Acts {
    /// A verb of a caller's: a function over its message, run from the top as often as it takes.
    pub(crate) fn verb<Q, F, Fut>(self, name: &'static str, act: F) -> Self
    where
        Q: Message + Mutation + Default,
        F: Fn(Run, Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<DealProgress, Stop>> + Send + 'static,
    {
        let effective_time = |input: &[u8]| Q::decode(input).ok().and_then(|ask| ask.effective_time());
        self.add(name, act, effective_time, |_| Mode::Stored, Origin::Call)
    }

    /// A verb that is one step of one service where its message says so: then it needs no flow, the service's own
    /// transaction is all there is to it.
    pub(crate) fn single_where<Q, F, Fut>(self, name: &'static str, act: F, is_single: fn(&Q) -> bool) -> Self
    where
        Q: Message + Mutation + Default + 'static,
        F: Fn(Run, Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<DealProgress, Stop>> + Send + 'static,
    {
        let effective_time = |input: &[u8]| Q::decode(input).ok().and_then(|ask| ask.effective_time());
        let mode = move |ask: &Q| if is_single(ask) { Mode::Single } else { Mode::Stored };
        self.add(name, act, effective_time, mode, Origin::Call)
    }

    /// What follows from an event: nobody waits for it.
    pub(crate) fn event<Q, F, Fut>(self, name: &'static str, act: F) -> Self
    where
        Q: Message + Default,
        F: Fn(Run, Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<DealProgress, Stop>> + Send + 'static,
    {
        self.add(name, act, |_| None, |_| Mode::Stored, Origin::Event)
    }

    fn add<Q, F, Fut>(
        mut self,
        name: &'static str,
        act: F,
        effective_time: fn(&[u8]) -> Option<Timestamp>,
        mode: impl Fn(&Q) -> Mode + Send + Sync + 'static,
        origin: Origin,
    ) -> Self
    where
        Q: Message + Default,
        F: Fn(Run, Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<DealProgress, Stop>> + Send + 'static,
    {
        let run = move |run: Run, input: &[u8]| match Q::decode(input) {
            Ok(ask) => act(run, ask).boxed(),
            Err(error) => futures::future::ready(Err(Stop::refuse("read the input", Refusal::internal(error)))).boxed(),
        };
        // What cannot be read is refused when it runs.
        let mode = Box::new(move |input: &[u8]| Q::decode(input).map_or(Mode::Stored, |ask| mode(&ask)));
        self.0.insert(name, Act { run: Box::new(run), effective_time, mode, origin });
        self
    }

    fn get(&self, verb: &str) -> Result<&Act, Refusal> {
        self.0.get(verb).ok_or_else(|| Refusal::internal(format!("no flow is called {verb}")))
    }
}

/// The flows of this instance.
#[derive(Clone)]
pub(crate) struct Flows(Arc<Inner>);

struct Inner {
    store: Store,
    parts: Arc<Parts>,
    acts: Acts,
    writer: Writer,
    /// This instance, as the owner of leases.
    me: Uuid,
    live: Mutex<HashMap<Uuid, Live>>,
    /// Wakes the driver: somebody left flows for it.
    left: Notify,
}

/// A flow that this instance drives now.
#[derive(Clone)]
struct Live {
    flow: Arc<Flow>,
    outcome: watch::Receiver<Option<Outcome>>,
}

impl Flows {
    /// Starts the writer; leases and takeover are tasks of their own, see [`lease`].
    pub(crate) fn new(store: Store, parts: Parts, acts: Acts) -> Self {
        let writer = Writer::start(store.clone());
        let live = Mutex::default();
        Self(Arc::new(Inner {
            store,
            parts: Arc::new(parts),
            acts,
            writer,
            me: Uuid::now_v7(),
            live,
            left: Notify::new(),
        }))
    }

    /// The database that flows are kept in.
    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// Wakes the driver: there are flows without an owner.
    pub(crate) fn wake(&self) {
        self.0.left.notify_one();
    }

    /// Answers a verb: by its flow, waited for; the flow goes on when the caller does not.
    pub(crate) async fn answer<Q>(
        &self,
        verb: &'static str,
        request: Request<Q>,
        subject: fn(&Q) -> &str,
    ) -> Result<Response<DealProgress>, Status>
    where
        Q: Message + Name + Validate + Mutation,
    {
        let (metadata, _, mut ask) = request.into_parts();
        let context = Context::of(&metadata)?;
        check(&ask)?;
        let effective_time = ask.effective_time();
        let begin = Begin {
            id: take_request_id(&mut ask)?,
            verb: verb.to_owned(),
            digest: digest(&ask),
            input: ask.encode_to_vec(),
            subject: subject(&ask).to_owned(),
            actor: context.actor,
            traceparent: context.traceparent,
            effective_time,
            began: self.0.store.clock().now(),
        };
        if let Some(time) = effective_time
            && dealflow_proto::convert::time_of(&time).is_ok_and(|time| time > begin.began)
        {
            let now = begin.began.to_rfc3339();
            return Err(Refusal::field("effective_time", format!("not in the future; it is {now} now")).into());
        }
        let mode = if ask.validate_only() { Mode::Check } else { (self.0.acts.get(verb)?.mode)(&begin.input) };
        let answer = match mode {
            Mode::Stored => self.flow(begin).await,
            Mode::Single | Mode::Check => self.0.unstored(begin, mode).await,
        };
        answer.map(Response::new)
    }

    async fn flow(&self, begin: Begin) -> Result<DealProgress, Status> {
        loop {
            let mut outcome = self.join(&begin)?;
            // The sender is dropped with its flow, whose task leaves an outcome behind in any case.
            let ended = match outcome.wait_for(Option::is_some).await {
                Ok(ended) => ended.clone(),
                Err(_) => None,
            };
            match ended {
                Some(Outcome::Done(answer)) => return answer.map(Arc::unwrap_or_clone),
                Some(Outcome::Elsewhere) | None => {}
            }
            while let Some(row) =
                table::Entity::find_by_id(begin.id).one(self.0.store.reader()).await.map_err(Refusal::from)?
            {
                if let Some(answer) = remembered(&row, &begin.digest)? {
                    return Ok(answer);
                }
                if self.0.live().contains_key(&begin.id) {
                    break;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }

    /// Joins the copy of this request that is under way, or begins.
    fn join(&self, begin: &Begin) -> Result<watch::Receiver<Option<Outcome>>, Refusal> {
        let mut live = self.0.live();
        if let Some(other) = live.get(&begin.id) {
            let same = other.flow.digest == begin.digest;
            return if same { Ok(other.outcome.clone()) } else { Err(reused(begin.id, &other.flow.verb)) };
        }
        let flow = Flow::begin(begin.clone(), Mode::Stored, self.0.me, self.0.writer.clone());
        Ok(self.0.clone().launch(&mut live, flow))
    }
}

/// What a stored flow answers to a copy of its request: nothing yet while it runs.
fn remembered(row: &table::Model, digest: &[u8]) -> Result<Option<DealProgress>, Status> {
    if row.digest != digest {
        return Err(reused(row.id, &row.verb).into());
    }
    match row.state {
        State::Running => Ok(None),
        State::Completed => {
            let answer = row.answer.as_deref().unwrap_or_default();
            DealProgress::decode(answer).map(Some).map_err(|error| Refusal::internal(error).into())
        }
        State::Parked => Err(parked(row.id, "PARKED", &row.step, &row.reason).into()),
        State::Abandoned => Err(parked(row.id, "ABANDONED", &row.step, &row.reason).into()),
        State::Compensated => Err(refusal_of(row.answer.as_deref().unwrap_or_default())),
    }
}

impl Inner {
    fn live(&self) -> MutexGuard<'_, HashMap<Uuid, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drives a flow in a task of its own.
    fn launch(self: Arc<Self>, live: &mut HashMap<Uuid, Live>, flow: Flow) -> watch::Receiver<Option<Outcome>> {
        let flow = Arc::new(flow);
        let (told, outcome) = watch::channel(None);
        live.insert(flow.id, Live { flow: flow.clone(), outcome: outcome.clone() });
        tokio::spawn(drive::drive(self, flow, told));
        outcome
    }

    /// The flow is over: copies of its request find it in the table from now on.
    fn forget(&self, flow: &Arc<Flow>) {
        let mut live = self.live();
        if live.get(&flow.id).is_some_and(|current| Arc::ptr_eq(&current.flow, flow)) {
            live.remove(&flow.id);
        }
    }
}
