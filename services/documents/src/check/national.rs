//! Rules that Peppol adds for sellers of some countries, as far as a document of ours can break them.

use super::{CLEARING, Findings, said};
use crate::{Address, Document, Party};

pub(super) fn check(document: &Document, findings: &mut Findings) {
    let (seller, buyer) = (&document.seller, &document.buyer);
    let domestic = seller.address.country == buyer.address.country;
    match seller.address.country.as_str() {
        "DE" if domestic => german(document, findings),
        "NL" => {
            address(&seller.address, "seller", ("NL-R-002", "NL-R-002", Some("NL-R-002")), findings);
            register(seller, "seller", "NL-R-003", &["0106", "0190"], findings);
            if domestic {
                address(&buyer.address, "buyer", ("NL-R-004", "NL-R-004", Some("NL-R-004")), findings);
                register(buyer, "buyer", "NL-R-005", &["0106", "0190"], findings);
            }
        }
        "IT" => address(&seller.address, "seller", ("IT-R-003", "IT-R-004", Some("IT-R-002")), findings),
        "NO" => norwegian(document, findings),
        "SE" => swedish(document, findings),
        "DK" => danish(document, findings),
        _ => {}
    }
}

/// Rules for city, post code and, where there is one, street.
type AddressRules = (&'static str, &'static str, Option<&'static str>);

fn address(address: &Address, side: &str, (city, post, street): AddressRules, findings: &mut Findings) {
    findings.need(said(&address.city), city, format!("{side}.address.city"), "a city");
    findings.need(said(&address.postal_code), post, format!("{side}.address.postal_code"), "a post code");
    if let Some(rule) = street {
        findings.need(said(&address.street), rule, format!("{side}.address.street"), "a street");
    }
}

fn register(party: &Party, side: &str, rule: &str, schemes: &[&str], findings: &mut Findings) {
    let fits = party.registration.as_ref().is_some_and(|one| said(&one.id) && schemes.contains(&one.scheme.as_str()));
    let needs = format!("a number in the register {}", schemes.join(" or "));
    findings.need(fits, rule, format!("{side}.registration"), &needs);
}

/// DE-R-001 to DE-R-015: between two German parties.
fn german(document: &Document, findings: &mut Findings) {
    findings.need(document.payment.is_some(), "DE-R-001", "payment", "instructions for payment (BG-16)");
    findings.need(said(&document.references.buyer), "DE-R-015", "references.buyer", "the buyer's reference (BT-10)");
    address(&document.seller.address, "seller", ("DE-R-003", "DE-R-004", None), findings);
    address(&document.buyer.address, "buyer", ("DE-R-008", "DE-R-009", None), findings);
    let contact = document.seller.contact.clone().unwrap_or_default();
    findings.need(said(&contact.name), "DE-R-005", "seller.contact.name", "whom to ask (BT-41)");
    findings.need(said(&contact.phone), "DE-R-006", "seller.contact.phone", "a telephone number (BT-42)");
    findings.need(said(&contact.email), "DE-R-007", "seller.contact.email", "an e-mail address (BT-43)");
    if let Some(delivered) = document.delivery.as_ref().and_then(|delivery| delivery.address.as_ref()) {
        findings.need(said(&delivered.city), "DE-R-010", "delivery.address.city", "a city (BT-77)");
        findings.need(said(&delivered.postal_code), "DE-R-011", "delivery.address.postal_code", "a post code (BT-78)");
    }
}

/// NO-R-001: NO, nine digits, MVA.
fn norwegian(document: &Document, findings: &mut Findings) {
    let vat_id = document.seller.vat_id.trim();
    let digits = vat_id.strip_prefix("NO").and_then(|rest| rest.strip_suffix("MVA"));
    let fits = digits.is_some_and(|id| crate::identifier::broken_rule("0192", id).is_none());
    let hidden = vat_id.is_empty() || !document.shows_vat_ids();
    findings.need(fits || hidden, "NO-R-001", "seller.vat_id", "NO, an organisation number and MVA");
}

/// SE-R-001, SE-R-002: SE and twelve digits.
fn swedish(document: &Document, findings: &mut Findings) {
    let vat_id = document.seller.vat_id.trim();
    let fits = vat_id.len() == 14 && vat_id.bytes().skip(2).all(|byte| byte.is_ascii_digit());
    let hidden = vat_id.is_empty() || !document.shows_vat_ids();
    findings.need(fits || hidden, "SE-R-001", "seller.vat_id", "SE and twelve digits");
}

/// DK-R-002, DK-R-005, DK-R-014: a CVR number; 30 is not among the means that Danish sellers may name, 97 is.
fn danish(document: &Document, findings: &mut Findings) {
    register(&document.seller, "seller", "DK-R-002", &["0184"], findings);
    if let Some(payment) = &document.payment {
        let named = payment.means == "58" || payment.means == CLEARING;
        findings.need(named, "DK-R-005", "payment.means", "58 for a Danish seller (BT-81)");
    }
}
