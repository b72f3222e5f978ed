//! Puts a part on a port: the layers of [`crate::layers`], health, reflection, background work, and a stop that ends.
//!
//! The stop, begun by the caller's token: health says NOT_SERVING → a notice for balancers, if one is set → the port
//! closes and connections get GOAWAY → calls under way come to their end, silent streams are ended → at the limit all
//! that is left is cut off with DEADLINE_EXCEEDED → background work is cancelled and awaited → [`Serving::stopped`].
//! Where several parts share a process, [`Serving::stop`] the gateway first: its calls under way need
//! the others.

mod admin;
mod config;
mod connections;
mod health;
mod part;
mod prompt;
mod unread;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::layers::{self, Drain, Routes, Stack, text_of_panic};
use crate::link::Link;
use crate::security::{FileError, Guard, Open};
use crate::tls::ServerTls;
use connections::Connections;
use health::{Condition, Health};

pub use admin::Admin;
pub use config::ServeConfig;
pub use part::Part;

/// The HTTP code that stands for a gRPC code.
pub fn http_code(code: tonic::Code) -> http::StatusCode {
    layers::http_code(code)
}

/// The services that every server has.
const HEALTH: &str = "grpc.health.v1.Health";
const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";
/// The same under the name that older clients ask for, Python's among them.
const REFLECTION_ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

/// How long background work may take to end once its token is cancelled.
const TASKS_END: Duration = Duration::from_secs(3);
/// How long connections may take to close once everything on them was cut off.
const CUT_END: Duration = Duration::from_millis(500);

/// Why a part could not begin to serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken, or not ours.
    #[error("{part} cannot listen on {address}")]
    Bind {
        /// The part.
        part: &'static str,
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It would be open to whoever reaches it.
    #[error("{part} does not serve")]
    Open {
        /// The part.
        part: &'static str,
        /// What is missing.
        #[source]
        source: Open,
    },
    /// A certificate, a key or an authority cannot be used.
    #[error("{part} cannot use a file")]
    File {
        /// The part.
        part: &'static str,
        /// Which, and why.
        #[source]
        source: FileError,
    },
    /// The descriptors of the API cannot be told.
    #[error("{part} cannot tell its API by reflection")]
    Reflection {
        /// The part.
        part: &'static str,
        /// What is wrong with them.
        #[source]
        source: tonic_reflection::server::Error,
    },
}

/// A part that serves.
#[derive(Debug)]
pub struct Serving {
    /// The part's name.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// The part in process: the same layers, limits and stop as over the wire.
    pub link: Link,
    secure: bool,
    services: Vec<&'static str>,
    condition: watch::Receiver<Condition>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Serving {
    /// The address as a client takes it: `http://127.0.0.1:50051`, `https://…` where there is a certificate.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.address)
    }

    /// Stops this part alone, and waits until it has stopped.
    pub async fn stop(self) {
        self.stop.cancel();
        self.stopped().await;
    }

    /// Waits until the part has stopped: nothing of it is at work any more.
    pub async fn stopped(self) {
        if let Err(error) = self.running.await {
            tracing::error!(part = self.name, %error, "the server ended by a fault of its own");
        }
    }
}

/// Listens, begins the part's background work, and serves until `stop` is cancelled.
///
/// When it returns, the port is open and readiness was asked for once.
///
/// A box, here and where else much stands behind a call: a crate that awaits an async function compiles it, and all that
/// is in it, once more.
///
/// # Errors
///
/// When the address cannot be listened on, when it would be open to whoever reaches it, or when a file or the
/// descriptors cannot be used.
pub fn serve(
    part: Part,
    config: ServeConfig,
    stop: CancellationToken,
) -> BoxFuture<'static, Result<Serving, ServeError>> {
    Box::pin(async move {
        let (name, address) = (part.name, config.address);
        config.security.check(address).map_err(|source| ServeError::Open { part: name, source })?;
        let unusable = |source| ServeError::File { part: name, source };
        // Where nobody comes with a token, a caller without a certificate need not be heard.
        let tls = ServerTls::open(&config.security.tls, !config.security.takes_tokens()).map_err(unusable)?;
        let guard = Arc::new(Guard::open(&config.security, part.pages, part.reports).map_err(unusable)?);
        let (port, address) = bind(name, address).await?;

        let stop = stop.child_token();
        let (reporter, health_service) = tonic_health::server::health_reporter();
        let health = Health::new(name, reporter, &part.services).await;
        let mut routes = part.routes;
        routes.add(HEALTH, Stack::new(health_service));
        if config.reflection {
            add_reflection(&mut routes, name, &part.services)?;
        }
        let drain = Drain::new(config.max_streams);
        let stack = layers::stack(name, routes, &config.limits(part.behind), guard, drain.clone());
        let link = Link::into_stack(stack.clone(), drain.stopping.clone());

        match part.ready {
            None => health.ready(true).await,
            Some(check) => {
                health.ready(health::is_ready(&check).await).await;
                tokio::spawn(health.clone().follow(check, stop.clone()));
            }
        }
        let tasks = Tasks::begin(name, part.tasks, &health);
        let secure = tls.is_some();
        let server = tokio::spawn(Connections::new(name, &config, stack, tls, drain.stopping.clone()).take(port));
        tracing::info!(part = name, %address, "serving");
        let (services, condition) = (part.services, health.condition());
        let running = Running { name, config, server, drain, health, tasks };
        let running = tokio::spawn(running.until(stop.clone()));
        Ok(Serving { name, address, link, secure, services, condition, stop, running })
    })
}

