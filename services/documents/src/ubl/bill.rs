//! `Invoice` and `CreditNote`. They are one document in two vocabularies; where the XSD orders them differently it is
//! said.

use super::{Terms, lines, party, root, tax};
use crate::{Document, Figures, Kind, References, xml::Xml};

const CUSTOMIZATION: &str = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0";
const PROFILE: &str = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0";

/// The words in which invoice and credit note differ.
pub(super) struct Words {
    root: &'static str,
    namespace: &'static str,
    type_element: &'static str,
    type_code: &'static str,
    line: &'static str,
    quantity: &'static str,
}

pub(super) const INVOICE: Words = Words {
    root: "Invoice",
    namespace: super::INVOICE,
    type_element: "cbc:InvoiceTypeCode",
    type_code: "380",
    line: "cac:InvoiceLine",
    quantity: "cbc:InvoicedQuantity",
};

pub(super) const CREDIT_NOTE: Words = Words {
    root: "CreditNote",
    namespace: super::CREDIT_NOTE,
    type_element: "cbc:CreditNoteTypeCode",
    type_code: "381",
    line: "cac:CreditNoteLine",
    quantity: "cbc:CreditedQuantity",
};

pub(super) fn write(document: &Document, figures: &Figures, words: &Words) -> String {
    let terms = Terms { document, figures };
    let mut xml = Xml::new();
    xml.element_with(words.root, &root(words.namespace), |xml| {
        head(xml, document, words);
        references(xml, &document.references);
        let shows_vat_ids = document.shows_vat_ids();
        xml.element("cac:AccountingSupplierParty", |xml| party::party(xml, &document.seller, shows_vat_ids));
        xml.element("cac:AccountingCustomerParty", |xml| {
            let buyer = crate::Party { tax_registration: String::new(), ..document.buyer.clone() };
            party::party(xml, &buyer, shows_vat_ids);
        });
        party::delivery(xml, document);
        payment(xml, document);
        xml.element("cac:PaymentTerms", |xml| xml.text("cbc:Note", &document.payment_terms));
        lines::adjustments(xml, &terms, &figures.adjustments, true);
        tax::total(xml, &terms);
        totals(xml, &terms, "cac:LegalMonetaryTotal");
        bill_lines(xml, &terms, words);
    });
    xml.finish()
}

fn head(xml: &mut Xml, document: &Document, words: &Words) {
    xml.text("cbc:CustomizationID", CUSTOMIZATION);
    xml.text("cbc:ProfileID", PROFILE);
    xml.text("cbc:ID", &document.number);
    xml.text("cbc:IssueDate", document.issue_date.to_string());
    // A credit note has no such element: there the day stands with the means of payment.
    if let (Kind::Invoice, Some(due)) = (document.kind, document.due_date) {
        xml.text("cbc:DueDate", due.to_string());
    }
    xml.text(words.type_element, words.type_code);
    // One note only (PEPPOL-EN16931-R002).
    xml.text("cbc:Note", document.notes.join("\n"));
    xml.text("cbc:DocumentCurrencyCode", document.currency.code());
    xml.text("cbc:BuyerReference", &document.references.buyer);
    if let Some(period) = document.period {
        xml.element("cac:InvoicePeriod", |xml| {
            xml.text("cbc:StartDate", period.start.to_string());
            xml.text("cbc:EndDate", period.end.to_string());
        });
    }
}

fn references(xml: &mut Xml, references: &References) {
    let (theirs, ours) = (references.customer_order.trim(), references.order.trim());
    if !theirs.is_empty() || !ours.is_empty() {
        xml.element("cac:OrderReference", |xml| {
            // UBL wants the buyer's number before ours; Peppol writes NA where there is none.
            xml.text("cbc:ID", if theirs.is_empty() { "NA" } else { theirs });
            xml.text("cbc:SalesOrderID", ours);
        });
    }
    for preceding in &references.preceding {
        xml.element("cac:BillingReference", |xml| {
            xml.element("cac:InvoiceDocumentReference", |xml| {
                xml.text("cbc:ID", &preceding.number);
                if let Some(date) = preceding.issue_date {
                    xml.text("cbc:IssueDate", date.to_string());
                }
            });
        });
    }
    xml.element("cac:ContractDocumentReference", |xml| xml.text("cbc:ID", &references.contract));
}

fn payment(xml: &mut Xml, document: &Document) {
    let Some(payment) = &document.payment else { return };
    xml.element("cac:PaymentMeans", |xml| {
        xml.text("cbc:PaymentMeansCode", &payment.means);
        if let (Kind::CreditNote, Some(due)) = (document.kind, document.due_date) {
            xml.text("cbc:PaymentDueDate", due.to_string());
        }
        let reference = payment.reference.trim();
        xml.text("cbc:PaymentID", if reference.is_empty() { &document.number } else { reference });
        xml.element("cac:PayeeFinancialAccount", |xml| {
            xml.text("cbc:ID", compact(&payment.account));
            xml.text("cbc:Name", &payment.account_name);
            xml.element("cac:FinancialInstitutionBranch", |xml| xml.text("cbc:ID", compact(&payment.bank)));
        });
    });
}

/// An account number as machines want it: the spaces are for people.
fn compact(account: &str) -> String {
    account.split_whitespace().collect()
}

/// BG-22; also `cac:AnticipatedMonetaryTotal` of an order.
pub(super) fn totals(xml: &mut Xml, terms: &Terms<'_>, name: &str) {
    let totals = &terms.figures.totals;
    xml.element(name, |xml| {
        terms.amount(xml, "cbc:LineExtensionAmount", totals.sum_of_lines);
        terms.amount(xml, "cbc:TaxExclusiveAmount", totals.total_without_vat);
        terms.amount(xml, "cbc:TaxInclusiveAmount", totals.total_with_vat);
        let any = |charge: bool| terms.figures.adjustments.iter().any(|stated| stated.charge == charge);
        if any(false) {
            terms.amount(xml, "cbc:AllowanceTotalAmount", totals.allowances);
        }
        if any(true) {
            terms.amount(xml, "cbc:ChargeTotalAmount", totals.charges);
        }
        if totals.prepaid != 0 {
            terms.amount(xml, "cbc:PrepaidAmount", totals.prepaid);
        }
        if totals.rounding != 0 {
            terms.amount(xml, "cbc:PayableRoundingAmount", totals.rounding);
        }
        terms.amount(xml, "cbc:PayableAmount", totals.payable);
    });
}

fn bill_lines(xml: &mut Xml, terms: &Terms<'_>, words: &Words) {
    for (line, stated) in terms.document.lines.iter().zip(&terms.figures.lines) {
        xml.element(words.line, |xml| {
            xml.text("cbc:ID", &line.id);
            lines::quantity(xml, words.quantity, line);
            terms.amount(xml, "cbc:LineExtensionAmount", stated.net);
            xml.element("cac:OrderLineReference", |xml| xml.text("cbc:LineID", &line.order_line));
            lines::adjustments(xml, terms, &stated.adjustments, false);
            lines::item(xml, line);
            lines::price(xml, terms, line, stated);
        });
    }
}
