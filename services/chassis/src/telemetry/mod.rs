//! Logs for people or machines, traces for a collector, metrics for a collector or for scrapes.
//!
//! Without a collector's address there is no exporter and no thread; with a dead collector spans and metrics are dropped
//! and calls notice nothing. A trace crosses processes as W3C `traceparent`, in metadata, in events and in the call to
//! the ERP.
//!
//! - `collector.rs` the way to a collector
//! - [`metrics`] the instruments; `process.rs` those of the process itself; `watch.rs` levels that must be asked for
//! - `lines.rs` log lines for machines; `statements.rs` a span for each statement of a database

mod collector;
mod lines;
pub mod metrics;
mod process;
mod statements;
mod watch;

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::{Args, ValueEnum};
use opentelemetry::KeyValue;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::runtime::{Handle, RuntimeFlavor};
use tonic::transport::Channel;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};
use uuid::Uuid;

pub use collector::NoCollector;
pub(crate) use statements::{Database, ended};
pub use watch::{EVERY, watch};

/// The target of all spans that carry a trace on (calls at DEBUG, flows and hand-overs at INFO), so that a filter for
/// lines does not cut traces: with a collector they are on whatever is logged, and `dealflow::rpc=debug` turns them on.
pub const TARGET: &str = "dealflow::rpc";

/// The W3C header that names trace and parent span.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// What is quiet unless asked for: at DEBUG these tell of frames and statements, and an exporter of its own exports.
const QUIET: &str =
    "h2=info,hyper=info,hyper_util=info,tower=info,tonic=info,opentelemetry=warn,sqlx=warn,sea_orm=warn";

/// This process among those of the same name.
static INSTANCE: LazyLock<Uuid> = LazyLock::new(Uuid::now_v7);

/// How long the last spans may take to reach the collector when the process ends.
const FLUSH: Duration = Duration::from_secs(3);

/// What a process tells of itself, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Telemetry {
    /// Log lines for people, or one JSON object per line (with the trace id of the call)
    #[arg(long, env = "DEALFLOW_LOG_FORMAT", value_enum, default_value_t = LogFormat::Human)]
    pub log_format: LogFormat,
    /// What is logged: a level, or directives such as `info,dealflow_gateway=debug`
    #[arg(long = "log", env = "DEALFLOW_LOG", default_value = "info")]
    pub log_filter: String,
    /// Where traces and metrics go (OTLP over gRPC, e.g. http://localhost:4317); none are made if unset
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// Authorities (PEM) whose certificate is believed of a collector at an https:// address; those that browsers believe
    /// where it is not said
    #[arg(long, env = "OTEL_EXPORTER_OTLP_CERTIFICATE", value_name = "FILE")]
    pub otlp_ca: Option<OsString>,
    /// The name under which traces appear
    #[arg(long, env = "OTEL_SERVICE_NAME", default_value = "dealflow")]
    pub trace_name: String,
    /// Whether this process answers scrapes (see [`crate::serve::Admin`]): metrics are made for them too.
    #[arg(skip)]
    pub scraped: bool,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For a terminal.
    Human,
    /// One object per line.
    Json,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            log_format: LogFormat::Human,
            log_filter: "info".to_owned(),
            otlp_endpoint: None,
            otlp_ca: None,
            trace_name: "dealflow".to_owned(),
            scraped: false,
        }
    }
}

