//! An order that is to be another one: what is delivered or billed of it stays (R-ORD-1).
//!
//! What is delivered cannot be ordered less, in another unit, or as another product. What is billed has its price on an
//! invoice: that stays too, and so does what holds for the whole order. A credit note makes both free again.

use rust_decimal::Decimal;

use super::{Model, State};
use crate::content::Content;
use crate::document::Line;
use crate::error::Error;
use crate::invoice::Billed;
use crate::payment_terms;
use crate::record::{Moment, Told};

impl Model {
    /// With another content. Of lines that stay as they were, the rates that they were converted by stay too, and so they
    /// do where the ERP took lines with their prices.
    #[must_use]
    pub(crate) fn with(self, content: Content, new_lines: bool) -> Self {
        let anew = new_lines && !self.is_at_erp();
        Self {
            currency: content.currency.code().to_owned(),
            discount_percent: content.discount,
            adjustments: content.adjustments,
            lines: content.lines,
            totals: content.totals,
            price_list_id: content.price_list,
            used_rates: if anew { content.rates } else { content.rates.or(self.used_rates.clone()) },
            ..self
        }
    }

    /// Under other terms of payment: it takes over what they say.
    #[must_use]
    pub(crate) fn under(self, terms: Option<&payment_terms::Model>) -> Self {
        let Some(terms) = terms else { return Self { payment_terms_id: None, plan: None, ..self } };
        Self {
            payment_terms_id: Some(terms.id),
            plan: terms.plan.clone().stored(),
            payment_days: terms.net_days,
            terms: if terms.text.is_empty() { self.terms.clone() } else { terms.text.clone() },
            ..self
        }
    }

    /// The order in the place of the one `before`, of which this is billed; refused where it takes back what is done.
    pub fn replacing(mut self, before: &Self, billed: &Billed, now: Moment) -> Result<Self, Error> {
        for line in &mut self.lines.0 {
            line.fulfilled = before.lines.get(&line.id).map(|line| line.fulfilled).unwrap_or_default();
        }
        for line in &before.lines.0 {
            keeps(line, self.lines.get(&line.id), billed)?;
        }
        let whole = |order: &Self| {
            let Self { currency, legal_entity, account_id, order_date, adjustments, .. } = order.clone();
            (currency, legal_entity, account_id, order_date, order.discount_percent, adjustments)
        };
        if billed.is_anything() && whole(&self) != whole(before) {
            let (what, stays) = (before.name(), "account, currency, day, discount, allowances and charges stay");
            return Err(Error::DoneStays { what, done: "billed in part", stays });
        }
        if self.totals != before.totals {
            self.check_carried(billed)?;
        }
        self.revision += i32::from(self != *before);
        self.version += 1;
        self.updated_at = now.at;
        let (state, held_from) = match self.held_from {
            Some(held) => (self.state, Some(self.as_far_as_delivered(held))),
            None => (self.as_far_as_delivered(self.state), None),
        };
        let state_since = if state == self.state { self.state_since } else { now.at };
        Ok(Self { state, held_from, state_since, ..self })
    }

    /// Refuses a change that leaves nothing to bill while the invoices come to another amount: what is fixed, such as freight,
    /// is billed in shares, and the last share comes with the last piece (R-INV-1).
    fn check_carried(&self, billed: &Billed) -> Result<(), Error> {
        let is_billed = |line: &Line| billed.of(&line.id) == line.quantity;
        let total = self.totals.0.total_with_vat;
        if !billed.is_anything() || !self.lines.0.iter().all(is_billed) || billed.amount() == i128::from(total) {
            return Ok(());
        }
        Err(Error::RestLost { order: self.name(), total: self.totals.0.money(total).to_string() })
    }

    /// How far an order is that the ERP has, by what is delivered of it.
    fn as_far_as_delivered(&self, state: State) -> State {
        if !matches!(state, State::Submitted | State::InFulfillment | State::Fulfilled) {
            return state;
        }
        let lines = &self.lines.0;
        if lines.iter().all(|line| line.fulfilled == line.quantity) {
            State::Fulfilled
        } else if lines.iter().any(|line| !line.fulfilled.is_zero()) {
            State::InFulfillment
        } else {
            State::Submitted
        }
    }
}

/// Refuses to take back of a line what is delivered or billed of it.
fn keeps(line: &Line, new: Option<&Line>, billed: &Billed) -> Result<(), Error> {
    let is_billed = billed.of(&line.id);
    for (done, least) in [("delivered", line.fulfilled), ("billed", is_billed)] {
        if least.is_zero() {
            continue;
        }
        let asked = new.map(|line| line.quantity).unwrap_or_default();
        if asked.is_sign_negative() != least.is_sign_negative() || asked.abs() < least.abs() {
            return Err(Error::BelowDone { line: line.id.clone(), done, least, asked });
        }
    }
    let Some(new) = new.filter(|_| !line.fulfilled.is_zero() || !is_billed.is_zero()) else { return Ok(()) };
    let stays = |done, stays| Err(Error::DoneStays { what: format!("line {}", line.id), done, stays });
    if (new.product, &new.unit_code) != (line.product, &line.unit_code) {
        return stays("delivered or billed in part", "its product and unit stay");
    }
    let price = |line: &Line| (line.unit_price, line.discount_percent, line.vat, line.adjustments.clone());
    if is_billed != Decimal::ZERO && price(new) != price(line) {
        return stays("billed in part", "its price, discount, VAT, allowances and charges stay");
    }
    Ok(())
}
