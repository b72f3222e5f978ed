//! Figures over samples: percentiles by nearest rank, nothing interpolated.

use std::time::Duration;

use serde::Serialize;

/// Durations of one thing that was done many times.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<Duration>);

/// What people ask of samples, in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// How many.
    pub count: usize,
    /// Half were faster.
    pub p50_ms: f64,
    /// 95 of 100 were faster.
    pub p95_ms: f64,
    /// 99 of 100 were faster.
    pub p99_ms: f64,
}

impl Samples {
    /// Adds one.
    pub(super) fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// Adds those of somebody else.
    pub(super) fn add_all(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The figures.
    pub(super) fn summary(mut self) -> Summary {
        self.0.sort_unstable();
        let rank = |percent: usize| {
            let index = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
            self.0.get(index).map_or(0.0, |took| took.as_secs_f64() * 1000.0)
        };
        Summary { count: self.0.len(), p50_ms: rank(50), p95_ms: rank(95), p99_ms: rank(99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_by_nearest_rank() {
        let mut samples = Samples::default();
        for millis in (1..=200).rev() {
            samples.add(Duration::from_millis(millis));
        }
        let summary = samples.summary();
        assert_eq!((summary.p50_ms, summary.p95_ms, summary.p99_ms), (100.0, 190.0, 198.0));
    }
}
