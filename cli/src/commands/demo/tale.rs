//! What the demo tells and checks: every check is collected, none ends the tale.

use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};

/// How long is waited for what comes by itself.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// The lines told so far, and the checks made.
pub(super) struct Tale {
    quiet: bool,
    lines: Vec<String>,
    checks: Vec<Check>,
}

struct Check {
    what: String,
    expected: String,
    actual: String,
}

impl Check {
    fn holds(&self) -> bool {
        self.expected == self.actual
    }
}

impl Tale {
    /// A tale that is told as it goes, or kept to itself.
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet, lines: Vec::new(), checks: Vec::new() }
    }

    /// A heading.
    pub(super) fn chapter(&mut self, title: &str) {
        self.tell(format!("\n{title}"));
    }

    /// A line.
    pub(super) fn say(&mut self, line: impl AsRef<str>) {
        self.tell(format!("  {}", line.as_ref()));
    }

    fn tell(&mut self, line: String) {
        if !self.quiet {
            println!("{line}");
        }
        self.lines.push(line.trim().to_owned());
    }

    /// Notes whether something is as it must be.
    pub(super) fn check(&mut self, what: impl Into<String>, expected: impl ToString, actual: impl ToString) {
        let check = Check { what: what.into(), expected: expected.to_string(), actual: actual.to_string() };
        if !check.holds() {
            self.say(format!("✗ {}: expected {}, is {}", check.what, check.expected, check.actual));
        }
        self.checks.push(check);
    }

    /// What is not as it must be.
    pub(super) fn off(&self) -> Vec<String> {
        let off = self.checks.iter().filter(|check| !check.holds());
        off.map(|check| format!("{}: expected {}, is {}", check.what, check.expected, check.actual)).collect()
    }

    /// How many checks hold, and which do not.
    pub(super) fn summary(&self) -> String {
        let held = self.checks.iter().filter(|check| check.holds()).count();
        let off: Vec<String> = self.off().into_iter().map(|off| format!("\n  off: {off}")).collect();
        format!("{held} of {} checks hold{}", self.checks.len(), off.concat())
    }

    /// The lines, for machines.
    pub(super) fn lines(&self) -> Vec<&str> {
        self.lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect()
    }

    /// The checks, for machines.
    pub(super) fn checks(&self) -> Vec<Value> {
        let check = |check: &Check| json!({ "what": check.what, "ok": check.holds(), "expected": check.expected, "actual": check.actual });
        self.checks.iter().map(check).collect()
    }
}

/// Looks again and again until it is there; what a look saw instead is told if the time runs out.
pub(super) async fn eventually<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> anyhow::Result<Result<T, String>>,
) -> anyhow::Result<T> {
    let start = Instant::now();
    loop {
        match look().await? {
            Ok(there) => return Ok(there),
            Err(seen) if start.elapsed() > DEADLINE => {
                bail!("waited {} s in vain for {what}; seen last: {seen}", DEADLINE.as_secs())
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_is_off_is_named_and_the_others_are_still_made() {
        let mut tale = Tale::new(true);
        tale.check("orders in the ERP", 2, 1);
        tale.check("invoices in the ERP", 2, 2);
        assert_eq!(tale.off(), ["orders in the ERP: expected 2, is 1"]);
        assert_eq!(tale.summary(), "1 of 2 checks hold\n  off: orders in the ERP: expected 2, is 1");
    }
}
