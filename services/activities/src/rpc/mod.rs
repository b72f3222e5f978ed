//! One function per RPC, one transaction per function.

pub mod activity;
pub mod employee;
