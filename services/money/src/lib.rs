//! Amounts, VAT, rounding and allocation: the arithmetic of quotes, orders, invoices and credit
//! notes, and of the ERP stub that checks them. Pure: no clock, no I/O, no floating point.
//!
//! # Published rounding rule
//!
//! Half away from zero, symmetric in sign, to the ISO 4217 exponent of the currency. Every
//! amount is rounded once, from its exact value, see `exact`.
//!
//! # Layout
//!
//! - `currency`, `amount`: [`Currency`], [`Money`] and its conversions
//! - `exact`, `rounding`, `allocation`: the three primitives everything else is made of

mod allocation;
mod amount;
mod currency;
mod error;
mod exact;
mod rounding;

pub use allocation::allocate;
pub use amount::Money;
pub use currency::Currency;
pub use error::MoneyError;
pub use rounding::{round, to_minor};
