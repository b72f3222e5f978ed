//! Asking again where the suite is away for a while.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tonic::{Code, Status};

/// How often something is tried when the suite is away or in somebody's way, before it is given up.
const TRIES: u32 = 20;

/// After so many tries, about a second, a person is told what is waited for.
const SILENT: u32 = 5;
/// Told once in so many seconds, however many rows wait.
const EVERY: u64 = 10;

/// Tells on the error stream that the suite does not answer.
fn tell(status: &Status) {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
    let last = LAST.load(Ordering::Relaxed);
    // Of several rows that wait, one tells.
    if now >= last + EVERY && LAST.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        eprintln!(
            "the suite does not answer ({:?}: {}); trying again for half a minute",
            status.code(),
            status.message()
        );
    }
}

/// Asks again while the suite is away or in somebody's way: every verb gives the same answer to the same request.
pub(super) async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let mut pause = Duration::from_millis(50);
    for tries in 1..TRIES {
        match ask().await {
            Err(status)
                if matches!(
                    status.code(),
                    Code::Unavailable
                        | Code::Aborted
                        | Code::DeadlineExceeded
                        | Code::ResourceExhausted
                        | Code::Unknown
                ) =>
            {
                if tries >= SILENT {
                    tell(&status);
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            ended => return ended,
        }
    }
    ask().await
}