/// Listens, and says where.
async fn bind(part: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let bound = async {
        let port = TcpListener::bind(address).await?;
        let address = port.local_addr()?;
        Ok((port, address))
    };
    bound.await.map_err(|source| ServeError::Bind { part, address, source })
}

/// What is at work while a part serves.
struct Running {
    name: &'static str,
    config: ServeConfig,
    server: JoinHandle<()>,
    drain: Drain,
    health: Health,
    tasks: Tasks,
}

impl Running {
    /// From serving to stopped.
    async fn until(mut self, stop: CancellationToken) {
        stop.cancelled().await;
        tracing::info!(part = self.name, "stopping");
        self.health.ready(false).await;
        tokio::time::sleep(self.config.stop_notice).await;
        self.drain.stopping.cancel();
        self.drain.calls.close();
        if tokio::time::timeout(self.config.stop_drain, self.drained()).await.is_err() {
            tracing::warn!(
                part = self.name,
                left = self.drain.calls.len(),
                "the stop's limit is reached, calls are cut off"
            );
            self.drain.cut.cancel();
            if tokio::time::timeout(CUT_END, self.drained()).await.is_err() {
                // A peer that does not read, or a handler that does not yield: neither can be waited for.
                tracing::warn!(part = self.name, "connections are left behind");
                self.server.abort();
            }
        }
        self.tasks.end(self.name).await;
        tracing::info!(part = self.name, "stopped");
    }

    /// Waits for the last call, in process or over the wire, and for the last connection.
    async fn drained(&mut self) {
        self.drain.calls.wait().await;
        if !self.server.is_finished()
            && let Err(fault) = (&mut self.server).await
        {
            tracing::error!(part = self.name, %fault, "the server ended by a fault of its own");
        }
    }
}

/// The part's background work.
struct Tasks {
    at_work: JoinSet<()>,
    stop: CancellationToken,
}

impl Tasks {
    fn begin(name: &'static str, tasks: Vec<part::Task>, health: &Health) -> Self {
        let stop = CancellationToken::new();
        let mut at_work = JoinSet::new();
        for task in tasks {
            let (work, health) = (task(stop.clone()), health.clone());
            at_work.spawn(async move {
                if let Err(panic) = AssertUnwindSafe(work).catch_unwind().await {
                    tracing::error!(part = name, panic = text_of_panic(&*panic), "background work panicked");
                    health.live(false).await;
                }
            });
        }
        Self { at_work, stop }
    }

    async fn end(mut self, name: &'static str) {
        self.stop.cancel();
        let all = async { while self.at_work.join_next().await.is_some() {} };
        if tokio::time::timeout(TASKS_END, all).await.is_err() {
            tracing::warn!(part = name, left = self.at_work.len(), "background work did not end, it is aborted");
            self.at_work.shutdown().await;
        }
    }
}

/// Adds reflection, of this part's own services only.
fn add_reflection(routes: &mut Routes, part: &'static str, services: &[&'static str]) -> Result<(), ServeError> {
    let told = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(dealflow_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name(HEALTH);
        services.iter().fold(builder, |builder, service| builder.with_service_name(*service))
    };
    let refused = |source| ServeError::Reflection { part, source };
    routes.add(REFLECTION, Stack::new(told().build_v1().map_err(refused)?));
    routes.add(REFLECTION_ALPHA, Stack::new(told().build_v1alpha().map_err(refused)?));
    Ok(())
}
