//! What the gateway measures beside its calls: flows, hand-overs, and how far it lags behind its neighbours' feeds.
//!
//! What happens is counted where it happens; how much there is at a moment is asked of the database every few seconds,
//! so that it is true after a restart too. Each replica tells of all: the greatest is the truth, not their sum.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use dealflow_chassis::Store;
use dealflow_chassis::telemetry::metrics::{Counter, Gauge, Histogram, KeyValue, Lazily, counter, gauge, seconds};
use dealflow_chassis::telemetry::{self};
use sea_orm::{ConnectionTrait, DbErr, Statement};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::follow::Feed;
use crate::handoff::Handoffs;

/// What the gateway tells.
pub(crate) struct Meters {
    flows_started: Counter<u64>,
    flow_duration: Histogram<f64>,
    attempts: Counter<u64>,
    flows: Gauge<f64>,
    flow_age: Gauge<f64>,
    handoffs: Gauge<f64>,
    handoff_age: Gauge<f64>,
    erp_resting: Gauge<f64>,
    lag: Gauge<f64>,
    lag_age: Gauge<f64>,
}

static METERS: Lazily<Meters> = Lazily::new(|meter| Meters {
    flows_started: counter(meter, "dealflow.flow.started", "{flow}", "Flows that were begun, or taken up again"),
    flow_duration: seconds(meter, "dealflow.flow.duration", "How long flows were driven until they ended, and how"),
    attempts: counter(meter, "dealflow.handoff.attempts", "{attempt}", "Calls to the ERP for a document, by result"),
    flows: gauge(meter, "dealflow.flow.current", "{flow}", "Flows that run or are parked"),
    flow_age: gauge(meter, "dealflow.flow.oldest.age", "s", "The age of the oldest flow that runs or is parked"),
    handoffs: gauge(meter, "dealflow.handoff.current", "{document}", "Documents by delivery state, but the delivered"),
    handoff_age: gauge(meter, "dealflow.handoff.oldest.age", "s", "The age of the oldest document in a delivery state"),
    erp_resting: gauge(meter, "dealflow.erp.resting", "", "1 while the ERP is given a rest, 0 while it is called"),
    lag: gauge(meter, "dealflow.feed.lag", "{event}", "Events of a neighbour's feed that are not read yet"),
    lag_age: gauge(meter, "dealflow.feed.lag.age", "s", "How long the oldest of them waits"),
});

/// The states of flows and documents that are looked at: few, and each with its index. What is over is not counted.
const FLOWS: [&str; 2] = ["RUNNING", "PARKED"];
const HANDOFFS: [&str; 7] = ["BLOCKED", "READY", "IN_FLIGHT", "RETRY_WAIT", "UNCERTAIN", "REJECTED", "DEAD_LETTERED"];

/// A flow that is driven by this instance; it ends with [`Driven::ended`].
pub(crate) struct Driven {
    verb: String,
    began: Instant,
}

impl Driven {
    /// It begins, or is taken up again.
    pub(crate) fn begin(verb: &str) -> Self {
        if let Some(meters) = METERS.get() {
            meters.flows_started.add(1, &[KeyValue::new("dealflow.flow.verb", verb.to_owned())]);
        }
        Self { verb: verb.to_owned(), began: Instant::now() }
    }

    /// It ended here: completed, refused, parked, compensated, or another instance drives it.
    pub(crate) fn ended(self, how: &'static str) {
        let Some(meters) = METERS.get() else { return };
        let labels = [KeyValue::new("dealflow.flow.verb", self.verb), KeyValue::new("dealflow.flow.outcome", how)];
        meters.flow_duration.record(self.began.elapsed().as_secs_f64(), &labels);
    }
}

/// A call to the ERP for a document, what was seen, and the document's state after it.
pub(crate) fn attempted(method: &'static str, seen: &str, state: &str) {
    let Some(meters) = METERS.get() else { return };
    let labels = [
        KeyValue::new("dealflow.handoff.call", method),
        KeyValue::new("dealflow.handoff.result", seen.to_owned()),
        KeyValue::new("dealflow.handoff.state", state.to_owned()),
    ];
    meters.attempts.add(1, &labels);
}

