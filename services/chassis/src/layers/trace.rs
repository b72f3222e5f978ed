//! A span per call, `package.Service/Method`, whose parent is the caller's span (W3C `traceparent`).
//!
//! At DEBUG and with a target of its own ([`TARGET`]): where nobody listens to it, a call pays for one comparison.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, Either, FutureExt};
use http::{Request, Response};
use tonic::Code;
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::{Instrument, Span, field};

use super::{is_grpc, status_code};
use crate::telemetry::{TARGET, TRACEPARENT, span_with_parent};

#[derive(Debug, Clone, Copy)]
pub(crate) struct TraceLayer;

impl<S> Layer<S> for TraceLayer {
    type Service = Traced<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Traced { inner }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Traced<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Traced<S>
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
        let path = request.uri().path().trim_start_matches('/');
        // The path of a plain HTTP request may hold a secret: only its first part is told.
        let method = if is_grpc(&request) { path } else { path.split('/').next().unwrap_or_default() };
        // No parent from this thread: in process it would be the caller's span, over the wire there is none.
        let span = tracing::debug_span!(
            target: TARGET, parent: None, "call",
            otel.name = method, otel.kind = "server", otel.status_code = field::Empty,
            rpc.system.name = "grpc", rpc.method = method, rpc.status_code = field::Empty, error.type = field::Empty,
            trace_id = field::Empty,
        );
        if span.is_disabled() {
            return self.inner.call(request).left_future();
        }
        let parent = request.headers().get(TRACEPARENT).and_then(|parent| parent.to_str().ok());
        let span = span_with_parent(parent, span);
        let call = span.in_scope(|| self.inner.call(request));
        let recorded = span.clone();
        async move {
            let Ok(response) = call.await;
            record(&recorded, status_code(&response).unwrap_or(Code::Ok), false);
            Ok(response)
        }
        .instrument(span)
        .boxed()
        .right_future()
    }
}

/// Notes the end of a call. For a server only its own faults are errors; for a client every refusal is.
pub(crate) fn record(span: &Span, code: Code, client: bool) {
    span.record("rpc.status_code", name_of(code));
    if is_fault(code, client) {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", name_of(code));
    }
}

/// Whether a code counts as an error: for a server only its own faults, for a client whatever is not OK.
pub(crate) fn is_fault(code: Code, client: bool) -> bool {
    let server = matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    );
    server || (client && code != Code::Ok)
}

/// The code as gRPC spells it.
pub(crate) fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
