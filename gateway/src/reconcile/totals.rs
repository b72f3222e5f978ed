//! Control totals: what both sides add up to, by type and currency, and VAT by category and rate.

use std::collections::BTreeMap;

use dealflow_money::{Currency, Money};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{ControlTotal, DocumentType, TotalSide};
use dealflow_proto::google::type_;
use dealflow_proto::types::v1::{Vat, VatTotal};

/// Sums of one run.
#[derive(Debug, Default)]
pub(super) struct Sums(BTreeMap<(i32, String), [Side; 2]>);

/// Whose sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Ours,
    Theirs,
}

/// What one document adds.
#[derive(Debug, Default)]
pub(super) struct Amounts<'a> {
    pub(super) net: Option<&'a type_::Money>,
    pub(super) vat: Option<&'a type_::Money>,
    pub(super) gross: Option<&'a type_::Money>,
    pub(super) groups: &'a [VatTotal],
}

/// One side, in minor units and wide enough for any number of documents.
#[derive(Debug, Default)]
struct Side {
    count: i64,
    net: i128,
    vat: i128,
    gross: i128,
    /// By category and rate.
    groups: BTreeMap<(i32, String), (i128, i128)>,
}

impl Sums {
    /// Adds a document; amounts of another currency than its own, or that cannot be read, add nothing but count.
    pub(super) fn add(&mut self, whose: Whose, kind: i32, currency: &str, amounts: &Amounts<'_>) {
        let sides = self.0.entry((kind, currency.to_owned())).or_default();
        let side = &mut sides[whose as usize];
        let minor = |money: Option<&type_::Money>| minor(money, currency);
        side.count += 1;
        side.net += minor(amounts.net);
        side.vat += minor(amounts.vat);
        side.gross += minor(amounts.gross);
        for group in amounts.groups {
            let key = group.vat.as_ref().map(|vat| (vat.category, rate(vat))).unwrap_or_default();
            let sum = side.groups.entry(key).or_default();
            sum.0 += minor(group.taxable.as_ref());
            sum.1 += minor(group.tax.as_ref());
        }
    }

    /// As the contract shows them. A group of VAT that adds up to nothing is none.
    pub(super) fn to_wire(&self) -> Vec<ControlTotal> {
        let total = |((kind, currency), [ours, theirs]): (&(i32, String), &[Side; 2])| ControlTotal {
            r#type: DocumentType::try_from(*kind).unwrap_or_default().into(),
            currency_code: currency.clone(),
            ours: Some(ours.to_wire(currency)),
            theirs: Some(theirs.to_wire(currency)),
            agrees: ours.agrees_with(theirs),
        };
        self.0.iter().map(total).collect()
    }
}

impl Side {
    /// Whether the sums are the same. An ERP that tells no VAT by category and rate is asked for the rest only.
    fn agrees_with(&self, theirs: &Self) -> bool {
        let sums = |side: &Self| (side.count, side.net, side.vat, side.gross);
        sums(self) == sums(theirs) && (theirs.groups.is_empty() || self.groups == theirs.groups)
    }

    fn to_wire(&self, currency: &str) -> TotalSide {
        let group = |((category, rate), (taxable, tax)): (&(i32, String), &(i128, i128))| VatTotal {
            vat: Some(Vat { category: *category, rate: Some(type_::Decimal { value: rate.clone() }) }),
            taxable: Some(money(*taxable, currency)),
            tax: Some(money(*tax, currency)),
        };
        TotalSide {
            count: self.count,
            net: Some(money(self.net, currency)),
            vat: Some(money(self.vat, currency)),
            gross: Some(money(self.gross, currency)),
            groups: self.groups.iter().map(group).collect(),
        }
    }
}

/// 19 and 19.00 are the same rate.
fn rate(vat: &Vat) -> String {
    let rate = vat.rate.as_ref().and_then(|rate| convert::decimal_from(rate).ok()).unwrap_or_default();
    rate.normalize().to_string()
}

fn minor(money: Option<&type_::Money>, currency: &str) -> i128 {
    let Some(money) = money.filter(|money| money.currency_code == currency) else { return 0 };
    let Ok(currency) = Currency::parse(currency) else { return 0 };
    Money::from_units_nanos(money.units, money.nanos, currency).map_or(0, |money| i128::from(money.minor))
}

/// A sum beyond what the wire's type holds is shown as the most that it holds.
fn money(minor: i128, currency: &str) -> type_::Money {
    let exponent = Currency::parse(currency).map_or(2, |currency| currency.exponent());
    let scale = 10_i128.pow(exponent);
    let (units, rest) = (minor / scale, minor % scale);
    let nanos = rest * 10_i128.pow(9_u32.saturating_sub(exponent));
    type_::Money {
        currency_code: currency.to_owned(),
        units: i64::try_from(units).unwrap_or(if units < 0 { i64::MIN } else { i64::MAX }),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(units: i64, nanos: i32) -> type_::Money {
        type_::Money { currency_code: "EUR".to_owned(), units, nanos }
    }

    #[test]
    fn r_erp_1_totals_agree_to_the_cent_and_by_rate_or_not_at_all() {
        let group = |rate: &str, tax: type_::Money| VatTotal {
            vat: Some(Vat { category: 1, rate: Some(type_::Decimal { value: rate.to_owned() }) }),
            taxable: Some(eur(10, 0)),
            tax: Some(tax),
        };
        let (net, vat, gross) = (eur(10, 0), eur(1, 900_000_000), eur(11, 900_000_000));
        let with = |groups: &[VatTotal], sums: &mut Sums, whose| {
            let amounts = Amounts { net: Some(&net), vat: Some(&vat), gross: Some(&gross), groups };
            sums.add(whose, 2, "EUR", &amounts);
        };
        let mut sums = Sums::default();
        with(&[group("19", vat.clone())], &mut sums, Whose::Ours);
        with(&[group("19.00", vat.clone())], &mut sums, Whose::Theirs);
        let [total] = &sums.to_wire()[..] else { panic!("one total") };
        assert!(total.agrees);
        assert_eq!(total.ours.as_ref().and_then(|side| side.gross.clone()), Some(gross.clone()));
        with(&[group("19", vat.clone())], &mut sums, Whose::Ours);
        with(&[group("20", vat.clone())], &mut sums, Whose::Theirs);
        assert!(!sums.to_wire()[0].agrees, "the same sums under other rates are not the same");
        let mut silent = Sums::default();
        with(&[group("19", vat.clone())], &mut silent, Whose::Ours);
        with(&[], &mut silent, Whose::Theirs);
        assert!(silent.to_wire()[0].agrees, "what the ERP does not tell is not held against it");
    }
}
