//! What went wrong on the way, told so that a caller knows whether the request may have reached the server.
//!
//! | seen | status | [`sent`] |
//! |---|---|---|
//! | no connection; refused stream; GOAWAY before the call; the part has stopped | UNAVAILABLE | [`Sent::No`] |
//! | the deadline had passed before the call | DEADLINE_EXCEEDED | [`Sent::No`] |
//! | the deadline passed while waiting | DEADLINE_EXCEEDED | [`Sent::Maybe`] |
//! | reset, connection lost, ping unanswered, after sending | UNKNOWN | [`Sent::Maybe`] |
//! | the server's own status | as it says | [`Sent::Answered`] |
//!
//! What a caller is told says what to do, and nothing of our hosts: the cause is in the log, and is the status' source.
//!
//! tonic alone tells a lost connection as UNAVAILABLE, CANCELLED, INTERNAL or UNKNOWN, depending on where it broke.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use dealflow_proto::errors::v1::ErrorReason;
use tonic::{Code, ConnectError, Status, TimeoutExpired};

use crate::layers::{COME_BACK, deadline_exceeded, refuse};

/// Whether a failed call may have had an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The request certainly did not reach the server: nothing happened.
    No,
    /// The request may have reached the server, and no answer came back: ask before acting as if nothing happened.
    Maybe,
    /// The server answered: the status is its word.
    Answered,
}

/// Whether the call that failed with this status may have had an effect.
#[must_use]
pub fn sent(status: &Status) -> Sent {
    let mut cause = status.source();
    while let Some(error) = cause {
        if let Some(lost) = error.downcast_ref::<Lost>() {
            return lost.sent;
        }
        cause = error.source();
    }
    Sent::Answered
}

/// Whether no connection came about.
pub(super) fn no_connection(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The mark that a status of the link's own making carries as its source.
#[derive(Debug)]
struct Lost {
    sent: Sent,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.sent {
            Sent::No => "the request was not sent",
            Sent::Maybe => "the request may have been sent",
            Sent::Answered => "the server answered",
        })
    }
}

impl Error for Lost {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

fn marked(mut status: Status, sent: Sent, cause: Option<Arc<dyn Error + Send + Sync>>) -> Status {
    status.set_source(Arc::new(Lost { sent, cause }));
    status
}

/// Nothing is there to take the call.
pub(super) fn not_sent(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Status {
    let cause: Arc<dyn Error + Send + Sync> = Arc::from(cause.into());
    tracing::warn!(cause = %deepest(&*cause), "a part cannot be reached");
    let message = "a part of the suite cannot be reached; nothing was done, try again later";
    let status = refuse(Code::Unavailable, ErrorReason::Unavailable, message, Some(COME_BACK));
    marked(status, Sent::No, Some(cause))
}

/// No time was left to begin with.
pub(super) fn too_late() -> Status {
    marked(deadline_exceeded(), Sent::No, None)
}

/// The time ran out while waiting for the answer.
pub(super) fn expired() -> Status {
    marked(deadline_exceeded(), Sent::Maybe, None)
}

/// The answer broke off after its headers: the server had the request for certain, its outcome is not known.
pub(super) fn broken_off(status: Status) -> Status {
    if status.code() == Code::DeadlineExceeded {
        return expired();
    }
    marked(lost(&status), Sent::Maybe, Some(Arc::new(status)))
}

/// What an error of the channel means.
pub(super) fn classify(error: Box<dyn Error + Send + Sync>) -> Status {
    let error: Arc<dyn Error + Send + Sync> = Arc::from(error);
    let mut next: Option<&(dyn Error + 'static)> = Some(&*error);
    while let Some(cause) = next {
        if cause.is::<TimeoutExpired>() {
            return expired();
        }
        if never_left(cause) {
            return not_sent(Box::new(error) as Box<dyn Error + Send + Sync>);
        }
        next = cause.source();
    }
    marked(lost(&*error), Sent::Maybe, Some(error))
}

fn lost(cause: &(dyn Error + 'static)) -> Status {
    tracing::warn!(cause = %deepest(cause), "a connection was lost before the answer was complete");
    let message = "the answer of a part of the suite was lost on its way; what was asked may be done: ask again with the \
         same request id";
    refuse(Code::Unknown, ErrorReason::AnswerLost, message, Some(COME_BACK))
}

/// What an error comes from in the end.
fn deepest<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest
}

/// Whether this error says that the server did not begin with the request.
fn never_left(cause: &(dyn Error + 'static)) -> bool {
    if cause.is::<ConnectError>() {
        return true;
    }
    if let Some(hyper) = cause.downcast_ref::<hyper::Error>() {
        // Cancelled: the connection went away while the request waited for its turn. (A request that was already
        // written fails with an HTTP/2 error instead.)
        return hyper.is_canceled() || hyper.is_closed();
    }
    cause.downcast_ref::<h2::Error>().is_some_and(|http2| {
        let refused = http2.is_reset() && http2.reason() == Some(h2::Reason::REFUSED_STREAM);
        // A GOAWAY in peace names the last stream that it answers; only the later ones see it as their error.
        let sent_away = http2.is_go_away() && http2.reason() == Some(h2::Reason::NO_ERROR);
        http2.is_remote() && (refused || sent_away)
    })
}
