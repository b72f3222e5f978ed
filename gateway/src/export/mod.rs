//! Documents as files (R-INV-3): records are read, put into the model of `dealflow-documents`, and written there.
//!
//! - `sides.rs` who deals with whom; `papers.rs` a record as a document; `alone.rs` what a record says of itself, for the
//!   hand-over; this file is the RPC

mod alone;
mod papers;
mod sides;

use dealflow_chassis::work::check;
use dealflow_chassis::{Context, Refusal, Store};
use dealflow_documents::{self as documents, Document, Kind, Language};
use dealflow_proto::gateway::v1::document_service_server::DocumentService;
use dealflow_proto::gateway::v1::export_document_request::Format;
use dealflow_proto::gateway::v1::{DocumentFile, ExportDocumentRequest};
use dealflow_proto::names;
use dealflow_proto::orders::v1::{
    GetCreditNoteRequest, GetInvoiceRequest, GetOrderRequest, GetQuoteRequest, credit_note, invoice,
};
use sha2::{Digest, Sha256};
use tonic::{Request, Response, Status};

use crate::calls::{Ask, Neighbours};
use crate::seen::Seen;
use crate::settings::DOCUMENT_LANGUAGE;
use papers::Known;
use sides::Kept;

pub(crate) use alone::{credit_note_paper, invoice_paper, order_paper};
pub(crate) use sides::{Sides, ask_contract, ask_seller, found_contract, found_seller};

/// The service.
#[derive(Clone)]
pub(crate) struct DocumentRpc {
    pub(crate) store: Store,
    pub(crate) to: Neighbours,
    pub(crate) seen: Seen,
}

#[tonic::async_trait]
impl DocumentService for DocumentRpc {
    async fn export_document(&self, request: Request<ExportDocumentRequest>) -> Result<Response<DocumentFile>, Status> {
        check(request.get_ref())?;
        let context = Context::of(request.metadata())?;
        let ask = request.into_inner();
        if !self.seen.sees_record(&context, &ask.name).await? {
            return Err(Refusal::missing(&ask.name).into());
        }
        let language = self.language(&ask.language_code).await?;
        let format = ask.format();
        let (document, is_kept) = self.document(&context, &ask, language, false).await?;
        let mut written = file(document, format, language).await?;
        if is_kept && matches!(&written, Err(documents::Refusal::Incomplete(_))) {
            // What the parties' records lacked when it was posted may stand there now; what they said stays as it was.
            let (completed, _) = self.document(&context, &ask, language, true).await?;
            written = file(completed, format, language).await?;
        }
        Ok(Response::new(written.map_err(refused)?))
    }
}

impl DocumentRpc {
    /// The record, with all that stands around it, and whether it keeps who deals with whom; what it keeps is `completed`
    /// by what the records say now, where that is asked for.
    async fn document(
        &self,
        context: &Context,
        ask: &ExportDocumentRequest,
        language: Language,
        completed: bool,
    ) -> Result<(Document, bool), Status> {
        let name = || ask.name.clone();
        let known = |sides: Sides| Known { sides, ask, language };
        if names::QUOTES.parse(&ask.name).is_ok() {
            let quote = self.ask(context, GetQuoteRequest { name: name() }).await?;
            let sides = self.sides(context, (&quote.legal_entity, &quote.account, &quote.opportunity)).await?;
            return Ok((papers::of_quote(&known(sides), &quote)?, false));
        }
        if names::ORDERS.parse(&ask.name).is_ok() {
            let order = self.ask(context, GetOrderRequest { name: name() }).await?;
            let sides = self.sides(context, (&order.legal_entity, &order.account, &order.opportunity)).await?;
            return Ok((papers::of_order(&known(sides), &order)?, false));
        }
        if names::INVOICES.parse(&ask.name).is_ok() {
            let invoice = self.ask(context, GetInvoiceRequest { name: name() }).await?;
            check_numbered(&invoice.name, &invoice.number, invoice.state() == invoice::State::Void, "PostInvoice")?;
            let kept = Kept::of(&invoice.seller, &invoice.buyer, &invoice.contract_number);
            let of = (invoice.legal_entity.as_str(), invoice.account.as_str(), invoice.opportunity.as_str());
            let sides = self.sides_of_bill(context, kept.as_ref(), of, completed).await?;
            return Ok((papers::of_invoice(&known(sides), &invoice)?, kept.is_some()));
        }
        if names::CREDIT_NOTES.parse(&ask.name).is_ok() {
            let note = self.ask(context, GetCreditNoteRequest { name: name() }).await?;
            check_numbered(&note.name, &note.number, note.state() == credit_note::State::Void, "PostCreditNote")?;
            let kept = Kept::of(&note.seller, &note.buyer, &note.contract_number);
            let of = (note.legal_entity.as_str(), note.account.as_str(), note.opportunity.as_str());
            let sides = self.sides_of_bill(context, kept.as_ref(), of, completed).await?;
            return Ok((papers::of_credit_note(&known(sides), &note)?, kept.is_some()));
        }
        Err(Refusal::field("name", "quotes/{uuid}, orders/{uuid}, invoices/{uuid} or creditNotes/{uuid}").into())
    }

