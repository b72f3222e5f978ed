//! Health for probes and balancers: `live`, `ready`, each service, and "" for all of it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::part::Check;

/// How often readiness is asked for, and how long an answer may take.
const EVERY: Duration = Duration::from_secs(2);

/// The part is alive: it answers, and its background work goes on. Says nothing of the database.
pub(super) const LIVE: &str = "live";
/// The part can do its work now.
const READY: &str = "ready";

/// What the health service says of a part.
#[derive(Debug, Clone)]
pub(super) struct Health {
    reporter: HealthReporter,
    names: Vec<&'static str>,
}

impl Health {
    pub(super) async fn new(reporter: HealthReporter, services: &[&'static str]) -> Self {
        let mut names = vec!["", READY];
        names.extend(services);
        let health = Self { reporter, names };
        health.live(true).await;
        health.ready(false).await;
        health
    }

    pub(super) async fn live(&self, live: bool) {
        self.reporter.set_service_status(LIVE, status(live)).await;
    }

    pub(super) async fn ready(&self, ready: bool) {
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

fn status(good: bool) -> ServingStatus {
    if good { ServingStatus::Serving } else { ServingStatus::NotServing }
}
