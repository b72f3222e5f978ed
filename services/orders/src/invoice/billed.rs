//! What the invoices of an order have billed of it: derived from them, kept nowhere (R-ORD-1).

use std::collections::HashMap;

use dealflow_money::AdjustmentTotals;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::State;
use crate::adjustment::Carried;
use crate::document::{Lines, Totals};

/// Quantities on an order's invoices that are not void, less what posted credit notes take back, by line.
#[derive(Clone, Debug, Default)]
pub struct Billed {
    lines: HashMap<String, OfLine>,
    sum_of_lines: i128,
    carried: Carried,
    amount: i128,
    posted_amount: i128,
    due: i128,
    posted: Vec<Uuid>,
    settled: i128,
}

#[derive(Clone, Debug, Default)]
struct OfLine {
    all: Decimal,
    posted: Decimal,
    taken_back: Decimal,
    carried: Carried,
}

impl Billed {
    /// Counts one invoice more; `asked_rounding` is no part of what the order comes to.
    pub fn add(&mut self, id: Uuid, state: State, lines: &Lines, totals: &Totals, asked_rounding: i64) {
        if state == State::Void {
            return;
        }
        if state == State::Posted {
            self.due += i128::from(totals.0.payable);
            self.posted.push(id);
        }
        self.count(lines, totals, asked_rounding, (1, state == State::Posted));
    }

    /// Counts one posted credit note: what it takes back can be billed again.
    pub fn take_back(&mut self, lines: &Lines, totals: &Totals, asked_rounding: i64) {
        self.due -= i128::from(totals.0.payable);
        self.count(lines, totals, asked_rounding, (-1, true));
    }

    fn count(&mut self, lines: &Lines, totals: &Totals, asked_rounding: i64, (sign, posted): (i8, bool)) {
        let (totals, wide) = (&totals.0, i128::from(sign));
        let residual = i128::from(totals.rounding) - i128::from(asked_rounding);
        let amount = wide * (i128::from(totals.total_with_vat) + residual);
        self.amount += amount;
        if posted {
            self.posted_amount += amount;
        }
        self.sum_of_lines += wide * i128::from(totals.sum_of_lines);
        let of = |details: &[AdjustmentTotals]| details.iter().map(|it| it.amount).collect::<Vec<_>>();
        let (allowances, charges) = (of(&totals.allowance_details), of(&totals.charge_details));
        self.carried.count(allowances.into_iter(), charges.into_iter(), wide);
        for (line, amounts) in lines.0.iter().zip(&totals.lines) {
            let of_line = self.lines.entry(line.id.clone()).or_default();
            let quantity = if sign < 0 { -line.quantity } else { line.quantity };
            of_line.all += quantity;
            if posted {
                of_line.posted += quantity;
            }
            if sign < 0 {
                of_line.taken_back += line.quantity;
            }
            of_line.carried.count(amounts.allowances.iter().copied(), amounts.charges.iter().copied(), wide);
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
        self.lines.values().any(|of_line| !of_line.all.is_zero())
    }

    /// Whether anything is on posted invoices that no credit note takes back.
    pub fn is_posted(&self) -> bool {
        self.lines.values().any(|of_line| !of_line.posted.is_zero())
    }

    /// What is to be paid by posted invoices net of credit notes, and what is paid of it, in minor units.
    pub fn due_and_paid(&self) -> (i128, i128) {
        (self.due, self.settled)
    }

    /// How much of a line is on invoices, drafts too: what cannot be billed again.
    pub fn of(&self, line: &str) -> Decimal {
        self.lines.get(line).map(|of_line| of_line.all).unwrap_or_default()
    }

    /// How much of a line is on posted invoices, net of credit notes.
    pub fn posted(&self, line: &str) -> Decimal {
        self.lines.get(line).map(|of_line| of_line.posted).unwrap_or_default()
    }

    /// How much of a line posted credit notes took back, billed again or not.
    pub fn taken_back(&self, line: &str) -> Decimal {
        self.lines.get(line).map(|of_line| of_line.taken_back).unwrap_or_default()
    }

    /// What they carry of a line's allowances and charges.
    pub fn carried(&self, line: &str) -> Carried {
        self.lines.get(line).map(|of_line| of_line.carried.clone()).unwrap_or_default()
    }

    /// What they carry of the allowances and charges of the whole.
    pub fn carried_of_whole(&self) -> Carried {
        self.carried.clone()
    }

    /// The sums of their lines net of credit notes, in minor units.
    pub fn sum_of_lines(&self) -> i128 {
        self.sum_of_lines
    }

    /// What all these invoices come to with VAT, net of credit notes, in minor units: before prepayments, and with what
    /// rounding lost or won on the way.
    pub fn amount(&self) -> i128 {
        self.amount
    }

    /// As [`Billed::amount`], of the posted ones.
    pub fn posted_amount(&self) -> i128 {
        self.posted_amount
    }
}
