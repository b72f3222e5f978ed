//! What Peppol BIS Billing 3.0 adds: PEPPOL-EN16931-R and -CL.

use super::{Bill, Broken, all, text};

const SPECIFICATION: &str = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0";
const PROCESS: &str = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0";

pub(crate) fn check(bill: &Bill<'_>, broken: &mut Broken) {
    let root = bill.root;
    let is = |path: &str, value: &str| text(root, path).as_deref() == Some(value);
    broken.unless(text(root, "cbc:ProfileID").is_some(), "PEPPOL-EN16931-R001", "no business process");
    broken.unless(is("cbc:ProfileID", PROCESS), "PEPPOL-EN16931-R007", "another business process");
    broken.unless(is("cbc:CustomizationID", SPECIFICATION), "PEPPOL-EN16931-R004", "another specification");
    broken.unless(all(root, "cbc:Note").len() <= 1, "PEPPOL-EN16931-R002", "several notes");
    let referred = text(root, "cbc:BuyerReference").is_some() || text(root, "cac:OrderReference/cbc:ID").is_some();
    broken.unless(referred, "PEPPOL-EN16931-R003", "neither buyer reference nor order");
    broken.unless(all(root, "cac:TaxTotal").len() == 1, "PEPPOL-EN16931-R053", "one tax total");
    let capitals = bill.currency.len() == 3 && bill.currency.bytes().all(|byte| byte.is_ascii_uppercase());
    broken.unless(capitals, "PEPPOL-EN16931-CL007", &bill.currency);
    let quantity = if bill.credit { "cbc:CreditedQuantity" } else { "cbc:InvoicedQuantity" };
    for line in &bill.lines {
        let unit = |path: &str| {
            let nodes = all(*line, path);
            nodes.first().and_then(|node| node.attribute("unitCode")).map(str::to_owned)
        };
        let base = unit("cac:Price/cbc:BaseQuantity");
        broken.unless(base.is_none() || base == unit(quantity), "PEPPOL-EN16931-R130", "two units on a line");
    }
    for node in root.descendants().filter(|node| node.tag_name().name() == "ChargeIndicator") {
        let boolean = matches!(node.text(), Some("true" | "false"));
        broken.unless(boolean, "PEPPOL-EN16931-R043", "neither true nor false");
    }
}
