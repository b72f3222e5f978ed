//! TLS and mTLS for servers and links: rustls on ring, keys and certificates by file, renewed without a restart.
//!
//! - `accept.rs` the handshake of a server; who the peer is by its certificate
//! - `connect.rs` connections of a link
//!
//! Connections that stand keep what they began with; [`crate::serve::ServeConfig::max_connection_age`] bounds that.

mod accept;
mod connect;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};

use crate::security::fresh::{FileError, Fresh};

pub(crate) use accept::Peer;
pub use connect::ClientTls;
pub(crate) use connect::Connector;

/// The certificates of a part, and whom it believes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct TlsConfig {
    /// Certificate chain of this part (PEM), shown to callers and to neighbours; read again when it changes
    #[arg(long = "tls-cert", env = "DEALFLOW_TLS_CERT", value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long = "tls-key", env = "DEALFLOW_TLS_KEY", value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Authorities (PEM) whose certificates this part believes of neighbours that it calls at https:// addresses; those
    /// that browsers believe where it is not said
    #[arg(long = "tls-ca", env = "DEALFLOW_TLS_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Authorities (PEM) whose certificates this part believes of callers
    #[arg(long = "tls-client-ca", env = "DEALFLOW_TLS_CLIENT_CA", value_name = "FILE", requires = "peers")]
    pub client_ca: Option<PathBuf>,
    /// Names in certificates (DNS or URI) of parts that may call this one, and say for whom: the gateway's
    #[arg(
        long = "tls-peers",
        env = "DEALFLOW_TLS_PEERS",
        value_name = "NAME,…",
        value_delimiter = ',',
        requires = "client_ca"
    )]
    pub peers: Vec<String>,
}

/// What a server shows and asks for in handshakes.
#[derive(Debug)]
pub(crate) struct ServerTls(Fresh<Arc<ServerConfig>>);

impl ServerTls {
    /// TLS where a certificate is configured. `client_must` refuses callers without a certificate in the handshake.
    pub(crate) fn open(config: &TlsConfig, client_must: bool) -> Result<Option<Self>, FileError> {
        let (Some(cert), Some(key)) = (&config.cert, &config.key) else { return Ok(None) };
        let files = [Some(cert.clone()), Some(key.clone()), config.client_ca.clone()];
        let names: Vec<PathBuf> = files.into_iter().flatten().collect();
        let named = names.clone();
        let fresh = Fresh::open(names, move |contents| server_config(&named, contents, client_must).map(Arc::new))?;
        Ok(Some(Self(fresh)))
    }

    fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.current())
    }
}

/// Of the certificate, its key and, where callers show certificates, their authorities.
fn server_config(names: &[PathBuf], contents: &[Vec<u8>], client_must: bool) -> Result<ServerConfig, FileError> {
    let named = |index: usize| names[index].display().to_string();
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| FileError::new("TLS", error))?;
    let builder = match contents.get(2) {
        None => builder.with_no_client_auth(),
        Some(authorities) => {
            let roots = Arc::new(roots_of(&named(2), authorities)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
            let verifier = if client_must { verifier } else { verifier.allow_unauthenticated() };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| FileError::new(named(2), error))?)
        }
    };
    let chain = chain_of(&named(0), &contents[0])?;
    let key = key_of(&named(1), &contents[1])?;
    let mut config = builder.with_single_cert(chain, key).map_err(|error| FileError::new(named(0), error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// One provider, named: two in the tree and none chosen would be a panic at the first handshake.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn chain_of(file: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| FileError::new(file, error))?;
    if chain.is_empty() { Err(FileError::new(file, "holds no certificate in PEM")) } else { Ok(chain) }
}

fn key_of(file: &str, pem: &[u8]) -> Result<PrivateKeyDer<'static>, FileError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| FileError::new(file, "holds no private key in PEM"))
}

fn roots_of(file: &str, pem: &[u8]) -> Result<RootCertStore, FileError> {
    let mut roots = RootCertStore::empty();
    for authority in chain_of(file, pem)? {
        roots.add(authority).map_err(|error| FileError::new(file, error))?;
    }
    Ok(roots)
}
