//! What the invoices of an order have billed of it: derived from them, kept nowhere (R-ORD-1).

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::State;
use crate::document::{Lines, Totals};

/// Quantities on an order's invoices that are not void, by line.
#[derive(Clone, Debug, Default)]
pub struct Billed {
    lines: HashMap<String, Quantities>,
    payable: i128,
}

#[derive(Clone, Copy, Debug, Default)]
struct Quantities {
    all: Decimal,
    posted: Decimal,
}

impl Billed {
    /// Counts one invoice more.
    pub fn add(&mut self, state: State, lines: &Lines, totals: &Totals) {
        if state == State::Void {
            return;
        }
        self.payable += i128::from(totals.0.payable);
        for line in &lines.0 {
            let quantities = self.lines.entry(line.id.clone()).or_default();
            quantities.all += line.quantity;
            if state == State::Posted {
                quantities.posted += line.quantity;
            }
        }
    }

    /// How much of a line is on invoices, drafts too: what cannot be billed again.
    pub fn of(&self, line: &str) -> Decimal {
        self.lines.get(line).map(|quantities| quantities.all).unwrap_or_default()
    }

    /// How much of a line is on posted invoices.
    pub fn posted(&self, line: &str) -> Decimal {
        self.lines.get(line).map(|quantities| quantities.posted).unwrap_or_default()
    }

    /// What all these invoices come to, in minor units.
    pub fn payable(&self) -> i128 {
        self.payable
    }
}
