//! What every call passes on its way to a handler: one list, the reason beside each.
//!
//! The same stack stands behind the listening socket and behind [`crate::link::Link::local`], so that a part behaves
//! alike whether it is reached in process or over the wire. None of it appears in a handler.

mod body;
mod brief;
mod deadline;
mod drain;
mod form;
mod guard;
pub(crate) mod measure;
mod panic;
mod plain;
mod routes;
mod shed;
mod size;
pub(crate) mod trace;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use dealflow_proto::errors::v1::ErrorReason;
use http::{Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tower::ServiceBuilder;
use tower::util::BoxCloneSyncService;

use crate::refusal::{DOMAIN, reason_name};
use crate::security::{Guard, Streams};

pub(crate) use body::{Ends, GuardedBody};
pub(crate) use drain::{Drain, StreamOf};
pub(crate) use panic::text_of as text_of_panic;
pub(crate) use plain::{http_code, is_grpc};
pub(crate) use routes::Routes;
pub(crate) use shed::COME_BACK;

/// What the layers need to know, taken from [`crate::serve::ServeConfig`].
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Calls at work at the same time; further ones are shed.
    pub(crate) calls: usize,
    /// The longest a handler may take, whatever the caller allows.
    pub(crate) deadline: Duration,
    /// Bytes of one message.
    pub(crate) message: usize,
    /// The longest that a stream lives; zero where nothing but its caller's token ends it.
    pub(crate) stream_age: Duration,
    /// Streams that one caller may have open at the same time.
    pub(crate) streams_of_one: usize,
}

/// Scrapes at work at the same time.
const OPERATORS: usize = 16;

/// A call's way from the wire to the answer; it cannot fail, since every failure is a status.
pub(crate) type Stack = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The layers of every part, outermost first. The part's name is for its metrics.
pub(crate) fn stack(part: &'static str, routes: Routes, limits: &Limits, guard: Arc<Guard>, drain: Drain) -> Stack {
    let layers = ServiceBuilder::new()
        // Outermost, so that whatever the others say is said in HTTP's words to whoever does not speak gRPC.
        .layer(plain::PlainLayer)
        // Over all that may say no: a status that no header holds would cost others their calls (`brief.rs`; what ends a
        // body is held to the same in `body.rs`).
        .map_response(brief::briefly)
        // Before the span and all that may say no: a call is counted however it ends.
        .layer(measure::MeasureLayer(part))
        // Next, so that the span tells of everything below, a shed call and a panic included.
        .layer(trace::TraceLayer)
        // A panic is INTERNAL for one caller, not a broken connection for all that share it.
        .layer(panic::PanicLayer)
        // Counts what is at work, so that a stop can wait for it, and cuts it off when the stop's limit is reached.
        .layer(drain::DrainLayer::new(drain))
        // Before any work is done: beyond the limit a quick "not now" keeps the goodput, a queue would eat it.
        .layer(shed::ShedLayer::new(limits.calls))
        // The caller's patience, capped by ours; before the guard, which asks another part for some callers, so that this
        // is bounded too. The handler finds the deadline.
        .layer(deadline::DeadlineLayer::new(limits.deadline))
        // Before the handlers and after the shedding: a flood of bad tokens costs no more than a flood of calls.
        .layer(guard::GuardLayer::new(guard, Streams::new(limits.stream_age, limits.streams_of_one)))
        // While reading: a message that is too large is refused at its fifth byte, not when it is in memory.
        .layer(size::SizeLayer::new(limits.message))
        // Next to the handlers, which decode: bytes that are no message are the caller's fault, not ours.
        .layer(form::FormLayer);
    BoxCloneSyncService::new(layers.service(routes))
}

/// The layers of the operators' port, which knows no callers: so many at the same time, and an end at the stop.
pub(crate) fn for_operators(routes: Routes, drain: Drain) -> Stack {
    let layers = ServiceBuilder::new()
        .layer(plain::PlainLayer)
        .layer(panic::PanicLayer)
        .layer(drain::DrainLayer::new(drain))
        .layer(shed::ShedLayer::new(OPERATORS));
    BoxCloneSyncService::new(layers.service(routes))
}

/// A refusal of the platform itself: code, reason from the catalogue, and when to come back.
pub(crate) fn refuse(code: Code, reason: ErrorReason, message: &str, retry_after: Option<Duration>) -> Status {
    let mut details = ErrorDetails::with_error_info(reason_name(reason), DOMAIN, []);
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    Status::with_error_details(code, message, details)
}

/// What is said when a call's time is up, by the server as by the waiting client.
pub(crate) fn deadline_exceeded() -> Status {
    refuse(
        Code::DeadlineExceeded,
        ErrorReason::Deadline,
        "the call's time ran out; it may still take effect: ask again with the same request id",
        None,
    )
}

/// The status of an answer that consists of nothing else.
pub(crate) fn status_code(response: &Response<Body>) -> Option<Code> {
    response.headers().get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()))
}
