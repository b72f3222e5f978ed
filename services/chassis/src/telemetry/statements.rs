//! A span for each statement, as a child of the call or the flow that sent it: what it was, never with which values.
//!
//! Made when the statement has ended, and only with a collector: without one a statement pays for one comparison. What no
//! call waits for (group commits, feeds, leases) has no span at hand, and is not told of.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use sea_orm::DbBackend;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Who makes the spans; none where there is no collector.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// From now on statements are told of.
pub(super) fn begin(provider: &SdkTracerProvider) {
    // The second of a process finds the first: there is one subscriber too.
    TRACER.get_or_init(|| provider.tracer("dealflow"));
}

/// A database, as spans name it.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// Which product.
    pub(crate) backend: DbBackend,
    /// The schema, or the file without its folder and ending.
    pub(crate) namespace: String,
}

/// Tells of a statement that took so long until now. `text` has placeholders where its values are; a statement without
/// any is told of by its kind alone, for nobody knows what stands in it.
pub(crate) fn ended(of: &Database, text: &str, placeholders: bool, took: Duration, failed: bool) {
    let Some(tracer) = TRACER.get() else { return };
    let span = Span::current();
    if span.is_disabled() {
        return;
    }
    let parent = span.context();
    if !parent.span().span_context().is_sampled() {
        return;
    }
    let (operation, table) = what(text);
    let summary = if table.is_empty() { operation.clone() } else { format!("{operation} {table}") };
    let system = match of.backend {
        DbBackend::Postgres => "postgresql",
        DbBackend::Sqlite => "sqlite",
        _ => "other_sql",
    };
    let mut attributes = vec![
        KeyValue::new("db.system.name", system),
        KeyValue::new("db.namespace", of.namespace.clone()),
        KeyValue::new("db.operation.name", operation),
        KeyValue::new("db.query.summary", summary.clone()),
    ];
    if !table.is_empty() {
        attributes.push(KeyValue::new("db.collection.name", table));
    }
    if placeholders {
        attributes.push(KeyValue::new("db.query.text", text.to_owned()));
    }
    let now = SystemTime::now();
    let made = tracer
        .span_builder(summary)
        .with_kind(SpanKind::Client)
        .with_start_time(now.checked_sub(took).unwrap_or(now))
        .with_attributes(attributes);
    let mut made = tracer.build_with_context(made, &parent);
    if failed {
        // What the database says may hold values: the call's own span says what it was refused with.
        made.set_attribute(KeyValue::new("error.type", "database"));
        made.set_status(Status::error(""));
    }
    made.end_with_timestamp(now);
}

/// What a statement does, and to which table first: `INSERT INTO "lead" …` is (`INSERT`, `lead`).
fn what(text: &str) -> (String, String) {
    let words = || text.split_whitespace();
    let operation = words().next().unwrap_or_default().to_ascii_uppercase();
    let after = match operation.as_str() {
        "SELECT" | "DELETE" | "WITH" => "FROM",
        "INSERT" => "INTO",
        "UPDATE" => "UPDATE",
        _ => return (operation, String::new()),
    };
    let table = words().skip_while(|word| !word.eq_ignore_ascii_case(after)).nth(1).unwrap_or_default();
    // What is read from a query has no name: `(SELECT …`.
    let named = table.split('(').next().unwrap_or_default();
    let plain = named.trim_end_matches([',', ')', ';']).trim_matches('"');
    let is_name = plain.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    (operation, if is_name { plain.to_owned() } else { String::new() })
}

#[cfg(test)]
mod tests {
    use super::what;

    #[test]
    fn a_statement_is_named_by_what_it_does_and_to_which_table() {
        for (text, operation, table) in [
            (r#"INSERT INTO "lead" ("id") VALUES ($1)"#, "INSERT", "lead"),
            (r#"SELECT "a"."id" FROM "account" AS "a" WHERE "a"."id" = $1"#, "SELECT", "account"),
            ("select 1", "SELECT", ""),
            ("UPDATE flow SET state = 'COMPLETED'", "UPDATE", "flow"),
            ("INSERT INTO counter(name) VALUES ($1)", "INSERT", "counter"),
            (r#"DELETE FROM "claim" WHERE "at" < ?"#, "DELETE", "claim"),
            ("SELECT x FROM (SELECT 1) AS y", "SELECT", ""),
            ("SET LOCAL statement_timeout = 5", "SET", ""),
            ("COMMIT", "COMMIT", ""),
            ("", "", ""),
        ] {
            assert_eq!(what(text), (operation.to_owned(), table.to_owned()), "{text}");
        }
    }
}
