//! An ERP that takes UBL: each document is a file in a folder, or a POST to an endpoint.
//!
//! A document's way: what the [`register`] says of it → what it follows is there → `sellers` completes it → its amounts
//! are those of its lines → it is the file that the document brings, or `dealflow-documents` writes it, or tells everything
//! that it lacks → the register notes that it goes out → `folder` or `endpoint` takes it → the register notes the answer.
//!
//! A kill between the two notes leaves a row that is SENDING. Such a document counts as not there, and what is sent
//! again completes it: the folder holds one file per external id, the endpoint knows the idempotency key. Of an endpoint
//! that knows none nobody can say whether it has it, and nobody does.
//!
//! Its partner tells nothing, so there are no events, and an order that was sent is changed or cancelled by people.

mod endpoint;
mod folder;
mod register;
mod sellers;

use std::path::PathBuf;
use std::sync::Arc;

use dealflow_chassis::serve::Part;
use dealflow_chassis::store::Store;
use dealflow_chassis::{Kind, Refusal};
use dealflow_documents::{Figures, Finding};
use dealflow_money::Totals;
use dealflow_proto::erp::v1::erp_service_server::ErpServiceServer;
use dealflow_proto::erp::v1::{Attachment, Capabilities, Document, DocumentType, ErpDocument, Reason};
use dealflow_proto::errors::v1::ErrorReason;
use tonic::Status;

use crate::contract::{Contract, Target, Wanted};
use crate::data::{self, DataError};
use crate::paper;
use crate::submission::{Submission, Verdict, dependency_missing, not_taken, other_content, reason};
use endpoint::Endpoint;
use folder::Folder;
use register::State;
use sellers::{Seller, Sellers};

pub use endpoint::EndpointSettings;

/// How the adapter is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where documents go.
    pub place: Place,
    /// The YAML file that says who sells, by legal entity.
    pub sellers: PathBuf,
}

/// Where documents go.
#[derive(Debug, Clone)]
pub enum Place {
    /// A folder, made where it is not there.
    Folder(PathBuf),
    /// An address that takes POSTs.
    Endpoint(EndpointSettings),
}

/// Why the adapter cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file of sellers.
    #[error(transparent)]
    Sellers(#[from] DataError),
    /// The folder.
    #[error("{} cannot be written to: {why}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        why: std::io::Error,
    },
}

/// The adapter as a part of the suite; its register is kept in the store.
///
/// # Errors
///
/// Where the file of sellers is not complete, or the folder cannot be written to.
pub fn part(store: Store, settings: Settings) -> Result<Part, SetupError> {
    let sellers = data::read(&settings.sellers, Sellers::missing)?;
    let place = match settings.place {
        Place::Folder(folder) => {
            let opened = Folder::open(folder.clone());
            Way::Folder(opened.map_err(|why| SetupError::Folder { folder, why })?)
        }
        Place::Endpoint(settings) => Way::Endpoint(Endpoint::new(settings)),
    };
    let ubl = Ubl { store: store.clone(), sellers, place };
    Ok(Part::new("erp-ubl").service(ErpServiceServer::new(Contract(Arc::new(ubl)))).ready(move || {
        let store = store.clone();
        Box::pin(async move { store.ping().await })
    }))
}

struct Ubl {
    store: Store,
    sellers: Sellers,
    place: Way,
}

enum Way {
    Folder(Folder),
    Endpoint(Endpoint),
}

/// What came of sending.
enum Put {
    /// It is there, under this number.
    Taken(String),
    /// It was refused, with reasons.
    Refused(Vec<Reason>),
    /// It is certainly not there.
    NotTaken(Status),
    /// Nobody knows.
    Unknown(Status),
}

impl Target for Ubl {
    async fn take(&self, submission: Submission) -> Result<Verdict, Status> {
        let product = self.capabilities().product;
        if !matches!(submission.kind, DocumentType::Order | DocumentType::Invoice | DocumentType::CreditNote) {
            return Ok(not_taken(submission.kind, &product));
        }
        if let Some(row) = register::find(&self.store, &submission.external_id).await.map_err(Refusal::from)? {
            if row.sha256 != submission.sha256 {
                return Err(other_content(&submission.external_id, &row.erp_number, &row.sha256));
            }
            if row.state == State::Taken {
                return Ok(Verdict::replayed(row.erp_number));
            }
        }
        self.follows_what_is_there(&submission).await?;
        let (xml, totals) = match self.write(&submission)? {
            Ok(written) => written,
            Err(reasons) => return Ok(Verdict::refused(reasons)),
        };
        register::begin(&self.store, &submission, &totals).await?;
        let put = match &self.place {
            Way::Folder(folder) => folder.put(&submission, xml).await,
            Way::Endpoint(endpoint) => endpoint.put(&submission, xml).await,
        };
        match put {
            Put::Taken(number) => {
                register::taken(&self.store, &submission, &totals, &number).await?;
                Ok(Verdict::accepted(number))
            }
            Put::Refused(reasons) => {
                register::forget(&self.store, &submission.external_id).await.map_err(Refusal::from)?;
                Ok(Verdict::refused(reasons))
            }
            Put::NotTaken(status) => {
                register::forget(&self.store, &submission.external_id).await.map_err(Refusal::from)?;
                Err(status)
            }
            Put::Unknown(status) => Err(status),
        }
    }

