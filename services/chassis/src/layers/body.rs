//! A body that comes to an end: at the deadline, at its age, at a stop, at a broken connection, at a panic, always with a
//! status.
//!
//! The layers around a handler see its answer's headers only. What follows them (the messages of a server stream) is
//! guarded here. A unary answer is pending only where it is passed on, so it pays for nothing but the box.
//!
//! A body has one place all its life: the call's, and once a stream has nothing more to say for now, one among the streams.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use dealflow_proto::errors::v1::ErrorReason;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::body::Body;
use tonic::{Code, Status};

use super::drain::{Drain, StreamOf};
use super::{COME_BACK, brief, deadline_exceeded, panic, refuse};
use crate::deadline::Deadline;
use crate::security::StreamPlace;

/// What can end a body before it ends by itself.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// The caller's own deadline. (The server's cap is for handlers and answers of one message: a stream may outlive it.)
    pub(crate) deadline: Option<Deadline>,
    /// Until when its caller is who he was when he came: then a stream is to be opened anew.
    pub(crate) age: Option<Deadline>,
    /// The place of the call.
    pub(crate) call: Option<OwnedSemaphorePermit>,
    /// The method answers with one message: the body is no stream even if it is pending.
    pub(crate) one_message: bool,
    /// Keeps the caller's place among his own streams as long as the body lives.
    pub(crate) _place: Option<StreamPlace>,
    /// The part's stop.
    pub(crate) drain: Option<Drain>,
    /// Whose stream it is, where it is one.
    pub(crate) of: StreamOf,
    /// Keeps the call counted as long as its body lives.
    pub(crate) _counted: Option<TaskTrackerToken>,
    /// On the caller's side: how an end before the end is told, as an error that says what may have happened.
    pub(crate) broken: Option<fn(Status) -> Status>,
}

type Waiting = Pin<Box<dyn Future<Output = Status> + Send>>;

/// The body with its guard.
pub(crate) struct GuardedBody {
    inner: Body,
    ends: Ends,
    /// What is waited for besides the next frame; made only when the body is pending.
    waiting: Option<Waiting>,
    /// The place among the open streams; taken when the body is pending for the first time.
    place: Option<OwnedSemaphorePermit>,
    over: bool,
}

impl GuardedBody {
    pub(crate) fn wrap(inner: Body, ends: Ends) -> Body {
        Body::new(Self { inner, ends, waiting: None, place: None, over: false })
    }

    /// Ends the body: on the caller's side with an error, on the wire with trailers, which survive every hop.
    fn end(&mut self, status: Status) -> Result<Frame<<Body as http_body::Body>::Data>, Status> {
        let broken = self.ends.broken;
        self.release();
        if let Some(broken) = broken {
            return Err(broken(status));
        }
        let mut trailers = HeaderMap::new();
        if status.add_header(&mut trailers).is_err() {
            // A text that no header takes: the code alone must do.
            trailers.clear();
            trailers.insert(Status::GRPC_STATUS, http::HeaderValue::from(status.code() as i32));
        }
        brief::shorten(&mut trailers);
        Ok(Frame::trailers(trailers))
    }

    /// The body is over: a reader that holds on to it holds up no stop and takes no place.
    fn release(&mut self) {
        self.over = true;
        self.inner = Body::empty();
        self.ends = Ends::default();
        self.waiting = None;
        self.place = None;
    }

    /// The body has nothing now: ask what else could have happened.
    fn poll_ends(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        if !self.ends.one_message {
            self.ends.call = None;
            if let (Some(drain), None) = (&self.ends.drain, &self.place) {
                match drain.open_stream(self.ends.of) {
                    Ok(place) => self.place = Some(place),
                    Err(refused) => return Poll::Ready(refused),
                }
            }
        }
        if self.waiting.is_none() {
            self.waiting = waiting(self.ends.deadline, self.ends.age, self.ends.drain.clone());
        }
        self.waiting.as_mut().map_or(Poll::Pending, |waiting| waiting.as_mut().poll(cx))
    }
}

/// Waits for whatever ends a silent body first.
fn waiting(deadline: Option<Deadline>, age: Option<Deadline>, drain: Option<Drain>) -> Option<Waiting> {
    if deadline.is_none() && age.is_none() && drain.is_none() {
        return None;
    }
    Some(Box::pin(async move {
        tokio::select! {
            () = reached(deadline) => deadline_exceeded(),
            () = reached(age) => over_age(),
            status = silence(drain) => status,
        }
    }))
}

async fn reached(moment: Option<Deadline>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.0).await,
        None => std::future::pending().await,
    }
}

async fn silence(drain: Option<Drain>) -> Status {
    match drain {
        Some(drain) => drain.silence().await,
        None => std::future::pending().await,
    }
}

/// A stream that was open for as long as its caller is believed without being asked again.
fn over_age() -> Status {
    refuse(
        Code::Unavailable,
        ErrorReason::Unavailable,
        "a stream ends with its caller's token, or after a while; open it again where you were",
        Some(COME_BACK),
    )
}

impl http_body::Body for GuardedBody {
    type Data = <Body as http_body::Body>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        if this.ends.age.is_some_and(Deadline::has_passed) {
            return Poll::Ready(Some(this.end(over_age())));
        }
        match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.inner).poll_frame(cx))) {
            Ok(Poll::Ready(Some(Err(status)))) => Poll::Ready(Some(this.end(status))),
            Ok(Poll::Ready(None)) => {
                this.release();
                Poll::Ready(None)
            }
            Ok(Poll::Ready(mut frame)) => {
                if let Some(trailers) = frame.as_mut().and_then(|frame| frame.as_mut().ok()?.trailers_mut()) {
                    brief::shorten(trailers);
                    this.release();
                }
                this.waiting = None; // a body that speaks is not silent: the next wait begins anew
                Poll::Ready(frame)
            }
            Ok(Poll::Pending) => match this.poll_ends(cx) {
                Poll::Ready(status) => Poll::Ready(Some(this.end(status))),
                Poll::Pending => Poll::Pending,
            },
            Err(panic) => Poll::Ready(Some(this.end(panic::answer(&*panic)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.over { SizeHint::with_exact(0) } else { self.inner.size_hint() }
    }
}
