//! The connections of a port: taken, secured where that is asked for, served, and ended when they are old or at the stop.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tower::Service;

use super::ServeConfig;
use super::unread::{Watching, to_be_read, watched};
use crate::layers::Stack;
use crate::tls::{Peer, ServerTls};

/// How long a peer may take to answer a ping.
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);
/// Streams reset by a peer before they were looked at; more is an attack (CVE-2023-44487), and the connection ends.
const PENDING_RESETS: usize = 64;
/// How much longer than its oldest stream a connection may live that was asked to be made anew.
const AGE_GRACE: Duration = Duration::from_secs(60);
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait when the system gives no connection, for want of descriptors say.
const PAUSE: Duration = Duration::from_millis(50);

/// What is common to the connections of a port.
pub(super) struct Connections {
    http: auto::Builder<Watching>,
    stack: Stack,
    tls: Option<ServerTls>,
    /// When a connection is asked to be made anew, and how much later it is closed; never where there is none.
    age: Option<Duration>,
    grace: Option<Duration>,
    /// How long a reader may leave a piece of an answer where it is.
    unread: Duration,
    stopping: CancellationToken,
}

impl Connections {
    pub(super) fn new(
        config: &ServeConfig,
        stack: Stack,
        tls: Option<ServerTls>,
        stopping: CancellationToken,
    ) -> Arc<Self> {
        // Replicas that start at the same time are not to send their callers away at the same time.
        let age = config.max_connection_age.mul_f64(rand::random_range(0.9..=1.1));
        // Streams end in peace before it; where they may live for ever, so may their connection.
        let grace = (!config.max_stream_age.is_zero()).then(|| config.max_stream_age + AGE_GRACE);
        let mut http = auto::Builder::new(Watching);
        // For those who read a calendar: gRPC itself is HTTP/2.
        http.http1().timer(TokioTimer::new());
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(config.max_streams_per_connection)
            .max_header_list_size(config.max_headers)
            .max_pending_accept_reset_streams(PENDING_RESETS)
            .keep_alive_interval(config.keepalive)
            .keep_alive_timeout(KEEPALIVE_ANSWER);
        let age = Some(age).filter(|age| !age.is_zero());
        Arc::new(Self { http, stack, tls, age, grace, unread: config.max_deadline, stopping })
    }

    /// Takes connections until the stop, and returns when the last one is closed.
    pub(super) async fn take(self: Arc<Self>, port: TcpListener) {
        let open = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = self.stopping.cancelled() => break,
                accepted = port.accept() => accepted,
            };
            match accepted {
                Ok((socket, _)) => drop(open.spawn(Arc::clone(&self).serve(socket))),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        // Closed before the last connection is: who comes now is to go elsewhere, not to wait.
        drop(port);
        open.close();
        open.wait().await;
    }

    async fn serve(self: Arc<Self>, socket: TcpStream) {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection is slower than it could be");
        }
        let Some(tls) = &self.tls else { return self.speak(socket, None).await };
        let secured = tokio::select! {
            () = self.stopping.cancelled() => return,
            secured = tokio::time::timeout(HANDSHAKE, tls.handshake(socket)) => secured,
        };
        match secured {
            Ok(Ok((socket, peer))) => self.speak(socket, Some(peer)).await,
            Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
            Err(_) => tracing::debug!("a handshake took too long"),
        }
    }

    /// Serves a connection to its end.
    async fn speak<S>(&self, socket: S, peer: Option<Peer>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (stack, within) = (self.stack.clone(), self.unread);
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            if let Some(peer) = &peer {
                request.extensions_mut().insert(peer.clone());
            }
            let mut stack = stack.clone();
            // Begun in the task of its stream: until that has its turn the call is not at work, and takes no place.
            async move {
                let Ok(response) = stack.call(request).await;
                Ok::<_, Infallible>(response.map(|body| to_be_read(body, within)))
            }
        });
        watched(async {
            let mut connection = pin!(self.http.serve_connection(TokioIo::new(socket), service));
            tokio::select! {
                ended = connection.as_mut() => return tell(ended),
                () = self.stopping.cancelled() => {}
                () = after(self.age) => {}
            }
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => tell(ended),
                () = after(self.grace) => tracing::debug!("a connection outlived its grace"),
            }
        })
        .await;
    }
}

async fn after(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// A peer that breaks off is no fault of ours.
fn tell<E: std::fmt::Display>(ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}
