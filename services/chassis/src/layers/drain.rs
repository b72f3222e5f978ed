//! Counts calls and streams, so that a stop can wait for them, and ends them when it may wait no longer.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use dealflow_proto::errors::v1::ErrorReason;
use futures::future::BoxFuture;
use http::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::{Ends, GuardedBody, deadline_exceeded, refuse, shed, status_code};
use crate::methods;

/// How long a stream may be silent during a stop before it is ended: time for what is under way to be said.
const SILENCE: Duration = Duration::from_millis(200);

/// Streams of health that are open at the same time: a few balancers and people who look.
const PROBES: usize = 64;

/// A part's stop, as its calls see it.
#[derive(Debug, Clone)]
pub(crate) struct Drain {
    /// No new work: silent streams are ended.
    pub(crate) stopping: CancellationToken,
    /// The stop's limit is reached: everything is ended.
    pub(crate) cut: CancellationToken,
    /// Calls at work and bodies under way.
    pub(crate) calls: TaskTracker,
    people: Arc<Semaphore>,
    suite: Arc<Semaphore>,
    probes: Arc<Semaphore>,
}

/// Whose stream it is: they have places apart from each other, so that none takes those of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum StreamOf {
    /// Of whoever may call.
    #[default]
    People,
    /// Of a part of the suite by itself: what it reads, all wait for.
    Suite,
    /// Of whoever asks after health, and is asked for nothing.
    Probes,
}

impl Drain {
    pub(crate) fn new(streams: usize) -> Self {
        let places = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self {
            stopping: CancellationToken::new(),
            cut: CancellationToken::new(),
            calls: TaskTracker::new(),
            people: places(streams),
            suite: places(streams),
            probes: places(streams.min(PROBES)),
        }
    }

    /// A place among the open streams; all taken is the same "not now" as for calls.
    pub(crate) fn open_stream(&self, of: StreamOf) -> Result<OwnedSemaphorePermit, Status> {
        let places = match of {
            StreamOf::People => &self.people,
            StreamOf::Suite => &self.suite,
            StreamOf::Probes => &self.probes,
        };
        Arc::clone(places).try_acquire_owned().map_err(|_| shed::overloaded())
    }

    /// Waits until a silent stream has to end, and says with what status.
    pub(crate) async fn silence(&self) -> Status {
        self.stopping.cancelled().await;
        tokio::select! {
            () = tokio::time::sleep(SILENCE) => {}
            () = self.cut.cancelled() => {}
        }
        refuse(
            Code::Unavailable,
            ErrorReason::Unavailable,
            "this server stops; open the stream again where you were",
            Some(shed::COME_BACK),
        )
    }
}

#[derive(Debug, Clone)]
pub(crate) struct DrainLayer {
    drain: Drain,
}

impl DrainLayer {
    pub(crate) fn new(drain: Drain) -> Self {
        Self { drain }
    }
}

impl<S> Layer<S> for DrainLayer {
    type Service = Drained<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Drained { inner, drain: self.drain.clone() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Drained<S> {
    inner: S,
    drain: Drain,
}

impl<S> Service<Request<Body>> for Drained<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let counted = self.drain.calls.token();
        let drain = self.drain.clone();
        let one_message = methods::answers_with_one_message(request.uri().path());
        let call = self.inner.call(request);
        Box::pin(async move {
            let response = tokio::select! {
                biased; // an answer that is there is given, also at the last moment
                answer = call => {
                    let Ok(response) = answer;
                    response
                }
                // The limit of the stop is a deadline like any other: what was done is not known.
                () = drain.cut.cancelled() => return Ok(deadline_exceeded().into_http()),
            };
            if status_code(&response).is_some() {
                return Ok(response);
            }
            // The guard knows who calls.
            let of = response.extensions().get::<StreamOf>().copied().unwrap_or_default();
            let ends = Ends { drain: Some(drain), of, _counted: Some(counted), one_message, ..Ends::default() };
            Ok(response.map(|body| GuardedBody::wrap(body, ends)))
        })
    }
}
