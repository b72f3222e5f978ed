//! Calendars over plain HTTP: `GET /calendar/{employee}/{token}.ics`, for calendar programs (R-ACT-3).
//!
//! The secret in the address is all that a calendar program can bring; whoever has it reads that one calendar. A wrong one
//! is 404, whatever is wrong with it. The address is not logged, and not passed on as a referrer.

use std::convert::Infallible;
use std::task::{Context, Poll};

use dealflow_chassis::link::Link;
use dealflow_chassis::serve::http_code;
use dealflow_proto::activities::v1::calendar_service_client::CalendarServiceClient;
use dealflow_proto::activities::v1::{GetCalendarFeedRequest, GetCalendarFeedResponse};
use dealflow_proto::names;
use futures::future::{BoxFuture, FutureExt};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tonic::Code;
use tonic::body::Body;
use tower::Service;
use uuid::Uuid;

/// The first segment of the path.
pub(crate) const SEGMENT: &str = "calendar";

/// Answers the requests of calendar programs.
#[derive(Clone)]
pub(crate) struct Pages {
    activities: Link,
}

impl Pages {
    /// The calendars of a part.
    pub(crate) fn new(activities: Link) -> Self {
        Self { activities }
    }
}

impl Service<Request<Body>> for Pages {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let link = self.activities.clone();
        let (method, known) = (request.method().clone(), request.headers().get(IF_NONE_MATCH).cloned());
        let asked = asked(request.uri().path());
        async move { Ok(answer(link, &method, asked, known).await) }.boxed()
    }
}

/// The calendar and its secret in a path.
fn asked(path: &str) -> Option<GetCalendarFeedRequest> {
    let mut segments = path.strip_prefix('/')?.split('/').skip(1);
    let (owner, file) = (segments.next()?, segments.next()?);
    let token = file.strip_suffix(".ics").unwrap_or(file);
    let owner = Uuid::try_parse(owner).ok()?;
    let is_last = segments.next().is_none() && !token.is_empty();
    is_last.then(|| GetCalendarFeedRequest { owner: names::EMPLOYEES.name(owner), token: token.to_owned() })
}

async fn answer(
    link: Link,
    method: &Method,
    asked: Option<GetCalendarFeedRequest>,
    known: Option<HeaderValue>,
) -> Response<Body> {
    if *method != Method::GET && *method != Method::HEAD {
        let mut refused = empty(StatusCode::METHOD_NOT_ALLOWED);
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let Some(asked) = asked else { return empty(StatusCode::NOT_FOUND) };
    match CalendarServiceClient::new(link).get_calendar_feed(asked).await {
        Ok(feed) => page(feed.into_inner(), method, known),
        // A token of no form is a wrong one.
        Err(status) if status.code() == Code::InvalidArgument => empty(StatusCode::NOT_FOUND),
        Err(status) => empty(http_code(status.code())),
    }
}

fn page(feed: GetCalendarFeedResponse, method: &Method, known: Option<HeaderValue>) -> Response<Body> {
    let etag = format!("\"{}\"", feed.etag);
    let is_known = known.is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut page = if is_known { empty(StatusCode::NOT_MODIFIED) } else { empty(StatusCode::OK) };
    let headers = page.headers_mut();
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(ETAG, etag);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/calendar; charset=utf-8"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("inline; filename=\"calendar.ics\""));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !is_known && *method == Method::GET {
        *page.body_mut() = Body::new(axum::body::Body::from(feed.calendar));
    }
    page
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
