//! Records into messages, and what callers say into records.
//!
//! - `read`     an opportunity as a caller gives it, all faults at once
//! - `write`    a sale, its entries, its guidance
//! - `people`   participants, team, competitors, both ways
//! - `library`  processes and stages
//! - `lookups`  tactics, refused attempts, reasons of loss
//! - `figures`  pipeline, forecast, won and lost, the way through the stages

mod figures;
mod library;
mod lookups;
mod people;
mod read;
mod write;

pub(crate) use figures::{forecast_row, pipeline_row, stage_row, stay, won_lost_row};
pub(crate) use library::{documents, new_stage, overlay_stage, process, process_change, stage, startable};
pub(crate) use lookups::{ListedReason, built_in_reason, own_reason, read_reason, refused_attempt, tactics};
pub(crate) use read::{KNOWN, day, lose_reason, overlay, read};
pub(crate) use write::{entry, facts, sale};
