//! Sending a call again: only what may be sent again, a few times, later each time, within a budget and the deadline.

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

/// How much may be repeated, shared by all calls of a [`super::Link`] over the wire.
///
/// The rule of gRPC (gRFC A6): a failure costs one token, a success gives a tenth of one back, and nothing is repeated
/// while half of the tokens or more are gone. So a dead server sees at most 90 repeated calls over and above the first
/// tries, however many callers there are and however long it stays dead; a short blip of 64 callers is repeated in full.
#[derive(Debug)]
pub(super) struct RetryBudget {
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

/// What to do after a try that ended with UNAVAILABLE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// The answer stands.
    Never,
    /// Another try, now: nothing was sent, and there is somebody else to send it to.
    AtOnce,
    /// Another try, after a while.
    After(Duration),
}

/// The tries of one call: at most five, the waits growing threefold with jitter, none beyond the deadline, all within the
/// link's budget. A `RetryInfo` of the server is the least wait.
///
/// A call may be made twice: reads change nothing, and mutations have a request id (R-API-1).
#[derive(Debug)]
pub(super) struct Tries<'a> {
    budget: &'a RetryBudget,
    deadline: Option<Deadline>,
    made: u32,
    longest: Duration,
}

impl<'a> Tries<'a> {
    /// Before the first.
    pub(super) fn new(budget: &'a RetryBudget, deadline: Option<Deadline>) -> Self {
        Self { budget, deadline, made: 0, longest: FIRST_WAIT }
    }

    /// Notes an answer.
    pub(super) fn succeeded(&self) {
        self.budget.succeeded();
    }

    /// What follows on a try that ended with this status; `elsewhere`: it was not sent, and can go to somebody else.
    pub(super) fn after(&mut self, status: &Status, elsewhere: bool) -> Again {
        if status.code() != Code::Unavailable {
            return Again::Never;
        }
        self.made += 1;
        if elsewhere && self.made < ATTEMPTS {
            return Again::AtOnce;
        }
        let affordable = self.budget.failed();
        let wait = rand::rng().random_range(self.longest / 2..=self.longest);
        let wait = status.get_details_retry_info().and_then(|info| info.retry_delay).map_or(wait, |least| least + wait);
        let in_time = self.deadline.is_none_or(|deadline| deadline.remaining() > wait);
        if self.made >= ATTEMPTS || !affordable || !in_time {
            return Again::Never;
        }
        tracing::debug!(made = self.made, ?wait, told = status.message(), "not available, the call is sent again");
        self.longest *= 3;
        Again::After(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a call is made that is never answered otherwise.
    fn tries(budget: &RetryBudget, code: Code, deadline: Option<Deadline>) -> usize {
        let mut tries = Tries::new(budget, deadline);
        let mut made = 1;
        while tries.after(&Status::new(code, "no"), false) != Again::Never {
            made += 1;
        }
        made
    }

    #[test]
    fn a_dead_server_sees_at_most_a_tenth_more_calls_than_were_made() {
        let budget = RetryBudget::default();
        let made: usize = (0..1000).map(|_| tries(&budget, Code::Unavailable, None)).sum();
        assert!((1001..=1100).contains(&made), "{made} tries for 1000 calls");
    }

    #[tokio::test]
    async fn only_unavailable_is_repeated_five_times_at_most_and_never_beyond_the_deadline() {
        let of = |code, deadline| tries(&RetryBudget::default(), code, deadline);
        assert_eq!(of(Code::Unavailable, None), 5);
        for other in [Code::Aborted, Code::DeadlineExceeded, Code::Unknown, Code::ResourceExhausted, Code::Internal] {
            assert_eq!(of(other, None), 1, "{other:?}");
        }
        assert_eq!(of(Code::Unavailable, Some(Deadline::within(Duration::from_millis(20)))), 1);
    }

    #[test]
    fn where_nothing_was_sent_and_there_is_somebody_else_nobody_waits() {
        let budget = RetryBudget::default();
        let mut tries = Tries::new(&budget, None);
        let away = Status::unavailable("no connection");
        assert_eq!([tries.after(&away, true), tries.after(&away, true)], [Again::AtOnce; 2]);
        assert!(matches!(tries.after(&away, false), Again::After(_)));
    }
}
