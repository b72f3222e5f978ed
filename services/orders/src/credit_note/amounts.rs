//! What a credit note takes back and what that comes to: never more than the invoice has left, nor less than nothing.

use std::collections::HashMap;

use dealflow_money::AdjustmentTotals;
use rust_decimal::Decimal;

use crate::adjustment::{Adjustments, Carried, Share};
use crate::document::{Asked, Line, Lines, Totals, Whole, currency, pick};
use crate::error::Error;
use crate::invoice::{self, Billed};
use crate::order;
use crate::record::Told;

/// What the credit notes of an invoice take back.
#[derive(Clone, Debug, Default)]
pub struct Credited {
    lines: HashMap<String, (Decimal, Carried)>,
    sum_of_lines: i128,
    carried: Carried,
    net: i128,
    payable: i128,
    asked_rounding: i64,
}

impl Credited {
    /// Counts one credit note more; `asked_rounding` is the part of its rounding that takes back what was asked for.
    pub fn add(&mut self, lines: &Lines, totals: &Totals, asked_rounding: i64) {
        let totals = &totals.0;
        self.asked_rounding += asked_rounding;
        self.net += i128::from(totals.total_without_vat);
        self.payable += i128::from(totals.payable);
        self.sum_of_lines += i128::from(totals.sum_of_lines);
        let of = |details: &[AdjustmentTotals]| details.iter().map(|it| it.amount).collect::<Vec<_>>();
        let (allowances, charges) = (of(&totals.allowance_details), of(&totals.charge_details));
        self.carried.count(allowances.into_iter(), charges.into_iter(), 1);
        for (line, amounts) in lines.0.iter().zip(&totals.lines) {
            let (quantity, carried) = self.lines.entry(line.id.clone()).or_default();
            *quantity += line.quantity;
            carried.count(amounts.allowances.iter().copied(), amounts.charges.iter().copied(), 1);
        }
    }

    /// How much of a line is taken back.
    pub fn of(&self, line: &str) -> Decimal {
        self.lines.get(line).map(|(quantity, _)| *quantity).unwrap_or_default()
    }

    /// What is taken back of a line's allowances and charges.
    pub fn carried(&self, line: &str) -> Carried {
        self.lines.get(line).map(|(_, carried)| carried.clone()).unwrap_or_default()
    }
}

/// What a credit note takes something back of: the invoice, what its credit notes take back of it, and its order with what
/// is billed of that, less what credit notes take back, drafts too.
#[derive(Clone, Copy, Debug)]
pub struct Crediting<'a> {
    /// The invoice.
    pub invoice: &'a invoice::Model,
    /// What its credit notes take back, drafts too.
    pub credited: &'a Credited,
    /// The order.
    pub order: &'a order::Model,
    /// What is billed of the order.
    pub billed: &'a Billed,
}

