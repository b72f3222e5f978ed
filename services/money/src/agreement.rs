//! How two results differ, under the names an ERP, a validator or an auditor would use. Tolerance is
//! zero: the official validators let VAT differ by almost 1.00 and prove little.

use rust_decimal::Decimal;

use crate::{Totals, VatCategory, VatGroup};

/// One amount on which two totals disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The rule of EN 16931 that defines the amount, such as `BR-CO-15`.
    pub rule: &'static str,
    /// The field of [`Totals`], such as `total_with_vat` or `lines[2].net`.
    pub field: String,
    /// What `self` holds, in minor units; `None` where it has no such line or group.
    pub expected: Option<i64>,
    /// What the other holds.
    pub actual: Option<i64>,
}

impl Totals {
    /// All amounts in which `actual` differs from these totals; empty if they agree to the cent.
    ///
    /// Two currencies are one difference, `BT-5` without amounts, for minor units of different
    /// currencies are no comparison. Lines are compared by position, VAT groups by category and rate. The split of a document
    /// allowance is compared through the groups it ends up in.
    pub fn differences(&self, actual: &Self) -> Vec<Difference> {
        if self.currency != actual.currency {
            return vec![Difference { rule: "BT-5", field: "currency".to_owned(), expected: None, actual: None }];
        }
        let mut differences = self.line_differences(actual);
        differences.extend(self.total_differences(actual));
        differences.extend(self.group_differences(actual));
        differences
    }

    fn line_differences(&self, actual: &Self) -> Vec<Difference> {
        let net = |totals: &Self, index: usize| totals.lines.get(index).map(|line| line.net);
        (0..self.lines.len().max(actual.lines.len()))
            .filter_map(|index| {
                let field = format!("lines[{index}].net");
                difference("BT-131", field, net(self, index), net(actual, index))
            })
            .collect()
    }

    fn total_differences(&self, actual: &Self) -> Vec<Difference> {
        let named = self.named().into_iter().zip(actual.named());
        named
            .filter_map(|((rule, field, expected), (_, _, actual))| {
                difference(rule, field.to_owned(), Some(expected), Some(actual))
            })
            .collect()
    }

    fn group_differences(&self, actual: &Self) -> Vec<Difference> {
        let mut keys: Vec<_> = self.vat.iter().chain(&actual.vat).map(key).collect();
        keys.sort();
        keys.dedup();
        let group = |totals: &Self, wanted| -> Option<VatGroup> {
            totals.vat.iter().find(|group| key(group) == wanted).copied()
        };
        keys.into_iter()
            .flat_map(|wanted| {
                let (expected, actual) = (group(self, wanted), group(actual, wanted));
                let name = format!("vat[{} {}]", wanted.0, wanted.1.normalize());
                [
                    difference(
                        "BT-116",
                        format!("{name}.taxable"),
                        expected.map(|group| group.taxable),
                        actual.map(|group| group.taxable),
                    ),
                    difference(
                        "BR-CO-17",
                        format!("{name}.tax"),
                        expected.map(|group| group.tax),
                        actual.map(|group| group.tax),
                    ),
                ]
            })
            .flatten()
            .collect()
    }

    /// The totals of a document with the rules that define them.
    fn named(&self) -> [(&'static str, &'static str, i64); 9] {
        [
            ("BR-CO-10", "sum_of_lines", self.sum_of_lines),
            ("BR-CO-11", "allowances", self.allowances),
            ("BR-CO-12", "charges", self.charges),
            ("BR-CO-13", "total_without_vat", self.total_without_vat),
            ("BR-CO-14", "total_vat", self.total_vat),
            ("BR-CO-15", "total_with_vat", self.total_with_vat),
            ("BT-113", "prepaid", self.prepaid),
            ("BT-114", "rounding", self.rounding),
            ("BR-CO-16", "payable", self.payable),
        ]
    }
}

/// What identifies a group: 19 and 19.00 are one rate.
fn key(group: &VatGroup) -> (VatCategory, Decimal) {
    (group.category, group.rate)
}

fn difference(rule: &'static str, field: String, expected: Option<i64>, actual: Option<i64>) -> Option<Difference> {
    (expected != actual).then_some(Difference { rule, field, expected, actual })
}
