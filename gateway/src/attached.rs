//! The files that a document brings to the ERP, made when it is handed over and frozen with it (R-INV-3, R-ERP-1).
//!
//! They are made of what the record keeps and of nothing else, so the file of an invoice is the one that is exported. Where
//! the records lack what a form demands, the document goes without the file and says why; nothing waits for it.

use dealflow_chassis::Refusal;
use dealflow_documents::{self as documents, Language};
use dealflow_proto::erp::v1::{Attachment, Document};
use dealflow_proto::gateway::v1::DocumentFile;
use dealflow_proto::gateway::v1::export_document_request::Format;
use dealflow_proto::orders::v1::{CreditNote, Invoice, ListContractsResponse, ListLegalEntitiesResponse, Order, Party};

use crate::documents::{payment_account, seller_of};
use crate::export::{self, Sides};
use crate::flow::{Run, Stop};
use crate::settings::{DOCUMENT_LANGUAGE, HANDOFF_ATTACHMENTS, UBL, UBL_AND_PDF};

/// Bytes of all files of a document, at most: what an ERP takes in one message, with the document itself.
const MOST_BYTES: usize = 2 * 1024 * 1024;
/// Characters of why a file is missing.
const LONGEST: usize = 1000;

/// A record as the model of a document, or why it cannot be one.
type Paper = Result<documents::Document, Refusal>;

/// Adds what an order says beside its lines, as the records say it now, and its confirmation.
pub(crate) async fn to_order(
    run: &Run,
    document: &mut Document,
    order: &Order,
    buyer: Option<Party>,
) -> Result<(), Stop> {
    let (entity, contract) = (export::ask_seller(&order.legal_entity), export::ask_contract(&order.opportunity));
    let (entities, contracts) = tokio::try_join!(run.look("seller", entity), run.look("contract", contract))?;
    let beside = Beside::of(entities, &contracts, wanted(run).await?);
    let added = beside_order(document, order, buyer, beside).await;
    added.map_err(|refusal| Stop::refuse("make the files", refusal))
}

/// What the installation decides about files.
pub(crate) struct Files {
    forms: &'static [Format],
    language: Language,
}

impl Files {
    /// As the settings say.
    pub(crate) fn of(attachments: &str, language: &str) -> Self {
        let forms: &[Format] = match attachments {
            UBL_AND_PDF => &[Format::Ubl, Format::Pdf],
            UBL => &[Format::Ubl],
            _ => &[],
        };
        Self { forms, language: export::house_language(language) }
    }

    fn wants(&self, form: Format) -> bool {
        self.forms.contains(&form)
    }
}

/// What the document of an order says that the order does not say itself.
pub(crate) struct Beside {
    seller: Option<Party>,
    contract: String,
    files: Files,
}

impl Beside {
    /// Who sells, under which contract, and which files the installation wants.
    pub(crate) fn of(entities: ListLegalEntitiesResponse, contracts: &ListContractsResponse, files: Files) -> Self {
        Self { seller: export::found_seller(entities), contract: export::found_contract(contracts), files }
    }
}

/// As [`to_order`], of what was read.
pub(crate) async fn beside_order(
    document: &mut Document,
    order: &Order,
    buyer: Option<Party>,
    beside: Beside,
) -> Result<(), Refusal> {
    let Beside { seller, contract, files } = beside;
    document.contract_number = contract;
    document.payment_terms.clone_from(&order.terms);
    document.seller = seller.as_ref().map(seller_of);
    document.payment_account = seller.as_ref().and_then(payment_account);
    // There is no UBL of an order's confirmation.
    if !files.wants(Format::Pdf) {
        return Ok(());
    }
    let (seller, buyer) = (seller.unwrap_or_default(), buyer.unwrap_or_default());
    let sides = Sides::of_order(seller, buyer, document.contract_number.clone());
    attach(document, export::order_paper(sides, order, files.language), &[Format::Pdf], files.language).await
}

/// Adds an invoice's files.
pub(crate) async fn to_invoice(run: &Run, document: &mut Document, invoice: &Invoice) -> Result<(), Stop> {
    let files = wanted(run).await?;
    let added = attach(document, export::invoice_paper(invoice, files.language), files.forms, files.language).await;
    added.map_err(|refusal| Stop::refuse("make the files", refusal))
}

/// Adds a credit note's files.
pub(crate) async fn to_credit_note(run: &Run, document: &mut Document, note: &CreditNote) -> Result<(), Stop> {
    let files = wanted(run).await?;
    let added = attach(document, export::credit_note_paper(note, files.language), files.forms, files.language).await;
    added.map_err(|refusal| Stop::refuse("make the files", refusal))
}

/// Which files the installation wants now. What is frozen first stands, so another run may find another answer.
async fn wanted(run: &Run) -> Result<Files, Stop> {
    Ok(Files::of(&run.holds_now(&HANDOFF_ATTACHMENTS).await?, &run.holds_now(&DOCUMENT_LANGUAGE).await?))
}

async fn attach(document: &mut Document, paper: Paper, forms: &[Format], language: Language) -> Result<(), Refusal> {
    let mut missing = Vec::new();
    match paper {
        _ if forms.is_empty() => {}
        Err(refusal) => missing.push(refusal.to_string()),
        Ok(paper) => {
            for form in forms.iter().copied() {
                match export::file(paper.clone(), form, language).await? {
                    Ok(file) if size(document) + file.content.len() > MOST_BYTES => {
                        missing.push(format!("{}: it would be more than {MOST_BYTES} bytes", file.file_name));
                    }
                    Ok(file) => document.attachments.push(attachment(file)),
                    Err(why) => missing.push(format!("{}: {why}", form.as_str_name().trim_start_matches("FORMAT_"))),
                }
            }
        }
    }
    document.not_attached = missing.join("; ").chars().take(LONGEST).collect();
    if !missing.is_empty() {
        let (external_id, why) = (document.external_id.as_str(), document.not_attached.as_str());
        tracing::info!(external_id, why, "the document is handed over without a file");
    }
    Ok(())
}

fn size(document: &Document) -> usize {
    document.attachments.iter().map(|file| file.content.len()).sum()
}

fn attachment(file: DocumentFile) -> Attachment {
    let DocumentFile { file_name, media_type, content, sha256 } = file;
    Attachment { file_name, media_type, content, sha256 }
}
