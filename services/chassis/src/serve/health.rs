//! Health for probes and balancers: `live`, `ready`, each service, and "" for all of it.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::part::Check;
use crate::telemetry::metrics::{KeyValue, METERS, PART};

/// How often readiness is asked for, and how long an answer may take.
const EVERY: Duration = Duration::from_secs(2);

/// The part is alive: it answers, and its background work goes on. Says nothing of the database.
pub(super) const LIVE: &str = "live";
/// The part can do its work now.
pub(super) const READY: &str = "ready";

/// How a part is, for those who tell of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) live: bool,
    pub(super) ready: bool,
}

/// What the health service says of a part.
#[derive(Debug, Clone)]
pub(super) struct Health {
    part: &'static str,
    reporter: HealthReporter,
    names: Vec<&'static str>,
    condition: watch::Sender<Condition>,
}

impl Health {
    pub(super) async fn new(part: &'static str, reporter: HealthReporter, services: &[&'static str]) -> Self {
        let mut names = vec!["", READY];
        names.extend(services);
        let (condition, _) = watch::channel(Condition { live: true, ready: false });
        let health = Self { part, reporter, names, condition };
        health.live(true).await;
        health.ready(false).await;
        health
    }

    /// How the part is, from now on.
    pub(super) fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.subscribe()
    }

    pub(super) async fn live(&self, live: bool) {
        self.condition.send_modify(|condition| condition.live = live);
        self.reporter.set_service_status(LIVE, status(live)).await;
    }

    pub(super) async fn ready(&self, ready: bool) {
        self.condition.send_modify(|condition| condition.ready = ready);
        if let Some(meters) = METERS.get() {
            meters.ready.record(f64::from(u8::from(ready)), &[KeyValue::new(PART, self.part)]);
        }
        for name in &self.names {
            self.reporter.set_service_status(name, status(ready)).await;
        }
    }

    /// Asks and tells, until the part stops: from then on it is not ready, whatever the check says.
    pub(super) async fn follow(self, check: Check, stopping: CancellationToken) {
        let mut was = None;
        loop {
            let is = is_ready(&check).await;
            if stopping.is_cancelled() {
                return;
            }
            if was != Some(is) {
                tracing::info!(ready = is, "readiness changed");
                self.ready(is).await;
                was = Some(is);
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }
}

/// One answer of the check; silence is a no.
pub(super) async fn is_ready(check: &Check) -> bool {
    tokio::time::timeout(EVERY, check()).await.unwrap_or(false)
}

pub(super) fn status(good: bool) -> ServingStatus {
    if good { ServingStatus::Serving } else { ServingStatus::NotServing }
}
