//! Time that a test moves itself.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use dealflow_chassis::Clock;

/// A clock that stands until it is moved; its copies show the same time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<DateTime<Utc>>>);

impl TestClock {
    /// Stands at Monday 2 March 2026, 09:00 UTC.
    pub fn new() -> Self {
        let start = Utc.with_ymd_and_hms(2026, 3, 2, 9, 0, 0).single();
        Self::at(start.expect("2 March 2026, 09:00 UTC exists once"))
    }

    /// Stands at a time.
    pub fn at(time: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    /// The clock as a store or part takes it.
    pub fn clock(&self) -> Clock {
        let time = self.clone();
        Clock::from_fn(move || time.now())
    }

    /// What it shows.
    pub fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves it by a span, and answers the new time.
    pub fn advance(&self, by: TimeDelta) -> DateTime<Utc> {
        let mut time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *time += by;
        *time
    }

    /// Moves it to a time, forward or back.
    pub fn set(&self, to: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}
