//! ERPNext by its REST calls: look up by external id → draft → compare the totals → submit → read back.
//!
//! ERPNext itself is the register. Its documents carry our external id and hash in custom fields, and the first of them
//! is unique there, so that two attempts at once make one draft. What a kill leaves behind is a draft: it counts as not
//! there, and what comes again completes it. An answer that is lost is found by asking.
//!
//! - `api` makes the calls and reads what they answer; `mapping` is the file of an operator's words for ours
//! - `draft` is our document in their words; `booked` theirs in ours
//! - `cancel` takes an order back; `change` makes it another one, by its `rows`, and what it was is `noted` on it
//! - `list` tells what is there

mod api;
mod booked;
mod cancel;
mod change;
mod draft;
#[cfg(test)]
mod fuzz;
mod list;
mod mapping;
mod noted;
mod rows;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dealflow_chassis::serve::Part;
use dealflow_chassis::tls::ClientTls;
use dealflow_proto::erp::v1::erp_service_server::ErpServiceServer;
use dealflow_proto::erp::v1::{Capabilities, DocumentType, ErpDocument, Reason};
use http::Uri;
use secrecy::SecretString;
use serde_json::{Value, json};
use tonic::Status;

use crate::contract::{Contract, Target, Wanted};
use crate::data::{self, DataError};
use crate::submission::{Submission, Verdict, dependency_missing, not_taken, other_content, reason};
use api::{Api, Doctype, Failure};
use draft::Draft;
use mapping::Mapping;

/// Custom field of Sales Order and Sales Invoice, unique: our external id.
const EXTERNAL_ID: &str = "dealflow_external_id";
/// Custom field of both: the hash of our document.
const SHA256: &str = "dealflow_sha256";
/// Custom field of their items: our line.
const LINE_ID: &str = "dealflow_line_id";

/// A draft, a document that counts, and one that was taken back, as Frappe numbers them.
const DRAFT: i64 = 0;
const SUBMITTED: i64 = 1;
const CANCELLED: i64 = 2;

/// How the adapter is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where ERPNext is, e.g. `https://erp.example.com`.
    pub url: Uri,
    /// Whom it believes.
    pub tls: ClientTls,
    /// `api_key:api_secret` of the user that books.
    pub token: SecretString,
    /// How long a single call may take.
    pub patience: Duration,
    /// The YAML file of companies, taxes, units, items, customers and terms.
    pub mapping: PathBuf,
}

/// The adapter as a part of the suite.
///
/// # Errors
///
/// Where the mapping is not complete: with all that it lacks.
pub fn part(settings: Settings) -> Result<Part, DataError> {
    let mapping = data::read(&settings.mapping, Mapping::missing)?;
    let target = Arc::new(ErpNext { mapping, api: Api::new(&settings) });
    Ok(Part::new("erp-erpnext").service(ErpServiceServer::new(Contract(target))))
}

struct ErpNext {
    mapping: Mapping,
    api: Api,
}

/// What stands under an external id.
struct Standing {
    name: String,
    docstatus: i64,
    sha256: String,
}

impl Target for ErpNext {
    async fn take(&self, submission: Submission) -> Result<Verdict, Status> {
        match submission.kind {
            DocumentType::Order | DocumentType::Invoice | DocumentType::CreditNote => self.book(&submission).await,
            DocumentType::OrderCancellation => self.cancel(&submission).await,
            DocumentType::OrderChange => self.change(&submission).await,
            DocumentType::Unspecified => Ok(not_taken(submission.kind, "ERPNext")),
        }
    }

