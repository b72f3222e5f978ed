//! The connections of a link to an https:// address.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, FutureExt};
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::Service;

use super::{TlsConfig, chain_of, key_of, provider, roots_of};
use crate::security::fresh::{FileError, Fresh};

/// Whom a link believes, and what it shows of itself.
#[derive(Debug, Clone)]
pub struct ClientTls(Arc<Fresh<Arc<ClientConfig>>>);

impl PartialEq for ClientTls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ClientTls {}

impl ClientTls {
    /// Believes the authorities in a file, or those that browsers believe, and shows no certificate.
    ///
    /// # Errors
    ///
    /// When the file cannot be used.
    pub fn believing(ca: Option<&Path>) -> Result<Self, FileError> {
        Self::open(ca.map(Path::to_owned), None)
    }

    /// What a part believes of its neighbours, and shows to them: its own certificate.
    ///
    /// # Errors
    ///
    /// When a file cannot be used.
    pub fn of(config: &TlsConfig) -> Result<Self, FileError> {
        Self::open(config.ca.clone(), config.cert.clone().zip(config.key.clone()))
    }

    fn open(ca: Option<PathBuf>, own: Option<(PathBuf, PathBuf)>) -> Result<Self, FileError> {
        let (with_ca, with_own) = (ca.is_some(), own.is_some());
        let own = own.into_iter().flat_map(|(cert, key)| [cert, key]);
        let files: Vec<PathBuf> = ca.into_iter().chain(own).collect();
        let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let fresh = Fresh::open(files, move |contents| {
            let mut read = names.iter().map(String::as_str).zip(contents.iter().map(Vec::as_slice));
            let authorities = if with_ca { read.next() } else { None };
            let own = if with_own { read.next().zip(read.next()) } else { None };
            client_config(authorities, own).map(Arc::new)
        })?;
        Ok(Self(Arc::new(fresh)))
    }

    pub(crate) fn current(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0.current())
    }
}

type Named<'a> = (&'a str, &'a [u8]);

fn client_config(
    authorities: Option<Named<'_>>,
    own: Option<(Named<'_>, Named<'_>)>,
) -> Result<ClientConfig, FileError> {
    let roots = match authorities {
        Some((file, pem)) => roots_of(file, pem)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| FileError::new("TLS", error))?
        .with_root_certificates(roots);
    Ok(match own {
        None => builder.with_no_client_auth(),
        Some(((cert_file, cert), (key_file, key))) => builder
            .with_client_auth_cert(chain_of(cert_file, cert)?, key_of(key_file, key)?)
            .map_err(|error| FileError::new(cert_file, error))?,
    })
}

/// Opens a connection, speaks TLS on it, and agrees on a protocol.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) tls: ClientTls,
    /// The protocol that is asked for: `h2`, or `http/1.1`.
    pub(crate) protocol: &'static [u8],
    /// Where the server is; found by its name where it is not said.
    pub(crate) address: Option<SocketAddr>,
}

impl Connector {
    pub(crate) async fn connect(self, uri: Uri) -> Result<TlsStream<TcpStream>, io::Error> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let stream = match self.address {
            Some(address) => TcpStream::connect(address).await?,
            None => TcpStream::connect((host.as_str(), uri.port_u16().unwrap_or(443))).await?,
        };
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        let mut config = ClientConfig::clone(&self.tls.current());
        config.alpn_protocols = vec![self.protocol.to_vec()];
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = BoxFuture<'static, Result<Self::Response, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        self.clone().connect(uri).map(|stream| stream.map(TokioIo::new)).boxed()
    }
}
