//! VAT: groups, and the category of a line, an allowance or a charge.

use dealflow_money::Vat;

use super::Terms;
use crate::{Exemption, xml::Xml};

/// BG-23, with the total (BT-110) before its groups.
pub(super) fn total(xml: &mut Xml, terms: &Terms<'_>) {
    let totals = &terms.figures.totals;
    xml.element("cac:TaxTotal", |xml| {
        terms.amount(xml, "cbc:TaxAmount", totals.total_vat);
        for group in &totals.vat {
            xml.element("cac:TaxSubtotal", |xml| {
                terms.amount(xml, "cbc:TaxableAmount", group.taxable);
                terms.amount(xml, "cbc:TaxAmount", group.tax);
                let exemption = terms.document.exemption(group.category);
                category(xml, "cac:TaxCategory", Vat::new(group.category, group.rate), exemption);
            });
        }
    });
}

/// A category with its rate; O has none (BR-O-05). The reason stands only in a group.
pub(super) fn category(xml: &mut Xml, name: &str, vat: Vat, exemption: Option<Exemption>) {
    xml.element(name, |xml| {
        xml.text("cbc:ID", vat.category.code());
        if vat.category.has_rate_element() {
            xml.text("cbc:Percent", vat.rate.normalize().to_string());
        }
        if let Some(exemption) = exemption {
            xml.text("cbc:TaxExemptionReasonCode", &exemption.code);
            xml.text("cbc:TaxExemptionReason", &exemption.reason);
        }
        xml.element("cac:TaxScheme", |xml| xml.text("cbc:ID", "VAT"));
    });
}
