//! Seller and buyer: names, addresses, ids, electronic addresses, and where it is delivered.

use super::{Findings, said};
use crate::{Document, ElectronicAddress, Party, Registration, codes, identifier};

/// The rules and terms of one side.
struct Side<'a> {
    name: &'a str,
    party: &'a Party,
    endpoint_rule: &'a str,
    endpoint_term: &'a str,
    address_rule: &'a str,
    country_term: &'a str,
}

pub(super) fn check(document: &Document, findings: &mut Findings) {
    let seller = Side {
        name: "seller",
        party: &document.seller,
        endpoint_rule: "PEPPOL-EN16931-R020",
        endpoint_term: "the seller's electronic address with its scheme (BT-34)",
        address_rule: "BR-09",
        country_term: "a country of ISO 3166-1 (BT-40)",
    };
    let buyer = Side {
        name: "buyer",
        party: &document.buyer,
        endpoint_rule: "PEPPOL-EN16931-R010",
        endpoint_term: "the buyer's electronic address with its scheme (BT-49)",
        address_rule: "BR-11",
        country_term: "a country of ISO 3166-1 (BT-55)",
    };
    for side in [&seller, &buyer] {
        side_of(side, document.shows_vat_ids(), findings);
    }
    if document.kind.is_billing() {
        let identified = seller.party.registration.as_ref().is_some_and(|registration| said(&registration.id))
            || (document.shows_vat_ids() && said(&seller.party.vat_id));
        let needs = "a VAT id (BT-31) or, where the document may not show it, a registration (BT-30)";
        findings.need(identified, "BR-CO-26", "seller.registration", needs);
    }
    if let Some(address) = document.delivery.as_ref().and_then(|delivery| delivery.address.as_ref()) {
        let needs = "a country of ISO 3166-1 (BT-80)";
        findings.need(codes::is_country(&address.country), "BR-57", "delivery.address.country", needs);
    }
}

fn side_of(side: &Side<'_>, shows_vat_id: bool, findings: &mut Findings) {
    let Side { name, party, .. } = side;
    let country = codes::is_country(&party.address.country);
    findings.need(country, side.address_rule, format!("{name}.address.country"), side.country_term);
    match &party.electronic_address {
        Some(address) if said(&address.id) => endpoint(name, address, findings),
        _ => {
            let field = format!("{name}.electronic_address");
            findings.need(false, side.endpoint_rule, field, side.endpoint_term);
        }
    }
    if shows_vat_id && said(&party.vat_id) {
        let needs = "a VAT id that opens with its country, such as DE123456789";
        findings.need(codes::has_country_prefix(party.vat_id.trim()), "BR-CO-09", format!("{name}.vat_id"), needs);
    }
    if let Some(registration) = &party.registration {
        register(name, registration, findings);
    }
}

fn endpoint(name: &str, address: &ElectronicAddress, findings: &mut Findings) {
    let known = codes::is_address_scheme(&address.scheme);
    let field = format!("{name}.electronic_address.scheme");
    findings.need(known, "BR-CL-25", field, "a scheme of the EAS list, such as 0088 or 9930");
    digits(&format!("{name}.electronic_address.id"), &address.scheme, &address.id, findings);
}

fn register(name: &str, registration: &Registration, findings: &mut Findings) {
    let known = registration.scheme.is_empty() || codes::is_register(&registration.scheme);
    findings.need(known, "BR-CL-11", format!("{name}.registration.scheme"), "a register of ISO 6523, or none");
    digits(&format!("{name}.registration.id"), &registration.scheme, &registration.id, findings);
}

fn digits(field: &str, scheme: &str, id: &str, findings: &mut Findings) {
    if let Some((rule, form)) = identifier::broken_rule(scheme, id.trim()) {
        findings.need(false, rule, field, form);
    }
}
