//! What things cost: price lists, exchange rates, and how a price is found (R-PRD-1).
//!
//! - `list`, `item`: the lists, and what a product costs on them from a quantity on
//! - `rate`: what a currency is worth in another on a day
//! - `find`: the price of a product for a document

pub mod find;
pub mod item;
pub mod list;
pub mod rate;

pub use find::{Found, Gap, Pricing, UsedRate, UsedRates};
