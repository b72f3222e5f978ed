//! Calls at work at the same time are limited; beyond the limit the answer is "not now", at once.
//!
//! A call is at work until its answer was taken, not until there is one: answers that nobody reads are limited as well.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use dealflow_proto::errors::v1::ErrorReason;
use futures::future::{BoxFuture, Either, FutureExt, Ready};
use http::{Request, Response};
use tokio::sync::Semaphore;
use tonic::Code;
use tonic::body::Body;
use tower::{Layer, Service};

use super::{Ends, GuardedBody, refuse, status_code};
use crate::methods;

/// When a shed caller may come back: a few times the length of a usual call.
pub(crate) const COME_BACK: Duration = Duration::from_millis(250);

/// Questions after health and for reflection that are at work at the same time. They have places of their own: health must
/// answer above all when there is too much work, and it answers whoever asks.
const PROBES: usize = 256;

/// One limit for all connections of a part, and for the calls in process.
#[derive(Debug, Clone)]
pub(crate) struct ShedLayer {
    places: Arc<Semaphore>,
    probes: Arc<Semaphore>,
}

impl ShedLayer {
    pub(crate) fn new(calls: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(calls.min(Semaphore::MAX_PERMITS))),
            probes: Arc::new(Semaphore::new(PROBES)),
        }
    }
}

impl<S> Layer<S> for ShedLayer {
    type Service = Shed<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Shed { inner, layer: self.clone() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Shed<S> {
    inner: S,
    layer: ShedLayer,
}

type Answer = Result<Response<Body>, Infallible>;

impl<S> Service<Request<Body>> for Shed<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Ready<Answer>, BoxFuture<'static, Answer>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let places = match request.uri().path().starts_with("/grpc.") {
            true => &self.layer.probes,
            false => &self.layer.places,
        };
        match Arc::clone(places).try_acquire_owned() {
            Ok(place) => {
                let one_message = methods::answers_with_one_message(request.uri().path());
                let call = self.inner.call(request);
                async move {
                    let Ok(response) = call.await;
                    if status_code(&response).is_some() {
                        return Ok(response);
                    }
                    let ends = Ends { call: Some(place), one_message, ..Ends::default() };
                    Ok(response.map(|body| GuardedBody::wrap(body, ends)))
                }
                .boxed()
                .right_future()
            }
            Err(_) => futures::future::ready(Ok(overloaded().into_http())).left_future(),
        }
    }
}

pub(crate) fn overloaded() -> tonic::Status {
    refuse(
        Code::ResourceExhausted,
        ErrorReason::Overloaded,
        "too many calls are at work; nothing was done, try again later",
        Some(COME_BACK),
    )
}