    async fn find(&self, external_id: &str) -> Result<Option<ErpDocument>, Status> {
        if let Some((order, _)) = noted::number_of(external_id) {
            let filters = json!([[EXTERNAL_ID, "=", order], ["docstatus", ">", DRAFT]]);
            let row = self.api.first(Doctype::SalesOrder, &filters, noted::FIELDS).await?;
            let Some(row) = row else { return Ok(None) };
            let noted = noted::Noted::of(&row)?;
            return noted.find(external_id).map(|taken| booked::change(&row, taken, &self.mapping)).transpose();
        }
        let booked = json!([[EXTERNAL_ID, "=", external_id], ["docstatus", ">", DRAFT]]);
        let taken_back = json!([[cancel::CANCELLATION, "=", external_id], ["docstatus", "=", CANCELLED]]);
        let (order, invoice, cancellation) = tokio::try_join!(
            self.api.first(Doctype::SalesOrder, &booked, &["name"]),
            self.api.first(Doctype::SalesInvoice, &booked, &["name"]),
            self.api.first(Doctype::SalesOrder, &taken_back, cancel::FIELDS),
        )?;
        if let Some(row) = cancellation {
            return Ok(Some(booked::cancellation(&row, &self.mapping)?));
        }
        let order = order.map(|row| (Doctype::SalesOrder, row));
        let Some((doctype, row)) = order.or(invoice.map(|row| (Doctype::SalesInvoice, row))) else { return Ok(None) };
        let whole = self.api.get(doctype, api::text(&row, "name")).await?;
        whole.map(|whole| booked::document(doctype, &whole, &self.mapping)).transpose()
    }

    async fn list(&self, wanted: Wanted) -> Result<(Vec<ErpDocument>, String), Status> {
        self.page(&wanted).await
    }

    fn capabilities(&self) -> Capabilities {
        let types = list::KINDS;
        Capabilities {
            product: "erpnext".to_owned(),
            types: types.into_iter().map(i32::from).collect(),
            idempotent: true,
            look_up: true,
            asynchronous: false,
            events: false,
            vat_rounding: "GROUP".to_owned(),
        }
    }
}

impl ErpNext {
    async fn book(&self, submission: &Submission) -> Result<Verdict, Status> {
        let doctype = Doctype::of(submission.kind);
        let standing = self.standing(doctype, &submission.external_id).await?;
        let same = standing.as_ref().is_some_and(|it| it.sha256 == submission.sha256);
        if let Some(standing) = standing.as_ref().filter(|it| it.docstatus != DRAFT) {
            if same {
                return Ok(Verdict::replayed(&standing.name));
            }
            return Err(other_content(&submission.external_id, &standing.name, &standing.sha256));
        }
        let draft = match self.draft(submission).await? {
            Ok(draft) => draft,
            Err(reasons) => {
                if let Some(left) = standing {
                    self.api.delete(doctype, &left.name).await?;
                }
                return Ok(Verdict::refused(reasons));
            }
        };
        // What an earlier attempt drafted of the same content is gone on with; other content was never booked.
        let drafted = match standing {
            Some(standing) if same => self.there(doctype, &standing.name).await?,
            Some(standing) => {
                self.api.delete(doctype, &standing.name).await?;
                self.api.create(doctype, &draft.body).await
            }
            None => self.api.create(doctype, &draft.body).await,
        };
        let drafted = match drafted {
            Ok(drafted) => drafted,
            Err(Failure::Refused(reasons)) => return Ok(Verdict::refused(reasons)),
            Err(other) => return Err(other.into()),
        };
        let name = api::text(&drafted, "name");
        let differences = draft.differences(&drafted)?;
        if !differences.is_empty() {
            self.api.delete(doctype, name).await?;
            return Ok(Verdict::refused(differences));
        }
        if let Err(failure) = self.api.update(doctype, name, &json!({ "docstatus": SUBMITTED })).await {
            let Failure::Refused(reasons) = failure else { return Err(failure.into()) };
            return self.not_submitted(doctype, name, reasons).await;
        }
        self.read_back(doctype, name, SUBMITTED).await
    }

