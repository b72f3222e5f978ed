//! Faults between the gateway and its neighbours: at the k-th call of one verb a request or a reply is lost, or the call
//! stands still until everything dies.
//!
//! A verb is told by its trace: whoever asks for it sends a trace id of its own, and every call that follows from it
//! carries that id, the delivery to the ERP too. So many verbs can have their faults side by side.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use dealflow::suite::{PartName, Wrap};
use dealflow_chassis::context::TRACEPARENT;
use dealflow_chassis::link::Transport;
use futures::future::{BoxFuture, FutureExt};
use http::{Request, Response};
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};
use uuid::Uuid;

/// What goes wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call never arrives.
    LoseRequest,
    /// The call is done, and its answer never arrives.
    LoseReply,
    /// The call is not sent until the suite dies.
    StopBefore,
    /// The call is done, and its answer is on the way until the suite dies.
    StopAfter,
}

/// The faults of one suite; copies are the same.
#[derive(Clone, Default)]
pub struct Faults(Arc<Inner>);

#[derive(Default)]
struct Inner {
    verbs: Mutex<HashMap<String, Verb>>,
    stopped: watch::Sender<usize>,
    subscriptions: AtomicUsize,
}

/// One verb's calls so far, and what is to happen.
#[derive(Default)]
struct Verb {
    calls: Vec<String>,
    plan: Option<(usize, Fault)>,
}

impl Faults {
    /// The `at`-th call (from 1) that carries this trace is to fail; `None` only counts. Answers the `traceparent` that
    /// the verb is to be asked with.
    pub fn plan(&self, plan: Option<(usize, Fault)>) -> Trace {
        let trace = Trace::new();
        self.verbs().insert(trace.0.clone(), Verb { calls: Vec::new(), plan });
        trace
    }

    /// The calls that a verb has led to, in order: part and RPC.
    pub fn calls(&self, trace: &Trace) -> Vec<String> {
        self.verbs().get(&trace.0).map(|verb| verb.calls.clone()).unwrap_or_default()
    }

    /// How often the gateway has asked a neighbour to stream its feed.
    pub fn subscriptions(&self) -> usize {
        self.0.subscriptions.load(Ordering::SeqCst)
    }

    /// Waits until so many calls in all have stopped where they were planned to.
    pub async fn stopped(&self, calls: usize) {
        let mut stopped = self.0.stopped.subscribe();
        stopped.wait_for(|stopped| *stopped >= calls).await.expect("the faults outlive who waits for them");
    }

    /// What the suite puts round each neighbour's link.
    pub fn wrap(&self) -> Wrap {
        let faults = self.clone();
        Arc::new(move |part, link| link.layered(Between { part, faults: faults.clone() }))
    }

    /// Notes a call, and says what is to happen to it.
    fn meet(&self, part: PartName, request: &Request<Body>) -> Option<Fault> {
        if request.uri().path().ends_with("FeedService/Subscribe") {
            self.0.subscriptions.fetch_add(1, Ordering::SeqCst);
        }
        let trace = trace_of(request)?.to_owned();
        let mut verbs = self.verbs();
        let verb = verbs.get_mut(&trace)?;
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        verb.calls.push(format!("{part} {method}"));
        let at = verb.calls.len();
        verb.plan.filter(|(wanted, _)| *wanted == at).map(|(_, fault)| fault)
    }

    fn verbs(&self) -> MutexGuard<'_, HashMap<String, Verb>> {
        self.0.verbs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The trace that one verb is asked under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace(String);

impl Trace {
    /// A trace of its own.
    #[expect(clippy::new_without_default, reason = "each is another")]
    pub fn new() -> Self {
        Self(Uuid::new_v4().simple().to_string())
    }

    /// The trace id: 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.0
    }

    /// Asks under this trace.
    pub fn carry<M>(&self, mut request: tonic::Request<M>) -> tonic::Request<M> {
        let header = format!("00-{}-00f067aa0ba902b7-01", self.0);
        let value = header.parse().expect("hexadecimal digits are visible ASCII");
        request.metadata_mut().insert(TRACEPARENT, value);
        request
    }
}

/// The trace id that a call carries.
pub fn trace_of(request: &Request<Body>) -> Option<&str> {
    request.headers().get(TRACEPARENT)?.to_str().ok()?.split('-').nth(1)
}

struct Between {
    part: PartName,
    faults: Faults,
}

impl Layer<Transport> for Between {
    type Service = Faulty;

    fn layer(&self, inner: Transport) -> Faulty {
        Faulty { part: self.part, faults: self.faults.clone(), inner }
    }
}

/// A transport on which calls are lost.
#[derive(Clone)]
pub struct Faulty {
    part: PartName,
    faults: Faults,
    inner: Transport,
}

impl Service<Request<Body>> for Faulty {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Some(fault) = self.faults.meet(self.part, &request) else { return self.inner.call(request) };
        // The transport that was polled ready is the one to call.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let faults = self.faults.clone();
        async move {
            if matches!(fault, Fault::LoseReply | Fault::StopAfter) {
                // What the server said is lost with the reply, a refusal too.
                drop(inner.call(request).await);
            }
            match fault {
                Fault::LoseRequest => Err(Status::unavailable("a test lost the request")),
                Fault::LoseReply => Err(Status::unknown("a test lost the reply")),
                Fault::StopBefore | Fault::StopAfter => {
                    faults.0.stopped.send_modify(|stopped| *stopped += 1);
                    std::future::pending().await
                }
            }
        }
        .boxed()
    }
}
