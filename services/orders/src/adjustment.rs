//! Allowances and charges beside the discount, of a line or of the whole: as they were agreed, and how much of them a
//! part of the document carries (R-QUO-1, R-INV-1).
//!
//! A percentage goes into each part as it is. An amount is shared: a line's by quantity, the whole's by the sum of
//! lines, each part getting what it makes due beyond the parts before it, so that all parts together carry the amount
//! that was agreed, whichever way the document is cut.

use dealflow_money::{self as money, Amount, Currency, DocumentAdjustment, MoneyError, Vat, allocate, to_minor};
use rust_decimal::Decimal;
use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};

/// One allowance or charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// How much.
    pub amount: Amount,
    /// Why, in words.
    pub reason: String,
    /// Why, as a code; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Of the whole only: the VAT that it falls under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat: Option<Vat>,
}

/// The allowances and charges of a line or of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Adjustments {
    /// What is taken off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowances: Vec<Adjustment>,
    /// What is added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charges: Vec<Adjustment>,
}

/// What the parts of a document carry of its allowances and charges so far, in minor units and in their order.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    allowances: Vec<i128>,
    charges: Vec<i128>,
}

/// How much of a line or a document is in its parts once one more is made, and how much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// With the new part: scaled quantity, or minor units.
    pub done: i128,
    /// All in all.
    pub whole: i128,
}

impl Carried {
    /// Counts one part more, or (`sign` −1) one that was taken back.
    pub fn count(&mut self, allowances: impl Iterator<Item = i64>, charges: impl Iterator<Item = i64>, sign: i128) {
        add(&mut self.allowances, allowances, sign);
        add(&mut self.charges, charges, sign);
    }
}

fn add(sums: &mut Vec<i128>, amounts: impl Iterator<Item = i64>, sign: i128) {
    for (index, amount) in amounts.enumerate() {
        if sums.len() <= index {
            sums.push(0);
        }
        sums[index] += sign * i128::from(amount);
    }
}

impl Share {
    /// Of quantities, which have six decimals at the most.
    pub fn of_quantities(done: Decimal, whole: Decimal) -> Self {
        let scaled = |quantity: Decimal| {
            let mut quantity = quantity;
            quantity.rescale(6);
            quantity.mantissa()
        };
        Self { done: scaled(done), whole: scaled(whole) }
    }

    /// Nothing of it.
    pub const NONE: Self = Self { done: 0, whole: 1 };

    /// All of it.
    pub const ALL: Self = Self { done: 1, whole: 1 };

    /// How much of `amount` is due by now: nothing before the first part, all of it at the last.
    fn of(self, amount: i64) -> Result<i64, MoneyError> {
        let (done, whole) = (self.done * self.whole.signum(), self.whole.abs());
        if done >= whole {
            return Ok(if whole == 0 { 0 } else { amount });
        }
        if done <= 0 {
            return Ok(0);
        }
        let narrow = |wide: i128| i64::try_from(wide).map_err(|_| MoneyError::Overflow { field: "amount".to_owned() });
        let shares = allocate(amount, &[narrow(done)?, narrow(whole - done)?])?;
        Ok(shares[0])
    }
}

impl Adjustments {
    /// Whether there is none of either.
    pub fn is_empty(&self) -> bool {
        self.allowances.is_empty() && self.charges.is_empty()
    }

    /// As a column has them: nothing where there is none.
    pub fn stored(self) -> Option<Self> {
        if self.is_empty() { None } else { Some(self) }
    }

    /// What a new part carries, given what the parts before it do.
    pub fn part(&self, carried: &Carried, share: Share, currency: Currency) -> Result<Self, MoneyError> {
        let part = |all: &[Adjustment], carried: &[i128]| -> Result<Vec<Adjustment>, MoneyError> {
            let all = all.iter().enumerate();
            all.map(|(index, one)| {
                let before = carried.get(index).copied().unwrap_or_default();
                Ok(Adjustment { amount: part_of(one.amount, before, share, currency)?, ..one.clone() })
            })
            .collect()
        };
        Ok(Self {
            allowances: part(&self.allowances, &carried.allowances)?,
            charges: part(&self.charges, &carried.charges)?,
        })
    }

    /// For the arithmetic of a line.
    pub(crate) fn of_line(given: &[Adjustment]) -> Vec<money::Adjustment> {
        given.iter().map(|one| money::Adjustment { amount: one.amount, reason: one.reason.clone() }).collect()
    }

    /// For the arithmetic of the whole.
    pub(crate) fn of_whole(given: &[Adjustment]) -> Vec<DocumentAdjustment> {
        given
            .iter()
            .map(|one| DocumentAdjustment { amount: one.amount, reason: one.reason.clone(), vat: one.vat })
            .collect()
    }
}

/// A percentage as it is; of an amount what is due beyond `before`, and never of the other sign.
fn part_of(amount: Amount, before: i128, share: Share, currency: Currency) -> Result<Amount, MoneyError> {
    let Amount::Fixed(agreed) = amount else { return Ok(amount) };
    let agreed = to_minor(agreed, currency)?;
    let due = i128::from(share.of(agreed)?) - before;
    let due = if agreed < 0 { due.min(0) } else { due.max(0) };
    Ok(Amount::Fixed(Decimal::from_i128_with_scale(due, currency.exponent())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn freight(units: i64) -> Adjustments {
        let amount = Amount::Fixed(Decimal::from(units));
        let charge = Adjustment { amount, reason: "Freight".to_owned(), code: String::new(), vat: None };
        Adjustments { allowances: Vec::new(), charges: vec![charge] }
    }

    fn minor(part: &Adjustments, currency: Currency) -> i64 {
        let Amount::Fixed(amount) = part.charges[0].amount else { panic!("an amount stays one") };
        to_minor(amount, currency).expect("it fits")
    }

    /// R-INV-1: however an order is cut, its parts carry the amount that was agreed.
    #[test]
    fn the_parts_of_an_amount_come_to_it_whichever_way_it_is_cut() {
        let euro = Currency::parse("EUR").expect("a currency");
        for (agreed, cuts, whole) in
            [(10, vec![1, 1, 1], 3), (-7, vec![-2, -9], -11), (1, vec![1; 300], 300), (5, vec![4, 8], 8)]
        {
            let (mut carried, mut done, mut sum) = (Carried::default(), 0_i128, 0);
            for cut in cuts {
                done += cut;
                let part = freight(agreed).part(&carried, Share { done, whole }, euro).expect("it can be shared");
                let amount = minor(&part, euro);
                assert!(amount.signum() * agreed.signum() >= 0, "no part is of the other sign");
                carried.count(std::iter::empty(), std::iter::once(amount), 1);
                sum += amount;
            }
            assert_eq!(sum, agreed * 100, "{agreed} of {whole}");
        }
    }

    /// R-INV-1
    #[test]
    fn what_is_taken_back_is_due_again() {
        let euro = Currency::parse("EUR").expect("a currency");
        let mut carried = Carried::default();
        carried.count(std::iter::empty(), std::iter::once(1000), 1);
        carried.count(std::iter::empty(), std::iter::once(250), -1);
        let again = freight(10).part(&carried, Share::ALL, euro).expect("it can be shared");
        assert_eq!(minor(&again, euro), 250);
    }
}
