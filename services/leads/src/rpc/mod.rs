//! One function per RPC, one transaction per function.

pub mod account;
pub mod contact;
pub mod lead;
pub mod qualify;
