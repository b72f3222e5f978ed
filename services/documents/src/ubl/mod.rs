//! UBL 2.1: invoice and credit note by EN 16931 and Peppol BIS Billing 3.0, the order by Peppol BIS Order only. The
//! order of the elements is the XSD's and nothing else decides it: read these files from top to bottom and you have
//! read the schema.

mod bill;
mod lines;
mod order;
mod party;
mod tax;

use crate::{Document, Figures, Kind, Refusal, check};

const INVOICE: &str = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2";
const CREDIT_NOTE: &str = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2";
const ORDER: &str = "urn:oasis:names:specification:ubl:schema:xsd:Order-2";
const AGGREGATES: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
const BASICS: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2";

/// The document as UBL 2.1: `Invoice`, `CreditNote` or, for an order confirmation, the `Order` as it was captured
/// (R-INV-3).
///
/// # Errors
/// [`Refusal::Incomplete`] with everything that the rules demand and the document lacks, [`Refusal::Arithmetic`],
/// [`Refusal::NoForm`] for a quote, [`Refusal::Stamped`] for what holds not yet or not any more.
pub fn ubl(document: &Document) -> Result<String, Refusal> {
    if document.kind == Kind::Quote {
        return Err(Refusal::NoForm);
    }
    if let Some(stamp) = document.stamp {
        return Err(Refusal::Stamped(stamp));
    }
    let figures = Figures::of(document)?;
    let findings = check::for_systems(document, &figures);
    if !findings.is_empty() {
        return Err(Refusal::Incomplete(findings));
    }
    Ok(match document.kind {
        Kind::Invoice => bill::write(document, &figures, &bill::INVOICE),
        Kind::CreditNote => bill::write(document, &figures, &bill::CREDIT_NOTE),
        Kind::Quote | Kind::OrderConfirmation => order::write(document, &figures),
    })
}

/// What every writer here needs to say an amount or a quantity.
struct Terms<'a> {
    document: &'a Document,
    figures: &'a Figures,
}

impl Terms<'_> {
    /// An amount with its currency, at most two decimals: BR-DEC has refused what has more.
    fn amount(&self, xml: &mut crate::xml::Xml, name: &str, minor: i64) {
        let decimal = self.figures.decimal(minor);
        let decimal = if decimal.scale() > 2 { decimal.normalize() } else { decimal };
        self.price(xml, name, decimal);
    }

    /// A price with its currency, as fine as it was agreed.
    fn price(&self, xml: &mut crate::xml::Xml, name: &str, price: rust_decimal::Decimal) {
        xml.text_with(name, &[("currencyID", self.document.currency.code())], price.to_string());
    }
}

fn root(namespace: &str) -> [(&str, &str); 3] {
    [("xmlns", namespace), ("xmlns:cac", AGGREGATES), ("xmlns:cbc", BASICS)]
}
