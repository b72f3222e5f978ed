//! The moment at which a call must be over: read from the caller, capped here, shrinking on its way.
//!
//! A call's deadline travels three ways, so that nobody has to carry it by hand: in the request's extensions (for a
//! handler that wants to read it), in the handler's task (for the outgoing calls it makes, see [`crate::link`], and
//! for SQL), and as `grpc-timeout` on the wire, which always says what is left and never what was given at first.

use std::future::Future;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

/// gRPC's header with the time left, for example `1500m` (milliseconds).
pub(crate) const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

tokio::task_local! {
    static CURRENT: Deadline;
}

/// The moment at which the call at hand must be over.
///
/// The server puts it into the request's extensions. A client may put one there to bound a unary call
/// (`request.extensions_mut().insert(Deadline::within(..))`); a stream is bounded by `Request::set_timeout` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// So long from now.
    #[must_use]
    pub fn within(time: Duration) -> Self {
        let now = Instant::now();
        // A timeout in hours can exceed what an Instant holds; thirty years is as good as never.
        Self(now.checked_add(time).unwrap_or_else(|| now + Duration::from_secs(30 * 365 * 86_400)))
    }

    /// The deadline of the call whose handler runs in this task, if there is one.
    ///
    /// A spawned task has none: what goes on after the answer is not bound by the caller's patience.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|deadline| *deadline).ok()
    }

    /// What is left; zero when it has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// Runs `work` with this deadline as [`Deadline::current`].
    ///
    /// For work that is not a call of a server and yet makes calls: a flow driven on by the gateway, a command.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// What the caller's `grpc-timeout` says, counted from now; a header that is no timeout counts as none.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        // The gRPC specification allows at most eight digits.
        if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let amount: u64 = digits.parse().ok()?;
        let time = match unit {
            "H" => Duration::from_secs(amount * 3600),
            "M" => Duration::from_secs(amount * 60),
            "S" => Duration::from_secs(amount),
            "m" => Duration::from_millis(amount),
            "u" => Duration::from_micros(amount),
            "n" => Duration::from_nanos(amount),
            _ => return None,
        };
        Some(Self::within(time))
    }

    /// What is left as a `grpc-timeout`, rounded up so that the server never gives up before the caller.
    pub(crate) fn to_header(self) -> HeaderValue {
        let left = self.remaining().as_micros();
        let (amount, unit) = if left < 100_000_000 {
            (left, 'u')
        } else if left.div_ceil(1000) < 100_000_000 {
            (left.div_ceil(1000), 'm')
        } else {
            (left.div_ceil(1_000_000).min(99_999_999), 'S')
        };
        HeaderValue::try_from(format!("{amount}{unit}")).expect("digits and a letter are a header value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_static(text));
        Deadline::from_headers(&headers).map(Deadline::remaining)
    }

    #[tokio::test]
    async fn a_timeout_on_the_wire_reads_back_as_the_time_left() {
        for time in [Duration::from_millis(3), Duration::from_secs(5), Duration::from_secs(7200)] {
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_TIMEOUT, Deadline::within(time).to_header());
            let left = Deadline::from_headers(&headers).expect("it was written by us").remaining();
            assert!(left <= time + Duration::from_millis(2), "{left:?} is more than {time:?}");
            assert!(left + Duration::from_secs(1) > time, "{left:?} is far less than {time:?}");
        }
    }

    #[test]
    fn what_is_no_timeout_counts_as_none() {
        for text in ["", "5", "S", "123456789S", "-1S", "1.5S", "5 S", "5x", "5s"] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
        assert!(parsed("99999999H").is_some_and(|left| left > Duration::from_secs(86_400)));
    }

    #[tokio::test]
    async fn the_deadline_of_a_task_is_seen_inside_it_only() {
        let deadline = Deadline::within(Duration::from_secs(9));
        assert_eq!(deadline.scope(async { Deadline::current() }).await, Some(deadline));
        assert_eq!(Deadline::current(), None);
    }
}