    async fn find(&self, external_id: &str) -> Result<Option<ErpDocument>, Status> {
        let found = register::find(&self.store, external_id).await.map_err(Refusal::from)?;
        match found {
            Some(row) if row.state == State::Taken => Ok(Some(row.to_wire().map_err(Refusal::internal)?)),
            Some(row) if !self.repeats() => {
                let message = format!(
                    "{external_id} went out at {} and was not answered; look there, then adopt it, or replay it as not there",
                    row.begun_at.to_rfc3339()
                );
                Err(Refusal::new(Kind::Unavailable, ErrorReason::Unavailable, message).into())
            }
            _ => Ok(None),
        }
    }

    async fn list(&self, wanted: Wanted) -> Result<(Vec<ErpDocument>, String), Status> {
        let (rows, next) = register::page(&self.store, &wanted).await?;
        let documents = rows.iter().map(register::Model::to_wire).collect::<Result<_, _>>();
        Ok((documents.map_err(Refusal::internal)?, next))
    }

    fn capabilities(&self) -> Capabilities {
        let types = [DocumentType::Order, DocumentType::Invoice, DocumentType::CreditNote];
        let product = if matches!(self.place, Way::Folder(_)) { "ubl-folder" } else { "ubl-endpoint" };
        Capabilities {
            product: product.to_owned(),
            types: types.into_iter().map(i32::from).collect(),
            idempotent: self.repeats(),
            look_up: true,
            asynchronous: false,
            events: false,
            vat_rounding: "GROUP".to_owned(),
        }
    }
}

impl Ubl {
    /// Whether what is sent twice is there once.
    fn repeats(&self) -> bool {
        match &self.place {
            Way::Folder(_) => true,
            Way::Endpoint(endpoint) => endpoint.repeats(),
        }
    }

    async fn follows_what_is_there(&self, submission: &Submission) -> Result<(), Status> {
        let document = &submission.document;
        let needed = match submission.kind {
            DocumentType::Invoice => ("order", &document.order_external_id),
            DocumentType::CreditNote => ("invoice", &document.invoice_external_id),
            _ => return Ok(()),
        };
        let found = register::find(&self.store, needed.1).await.map_err(Refusal::from)?;
        match found {
            Some(row) if row.state == State::Taken => Ok(()),
            _ => Err(dependency_missing(needed.0, needed.1)),
        }
    }

    /// The document as UBL, with its amounts; or everything that is wrong with it.
    fn write(&self, submission: &Submission) -> Result<Result<(String, Totals), Vec<Reason>>, Refusal> {
        let document = &submission.document;
        let mut paper = paper::of(document)?;
        let (code, account) = (document.legal_entity.as_str(), document.payment_account.as_ref());
        match self.sellers.of(code) {
            Some(seller) => seller.complete(&mut paper, account),
            // The document's own word for it will do.
            None if document.seller.is_some() => Seller::default().complete(&mut paper, account),
            None => {
                let message = format!("sellers has no entry `{code}`");
                return Ok(Err(vec![reason(
                    "REF",
                    "legal_entity",
                    message,
                    "add it to the adapter's file of sellers",
                )]));
            }
        }
        let figures = Figures::of(&paper).map_err(paper::Unreadable::from)?;
        let differences = paper::differences(document, &figures.totals)?;
        if !differences.is_empty() {
            return Ok(Err(differences));
        }
        // The file that we export and keep is the file that goes out, to the byte: two that say the same are two invoices.
        if let Some(file) = attached(document) {
            let xml = String::from_utf8(file.content.clone());
            let xml = xml.map_err(|_| Refusal::field("document.attachments", "XML in UTF-8"))?;
            return Ok(Ok((xml, figures.totals)));
        }
        match dealflow_documents::ubl(&paper) {
            Ok(xml) => Ok(Ok((xml, figures.totals))),
            Err(dealflow_documents::Refusal::Incomplete(findings)) => {
                Ok(Err(findings.into_iter().map(lacking).collect()))
            }
            Err(other) => Err(Refusal::field("document", other.to_string())),
        }
    }
}

/// The document as UBL that it brings itself; an order is written here.
fn attached(document: &Document) -> Option<&Attachment> {
    let bills = [DocumentType::Invoice, DocumentType::CreditNote].contains(&document.r#type());
    document.attachments.iter().find(|file| bills && file.media_type == "application/xml")
}

fn lacking(finding: Finding) -> Reason {
    let action = if finding.field.starts_with("seller") || finding.field.starts_with("payment.") {
        "complete the legal entity in the adapter's file of sellers, and replay; its record is for what comes later"
    } else {
        "complete the record or its account, and hand it over anew"
    };
    let message = format!("{} needs {}", finding.field, finding.needs);
    Reason { rule: finding.rule, ..reason("REF", finding.field, message, action) }
}
