//! What a process tells of itself: which build it is, how long it runs, what it uses. Read when somebody asks.

use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

/// Clock ticks of `/proc/self/stat` in a second: 100 on every Linux that we run on.
const TICKS: f64 = 100.0;
/// Bytes of a page of memory in `/proc/self/statm`.
const PAGE: u64 = 4096;

/// Adds the process's own instruments.
pub(super) fn observe(meter: &Meter) {
    let began = Instant::now();
    meter
        .u64_observable_gauge("dealflow.build.info")
        .with_description("1; its labels say which build runs")
        .with_callback(|seen| seen.observe(1, &build()))
        .build();
    meter
        .f64_observable_gauge("process.uptime")
        .with_unit("s")
        .with_description("How long the process runs")
        .with_callback(move |seen| seen.observe(began.elapsed().as_secs_f64(), &[]))
        .build();
    meter
        .f64_observable_counter("process.cpu.time")
        .with_unit("s")
        .with_description("CPU time that the process took")
        .with_callback(|seen| {
            if let Some(cpu) = cpu_seconds() {
                seen.observe(cpu, &[]);
            }
        })
        .build();
    meter
        .u64_observable_gauge("process.memory.usage")
        .with_unit("By")
        .with_description("Memory of the process that is in RAM")
        .with_callback(|seen| {
            if let Some(bytes) = resident_bytes() {
                seen.observe(bytes, &[]);
            }
        })
        .build();
    meter
        .u64_observable_gauge("process.unix.file_descriptor.count")
        .with_unit("{file_descriptor}")
        .with_description("Files and sockets that are open")
        .with_callback(|seen| {
            if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
                seen.observe(open.count() as u64, &[]);
            }
        })
        .build();
}

/// Which build: its version, and the commit where the build was told it (`DEALFLOW_COMMIT`).
fn build() -> [KeyValue; 2] {
    [
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("vcs.ref.head.revision", option_env!("DEALFLOW_COMMIT").unwrap_or("unknown")),
    ]
}

fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program may hold spaces; what follows its bracket does not.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE)
}
