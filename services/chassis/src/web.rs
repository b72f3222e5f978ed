//! Calls over HTTP/1.1 to what speaks no gRPC: an identity provider's keys, an ERP's REST calls.
//!
//! It is hyper under the same rustls as everything else, a connection per call: what is called this way is called a few
//! times for a document at the most, and a connection that nobody keeps cannot have died since. An error says whether
//! the request may have had an effect.

use std::time::Duration;

pub use hyper::body::Bytes;

use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::tls::{ClientTls, Connector};

/// How calls are made.
#[derive(Debug, Clone)]
pub struct WebClient {
    tls: ClientTls,
    patience: Duration,
    most: usize,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// It did not leave this house: nothing happened.
    #[error("{0}")]
    NotSent(String),
    /// It was sent, and no answer came in time.
    #[error("no answer in time")]
    Late,
    /// It was sent, and the answer was lost.
    #[error("{0}")]
    Lost(String),
}

impl WebClient {
    /// Calls that may take so long, with answers of so many bytes at most.
    pub fn new(tls: ClientTls, patience: Duration, most: usize) -> Self {
        Self { tls, patience, most }
    }

    /// Sends a request to its absolute address, and reads the whole answer, whatever its status.
    ///
    /// # Errors
    ///
    /// Where no answer came.
    pub async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, WebError> {
        let end = Instant::now() + self.patience;
        let uri = std::mem::take(request.uri_mut());
        let host = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let host = HeaderValue::from_str(host).map_err(|error| WebError::NotSent(error.to_string()))?;
        request.headers_mut().insert(header::HOST, host);
        // On the wire stands the path alone.
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse().map_err(|error| WebError::NotSent(format!("{path}: {error}")))?;

        let connecting = timeout_at(end, self.connect(&uri)).await;
        let mut sender = connecting.unwrap_or_else(|_| Err(WebError::NotSent("no connection in time".to_owned())))?;
        let exchange = async {
            let answer = sender.send_request(request.map(Full::new)).await.map_err(lost)?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, self.most).collect().await.map_err(lost)?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        timeout_at(end, exchange).await.unwrap_or(Err(WebError::Late))
    }

    async fn connect(&self, uri: &Uri) -> Result<SendRequest<Full<Bytes>>, WebError> {
        let not_sent = |error: std::io::Error| WebError::NotSent(error.to_string());
        if uri.scheme_str() == Some("https") {
            let connector = Connector { tls: self.tls.clone(), protocol: b"http/1.1", address: None };
            return begin(connector.connect(uri.clone()).await.map_err(not_sent)?).await;
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        begin(TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await.map_err(not_sent)?).await
    }
}

async fn begin<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, WebError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let begun = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = begun.map_err(|error| WebError::NotSent(error.to_string()))?;
    // It ends with the answer, or when the call is given up.
    tokio::spawn(connection);
    Ok(sender)
}

fn lost(error: impl std::fmt::Display) -> WebError {
    WebError::Lost(error.to_string())
}

/// Whether what is sent to an address can be read by nobody on the way: it is encrypted, or does not leave the machine.
#[must_use]
pub fn is_private(uri: &Uri) -> bool {
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]")),
        _ => false,
    }
}
