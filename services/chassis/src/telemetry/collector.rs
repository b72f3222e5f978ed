//! The way to a collector, over http:// or https://: one channel for traces and metrics, made when something is sent.
//!
//! That it is away, shows a certificate that nobody believes, or that the file with its authority cannot be read, is said
//! once and changes nothing else: what cannot be sent is dropped, and the next export tries again.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use tonic::transport::{Channel, Endpoint};
use tower::Service;

use crate::tls::{ClientTls, Connector};

/// That a collector's address is none.
#[derive(Debug, thiserror::Error)]
#[error("the collector's address {address:?} is not understood; expected is http://host:port or https://host:port")]
pub struct NoCollector {
    address: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// A channel to the collector, whose certificate an authority of `ca` signed; one that browsers believe where there is no
/// file.
///
/// # Errors
///
/// When the address is not one of http:// or https://.
pub(super) fn channel(address: &str, ca: Option<PathBuf>, within: Duration) -> Result<Channel, NoCollector> {
    let bad = |source| NoCollector { address: address.to_owned(), source };
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|error| bad(Some(error.into())))?;
    if !matches!(endpoint.uri().scheme_str(), Some("http" | "https")) {
        return Err(bad(None));
    }
    let endpoint = endpoint.connect_timeout(within).timeout(within);
    Ok(endpoint.connect_with_connector_lazy(Way { ca, said: Arc::default() }))
}

/// Opens connections to the collector, and says when that begins to fail.
#[derive(Clone)]
struct Way {
    ca: Option<PathBuf>,
    said: Arc<AtomicBool>,
}

type Stream = Either<TcpStream, TlsStream<TcpStream>>;

impl Way {
    async fn open(&self, uri: Uri) -> Result<Stream, io::Error> {
        if uri.scheme_str() == Some("https") {
            // Read at each connection: a file that is mended is believed without a restart.
            let tls = ClientTls::believing(self.ca.as_deref()).map_err(io::Error::other)?;
            return Connector { tls, protocol: b"h2", address: None }.connect(uri).await.map(Either::Right);
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
        stream.set_nodelay(true)?;
        Ok(Either::Left(stream))
    }
}

impl Service<Uri> for Way {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = BoxFuture<'static, Result<Self::Response, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let way = self.clone();
        async move {
            let opened = way.open(uri).await;
            match &opened {
                Ok(_) => way.said.store(false, Ordering::Relaxed),
                Err(error) if !way.said.swap(true, Ordering::Relaxed) => {
                    tracing::warn!(%error, "the collector cannot be reached; traces and metrics are dropped meanwhile");
                }
                Err(_) => {}
            }
            opened.map(TokioIo::new)
        }
        .boxed()
    }
}
