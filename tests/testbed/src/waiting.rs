//! Waiting for what comes by itself, with a deadline.

use std::fmt::Display;
use std::future::Future;
use std::panic::Location;
use std::time::{Duration, Instant};

/// What a look may see: something (`Some`, `true`), or not yet.
pub trait Seen {
    /// What was waited for.
    type Value;

    /// The value if it is there.
    fn seen(self) -> Option<Self::Value>;
}

impl Seen for bool {
    type Value = ();

    fn seen(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Seen for Option<T> {
    type Value = T;

    fn seen(self) -> Option<T> {
        self
    }
}

/// Looks again and again until it sees `what`; panics after the deadline, naming what was waited for and where.
#[track_caller]
pub fn eventually<S, F, Fut>(what: impl Display, deadline: Duration, mut look: F) -> impl Future<Output = S::Value>
where
    S: Seen,
    F: FnMut() -> Fut,
    Fut: Future<Output = S>,
{
    let from = Location::caller();
    async move {
        let start = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            if let Some(value) = look().await.seen() {
                return value;
            }
            assert!(start.elapsed() < deadline, "{from}: waited {deadline:?} in vain for: {what}");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}