    async fn language(&self, code: &str) -> Result<Language, Refusal> {
        match code {
            "" => Ok(house_language(&DOCUMENT_LANGUAGE.read(&self.store).await?)),
            code => Language::parse(code).ok_or_else(|| Refusal::field("language_code", "en or ru")),
        }
    }

    async fn ask<A: Ask>(&self, context: &Context, ask: A) -> Result<A::Answer, Status> {
        let mut request = Request::new(ask);
        // That the document is seen is known; what stands in it is then seen too, whosever it is.
        context.carry_seeing_all(request.metadata_mut());
        A::send(&self.to, request).await.map(Response::into_inner)
    }
}

/// Refuses a bill without a number, which it has from its posting on (BT-1): what was void before that was never a bill.
fn check_numbered(name: &str, number: &str, is_void: bool, verb: &str) -> Result<(), Refusal> {
    if !number.is_empty() {
        return Ok(());
    }
    let message = if is_void {
        format!("{name} was VOID before it had a number: there is no bill to export")
    } else {
        format!("{name} is DRAFT; {verb} gives it its number, and then it can be exported")
    };
    Err(Refusal::guard(message, &[("number", "is missing")]))
}

/// The language that the house has decided on.
pub(crate) fn house_language(setting: &str) -> Language {
    Language::parse(setting).unwrap_or(Language::English)
}

/// The file, or what the form finds lacking. Setting pages takes some milliseconds, so it does not hold up other calls.
pub(crate) async fn file(
    document: Document,
    format: Format,
    language: Language,
) -> Result<Result<DocumentFile, documents::Refusal>, Refusal> {
    if format == Format::Unspecified {
        return Err(Refusal::field("format", "UBL or PDF"));
    }
    tokio::task::spawn_blocking(move || written(&document, format, language)).await.map_err(Refusal::internal)
}

fn written(document: &Document, format: Format, language: Language) -> Result<DocumentFile, documents::Refusal> {
    let (content, media_type, extension) = match format {
        Format::Ubl => (documents::ubl(document)?.into_bytes(), "application/xml", "xml"),
        _ => (documents::pdf(document, language)?, "application/pdf", "pdf"),
    };
    let sha256 = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    let kind = match document.kind {
        Kind::Quote => "quote",
        Kind::OrderConfirmation => "order",
        Kind::Invoice => "invoice",
        Kind::CreditNote => "credit-note",
    };
    let number: String = document
        .number
        .chars()
        .map(|at| if at.is_ascii_alphanumeric() || "-_.".contains(at) { at } else { '-' })
        .collect();
    let file_name = format!("{kind}-{number}.{extension}");
    Ok(DocumentFile { file_name, media_type: media_type.to_owned(), content, sha256 })
}

/// What the records lack is told as a list of fields; the seller's stand in the legal entity, the buyer's in the account.
fn refused(refusal: documents::Refusal) -> Refusal {
    match refusal {
        documents::Refusal::Incomplete(findings) => {
            let missing: Vec<(String, String)> = findings
                .into_iter()
                .map(|finding| {
                    let what = format!("{} needs {}", finding.rule, finding.needs);
                    (finding.field, what)
                })
                .collect();
            let list: Vec<String> = missing.iter().map(|(field, what)| format!("{field}: {what}")).collect();
            let message = format!(
                "the records lack what this form demands (the seller's stand in the legal entity, the buyer's in the \
                 account): {}",
                list.join("; ")
            );
            let missing: Vec<(&str, &str)> =
                missing.iter().map(|(field, what)| (field.as_str(), what.as_str())).collect();
            Refusal::guard(message, &missing)
        }
        documents::Refusal::NoForm => Refusal::field("format", refusal.to_string()),
        documents::Refusal::Stamped(_) => Refusal::guard(refusal.to_string(), &[("state", "one that holds")]),
        documents::Refusal::Arithmetic(cause) => Refusal::internal(cause),
    }
}
