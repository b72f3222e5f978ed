//! The worker: takes what is due, delivers eight at once and one of a chain, and rests while the ERP does.
//!
//! It is woken by what is stored and by what follows from an outcome; besides it looks once in a while, for retries
//! whose time has come and for what other replicas left behind. Killed at any point it loses nothing: its leases run
//! out, and whoever takes over asks the ERP first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Handoffs;
use super::breaker::Permit;
use super::claim::{claim, is_any_due};
use super::record::Model;
use super::target;

/// How long a stop waits for what is on its way; below the time that a part gives its tasks.
const LAST_CALLS: Duration = Duration::from_millis(2500);

pub(super) struct Worker {
    handoffs: Handoffs,
    owner: Uuid,
    /// Claimed, and not yet sent.
    queue: VecDeque<Arc<Model>>,
    /// Deliveries on their way; dropped with the worker.
    at_work: JoinSet<()>,
    /// The last look found less than was asked for.
    dry: bool,
    /// When it was looked last whether an operator stopped deliveries, at another replica perhaps.
    looked: Option<Instant>,
}

impl Worker {
    pub(super) fn new(handoffs: Handoffs) -> Self {
        let at_work = JoinSet::new();
        Self { handoffs, owner: Uuid::now_v7(), queue: VecDeque::new(), at_work, dry: false, looked: None }
    }

    /// Works until it is stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.fill().await;
            self.send();
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.handoffs.0.wake.notified() => self.dry = false,
                Some(ended) = self.at_work.join_next() => note(ended),
                () = tokio::time::sleep(self.handoffs.0.settings.look_again) => self.look().await,
            }
        }
        self.end().await;
    }

    /// An operator may have stopped deliveries at another replica: it is known here as soon as the worker looks again.
    async fn look_whether_paused(&mut self) {
        let inner = &self.handoffs.0;
        if self.looked.is_some_and(|looked| looked.elapsed() < inner.settings.look_again) {
            return;
        }
        self.looked = Some(Instant::now());
        match target::is_paused(inner.store.reader()).await {
            Ok(paused) => inner.pause(paused),
            Err(error) => tracing::warn!(%error, "whether deliveries are stopped is not known"),
        }
    }

    /// Claims what is wanted: a few more than can be sent at once, so that a commit serves many.
    async fn fill(&mut self) {
        self.look_whether_paused().await;
        let inner = &self.handoffs.0;
        let paused = inner.is_paused();
        let wanted = match inner.breaker().permit(inner.store.clock().now()) {
            _ if paused => 0,
            Permit::Free => inner.settings.batch,
            Permit::Probe => 1,
            Permit::Wait => 0,
        };
        while self.queue.len() > wanted {
            if let Some(row) = self.queue.pop_back() {
                self.at_work.spawn(self.handoffs.clone().release(row));
            }
        }
        if self.dry || wanted == 0 || self.queue.len() >= inner.settings.concurrency.min(wanted) {
            return;
        }
        let missing = wanted - self.queue.len();
        match claim(&inner.store, self.owner, missing as u64, inner.settings.lease).await {
            Ok(taken) => {
                self.dry = taken.len() < missing;
                self.queue.extend(taken.into_iter().map(Arc::new));
            }
            Err(error) => {
                tracing::warn!(%error, "what is due cannot be claimed");
                self.dry = true;
            }
        }
    }

    /// Sends as many as may be on their way.
    fn send(&mut self) {
        while !self.handoffs.0.is_paused() && self.at_work.len() < self.handoffs.0.settings.concurrency {
            let now = self.handoffs.0.store.clock().now();
            let permit = self.handoffs.0.breaker().permit(now);
            if permit == Permit::Wait {
                return;
            }
            let Some(row) = self.queue.pop_front() else { return };
            let handoffs = self.handoffs.clone();
            // What waited here too long would outlive its lease on the way.
            if row.next_attempt_at.is_none_or(|end| end - now < handoffs.0.longest_delivery()) {
                self.at_work.spawn(handoffs.release(row));
                continue;
            }
            let probe = permit == Permit::Probe;
            if probe {
                self.handoffs.0.breaker().probing(now);
            }
            self.at_work.spawn(handoffs.deliver(row, probe));
        }
    }

    async fn look(&mut self) {
        let store = &self.handoffs.0.store;
        match is_any_due(store, store.clock().now()).await {
            Ok(due) => self.dry = !due,
            Err(error) => tracing::warn!(%error, "what is due cannot be looked for"),
        }
    }

    /// Gives back what was not sent, and waits a little for what was.
    async fn end(mut self) {
        for row in self.queue.drain(..) {
            self.at_work.spawn(self.handoffs.clone().release(row));
        }
        let ended = async {
            while let Some(ended) = self.at_work.join_next().await {
                note(ended)
            }
        };
        if tokio::time::timeout(LAST_CALLS, ended).await.is_err() {
            tracing::info!("deliveries are cut off; the ERP is asked about them when their leases run out");
        }
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a delivery ended by a fault of its own; its lease will run out");
    }
}
