//! What the invoices of an order have billed of it: derived from them, kept nowhere (R-ORD-1).

use std::collections::HashMap;

use rust_decimal::Decimal;
use uuid::Uuid;

use super::State;
use crate::document::{Lines, Totals};

/// Quantities on an order's invoices that are not void, less what posted credit notes take back, by line.
#[derive(Clone, Debug, Default)]
pub struct Billed {
    lines: HashMap<String, Quantities>,
    payable: i128,
    due: i128,
    posted: Vec<Uuid>,
    settled: i128,
}

#[derive(Clone, Copy, Debug, Default)]
struct Quantities {
    all: Decimal,
    posted: Decimal,
}

impl Billed {
    /// Counts one invoice more.
    pub fn add(&mut self, id: Uuid, state: State, lines: &Lines, totals: &Totals) {
        if state == State::Void {
            return;
        }
        self.payable += i128::from(totals.0.payable);
        if state == State::Posted {
            self.due += i128::from(totals.0.payable);
            self.posted.push(id);
        }
        for line in &lines.0 {
            let quantities = self.lines.entry(line.id.clone()).or_default();
            quantities.all += line.quantity;
            if state == State::Posted {
                quantities.posted += line.quantity;
            }
        }
    }

    /// Counts one posted credit note: what it takes back can be billed again.
    pub fn take_back(&mut self, lines: &Lines, totals: &Totals) {
        self.payable -= i128::from(totals.0.payable);
        self.due -= i128::from(totals.0.payable);
        for line in &lines.0 {
            let quantities = self.lines.entry(line.id.clone()).or_default();
            quantities.all -= line.quantity;
            quantities.posted -= line.quantity;
        }
    }

    /// Counts what is paid of one of its invoices.
    pub fn pay(&mut self, paid: i128) {
        self.settled += paid;
    }

    /// The posted invoices.
    pub fn posted_invoices(&self) -> &[Uuid] {
        &self.posted
    }

    /// Whether anything is on invoices that no credit note takes back, drafts too.
    pub fn is_anything(&self) -> bool {
        self.lines.values().any(|quantities| !quantities.all.is_zero())
    }

    /// What is to be paid by posted invoices net of credit notes, and what is paid of it, in minor units.
    pub fn due_and_paid(&self) -> (i128, i128) {
        (self.due, self.settled)
    }

    /// How much of a line is on invoices, drafts too: what cannot be billed again.
    pub fn of(&self, line: &str) -> Decimal {
        self.lines.get(line).map(|quantities| quantities.all).unwrap_or_default()
    }

    /// How much of a line is on posted invoices, net of credit notes.
    pub fn posted(&self, line: &str) -> Decimal {
        self.lines.get(line).map(|quantities| quantities.posted).unwrap_or_default()
    }

    /// What all these invoices come to net of credit notes, in minor units.
    pub fn payable(&self) -> i128 {
        self.payable
    }
}
