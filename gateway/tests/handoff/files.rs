//! The files of drawn documents: who deals with whom, and the UBL that a bill brings, checked by a reader of its own.

use dealflow_documents as documents;
use dealflow_documents::{
    Adjustment, Contact, Delivery, ElectronicAddress, Exemption, Figures, Kind, Payment, Preceding, Registration,
};
use dealflow_money::{Currency, Vat, VatCategory};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{Attachment, Document, DocumentType, Party, PaymentAccount};
use dealflow_proto::types::v1::Address;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

#[path = "../../../services/documents/tests/rules/mod.rs"]
mod rules;

/// Where a customer is, and what that makes of the VAT of all lines; none where each line has its own.
#[derive(Clone, Copy)]
pub(crate) struct Trade {
    pub(crate) country: &'static str,
    pub(crate) category: Option<VatCategory>,
}

/// At home, and the other ways of trading.
pub(crate) const TRADES: [Trade; 6] = [
    Trade { country: "AT", category: None },
    Trade { country: "AT", category: None },
    Trade { country: "DE", category: Some(VatCategory::AE) },
    Trade { country: "DE", category: Some(VatCategory::K) },
    Trade { country: "CH", category: Some(VatCategory::G) },
    Trade { country: "CH", category: Some(VatCategory::O) },
];

/// Names that a file must not trip over.
const NAMES: [&str; 3] = ["Söhne & Töchter <\"O'Neill\">", "ООО «Ромашка»", "Ελληνική Εταιρεία 🚚"];

/// A drawn line: id, quantity, price, VAT.
pub(crate) type Drawn<'a> = (&'a str, Decimal, Decimal, Vat);

fn address(country: &str) -> Option<Address> {
    let text = str::to_owned;
    Some(Address {
        street: text("Ring 1"),
        city: text("Irgendwo"),
        postal_code: text("1010"),
        country_code: text(country),
        ..Address::default()
    })
}

/// Says who deals with whom.
pub(crate) fn parties(document: &mut Document, trade: Trade) {
    let text = str::to_owned;
    let vat_id = match trade.country {
        "DE" => "DE123456789",
        "AT" => "ATU87654321",
        _ => "CHE123456789MWST",
    };
    let party = |name: &str, vat_id: &str, country: &str| Party {
        legal_name: text(name),
        vat_id: text(vat_id),
        registration_id: text("FN 123456 a"),
        address: address(country),
        electronic_address: text("7300010000001"),
        electronic_address_scheme: text("0088"),
        ..Party::default()
    };
    document.buyer = Some(party(NAMES[document.number.len() % NAMES.len()], vat_id, trade.country));
    document.seller = Some(Party { contact_name: text("Office"), ..party("Nordlicht GmbH", "ATU12345678", "AT") });
    let (account, bic) = (text("AT61 1904 3002 3457 3201"), text("BKAUATWW"));
    document.payment_account = Some(PaymentAccount { account, bic, account_name: String::new() });
    document.buyer_reference = text("KST-4711");
    document.payment_terms = text("30 days net");
    document.contract_number = text("C-17");
    document.delivery_date = document.issue_date;
    document.exemption_reason = text("Article 132 of Directive 2006/112/EC");
}

/// Attaches the UBL of a bill. It keeps every rule to the cent, or the test ends here.
pub(crate) fn attach(document: &mut Document, currency: Currency, items: &[Drawn<'_>], discount: Decimal) {
    let kind = match document.r#type() {
        DocumentType::Invoice => Kind::Invoice,
        DocumentType::CreditNote => Kind::CreditNote,
        _ => return,
    };
    let issued = convert::date_of(document.issue_date.as_ref().expect("a day")).expect("a day");
    let mut paper = documents::Document::new(kind, &document.number, issued, currency);
    paper.due_date = Some(issued);
    paper.seller = party(document.seller.as_ref());
    paper.buyer = party(document.buyer.as_ref());
    paper.references.buyer.clone_from(&document.buyer_reference);
    paper.references.contract.clone_from(&document.contract_number);
    paper.references.order = document.order_external_id.rsplit(':').next().unwrap_or_default().to_owned();
    paper.payment_terms.clone_from(&document.payment_terms);
    let address = Some(paper.buyer.address.clone());
    paper.delivery = Some(Delivery { name: String::new(), date: Some(issued), address });
    let (category, reason) = (VatCategory::E, document.exemption_reason.clone());
    paper.exemptions = vec![Exemption { category, reason, code: String::new() }];
    let account = document.payment_account.clone().unwrap_or_default();
    let (means, account) = match (kind, currency.code()) {
        (Kind::CreditNote, _) => ("97", PaymentAccount::default()),
        (_, "EUR") => ("58", account),
        _ => ("30", account),
    };
    let (means, reference) = (means.to_owned(), String::new());
    let PaymentAccount { account, account_name, bic: bank } = account;
    paper.payment = Some(Payment { means, account, account_name, bank, reference });
    if kind == Kind::CreditNote {
        let number = document.invoice_number.clone();
        paper.references.preceding = vec![Preceding { number, issue_date: Some(issued) }];
    }
    for (id, quantity, price, vat) in items {
        let line = documents::Line::new(*id, "Piece", *quantity, "C62", *price, *vat);
        paper.lines.push(documents::Line { order_line: (*id).to_owned(), ..line });
    }
    if !discount.is_zero() {
        paper.allowances = vec![Adjustment::discount(discount, "Discount")];
    }
    let said = document.totals.as_ref().and_then(|totals| totals.payable.as_ref()).expect("an amount");
    let figures = Figures::of(&paper).expect("it adds up");
    assert_eq!(figures.decimal(figures.totals.payable), convert::decimal_of(said).expect("an amount"));
    let xml = documents::ubl(&paper).unwrap_or_else(|lacks| panic!("{}: {lacks}", document.external_id));
    assert_eq!(rules::broken(&xml), Vec::<String>::new(), "{}: {xml}", document.external_id);
    let content = xml.into_bytes();
    let sha256 = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    let (file_name, media_type) = (format!("{}.xml", document.number), "application/xml".to_owned());
    document.attachments = vec![Attachment { file_name, media_type, content, sha256 }];
}

fn party(said: Option<&Party>) -> documents::Party {
    let said = said.expect("a party");
    let address = said.address.clone().unwrap_or_default();
    documents::Party {
        legal_name: said.legal_name.clone(),
        address: documents::Address {
            street: address.street,
            city: address.city,
            postal_code: address.postal_code,
            country: address.country_code,
            ..documents::Address::default()
        },
        vat_id: said.vat_id.clone(),
        registration: Some(Registration { scheme: String::new(), id: said.registration_id.clone() }),
        electronic_address: Some(ElectronicAddress {
            scheme: said.electronic_address_scheme.clone(),
            id: said.electronic_address.clone(),
        }),
        contact: Some(Contact { name: said.contact_name.clone(), ..Contact::default() }),
        ..documents::Party::default()
    }
}