impl Crediting<'_> {
    /// Whether all of an order's line is billed still, once this is taken back of it: so it is where more than was ordered
    /// was billed, and what is fixed about it, such as freight, stays billed then.
    fn stays_billed(&self, line: &str, back: Decimal) -> bool {
        self.order.lines.get(line).is_some_and(|of_order| of_order.is_reached_by(self.billed.of(line) - back))
    }

    /// The lines that are asked for with their shares of what is fixed about them; all that is left where none are.
    pub(super) fn lines(&self, asked: &[Asked]) -> Result<Lines, Error> {
        let Crediting { invoice, credited, .. } = *self;
        let left = |line: &Line| line.quantity - credited.of(&line.id);
        let over = |line: &Line, asked| Error::OverCredited { line: line.id.clone(), left: left(line), asked };
        let picked = pick(&invoice.lines, asked, left, over)?;
        if picked.is_empty() {
            return Err(Error::NothingToCredit { invoice: invoice.name() });
        }
        let currency = currency(&invoice.currency)?;
        let taken_back = |(line, quantity): (&Line, Decimal)| {
            let done = credited.of(&line.id) + quantity;
            let stays = done != line.quantity && self.stays_billed(&line.id, quantity);
            let share = if stays { Share::NONE } else { Share::of_quantities(done, line.quantity) };
            let adjustments = line.adjustments.part(&credited.carried(&line.id), share, currency);
            let adjustments = adjustments.map_err(|cause| Error::Money { document: "credit_note", cause })?;
            Ok(Line { quantity, adjustments, ..line.clone() })
        };
        picked.into_iter().map(taken_back).collect::<Result<_, Error>>().map(Lines)
    }

    /// Refuses a credit note that would have the customer pay, or give him back more than the invoice asked for: of lines that
    /// were billed together, what is sold and what is taken back, only as much is credited by itself as the invoice has left.
    pub(super) fn check_amount(&self, lines: &Lines, totals: &Totals) -> Result<(), Error> {
        let Crediting { invoice, credited, .. } = *self;
        let (of_invoice, own) = (&invoice.totals.0, &totals.0);
        let left = |line: &&Line| {
            let own = lines.get(&line.id).map(|own| own.quantity).unwrap_or_default();
            line.quantity != credited.of(&line.id) + own
        };
        let together = |takes_back: bool| {
            let lines =
                invoice.lines.0.iter().filter(|line| line.quantity.is_sign_negative() == takes_back).filter(left);
            let ids: Vec<&str> = lines.map(|line| line.id.as_str()).collect();
            if ids.is_empty() { String::new() } else { format!("; credit line {} together with it", ids.join(", ")) }
        };
        if own.total_without_vat.min(own.payable) < 0 {
            return Err(Error::field("lines", format!("a total of 0 or more{}", together(false))));
        }
        let payable = i128::from(of_invoice.payable) + i128::from(of_invoice.prepaid) - credited.payable;
        let net = i128::from(of_invoice.total_without_vat) - credited.net;
        // The one that takes back all that is left comes to what is left: rounding makes up for the rest.
        let rest = invoice.lines.0.iter().any(|line| left(&line));
        if i128::from(own.payable) > payable || rest && i128::from(own.total_without_vat) > net {
            return Err(Error::field("lines", format!("at most what the invoice has left{}", together(true))));
        }
        Ok(())
    }

    /// The credit note's share of what the invoice says of the whole, what it comes to, and how much of its rounding takes
    /// back what the invoice was asked to be rounded by. What was paid in advance is given back like any other payment.
    pub(super) fn totals(&self, lines: &Lines) -> Result<(Adjustments, Totals, i64), Error> {
        let Crediting { invoice, credited, order, .. } = *self;
        let currency = currency(&invoice.currency)?;
        let now_credited =
            |line: &Line| credited.of(&line.id) + lines.get(&line.id).map(|l| l.quantity).unwrap_or_default();
        let completes = invoice.lines.0.iter().all(|line| now_credited(line) == line.quantity);
        let of_invoice = Whole::of(invoice.discount_percent, invoice.adjustments.as_ref());
        let mut whole = Whole { discount: of_invoice.discount, ..Whole::default() };
        if !of_invoice.adjustments.is_empty() {
            let own = whole.totals("credit_note", currency, lines)?;
            let done = credited.sum_of_lines + i128::from(own.0.sum_of_lines);
            let back = |line: &Line| lines.get(&line.id).map(|own| own.quantity).unwrap_or_default();
            let stays = order.lines.0.iter().all(|line| self.stays_billed(&line.id, back(line)));
            let share = match (completes, stays) {
                (true, _) => Share::ALL,
                (_, true) => Share::NONE,
                _ => Share { done, whole: i128::from(invoice.totals.0.sum_of_lines) },
            };
            let part = of_invoice.adjustments.part(&credited.carried, share, currency);
            whole.adjustments = part.map_err(|cause| Error::Money { document: "credit_note", cause })?;
        }
        let own = whole.totals("credit_note", currency, lines)?;
        if !completes {
            return Ok((whole.adjustments, own, 0));
        }
        let billed = i128::from(invoice.totals.0.payable) + i128::from(invoice.totals.0.prepaid);
        let rest = billed - credited.payable - i128::from(own.0.payable);
        // Another one may have completed it before, when there was more than is left now.
        let asked_rounding = invoice.asked_rounding - credited.asked_rounding;
        if rest == 0 {
            return Ok((whole.adjustments, own, asked_rounding));
        }
        whole.rounding = Decimal::from_i128_with_scale(rest, currency.exponent());
        let rounded = whole.totals("credit_note", currency, lines)?;
        Ok((whole.adjustments, rounded, asked_rounding))
    }
}
