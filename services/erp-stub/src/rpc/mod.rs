//! The contract's services: what an ERP does, and how this one is told to misbehave.

pub mod control;
pub mod erp;
mod play;
mod watch;
