//! Sums, to the cent: BR-CO-10 to BR-CO-18, BR-DEC, and the line nets that no official rule looks at closely.

use roxmltree::Node;

use super::{Bill, Broken, Dec, adjustments, all, amount, number};

pub(crate) fn check(bill: &Bill<'_>, broken: &mut Broken) {
    for line in &bill.lines {
        line_net(bill, *line, broken);
    }
    totals(bill, broken);
    let of_document = all(bill.root, "cac:AllowanceCharge");
    let of_lines = bill.lines.iter().flat_map(|line| all(*line, "cac:AllowanceCharge"));
    for adjustment in of_document.into_iter().chain(of_lines) {
        percentage(bill, adjustment, broken);
    }
    decimals(bill, broken);
}

/// Line net = round(quantity × price ÷ base) + Σ charges − Σ allowances; a percentage is of the rounded product.
fn line_net(bill: &Bill<'_>, line: Node<'_, '_>, broken: &mut Broken) {
    let line = Reborrowed(line);
    let quantity = if bill.credit { "cbc:CreditedQuantity" } else { "cbc:InvoicedQuantity" };
    let base = number(line.0, "cac:Price/cbc:BaseQuantity").unwrap_or(Dec::whole(1));
    broken.unless(base > Dec::ZERO, "PEPPOL-EN16931-R121", "a base quantity that is not above zero");
    if base <= Dec::ZERO {
        return;
    }
    let gross = amount(line.0, quantity).times(amount(line.0, "cac:Price/cbc:PriceAmount")).over(base, bill.exponent);
    let sum = |charge: bool| Dec::sum(line.adjustments(charge).map(|node| amount(node, "cbc:Amount")));
    let net = gross.plus(sum(true)).minus(sum(false));
    let written = amount(line.0, "cbc:LineExtensionAmount");
    broken.unless(net == written, "PEPPOL-EN16931-R120", format!("{written:?} instead of {net:?}"));
    for node in line.adjustments(false).chain(line.adjustments(true)) {
        if let Some(base) = number(node, "cbc:BaseAmount") {
            broken.unless(base == gross, "BT-137", format!("base {base:?} of {gross:?}"));
        }
    }
}

/// A line whose adjustments are looked at several times.
struct Reborrowed<'a>(Node<'a, 'a>);

impl<'a> Reborrowed<'a> {
    fn adjustments(&self, charge: bool) -> impl Iterator<Item = Node<'a, 'a>> + use<'a> {
        adjustments(self.0, charge).into_iter()
    }
}

fn totals(bill: &Bill<'_>, broken: &mut Broken) {
    let total = all(bill.root, "cac:LegalMonetaryTotal");
    let Some(total) = total.first() else { return };
    let of = |name: &str| amount(*total, name);
    let document =
        |charge: bool| Dec::sum(adjustments(bill.root, charge).into_iter().map(|node| amount(node, "cbc:Amount")));
    let lines = Dec::sum(bill.lines.iter().map(|line| amount(*line, "cbc:LineExtensionAmount")));
    let taxes = all(bill.root, "cac:TaxTotal/cac:TaxSubtotal");
    let tax = amount(bill.root, "cac:TaxTotal/cbc:TaxAmount");
    let (net, gross) = (of("cbc:TaxExclusiveAmount"), of("cbc:TaxInclusiveAmount"));
    let payable = gross.minus(of("cbc:PrepaidAmount")).plus(of("cbc:PayableRoundingAmount"));
    for (rule, written, computed) in [
        ("BR-CO-10", of("cbc:LineExtensionAmount"), lines),
        ("BR-CO-11", of("cbc:AllowanceTotalAmount"), document(false)),
        ("BR-CO-12", of("cbc:ChargeTotalAmount"), document(true)),
        ("BR-CO-13", net, lines.minus(document(false)).plus(document(true))),
        ("BR-CO-14", tax, Dec::sum(taxes.iter().map(|group| amount(*group, "cbc:TaxAmount")))),
        ("BR-CO-15", gross, net.plus(tax)),
        ("BR-CO-16", of("cbc:PayableAmount"), payable),
    ] {
        broken.unless(written == computed, rule, format!("{written:?} instead of {computed:?}"));
    }
    for (rule, charge, name) in
        [("BR-CO-11", false, "cbc:AllowanceTotalAmount"), ("BR-CO-12", true, "cbc:ChargeTotalAmount")]
    {
        let both = number(*total, name).is_some() != adjustments(bill.root, charge).is_empty();
        broken.unless(both, rule, "a sum without parts, or parts without their sum");
    }
    broken.unless(!taxes.is_empty(), "BR-CO-18", "no VAT breakdown");
    for group in taxes {
        let taxable = amount(group, "cbc:TaxableAmount");
        let rate = amount(group, "cac:TaxCategory/cbc:Percent");
        let (written, computed) = (amount(group, "cbc:TaxAmount"), taxable.percent(rate, bill.exponent));
        broken.unless(written == computed, "BR-CO-17", format!("{written:?} instead of {computed:?}"));
    }
}

/// A stated percentage gives its amount to the cent, and never stands without its base.
fn percentage(bill: &Bill<'_>, node: Node<'_, '_>, broken: &mut Broken) {
    let (base, percent) = (number(node, "cbc:BaseAmount"), number(node, "cbc:MultiplierFactorNumeric"));
    broken.unless(percent.is_none() || base.is_some(), "PEPPOL-EN16931-R041", "a percentage of nothing");
    broken.unless(base.is_none() || percent.is_some(), "PEPPOL-EN16931-R042", "a base without percentage");
    if let (Some(base), Some(percent)) = (base, percent) {
        let (written, computed) = (amount(node, "cbc:Amount"), base.percent(percent, bill.exponent.max(2)));
        broken.unless(written == computed, "PEPPOL-EN16931-R040", format!("{written:?} instead of {computed:?}"));
    }
}

/// BR-DEC-01 to -28: two decimals at the most, and no more than the currency has.
fn decimals(bill: &Bill<'_>, broken: &mut Broken) {
    let named = |name: &str| name.ends_with("Amount") && name != "PriceAmount";
    for node in bill.root.descendants().filter(|node| named(node.tag_name().name())) {
        let written = node.text().and_then(Dec::parse);
        let name = node.tag_name().name();
        broken.unless(written.is_some(), "BR-DEC", format!("{name} is no decimal"));
        let most = bill.exponent.min(2);
        broken.unless(written.is_none_or(|amount| amount.scale() <= most), "BR-DEC", format!("{name} is too fine"));
    }
    for node in bill.root.descendants().filter(|node| node.tag_name().name().ends_with("Amount")) {
        let same = node.attribute("currencyID") == Some(bill.currency.as_str());
        broken.unless(same, "PEPPOL-EN16931-R051", "an amount of another currency");
    }
}
