//! Orders, invoices and credit notes as the documents that an ERP gets (`erp.v1.Document`): the same numbers, nothing computed anew.

use chrono::NaiveDate;
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{Document, DocumentType, Party, PaymentAccount};
use dealflow_proto::leads::v1::Account;
use dealflow_proto::orders::v1::{CreditNote, Invoice, Order, Party as Said};

use crate::parties::of_account;

/// The longest external id.
const LONGEST_ID: usize = 35;

/// Names an order in the ERP for ever, e.g. `dealflow:order:SO-000001`.
pub(crate) fn order_id(number: &str) -> String {
    format!("dealflow:order:{number}")
}

/// Names an invoice in the ERP for ever, e.g. `dealflow:invoice:INV-2017-000001`.
pub(crate) fn invoice_id(number: &str) -> String {
    format!("dealflow:invoice:{number}")
}

/// Names a credit note in the ERP for ever, e.g. `dealflow:credit:CN-2017-000001`.
pub(crate) fn credit_note_id(number: &str) -> String {
    format!("dealflow:credit:{number}")
}

/// Names the cancellation of an order in the ERP for ever, e.g. `dealflow:order:SO-000001:x`.
pub(crate) fn cancellation_id(order_number: &str) -> String {
    format!("{}:x", order_id(order_number))
}

/// Names a change of an order in the ERP for ever, e.g. `dealflow:order:SO-000001:c1`.
pub(crate) fn change_id(order_number: &str, number: i32) -> String {
    format!("{}:c{number}", order_id(order_number))
}

/// What names an order and its cancellation.
pub(crate) fn ids_of_order(number: &str) -> [String; 2] {
    [order_id(number), cancellation_id(number)]
}

/// A submitted order for the ERP; `legal_entity` is the one that sells.
pub(crate) fn of_order(order: &Order, buyer: Option<&Account>, legal_entity: &str) -> Document {
    Document {
        external_id: order_id(&order.number),
        r#type: DocumentType::Order.into(),
        number: order.number.clone(),
        // The house's own name for the one that sells where nothing is said.
        legal_entity: if is_default(order) { legal_entity.to_owned() } else { order.legal_entity.clone() },
        issue_date: order.order_date,
        due_date: None,
        currency_code: order.currency_code.clone(),
        buyer: Some(party(buyer.map(of_account).as_ref(), &order.account)),
        order_external_id: String::new(),
        customer_reference: order.customer_reference.clone(),
        lines: order.lines.clone(),
        discount_percent: order.discount_percent.clone(),
        totals: order.totals.clone(),
        allowances: order.allowances.clone(),
        charges: order.charges.clone(),
        ..Document::default()
    }
}

/// The wish to take a submitted order back: no lines, no amounts.
pub(crate) fn of_cancellation(
    order: &Order,
    buyer: Option<&Account>,
    legal_entity: &str,
    day: NaiveDate,
    reason: &str,
) -> Document {
    Document {
        external_id: cancellation_id(&order.number),
        r#type: DocumentType::OrderCancellation.into(),
        issue_date: Some(convert::date(day)),
        order_external_id: order_id(&order.number),
        lines: Vec::new(),
        allowances: Vec::new(),
        charges: Vec::new(),
        discount_percent: None,
        totals: None,
        reason: reason.to_owned(),
        ..of_order(order, buyer, legal_entity)
    }
}

/// An order as it is to be, which the ERP has otherwise; `seller` is that of [`of_order`].
pub(crate) fn of_change(
    wanted: &Order,
    number: i32,
    (buyer, seller): (Option<&Account>, &str),
    day: NaiveDate,
    reason: &str,
) -> Document {
    Document {
        external_id: change_id(&wanted.number, number),
        r#type: DocumentType::OrderChange.into(),
        issue_date: Some(convert::date(day)),
        order_external_id: order_id(&wanted.number),
        reason: reason.to_owned(),
        ..of_order(wanted, buyer, seller)
    }
}

/// A posted credit note for the ERP.
pub(crate) fn of_credit_note(note: &CreditNote, buyer: Option<&Said>) -> Document {
    Document {
        external_id: credit_note_id(&note.number),
        r#type: DocumentType::CreditNote.into(),
        number: note.number.clone(),
        legal_entity: note.legal_entity.clone(),
        issue_date: note.issue_date,
        due_date: None,
        currency_code: note.currency_code.clone(),
        buyer: Some(party(buyer, &note.account)),
        order_external_id: order_id(&note.order_number),
        customer_reference: note.customer_reference.clone(),
        lines: note.lines.clone(),
        discount_percent: note.discount_percent.clone(),
        totals: note.totals.clone(),
        allowances: note.allowances.clone(),
        charges: note.charges.clone(),
        invoice_external_id: invoice_id(&note.invoice_number),
        invoice_number: note.invoice_number.clone(),
        invoice_date: note.invoice_date,
        reason: note.reason.clone(),
        contract_number: note.contract_number.clone(),
        buyer_reference: note.buyer_reference.clone(),
        delivery_date: note.delivery_date,
        exemption_reason: note.exemption_reason.clone(),
        seller: note.seller.as_ref().map(seller_of),
        payment_account: note.seller.as_ref().and_then(payment_account),
        ..Document::default()
    }
}

