//! One trace across parts, whichever way they are reached.

use std::sync::Once;

use dealflow_chassis::serve::{Part, ServeConfig, serve};
use dealflow_chassis::telemetry::{TARGET, span_with_parent, traceparent_of_current_span};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use crate::pig::{Pig, ask, remote};

/// Spans get ids and go nowhere.
fn tracing_is_on() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let provider = SdkTracerProvider::builder().build();
        let filter = tracing_subscriber::EnvFilter::new(format!("info,{TARGET}=debug"));
        let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(filter).with(traces);
        tracing::subscriber::set_global_default(subscriber).expect("no other test sets one");
    });
}

/// The trace and the span that a `traceparent` names.
fn ids(traceparent: &str) -> (&str, &str) {
    let mut parts = traceparent.split('-').skip(1);
    (parts.next().expect("a trace id"), parts.next().expect("a span id"))
}

#[tokio::test]
async fn the_callers_trace_reaches_the_handler_with_a_span_for_each_side() {
    tracing_is_on();
    let stop = CancellationToken::new();
    let (behind, wire) = Pig::new().serve(ServeConfig::default(), &stop).await;
    let gate = Part::new("gate").pass_on("test.v1.Pig", wire.clone());
    let gate = serve(gate, ServeConfig::default(), stop.clone()).await.unwrap();
    for link in [behind.link.clone(), wire, gate.link.clone(), remote(&gate)] {
        let span = tracing::info_span!("caller");
        let own = span.in_scope(traceparent_of_current_span).expect("the span is traced");
        let answer = ask(&link, "Trace").instrument(span).await.unwrap();
        let (header, handler) = answer.split_once(' ').unwrap();
        assert_eq!((ids(header).0, ids(handler).0), (ids(&own).0, ids(&own).0), "it is one trace");
        let spans = [ids(&own).1, ids(header).1, ids(handler).1];
        assert!(spans[0] != spans[1] && spans[1] != spans[2], "caller, client and server have spans: {spans:?}");
    }
}

#[test]
fn a_span_continues_the_trace_that_an_event_has_kept() {
    tracing_is_on();
    let kept = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let span = span_with_parent(Some(kept), tracing::info_span!("follow-up"));
    let own = span.in_scope(traceparent_of_current_span).unwrap();
    assert_eq!(ids(&own).0, ids(kept).0);
    assert_ne!(ids(&own).1, ids(kept).1);
    let alone = span_with_parent(Some("nonsense"), tracing::info_span!("alone"));
    assert_ne!(ids(&alone.in_scope(traceparent_of_current_span).unwrap()).0, ids(kept).0);
}
