//! A record as a document: the same numbers under the names of EN 16931, nothing computed anew.

use chrono::NaiveDate;
use dealflow_chassis::Refusal;
use dealflow_documents::{
    Adjustment, Delivery, Document, Exemption, Figures, Kind, Language, Line, Payment, Preceding, Stamp,
};
use dealflow_money::{Amount, Currency, Vat, VatCategory};
use dealflow_proto::convert;
use dealflow_proto::gateway::v1::ExportDocumentRequest;
use dealflow_proto::google::type_::{Date, Decimal as WireDecimal, Money};
use dealflow_proto::orders::v1::{CreditNote, Invoice, Order, Quote, credit_note, invoice, order, quote};
use dealflow_proto::types::v1 as pb;
use prost_types::Timestamp;
use rust_decimal::Decimal;

use super::sides::Sides;

/// What is known beside the record.
pub(super) struct Known<'a> {
    pub(super) sides: Sides,
    pub(super) ask: &'a ExportDocumentRequest,
    pub(super) language: Language,
}

/// What every record says alike.
struct Content<'a> {
    number: String,
    day: NaiveDate,
    currency: &'a str,
    lines: &'a [pb::Line],
    discount: Option<&'a WireDecimal>,
    allowances: &'a [pb::Adjustment],
    charges: &'a [pb::Adjustment],
    totals: Option<&'a pb::Totals>,
    said: Said<'a>,
}

/// What a bill says besides; nothing on other papers.
#[derive(Default)]
struct Said<'a> {
    buyer_reference: &'a str,
    delivered: Option<&'a Date>,
    exemption_reason: &'a str,
}

pub(super) fn of_quote(known: &Known<'_>, quote: &Quote) -> Result<Document, Refusal> {
    // All revisions have one number; which of them this is has to be told on paper.
    let number = match quote.revision {
        0 => quote.number.clone(),
        revision => format!("{}/{revision}", quote.number),
    };
    let content = Content {
        number,
        day: made(quote.create_time.as_ref())?,
        currency: &quote.currency_code,
        lines: &quote.lines,
        discount: quote.discount_percent.as_ref(),
        allowances: &quote.allowances,
        charges: &quote.charges,
        totals: quote.totals.as_ref(),
        said: Said::default(),
    };
    let mut document = document(known, Kind::Quote, &content)?;
    document.valid_until = day(quote.valid_until_date.as_ref())?;
    // Nobody takes for an offer what nobody agreed to yet, or what was ended (R-QUO-2).
    document.stamp = match quote.state() {
        quote::State::Draft | quote::State::InApproval => Some(Stamp::Draft),
        quote::State::Closed => Some(Stamp::Closed),
        _ => None,
    };
    document.payment_terms.clone_from(&quote.terms);
    agreed(document, &content)
}

pub(super) fn of_order(known: &Known<'_>, order: &Order) -> Result<Document, Refusal> {
    let ordered = day(order.order_date.as_ref())?;
    let content = Content {
        number: order.number.clone(),
        day: ordered.map_or_else(|| made(order.create_time.as_ref()), Ok)?,
        currency: &order.currency_code,
        lines: &order.lines,
        discount: order.discount_percent.as_ref(),
        allowances: &order.allowances,
        charges: &order.charges,
        totals: order.totals.as_ref(),
        said: Said::default(),
    };
    let mut document = document(known, Kind::OrderConfirmation, &content)?;
    // Nobody takes for confirmed what is not agreed yet, or what was given up (R-ORD-1).
    document.stamp = match order.state() {
        order::State::Draft => Some(Stamp::Draft),
        order::State::Canceled => Some(Stamp::Closed),
        _ => None,
    };
    document.payment_terms.clone_from(&order.terms);
    document.references.customer_order.clone_from(&order.customer_reference);
    agreed(document, &content)
}

