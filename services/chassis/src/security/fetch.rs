//! Keys by URL: fetched at the start, again every five minutes and when a token names one that is not known; what was
//! fetched last stays in use while the provider does not answer.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::{Request, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::fresh::FileError;
use super::keys::Keys;
use crate::tls::{ClientTls, Connector};

const EVERY: Duration = Duration::from_secs(300);
/// After a failure, and the least time between two tries.
const SOON: Duration = Duration::from_secs(5);
/// How long the provider may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer, at most.
const MOST: usize = 256 * 1024;

/// The keys of a provider.
#[derive(Debug)]
pub(crate) struct Fetched {
    keys: Arc<RwLock<Option<Arc<Keys>>>>,
    again: Arc<Notify>,
    _end: DropGuard,
}

impl Fetched {
    /// Begins to fetch; must be called inside the runtime.
    pub(crate) fn from(url: &str, tls: ClientTls) -> Result<Self, FileError> {
        let uri: Uri = url.parse().map_err(|error| FileError::new(url, error))?;
        let host = uri.host().unwrap_or_default().to_owned();
        let near = ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str());
        match uri.scheme_str() {
            Some("https") => {}
            // Whoever sits between could give keys of his own.
            Some("http") if near => {}
            _ => return Err(FileError::new(url, "expected is https://…, or http:// on this machine")),
        }
        let (keys, again, stop) = (Arc::default(), Arc::new(Notify::new()), CancellationToken::new());
        tokio::spawn(follow(uri, tls, Arc::clone(&keys), Arc::clone(&again), stop.clone()));
        Ok(Self { keys, again, _end: stop.drop_guard() })
    }

    /// The keys, once they were fetched.
    pub(crate) fn current(&self) -> Option<Arc<Keys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A token names a key that is not known.
    pub(crate) fn look_again(&self) {
        self.again.notify_one();
    }
}

async fn follow(
    uri: Uri,
    tls: ClientTls,
    keys: Arc<RwLock<Option<Arc<Keys>>>>,
    again: Arc<Notify>,
    stop: CancellationToken,
) {
    let from = uri.to_string();
    loop {
        let fetched = tokio::select! {
            () = stop.cancelled() => return,
            fetched = tokio::time::timeout(PATIENCE, get(&uri, &tls)) => fetched,
        };
        let fetched = fetched.unwrap_or_else(|_| Err(FileError::new(&*from, "no answer in time")));
        let wait = match fetched.and_then(|json| Keys::read(&from, &json)) {
            Ok(fresh) => {
                *keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(fresh));
                EVERY
            }
            Err(error) => {
                tracing::warn!(%error, "the keys of tokens could not be fetched; those fetched before stay in use");
                SOON
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
            () = async { tokio::join!(again.notified(), tokio::time::sleep(SOON)); } => {}
        }
    }
}

/// What stands at an address.
async fn get(uri: &Uri, tls: &ClientTls) -> Result<Vec<u8>, FileError> {
    let from = uri.to_string();
    let failed = |error: &dyn std::fmt::Display| FileError::new(&*from, error.to_string());
    if uri.scheme_str() == Some("https") {
        let connector = Connector { tls: tls.clone(), protocol: b"http/1.1" };
        let stream = connector.connect(uri.clone()).await.map_err(|error| failed(&error))?;
        return ask(uri, stream).await;
    }
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await.map_err(|error| failed(&error))?;
    ask(uri, stream).await
}

async fn ask<S>(uri: &Uri, stream: S) -> Result<Vec<u8>, FileError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let from = uri.to_string();
    let failed = |error: &dyn std::fmt::Display| FileError::new(&*from, error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(&error))?;
    let answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
    if !answer.status().is_success() {
        return Err(failed(&format!("the answer is {}", answer.status())));
    }
    let body = Limited::new(answer.into_body(), MOST).collect().await.map_err(|error| failed(&error))?;
    Ok(body.to_bytes().to_vec())
}
