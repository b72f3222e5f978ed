//! Answers that nobody reads: each is bounded in time, and its memory and its place come back.
//!
//! HTTP/2 lets a reader hold back what it is told, for ever if it likes. hyper asks a body for its next piece when there is
//! room for the piece before, and not until then: a body whose reader stands still is not asked, and cannot end itself. So
//! it is the task of its stream that is watched, from outside: a piece that is not taken in time ends the task, with it
//! goes what it holds, and the stream is reset.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::{Frame, SizeHint};
use hyper::body::Bytes;
use tonic::Status;
use tonic::body::Body;

use crate::deadline::Deadline;

/// A longer piece is handed over in two, the second of one byte. As soon as there is room for a single byte the whole of a
/// piece goes to where it cannot be called back from; with its last byte held back, its stream is not done before the
/// reader has made room for all the rest. What is shorter is not worth a frame.
const SHORT: usize = 4096;

tokio::task_local! {
    static UNREAD: Unread;
}

/// Until when the piece that was handed over last has to be taken; nothing while none is under way.
#[derive(Debug, Clone, Default)]
struct Unread(Arc<Mutex<Option<Deadline>>>);

impl Unread {
    fn until(&self) -> Option<Deadline> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, until: Option<Deadline>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// Does the work, and drops it when what a body in it said is not taken in time. A stream is a task of its own in HTTP/2;
/// in HTTP/1 the connection is.
pub(super) async fn watched(work: impl Future<Output = ()>) {
    let unread = Unread::default();
    let mut work = pin!(UNREAD.scope(unread.clone(), work));
    let mut waiting = None;
    poll_fn(|cx| {
        if work.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let Some(until) = unread.until() else {
            waiting = None;
            return Poll::Pending;
        };
        let (since, sleep) = waiting.get_or_insert_with(|| (until, Box::pin(tokio::time::sleep_until(until.0))));
        if *since != until {
            *since = until;
            sleep.as_mut().reset(until.0);
        }
        ready!(sleep.as_mut().poll(cx));
        tracing::debug!("an answer was not read in time");
        Poll::Ready(())
    })
    .await;
}

/// Spawns the streams of HTTP/2 connections, watched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watching;

impl<F> hyper::rt::Executor<F> for Watching
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        tokio::spawn(watched(stream));
    }
}

/// A body each piece of which is to be taken within so long; to be made in the task that is [`watched`].
pub(super) fn to_be_read(inner: Body, within: Duration) -> Body {
    match UNREAD.try_with(Clone::clone) {
        Ok(unread) => Body::new(ToBeRead { inner, last: None, within, unread }),
        // Nobody watches.
        Err(_) => inner,
    }
}

struct ToBeRead {
    inner: Body,
    /// The last byte of a piece whose others were handed over.
    last: Option<Bytes>,
    within: Duration,
    unread: Unread,
}

impl http_body::Body for ToBeRead {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        // Who asks for more has taken what there was.
        self.unread.set(None);
        if let Some(last) = self.last.take() {
            self.unread.set(Some(Deadline::within(self.within)));
            return Poll::Ready(Some(Ok(Frame::data(last))));
        }
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            end => return Poll::Ready(end),
        };
        Poll::Ready(Some(Ok(match frame.into_data() {
            Ok(mut piece) => {
                self.unread.set(Some(Deadline::within(self.within)));
                if piece.len() > SHORT {
                    self.last = Some(piece.split_off(piece.len() - 1));
                }
                Frame::data(piece)
            }
            Err(trailers) => trailers,
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.last.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, last) = (self.inner.size_hint(), self.last.as_ref().map_or(0, Bytes::len) as u64);
        let mut size = SizeHint::new();
        size.set_lower(inner.lower() + last);
        if let Some(upper) = inner.upper() {
            size.set_upper(upper + last);
        }
        size
    }
}
