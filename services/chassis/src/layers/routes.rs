//! From a path to its service: `/dealflow.leads.v1.LeadService/CreateLead`.
//!
//! A look-up by the service's name; the generated server finds the method. (tonic's own router does the same by way of
//! axum, at three allocations per call.)

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use dealflow_proto::errors::v1::ErrorReason;
use futures::future::{BoxFuture, FutureExt, ready};
use http::{Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service;

use super::{Stack, refuse, status_code};

/// The services of a part.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes {
    services: Arc<HashMap<&'static str, Stack>>,
}

impl Routes {
    /// Adds a service by its full name; a second one of that name takes its place.
    pub(crate) fn add(&mut self, name: &'static str, service: Stack) {
        Arc::make_mut(&mut self.services).insert(name, service);
    }
}

impl Service<Request<Body>> for Routes {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(())) // as is every generated server
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let name = request.uri().path().split('/').nth(1).unwrap_or_default();
        match self.services.get(name) {
            Some(service) => service.clone().call(request).map(told).boxed(),
            None => ready(Ok(unknown("service").into_http())).boxed(),
        }
    }
}

/// A generated server says of a method that it does not know nothing but the code.
fn told(answer: Result<Response<Body>, Infallible>) -> Result<Response<Body>, Infallible> {
    let Ok(response) = answer;
    let says_why = response.headers().contains_key(Status::GRPC_STATUS_DETAILS);
    match status_code(&response) {
        Some(Code::Unimplemented) if !says_why => Ok(unknown("method").into_http()),
        _ => Ok(response),
    }
}

/// What was asked for is not repeated: names come from the network.
fn unknown(what: &str) -> Status {
    let message = format!("this server has no such {what}; reflection and the protos of its version tell which it has");
    refuse(Code::Unimplemented, ErrorReason::NoSuchMethod, &message, None)
}
