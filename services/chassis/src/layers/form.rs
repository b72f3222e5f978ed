//! Bytes that are no message of the method are their sender's fault: INVALID_ARGUMENT, with the field, not INTERNAL.
//!
//! The generated servers decode before any code of ours sees the request, and tonic says INTERNAL to what prost cannot
//! read. INTERNAL means that we are to blame: callers would try again, and somebody would be woken up.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::future::{FutureExt, Map};
use http::{Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::status_code;
use crate::refusal::Refusal;

/// How prost begins what it says of bytes that it cannot read.
const UNREADABLE: &str = "failed to decode Protobuf message: ";

type Answer = Result<Response<Body>, Infallible>;

#[derive(Debug, Clone, Copy)]
pub(crate) struct FormLayer;

impl<S> Layer<S> for FormLayer {
    type Service = Formed<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Formed { inner }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Formed<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Formed<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Map<S::Future, fn(Answer) -> Answer>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.inner.call(request).map(blamed as fn(Answer) -> Answer)
    }
}

/// The answer, with the blame where it belongs.
fn blamed(answer: Answer) -> Answer {
    let Ok(response) = answer;
    if status_code(&response) != Some(Code::Internal) {
        return Ok(response);
    }
    let status = Status::from_header_map(response.headers());
    let Some(said) = status.as_ref().and_then(|status| status.message().strip_prefix(UNREADABLE)) else {
        return Ok(response);
    };
    let (field, problem) = taken_apart(said);
    Ok(Status::from(Refusal::field(&field, format!("cannot be read: {problem}"))).into_http())
}

/// `CreateLeadRequest.lead: Lead.title: invalid string value` ⇒ `lead.title` and what is wrong with it.
fn taken_apart(said: &str) -> (String, &str) {
    let mut path: Vec<&str> = Vec::new();
    let mut rest = said;
    while let Some((step, behind)) = rest.split_once(": ") {
        let Some((message, field)) = step.split_once('.') else { break };
        if !message.starts_with(|first: char| first.is_ascii_uppercase()) || field.contains(' ') {
            break;
        }
        path.push(field);
        rest = behind;
    }
    (path.join("."), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_found_on_the_way_that_prost_tells() {
        let nested = "CreateLeadRequest.lead: Lead.title: invalid string value: data is not UTF-8 encoded";
        let wrong = "invalid string value: data is not UTF-8 encoded";
        assert_eq!(taken_apart(nested), ("lead.title".to_owned(), wrong));
        assert_eq!(taken_apart("invalid varint"), (String::new(), "invalid varint"));
        assert_eq!(taken_apart("invalid tag value: 0"), (String::new(), "invalid tag value: 0"));
    }

    #[test]
    fn only_what_prost_cannot_read_is_the_callers_fault() {
        for (message, code) in [
            ("failed to decode Protobuf message: GetLeadRequest.name: invalid varint", Code::InvalidArgument),
            ("a fault on our side", Code::Internal),
        ] {
            let Ok(answer) = blamed(Ok(Status::internal(message).into_http()));
            assert_eq!(status_code(&answer), Some(code), "{message}");
        }
    }
}
