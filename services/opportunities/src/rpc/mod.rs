//! One function per RPC, one transaction per function.

mod analytics;
mod opportunity;
mod process;

pub(crate) use analytics::Analytics;
pub(crate) use opportunity::Opportunities;
pub(crate) use process::Processes;
