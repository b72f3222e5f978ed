//! Records into messages, and what callers say into records.
//!
//! - `read`     an opportunity as a caller gives it, all faults at once
//! - `write`    a sale, its entries, its guidance
//! - `library`  processes and stages
//! - `figures`  pipeline, won and lost

mod figures;
mod library;
mod read;
mod write;

pub(crate) use figures::{pipeline_row, won_lost_row};
pub(crate) use library::{documents, new_stage, overlay_stage, process, process_change, stage, startable};
pub(crate) use read::{KNOWN, day, lose_reason, overlay, read};
pub(crate) use write::{entry, facts, sale};
