//! The handshake of a server that speaks TLS, and who the peer is by its certificate.

use std::io;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use webpki::EndEntityCert;

use super::ServerTls;

/// Who is at the other end, by the certificate that it showed; no names where it showed none.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// DNS names and URIs of a certificate that an authority of ours signed.
    pub(crate) names: Arc<[String]>,
}

impl ServerTls {
    /// Shakes hands with whoever connected, for as long as it takes him.
    pub(crate) async fn handshake(&self, socket: TcpStream) -> Result<(TlsStream<TcpStream>, Peer), io::Error> {
        let stream = TlsAcceptor::from(self.current()).accept(socket).await?;
        let (_, session) = stream.get_ref();
        let shown = session.peer_certificates().and_then(<[_]>::first);
        let peer = Peer { names: shown.map(names_of).unwrap_or_default().into() };
        Ok((stream, peer))
    }
}

/// What a certificate says that its holder is called. The signature was checked in the handshake.
fn names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Vec::new() };
    certificate.valid_dns_names().chain(certificate.valid_uri_names()).map(str::to_owned).collect()
}
