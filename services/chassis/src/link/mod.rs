//! How a generated client reaches a part: in this process or over the wire, behind one type.
//!
//! ```ignore
//! let mut leads = LeadServiceClient::new(link.clone()); // the same line for both
//! ```
//!
//! A [`Link`] bounds each call by the deadline at hand, sends what is left of it as `grpc-timeout`, carries the trace
//! on, and tells with every failure whether the request may have reached the server ([`sent`]). Over the wire it calls the
//! replicas of a part in turn (`replicas.rs`), and makes a call again that ended with UNAVAILABLE, where that is wanted
//! ([`LinkConfig::repeats`], `retry.rs`).

mod errors;
mod names;
mod replicas;
mod retry;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, Uri};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service};
use tracing::{Instrument, Span, field};

use crate::deadline::{Deadline, GRPC_TIMEOUT};
use crate::layers::measure::Call;
use crate::layers::{Ends, GuardedBody, Stack, status_code, trace};
use crate::methods;
use crate::security::{FileError, Inside};
use crate::telemetry::{TARGET, TRACEPARENT, traceparent_of};
use crate::tls::ClientTls;

use replicas::Replicas;

pub use errors::{Sent, sent};
pub use names::Names;

/// Bytes of headers that an answer may have: several times what a status of ours takes, for servers that are not ours.
const MOST_HEADERS: u32 = 64 * 1024;

/// What a [`Link`] wraps, and what [`Link::layered`] gets to see: requests with all headers set, failures as status.
pub type Transport = BoxCloneSyncService<Request<Body>, Response<Body>, Status>;

/// Whether a link made the call that failed with this status as often as it may be made: who makes it again multiplies.
#[must_use]
pub fn was_repeated(status: &Status) -> bool {
    status.metadata().contains_key(replicas::TRIED)
}

/// How a link over the wire behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkConfig {
    /// How long a connection may take to come about; beyond it the call is UNAVAILABLE and certainly not sent.
    pub connect_timeout: Duration,
    /// The deadline of a call whose caller has none. Server streams are unbounded unless their caller bounds them.
    pub call_timeout: Duration,
    /// HTTP/2 pings on a connection, idle or not.
    pub keepalive_interval: Duration,
    /// How long a ping may go unanswered before the connection counts as dead.
    pub keepalive_timeout: Duration,
    /// Whether a call that ended with UNAVAILABLE is made again: for calls that may be made twice, which all of ours may,
    /// by callers who do not keep count themselves.
    pub repeats: bool,
    /// Whom it believes at an https:// address, and what it shows of itself; those that browsers believe, and nothing,
    /// where it is not said.
    pub tls: Option<ClientTls>,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            call_timeout: Duration::from_secs(15),
            keepalive_interval: Duration::from_secs(20),
            keepalive_timeout: Duration::from_secs(10),
            repeats: false,
            tls: None,
        }
    }
}

/// That an address cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum BadAddress {
    /// It is none.
    #[error("{address:?} is not the address of a server; expected is http://host:port or https://host:port")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is secured, and there is nobody to believe.
    #[error("{address} cannot be called securely")]
    Tls {
        /// What was given.
        address: String,
        /// What is wrong.
        #[source]
        source: FileError,
    },
}

/// The way to a part. Cloning is cheap and meant for use: a client per call.
#[derive(Debug, Clone)]
pub struct Link {
    transport: Transport,
    call_timeout: Duration,
    /// Who is called, for the metrics: a host, or `in-process`.
    server: Arc<str>,
}

