//! A second, naive computation of a document, to compare with: plain fractions of `i128`, no
//! `rust_decimal` arithmetic, no shared code. It is right for small numbers only.

use std::collections::BTreeMap;

use dealflow_money::{Amount, DocumentInput, VatCategory};
use rust_decimal::Decimal;

/// `numerator / denominator`, the latter above zero.
#[derive(Clone, Copy)]
struct Fraction(i128, i128);

impl Fraction {
    fn of(value: Decimal) -> Self {
        Self(value.mantissa(), 10i128.pow(value.scale()))
    }

    fn whole(value: i128) -> Self {
        Self(value, 1)
    }

    fn times(self, other: Self) -> Self {
        Self(self.0 * other.0, self.1 * other.1)
    }

    /// `other` is above zero.
    fn over(self, other: Self) -> Self {
        Self(self.0 * other.1, self.1 * other.0)
    }

    /// Half away from zero.
    fn rounded(self) -> i128 {
        let size = (2 * self.0.abs() + self.1) / (2 * self.1);
        if self.0 < 0 { -size } else { size }
    }
}

/// What the model knows of a document, in minor units.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) nets: Vec<i128>,
    pub(crate) allowances: i128,
    pub(crate) charges: i128,
    /// Category, rate in per cent × 10^6, taxable, tax.
    pub(crate) groups: Vec<(VatCategory, i128, i128, i128)>,
    pub(crate) payable: i128,
}

type Groups = BTreeMap<(VatCategory, i128), i128>;

impl Model {
    pub(crate) fn of(document: &DocumentInput) -> Self {
        let minor = Fraction::whole(10i128.pow(document.currency.exponent()));
        let money = |amount: Amount, base: i128| match amount {
            Amount::Fixed(value) => Fraction::of(value).times(minor).rounded(),
            Amount::Percent(percent) => {
                Fraction::whole(base).times(Fraction::of(percent)).over(Fraction::whole(100)).rounded()
            }
        };
        let mut nets = Vec::new();
        let mut of_lines = Groups::new();
        for line in &document.lines {
            let gross = Fraction::of(line.quantity)
                .times(Fraction::of(line.unit_price))
                .over(Fraction::of(line.base_quantity))
                .times(minor)
                .rounded();
            let sum = |given: &[dealflow_money::Adjustment]| -> i128 {
                given.iter().map(|each| money(each.amount, gross)).sum()
            };
            let net = gross - sum(&line.allowances) + sum(&line.charges);
            *of_lines.entry(key(line.vat)).or_default() += net;
            nets.push(net);
        }
        let sum_of_lines: i128 = nets.iter().sum();

        let mut groups = of_lines.clone();
        let mut header = [0, 0];
        let both = [(&document.allowances, -1), (&document.charges, 1)];
        for ((given, sign), total) in both.into_iter().zip(&mut header) {
            for each in given {
                let amount = money(each.amount, sum_of_lines);
                *total += amount;
                let shares = match each.vat {
                    Some(vat) => vec![(key(vat), amount)],
                    None => dealt_out(amount, &of_lines),
                };
                for (group, share) in shares {
                    *groups.entry(group).or_default() += sign * share;
                }
            }
        }
        let [allowances, charges] = header;
        let groups: Vec<_> = groups
            .into_iter()
            .map(|((category, rate), taxable)| {
                let tax = Fraction(taxable * rate, 100_000_000).rounded();
                (category, rate, taxable, tax)
            })
            .collect();
        let tax: i128 = groups.iter().map(|group| group.3).sum();
        let agreed = |value| Fraction::of(value).times(minor).rounded();
        Self {
            nets,
            allowances,
            charges,
            groups,
            payable: sum_of_lines - allowances + charges + tax - agreed(document.prepaid) + agreed(document.rounding),
        }
    }
}

/// Rates have at most six decimals here.
fn key(vat: dealflow_money::Vat) -> (VatCategory, i128) {
    let rate = Fraction::of(vat.rate).times(Fraction::whole(1_000_000));
    (vat.category, rate.rounded())
}

/// Gives each group the whole part of its share, then hands out what is left unit by unit, each to
/// the group that is furthest below its exact share.
fn dealt_out(amount: i128, weights: &Groups) -> Vec<((VatCategory, i128), i128)> {
    let sum: i128 = weights.values().sum();
    let (sign, size) = (amount.signum(), amount.abs());
    let exact = |weight: i128| size * weight * sum.signum();
    if sum == 0 {
        assert_eq!(amount, 0, "the model was asked for what is refused");
        return Vec::new();
    }
    let mut shares: Vec<_> =
        weights.iter().map(|(group, weight)| (*group, *weight, exact(*weight).div_euclid(sum.abs()))).collect();
    while shares.iter().map(|(_, _, share)| share).sum::<i128>() < size {
        let mut neediest = 0;
        let missing = |(_, weight, share): &(_, i128, i128)| exact(*weight) - share * sum.abs();
        for index in 1..shares.len() {
            if missing(&shares[index]) > missing(&shares[neediest]) {
                neediest = index;
            }
        }
        shares[neediest].2 += 1;
    }
    let signed = shares.into_iter();
    signed.map(|(group, _, share)| (group, sign * share)).collect()
}
