//! One document's way to the ERP, from its claim to its outcome.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_chassis::telemetry::{TARGET, span_with_parent};
use rand::Rng;
use tracing::Instrument;

use super::chain::WISHES;
use super::claim::others_passed;
use super::erp::Call;
use super::outcome::Outcome;
use super::record::{Model, Reasons, State};
use super::state::{Facts, Seen, Step, Wait, next};
use super::{Handoffs, Inner};
use crate::meters;

/// Pauses before an outcome that could not be written is written again; then the lease runs out, and the ERP is asked.
const WRITE_AGAIN: [Duration; 3] = [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5)];

impl Handoffs {
    /// Delivers a claimed document: asks first if it may be there already, sends it, writes what came of it.
    pub(super) async fn deliver(self, row: Arc<Model>, probe: bool) {
        let span = tracing::info_span!(
            target: TARGET, "hand over",
            handoff = %row.id, external_id = row.external_id, trace_id = tracing::field::Empty
        );
        let span = span_with_parent(row.traceparent.as_deref(), span);
        let work = async move {
            let outcome = self.0.attempt(row, probe).await;
            self.0.write(outcome).await;
        };
        work.instrument(span).await;
    }

    /// Gives a claimed document back untried: its turn comes again.
    pub(super) async fn release(self, row: Arc<Model>) {
        let mut after = Model::clone(&row);
        after.state = if row.look_up_first { State::Uncertain } else { State::Ready };
        after.next_attempt_at = Some(self.0.store.clock().now());
        after.version += 1;
        self.0.write(Outcome { before: row, after, calls: Vec::new() }).await;
    }
}

impl Inner {
    async fn attempt(&self, row: Arc<Model>, probe: bool) -> Outcome {
        let mut now_is = Model::clone(&row);
        let mut calls = Vec::new();
        if row.look_up_first {
            let call = self.erp.look_up(&row).await;
            self.take(&mut now_is, &call, probe).await;
            calls.push((call, now_is.state));
        }
        if row.taken_over {
            // The ERP made it: what it does not know by this name it tells of by its number.
            if now_is.state == State::Ready {
                now_is.state = State::Delivered;
                now_is.next_attempt_at = None;
            }
            if now_is.erp_number.is_empty() {
                now_is.erp_number.clone_from(&row.erp_number);
            }
        // Not there for certain, or never sent: now it is sent.
        } else if !row.look_up_first || now_is.state == State::Ready {
            now_is.state = State::InFlight;
            let call = self.erp.submit(&row).await;
            self.take(&mut now_is, &call, probe).await;
            calls.push((call, now_is.state));
        }
        now_is.calls += i32::try_from(calls.len()).unwrap_or_default();
        now_is.version += 1;
        Outcome { before: row, after: now_is, calls }
    }

    /// Takes a call's result into the row, and into what is known of the target.
    async fn take(&self, row: &mut Model, call: &Call, probe: bool) {
        let now = self.store.clock().now();
        let facts = Facts {
            attempts: row.attempts,
            budget: self.settings.schedule.budget(),
            poisonous: self.is_poisonous(row).await,
            unsure: row.look_up_first,
            open: probe || self.breaker().is_open(),
        };
        // Only a document in flight is sent, and the table answers all that can be seen of one.
        let Some(step) = next(row.state, call.seen, facts) else { return };
        if self.breaker().saw(step.health, now) {
            tracing::error!(code = call.code, message = call.message, "the ERP is given a rest: documents wait");
        }
        apply(row, &step, call, self.due(&step, row.attempts + i32::from(step.attempt), call, now), now);
        row.owner_told = step.state != State::Rejected || self.settings.on_rejected.is_none();
        meters::attempted(call.method, &format!("{:?}", call.seen), &step.state.to_string());
        if step.state == State::Delivered && WISHES.contains(&row.kind) {
            row.news_at = Some(now);
        }
        tell(row, &step, call);
    }

    /// Whether one more failure would be one too many while others pass.
    async fn is_poisonous(&self, row: &Model) -> bool {
        let poison = &self.settings.poison;
        let Some(since) = row.failing_since.filter(|_| row.failures + 1 >= poison.failures) else { return false };
        match others_passed(&self.store, since, poison.others).await {
            Ok(passed) => passed,
            Err(error) => {
                tracing::warn!(%error, "whether others pass is not known");
                false
            }
        }
    }

    /// When the document is due after a step.
    fn due(&self, step: &Step, attempts: i32, call: &Call, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let wait = match step.wait {
            Wait::Never => return None,
            Wait::Now => TimeDelta::zero(),
            Wait::Poll => self.settings.poll,
            Wait::Dependency => self.settings.dependency_wait,
            Wait::Schedule => {
                let wait = self.settings.schedule.wait_after(attempts, rand::rng().random_range(-100..=100));
                let least = call.retry_after.and_then(|least| TimeDelta::from_std(least).ok());
                wait.max(least.unwrap_or_default())
            }
        };
        Some(now + wait)
    }

    async fn write(&self, outcome: Outcome) {
        let mut pauses = WRITE_AGAIN.iter();
        loop {
            match self.outcomes.put(outcome.clone()).await {
                Ok(true) => return,
                Ok(false) => {
                    tracing::warn!(handoff = %outcome.before.id, "the lease had run out; another worker decides");
                    return;
                }
                Err(error) => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => {
                        tracing::error!(handoff = %outcome.before.id, %error, "the outcome is not written; the lease will run out");
                        return;
                    }
                },
            }
        }
    }
}

fn apply(row: &mut Model, step: &Step, call: &Call, due: Option<DateTime<Utc>>, now: DateTime<Utc>) {
    row.state = step.state;
    row.next_attempt_at = due;
    row.look_up_first = step.unsure;
    row.attempts += i32::from(step.attempt);
    if step.failure && step.attempt {
        row.failures += 1;
        row.failing_since = row.failing_since.or(Some(now));
    } else if !step.failure && call.seen != Seen::Absent {
        row.failures = 0;
        row.failing_since = None;
    }
    if step.state == State::Delivered {
        // The attempt that succeeds is one too.
        row.attempts += 1;
        row.erp_number.clone_from(&call.erp_number);
        row.last_error.clear();
    } else if call.code == "OK" {
        row.last_error.clone_from(&call.message);
    } else if call.seen != Seen::Absent {
        row.last_error = format!("{} {}: {}", call.method, call.code, call.message);
    }
    row.reasons = Reasons(call.reasons.iter().cloned().map(Into::into).collect());
}

fn tell(row: &Model, step: &Step, call: &Call) {
    let (handoff, external_id, error) = (row.id, row.external_id.as_str(), row.last_error.as_str());
    match step.state {
        State::DeadLettered if call.seen == Seen::Conflict => {
            tracing::error!(%handoff, external_id, error, severity = "high", "the ERP holds other content under this id");
        }
        State::DeadLettered => tracing::error!(%handoff, external_id, error, "set aside; an operator decides"),
        State::Rejected => tracing::warn!(%handoff, external_id, error, "the ERP refused the document"),
        State::Delivered | State::Ready => tracing::debug!(%handoff, external_id, state = %step.state, "handed over"),
        _ => tracing::info!(%handoff, external_id, error, state = %step.state, "not delivered yet"),
    }
}
