//! The program as its users run it: the built binary, its output, its exit codes.

mod activities;
mod adapters;
mod broker;
mod deals;
mod demo;
mod docs;
mod export;
mod flows;
mod import;
mod lead;
mod process;
mod security;
mod serve;
mod setting;
mod telemetry;
mod usage;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The program with arguments, and nothing of the developer's environment.
fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dealflow"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DEALFLOW_") || name.starts_with("OTEL_")) {
        command.env_remove(name);
    }
    command.args(args);
    command
}

/// What a run ended with.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// The data it printed; it must have ended with this code.
    #[track_caller]
    fn json(&self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}): {}\n{}", self.out, self.err))
    }
}

/// Runs the program to its end.
fn run(args: &[&str]) -> Ended {
    program(args).output().expect("the program starts").into()
}

/// Runs the program to its end on a data folder.
fn run_on(folder: &Path, args: &[&str]) -> Ended {
    program(args).arg("--data").arg(folder).output().expect("the program starts").into()
}
