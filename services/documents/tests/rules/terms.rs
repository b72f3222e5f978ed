//! What must be there: BR-01 to BR-65, and what the project always fills.

use super::{Bill, Broken, Dec, adjustments, all, number, text};

pub(crate) fn check(bill: &Bill<'_>, broken: &mut Broken) {
    let root = bill.root;
    let there = |path: &str| text(root, path).is_some();
    for (rule, path) in [
        ("BR-01", "cbc:CustomizationID"),
        ("BR-02", "cbc:ID"),
        ("BR-03", "cbc:IssueDate"),
        ("BR-05", "cbc:DocumentCurrencyCode"),
        ("BR-12", "cac:LegalMonetaryTotal/cbc:LineExtensionAmount"),
        ("BR-13", "cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount"),
        ("BR-14", "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount"),
        ("BR-15", "cac:LegalMonetaryTotal/cbc:PayableAmount"),
    ] {
        broken.unless(there(path), rule, path);
    }
    let type_code = text(root, if bill.credit { "cbc:CreditNoteTypeCode" } else { "cbc:InvoiceTypeCode" });
    broken.unless(type_code.as_deref() == Some(if bill.credit { "381" } else { "380" }), "BR-04", "the type code");
    broken.unless(!bill.lines.is_empty(), "BR-16", "no line");
    dates(bill, broken);
    lines(bill, broken);
    reasons(bill, broken);
    payment(bill, broken);
    for reference in all(root, "cac:BillingReference/cac:InvoiceDocumentReference") {
        broken.unless(text(reference, "cbc:ID").is_some(), "BR-55", "a preceding invoice without number");
        broken.unless(text(reference, "cbc:IssueDate").is_some(), "BT-26", "a preceding invoice without day");
    }
    broken.unless(!bill.credit || !all(root, "cac:BillingReference").is_empty(), "BT-25", "what is credited");
}

fn dates(bill: &Bill<'_>, broken: &mut Broken) {
    for node in bill.root.descendants().filter(|node| node.tag_name().name().ends_with("Date")) {
        let date = node.text().unwrap_or_default();
        let shape = date.len() == 10
            && date
                .bytes()
                .enumerate()
                .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
        broken.unless(shape, "PEPPOL-EN16931-F001", date);
    }
    if let (Some(start), Some(end)) =
        (text(bill.root, "cac:InvoicePeriod/cbc:StartDate"), text(bill.root, "cac:InvoicePeriod/cbc:EndDate"))
    {
        broken.unless(start <= end, "BR-29", "the period ends before it starts");
    }
    let payable = number(bill.root, "cac:LegalMonetaryTotal/cbc:PayableAmount").unwrap_or(Dec::ZERO);
    let due = if bill.credit { "cac:PaymentMeans/cbc:PaymentDueDate" } else { "cbc:DueDate" };
    let said = text(bill.root, due).is_some() || text(bill.root, "cac:PaymentTerms/cbc:Note").is_some();
    broken.unless(payable <= Dec::ZERO || said, "BR-CO-25", "neither due day nor terms");
}

fn lines(bill: &Bill<'_>, broken: &mut Broken) {
    let quantity = if bill.credit { "cbc:CreditedQuantity" } else { "cbc:InvoicedQuantity" };
    let mut ids = Vec::new();
    for line in &bill.lines {
        let id = text(*line, "cbc:ID").unwrap_or_default();
        broken.unless(!id.is_empty(), "BR-21", "a line without id");
        broken.unless(!ids.contains(&id), "BT-126", format!("line {id} twice"));
        broken.unless(number(*line, quantity).is_some(), "BR-22", &id);
        let unit = all(*line, quantity).first().and_then(|node| node.attribute("unitCode").map(str::to_owned));
        broken.unless(unit.is_some(), "BR-23", &id);
        broken.unless(number(*line, "cbc:LineExtensionAmount").is_some(), "BR-24", &id);
        broken.unless(text(*line, "cac:Item/cbc:Name").is_some(), "BR-25", &id);
        let price = number(*line, "cac:Price/cbc:PriceAmount");
        broken.unless(price.is_some(), "BR-26", &id);
        broken.unless(price.is_none_or(|price| price >= Dec::ZERO), "BR-27", &id);
        broken.unless(text(*line, "cac:Item/cac:ClassifiedTaxCategory/cbc:ID").is_some(), "BR-CO-04", &id);
        ids.push(id);
    }
}

/// BR-31 to BR-44, BR-CO-21 to BR-CO-24.
fn reasons(bill: &Bill<'_>, broken: &mut Broken) {
    let of_document = [(false, "BR-31", "BR-33", "BR-32"), (true, "BR-36", "BR-38", "BR-37")];
    for (charge, amount, reason, category) in of_document {
        for node in adjustments(bill.root, charge) {
            broken.unless(number(node, "cbc:Amount").is_some(), amount, "no amount");
            broken.unless(text(node, "cbc:AllowanceChargeReason").is_some(), reason, "no reason");
            broken.unless(text(node, "cac:TaxCategory/cbc:ID").is_some(), category, "no VAT category");
        }
    }
    for line in &bill.lines {
        for (charge, amount, reason) in [(false, "BR-41", "BR-42"), (true, "BR-43", "BR-44")] {
            for node in adjustments(*line, charge) {
                broken.unless(number(node, "cbc:Amount").is_some(), amount, "no amount");
                broken.unless(text(node, "cbc:AllowanceChargeReason").is_some(), reason, "no reason");
                broken.unless(all(node, "cac:TaxCategory").is_empty(), "UBL-CR-561", "a VAT category on a line's");
            }
        }
    }
}

fn payment(bill: &Bill<'_>, broken: &mut Broken) {
    let means = all(bill.root, "cac:PaymentMeans");
    let payable = number(bill.root, "cac:LegalMonetaryTotal/cbc:PayableAmount").unwrap_or(Dec::ZERO);
    broken.unless(bill.credit || payable <= Dec::ZERO || !means.is_empty(), "BG-16", "no means of payment");
    for node in means {
        let code = text(node, "cbc:PaymentMeansCode");
        broken.unless(code.is_some(), "BR-49", "no code");
        if bill.credit && code.as_deref() == Some("97") {
            // Cleared between partners: nobody transfers anything.
            continue;
        }
        broken.unless(matches!(code.as_deref(), Some("30" | "58")), "BR-CL-16", "not a credit transfer");
        let account = text(node, "cac:PayeeFinancialAccount/cbc:ID");
        broken.unless(account.is_some(), "BR-61", "no account");
        let compact = account.is_none_or(|account| !account.contains(char::is_whitespace));
        broken.unless(compact, "BR-50", "an account with spaces");
        broken.unless(text(node, "cbc:PaymentID").is_some(), "BT-83", "no reference to pay with");
    }
}
