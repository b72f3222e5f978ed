//! The replicas of a part: found by its name, each with a connection of its own, called in turn.
//!
//! A name with one address (a virtual IP, a laptop) is one replica. A headless Service has one address for each: they are
//! looked up again every few seconds, so a new one gets its share and one that is gone is forgotten. Where no connection
//! can be made, that replica is left alone for a while and the call goes to the next one.
//!
//! A call that was not sent goes to another replica at once, and one that ends with UNAVAILABLE is made again where that is
//! wanted, by the rules of `retry.rs`: its message is kept for that. A call whose message is a stream is made once.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use http::{HeaderValue, Request, Response, Uri, request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use prost::bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tower::{Service, ServiceExt};

use super::LinkConfig;
use super::errors::{self, Sent, sent};
use super::names::Names;
use super::retry::{Again, RetryBudget, Tries};
use crate::deadline::{Deadline, GRPC_TIMEOUT};
use crate::layers::status_code;
use crate::methods;
use crate::tls::{ClientTls, Connector};

/// How long a replica is left alone to which no connection could be made; twice as long each time after.
const REST: Duration = Duration::from_secs(1);
/// The longest that it is left alone.
const LONGEST_REST: Duration = Duration::from_secs(16);

/// What a status bears of which a link has tried already whether it lasts.
pub(super) const TRIED: &str = "dealflow-tried";

/// All replicas behind one address; cloning is cheap.
#[derive(Clone)]
pub(super) struct Replicas(Arc<Shared>);

struct Shared {
    endpoint: Endpoint,
    names: Names,
    host: String,
    port: u16,
    tls: Option<ClientTls>,
    repeats: bool,
    connect_timeout: Duration,
    budget: RetryBudget,
    found: Mutex<Found>,
    next: AtomicUsize,
}

#[derive(Default)]
struct Found {
    replicas: Vec<Arc<Replica>>,
    /// When they were looked up; none before the first time.
    at: Option<Instant>,
    /// Whether somebody is at it.
    looking: bool,
}

struct Replica {
    address: SocketAddr,
    channel: Channel,
    rest: Mutex<Rest>,
}

/// Until when a replica is left alone, and how often in a row it could not be reached.
#[derive(Default)]
struct Rest {
    until: Option<Instant>,
    failures: u32,
}

impl Replica {
    fn resting_until(&self) -> Option<Instant> {
        let until = self.rest.lock().unwrap_or_else(PoisonError::into_inner).until;
        until.filter(|until| *until > Instant::now())
    }

    fn is_reached(&self) {
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = Rest::default();
    }

    fn is_not_reached(&self) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = (REST * 2_u32.saturating_pow(rest.failures)).min(LONGEST_REST);
        *rest = Rest { until: Some(Instant::now() + wait), failures: rest.failures.saturating_add(1).min(8) };
    }
}

impl Replicas {
    /// Those behind the endpoint's address; `tls` where it is `https://`.
    pub(super) fn of(endpoint: Endpoint, tls: Option<ClientTls>, config: &LinkConfig, names: Names) -> Self {
        let uri = endpoint.uri();
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
        Self(Arc::new(Shared {
            host,
            port,
            tls,
            endpoint,
            names,
            repeats: config.repeats,
            connect_timeout: config.connect_timeout,
            budget: RetryBudget::default(),
            found: Mutex::default(),
            next: AtomicUsize::new(0),
        }))
    }

    /// A replica whose turn it is: one that is not left alone, else the one that is so for the shortest time.
    async fn pick(&self) -> Result<Arc<Replica>, Status> {
        self.look_up_if_old().await?;
        let found = self.0.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut awake: Vec<&Arc<Replica>> = found.replicas.iter().filter(|it| it.resting_until().is_none()).collect();
        // A name with both kinds of addresses, such as localhost, tells of each server twice.
        if awake.iter().any(|replica| replica.address.is_ipv4()) {
            awake.retain(|replica| replica.address.is_ipv4());
        }
        if let Some(turn) = self.0.next.fetch_add(1, Ordering::Relaxed).checked_rem(awake.len()) {
            return Ok(Arc::clone(awake[turn]));
        }
        let soonest = found.replicas.iter().min_by_key(|it| it.resting_until());
        soonest.cloned().ok_or_else(|| errors::not_sent("the server's name has no address"))
    }

    /// Whether a call could go to a replica that is not left alone.
    fn has_another(&self) -> bool {
        let found = self.0.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.replicas.iter().any(|replica| replica.resting_until().is_none())
    }