/// Why telemetry could not begin.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not understood.
    #[error("the log filter is not understood")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The collector's address cannot be one.
    #[error(transparent)]
    Collector(#[from] NoCollector),
    /// What the environment says of exports (`OTEL_EXPORTER_OTLP_…`) cannot be done.
    #[error("the export to the collector is not understood")]
    Export(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Another subscriber is at work in this process.
    #[error("logging has been set up before")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

impl Telemetry {
    /// Begins to log, to trace and to measure, for the whole process. With a collector it must be called inside the runtime.
    ///
    /// # Errors
    ///
    /// When filter or address are not understood, or when it is called twice.
    pub fn init(&self) -> Result<Guard, TelemetryError> {
        let collector = self.collector()?;
        let provider = self.provider(collector.clone())?;
        let calls = if provider.is_some() { format!(",{TARGET}=debug") } else { String::new() };
        let filter = EnvFilter::try_new(format!("{QUIET},{}{calls}", self.log_filter))?;
        let lines = match self.log_format {
            LogFormat::Human => {
                fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).boxed()
            }
            // The spans of a line carry the trace id: see `span_with_parent`.
            LogFormat::Json => fmt::layer()
                .fmt_fields(JsonFields::new())
                .event_format(lines::JsonLine)
                .with_ansi(false)
                .with_writer(std::io::stderr)
                .boxed(),
        };
        let traces =
            provider.as_ref().map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("dealflow")));
        tracing_subscriber::registry().with(filter).with(traces).with(lines).try_init()?;
        if let Some(provider) = provider.as_ref().filter(|_| collector.is_some()) {
            statements::begin(provider);
        }
        let measures = metrics::begin(collector, self.scraped, self.resource(), FLUSH)?;
        Ok(Guard { provider, measures })
    }

    /// The way to the collector, where there is one.
    fn collector(&self) -> Result<Option<Channel>, NoCollector> {
        let Some(address) = self.otlp_endpoint.as_deref().filter(|address| !address.is_empty()) else {
            return Ok(None);
        };
        let ca = self.otlp_ca.as_ref().filter(|file| !file.is_empty()).map(PathBuf::from);
        collector::channel(address, ca, FLUSH).map(Some)
    }

    /// Who tells: the name, the version, and which of several processes of that name.
    fn resource(&self) -> Resource {
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let instance = KeyValue::new("service.instance.id", INSTANCE.to_string());
        let named = Resource::builder().with_service_name(self.trace_name.clone());
        named.with_attributes([version, instance]).build()
    }

    /// Makes trace ids: for the collector, or at least for the log lines that machines read.
    fn provider(&self, collector: Option<Channel>) -> Result<Option<SdkTracerProvider>, TelemetryError> {
        if collector.is_none() && self.log_format == LogFormat::Human {
            return Ok(None);
        }
        let mut provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
            .with_resource(self.resource());
        if let Some(channel) = collector {
            let exporter = SpanExporter::builder().with_tonic().with_channel(channel).with_timeout(FLUSH).build()?;
            provider = provider.with_batch_exporter(exporter);
        }
        Ok(Some(provider.build()))
    }
}

/// Telemetry at work; dropped last, it sends what is left, within three seconds.
#[derive(Debug)]
#[must_use = "dropped at once, it ends the traces"]
pub struct Guard {
    provider: Option<SdkTracerProvider>,
    measures: Option<SdkMeterProvider>,
}

impl Guard {
    /// Sends what is left, without holding up the runtime (which the exporter itself needs).
    pub async fn flush(mut self) {
        let (provider, measures) = (self.provider.take(), self.measures.take());
        let ended = tokio::task::spawn_blocking(move || end(provider.as_ref(), measures.as_ref())).await;
        if let Err(error) = ended {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let (provider, measures) = (self.provider.take(), self.measures.take());
        match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
            // Blocking a worker as it is would starve the exporter, whose connection lives on this runtime.
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(|| end(provider.as_ref(), measures.as_ref())),
            _ => end(provider.as_ref(), measures.as_ref()),
        }
    }
}

fn end(provider: Option<&SdkTracerProvider>, measures: Option<&SdkMeterProvider>) {
    if let Some(Err(error)) = provider.map(|provider| provider.shutdown_with_timeout(FLUSH)) {
        tracing::debug!(%error, "the last spans were not sent");
    }
    if let Some(Err(error)) = measures.map(|measures| measures.shutdown_with_timeout(FLUSH)) {
        tracing::debug!(%error, "the last metrics were not sent");
    }
}

/// The `traceparent` of the span at hand; none where traces are off.
#[must_use]
pub fn traceparent_of_current_span() -> Option<String> {
    traceparent_of(&Span::current())
}

/// The `traceparent` that makes others children of this span.
pub(crate) fn traceparent_of(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let span = context.span();
    let id = span.span_context();
    id.is_valid().then(|| format!("00-{}-{}-{:02x}", id.trace_id(), id.span_id(), id.trace_flags().to_u8()))
}

/// The span as a child of the one that a `traceparent` names; as it is where there is none or traces are off.
///
/// A field `trace_id` of the span, if it has one, is filled in, so that log lines can carry it.
#[must_use]
pub fn span_with_parent(traceparent: Option<&str>, span: Span) -> Span {
    if span.is_disabled() {
        return span;
    }
    if let Some(traceparent) = traceparent {
        let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
        let parent = TraceContextPropagator::new().extract(&carrier);
        // Refused only where the span is not traced or has begun: then there is nothing to be made a child.
        if parent.span().span_context().is_valid()
            && let Err(error) = span.set_parent(parent)
        {
            tracing::trace!(%error, "a span is not traced");
        }
    }
    if span.has_field("trace_id") {
        let context = span.context();
        let trace = context.span().span_context().trace_id();
        if trace != opentelemetry::TraceId::INVALID {
            span.record("trace_id", trace.to_string());
        }
    }
    span
}
