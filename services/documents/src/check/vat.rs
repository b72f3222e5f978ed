//! What each VAT category demands of a document: `dealflow-money` says what, this file says where it is missing.

use dealflow_money::{Presence, VatCategory};

use super::{Findings, said};
use crate::{Document, Figures, codes};

pub(super) fn check(document: &Document, figures: &Figures, findings: &mut Findings) {
    let mut categories: Vec<VatCategory> = figures.totals.vat.iter().map(|group| group.category).collect();
    categories.dedup();
    for category in &categories {
        demands(document, *category, findings);
        if category.demands().alone {
            let needs = "no group of another category beside O, not subject to VAT";
            findings.need(categories.len() == 1, "BR-O-11", "lines", needs);
        }
    }
}

fn demands(document: &Document, category: VatCategory, findings: &mut Findings) {
    let demands = category.demands();
    let rule = format!("{}-{}", demands.rules, suffix(document, category));
    if document.kind.is_billing() {
        seller(document, category, &rule, findings);
    }
    if demands.buyer_vat_id == Presence::Required {
        // BR-AE takes a legal registration for it, BR-IC does not.
        let registered = category == VatCategory::AE
            && document.buyer.registration.as_ref().is_some_and(|registration| said(&registration.id));
        let needs = "the buyer's VAT id (BT-48)";
        findings.need(said(&document.buyer.vat_id) || registered, &rule, "buyer.vat_id", needs);
    }
    if demands.delivery == Presence::Required && document.kind.is_billing() {
        delivery(document, findings);
    }
    if demands.exemption_reason == Presence::Required {
        exemption(document, category, findings);
    }
}

/// BT-31, or BT-32 where a tax registration will do.
fn seller(document: &Document, category: VatCategory, rule: &str, findings: &mut Findings) {
    if category.demands().seller_vat_id != Presence::Required {
        return;
    }
    let seller = &document.seller;
    let will_do = !matches!(category, VatCategory::K | VatCategory::G) && said(&seller.tax_registration);
    findings.need(said(&seller.vat_id) || will_do, rule, "seller.vat_id", "the seller's VAT id (BT-31)");
}

/// BR-IC-11, BR-IC-12.
fn delivery(document: &Document, findings: &mut Findings) {
    let delivered = document.delivery.as_ref();
    let day = delivered.is_some_and(|delivery| delivery.date.is_some()) || document.period.is_some();
    findings.need(day, "BR-IC-11", "delivery.date", "the day of delivery (BT-72) or the period that is billed (BG-14)");
    let country = delivered.and_then(|delivery| delivery.address.as_ref()).is_some_and(|at| said(&at.country));
    findings.need(country, "BR-IC-12", "delivery.address.country", "the country that is delivered to (BT-80)");
}

/// -10: a reason; its code of the VATEX list and of this category.
fn exemption(document: &Document, category: VatCategory, findings: &mut Findings) {
    let Some(exemption) = document.exemption(category) else {
        let rule = format!("{}-10", category.demands().rules);
        let field = format!("exemptions[{category}].reason");
        findings.need(false, rule, field, "why it is exempt, in words (BT-120) or as a code (BT-121)");
        return;
    };
    let code = exemption.code.trim();
    let field = format!("exemptions[{category}].code");
    findings.need(
        code.is_empty() || codes::is_exemption(code),
        "BR-CL-22",
        &field,
        "a code of the VATEX list (BT-121)",
    );
    let fits = codes::category_of_exemption(code).is_none_or(|fitting| fitting == category.code());
    findings.need(fits, "PEPPOL-EN16931-P0104", &field, "a code that belongs to this category (BT-121)");
}

/// -02 speaks of lines, -03 of allowances, -04 of charges.
fn suffix(document: &Document, category: VatCategory) -> &'static str {
    let named = |vat: Option<dealflow_money::Vat>| vat.is_some_and(|vat| vat.category == category);
    if document.lines.iter().any(|line| line.vat.category == category) {
        "02"
    } else if document.allowances.iter().any(|one| named(one.vat)) {
        "03"
    } else {
        "04"
    }
}