    /// A submission that was refused: somebody else was faster, or the draft is none that ERPNext books.
    async fn not_submitted(&self, doctype: Doctype, name: &str, reasons: Vec<Reason>) -> Result<Verdict, Status> {
        let there = self.api.get(doctype, name).await?;
        match there.as_ref().map(|it| api::whole(it, "docstatus")) {
            Some(SUBMITTED) => Ok(Verdict::replayed(name)),
            Some(DRAFT) => {
                self.api.delete(doctype, name).await?;
                Ok(Verdict::refused(reasons))
            }
            _ => Ok(Verdict::refused(reasons)),
        }
    }

    /// It is accepted when ERPNext says so, not when a call went well.
    async fn read_back(&self, doctype: Doctype, name: &str, docstatus: i64) -> Result<Verdict, Status> {
        let there = self.api.get(doctype, name).await?;
        match there.as_ref().map(|it| api::whole(it, "docstatus")) {
            Some(found) if found == docstatus => Ok(Verdict::accepted(name)),
            found => Err(Status::internal(format!("{name} has docstatus {found:?} after it was set to {docstatus}"))),
        }
    }

    async fn standing(&self, doctype: Doctype, external_id: &str) -> Result<Option<Standing>, Status> {
        let filters = json!([[EXTERNAL_ID, "=", external_id]]);
        let row = self.api.first(doctype, &filters, &["name", "docstatus", SHA256]).await?;
        Ok(row.map(|row| Standing {
            name: api::text(&row, "name").to_owned(),
            docstatus: api::whole(&row, "docstatus"),
            sha256: api::text(&row, SHA256).to_owned(),
        }))
    }

    async fn there(&self, doctype: Doctype, name: &str) -> Result<Result<Value, Failure>, Status> {
        let there = self.api.get(doctype, name).await?;
        Ok(Ok(there.ok_or_else(|| Status::aborted(format!("{name} was there and is not any more")))?))
    }

    /// The document in their words, linked to what it follows; or what is missing for that.
    async fn draft(&self, submission: &Submission) -> Result<Result<Draft, Vec<Reason>>, Status> {
        let document = &submission.document;
        let (what, doctype, external_id) = match submission.kind {
            DocumentType::Invoice => ("order", Doctype::SalesOrder, &document.order_external_id),
            DocumentType::CreditNote => ("invoice", Doctype::SalesInvoice, &document.invoice_external_id),
            _ => return self.word(submission, None).await,
        };
        let Some(followed) = self.standing(doctype, external_id).await?.filter(|it| it.docstatus != DRAFT) else {
            return Err(dependency_missing(what, external_id));
        };
        if followed.docstatus == CANCELLED {
            return Ok(Err(vec![cancelled(what, &followed.name, external_id)]));
        }
        let Some(followed) = self.api.get(doctype, &followed.name).await? else {
            return Err(dependency_missing(what, external_id));
        };
        self.word(submission, Some(&followed)).await
    }

    async fn word(
        &self,
        submission: &Submission,
        follows: Option<&Value>,
    ) -> Result<Result<Draft, Vec<Reason>>, Status> {
        let mut missing = Vec::new();
        let customer = match self.mapping.customers.known(submission.document.buyer.as_ref()) {
            mapping::Known::Name(name) => Some(name),
            mapping::Known::Ask { field, value } => {
                let filters = json!([[field, "=", value], ["disabled", "=", 0]]);
                let found = self.api.first(Doctype::Customer, &filters, &["name"]).await?;
                found.map(|row| api::text(&row, "name").to_owned())
            }
            mapping::Known::Nothing => None,
        };
        if customer.is_none() {
            missing.push(self.mapping.customers.missing_entry(submission.document.buyer.as_ref()));
        }
        draft::write(submission, &self.mapping, customer.unwrap_or_default(), follows, missing)
    }
}

/// What a document follows does not count any more.
fn cancelled(what: &str, name: &str, external_id: &str) -> Reason {
    let message = format!("{name} is cancelled in ERPNext: {external_id}");
    reason("REF", format!("{what}_external_id"), message, "agree on it with the people of the ERP")
}
