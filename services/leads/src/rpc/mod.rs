//! One function per RPC, one transaction per function.

pub mod account;
pub mod contact;
mod distribute;
mod import;
pub mod lead;
pub mod person;
pub mod qualify;
