//! Lines, their allowances and charges, and amounts that are finer than an invoice may say.

use std::collections::BTreeSet;

use dealflow_money::{is_allowance_reason, is_charge_reason};

use super::{Findings, said};
use crate::{Adjustment, Document, Figures};

pub(super) fn check(document: &Document, findings: &mut Findings) {
    let mut ids = BTreeSet::new();
    for (index, line) in document.lines.iter().enumerate() {
        let place = format!("lines[{index}]");
        let id = line.id.trim();
        findings.need(said(id), "BR-21", format!("{place}.id"), "an id (BT-126)");
        findings.need(ids.insert(id), "UBL-SR-26", format!("{place}.id"), "an id that no other line has (BT-126)");
        let unit = dealflow_money::is_unit(&line.unit);
        findings.need(unit, "BR-CL-23", format!("{place}.unit"), "a unit of UN/ECE Recommendation 20 (BT-130)");
        adjustments(&line.allowances, &format!("{place}.allowances"), "BR-42", findings);
        adjustments(&line.charges, &format!("{place}.charges"), "BR-44", findings);
    }
    adjustments(&document.allowances, "allowances", "BR-33", findings);
    adjustments(&document.charges, "charges", "BR-38", findings);
}

/// BR-33, BR-38, BR-42, BR-44: a reason in words; the code, where given, of its list.
fn adjustments(given: &[Adjustment], place: &str, rule: &str, findings: &mut Findings) {
    for (index, adjustment) in given.iter().enumerate() {
        findings.need(said(&adjustment.reason), rule, format!("{place}[{index}].reason"), "a reason in words");
        let (known, rule, list) = if place.ends_with("charges") {
            (is_charge_reason(&adjustment.code), "BR-CL-20", "a code of UNTDID 7161, or none")
        } else {
            (is_allowance_reason(&adjustment.code), "BR-CL-19", "a code of UNTDID 5189, or none")
        };
        findings.need(known || adjustment.code.is_empty(), rule, format!("{place}[{index}].code"), list);
    }
}

/// BR-DEC: an amount has two decimals at the most, so a dinar's third must be zero.
pub(super) fn check_decimals(document: &Document, figures: &Figures, findings: &mut Findings) {
    let beyond = document.currency.exponent().saturating_sub(2);
    if beyond == 0 {
        return;
    }
    let unit = 10i64.pow(beyond);
    let mut need = |amount: i64, rule: &str, field: String| {
        findings.need(amount % unit == 0, rule, field, "an amount of at most two decimals");
    };
    let totals = &figures.totals;
    for (rule, field, amount) in [
        ("BR-DEC-09", "sum_of_lines", totals.sum_of_lines),
        ("BR-DEC-10", "allowances", totals.allowances),
        ("BR-DEC-11", "charges", totals.charges),
        ("BR-DEC-12", "total_without_vat", totals.total_without_vat),
        ("BR-DEC-13", "total_vat", totals.total_vat),
        ("BR-DEC-14", "total_with_vat", totals.total_with_vat),
        ("BR-DEC-16", "prepaid", totals.prepaid),
        ("BR-DEC-17", "rounding", totals.rounding),
        ("BR-DEC-18", "payable", totals.payable),
    ] {
        need(amount, rule, format!("totals.{field}"));
    }
    for (index, group) in totals.vat.iter().enumerate() {
        need(group.taxable, "BR-DEC-19", format!("totals.vat[{index}].taxable"));
        need(group.tax, "BR-DEC-20", format!("totals.vat[{index}].tax"));
    }
    for (index, line) in figures.lines.iter().enumerate() {
        need(line.net, "BR-DEC-23", format!("lines[{index}].net"));
        for stated in &line.adjustments {
            let rules = if stated.charge { ("BR-DEC-27", "BR-DEC-28") } else { ("BR-DEC-24", "BR-DEC-25") };
            need(stated.amount, rules.0, format!("lines[{index}].adjustments"));
            need(stated.percentage.map_or(0, |(base, _)| base), rules.1, format!("lines[{index}].adjustments"));
        }
    }
    for stated in &figures.adjustments {
        let rules = if stated.charge { ("BR-DEC-05", "BR-DEC-06") } else { ("BR-DEC-01", "BR-DEC-02") };
        need(stated.amount, rules.0, "adjustments".to_owned());
        need(stated.percentage.map_or(0, |(base, _)| base), rules.1, "adjustments".to_owned());
    }
}
