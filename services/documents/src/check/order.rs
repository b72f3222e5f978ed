//! What Peppol's order asks for beyond the parties and the lines: an order takes nothing back.

use super::Findings;
use crate::{Document, Figures};

pub(super) fn check(document: &Document, figures: &Figures, findings: &mut Findings) {
    for (index, line) in document.lines.iter().enumerate() {
        let ordered = line.quantity >= rust_decimal::Decimal::ZERO;
        findings.need(ordered, "PEPPOL-T01-R004", format!("lines[{index}].quantity"), "a quantity of 0 or more");
        for stated in &figures.lines[index].adjustments {
            let field = format!("lines[{index}].adjustments");
            findings.need(stated.amount >= 0, "PEPPOL-T01-R032", field, "allowances and charges of 0 or more");
        }
    }
    for stated in &figures.adjustments {
        findings.need(stated.amount >= 0, "PEPPOL-T01-R032", "adjustments", "allowances and charges of 0 or more");
    }
    let totals = &figures.totals;
    findings.need(totals.payable >= 0, "PEPPOL-T01-R006", "totals.payable", "0 or more");
    findings.need(totals.sum_of_lines >= 0, "PEPPOL-T01-R007", "totals.sum_of_lines", "0 or more");
}
