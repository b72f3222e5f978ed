//! Seller and buyer: BR-06 to BR-11, BR-57, BR-62, BR-63, BR-CO-09, BR-CO-26.

use roxmltree::Node;

use super::{Bill, Broken, all, text};

pub(crate) fn check(bill: &Bill<'_>, broken: &mut Broken) {
    let seller = party(bill, "cac:AccountingSupplierParty/cac:Party");
    let buyer = party(bill, "cac:AccountingCustomerParty/cac:Party");
    let (Some(seller), Some(buyer)) = (seller, buyer) else {
        broken.unless(false, "BR-06", "a party is missing");
        return;
    };
    one(seller, ["BR-06", "BR-08", "BR-09", "PEPPOL-EN16931-R020", "BR-62"], broken);
    one(buyer, ["BR-07", "BR-10", "BR-11", "PEPPOL-EN16931-R010", "BR-63"], broken);
    let identified = vat_id(seller).is_some() || text(seller, "cac:PartyLegalEntity/cbc:CompanyID").is_some();
    broken.unless(identified, "BR-CO-26", "the seller is not identified");
    for address in all(bill.root, "cac:Delivery/cac:DeliveryLocation/cac:Address") {
        broken.unless(text(address, "cac:Country/cbc:IdentificationCode").is_some(), "BR-57", "no country");
    }
}

pub(crate) fn party<'a>(bill: &Bill<'a>, path: &str) -> Option<Node<'a, 'a>> {
    all(bill.root, path).first().copied()
}

/// BT-31, BT-48.
pub(crate) fn vat_id(party: Node<'_, '_>) -> Option<String> {
    registered(party, "VAT")
}

/// BT-32.
pub(crate) fn tax_registration(party: Node<'_, '_>) -> Option<String> {
    registered(party, "TAX")
}

fn registered(party: Node<'_, '_>, scheme: &str) -> Option<String> {
    let schemes = party.children().filter(|child| child.tag_name().name() == "PartyTaxScheme");
    schemes
        .into_iter()
        .find(|node| text(*node, "cac:TaxScheme/cbc:ID").as_deref() == Some(scheme))
        .and_then(|node| text(node, "cbc:CompanyID"))
}

fn one(party: Node<'_, '_>, [name, address, country, endpoint, scheme]: [&str; 5], broken: &mut Broken) {
    broken.unless(text(party, "cac:PartyLegalEntity/cbc:RegistrationName").is_some(), name, "no name");
    let code = text(party, "cac:PostalAddress/cac:Country/cbc:IdentificationCode");
    broken.unless(code.is_some(), address, "no address");
    let capitals = code.is_some_and(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()));
    broken.unless(capitals, country, "no country");
    broken.unless(text(party, "cbc:EndpointID").is_some(), endpoint, "no electronic address");
    let with_scheme = party
        .children()
        .filter(|child| child.tag_name().name() == "EndpointID")
        .all(|node| node.attribute("schemeID").is_some_and(|scheme| scheme.len() == 4));
    broken.unless(with_scheme, scheme, "an electronic address without scheme");
    if let Some(id) = vat_id(party) {
        let prefix = id.bytes().take(2).all(|byte| byte.is_ascii_uppercase()) && id.len() > 2;
        broken.unless(prefix, "BR-CO-09", id);
    }
}
