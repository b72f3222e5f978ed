//! Documents as files (R-INV-3): records are read, put into the model of `dealflow-documents`, and written there.
//!
//! - `seller.rs` who sells; `papers.rs` a record as a document; this file is the RPC

mod papers;
mod seller;

use dealflow_chassis::work::check;
use dealflow_chassis::{Context, Refusal};
use dealflow_documents::{self as documents, Document, Kind, Language};
use dealflow_proto::gateway::v1::document_service_server::DocumentService;
use dealflow_proto::gateway::v1::export_document_request::Format;
use dealflow_proto::gateway::v1::{DocumentFile, ExportDocumentRequest};
use dealflow_proto::leads::v1::{Account, GetAccountRequest};
use dealflow_proto::names;
use dealflow_proto::orders::v1::{
    GetCreditNoteRequest, GetInvoiceRequest, GetOrderRequest, GetQuoteRequest, ListContractsRequest,
    ListLegalEntitiesRequest,
};
use sha2::{Digest, Sha256};
use tonic::{Request, Response, Status};

use crate::calls::{Ask, Neighbours};
use crate::seen::Seen;
use papers::Known;
use seller::Seller;

/// The service.
#[derive(Clone)]
pub(crate) struct DocumentRpc {
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
        let language = language(&ask.language_code)?;
        let format = ask.format();
        let document = self.document(&context, &ask, language).await?;
        // Setting pages takes some milliseconds, so it does not hold up other calls.
        let file = tokio::task::spawn_blocking(move || file(&document, format, language)).await;
        Ok(Response::new(file.map_err(Refusal::internal)??))
    }
}

impl DocumentRpc {
    /// The record, with all that stands around it.
    async fn document(
        &self,
        context: &Context,
        ask: &ExportDocumentRequest,
        language: Language,
    ) -> Result<Document, Status> {
        let name = || ask.name.clone();
        if names::QUOTES.parse(&ask.name).is_ok() {
            let quote = self.ask(context, GetQuoteRequest { name: name() }).await?;
            let sides = self.sides(context, (&quote.legal_entity, &quote.account, &quote.opportunity));
            let (seller, buyer, contract) = sides.await?;
            return Ok(papers::of_quote(&Known { seller, ask, language }, &quote, buyer.as_ref(), contract)?);
        }
        if names::ORDERS.parse(&ask.name).is_ok() {
            let order = self.ask(context, GetOrderRequest { name: name() }).await?;
            let sides = self.sides(context, (&order.legal_entity, &order.account, &order.opportunity));
            let (seller, buyer, contract) = sides.await?;
            return Ok(papers::of_order(&Known { seller, ask, language }, &order, buyer.as_ref(), contract)?);
        }
        if names::INVOICES.parse(&ask.name).is_ok() {
            let invoice = self.ask(context, GetInvoiceRequest { name: name() }).await?;
            let sides = self.sides(context, (&invoice.legal_entity, &invoice.account, &invoice.opportunity));
            let (seller, buyer, contract) = sides.await?;
            return Ok(papers::of_invoice(&Known { seller, ask, language }, &invoice, buyer.as_ref(), contract)?);
        }
        if names::CREDIT_NOTES.parse(&ask.name).is_ok() {
            let note = self.ask(context, GetCreditNoteRequest { name: name() }).await?;
            let sides = self.sides(context, (&note.legal_entity, &note.account, &note.opportunity));
            let (seller, buyer, contract) = sides.await?;
            return Ok(papers::of_credit_note(&Known { seller, ask, language }, &note, buyer.as_ref(), contract)?);
        }
        Err(Refusal::field("name", "quotes/{uuid}, orders/{uuid}, invoices/{uuid} or creditNotes/{uuid}").into())
    }

    /// Who sells, who buys, and the contract's number.
    async fn sides(
        &self,
        context: &Context,
        (entity, account, opportunity): (&str, &str, &str),
    ) -> Result<(Seller, Option<Account>, String), Status> {
        tokio::try_join!(
            self.seller(context, entity),
            self.buyer(context, account),
            self.contract(context, opportunity)
        )
    }

    /// The legal entity that sells; nothing is said of one that is no record yet.
    async fn seller(&self, context: &Context, code: &str) -> Result<Seller, Status> {
        let code = if code.is_empty() { seller::DEFAULT } else { code };
        let filter = format!("code = \"{code}\"");
        let ask = ListLegalEntitiesRequest { page_size: 1, filter, ..ListLegalEntitiesRequest::default() };
        let found = self.ask(context, ask).await?.legal_entities.into_iter().next();
        Ok(found.map(Seller::of).unwrap_or_default())
    }

    /// Nobody where the deal names no account.
    async fn buyer(&self, context: &Context, account: &str) -> Result<Option<Account>, Status> {
        if account.is_empty() {
            return Ok(None);
        }
        self.ask(context, GetAccountRequest { name: account.to_owned() }).await.map(Some)
    }

    /// The number of the contract that was signed for the deal (BT-12).
    async fn contract(&self, context: &Context, opportunity: &str) -> Result<String, Status> {
        let filter = format!("opportunity = \"{opportunity}\" AND state = \"SIGNED\"");
        let ask = ListContractsRequest { page_size: 1, filter, ..ListContractsRequest::default() };
        let signed = self.ask(context, ask).await?.contracts;
        Ok(signed.into_iter().next().map(|contract| contract.number).unwrap_or_default())
    }

    async fn ask<A: Ask>(&self, context: &Context, ask: A) -> Result<A::Answer, Status> {
        let mut request = Request::new(ask);
        // That the document is seen is known; what stands in it is then seen too, whosever it is.
        context.carry_seeing_all(request.metadata_mut());
        A::send(&self.to, request).await.map(Response::into_inner)
    }
}

fn language(code: &str) -> Result<Language, Refusal> {
    if code.is_empty() {
        return Ok(Language::English);
    }
    Language::parse(code).ok_or_else(|| Refusal::field("language_code", "en or ru"))
}

fn file(document: &Document, format: Format, language: Language) -> Result<DocumentFile, Refusal> {
    let (content, media_type, extension) = match format {
        Format::Ubl => (documents::ubl(document).map(String::into_bytes), "application/xml", "xml"),
        Format::Pdf => (documents::pdf(document, language), "application/pdf", "pdf"),
        Format::Unspecified => return Err(Refusal::field("format", "UBL or PDF")),
    };
    let content = content.map_err(refused)?;
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
        documents::Refusal::Arithmetic(cause) => Refusal::internal(cause),
    }
}
