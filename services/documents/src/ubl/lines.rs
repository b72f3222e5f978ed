//! Allowances, charges, items and prices: what lines of bills and of orders share.

use super::{Terms, tax};
use crate::{Line, Stated, StatedLine, xml::Xml};

/// BG-20, BG-21 (with their VAT category) or BG-27, BG-28 (without).
pub(super) fn adjustments(xml: &mut Xml, terms: &Terms<'_>, adjustments: &[Stated], with_category: bool) {
    for stated in adjustments {
        xml.element("cac:AllowanceCharge", |xml| {
            xml.text("cbc:ChargeIndicator", if stated.charge { "true" } else { "false" });
            xml.text("cbc:AllowanceChargeReasonCode", &stated.code);
            xml.text("cbc:AllowanceChargeReason", &stated.reason);
            if let Some((_, percent)) = stated.percentage {
                xml.text("cbc:MultiplierFactorNumeric", percent.to_string());
            }
            terms.amount(xml, "cbc:Amount", stated.amount);
            if let Some((base, _)) = stated.percentage {
                terms.amount(xml, "cbc:BaseAmount", base);
            }
            if with_category {
                tax::category(xml, "cac:TaxCategory", stated.vat, None);
            }
        });
    }
}

/// BG-31 and BG-30.
pub(super) fn item(xml: &mut Xml, line: &Line) {
    xml.element("cac:Item", |xml| {
        xml.text("cbc:Description", &line.description);
        xml.text("cbc:Name", &line.name);
        xml.element("cac:SellersItemIdentification", |xml| xml.text("cbc:ID", &line.code));
        tax::category(xml, "cac:ClassifiedTaxCategory", line.vat, None);
    });
}

/// BG-29.
pub(super) fn price(xml: &mut Xml, terms: &Terms<'_>, line: &Line, stated: &StatedLine) {
    xml.element("cac:Price", |xml| {
        terms.price(xml, "cbc:PriceAmount", stated.price.normalize());
        let base = stated.base_quantity.normalize();
        xml.text_with("cbc:BaseQuantity", &[("unitCode", &line.unit)], base.to_string());
    });
}

/// BT-129 with BT-130.
pub(super) fn quantity(xml: &mut Xml, name: &str, line: &Line) {
    xml.text_with(name, &[("unitCode", &line.unit)], line.quantity.normalize().to_string());
}
