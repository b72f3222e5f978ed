//! One function per RPC, one transaction per function.

mod analytics;
mod lookups;
mod opportunity;
mod process;
mod record;
mod run;
mod stage;
mod steps;

pub(crate) use analytics::Analytics;
pub(crate) use opportunity::Opportunities;
pub(crate) use process::Processes;
