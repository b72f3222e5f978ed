//! Who calls is found out, and who may not is turned away: see [`crate::security`].

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, Either, FutureExt, ready};
use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};

use super::{GuardedBody, status_code};
use crate::methods;
use crate::security::{Guard, Streams};

#[derive(Debug, Clone)]
pub(crate) struct GuardLayer {
    guard: Arc<Guard>,
    streams: Streams,
}

impl GuardLayer {
    pub(crate) fn new(guard: Arc<Guard>, streams: Streams) -> Self {
        Self { guard, streams }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded { inner, guard: Arc::clone(&self.guard), streams: self.streams.clone() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Guarded<S> {
    inner: S,
    guard: Arc<Guard>,
    streams: Streams,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let refuse = |refused: tonic::Status| ready(Ok(refused.into_http())).boxed().right_future();
        let admitted = match self.guard.admit(&mut request) {
            Ok(admitted) => admitted,
            Err(refused) => return refuse(refused),
        };
        let ends = methods::answers_with_a_stream(request.uri().path())
            .then(|| self.streams.open(admitted.caller.as_deref()))
            .transpose();
        let (leads, ends) = match (admitted.leads, ends) {
            (None, Ok(None)) => return self.inner.call(request).left_future(),
            (leads, Ok(ends)) => (leads, ends),
            (_, Err(refused)) => return refuse(refused),
        };
        // The service that was asked whether it is ready is the one that is called.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        async move {
            if let Some(leads) = leads
                && let Err(refused) = leads.write(&mut request).await
            {
                return Ok(refused.into_http());
            }
            let Ok(mut response) = inner.call(request).await;
            // Whatever a part that it was passed on to said of the same: here it is our caller's.
            response.extensions_mut().insert(admitted.of);
            Ok(match ends {
                Some(ends) if status_code(&response).is_none() => response.map(|body| GuardedBody::wrap(body, ends)),
                _ => response,
            })
        }
        .boxed()
        .right_future()
    }
}
