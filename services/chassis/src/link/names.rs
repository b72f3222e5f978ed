//! The addresses behind a name.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use tokio::net::lookup_host;

/// What looks a host and a port up.
type LookUp = Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// How names are looked up, and how long an answer is good.
#[derive(Clone)]
pub struct Names {
    look_up: LookUp,
    /// After so long it is asked for again.
    pub(super) fresh: Duration,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("fresh", &self.fresh).finish_non_exhaustive()
    }
}

impl Names {
    /// As the system does it, again after five seconds.
    pub fn system() -> Self {
        let look_up = |host: String, port| async move { Ok(lookup_host((host, port)).await?.collect()) }.boxed();
        Self::by(look_up, Duration::from_secs(5))
    }

    /// By something else.
    pub fn by(
        look_up: impl Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync + 'static,
        fresh: Duration,
    ) -> Self {
        Self { look_up: Arc::new(look_up), fresh }
    }

    pub(super) async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        (self.look_up)(host.to_owned(), port).await
    }
}