impl Link {
    /// Calls a service of this process (a generated server, say): no socket, no HTTP/2, a few microseconds.
    ///
    /// The service is called as it is; a part's link with all its layers is [`crate::serve::Part::link`].
    #[must_use]
    pub fn local<S>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        Self::into_stack(Stack::new(service), CancellationToken::new())
    }

    /// Calls into a part's layers, until the part stops: then it is as unreachable as a closed port.
    pub(crate) fn into_stack(stack: Stack, closed: CancellationToken) -> Self {
        let open = tower::service_fn(move |mut request: Request<Body>| {
            request.extensions_mut().insert(Inside);
            let (mut stack, closed) = (stack.clone(), closed.is_cancelled());
            async move {
                if closed {
                    return Err(errors::not_sent("this part has stopped"));
                }
                let Ok(response) = stack.call(request).await;
                Ok(response)
            }
        });
        Self::over(open, &LinkConfig::default(), "in-process")
    }

    /// Calls over the wire: the replicas behind the address in turn. Connects at the first call, and again whenever a
    /// connection is lost.
    ///
    /// # Errors
    ///
    /// When `address` is neither `http://host:port` nor `https://host:port`.
    pub fn remote(address: &str, config: &LinkConfig) -> Result<Self, BadAddress> {
        Self::remote_by(address, config, Names::system())
    }

    /// As [`remote`](Self::remote), the name in the address looked up otherwise.
    ///
    /// # Errors
    ///
    /// As those.
    pub fn remote_by(address: &str, config: &LinkConfig, names: Names) -> Result<Self, BadAddress> {
        let bad = |source: Box<dyn std::error::Error + Send + Sync>| BadAddress::Address {
            address: address.to_owned(),
            source,
        };
        let uri: Uri = address.parse().map_err(|error: http::uri::InvalidUri| bad(error.into()))?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(bad("there is no host in it".into()));
        }
        let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|error| bad(error.into()))?;
        let endpoint = endpoint
            .connect_timeout(config.connect_timeout)
            .http2_max_header_list_size(MOST_HEADERS)
            .http2_keep_alive_interval(config.keepalive_interval)
            .keep_alive_timeout(config.keepalive_timeout)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        let server = endpoint.uri().host().unwrap_or_default().to_owned();
        let tls = match uri.scheme_str() {
            Some("http") => None,
            Some("https") => {
                let tls = match &config.tls {
                    Some(tls) => Ok(tls.clone()),
                    None => ClientTls::believing(None),
                };
                Some(tls.map_err(|source| BadAddress::Tls { address: address.to_owned(), source })?)
            }
            _ => return Err(bad("it begins with neither http:// nor https://".into())),
        };
        Ok(Self::over(Replicas::of(endpoint, tls, config, names), config, &server))
    }

    fn over<T>(transport: T, config: &LinkConfig, server: &str) -> Self
    where
        T: Service<Request<Body>, Response = Response<Body>, Error = Status> + Clone + Send + Sync + 'static,
        T::Future: Send + 'static,
    {
        Self { transport: Transport::new(transport), call_timeout: config.call_timeout, server: server.into() }
    }

    /// The same link with something between it and the transport: what counts calls, delays them, loses replies.
    ///
    /// The layer sees each call once, as it would go out, its deadline and trace set.
    #[must_use]
    pub fn layered<L>(self, layer: L) -> Self
    where
        L: Layer<Transport>,
        L::Service: Service<Request<Body>, Response = Response<Body>, Error = Status> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request<Body>>>::Future: Send + 'static,
    {
        Self { transport: Transport::new(layer.layer(self.transport)), ..self }
    }

    /// The same link, each call with a token that says who calls. None where the token is not visible ASCII.
    #[must_use]
    pub fn bearing(self, token: &str) -> Option<Self> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
        value.set_sensitive(true);
        let bearing = tower::util::MapRequestLayer::new(move |mut request: Request<Body>| {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
            request
        });
        Some(self.layered(bearing))
    }

    /// The call's deadline: the nearest of what its caller, its handler and its task say; else our own.
    ///
    /// A stream is bounded by its caller's word alone: a handler's deadline is about its answer's beginning.
    fn deadline_of(&self, request: &Request<Body>) -> Option<Deadline> {
        let asked = Deadline::from_headers(request.headers());
        if methods::answers_with_a_stream(request.uri().path()) {
            return asked;
        }
        let handler = request.extensions().get::<Deadline>().copied();
        let nearest = [asked, handler, Deadline::current()].into_iter().flatten().min();
        Some(nearest.unwrap_or_else(|| Deadline::within(self.call_timeout)))
    }
}

impl Service<Request<Body>> for Link {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.transport.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let deadline = self.deadline_of(&request);
        if let Some(deadline) = deadline {
            if deadline.has_passed() {
                return futures::future::ready(Err(errors::too_late())).boxed();
            }
            request.headers_mut().insert(GRPC_TIMEOUT, deadline.to_header());
        }
        let span = span_of(&request);
        // Where nobody listens to spans of calls, the span at hand carries the trace on.
        let trace = if span.is_disabled() { traceparent_of(&Span::current()) } else { traceparent_of(&span) };
        if let Some(trace) = trace.and_then(|trace| HeaderValue::try_from(trace).ok()) {
            request.headers_mut().insert(TRACEPARENT, trace);
        }
        let measured = Call::to(&self.server, request.uri().path());
        let call = bounded(deadline, self.transport.call(request));
        let call = async move {
            let answer = call.await;
            match (measured, answer) {
                (None, answer) => answer,
                (Some(measured), Ok(response)) => Ok(measured.answered(response)),
                (Some(measured), Err(status)) => {
                    measured.ended(status.code());
                    Err(status)
                }
            }
        };
        if span.is_disabled() {
            return call.boxed();
        }
        let recorded = span.clone();
        async move {
            let answer = call.await;
            let code = match &answer {
                Ok(response) => status_code(response).unwrap_or(Code::Ok),
                Err(status) => status.code(),
            };
            trace::record(&recorded, code, true);
            answer
        }
        .instrument(span)
        .boxed()
    }
}

/// The client's span of a call.
fn span_of(request: &Request<Body>) -> Span {
    let method = request.uri().path().trim_start_matches('/');
    tracing::debug_span!(
        target: TARGET, "call",
        otel.name = method, otel.kind = "client", otel.status_code = field::Empty,
        rpc.system.name = "grpc", rpc.method = method, rpc.status_code = field::Empty, error.type = field::Empty,
    )
}

/// Waits for the answer no longer than the deadline, and guards its body by the same.
async fn bounded<F>(deadline: Option<Deadline>, call: F) -> Result<Response<Body>, Status>
where
    F: Future<Output = Result<Response<Body>, Status>>,
{
    let answer = match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline.0, call).await.map_err(|_| errors::expired())?,
        None => call.await,
    };
    let response = answer?;
    if status_code(&response).is_some() {
        return Ok(response);
    }
    let ends = Ends { deadline, broken: Some(errors::broken_off), ..Ends::default() };
    Ok(response.map(|body| GuardedBody::wrap(body, ends)))
}
