//! The spine of every part on both databases: requests (R-API-1), what a kill leaves, the feed (R-API-2),
//! the audit's chain (R-SEC-1), a schema that a newer version has expanded.
//!
//! The guinea pig is [`counter`]: the smallest record that shows whether something was done once, twice or half.

mod audit;
mod counter;
mod feed;
mod killed;
mod numbering;
mod refusals;
mod requests;
mod schema;
mod settings;
mod statements;
