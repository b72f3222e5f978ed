//! How documents are handed to the ERP, as an operator says it (R-ERP-1): deadlines, retries, breaker.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use clap::Args;
use dealflow_gateway::handoff::breaker::BreakerSettings;
use dealflow_gateway::handoff::schedule::RetrySchedule;
use dealflow_gateway::handoff::{Poison, Settings};

/// How documents are handed to the ERP.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Hand-over to the ERP")]
pub struct Delivery {
    /// Seconds that the ERP may take for a document
    #[arg(long, env = "DEALFLOW_ERP_CALL_DEADLINE", default_value_t = 15, value_name = "SECONDS")]
    pub erp_call_deadline: u32,
    /// Seconds that the ERP may take for a look-up
    #[arg(long, env = "DEALFLOW_ERP_LOOK_UP_DEADLINE", default_value_t = 5, value_name = "SECONDS")]
    pub erp_look_up_deadline: u32,
    /// Waits between attempts (s, m, h); one attempt more than waits is what a document has
    #[arg(
        long,
        env = "DEALFLOW_ERP_RETRY_WAITS",
        value_delimiter = ',',
        default_value = "2s,10s,30s,2m,10m,30m,1h,2h,4h,8h,12h,24h,24h",
        value_name = "WAITS"
    )]
    pub erp_retry_waits: Vec<String>,
    /// By how much a wait may be shorter or longer, in percent
    #[arg(long, env = "DEALFLOW_ERP_RETRY_JITTER", default_value_t = 20, value_name = "PERCENT")]
    pub erp_retry_jitter: u32,
    /// Documents on their way at once; of one chain it is always one
    #[arg(long, env = "DEALFLOW_ERP_CONCURRENCY", default_value_t = 8, value_name = "DOCUMENTS")]
    pub erp_concurrency: u16,
    /// Failures in a row that give the ERP a rest
    #[arg(long, env = "DEALFLOW_ERP_BREAKER_FAILURES", default_value_t = 5, value_name = "FAILURES")]
    pub erp_breaker_failures: u32,
    /// Seconds between two tries while it rests
    #[arg(long, env = "DEALFLOW_ERP_BREAKER_PROBE", default_value_t = 30, value_name = "SECONDS")]
    pub erp_breaker_probe: u32,
    /// Calls of the last while that are looked at for the share of failures
    #[arg(long, env = "DEALFLOW_ERP_BREAKER_CALLS", default_value_t = 20, value_name = "CALLS")]
    pub erp_breaker_calls: u16,
    /// The share of failures among them that gives the ERP a rest, in percent
    #[arg(long, env = "DEALFLOW_ERP_BREAKER_PERCENT", default_value_t = 50, value_name = "PERCENT")]
    pub erp_breaker_percent: u16,
    /// How long that while is, in seconds
    #[arg(long, env = "DEALFLOW_ERP_BREAKER_WITHIN", default_value_t = 60, value_name = "SECONDS")]
    pub erp_breaker_within: u32,
    /// Seconds between two tries while the ERP does not let us in
    #[arg(long, env = "DEALFLOW_ERP_DENIED_PROBE", default_value_t = 300, value_name = "SECONDS")]
    pub erp_denied_probe: u32,
    /// Technical failures of one document, while others pass, that set it aside
    #[arg(long, env = "DEALFLOW_ERP_POISON_FAILURES", default_value_t = 5, value_name = "FAILURES")]
    pub erp_poison_failures: u16,
}

