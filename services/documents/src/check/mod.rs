//! What a document lacks for a form, all of it at once. The arithmetic needs no check: it is computed.

mod lines;
mod national;
mod order;
mod party;
mod vat;

use crate::{Document, Figures, Finding, Kind, codes, xml::legal};

/// The findings so far.
#[derive(Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// Notes what is lacking unless `holds`.
    pub(crate) fn need(&mut self, holds: bool, rule: impl Into<String>, field: impl Into<String>, needs: &str) {
        if !holds {
            self.0.push(Finding { rule: rule.into(), field: field.into(), needs: needs.to_owned() });
        }
    }
}

/// Whether there is a text that can be written.
pub(crate) fn said(text: &str) -> bool {
    !legal(text).is_empty()
}

/// What a document for people cannot do without.
pub(crate) fn for_people(document: &Document) -> Vec<Finding> {
    let mut findings = Findings::default();
    essentials(document, &mut findings);
    findings.0
}

/// What the rules of EN 16931 and Peppol demand of an invoice or a credit note, and Peppol of an order.
pub(crate) fn for_systems(document: &Document, figures: &Figures) -> Vec<Finding> {
    let mut findings = Findings::default();
    essentials(document, &mut findings);
    party::check(document, &mut findings);
    lines::check(document, &mut findings);
    vat::check(document, figures, &mut findings);
    lines::check_decimals(document, figures, &mut findings);
    if document.kind.is_billing() {
        billing(document, figures, &mut findings);
        national::check(document, &mut findings);
    } else {
        order::check(document, figures, &mut findings);
    }
    findings.0
}

fn essentials(document: &Document, findings: &mut Findings) {
    findings.need(said(&document.number), "BR-02", "number", "a number (BT-1)");
    findings.need(said(&document.seller.legal_name), "BR-06", "seller.legal_name", "the seller's name (BT-27)");
    findings.need(said(&document.buyer.legal_name), "BR-07", "buyer.legal_name", "the buyer's name (BT-44)");
    findings.need(!document.lines.is_empty(), "BR-16", "lines", "at least one line (BG-25)");
    for (index, line) in document.lines.iter().enumerate() {
        findings.need(said(&line.name), "BR-25", format!("lines[{index}].name"), "the item's name (BT-153)");
    }
}

fn billing(document: &Document, figures: &Figures, findings: &mut Findings) {
    let references = &document.references;
    findings.need(
        codes::is_currency(document.currency.code()),
        "BR-CL-04",
        "currency",
        "a currency that is in use (BT-5)",
    );
    findings.need(
        said(&references.buyer) || said(&references.customer_order),
        "PEPPOL-EN16931-R003",
        "references.buyer",
        "the buyer's reference (BT-10) or the customer's order number (BT-13)",
    );
    let days = document.kind == Kind::Invoice || document.payment.is_some();
    findings.need(
        figures.totals.payable <= 0 || said(&document.payment_terms) || (days && document.due_date.is_some()),
        "BR-CO-25",
        "due_date",
        "the due day (BT-9) or terms of payment (BT-20)",
    );
    if let Some(period) = document.period {
        findings.need(period.start <= period.end, "BR-29", "period", "an end (BT-74) that is not before its start");
    }
    payment(document, figures, findings);
    preceding(document, findings);
}

/// Between partners (UNCL 4461): what is given back is set off against what is owed, and no account is named.
pub(crate) const CLEARING: &str = "97";

/// BR-49, BR-50, BR-61; an invoice that asks for money says where it goes.
fn payment(document: &Document, figures: &Figures, findings: &mut Findings) {
    let Some(payment) = &document.payment else {
        let asks = document.kind == Kind::Invoice && figures.totals.payable > 0;
        findings.need(!asks, "BR-61", "payment", "means of payment with an account (BT-81, BT-84)");
        return;
    };
    if document.kind == Kind::CreditNote && payment.means == CLEARING {
        return;
    }
    findings.need(
        matches!(payment.means.as_str(), "30" | "58"),
        "BR-CL-16",
        "payment.means",
        "30 or 58, credit transfer (BT-81)",
    );
    findings.need(said(&payment.account), "BR-50", "payment.account", "the account that is paid to (BT-84)");
    let iban = payment.means != "58" || !said(&payment.account) || crate::identifier::is_iban(&payment.account);
    findings.need(iban, "DE-R-019", "payment.account", "an IBAN with right check digits for 58 (BT-84)");
}

/// A credit note names the invoice that it gives back (BT-25, BT-26).
fn preceding(document: &Document, findings: &mut Findings) {
    let preceding = &document.references.preceding;
    if document.kind == Kind::CreditNote {
        findings.need(!preceding.is_empty(), "BR-55", "references.preceding", "the invoice that is credited (BT-25)");
    }
    for (index, one) in preceding.iter().enumerate() {
        let field = format!("references.preceding[{index}]");
        findings.need(said(&one.number), "BR-55", format!("{field}.number"), "the invoice's number (BT-25)");
        if document.kind == Kind::CreditNote {
            let dated = one.issue_date.is_some();
            findings.need(dated, "BT-26", format!("{field}.issue_date"), "the invoice's day (BT-26)");
        }
    }
}
