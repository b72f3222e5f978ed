//! Keys by URL: fetched at the start, again every five minutes and when a token names one that is not known; what was
//! fetched last stays in use while the provider does not answer.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::{Request, Uri, header};
use hyper::body::Bytes;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::fresh::FileError;
use super::keys::Keys;
use crate::tls::ClientTls;
use crate::web::{WebClient, is_private};

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
        // Whoever sits between could give keys of his own.
        if !is_private(&uri) {
            return Err(FileError::new(url, "expected is https://…, or http:// on this machine"));
        }
        let (keys, again, stop) = (Arc::default(), Arc::new(Notify::new()), CancellationToken::new());
        let web = WebClient::new(tls, PATIENCE, MOST);
        tokio::spawn(follow(uri, web, Arc::clone(&keys), Arc::clone(&again), stop.clone()));
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
    web: WebClient,
    keys: Arc<RwLock<Option<Arc<Keys>>>>,
    again: Arc<Notify>,
    stop: CancellationToken,
) {
    let from = uri.to_string();
    loop {
        let fetched = tokio::select! {
            () = stop.cancelled() => return,
            fetched = get(&uri, &web) => fetched,
        };
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
async fn get(uri: &Uri, web: &WebClient) -> Result<Bytes, FileError> {
    let failed = |why: String| FileError::new(uri.to_string(), why);
    let request = Request::get(uri).header(header::ACCEPT, "application/json").body(Bytes::new());
    let answer = web.send(request.map_err(|error| failed(error.to_string()))?).await;
    let answer = answer.map_err(|error| failed(error.to_string()))?;
    if !answer.status().is_success() {
        return Err(failed(format!("the answer is {}", answer.status())));
    }
    Ok(answer.into_body())
}