fn is_default(order: &Order) -> bool {
    matches!(order.legal_entity.as_str(), "" | "default")
}

/// A posted invoice for the ERP.
pub(crate) fn of_invoice(invoice: &Invoice, buyer: Option<&Said>) -> Document {
    Document {
        external_id: invoice_id(&invoice.number),
        r#type: DocumentType::Invoice.into(),
        number: invoice.number.clone(),
        legal_entity: invoice.legal_entity.clone(),
        issue_date: invoice.issue_date,
        due_date: invoice.due_date,
        currency_code: invoice.currency_code.clone(),
        buyer: Some(party(buyer, &invoice.account)),
        order_external_id: order_id(&invoice.order_number),
        customer_reference: invoice.customer_reference.clone(),
        lines: invoice.lines.clone(),
        discount_percent: invoice.discount_percent.clone(),
        totals: invoice.totals.clone(),
        allowances: invoice.allowances.clone(),
        charges: invoice.charges.clone(),
        contract_number: invoice.contract_number.clone(),
        payment_terms: invoice.terms.clone(),
        buyer_reference: invoice.buyer_reference.clone(),
        delivery_date: invoice.delivery_date,
        exemption_reason: invoice.exemption_reason.clone(),
        seller: invoice.seller.as_ref().map(seller_of),
        payment_account: invoice.seller.as_ref().and_then(payment_account),
        ..Document::default()
    }
}

/// Who buys; a sale without an account has an empty party.
fn party(buyer: Option<&Said>, account: &str) -> Party {
    let Some(buyer) = buyer else {
        return Party { account: account.to_owned(), ..Party::default() };
    };
    let legal_name = if buyer.legal_name.is_empty() { &buyer.trading_name } else { &buyer.legal_name };
    Party {
        account: account.to_owned(),
        legal_name: legal_name.clone(),
        vat_id: buyer.vat_id.clone(),
        registration_id: buyer.registration_id.clone(),
        address: buyer.address.clone(),
        electronic_address: buyer.electronic_address.clone(),
        electronic_address_scheme: buyer.electronic_address_scheme.clone(),
        // Whom to ask at the buyer's stands in the file, where it is one: more people's data than that go nowhere.
        ..Party::default()
    }
}

/// Who sells, with all that a bill says of it.
pub(crate) fn seller_of(said: &Said) -> Party {
    Party {
        trading_name: said.trading_name.clone(),
        registration_scheme: said.registration_scheme.clone(),
        legal_form: said.legal_form.clone(),
        contact_name: said.contact_name.clone(),
        phone: said.phone.clone(),
        email: said.email.clone(),
        ..party(Some(said), "")
    }
}

/// Where the seller wants to be paid; none where it names no account.
pub(crate) fn payment_account(said: &Said) -> Option<PaymentAccount> {
    let account = PaymentAccount {
        account: said.bank_account.clone(),
        account_name: said.bank_account_name.clone(),
        bic: said.bic.clone(),
    };
    Some(account).filter(|it| !it.account.is_empty())
}

/// What names a document in the ERP that the ERP made: what it calls it, else by its number there, else by our name.
///
/// Numbers are those of a legal entity: one that is not the house's default stands in the id.
fn theirs(said: &str, kind: &str, (legal_entity, number): (&str, &str), name: &str) -> String {
    if !said.is_empty() {
        return said.to_owned();
    }
    let id = match legal_entity {
        "" | "default" => format!("erp:{kind}:{number}"),
        code => format!("erp.{code}:{kind}:{number}"),
    };
    let letter = |it: u8| it.is_ascii_alphanumeric() || b"._:-".contains(&it);
    if id.len() <= LONGEST_ID && id.bytes().all(letter) && !legal_entity.contains(':') {
        return id;
    }
    let uuid: String = name.rsplit('/').next().unwrap_or_default().chars().filter(|it| *it != '-').collect();
    format!("erp{uuid}")
}

/// What names an invoice in the ERP, whoever made it.
fn id_of(invoice: &Invoice) -> String {
    // In no series of ours: the ERP made it.
    if invoice.series.is_empty() {
        theirs(&invoice.external_id, "invoice", (&invoice.legal_entity, &invoice.number), &invoice.name)
    } else {
        invoice_id(&invoice.number)
    }
}

/// What may name an invoice that the ERP made: an earlier version said nothing of its legal entity.
pub(crate) fn ids_of(invoice: &Invoice) -> [String; 2] {
    let of_default = Invoice { legal_entity: String::new(), ..invoice.clone() };
    [id_of(invoice), id_of(&of_default)]
}

/// An invoice that the ERP made, as what stands beside those that we hand over.
pub(crate) fn of_their_invoice(invoice: &Invoice) -> Document {
    Document { external_id: id_of(invoice), ..of_invoice(invoice, invoice.buyer.as_ref()) }
}

/// A credit note that the ERP made, for this invoice.
pub(crate) fn of_their_credit_note(note: &CreditNote, invoice: &Invoice) -> Document {
    Document {
        external_id: theirs(&note.external_id, "credit", (&note.legal_entity, &note.number), &note.name),
        invoice_external_id: id_of(invoice),
        ..of_credit_note(note, note.buyer.as_ref())
    }
}
