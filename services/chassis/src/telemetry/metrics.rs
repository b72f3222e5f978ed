//! Metrics by OpenTelemetry's conventions, of the whole process: one API for those who are pushed to (OTLP) and those
//! who scrape (`/metrics` of [`crate::serve::Admin`]).
//!
//! Every instrument stands in a struct with a line that says what it tells; a crate with metrics of its own makes such
//! a struct [`Lazily`]. Where nobody asked for metrics there are no instruments, and a measurement is one comparison.
//! No label holds an id or a text of a user's: their number is bounded by the API, the parts and the process library.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};
use tonic::transport::Channel;

pub use opentelemetry::KeyValue;
pub use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};

use super::process;
use crate::history::Change;

/// The label that tells parts apart where several share a process.
pub const PART: &str = "dealflow.part";

/// Bounds of durations in seconds: those of the conventions for calls.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

static METER: OnceLock<Meter> = OnceLock::new();
static SCRAPED: OnceLock<Registry> = OnceLock::new();

/// Instruments that are made at their first use, if this process has metrics at all.
pub struct Lazily<T> {
    make: fn(&Meter) -> T,
    made: OnceLock<T>,
}

impl<T> Lazily<T> {
    /// What makes them.
    pub const fn new(make: fn(&Meter) -> T) -> Self {
        Self { make, made: OnceLock::new() }
    }

    /// The instruments; none where nobody asked for metrics.
    pub fn get(&self) -> Option<&T> {
        METER.get().map(|meter| self.made.get_or_init(|| (self.make)(meter)))
    }
}

/// A histogram of seconds.
pub fn seconds(meter: &Meter, name: &'static str, tells: &'static str) -> Histogram<f64> {
    let made = meter.f64_histogram(name).with_unit("s").with_description(tells);
    made.with_boundaries(SECONDS.to_vec()).build()
}

/// A counter of things, such as `{change}`.
pub fn counter(meter: &Meter, name: &'static str, unit: &'static str, tells: &'static str) -> Counter<u64> {
    meter.u64_counter(name).with_unit(unit).with_description(tells).build()
}

/// A level, such as a number of `{flow}` or an age in `s`.
pub fn gauge(meter: &Meter, name: &'static str, unit: &'static str, tells: &'static str) -> Gauge<f64> {
    meter.f64_gauge(name).with_unit(unit).with_description(tells).build()
}

/// What every process tells.
pub(crate) struct Meters {
    /// How long calls took, as their server saw them.
    pub(crate) server: Histogram<f64>,
    /// How long calls took, as their caller saw them.
    pub(crate) client: Histogram<f64>,
    /// Calls whose answer has not begun.
    pub(crate) active: UpDownCounter<i64>,
    /// Connections of peers.
    pub(crate) peers: UpDownCounter<i64>,
    /// Committed changes of records.
    pub(crate) changes: Counter<u64>,
    /// Committed changes of stage.
    pub(crate) stages: Counter<u64>,
    /// Whether a part can do its work.
    pub(crate) ready: Gauge<f64>,
    /// Connections of a pool by state.
    pub(crate) connections: Gauge<f64>,
    /// Connections that a pool may have.
    pub(crate) connections_max: Gauge<f64>,
    /// Changes that no reader of the feed can see yet.
    pub(crate) outbox: Gauge<f64>,
    /// The age of the oldest of them.
    pub(crate) outbox_age: Gauge<f64>,
}

pub(crate) static METERS: Lazily<Meters> = Lazily::new(|meter| Meters {
    server: seconds(meter, "rpc.server.call.duration", "How long calls took, as their server saw them"),
    client: seconds(meter, "rpc.client.call.duration", "How long calls took, as their caller saw them"),
    active: meter
        .i64_up_down_counter("dealflow.rpc.active")
        .with_unit("{call}")
        .with_description("Calls whose answer has not begun")
        .build(),
    peers: meter
        .i64_up_down_counter("dealflow.connections")
        .with_unit("{connection}")
        .with_description("Connections of peers that are open, by part")
        .build(),
    changes: counter(meter, "dealflow.changes", "{change}", "Committed changes of records, by kind of event"),
    stages: counter(meter, "dealflow.stage.transitions", "{transition}", "Committed changes of stage"),
    ready: gauge(meter, "dealflow.part.ready", "", "1 while the part can do its work, 0 while it cannot"),
    connections: gauge(meter, "db.client.connection.count", "{connection}", "Connections of a pool by state"),
    connections_max: gauge(meter, "db.client.connection.max", "{connection}", "Connections that a pool may have"),
    outbox: gauge(meter, "dealflow.outbox.depth", "{event}", "Changes that no reader of the feed can see yet"),
    outbox_age: gauge(meter, "dealflow.outbox.oldest.age", "s", "The age of the oldest change in the outbox"),
});

/// Counts what was committed.
pub(crate) fn committed(changes: &[Change]) {
    let Some(meters) = METERS.get() else { return };
    for change in changes {
        meters.changes.add(1, &[KeyValue::new("dealflow.change.kind", change.kind.clone())]);
        if change.kind.ends_with(".stage_changed") {
            let record = change.kind.trim_end_matches(".stage_changed").to_owned();
            let labels = [
                KeyValue::new("dealflow.record", record),
                KeyValue::new("dealflow.stage.from", change.from_state.clone()),
                KeyValue::new("dealflow.stage.to", change.to_state.clone()),
            ];
            meters.stages.add(1, &labels);
        }
    }
}

/// Begins to measure: for a collector, for scrapes, or both.
pub(super) fn begin(
    collector: Option<Channel>,
    scraped: bool,
    resource: Resource,
    within: Duration,
) -> Result<Option<SdkMeterProvider>, ExporterBuildError> {
    if collector.is_none() && !scraped {
        return Ok(None);
    }
    let mut provider = SdkMeterProvider::builder().with_resource(resource);
    if let Some(channel) = collector {
        let exporter = MetricExporter::builder().with_tonic().with_channel(channel).with_timeout(within).build()?;
        // OTEL_METRIC_EXPORT_INTERVAL says how often; a minute where it is not set.
        provider = provider.with_periodic_exporter(exporter);
    }
    if scraped {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone()).scope_info_enabled(false);
        match exporter.build() {
            Ok(exporter) => provider = provider.with_reader(exporter),
            Err(error) => return Err(ExporterBuildError::InternalFailure(error.to_string())),
        }
        // A second set-up is refused by the subscriber; the first registry stays.
        SCRAPED.get_or_init(|| registry);
    }
    let provider = provider.build();
    let meter = METER.get_or_init(|| provider.meter("dealflow"));
    process::observe(meter);
    Ok(Some(provider))
}

/// All metrics as Prometheus reads them; none where scrapes were not asked for.
pub(crate) fn scrape() -> Option<Result<String, prometheus::Error>> {
    SCRAPED.get().map(|registry| TextEncoder::new().encode_to_string(&registry.gather()))
}
