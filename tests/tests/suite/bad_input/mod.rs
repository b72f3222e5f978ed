//! Bad input at every RPC of the spine that changes something: each a clear refusal with its reason.
//!
//! - `table.rs` a row for each RPC: a request that goes through, and what it gets when it is asked again
//! - `cases.rs` what is done to that request: for every RPC the same, from the descriptors
//! - `amounts.rs` amounts, days, quantities, codes that cannot be meant, field by field
//! - `unseen.rs` the same requests by somebody who does not see the record
//! - `lists.rs` forged page tokens, filters and orders, for every list

mod amounts;
mod cases;
mod lists;
mod table;
mod unseen;
