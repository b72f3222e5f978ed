//! Parties, addresses and deliveries.

use crate::{Address, Delivery, Document, Party, xml::Xml};

/// BG-4 or BG-7 as `cac:Party`. `shows_vat_id` is false where BR-O forbids it.
pub(super) fn party(xml: &mut Xml, party: &Party, shows_vat_id: bool) {
    xml.element("cac:Party", |xml| {
        if let Some(address) = &party.electronic_address {
            xml.text_with("cbc:EndpointID", &[("schemeID", &address.scheme)], &address.id);
        }
        xml.element("cac:PartyName", |xml| xml.text("cbc:Name", &party.trading_name));
        xml.element("cac:PostalAddress", |xml| address(xml, &party.address));
        if shows_vat_id {
            tax_scheme(xml, &party.vat_id, "VAT");
        }
        tax_scheme(xml, &party.tax_registration, "TAX");
        xml.element("cac:PartyLegalEntity", |xml| {
            xml.text("cbc:RegistrationName", &party.legal_name);
            if let Some(registration) = &party.registration {
                xml.text_with("cbc:CompanyID", &[("schemeID", &registration.scheme)], &registration.id);
            }
            xml.text("cbc:CompanyLegalForm", &party.legal_form);
        });
        if let Some(contact) = &party.contact {
            xml.element("cac:Contact", |xml| {
                xml.text("cbc:Name", &contact.name);
                xml.text("cbc:Telephone", &contact.phone);
                xml.text("cbc:ElectronicMail", &contact.email);
            });
        }
    });
}

fn tax_scheme(xml: &mut Xml, id: &str, scheme: &str) {
    if crate::check::said(id) {
        xml.element("cac:PartyTaxScheme", |xml| {
            xml.text("cbc:CompanyID", id);
            xml.element("cac:TaxScheme", |xml| xml.text("cbc:ID", scheme));
        });
    }
}

pub(super) fn address(xml: &mut Xml, address: &Address) {
    xml.text("cbc:StreetName", &address.street);
    xml.text("cbc:AdditionalStreetName", &address.additional);
    xml.text("cbc:CityName", &address.city);
    xml.text("cbc:PostalZone", &address.postal_code);
    xml.text("cbc:CountrySubentity", &address.region);
    xml.element("cac:Country", |xml| xml.text("cbc:IdentificationCode", &address.country));
}

/// BG-13.
pub(super) fn delivery(xml: &mut Xml, document: &Document) {
    let Some(Delivery { name, date, address: to }) = &document.delivery else { return };
    xml.element("cac:Delivery", |xml| {
        if let Some(date) = date {
            xml.text("cbc:ActualDeliveryDate", date.to_string());
        }
        if let Some(to) = to {
            xml.element("cac:DeliveryLocation", |xml| xml.element("cac:Address", |xml| address(xml, to)));
        }
        xml.element("cac:DeliveryParty", |xml| xml.element("cac:PartyName", |xml| xml.text("cbc:Name", name)));
    });
}
