//! Who sells, by legal entity: what a document of the hand-over does not say and UBL must. What it says of its seller counts
//! before what stands here.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use dealflow_documents::{
    Address, Contact, Document, ElectronicAddress, Exemption, Kind, Line, Party, Payment, Refusal, Registration,
};
use dealflow_money::{Currency, Vat, VatCategory};
use dealflow_proto::erp::v1::PaymentAccount;
use rust_decimal::Decimal;
use serde::Deserialize;

/// The code of a document that names no legal entity.
const DEFAULT: &str = "default";

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sellers {
    sellers: BTreeMap<String, Seller>,
}

/// One legal entity; the words are those of its record.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Seller {
    legal_name: String,
    trading_name: String,
    street: String,
    city: String,
    postal_code: String,
    region: String,
    country_code: String,
    vat_id: String,
    registration_id: String,
    registration_scheme: String,
    legal_form: String,
    electronic_address: String,
    electronic_address_scheme: String,
    contact_name: String,
    phone: String,
    email: String,
    bank_account: String,
    bank_account_name: String,
    bic: String,
    /// BT-20 where an invoice has no due day.
    payment_terms: String,
    /// BT-10 where the customer gave no order number.
    buyer_reference: String,
    /// BT-120 of lines that are exempt.
    exemption_reason: String,
}

impl Sellers {
    /// What the rules of EN 16931 and Peppol would miss in every invoice of a seller.
    pub(super) fn missing(&self) -> Vec<String> {
        if self.sellers.is_empty() {
            return vec!["sellers: at least one legal entity, such as `default`".to_owned()];
        }
        let euro = match Currency::parse("EUR") {
            Ok(euro) => euro,
            Err(error) => return vec![error.to_string()],
        };
        let of = |(code, seller): (&String, &Seller)| -> Vec<String> {
            let Err(Refusal::Incomplete(findings)) = dealflow_documents::ubl(&seller.sample(euro)) else {
                return Vec::new();
            };
            let own =
                findings.into_iter().filter(|one| one.field.starts_with("seller.") || one.field.starts_with("payment"));
            own.map(|one| format!("sellers.{code}: {} needs {} ({})", word(&one.field), one.needs, one.rule)).collect()
        };
        self.sellers.iter().flat_map(of).collect()
    }

    /// The seller of a document.
    pub(super) fn of(&self, code: &str) -> Option<&Seller> {
        self.sellers.get(if code.is_empty() { DEFAULT } else { code })
    }
}

/// The file's word for a field of a document.
fn word(field: &str) -> &str {
    match field {
        "payment" | "payment.account" => "bank_account",
        "seller.electronic_address.id" => "electronic_address",
        "seller.electronic_address.scheme" => "electronic_address_scheme",
        "seller.registration" | "seller.registration.id" => "registration_id",
        "seller.registration.scheme" => "registration_scheme",
        "seller.address.country" => "country_code",
        other => other.trim_start_matches("seller."),
    }
}

impl Seller {
    /// Adds what the hand-over does not say.
    pub(super) fn complete(&self, paper: &mut Document, account: Option<&PaymentAccount>) {
        fill(&mut paper.seller, self.party());
        let or = |said: &mut String, own: &String| {
            if said.trim().is_empty() {
                said.clone_from(own);
            }
        };
        or(&mut paper.references.buyer, &self.buyer_reference);
        or(&mut paper.payment_terms, &self.payment_terms);
        for exemption in &mut paper.exemptions {
            or(&mut exemption.reason, &self.exemption_reason);
        }
        if paper.exemptions.is_empty() {
            let reason = self.exemption_reason.clone();
            paper.exemptions = vec![Exemption { category: VatCategory::E, reason, code: String::new() }];
        }
        let own = PaymentAccount {
            account: self.bank_account.clone(),
            account_name: self.bank_account_name.clone(),
            bic: self.bic.clone(),
        };
        let account = account.filter(|it| !it.account.is_empty()).cloned().unwrap_or(own);
        // Where money goes stands where money is asked for.
        if paper.kind == Kind::Invoice && !account.account.is_empty() {
            paper.payment = Some(Payment {
                // SEPA moves euros; anything else is some other credit transfer.
                means: if paper.currency.code() == "EUR" { "58" } else { "30" }.to_owned(),
                account: account.account,
                account_name: account.account_name,
                bank: account.bic,
                reference: String::new(),
            });
        }
    }