pub(super) fn of_invoice(known: &Known<'_>, invoice: &Invoice) -> Result<Document, Refusal> {
    let issued = day(invoice.issue_date.as_ref())?;
    let content = Content {
        number: invoice.number.clone(),
        day: issued.map_or_else(|| made(invoice.create_time.as_ref()), Ok)?,
        currency: &invoice.currency_code,
        lines: &invoice.lines,
        discount: invoice.discount_percent.as_ref(),
        allowances: &invoice.allowances,
        charges: &invoice.charges,
        totals: invoice.totals.as_ref(),
        said: Said {
            buyer_reference: &invoice.buyer_reference,
            delivered: invoice.delivery_date.as_ref(),
            exemption_reason: &invoice.exemption_reason,
        },
    };
    let mut document = document(known, Kind::Invoice, &content)?;
    // Nobody pays what is void.
    document.stamp = Some(Stamp::Closed).filter(|_| invoice.state() == invoice::State::Void);
    document.due_date = day(invoice.due_date.as_ref())?;
    document.references.customer_order.clone_from(&invoice.customer_reference);
    document.payment_terms.clone_from(&invoice.terms);
    document.references.order.clone_from(&invoice.order_number);
    of_order_lines(&mut document);
    agreed(document, &content)
}

pub(super) fn of_credit_note(known: &Known<'_>, note: &CreditNote) -> Result<Document, Refusal> {
    let issued = day(note.issue_date.as_ref())?;
    let content = Content {
        number: note.number.clone(),
        day: issued.map_or_else(|| made(note.create_time.as_ref()), Ok)?,
        currency: &note.currency_code,
        lines: &note.lines,
        discount: note.discount_percent.as_ref(),
        allowances: &note.allowances,
        charges: &note.charges,
        totals: note.totals.as_ref(),
        said: Said {
            buyer_reference: &note.buyer_reference,
            delivered: note.delivery_date.as_ref(),
            exemption_reason: &note.exemption_reason,
        },
    };
    let mut document = document(known, Kind::CreditNote, &content)?;
    // Nobody sets off what is void.
    document.stamp = Some(Stamp::Closed).filter(|_| note.state() == credit_note::State::Void);
    // The seller's account is where a buyer pays to, and here nobody pays: it is set off against the invoice (BT-81). Dutch
    // parties do not know that among themselves (NL-R-008), and need no means.
    let dutch = [&document.seller, &document.buyer].iter().all(|side| side.address.country == "NL");
    document.payment = Some(clearing()).filter(|_| !dutch);
    document.payment_terms = match known.language {
        Language::English => format!("Credited against invoice {}.", note.invoice_number),
        Language::Russian => format!("Зачитывается по счёту {}.", note.invoice_number),
    };
    document.due_date = day(note.due_date.as_ref())?;
    document.notes = vec![note.reason.clone()];
    document.references.customer_order.clone_from(&note.customer_reference);
    document.references.order.clone_from(&note.order_number);
    let issue_date = day(note.invoice_date.as_ref())?;
    document.references.preceding = vec![Preceding { number: note.invoice_number.clone(), issue_date }];
    of_order_lines(&mut document);
    agreed(document, &content)
}

/// Clearing between partners: no account.
fn clearing() -> Payment {
    let none = String::new;
    Payment { means: "97".to_owned(), account: none(), account_name: none(), bank: none(), reference: none() }
}

/// A line of an invoice or a credit note has the id of its order's.
fn of_order_lines(document: &mut Document) {
    for line in &mut document.lines {
        line.order_line.clone_from(&line.id);
    }
}

fn document(known: &Known<'_>, kind: Kind, content: &Content<'_>) -> Result<Document, Refusal> {
    let currency = Currency::parse(content.currency).map_err(Refusal::internal)?;
    let discount = match known.language {
        Language::English => "Discount",
        Language::Russian => "Скидка",
    };
    let mut document = Document::new(kind, content.number.clone(), content.day, currency);
    document.seller = known.sides.seller.clone();
    document.buyer = known.sides.buyer.clone();
    // What the caller says counts before what the record says.
    let or = |asked: &str, said: &str| if asked.is_empty() { said.to_owned() } else { asked.to_owned() };
    document.references.buyer = or(&known.ask.buyer_reference, content.said.buyer_reference);
    document.references.contract.clone_from(&known.sides.contract);
    document.payment = known.sides.payment.as_ref().map(|payment| Payment {
        // SEPA moves euros; anything else is some other credit transfer.
        means: if currency.code() == "EUR" { "58" } else { "30" }.to_owned(),
        ..payment.clone()
    });
    document.lines = content.lines.iter().map(|given| line(given, discount)).collect::<Result<_, _>>()?;
    document.allowances = adjustments(content.allowances)?;
    document.allowances.extend(discounts(content.discount, discount)?);
    document.charges = adjustments(content.charges)?;
    if let Some(totals) = content.totals {
        document.prepaid = amount(totals.prepaid.as_ref())?;
        document.rounding = amount(totals.rounding.as_ref())?;
    }
    let reason = or(&known.ask.exemption_reason, content.said.exemption_reason);
    document.exemptions = vec![Exemption { category: VatCategory::E, reason, code: String::new() }];
    let delivered = day(known.ask.delivery_date.as_ref().or(content.said.delivered))?;
    if delivered.is_some() || document.lines.iter().any(|line| line.vat.category.needs_delivery()) {
        let address = Some(document.buyer.address.clone()).filter(|address| !address.country.is_empty());
        document.delivery = Some(Delivery { name: String::new(), date: delivered, address });
    }
    Ok(document)
}

