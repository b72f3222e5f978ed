//! What a process tells of itself, read from outside: log lines with trace ids, and a collector that is dead.

#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::{Duration, Instant};

use dealflow_chassis::telemetry::{LogFormat, Telemetry, span_with_parent};

/// Telemetry is set up once per process, so this runs in one of its own.
#[tokio::test]
#[ignore = "it is the child process of the other test"]
async fn child() {
    let telemetry = Telemetry {
        log_format: LogFormat::Json,
        // Nobody listens on port 1.
        otlp_endpoint: Some("http://127.0.0.1:1".to_owned()),
        ..Telemetry::default()
    };
    let guard = telemetry.init().unwrap();
    assert!(telemetry.init().is_err(), "a second set-up is told");
    let kept = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let began = Instant::now();
    for _ in 0..1000 {
        let span = tracing::info_span!("work", trace_id = tracing::field::Empty);
        span_with_parent(Some(kept), span).in_scope(|| tracing::info!(number = 7, "a line within"));
    }
    tracing::debug!("not asked for");
    assert!(began.elapsed() < Duration::from_secs(2), "a dead collector is not waited for: {:?}", began.elapsed());
    let began = Instant::now();
    guard.flush().await;
    assert!(began.elapsed() < Duration::from_secs(5), "the end is bounded: {:?}", began.elapsed());
}

#[test]
fn json_lines_carry_the_trace_id_and_a_dead_collector_changes_nothing() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "child", "--nocapture"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(child.stderr).unwrap();
    assert!(child.status.success(), "{}{stderr}", String::from_utf8_lossy(&child.stdout));
    let lines: Vec<&str> = stderr.lines().filter(|line| line.contains("a line within")).collect();
    assert_eq!(lines.len(), 1000);
    for line in &lines {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["trace_id"], "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(line["spans"][0]["name"], "work");
        assert_eq!(line["number"], 7);
    }
    assert!(!stderr.contains("not asked for"));
}
