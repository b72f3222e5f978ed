//! Sending a call again: only what may be sent again, a few times, later each time, within a budget and the deadline.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rand::Rng;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::deadline::Deadline;

/// The first try included.
const ATTEMPTS: u32 = 5;
/// The wait after the first failure; three times as long after each further one: 4 s in all.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How much may be repeated, shared by all calls of a [`super::Link`].
///
/// The rule of gRPC (gRFC A6): a failure costs one token, a success gives a tenth of one back, and nothing is repeated
/// while half of the tokens or more are gone. So a dead server sees at most 90 repeated calls over and above the first
/// tries, however many callers there are and however long it stays dead; a short blip of 64 callers is repeated in full.
#[derive(Debug)]
pub struct RetryBudget {
    /// In tenths of a token.
    tenths: AtomicU32,
}

/// Half of these can be spent: 90 repeats, hence at most 1.09 calls per call over a thousand calls.
const FULL: u32 = 180 * 10;

impl Default for RetryBudget {
    fn default() -> Self {
        Self { tenths: AtomicU32::new(FULL) }
    }
}

impl RetryBudget {
    fn succeeded(&self) {
        self.change(|tenths| (tenths + 1).min(FULL));
    }

    /// Notes a failure; whether the call may be repeated.
    fn failed(&self) -> bool {
        let before = self.change(|tenths| tenths.saturating_sub(10));
        before > FULL / 2
    }

    /// Changes the balance and returns what it was.
    fn change(&self, change: impl Fn(u32) -> u32) -> u32 {
        // Only the number itself is shared; nothing else is ordered by it.
        let changed = self.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tenths| Some(change(tenths)));
        changed.unwrap_or_else(|unchanged| unchanged)
    }
}

/// Makes a call, and makes it again while the answer is UNAVAILABLE: at most five tries, the waits growing threefold
/// with jitter, none beyond the deadline, all within the link's budget. A `RetryInfo` of the server is the least wait.
///
/// Only for calls that may be made twice: reads, and mutations with a request id (R-API-1).
///
/// ```ignore
/// let lead = retry(link.budget(), Deadline::current(), || {
///     let mut leads = LeadServiceClient::new(link.clone());
///     let request = request.clone();
///     async move { leads.get_lead(request).await }
/// }).await?;
/// ```
///
/// # Errors
///
/// The status of the last try.
pub async fn retry<T, F>(
    budget: &RetryBudget,
    deadline: Option<Deadline>,
    mut call: impl FnMut() -> F,
) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let mut longest = FIRST_WAIT;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let status = match call().await {
            Ok(answer) => {
                budget.succeeded();
                return Ok(answer);
            }
            Err(status) if status.code() == Code::Unavailable => status,
            Err(status) => return Err(status),
        };
        let affordable = budget.failed();
        let wait = rand::rng().random_range(longest / 2..=longest);
        let wait = status.get_details_retry_info().and_then(|info| info.retry_delay).map_or(wait, |least| least + wait);
        let in_time = deadline.is_none_or(|deadline| deadline.remaining() > wait);
        if attempt >= ATTEMPTS || !affordable || !in_time {
            return Err(status);
        }
        tracing::debug!(attempt, ?wait, told = status.message(), "not available, the call is sent again");
        tokio::time::sleep(wait).await;
        longest *= 3;
    }
}