/// The file would say the record's amounts, to the cent; anything else is our fault and not to be sent.
fn agreed(document: Document, content: &Content<'_>) -> Result<Document, Refusal> {
    let Some(totals) = content.totals else { return Ok(document) };
    let figures = Figures::of(&document).map_err(Refusal::internal)?;
    for (name, computed, recorded) in [
        ("total_without_vat", figures.totals.total_without_vat, &totals.total_without_vat),
        ("total_vat", figures.totals.total_vat, &totals.total_vat),
        ("payable", figures.totals.payable, &totals.payable),
    ] {
        let (computed, recorded) = (figures.decimal(computed), amount(recorded.as_ref())?);
        if computed != recorded {
            let number = &document.number;
            return Err(Refusal::internal(format!(
                "{name} of {number} is {recorded} in the record, {computed} in the file"
            )));
        }
    }
    Ok(document)
}

fn line(given: &pb::Line, discount: &str) -> Result<Line, Refusal> {
    let quantity = number(given.quantity.as_ref())?;
    let vat = vat(given.vat.as_ref())?;
    let price = amount(given.unit_price.as_ref())?;
    let mut line = Line::new(&given.line_id, &given.description, quantity, &given.unit_code, price, vat);
    line.allowances = adjustments(&given.allowances)?;
    line.allowances.extend(discounts(given.discount_percent.as_ref(), discount)?);
    line.charges = adjustments(&given.charges)?;
    Ok(line)
}

fn discounts(percent: Option<&WireDecimal>, reason: &str) -> Result<Vec<Adjustment>, Refusal> {
    let percent = number(percent)?;
    Ok(if percent.is_zero() { Vec::new() } else { vec![Adjustment::discount(percent, reason)] })
}

/// Allowances or charges; a part of the document that carries nothing of one does not show it.
fn adjustments(given: &[pb::Adjustment]) -> Result<Vec<Adjustment>, Refusal> {
    let read = |one: &pb::Adjustment| -> Result<Adjustment, Refusal> {
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

fn vat(given: Option<&pb::Vat>) -> Result<Vat, Refusal> {
    let Some(given) = given else { return Err(Refusal::internal("a line without VAT")) };
    let category = match given.category() {
        pb::VatCategory::Standard => VatCategory::S,
        pb::VatCategory::Zero => VatCategory::Z,
        pb::VatCategory::Exempt => VatCategory::E,
        pb::VatCategory::ReverseCharge => VatCategory::AE,
        pb::VatCategory::IntraCommunity => VatCategory::K,
        pb::VatCategory::Export => VatCategory::G,
        pb::VatCategory::OutsideScope => VatCategory::O,
        pb::VatCategory::CanaryIslands => VatCategory::L,
        pb::VatCategory::CeutaMelilla => VatCategory::M,
        pb::VatCategory::Unspecified => return Err(Refusal::internal("a line without VAT category")),
    };
    Ok(Vat::new(category, number(given.rate.as_ref())?))
}

fn number(given: Option<&WireDecimal>) -> Result<Decimal, Refusal> {
    given.map_or(Ok(Decimal::ZERO), |given| convert::decimal_from(given).map_err(Refusal::internal))
}

fn amount(given: Option<&Money>) -> Result<Decimal, Refusal> {
    given.map_or(Ok(Decimal::ZERO), |given| convert::decimal_of(given).map_err(Refusal::internal))
}

fn day(given: Option<&Date>) -> Result<Option<NaiveDate>, Refusal> {
    given.map(convert::date_of).transpose().map_err(Refusal::internal)
}

/// The day a record was made.
fn made(time: Option<&Timestamp>) -> Result<NaiveDate, Refusal> {
    let time = time.ok_or_else(|| Refusal::internal("a record without the time it was made"))?;
    convert::time_of(time).map(|time| time.date_naive()).map_err(Refusal::internal)
}
