//! The caller's `grpc-timeout`, capped by ours; its expiry reads DEADLINE_EXCEEDED.
//!
//! tonic enforces `grpc-timeout` too, outside this layer, and says CANCELLED. Both count from the same header, this
//! one from a moment earlier, and an inner future is asked first: so it is always this one that answers.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};

use super::{Ends, GuardedBody, deadline_exceeded, status_code};
use crate::deadline::Deadline;
use crate::methods;

#[derive(Debug, Clone, Copy)]
pub(crate) struct DeadlineLayer {
    cap: Duration,
}

impl DeadlineLayer {
    pub(crate) fn new(cap: Duration) -> Self {
        Self { cap }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bounded { inner, cap: self.cap }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Bounded<S> {
    inner: S,
    cap: Duration,
}

impl<S> Service<Request<Body>> for Bounded<S>
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

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let asked = Deadline::from_headers(request.headers());
        let cap = Deadline::within(self.cap);
        let deadline = asked.map_or(cap, |asked| asked.min(cap));
        // The caller's own deadline covers the whole call, a stream's messages included; our cap covers one message.
        let whole = if methods::answers_with_one_message(request.uri().path()) { Some(deadline) } else { asked };
        request.extensions_mut().insert(deadline);
        let call = self.inner.call(request);
        Box::pin(async move {
            let Ok(answer) = tokio::time::timeout_at(deadline.0, deadline.scope(call)).await else {
                return Ok(deadline_exceeded().into_http());
            };
            let Ok(response) = answer;
            if whole.is_none() || status_code(&response).is_some() {
                return Ok(response);
            }
            Ok(response.map(|body| GuardedBody::wrap(body, Ends { deadline: whole, ..Ends::default() })))
        })
    }
}
