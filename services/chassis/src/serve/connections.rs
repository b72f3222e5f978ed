//! The connections of a port: taken, secured where that is asked for, served, and ended when they are old or at the stop.
//!
//! Each costs a descriptor and memory before anybody knows whose it is. So there are so many at the same time, the next
//! ones wait in the system's queue, and one whose peer says nothing is closed before long.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tower::Service;

use super::ServeConfig;
use super::prompt::Prompt;
use super::unread::{Watching, to_be_read, watched};
use crate::layers::Stack;
use crate::telemetry::metrics::{KeyValue, METERS, Meters, PART};
use crate::tls::{Peer, ServerTls};

/// How long a peer may take to answer a ping.
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);
/// Streams reset by a peer before they were looked at; more is an attack (CVE-2023-44487), and the connection ends.
const PENDING_RESETS: usize = 64;
/// How much longer than its oldest stream a connection may live that was asked to be made anew.
const AGE_GRACE: Duration = Duration::from_secs(60);
/// How long to wait when the system gives no connection, for want of descriptors say.
const PAUSE: Duration = Duration::from_millis(200);

/// How long until a warning is said again that goes on to hold.
const SAID_AGAIN: Duration = Duration::from_secs(10);

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
    /// How long a peer may take to shake hands, and then to begin to speak.
    silence: Duration,
    places: Arc<Semaphore>,
    /// The part, for its metrics.
    part: KeyValue,
    stopping: CancellationToken,
}

impl Connections {
    pub(super) fn new(
        part: &'static str,
        config: &ServeConfig,
        stack: Stack,
        tls: Option<ServerTls>,
        stopping: CancellationToken,
    ) -> Arc<Self> {
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
        let age = Some(config.max_connection_age).filter(|age| !age.is_zero());
        Arc::new(Self {
            http,
            stack,
            tls,
            age,
            grace,
            unread: config.max_deadline,
            silence: config.max_silence,
            places: Arc::new(Semaphore::new(config.max_connections.clamp(1, Semaphore::MAX_PERMITS))),
            part: KeyValue::new(PART, part),
            stopping,
        })
    }

    /// Takes connections until the stop, and returns when the last one is closed.
    pub(super) async fn take(self: Arc<Self>, port: TcpListener) {
        let open = TaskTracker::new();
        let mut told = Told::default();
        loop {
            let accepted = tokio::select! {
                () = self.stopping.cancelled() => break,
                accepted = self.next(&port, &mut told) => accepted,
            };
            match accepted {
                Ok((socket, place)) => {
                    let connection = Arc::clone(&self).serve(socket);
                    open.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                // A peer that is gone before it was looked at.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    told.warn(|| tracing::warn!(part = %self.part.value, %error, "a connection could not be taken"));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        // Closed before the last connection is: who comes now is to go elsewhere, not to wait.
        drop(port);
        open.close();
        open.wait().await;
    }

    /// The next connection, when there is a place for it.
    async fn next(&self, port: &TcpListener, told: &mut Told) -> io::Result<(TcpStream, Place)> {
        if self.places.available_permits() == 0 {
            told.warn(|| tracing::warn!(part = %self.part.value, "as many connections as may be; the next ones wait"));
        }
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(io::Error::other)?;
        let (socket, _) = port.accept().await?;
        Ok((socket, Place::taken(place, &self.part)))
    }

    async fn serve(self: Arc<Self>, socket: TcpStream) {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection is slower than it could be");
        }
        let Some(tls) = &self.tls else { return self.speak(socket, None).await };
        let secured = tokio::select! {
            () = self.stopping.cancelled() => return,
            secured = tokio::time::timeout(self.silence, tls.handshake(socket)) => secured,
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
        // Those that were opened at the same time are not to be made anew at the same time.
        let age = self.age.map(|age| age.mul_f64(rand::random_range(0.9..=1.1)));
        watched(async {
            let mut connection =
                pin!(self.http.serve_connection(TokioIo::new(Prompt::new(socket, self.silence)), service));
            tokio::select! {
                ended = connection.as_mut() => return tell(ended),
                () = self.stopping.cancelled() => {}
                () = after(age) => {}
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

/// A connection's place, counted while it is taken.
struct Place {
    _place: OwnedSemaphorePermit,
    counted: Option<(&'static Meters, [KeyValue; 1])>,
}

impl Place {
    fn taken(place: OwnedSemaphorePermit, part: &KeyValue) -> Self {
        let counted = METERS.get().map(|meters| (meters, [part.clone()]));
        if let Some((meters, part)) = &counted {
            meters.peers.add(1, part);
        }
        Self { _place: place, counted }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((meters, part)) = &self.counted {
            meters.peers.add(-1, part);
        }
    }
}

/// When something was said last that would otherwise be said many times a second.
#[derive(Default)]
struct Told(Option<Instant>);

impl Told {
    fn warn(&mut self, say: impl FnOnce()) {
        if self.0.is_none_or(|last| last.elapsed() > SAID_AGAIN) {
            self.0 = Some(Instant::now());
            say();
        }
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
