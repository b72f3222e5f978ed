//! `Order`: the customer's order as it was captured, by Peppol BIS Order only 3.

use super::{Terms, bill, lines, party, root};
use crate::{Document, Figures, Party, xml::Xml};

const CUSTOMIZATION: &str = "urn:fdc:peppol.eu:poacc:trns:order:3";
const PROFILE: &str = "urn:fdc:peppol.eu:poacc:bis:order_only:3";

/// UNTDID 1001: an order.
const ORDER_TYPE: &str = "220";

pub(super) fn write(document: &Document, figures: &Figures) -> String {
    let terms = Terms { document, figures };
    let mut xml = Xml::new();
    xml.element_with("Order", &root(super::ORDER), |xml| {
        head(xml, document);
        // Peppol's order names the buyer's VAT id and not the seller's (B07204), who is asked to say it on the invoice.
        let plain =
            |party: &Party| Party { tax_registration: String::new(), legal_form: String::new(), ..party.clone() };
        xml.element("cac:BuyerCustomerParty", |xml| {
            party::party(xml, &plain(&document.buyer), document.shows_vat_ids());
        });
        xml.element("cac:SellerSupplierParty", |xml| party::party(xml, &plain(&document.seller), false));
        xml.element("cac:PaymentTerms", |xml| xml.text("cbc:Note", &document.payment_terms));
        lines::adjustments(xml, &terms, &figures.adjustments, true);
        xml.element("cac:TaxTotal", |xml| terms.amount(xml, "cbc:TaxAmount", figures.totals.total_vat));
        bill::totals(xml, &terms, "cac:AnticipatedMonetaryTotal");
        for (line, stated) in document.lines.iter().zip(&figures.lines) {
            xml.element("cac:OrderLine", |xml| {
                xml.element("cac:LineItem", |xml| {
                    xml.text("cbc:ID", &line.id);
                    lines::quantity(xml, "cbc:Quantity", line);
                    terms.amount(xml, "cbc:LineExtensionAmount", stated.net);
                    lines::adjustments(xml, &terms, &stated.adjustments, false);
                    lines::price(xml, &terms, line, stated);
                    lines::item(xml, line);
                });
            });
        }
    });
    xml.finish()
}

fn head(xml: &mut Xml, document: &Document) {
    let references = &document.references;
    xml.text("cbc:CustomizationID", CUSTOMIZATION);
    xml.text("cbc:ProfileID", PROFILE);
    // The order is the customer's: its number comes first, ours beside it.
    let theirs = references.customer_order.trim();
    xml.text("cbc:ID", if theirs.is_empty() { &document.number } else { theirs });
    xml.text("cbc:SalesOrderID", &document.number);
    xml.text("cbc:IssueDate", document.issue_date.to_string());
    xml.text("cbc:OrderTypeCode", ORDER_TYPE);
    xml.text("cbc:Note", document.notes.join("\n"));
    xml.text("cbc:DocumentCurrencyCode", document.currency.code());
    xml.text("cbc:CustomerReference", &references.buyer);
    if let Some(end) = document.valid_until {
        xml.element("cac:ValidityPeriod", |xml| xml.text("cbc:EndDate", end.to_string()));
    }
    xml.element("cac:QuotationDocumentReference", |xml| xml.text("cbc:ID", &references.quote));
    xml.element("cac:Contract", |xml| xml.text("cbc:ID", &references.contract));
}