    /// Looks the name up the first time; after a while in the background, while calls go on to who is known.
    async fn look_up_if_old(&self) -> Result<(), Status> {
        let known = {
            let mut found = self.0.found.lock().unwrap_or_else(PoisonError::into_inner);
            let by_name = self.0.host.parse::<IpAddr>().is_err();
            let old = found.at.is_none_or(|at| by_name && at.elapsed() > self.0.names.fresh);
            if !old || (found.looking && !found.replicas.is_empty()) {
                return Ok(());
            }
            found.looking = true;
            !found.replicas.is_empty()
        };
        let this = self.clone();
        let looked = async move { this.look_up().await };
        if known {
            tokio::spawn(looked);
            return Ok(());
        }
        looked.await
    }

    async fn look_up(&self) -> Result<(), Status> {
        let answer = self.0.names.addresses(&self.0.host, self.0.port);
        let answer = tokio::time::timeout(self.0.connect_timeout, answer).await;
        let mut found = self.0.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.looking = false;
        let addresses: Vec<SocketAddr> = match answer {
            Ok(Ok(addresses)) => addresses,
            // Those that are known may still be there; they are asked for again after a while.
            Ok(Err(_)) | Err(_) if !found.replicas.is_empty() => {
                found.at = Some(Instant::now());
                return Ok(());
            }
            Ok(Err(error)) => return Err(errors::not_sent(format!("{} is not found: {error}", self.0.host))),
            Err(_) => return Err(errors::not_sent(format!("{} was not found in time", self.0.host))),
        };
        let of = |address: SocketAddr| {
            let known = found.replicas.iter().find(|replica| replica.address == address).cloned();
            known.unwrap_or_else(|| Arc::new(self.connect(address)))
        };
        let mut replicas: Vec<Arc<Replica>> = addresses.into_iter().map(of).collect();
        replicas.sort_by_key(|replica| replica.address);
        replicas.dedup_by_key(|replica| replica.address);
        found.replicas = replicas;
        found.at = Some(Instant::now());
        Ok(())
    }

    /// A connection that is made when it is needed, and again when it is lost. The server is called by its name.
    fn connect(&self, address: SocketAddr) -> Replica {
        let channel = match &self.0.tls {
            Some(tls) => {
                let connector = Connector { tls: tls.clone(), protocol: b"h2", address: Some(address) };
                self.0.endpoint.connect_with_connector_lazy(connector)
            }
            None => {
                let connector = tower::service_fn(move |_: Uri| async move {
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?;
                    Ok::<_, io::Error>(TokioIo::new(stream))
                });
                self.0.endpoint.connect_with_connector_lazy(connector)
            }
        };
        Replica { address, channel, rest: Mutex::default() }
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        if methods::takes_a_stream(request.uri().path()) {
            return self.send(request).await;
        }
        let deadline = Deadline::from_headers(request.headers());
        let (head, body) = request.into_parts();
        let message = body.collect().await?.to_bytes();
        let mut tries = Tries::new(&self.0.budget, deadline);
        loop {
            let answer = self.send(built(&head, &message, deadline)).await;
            let not_available = match &answer {
                Ok(response) if status_code(response) == Some(Code::Unavailable) => {
                    Status::from_header_map(response.headers())
                }
                Ok(_) => None,
                Err(status) => Some(status.clone()),
            };
            let Some(status) = not_available else {
                tries.succeeded();
                return answer;
            };
            let elsewhere = sent(&status) == Sent::No && self.has_another();
            if !self.0.repeats && !elsewhere {
                return answer;
            }
            match tries.after(&status, elsewhere) {
                Again::Never if status.code() == Code::Unavailable => return tried(answer),
                Again::Never => return answer,
                Again::AtOnce => {}
                Again::After(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// One try.
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let replica = self.pick().await?;
        let answer = replica.channel.clone().oneshot(request).await.map_err(|error| errors::classify(error.into()));
        match &answer {
            Err(status) if errors::no_connection(status) => replica.is_not_reached(),
            _ => replica.is_reached(),
        }
        answer
    }
}

/// The answer of a call that was made as often as it may be.
fn tried(mut answer: Result<Response<Body>, Status>) -> Result<Response<Body>, Status> {
    match &mut answer {
        Ok(response) => drop(response.headers_mut().insert(TRIED, HeaderValue::from_static("true"))),
        Err(status) => drop(status.metadata_mut().insert(TRIED, MetadataValue::from_static("true"))),
    }
    answer
}

/// The request once more, with what is left of its time.
fn built(head: &request::Parts, message: &Bytes, deadline: Option<Deadline>) -> Request<Body> {
    let mut head = head.clone();
    if let Some(deadline) = deadline {
        head.headers.insert(GRPC_TIMEOUT, deadline.to_header());
    }
    Request::from_parts(head, Body::new(Full::new(message.clone())))
}

impl Service<Request<Body>> for Replicas {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.clone().answer(request).boxed()
    }
}
