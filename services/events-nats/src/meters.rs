//! What is measured: events that were published, and since when a feed is not published to its end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dealflow_chassis::telemetry;
use dealflow_chassis::telemetry::metrics::{Counter, Gauge, KeyValue, Lazily, counter, gauge};
use tokio_util::sync::CancellationToken;

struct Meters {
    published: Counter<u64>,
    age: Gauge<f64>,
}

static METERS: Lazily<Meters> = Lazily::new(|meter| Meters {
    published: counter(meter, "dealflow.events.published", "{event}", "Events that JetStream acknowledged"),
    age: gauge(meter, "dealflow.events.behind.age", "s", "How long a feed is not published to its end; 0 where it is"),
});

/// Since when a feed is not published to its end.
#[derive(Clone)]
pub(crate) struct Behind {
    pub(crate) feed: &'static str,
    since: Arc<Mutex<Option<Instant>>>,
}

impl Behind {
    /// It is, so far.
    pub(crate) fn new(feed: &'static str) -> Self {
        Self { feed, since: Arc::default() }
    }

    /// It is not, if not since earlier then since now.
    pub(crate) fn waits(&self) {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
    }

    /// It is.
    pub(crate) fn waits_no_more(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// An event was acknowledged; the stream may have had it already.
    pub(crate) fn published(&self, duplicate: bool) {
        let Some(meters) = METERS.get() else { return };
        let labels = [KeyValue::new("dealflow.feed", self.feed), KeyValue::new("dealflow.events.duplicate", duplicate)];
        meters.published.add(1, &labels);
    }
}

/// Tells of them until the stop; nothing where this process has no metrics.
pub(crate) async fn watch(feeds: Vec<Behind>, stop: CancellationToken) {
    let Some(meters) = METERS.get() else { return };
    loop {
        for feed in &feeds {
            let since = *feed.since.lock().unwrap_or_else(PoisonError::into_inner);
            let age = since.map_or(0.0, |since| since.elapsed().as_secs_f64());
            meters.age.record(age, &[KeyValue::new("dealflow.feed", feed.feed)]);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(telemetry::EVERY) => {}
        }
    }
}
