//! What each VAT category demands: BR-S, BR-Z, BR-E, BR-AE, BR-IC, BR-G, BR-O, BR-AF, BR-AG, -01 to -14.

use std::collections::BTreeMap;

use roxmltree::Node;

use super::parties::{party, tax_registration, vat_id};
use super::{Bill, Broken, Dec, adjustments, all, amount, number, text};

/// Rules' name, rate above zero asked for, rate zero asked for, reason asked for.
const CATEGORIES: &[(&str, &str, bool, bool, bool)] = &[
    ("S", "BR-S", true, false, false),
    ("Z", "BR-Z", false, true, false),
    ("E", "BR-E", false, true, true),
    ("AE", "BR-AE", false, true, true),
    ("K", "BR-IC", false, true, true),
    ("G", "BR-G", false, true, true),
    ("O", "BR-O", false, true, true),
    ("L", "BR-AF", false, false, false),
    ("M", "BR-AG", false, false, false),
];

/// Category and rate as they are written.
type Key = (String, String);

pub(crate) fn check(bill: &Bill<'_>, broken: &mut Broken) {
    let groups = all(bill.root, "cac:TaxTotal/cac:TaxSubtotal");
    let mut bases: BTreeMap<Key, Dec> = BTreeMap::new();
    let mut add = |node: Node<'_, '_>, sum: Dec, suffix: &str, broken: &mut Broken| {
        let key = category(node, suffix, broken);
        let base = bases.entry(key).or_insert(Dec::ZERO);
        *base = base.plus(sum);
    };
    for line in &bill.lines {
        for node in all(*line, "cac:Item/cac:ClassifiedTaxCategory") {
            add(node, amount(*line, "cbc:LineExtensionAmount"), "05", broken);
        }
    }
    for (charge, suffix) in [(false, "06"), (true, "07")] {
        for adjustment in adjustments(bill.root, charge) {
            let sum = amount(adjustment, "cbc:Amount");
            for node in all(adjustment, "cac:TaxCategory") {
                add(node, if charge { sum } else { Dec::ZERO.minus(sum) }, suffix, broken);
            }
        }
    }
    for group in &groups {
        for node in all(*group, "cac:TaxCategory") {
            let (code, rate) = category(node, "09", broken);
            let rules = rules(&code);
            let base = bases.remove(&(code.clone(), rate.clone()));
            broken.unless(base.is_some(), &format!("{rules}-01"), format!("a group {code} {rate} of nothing"));
            let taxable = amount(*group, "cbc:TaxableAmount");
            broken.unless(base.is_none_or(|base| base == taxable), &format!("{rules}-08"), format!("{code} {rate}"));
            reason(node, &code, broken);
            parties(bill, &code, broken);
            broken.unless(code != "O" || groups.len() == 1, "BR-O-11", "O beside another group");
        }
    }
    for (code, rate) in bases.keys() {
        broken.unless(false, &format!("{}-01", rules(code)), format!("no group {code} {rate}, or two"));
    }
}

fn rules(code: &str) -> &'static str {
    CATEGORIES.iter().find(|known| known.0 == code).map_or("BR-CL-17", |known| known.1)
}

/// Reads a category and looks at its rate (-05 to -07).
fn category(node: Node<'_, '_>, suffix: &str, broken: &mut Broken) -> Key {
    let code = text(node, "cbc:ID").unwrap_or_default();
    let rate = number(node, "cbc:Percent");
    broken.unless(text(node, "cac:TaxScheme/cbc:ID").as_deref() == Some("VAT"), "BR-CO-04", "the scheme is VAT");
    let Some((_, rules, positive, zero, _)) = CATEGORIES.iter().find(|known| known.0 == code) else {
        broken.unless(false, "BR-CL-17", &code);
        return (code, String::new());
    };
    let rule = format!("{rules}-{suffix}");
    broken.unless(rate.is_some() != (code == "O"), &rule, "a rate, but for O");
    let rate = rate.unwrap_or(Dec::ZERO);
    broken.unless(rate >= Dec::ZERO, &rule, "a rate below zero");
    broken.unless(!positive || rate > Dec::ZERO, &rule, "a rate above zero");
    broken.unless(!zero || rate == Dec::ZERO, &rule, "the rate zero");
    (code, text(node, "cbc:Percent").unwrap_or_default())
}

/// -10, BR-CL-22 and PEPPOL-EN16931-P0104 to P0111.
fn reason(node: Node<'_, '_>, code: &str, broken: &mut Broken) {
    let reason_code = text(node, "cbc:TaxExemptionReasonCode");
    let given = text(node, "cbc:TaxExemptionReason").is_some() || reason_code.is_some();
    let asked = CATEGORIES.iter().any(|known| known.0 == code && known.4);
    broken.unless(given == asked, &format!("{}-10", rules(code)), "a reason where it is asked for, and only there");
    let Some(reason_code) = reason_code else { return };
    broken.unless(reason_code.starts_with("VATEX-"), "BR-CL-22", &reason_code);
    let belongs = match reason_code.as_str() {
        "VATEX-EU-G" => "G",
        "VATEX-EU-O" => "O",
        "VATEX-EU-IC" => "K",
        "VATEX-EU-AE" => "AE",
        "VATEX-EU-D" | "VATEX-EU-F" | "VATEX-EU-I" | "VATEX-EU-J" => "E",
        _ => code,
    };
    broken.unless(belongs == code, "PEPPOL-EN16931-P0104", &reason_code);
}

/// -02 to -04, BR-IC-11, BR-IC-12.
fn parties(bill: &Bill<'_>, code: &str, broken: &mut Broken) {
    let seller = party(bill, "cac:AccountingSupplierParty/cac:Party");
    let buyer = party(bill, "cac:AccountingCustomerParty/cac:Party");
    let (Some(seller), Some(buyer)) = (seller, buyer) else { return };
    let rule = format!("{}-02", rules(code));
    let (sellers, buyers) = (vat_id(seller), vat_id(buyer));
    match code {
        "O" => broken.unless(sellers.is_none() && buyers.is_none(), &rule, "a VAT id where nothing is subject to VAT"),
        "K" | "G" => broken.unless(sellers.is_some(), &rule, "the seller's VAT id"),
        _ => broken.unless(sellers.is_some() || tax_registration(seller).is_some(), &rule, "the seller's VAT id"),
    }
    if code == "K" {
        broken.unless(buyers.is_some(), &rule, "the buyer's VAT id");
        let day = text(bill.root, "cac:Delivery/cbc:ActualDeliveryDate").is_some();
        broken.unless(day || !all(bill.root, "cac:InvoicePeriod").is_empty(), "BR-IC-11", "no day of delivery");
        let country = "cac:Delivery/cac:DeliveryLocation/cac:Address/cac:Country/cbc:IdentificationCode";
        broken.unless(text(bill.root, country).is_some(), "BR-IC-12", "no country of delivery");
    }
    if code == "AE" {
        let registered = text(buyer, "cac:PartyLegalEntity/cbc:CompanyID").is_some();
        broken.unless(buyers.is_some() || registered, &rule, "the buyer's VAT id or registration");
    }
}
