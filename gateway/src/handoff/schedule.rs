//! When a failed hand-over is tried again: the table of `erp-handoff.md` §4, with jitter; all of it configuration.

use chrono::TimeDelta;

/// The waits between attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySchedule {
    /// The wait after failure 1, 2, …; one attempt more than waits is the budget.
    pub waits: Vec<TimeDelta>,
    /// By how much a wait may be shorter or longer, in percent, so that what failed together does not come together.
    pub jitter_percent: u32,
}

impl Default for RetrySchedule {
    /// 14 attempts in 75.7 hours: a long weekend.
    fn default() -> Self {
        const MINUTE: i64 = 60;
        const HOUR: i64 = 3600;
        let waits = [
            2,
            10,
            30,
            2 * MINUTE,
            10 * MINUTE,
            30 * MINUTE,
            HOUR,
            2 * HOUR,
            4 * HOUR,
            8 * HOUR,
            12 * HOUR,
            24 * HOUR,
            24 * HOUR,
        ];
        Self { waits: waits.into_iter().map(TimeDelta::seconds).collect(), jitter_percent: 20 }
    }
}

impl RetrySchedule {
    /// How many attempts a document has.
    pub fn budget(&self) -> i32 {
        i32::try_from(self.waits.len()).unwrap_or(i32::MAX).saturating_add(1)
    }

    /// The wait after the failure of a number (from 1); the last one for all beyond. `dice` from -100 to 100 is where
    /// within the jitter it falls.
    pub fn wait_after(&self, failure: i32, dice: i32) -> TimeDelta {
        let place = usize::try_from(failure.saturating_sub(1)).unwrap_or_default();
        let Some(wait) = self.waits.get(place).or(self.waits.last()) else { return TimeDelta::zero() };
        let share = i64::from(dice.clamp(-100, 100)) * i64::from(self.jitter_percent);
        let moved = wait.num_milliseconds().saturating_mul(share) / 10_000;
        *wait + TimeDelta::milliseconds(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_erp_1_fourteen_attempts_outlast_a_long_weekend() {
        let schedule = RetrySchedule::default();
        assert_eq!(schedule.budget(), 14);
        let all: TimeDelta = (1..14).map(|failure| schedule.wait_after(failure, 0)).sum();
        assert_eq!(all.num_minutes(), 4542, "75.7 hours");
    }

    #[test]
    fn r_erp_1_the_jitter_is_a_fifth_to_either_side_and_no_more() {
        let schedule = RetrySchedule::default();
        for failure in 1..=20 {
            let plain = schedule.wait_after(failure, 0);
            assert_eq!(schedule.wait_after(failure, -100) * 5, plain * 4);
            assert_eq!(schedule.wait_after(failure, 100) * 5, plain * 6);
            assert_eq!(schedule.wait_after(failure, 1_000), schedule.wait_after(failure, 100));
        }
    }

    #[test]
    fn without_waits_there_is_one_attempt() {
        let schedule = RetrySchedule { waits: Vec::new(), jitter_percent: 20 };
        assert_eq!(schedule.budget(), 1);
        assert_eq!(schedule.wait_after(1, 50), TimeDelta::zero());
    }
}
