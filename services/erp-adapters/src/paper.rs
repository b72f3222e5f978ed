//! A document of the wire as the model of `dealflow-documents`: the same numbers, computed by the one arithmetic and
//! compared with what the document says.

use chrono::NaiveDate;
use dealflow_chassis::Refusal;
use dealflow_documents::{
    Address, Adjustment, Contact, Delivery, Document, ElectronicAddress, Exemption, Kind, Line, Party, Preceding,
    Registration,
};
use dealflow_money::{Amount, Currency, MoneyError, Totals, Vat, VatCategory};
use dealflow_proto::convert::{self, ConvertError};
use dealflow_proto::erp::v1 as pb;
use dealflow_proto::google::type_;
use dealflow_proto::types::v1 as wire;
use rust_decimal::Decimal;

use crate::submission::reason;

/// Why a document cannot even be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("{0}")]
    Value(#[from] ConvertError),
    #[error("{0}")]
    Money(#[from] MoneyError),
    #[error("{0} is missing")]
    Absent(&'static str),
}

impl From<Unreadable> for Refusal {
    fn from(error: Unreadable) -> Self {
        Self::field("document", error.to_string())
    }
}

/// The document as far as it says itself: what it does not say of its seller and of how to pay, an adapter may know.
pub(crate) fn of(document: &pb::Document) -> Result<Document, Unreadable> {
    let kind = match document.r#type() {
        pb::DocumentType::Invoice => Kind::Invoice,
        pb::DocumentType::CreditNote => Kind::CreditNote,
        _ => Kind::OrderConfirmation,
    };
    let day = day(document.issue_date.as_ref())?.ok_or(Unreadable::Absent("issue_date"))?;
    let mut paper = Document::new(kind, &document.number, day, Currency::parse(&document.currency_code)?);
    paper.buyer = document.buyer.as_ref().map(party).unwrap_or_default();
    paper.seller = document.seller.as_ref().map(seller).unwrap_or_default();
    paper.lines = document.lines.iter().map(line).collect::<Result<_, _>>()?;
    paper.allowances = adjustments(&document.allowances)?;
    paper.allowances.extend(discount(document.discount_percent.as_ref())?);
    paper.charges = adjustments(&document.charges)?;
    if let Some(totals) = &document.totals {
        paper.prepaid = amount(totals.prepaid.as_ref())?;
        paper.rounding = amount(totals.rounding.as_ref())?;
    }
    paper.references.customer_order.clone_from(&document.customer_reference);
    paper.references.buyer.clone_from(&document.buyer_reference);
    paper.references.contract.clone_from(&document.contract_number);
    paper.payment_terms.clone_from(&document.payment_terms);
    let reason = document.exemption_reason.clone();
    paper.exemptions = vec![Exemption { category: VatCategory::E, reason, code: String::new() }];
    let delivered = self::day(document.delivery_date.as_ref())?;
    if delivered.is_some() || paper.lines.iter().any(|line| line.vat.category.needs_delivery()) {
        // It goes where the buyer is.
        let address = Some(paper.buyer.address.clone()).filter(|address| !address.country.is_empty());
        paper.delivery = Some(Delivery { name: String::new(), date: delivered, address });
    }
    if kind.is_billing() {
        paper.due_date = self::day(document.due_date.as_ref())?;
        // `dealflow:order:SO-000017` is our SO-000017 (BT-14).
        paper.references.order = document.order_external_id.rsplit(':').next().unwrap_or_default().to_owned();
        for line in &mut paper.lines {
            line.order_line.clone_from(&line.id);
        }
    }
    if kind == Kind::CreditNote {
        paper.due_date = None;
        paper.payment_terms = format!("Credited against invoice {}.", document.invoice_number);
        paper.notes = vec![document.reason.clone()];
        let issue_date = self::day(document.invoice_date.as_ref())?;
        paper.references.preceding = vec![Preceding { number: document.invoice_number.clone(), issue_date }];
    }
    Ok(paper)
}

/// Where the amounts of a document are not those that its lines give, to the cent.
pub(crate) fn differences(document: &pb::Document, computed: &Totals) -> Result<Vec<pb::Reason>, Unreadable> {
    let said = document.totals.as_ref().ok_or(Unreadable::Absent("totals"))?;
    let mut compared = vec![
        ("BR-CO-10", "totals.sum_of_lines", String::new(), computed.sum_of_lines, said.sum_of_lines.as_ref()),
        (
            "BR-CO-13",
            "totals.total_without_vat",
            String::new(),
            computed.total_without_vat,
            said.total_without_vat.as_ref(),
        ),
        ("BR-CO-14", "totals.total_vat", String::new(), computed.total_vat, said.total_vat.as_ref()),
        ("BR-CO-15", "totals.total_with_vat", String::new(), computed.total_with_vat, said.total_with_vat.as_ref()),
        ("BR-CO-16", "totals.payable", String::new(), computed.payable, said.payable.as_ref()),
    ];
    for (line, totals) in document.lines.iter().zip(&computed.lines) {
        compared.push(("BT-131", "lines.net", line.line_id.clone(), totals.net, line.net.as_ref()));
    }
    let mut reasons = Vec::new();
    for (rule, field, line_id, expected, said) in compared {
        let (expected, actual) = (computed.money(expected).to_decimal(), amount(said)?);
        if expected != actual {
            reasons.push(mismatch(rule, field, line_id, expected, actual));
        }
    }
    Ok(reasons)
}

/// An amount that is another one over there, or here.
pub(crate) fn mismatch(rule: &str, field: &str, line_id: String, expected: Decimal, actual: Decimal) -> pb::Reason {
    let message = format!("{field} is {actual}, {expected} was expected");
    pb::Reason {
        rule: rule.to_owned(),
        line_id,
        expected: expected.to_string(),
        actual: actual.to_string(),
        ..reason(
            "TOTALS_MISMATCH",
            field,
            message,
            "look how each side rounds; VAT is rounded once per category and rate",
        )
    }
}

/// A VAT category with its rate.
pub(crate) fn vat(vat: Option<&wire::Vat>) -> Result<Vat, Unreadable> {
    let vat = vat.ok_or(Unreadable::Absent("lines.vat"))?;
    let category = match vat.category() {
        wire::VatCategory::Unspecified => return Err(Unreadable::Absent("lines.vat.category")),
        wire::VatCategory::Standard => VatCategory::S,
        wire::VatCategory::Zero => VatCategory::Z,
        wire::VatCategory::Exempt => VatCategory::E,
        wire::VatCategory::ReverseCharge => VatCategory::AE,
        wire::VatCategory::IntraCommunity => VatCategory::K,
        wire::VatCategory::Export => VatCategory::G,
        wire::VatCategory::OutsideScope => VatCategory::O,
        wire::VatCategory::CanaryIslands => VatCategory::L,
        wire::VatCategory::CeutaMelilla => VatCategory::M,
    };
    Ok(Vat::new(category, number(vat.rate.as_ref())?))
}

/// The word of the wire for a VAT category.
pub(crate) fn category(category: VatCategory) -> wire::VatCategory {
    match category {
        VatCategory::S => wire::VatCategory::Standard,
        VatCategory::Z => wire::VatCategory::Zero,
        VatCategory::E => wire::VatCategory::Exempt,
        VatCategory::AE => wire::VatCategory::ReverseCharge,
        VatCategory::K => wire::VatCategory::IntraCommunity,
        VatCategory::G => wire::VatCategory::Export,
        VatCategory::O => wire::VatCategory::OutsideScope,
        VatCategory::L => wire::VatCategory::CanaryIslands,
        VatCategory::M => wire::VatCategory::CeutaMelilla,
    }
}

/// A day of the wire.
pub(crate) fn day(given: Option<&type_::Date>) -> Result<Option<NaiveDate>, Unreadable> {
    Ok(given.map(convert::date_of).transpose()?)
}

fn line(given: &wire::Line) -> Result<Line, Unreadable> {
    let (quantity, price) = (number(given.quantity.as_ref())?, amount(given.unit_price.as_ref())?);
    let vat = vat(given.vat.as_ref())?;
    let mut line = Line::new(&given.line_id, &given.description, quantity, &given.unit_code, price, vat);
    line.allowances = adjustments(&given.allowances)?;
    line.allowances.extend(discount(given.discount_percent.as_ref())?);
    line.charges = adjustments(&given.charges)?;
    Ok(line)
}

fn discount(percent: Option<&type_::Decimal>) -> Result<Option<Adjustment>, Unreadable> {
    let percent = number(percent)?;
    Ok((!percent.is_zero()).then(|| Adjustment::discount(percent, "Discount")))
}

/// Allowances or charges; what comes to nothing is left out.
fn adjustments(given: &[wire::Adjustment]) -> Result<Vec<Adjustment>, Unreadable> {
    let read = |one: &wire::Adjustment| -> Result<Adjustment, Unreadable> {
        let size = match &one.percent {
            Some(percent) => Amount::Percent(number(Some(percent))?),
            None => Amount::Fixed(amount(one.amount.as_ref())?),
        };
        let vat = one.vat.as_ref().map(|given| vat(Some(given))).transpose()?;
        Ok(Adjustment { amount: size, reason: one.reason.clone(), code: one.reason_code.clone(), vat })
    };
    let read = given.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(read.into_iter().filter(|one| one.amount != Amount::Fixed(Decimal::ZERO)).collect())
}

fn party(given: &pb::Party) -> Party {
    let address = given.address.clone().unwrap_or_default();
    let registration = Registration { scheme: String::new(), id: given.registration_id.clone() };
    let scheme = given.electronic_address_scheme.clone();
    let endpoint = ElectronicAddress { scheme, id: given.electronic_address.clone() };
    Party {
        legal_name: given.legal_name.clone(),
        address: Address {
            street: address.street,
            additional: String::new(),
            city: address.city,
            postal_code: address.postal_code,
            region: address.region,
            country: address.country_code,
        },
        vat_id: given.vat_id.clone(),
        registration: Some(registration).filter(|one| !one.id.is_empty()),
        electronic_address: Some(endpoint).filter(|one| !one.id.is_empty()),
        ..Party::default()
    }
}

/// Who sells: said with more than who buys.
fn seller(given: &pb::Party) -> Party {
    let contact = Contact { name: given.contact_name.clone(), phone: given.phone.clone(), email: given.email.clone() };
    let mut party = party(given);
    if let Some(registration) = &mut party.registration {
        registration.scheme.clone_from(&given.registration_scheme);
    }
    // A name that it trades under says something only where it is another.
    let trading_name = if given.trading_name == given.legal_name { "" } else { &given.trading_name };
    Party {
        trading_name: trading_name.to_owned(),
        legal_form: given.legal_form.clone(),
        contact: Some(contact).filter(|it| *it != Contact::default()),
        ..party
    }
}

fn number(given: Option<&type_::Decimal>) -> Result<Decimal, Unreadable> {
    Ok(given.map(convert::decimal_from).transpose()?.unwrap_or_default())
}

fn amount(given: Option<&type_::Money>) -> Result<Decimal, Unreadable> {
    Ok(given.map(convert::decimal_of).transpose()?.unwrap_or_default())
}
