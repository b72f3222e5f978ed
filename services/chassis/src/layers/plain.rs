//! Plain HTTP on a gRPC port: what a browser or a calendar program asks for is answered by HTTP's own codes.
//!
//! The layers say no in gRPC's words: HTTP 200 with the status in a header. Whoever does not speak gRPC would take that
//! for an empty answer, and a calendar program for an empty calendar.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::future::{Either, FutureExt, Map};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use tonic::Code;
use tonic::body::Body;
use tower::{Layer, Service};

use super::status_code;

type Answer = Result<Response<Body>, Infallible>;

/// Whether a request speaks gRPC.
pub(crate) fn is_grpc<B>(request: &Request<B>) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct PlainLayer;

impl<S> Layer<S> for PlainLayer {
    type Service = Plain<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Plain { inner }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Plain<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Plain<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, Map<S::Future, fn(Answer) -> Answer>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if is_grpc(&request) {
            return self.inner.call(request).left_future();
        }
        self.inner.call(request).map(plainly as fn(Answer) -> Answer).right_future()
    }
}

/// A refusal in HTTP's words; any other answer as it is.
fn plainly(answer: Answer) -> Answer {
    let Ok(response) = answer;
    let Some(code) = status_code(&response).filter(|code| *code != Code::Ok) else { return Ok(response) };
    let mut plain = Response::new(Body::empty());
    *plain.status_mut() = http_code(code);
    Ok(plain)
}

/// The HTTP code that stands for a gRPC code, as `google.rpc.Code` has it.
pub(crate) fn http_code(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        // No service of this name is no page of this name.
        Code::NotFound | Code::Unimplemented => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    #[test]
    fn a_refusal_is_no_empty_page() {
        let Ok(plain) = plainly(Ok(Status::resource_exhausted("not now").into_http()));
        assert_eq!(plain.status(), StatusCode::TOO_MANY_REQUESTS);
        let Ok(page) = plainly(Ok(Response::new(Body::empty())));
        assert_eq!(page.status(), StatusCode::OK);
    }
}
