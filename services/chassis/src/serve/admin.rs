//! The port for operators: `GET /metrics` for Prometheus, and health of the whole process for probes, in plaintext
//! whatever the parts' own ports speak (kubelet's probe speaks no TLS). No call of the API is answered here.
//!
//! It opens when all parts serve, and closes when all have stopped: until then it says NOT_SERVING.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic_health::server::{HealthReporter, health_reporter};

use super::connections::Connections;
use super::health::{Condition, LIVE, READY, status};
use super::{HEALTH, ServeConfig, ServeError, Serving, bind};
use crate::layers::{self, Drain, Routes, Stack};
use crate::telemetry::metrics;

/// What is answered on plain HTTP.
const METRICS: &str = "metrics";
/// The media type of Prometheus's text.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Connections of probes and scrapes, apart from those of callers.
const CONNECTIONS: usize = 64;
/// Probes that watch at the same time.
const STREAMS: usize = 64;
/// How long a scrape under way may take to end at the stop.
const END: Duration = Duration::from_secs(1);

/// The operators' port of a process.
#[derive(Debug)]
pub struct Admin {
    /// Where it listens.
    pub address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<()>,
    following: JoinHandle<()>,
}

impl Admin {
    /// Listens, and tells of these parts from now on.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn serve<'a>(address: SocketAddr, parts: &'a [&'a Serving]) -> BoxFuture<'a, Result<Self, ServeError>> {
        Box::pin(async move {
            let part = "the admin port";
            let (port, address) = bind(part, address).await?;
            let (reporter, service) = health_reporter();
            let told: Vec<Told> = parts.iter().map(|serving| Told::of(serving)).collect();
            tell(&reporter, &told).await;
            let following = tokio::spawn(follow(reporter, told));

            let mut routes = Routes::default();
            routes.add(HEALTH, Stack::new(service));
            routes.add(
                METRICS,
                Stack::new(tower::service_fn(|request| async move { Ok::<_, Infallible>(answer(&request)) })),
            );
            let drain = Drain::new(STREAMS);
            let stop = drain.stopping.clone();
            let stack = layers::for_operators(routes, drain);
            let config = ServeConfig { max_connections: CONNECTIONS, ..ServeConfig::default() };
            let server = Connections::new("admin", &config, stack, None, stop.clone()).take(port);
            Ok(Self { address, stop, server: tokio::spawn(server), following })
        })
    }

    /// Closes the port; to be called when the parts have stopped.
    pub async fn stop(mut self) {
        self.following.abort();
        self.stop.cancel();
        match tokio::time::timeout(END, &mut self.server).await {
            Ok(Ok(())) => {}
            // A probe that does not read never hangs up by itself.
            Err(_) => self.server.abort(),
            Ok(Err(fault)) => tracing::warn!(%fault, "the admin port ended by a fault of its own"),
        }
    }
}

/// What is told of one part.
struct Told {
    name: &'static str,
    services: Vec<&'static str>,
    condition: watch::Receiver<Condition>,
}

impl Told {
    fn of(serving: &Serving) -> Self {
        Self { name: serving.name, services: serving.services.clone(), condition: serving.condition.clone() }
    }
}

/// Tells again whenever a part's condition changes, until the last part is gone.
async fn follow(reporter: HealthReporter, mut parts: Vec<Told>) {
    loop {
        let changes = parts.iter_mut().map(|part| Box::pin(part.condition.changed()));
        let (changed, ..) = futures::future::select_all(changes).await;
        tell(&reporter, &parts).await;
        if changed.is_err() {
            return; // a part is gone: what it said last holds, and the process ends
        }
    }
}

/// "" and `ready`: every part is; `live`: every part lives; a part by its name, and its services.
async fn tell(reporter: &HealthReporter, parts: &[Told]) {
    let now: Vec<Condition> = parts.iter().map(|part| *part.condition.borrow()).collect();
    for (part, condition) in parts.iter().zip(&now) {
        for name in part.services.iter().chain([&part.name]) {
            reporter.set_service_status(*name, status(condition.ready)).await;
        }
    }
    let ready = now.iter().all(|condition| condition.ready);
    reporter.set_service_status("", status(ready)).await;
    reporter.set_service_status(READY, status(ready)).await;
    reporter.set_service_status(LIVE, status(now.iter().all(|condition| condition.live))).await;
}

/// A scrape.
fn answer(request: &Request<Body>) -> Response<Body> {
    let said = |code: StatusCode, kind: &'static str, text: String| {
        let mut response = Response::new(Body::new(text));
        *response.status_mut() = code;
        response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
        response
    };
    let plainly = |code, text: &str| said(code, "text/plain; charset=utf-8", format!("{text}\n"));
    if request.uri().path() != "/metrics" {
        return plainly(StatusCode::NOT_FOUND, "GET /metrics is what there is");
    }
    if request.method() != Method::GET {
        return plainly(StatusCode::METHOD_NOT_ALLOWED, "GET is expected");
    }
    match metrics::scrape() {
        Some(Ok(text)) => said(StatusCode::OK, TEXT, text),
        Some(Err(error)) => {
            tracing::error!(%error, "the metrics cannot be told");
            plainly(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be told; the log says why")
        }
        None => plainly(StatusCode::NOT_FOUND, "this process has no metrics"),
    }
}
