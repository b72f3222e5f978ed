//! What an installation decides about its documents.

use std::time::Duration;

use chrono_tz::Tz;

/// The settings of this part, as a value: the program fills it, tests pass what they need.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the company is: which day it is there decides when a quote expires and an invoice is due.
    pub time_zone: Tz,
    /// How often the service looks for quotes whose last day has passed.
    pub sweep: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { time_zone: Tz::UTC, sweep: Duration::from_secs(60) }
    }
}
