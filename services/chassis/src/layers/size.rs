//! A message that is larger than allowed is refused at its length prefix, before its bytes are in memory.
//!
//! A call that is one message ends where that message may end: whoever keeps a body whole on its way (what passes calls on
//! does) keeps no more of it, however many messages its sender goes on with.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use dealflow_proto::errors::v1::ErrorReason;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::refuse;
use crate::methods;

/// What stands before each message: a byte of flags, four of length.
const PREFIX: usize = 5;

#[derive(Debug, Clone, Copy)]
pub(crate) struct SizeLayer {
    limit: usize,
}

impl SizeLayer {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit }
    }
}

impl<S> Layer<S> for SizeLayer {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Limited { inner, limit: self.limit }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Limited<S> {
    inner: S,
    limit: usize,
}

impl<S> Service<Request<Body>> for Limited<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let limit = self.limit;
        let one_message = !methods::takes_a_stream(request.uri().path());
        let left = one_message.then(|| limit.saturating_add(PREFIX));
        self.inner.call(request.map(|body| Body::new(Metered { inner: body, frames: Frames::default(), limit, left })))
    }
}

/// A request's body, read along.
struct Metered {
    inner: Body,
    frames: Frames,
    limit: usize,
    /// How many bytes may still come in all; none where messages may come without end.
    left: Option<usize>,
}

impl http_body::Body for Metered {
    type Data = <Body as http_body::Body>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(Some(data))) = frame.as_ref().map(|frame| frame.as_ref().map(Frame::data_ref)) {
            let limit = self.limit;
            let fits = self.left.is_none_or(|left| data.len() <= left);
            let length = data.len();
            if self.frames.read(data) > limit || !fits {
                return Poll::Ready(Some(Err(too_large(limit))));
            }
            self.left = self.left.map(|left| left - length);
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

fn too_large(limit: usize) -> Status {
    let message = format!("a message may have {limit} bytes; send less at once");
    refuse(Code::OutOfRange, ErrorReason::TooLarge, &message, None)
}

/// Where in gRPC's framing the body is: one byte of flags, four of length, the message, and again.
#[derive(Debug, Default)]
struct Frames {
    prefix: [u8; PREFIX],
    /// How much of the prefix is read.
    read: usize,
    /// How much of the message is to come.
    rest: usize,
}

impl Frames {
    /// Reads on; the largest length announced in these bytes.
    fn read(&mut self, mut data: &[u8]) -> usize {
        let mut largest = 0;
        while !data.is_empty() {
            if self.rest > 0 {
                let step = self.rest.min(data.len());
                self.rest -= step;
                data = &data[step..];
                continue;
            }
            self.prefix[self.read] = data[0];
            self.read += 1;
            data = &data[1..];
            if self.read == self.prefix.len() {
                let [_, a, b, c, d] = self.prefix;
                self.rest = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
                self.read = 0;
                largest = largest.max(self.rest);
            }
        }
        largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_length_is_found_however_the_bytes_are_cut() {
        let mut wire = Vec::new();
        for length in [3_u32, 0, 700, 12] {
            wire.push(0);
            wire.extend(length.to_be_bytes());
            wire.extend(std::iter::repeat_n(0xff, length as usize));
        }
        for piece in [1, 2, 4, 7, 100, wire.len()] {
            let mut frames = Frames::default();
            let largest = wire.chunks(piece).map(|data| frames.read(data)).max();
            assert_eq!(largest, Some(700), "in pieces of {piece}");
            assert_eq!((frames.read, frames.rest), (0, 0), "in pieces of {piece}");
        }
    }
}