/// Looks at flows, hand-overs and feeds until the stop; nothing is asked where this process has no metrics.
pub(crate) async fn watch(store: Store, handoffs: Handoffs, feeds: Vec<Feed>, stop: CancellationToken) {
    let Some(meters) = METERS.get() else { return };
    let mut behind: Vec<Behind> = feeds.into_iter().map(Behind::new).collect();
    loop {
        let looked = async {
            let flows = by_state(&store, "flow", &FLOWS).await?;
            tell(&flows, "dealflow.flow.state", &meters.flows, &meters.flow_age);
            let documents = by_state(&store, "handoff", &HANDOFFS).await?;
            tell(&documents, "dealflow.handoff.state", &meters.handoffs, &meters.handoff_age);
            Ok::<(), DbErr>(())
        };
        if let Err(error) = looked.await {
            tracing::debug!(%error, "flows and hand-overs were not looked at");
        }
        meters.erp_resting.record(f64::from(u8::from(handoffs.is_resting())), &[]);
        for feed in &mut behind {
            let name = [KeyValue::new("dealflow.feed", feed.feed.name)];
            match feed.look().await {
                Ok((lag, age)) => {
                    meters.lag.record(lag, &name);
                    meters.lag_age.record(age, &name);
                }
                // Who does not answer is known by its own metrics and by those of our calls.
                Err(status) => tracing::debug!(feed = feed.feed.name, code = ?status.code(), "the feed did not answer"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(telemetry::EVERY) => {}
        }
    }
}

/// How many rows of a table are in each state, and since when the oldest is there.
type States = Vec<(&'static str, i64, Option<DateTime<Utc>>)>;

async fn by_state(store: &Store, table: &str, states: &[&'static str]) -> Result<States, DbErr> {
    let list: Vec<String> = states.iter().map(|state| format!("'{state}'")).collect();
    let sql = format!(
        "SELECT state, COUNT(*) AS rows_there, MIN(created_at) AS first FROM {table} WHERE state IN ({}) GROUP BY state",
        list.join(", ")
    );
    let rows = store.reader().query_all_raw(Statement::from_string(store.backend(), sql)).await?;
    let mut found: States = states.iter().map(|state| (*state, 0, None)).collect();
    for row in rows {
        let state: String = row.try_get("", "state")?;
        if let Some(entry) = found.iter_mut().find(|entry| entry.0 == state) {
            entry.1 = row.try_get("", "rows_there")?;
            entry.2 = row.try_get("", "first")?;
        }
    }
    Ok(found)
}

fn tell(found: &States, label: &'static str, counts: &Gauge<f64>, ages: &Gauge<f64>) {
    let now = Utc::now();
    for (state, count, first) in found {
        let labels = [KeyValue::new(label, *state)];
        counts.record(number(*count), &labels);
        ages.record(first.map_or(0.0, |first| (now - first).as_seconds_f64().max(0.0)), &labels);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of waiting rows is far below 2^52")]
fn number(count: i64) -> f64 {
    count as f64
}

/// How far this instance is behind a feed: its head is asked for, and each head that is not reached yet is kept with
/// the moment at which it was seen.
struct Behind {
    feed: Feed,
    seen: VecDeque<(i64, Instant)>,
}

/// Heads that are kept at most; beyond it the newest are passed over, which leaves the oldest's age true.
const KEPT: usize = 720;
/// How long a neighbour may take to say how far its feed is.
const PATIENCE: Duration = Duration::from_secs(2);

impl Behind {
    fn new(feed: Feed) -> Self {
        Self { feed, seen: VecDeque::new() }
    }

    async fn look(&mut self) -> Result<(f64, f64), Status> {
        let head = self.feed.end(PATIENCE).await?;
        let now = Instant::now();
        let reached = self.feed.head();
        if self.seen.len() < KEPT && self.seen.back().is_none_or(|(last, _)| *last < head) {
            self.seen.push_back((head, now));
        }
        while self.seen.front().is_some_and(|(seen, _)| *seen <= reached) {
            self.seen.pop_front();
        }
        let age = self.seen.front().map_or(Duration::ZERO, |(_, since)| now - *since);
        Ok((number((head - reached).max(0)), age.as_secs_f64()))
    }
}
