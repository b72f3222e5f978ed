//! Asking again where the suite is away for a while.

use std::time::Duration;

use tonic::{Code, Status};

/// How often something is tried when the suite is away or in somebody's way, before it is given up.
const TRIES: u32 = 20;

/// Asks again while the suite is away or in somebody's way: every verb gives the same answer to the same request.
pub(super) async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let mut pause = Duration::from_millis(50);
    for _ in 1..TRIES {
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
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            ended => return ended,
        }
    }
    ask().await
}
