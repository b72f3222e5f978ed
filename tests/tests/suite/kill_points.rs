//! R-FLW-1, R-ERP-1: a few deaths of the crash matrix, by the drill that has all of them.
//!
//! `cargo run -p dealflow-tests --bin crash_matrix` is the whole: every commit and every call of close, fulfill and
//! hand-over, on both databases. Here are a step, its commit, the flow's end, and the ERP's part of a hand-over.

use std::process::Command;

use serde_json::Value;

/// Where it dies, each with its moment.
const POINTS: [&str; 6] = [
    "orders PostInvoice 1 before",
    "orders PostInvoice 1 commit 1 inside",
    "orders PostInvoice 1 commit 1 after",
    "gateway commit 1 after",
    "erp SubmitInvoice 1 inside",
    "erp SubmitInvoice 1 after",
];

/// R-FLW-1, R-ERP-1
#[test]
fn a_deal_whose_suite_is_killed_while_it_is_fulfilled_ends_as_if_nothing_had_happened() {
    let mut drill = Command::new(env!("CARGO_BIN_EXE_crash_matrix"));
    drill.args(["--verb", "fulfill", "--database", "sqlite", "--side-by-side", "6", "--json"]);
    drill.args(POINTS.iter().flat_map(|point| ["--point", point]));
    let run = drill.output().expect("the drill starts");
    let (told, complaints) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{}: {told}\n{complaints}", run.status);
    let told: Value = serde_json::from_str(&told).expect("the drill tells JSON");
    assert_eq!(told["consistent"], POINTS.len(), "every point is reached: {told:#}");
}
