//! Who calls is found out, and who may not is turned away: see [`crate::security`].

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, Either, FutureExt, ready};
use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};

use crate::security::Guard;

#[derive(Debug, Clone)]
pub(crate) struct GuardLayer {
    guard: Arc<Guard>,
}

impl GuardLayer {
    pub(crate) fn new(guard: Arc<Guard>) -> Self {
        Self { guard }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded { inner, guard: Arc::clone(&self.guard) }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Guarded<S> {
    inner: S,
    guard: Arc<Guard>,
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
        match self.guard.admit(&mut request) {
            Ok(None) => self.inner.call(request).left_future(),
            Ok(Some(leads)) => {
                // The service that was asked whether it is ready is the one that is called.
                let next = self.inner.clone();
                let mut inner = std::mem::replace(&mut self.inner, next);
                async move {
                    match leads.write(&mut request).await {
                        Ok(()) => inner.call(request).await,
                        Err(refused) => Ok(refused.into_http()),
                    }
                }
                .boxed()
                .right_future()
            }
            Err(refused) => ready(Ok(refused.into_http())).boxed().right_future(),
        }
    }
}
