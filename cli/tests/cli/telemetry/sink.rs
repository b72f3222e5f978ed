//! A collector of our own: keeps the spans and metrics that it is sent (OTLP over gRPC).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dealflow_chassis::security::SecurityConfig;
use dealflow_chassis::serve::{Part, ServeConfig, serve};
use dealflow_chassis::tls::TlsConfig;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// A span as the tests look at it.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) id: String,
    pub(super) parent: String,
    pub(super) trace: String,
    pub(super) name: String,
    pub(super) kind: SpanKind,
    pub(super) attributes: Vec<(String, String)>,
    /// Which process it is of.
    pub(super) instance: String,
}

impl Span {
    /// An attribute's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What was sent so far; copies are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Sink {
    spans: Arc<Mutex<Vec<Span>>>,
    metrics: Arc<Mutex<BTreeSet<String>>>,
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sink {
    /// Listens on a free port, as long as the runtime lives; answers the sink and its address.
    pub(super) async fn listen() -> (Self, String) {
        Self::listen_as(TlsConfig::default()).await
    }

    /// The same, with a certificate where there is one.
    pub(super) async fn listen_as(tls: TlsConfig) -> (Self, String) {
        let sink = Self::default();
        let part = Part::new("collector")
            .service(TraceServiceServer::new(sink.clone()))
            .service(MetricsServiceServer::new(sink.clone()));
        let security = SecurityConfig { tls, ..SecurityConfig::default() };
        let config = ServeConfig { security, ..ServeConfig::default() };
        let serving = serve(part, config, CancellationToken::new()).await.expect("a free port");
        let address = serving.uri();
        (sink, address)
    }

    /// The spans of one trace.
    pub(super) fn trace(&self, trace: &str) -> Vec<Span> {
        locked(&self.spans).iter().filter(|span| span.trace == trace).cloned().collect()
    }

    /// Whether a span is there.
    pub(super) fn any(&self, is: impl Fn(&Span) -> bool) -> bool {
        locked(&self.spans).iter().any(is)
    }

    /// The names of the metrics that were sent.
    pub(super) fn metrics(&self) -> BTreeSet<String> {
        locked(&self.metrics).clone()
    }
}

#[tonic::async_trait]
impl TraceService for Sink {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for of_process in request.into_inner().resource_spans {
            let instance = instance(of_process.resource.as_ref());
            for span in of_process.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                let kind = span.kind();
                locked(&self.spans).push(Span {
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    trace: hex(&span.trace_id),
                    name: span.name,
                    kind,
                    attributes: span.attributes.iter().map(|it| (it.key.clone(), text(it))).collect(),
                    instance: instance.clone(),
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Sink {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let all = request.into_inner().resource_metrics;
        let metrics = all.into_iter().flat_map(|it| it.scope_metrics).flat_map(|it| it.metrics);
        locked(&self.metrics).extend(metrics.map(|metric| metric.name));
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

fn instance(resource: Option<&Resource>) -> String {
    let attributes = resource.map(|resource| resource.attributes.as_slice()).unwrap_or_default();
    attributes.iter().find(|it| it.key == "service.instance.id").map(text).unwrap_or_default()
}

fn text(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
