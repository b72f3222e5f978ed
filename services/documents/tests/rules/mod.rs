//! The rules of EN 16931 and Peppol BIS Billing 3.0, read back from a written file by a reader that shares no code
//! with the writer, and exactly: the official validators let VAT be off by almost 1.00, this one by nothing.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod amounts;
pub(crate) mod dec;
pub(crate) mod order;
pub(crate) mod parties;
pub(crate) mod peppol;
pub(crate) mod terms;
pub(crate) mod vat;

use dec::Dec;
use roxmltree::{Document, Node};

const CAC: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
const CBC: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2";

/// An invoice or a credit note as it was read.
pub(crate) struct Bill<'a> {
    pub(crate) root: Node<'a, 'a>,
    pub(crate) credit: bool,
    pub(crate) currency: String,
    /// Decimals of its currency, ISO 4217.
    pub(crate) exponent: u32,
    /// Invoice or credit note lines.
    pub(crate) lines: Vec<Node<'a, 'a>>,
}

/// The rules that a file breaks.
#[derive(Default)]
pub(crate) struct Broken(pub(crate) Vec<String>);

impl Broken {
    pub(crate) fn unless(&mut self, holds: bool, rule: &str, what: impl AsRef<str>) {
        if !holds {
            self.0.push(format!("{rule}: {}", what.as_ref()));
        }
    }
}

/// All rules that `xml` breaks, each `RULE: what`.
pub(crate) fn broken(xml: &str) -> Vec<String> {
    let document = match Document::parse(xml) {
        Ok(document) => document,
        Err(error) => return vec![format!("XML: {error}")],
    };
    let root = document.root_element();
    let credit = root.tag_name().name() == "CreditNote";
    let line = if credit { "cac:CreditNoteLine" } else { "cac:InvoiceLine" };
    let currency = text(root, "cbc:DocumentCurrencyCode").unwrap_or_default();
    let bill = Bill { root, credit, exponent: exponent(&currency), lines: all(root, line), currency };
    let mut broken = Broken::default();
    order::check(&bill, &mut broken);
    terms::check(&bill, &mut broken);
    parties::check(&bill, &mut broken);
    amounts::check(&bill, &mut broken);
    vat::check(&bill, &mut broken);
    peppol::check(&bill, &mut broken);
    broken.0
}

/// The nodes at a path such as `cac:Price/cbc:PriceAmount`.
pub(crate) fn all<'a>(from: Node<'a, 'a>, path: &str) -> Vec<Node<'a, 'a>> {
    path.split('/').fold(vec![from], |nodes, step| {
        let (prefix, name) = step.split_once(':').expect("a prefixed step");
        let namespace = if prefix == "cac" { CAC } else { CBC };
        nodes
            .iter()
            .flat_map(|node| node.children())
            .filter(|child| child.tag_name().name() == name && child.tag_name().namespace() == Some(namespace))
            .collect()
    })
}

/// The text at a path, if it is there and not blank.
pub(crate) fn text(from: Node<'_, '_>, path: &str) -> Option<String> {
    // The lifetimes of a node and of its document are one here.
    let node = all_any(from, path)?;
    let text = node.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn all_any(from: Node<'_, '_>, path: &str) -> Option<String> {
    let mut node = from;
    for step in path.split('/') {
        let (prefix, name) = step.split_once(':').expect("a prefixed step");
        let namespace = if prefix == "cac" { CAC } else { CBC };
        node = node
            .children()
            .find(|child| child.tag_name().name() == name && child.tag_name().namespace() == Some(namespace))?;
    }
    Some(node.text().unwrap_or_default().to_owned())
}

/// The decimal at a path.
pub(crate) fn number(from: Node<'_, '_>, path: &str) -> Option<Dec> {
    Dec::parse(&text(from, path)?)
}

/// An amount that is nothing where it is absent.
pub(crate) fn amount(from: Node<'_, '_>, path: &str) -> Dec {
    number(from, path).unwrap_or(Dec::ZERO)
}

/// Allowances (`false`) or charges (`true`) directly beneath a node.
pub(crate) fn adjustments<'a>(from: Node<'a, 'a>, charge: bool) -> Vec<Node<'a, 'a>> {
    let wanted = charge.to_string();
    let mut found = all(from, "cac:AllowanceCharge");
    found.retain(|node| text(*node, "cbc:ChargeIndicator").as_deref() == Some(&wanted));
    found
}

fn exponent(currency: &str) -> u32 {
    match currency {
        "JPY" | "KRW" | "CLP" | "ISK" | "VND" | "XAF" | "XOF" | "XPF" | "UGX" | "RWF" | "PYG" => 0,
        "KWD" | "BHD" | "JOD" | "OMR" | "TND" | "IQD" | "LYD" => 3,
        _ => 2,
    }
}