impl Delivery {
    /// As the gateway takes it; all mistakes at once.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let waits: Vec<_> = self.erp_retry_waits.iter().map(|text| wait(text)).collect();
        let wrong: Vec<String> = waits.iter().filter_map(|it| it.as_ref().err().cloned()).collect();
        ensure!(wrong.is_empty(), "--erp-retry-waits: {}", wrong.join("; "));
        let mut least = Vec::new();
        for (flag, value) in [
            ("--erp-call-deadline", self.erp_call_deadline),
            ("--erp-look-up-deadline", self.erp_look_up_deadline),
            ("--erp-concurrency", u32::from(self.erp_concurrency)),
            ("--erp-breaker-failures", self.erp_breaker_failures),
            ("--erp-breaker-probe", self.erp_breaker_probe),
            ("--erp-breaker-calls", u32::from(self.erp_breaker_calls)),
            ("--erp-breaker-percent", u32::from(self.erp_breaker_percent)),
            ("--erp-breaker-within", self.erp_breaker_within),
            ("--erp-denied-probe", self.erp_denied_probe),
            ("--erp-poison-failures", u32::from(self.erp_poison_failures)),
        ] {
            if value == 0 {
                least.push(flag);
            }
        }
        ensure!(least.is_empty(), "{} must be 1 at the least", least.join(", "));
        ensure!(self.erp_breaker_percent <= 100, "--erp-breaker-percent: 100 percent at the most");
        ensure!(self.erp_retry_jitter <= 90, "--erp-retry-jitter: 90 percent at the most");
        let longest = i64::from(self.erp_call_deadline) + i64::from(self.erp_look_up_deadline);
        let defaults = Settings::default();
        Ok(Settings {
            call_deadline: Duration::from_secs(self.erp_call_deadline.into()),
            look_up_deadline: Duration::from_secs(self.erp_look_up_deadline.into()),
            // Longer than both calls together, and than a while in the queue.
            lease: TimeDelta::try_seconds(longest + longest / 2).context("the deadlines are too long")?,
            concurrency: self.erp_concurrency.into(),
            batch: usize::from(self.erp_concurrency) * 4,
            schedule: RetrySchedule {
                waits: waits.into_iter().flatten().collect(),
                jitter_percent: self.erp_retry_jitter,
            },
            breaker: BreakerSettings {
                in_a_row: self.erp_breaker_failures,
                calls: self.erp_breaker_calls.into(),
                within: TimeDelta::seconds(self.erp_breaker_within.into()),
                percent: self.erp_breaker_percent.into(),
                probe: TimeDelta::seconds(self.erp_breaker_probe.into()),
                paused_probe: TimeDelta::seconds(self.erp_denied_probe.into()),
            },
            poison: Poison { failures: self.erp_poison_failures.into(), ..defaults.poison },
            ..defaults
        })
    }
}

fn wait(text: &str) -> Result<TimeDelta, String> {
    let text = text.trim();
    let bad = || format!("`{text}` is no wait; one is 30s, 10m or 4h");
    let unit = text.chars().last().ok_or_else(bad)?;
    let number: i64 = text.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| bad())?;
    let seconds = match unit {
        's' => Some(number),
        'm' => number.checked_mul(60),
        'h' => number.checked_mul(3600),
        _ => None,
    };
    seconds.filter(|it| *it >= 0).and_then(TimeDelta::try_seconds).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        delivery: Delivery,
    }

    fn parsed(arguments: &[&str]) -> anyhow::Result<Settings> {
        let arguments = std::iter::once("program").chain(arguments.iter().copied());
        Program::try_parse_from(arguments)?.delivery.settings()
    }

    #[test]
    fn r_erp_1_what_nobody_says_is_what_the_documents_say() {
        let (said, default) = (parsed(&[]).expect("the defaults are right"), Settings::default());
        assert_eq!(said.schedule, default.schedule);
        assert_eq!(said.breaker, default.breaker);
        assert_eq!(said.poison, default.poison);
        let times = |it: &Settings| (it.call_deadline, it.look_up_deadline, it.lease, it.concurrency, it.batch);
        assert_eq!(times(&said), times(&default));
    }

    #[test]
    fn r_erp_1_what_cannot_be_is_refused_with_its_flag() {
        let said = parsed(&["--erp-retry-waits", "1s,5m,2h"]).expect("waits").schedule.waits;
        assert_eq!(said.iter().map(TimeDelta::num_seconds).collect::<Vec<_>>(), [1, 300, 7200]);
        let wrong = parsed(&["--erp-retry-waits", "1s,soon,-4h"]).map(drop).expect_err("no waits").to_string();
        assert!(wrong.contains("`soon`") && wrong.contains("`-4h`"), "{wrong}");
        let wrong = parsed(&["--erp-call-deadline", "0", "--erp-concurrency", "0"]).map(drop).expect_err("nothing");
        let wrong = wrong.to_string();
        let breaker = parsed(&[
            "--erp-breaker-calls",
            "7",
            "--erp-breaker-percent",
            "30",
            "--erp-breaker-within",
            "90",
            "--erp-denied-probe",
            "11",
        ]);
        let breaker = breaker.expect("a breaker").breaker;
        let told = (breaker.calls, breaker.percent, breaker.within.num_seconds(), breaker.paused_probe.num_seconds());
        assert_eq!(told, (7, 30, 90, 11));
        let much = parsed(&["--erp-breaker-percent", "101"]).map(drop).expect_err("more than all").to_string();
        assert!(much.contains("--erp-breaker-percent"), "{much}");
        assert!(wrong.contains("--erp-call-deadline") && wrong.contains("--erp-concurrency"), "{wrong}");
    }
}