    fn party(&self) -> Party {
        let registration = Registration { scheme: self.registration_scheme.clone(), id: self.registration_id.clone() };
        let scheme = self.electronic_address_scheme.clone();
        let endpoint = ElectronicAddress { scheme, id: self.electronic_address.clone() };
        let contact = Contact { name: self.contact_name.clone(), phone: self.phone.clone(), email: self.email.clone() };
        Party {
            legal_name: self.legal_name.clone(),
            trading_name: self.trading_name.clone(),
            address: Address {
                street: self.street.clone(),
                additional: String::new(),
                city: self.city.clone(),
                postal_code: self.postal_code.clone(),
                region: self.region.clone(),
                country: self.country_code.clone(),
            },
            vat_id: self.vat_id.clone(),
            registration: Some(registration).filter(|one| !one.id.is_empty()),
            legal_form: self.legal_form.clone(),
            electronic_address: Some(endpoint).filter(|one| !one.id.is_empty()),
            contact: Some(contact),
            ..Party::default()
        }
    }

    /// An invoice of this seller that lacks nothing else. One who has no VAT id sells what is not subject to VAT.
    fn sample(&self, currency: Currency) -> Document {
        let mut paper = Document::new(Kind::Invoice, "1", NaiveDate::default(), currency);
        paper.due_date = Some(NaiveDate::default());
        paper.buyer = Party {
            legal_name: "Buyer".to_owned(),
            address: Address { country: "AT".to_owned(), ..Address::default() },
            electronic_address: Some(ElectronicAddress { scheme: "9930".to_owned(), id: "DE123456789".to_owned() }),
            ..Party::default()
        };
        let outside = self.vat_id.trim().is_empty() && !self.registration_id.trim().is_empty();
        let vat = if outside { (VatCategory::O, 0) } else { (VatCategory::S, 20) };
        let vat = Vat::new(vat.0, Decimal::from(vat.1));
        paper.lines = vec![Line::new("1", "Item", Decimal::ONE, "C62", Decimal::ONE, vat)];
        self.complete(&mut paper, None);
        paper.references.customer_order = "1".to_owned();
        paper
    }
}

/// Says of a seller what the document does not; what belongs together is not mixed.
fn fill(said: &mut Party, own: Party) {
    let or = |said: &mut String, own: String| {
        if said.trim().is_empty() {
            *said = own;
        }
    };
    if said.legal_name.trim().is_empty() {
        *said = own;
        return;
    }
    or(&mut said.vat_id, own.vat_id);
    or(&mut said.legal_form, own.legal_form);
    if said.address.country.is_empty() {
        said.address = own.address;
    }
    said.registration = said.registration.take().or(own.registration);
    said.electronic_address = said.electronic_address.take().or(own.electronic_address);
    said.contact = said.contact.take().or(own.contact);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use dealflow_testbed::{Said, fuzz};

    use super::*;
    use crate::data::parsed;

    /// R-ERP-1: a file of sellers is complete, so that a document of each can be written, or is refused with what it lacks
    ///.
    #[test]
    fn fuzz_ubl_sellers() {
        let whole = b"sellers:\n  default:\n    legal_name: Nordlicht\n    street: Ring 1\n    city: Wien\n    postal_code: '1010'\n    \
            country_code: AT\n    vat_id: ATU12345678\n    registration_id: FN 1a\n    electronic_address: ATU12345678\n    \
            electronic_address_scheme: '9914'\n    contact_name: Office\n    bank_account: AT611904300234573201\n";
        let words = [
            "sellers:",
            "default:",
            "vat_id: ",
            "DE123456789",
            "country_code: ",
            "iban: ",
            "&a ",
            "*a",
            "<<: ",
            "!!str ",
            "---\n",
            "  ",
            "- ",
            "{",
            "}",
            "[",
            "]",
            "\n",
        ];
        fuzz("UBL sellers", &[whole], &words, |input| {
            let Ok(text) = std::str::from_utf8(input) else { return Said::No("no UTF-8".to_owned()) };
            let read = parsed(Path::new("sellers.yaml"), text, Sellers::missing);
            if let Ok(sellers) = &read {
                assert_eq!(sellers.missing(), Vec::<String>::new());
            }
            Said::of(&read)
        });
    }
}
