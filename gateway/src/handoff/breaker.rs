//! The circuit breaker before an ERP: while it does not answer, or does not let us in, documents wait and lose nothing.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

/// When the breaker opens, and how often it looks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row that open it.
    pub in_a_row: u32,
    /// How many calls are looked at for the share of failures.
    pub calls: usize,
    /// How old they may be.
    pub within: TimeDelta,
    /// The share of failures among them that opens it, in percent.
    pub percent: usize,
    /// While it is open, one document is tried in this time.
    pub probe: TimeDelta,
    /// While we are not let in, one document is tried in this time.
    pub paused_probe: TimeDelta,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            in_a_row: 5,
            calls: 20,
            within: TimeDelta::seconds(60),
            percent: 50,
            probe: TimeDelta::seconds(30),
            paused_probe: TimeDelta::minutes(5),
        }
    }
}

/// What a call says of the target, whatever it says of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It does its work.
    Alive,
    /// It did not answer, or broke.
    Failing,
    /// Neither: it asked us to come later.
    Busy,
    /// It does not let us in.
    Denied,
}

/// How many may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// As many as the concurrency allows.
    Free,
    /// One.
    Probe,
    /// None.
    Wait,
}

/// The breaker of one target, in one process.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    in_a_row: u32,
    recent: VecDeque<(DateTime<Utc>, bool)>,
    /// The next probe, while it is open.
    probe_at: Option<DateTime<Utc>>,
    paused: bool,
}

impl Breaker {
    /// A closed one.
    pub fn new(settings: BreakerSettings) -> Self {
        Self { settings, in_a_row: 0, recent: VecDeque::new(), probe_at: None, paused: false }
    }

    /// How many may be sent now.
    pub fn permit(&self, now: DateTime<Utc>) -> Permit {
        match self.probe_at {
            None => Permit::Free,
            Some(probe) if probe <= now => Permit::Probe,
            Some(_) => Permit::Wait,
        }
    }

    /// Whether documents lose no attempts now.
    pub fn is_open(&self) -> bool {
        self.probe_at.is_some()
    }

    /// Whether we are not let in.
    pub fn is_denied(&self) -> bool {
        self.paused
    }

    /// When the target is tried next, while it is open.
    pub fn next_probe(&self) -> Option<DateTime<Utc>> {
        self.probe_at
    }

    /// A probe is on its way: the next one is due later, also if this one is never heard of again.
    pub fn probing(&mut self, now: DateTime<Utc>) {
        let wait = if self.paused { self.settings.paused_probe } else { self.settings.probe };
        self.probe_at = Some(now + wait);
    }

    /// Closes it by hand: the credential is mended, or the ERP is known to be back.
    pub fn close(&mut self) {
        *self = Self::new(self.settings.clone());
    }

    /// Takes the result of a call; true if the breaker opened by it.
    pub fn saw(&mut self, health: Health, now: DateTime<Utc>) -> bool {
        match health {
            Health::Busy => false,
            Health::Denied => {
                let opened = !self.paused;
                self.paused = true;
                self.probing(now);
                opened
            }
            Health::Alive if self.is_open() => {
                self.close();
                false
            }
            Health::Alive => {
                self.in_a_row = 0;
                self.remember(now, true);
                // Failures before it may be half of what is in sight only now, when there are enough to judge.
                self.judge(now)
            }
            Health::Failing => {
                self.in_a_row = self.in_a_row.saturating_add(1);
                self.remember(now, false);
                self.judge(now)
            }
        }
    }

    fn remember(&mut self, now: DateTime<Utc>, well: bool) {
        self.recent.push_back((now, well));
        while self.recent.len() > self.settings.calls {
            self.recent.pop_front();
        }
        while self.recent.front().is_some_and(|(at, _)| *at + self.settings.within < now) {
            self.recent.pop_front();
        }
    }

    fn judge(&mut self, now: DateTime<Utc>) -> bool {
        let failed = self.recent.iter().filter(|(_, well)| !well).count();
        let many =
            self.recent.len() >= self.settings.calls && failed * 100 >= self.recent.len() * self.settings.percent;
        if self.is_open() || !(many || self.in_a_row >= self.settings.in_a_row) {
            return false;
        }
        self.probing(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> (Breaker, DateTime<Utc>) {
        (Breaker::new(BreakerSettings::default()), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn r_erp_1_five_failures_in_a_row_open_it_and_one_answer_closes_it() {
        let (mut breaker, now) = breaker();
        for _ in 0..4 {
            assert!(!breaker.saw(Health::Failing, now));
        }
        assert_eq!(breaker.permit(now), Permit::Free);
        assert!(breaker.saw(Health::Failing, now));
        assert_eq!(breaker.permit(now), Permit::Wait);
        let later = now + TimeDelta::seconds(30);
        assert_eq!(breaker.permit(later), Permit::Probe);
        breaker.probing(later);
        assert_eq!(breaker.permit(later), Permit::Wait, "one probe each 30 s");
        breaker.saw(Health::Failing, later);
        assert_eq!(breaker.permit(later + TimeDelta::seconds(30)), Permit::Probe);
        breaker.saw(Health::Alive, later);
        assert_eq!(breaker.permit(later), Permit::Free);
    }

    #[test]
    fn r_erp_1_half_of_twenty_calls_within_a_minute_open_it() {
        let (mut breaker, now) = breaker();
        for call in 0..19 {
            assert!(!breaker.saw(if call % 2 == 0 { Health::Failing } else { Health::Alive }, now));
        }
        assert!(breaker.saw(Health::Alive, now), "10 of 20 failed");
        let (mut breaker, now) = self::breaker();
        for call in 0..100 {
            let at = now + TimeDelta::seconds(call * 4);
            assert!(!breaker.saw(if call % 2 == 0 { Health::Failing } else { Health::Alive }, at), "15 calls a minute");
        }
    }

    #[test]
    fn r_erp_1_a_target_that_does_not_let_us_in_is_paused_until_it_does() {
        let (mut breaker, now) = breaker();
        assert!(breaker.saw(Health::Denied, now), "the first one is told");
        assert!(!breaker.saw(Health::Denied, now), "once");
        assert_eq!(breaker.permit(now + TimeDelta::minutes(4)), Permit::Wait);
        assert_eq!(breaker.permit(now + TimeDelta::minutes(5)), Permit::Probe);
        breaker.saw(Health::Busy, now);
        assert!(breaker.is_open(), "busy is no answer to whether we are let in");
        breaker.close();
        assert_eq!(breaker.permit(now), Permit::Free);
    }
}
