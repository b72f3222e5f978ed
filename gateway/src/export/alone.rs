//! A record as a document, of what it keeps and nothing else: what is frozen with its hand-over. An export without further
//! words says the same.

use dealflow_chassis::Refusal;
use dealflow_documents::{Document, Language};
use dealflow_proto::gateway::v1::ExportDocumentRequest;
use dealflow_proto::orders::v1::{CreditNote, Invoice, Order};

use super::papers::{self, Known};
use super::sides::{Kept, Sides};

/// A posted invoice; its parties are those that it keeps.
pub(crate) fn invoice_paper(invoice: &Invoice, language: Language) -> Result<Document, Refusal> {
    let kept = Kept::of(&invoice.seller, &invoice.buyer, &invoice.contract_number);
    written(Sides::kept(kept), language, |known| papers::of_invoice(known, invoice))
}

/// A posted credit note; its parties are those that it keeps.
pub(crate) fn credit_note_paper(note: &CreditNote, language: Language) -> Result<Document, Refusal> {
    let kept = Kept::of(&note.seller, &note.buyer, &note.contract_number);
    written(Sides::kept(kept), language, |known| papers::of_credit_note(known, note))
}

/// The confirmation of an order.
pub(crate) fn order_paper(sides: Sides, order: &Order, language: Language) -> Result<Document, Refusal> {
    written(sides, language, |known| papers::of_order(known, order))
}

fn written(
    sides: Sides,
    language: Language,
    of: impl Fn(&Known<'_>) -> Result<Document, Refusal>,
) -> Result<Document, Refusal> {
    let ask = ExportDocumentRequest::default();
    of(&Known { sides, ask: &ask, language })
}
