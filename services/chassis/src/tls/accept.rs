//! The connections of a server that speaks TLS: handed on when the handshake is done, many handshakes side by side.
//!
//! A peer that begins a handshake and stays silent costs a place among those under way, for ten seconds.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::{Connected, TcpIncoming};
use webpki::EndEntityCert;

use super::ServerTls;

/// Handshakes under way at the same time; further connections wait in the system's queue.
const HANDSHAKES: usize = 256;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait when the system gives no connection, for want of descriptors say.
const PAUSE: Duration = Duration::from_millis(50);

/// Who is at the other end, by the certificate that it showed; no names where it showed none.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// DNS names and URIs of a certificate that an authority of ours signed.
    pub(crate) names: Arc<[String]>,
}

/// A connection after its handshake.
pub(crate) struct Secured {
    stream: TlsStream<TcpStream>,
    peer: Peer,
}

/// Connections whose handshake is done; the port closes when the stream is dropped.
pub(crate) fn incoming(
    mut plain: TcpIncoming,
    tls: Arc<ServerTls>,
) -> impl futures::Stream<Item = Result<Secured, io::Error>> {
    let (ready, connections) = mpsc::channel(16);
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    tokio::spawn(async move {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let next = tokio::select! {
                () = ready.closed() => return,
                next = plain.next() => next,
            };
            let stream = match next {
                Some(Ok(stream)) => stream,
                Some(Err(error)) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                None => return,
            };
            let (tls, ready) = (Arc::clone(&tls), ready.clone());
            tokio::spawn(async move {
                let done = tokio::time::timeout(HANDSHAKE, handshake(&tls, stream)).await;
                drop(place);
                match done {
                    // That the server has stopped meanwhile is no fault: the connection is closed.
                    Ok(Ok(secured)) => drop(ready.send(Ok(secured)).await),
                    Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
                    Err(_) => tracing::debug!("a handshake took too long"),
                }
            });
        }
    });
    ReceiverStream::new(connections)
}

async fn handshake(tls: &ServerTls, stream: TcpStream) -> Result<Secured, io::Error> {
    let stream = TlsAcceptor::from(tls.current()).accept(stream).await?;
    let (_, session) = stream.get_ref();
    let shown = session.peer_certificates().and_then(<[_]>::first);
    let peer = Peer { names: shown.map(names_of).unwrap_or_default().into() };
    Ok(Secured { stream, peer })
}

/// What a certificate says that its holder is called. The signature was checked in the handshake.
fn names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Vec::new() };
    certificate.valid_dns_names().chain(certificate.valid_uri_names()).map(str::to_owned).collect()
}

impl Connected for Secured {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Secured {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
