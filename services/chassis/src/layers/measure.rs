//! How long calls take and how they end, by method: `rpc.server.call.duration` here, `rpc.client.call.duration` in
//! [`crate::link`]. Where nobody asked for metrics a call pays for one comparison.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::future::{BoxFuture, Either, FutureExt};
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::trace::{is_fault, name_of};
use super::{is_grpc, status_code};
use crate::methods;
use crate::telemetry::metrics::{METERS, Meters, PART};

/// What a method is called that is none of ours: names from the network are no labels.
const OTHER: &str = "_OTHER";

/// Measures the calls of a part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeasureLayer(pub(crate) &'static str);

impl<S> Layer<S> for MeasureLayer {
    type Service = Measured<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Measured { inner, part: self.0 }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Measured<S> {
    inner: S,
    part: &'static str,
}

impl<S> Service<Request<Body>> for Measured<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Some(meters) = METERS.get().filter(|_| is_grpc(&request)) else {
            return self.inner.call(request).left_future();
        };
        let part = KeyValue::new(PART, self.part);
        let call = Call::begin(request.uri().path(), &meters.server, part.clone(), false);
        let active = Active::begin(meters, part);
        let answer = self.inner.call(request);
        async move {
            let Ok(response) = answer.await;
            drop(active);
            Ok(call.answered(response))
        }
        .boxed()
        .right_future()
    }
}

/// A call whose answer has not begun; dropped, it is counted no more, however the call ended.
struct Active {
    meters: &'static Meters,
    part: [KeyValue; 1],
}

impl Active {
    fn begin(meters: &'static Meters, part: KeyValue) -> Self {
        let part = [part];
        meters.active.add(1, &part);
        Self { meters, part }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.meters.active.add(-1, &self.part);
    }
}

/// A call under way. What is dropped before its end was CANCELLED.
pub(crate) struct Call {
    durations: &'static Histogram<f64>,
    method: &'static str,
    streams: bool,
    /// The part that serves, or the server that is called.
    whose: KeyValue,
    client: bool,
    began: Instant,
    code: Code,
}

impl Call {
    fn begin(path: &str, durations: &'static Histogram<f64>, whose: KeyValue, client: bool) -> Self {
        let method = methods::find(path);
        Self {
            durations,
            method: method.map_or(OTHER, |method| method.name.as_str()),
            streams: method.is_some_and(|method| method.streams),
            whose,
            client,
            began: Instant::now(),
            code: Code::Cancelled,
        }
    }

    /// A call as its caller sees it; none where nobody asked for metrics.
    pub(crate) fn to(server: &str, path: &str) -> Option<Self> {
        let meters = METERS.get()?;
        let server = KeyValue::new("server.address", server.to_owned());
        Some(Self::begin(path, &meters.client, server, true))
    }

    /// The call ended with this code.
    pub(crate) fn ended(mut self, code: Code) {
        self.code = code;
    }

    /// The answer has begun: with a stream the call lasts as long as that does.
    pub(crate) fn answered(self, response: Response<Body>) -> Response<Body> {
        match status_code(&response) {
            None if self.streams => response.map(|inner| Body::new(MeasuredBody { inner, call: Some(self) })),
            code => {
                self.ended(code.unwrap_or(Code::Ok));
                response
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let code = name_of(self.code);
        let mut labels = vec![
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", self.method),
            KeyValue::new("rpc.status_code", code),
            self.whose.clone(),
        ];
        if is_fault(self.code, self.client) {
            labels.push(KeyValue::new("error.type", code));
        }
        self.durations.record(self.began.elapsed().as_secs_f64(), &labels);
    }
}

/// A stream of messages, to the end of which its call is measured.
struct MeasuredBody {
    inner: Body,
    call: Option<Call>,
}

impl http_body::Body for MeasuredBody {
    type Data = <Body as http_body::Body>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        let ended = match &frame {
            None => Some(Code::Ok),
            Some(Err(status)) => Some(status.code()),
            Some(Ok(frame)) => frame.trailers_ref().map(|trailers| {
                trailers.get(Status::GRPC_STATUS).map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
            }),
        };
        if let Some(code) = ended
            && let Some(call) = self.call.take()
        {
            call.ended(code);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
