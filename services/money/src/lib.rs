//! Amounts, VAT, rounding and allocation: the arithmetic of quotes, orders, invoices and credit
//! notes, and of the ERP stub that checks them. Pure: no clock, no I/O, no floating point.
//!
//! # The way of a document
//!
//! A caller fills a [`DocumentInput`] (decimal quantities, prices and rates as they were agreed)
//! and calls [`compute`], which
//!
//! 1. refuses what cannot be meant, naming the field (`lines[2].quantity`);
//! 2. rounds each line once: quantity × price ÷ base quantity, its allowances, its charges;
//! 3. turns document allowances and charges into amounts and gives each to its VAT group, by largest
//!    remainder where no VAT is named;
//! 4. taxes each VAT group once (never each line);
//! 5. sums in 128 bits and refuses a total that does not fit 64 bits of minor units.
//!
//! The answer is [`Totals`] in minor units of the currency. [`Totals::differences`] compares two of
//! them under the names of EN 16931's rules, to the cent.
//!
//! # Published rounding rule
//!
//! Half away from zero, symmetric in sign, to the ISO 4217 exponent of the currency, at these points
//! and no others: the line before its adjustments, each line adjustment, each document adjustment,
//! the tax of each VAT group. Every one of them is rounded from its exact value, see `exact`.
//!
//! # Layout
//!
//! - `currency`, `amount`: [`Currency`], [`Money`] and its conversions
//! - `exact`, `rounding`, `allocation`: the three primitives everything else is made of
//! - `vat`: [`VatCategory`] and what each category demands of a document
//! - `unit`, `reason`: the units that a price may be for, and the codes that say why something is taken off or added
//! - `document`, `check`: what goes in, and what is refused
//! - `compute`, `totals`, `agreement`: what comes out, and how two results differ

mod agreement;
mod allocation;
mod amount;
mod check;
mod compute;
mod currency;
mod document;
mod error;
mod exact;
mod reason;
mod rounding;
mod totals;
mod unit;
mod vat;

pub use agreement::Difference;
pub use allocation::allocate;
pub use amount::Money;
pub use compute::compute;
pub use currency::Currency;
pub use document::{Adjustment, Amount, DocumentAdjustment, DocumentInput, LineInput};
pub use error::MoneyError;
pub use reason::{is_allowance_reason, is_charge_reason};
pub use rounding::{round, to_minor};
pub use totals::{AdjustmentTotals, LineTotals, Totals, VatGroup, VatShare};
pub use unit::is_unit;
pub use vat::{Presence, RateRule, Vat, VatCategory, VatDemands};
