//! The ERP's side of the contract: one function per RPC, one transaction per booking.

use std::time::Duration;

use dealflow_chassis::refusal::Refusal;
use dealflow_chassis::store::Store;
use dealflow_chassis::work::check;
use dealflow_proto::erp::v1::erp_service_server::ErpService;
use dealflow_proto::erp::v1::{
    Document, DocumentType, ErpDocument, Fault, FaultKind, GetDocumentStatusRequest, ListDocumentsRequest,
    ListDocumentsResponse, Outcome, Reason, SubmitInvoiceRequest, SubmitInvoiceResponse, SubmitOrderRequest,
    SubmitOrderResponse,
};
use prost::Message;
use sea_orm::{ActiveValue, DatabaseTransaction, DbErr, EntityTrait};
use sha2::{Digest, Sha256};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::faults::Faults;
use crate::{checks, document, journal};

/// The books behind the contract.
pub struct Erp {
    pub(crate) store: Store,
    pub(crate) faults: Faults,
}

/// What was submitted, order or invoice.
struct Submission {
    kind: DocumentType,
    method: &'static str,
    external_id: String,
    idempotency_key: String,
    sha256: String,
    body: Vec<u8>,
}

/// What the ERP says to it.
struct Verdict {
    outcome: Outcome,
    replayed: bool,
    erp_number: String,
    reasons: Vec<Reason>,
}

#[tonic::async_trait]
impl ErpService for Erp {
    async fn submit_order(
        &self,
        request: Request<SubmitOrderRequest>,
    ) -> Result<Response<SubmitOrderResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let verdict = self
            .submit(Submission {
                kind: DocumentType::Order,
                method: "SubmitOrder",
                external_id: ask.external_id,
                idempotency_key: ask.idempotency_key,
                sha256: ask.document_sha256,
                body: ask.document,
            })
            .await?;
        Ok(Response::new(SubmitOrderResponse {
            outcome: verdict.outcome.into(),
            replayed: verdict.replayed,
            erp_number: verdict.erp_number,
            reasons: verdict.reasons,
        }))
    }

    async fn submit_invoice(
        &self,
        request: Request<SubmitInvoiceRequest>,
    ) -> Result<Response<SubmitInvoiceResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let verdict = self
            .submit(Submission {
                kind: DocumentType::Invoice,
                method: "SubmitInvoice",
                external_id: ask.external_id,
                idempotency_key: ask.idempotency_key,
                sha256: ask.document_sha256,
                body: ask.document,
            })
            .await?;
        Ok(Response::new(SubmitInvoiceResponse {
            outcome: verdict.outcome.into(),
            replayed: verdict.replayed,
            erp_number: verdict.erp_number,
            reasons: verdict.reasons,
        }))
    }

    async fn get_document_status(
        &self,
        request: Request<GetDocumentStatusRequest>,
    ) -> Result<Response<ErpDocument>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let fault = self.faults.hit(&ask.external_id, true);
        let found = match &fault {
            Some(fault) => play_before(fault).await,
            None => Ok(()),
        };
        let found = match found {
            Ok(()) => self.look_up(&ask.external_id).await,
            Err(status) => Err(status),
        };
        let entry = Entry { method: "GetDocumentStatus", external_id: &ask.external_id, key: "", sha256: "" };
        self.write_down(entry, &answer_of(&found, |_| Outcome::Accepted), fault.as_ref()).await?;
        found.map(Response::new)
    }

    async fn list_documents(
        &self,
        request: Request<ListDocumentsRequest>,
    ) -> Result<Response<ListDocumentsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let size = match ask.page_size {
            ..0 => return Err(Refusal::field("page_size", "not negative").into()),
            0 => 50,
            size => size.unsigned_abs().min(1000),
        };
        let kind = Some(ask.r#type()).filter(|kind| *kind != DocumentType::Unspecified);
        let after = place(&ask.page_token)?;
        let mut rows =
            document::page(self.store.reader(), kind, after, u64::from(size) + 1).await.map_err(Refusal::from)?;
        let more = rows.len() > size as usize;
        rows.truncate(size as usize);
        let next = rows.last().filter(|_| more).map(|row| format!("{}.{}", row.kind, row.number));
        let documents = rows.iter().map(document::Model::to_wire).collect::<Result<Vec<_>, _>>();
        Ok(Response::new(ListDocumentsResponse {
            documents: documents.map_err(Refusal::internal)?,
            next_page_token: next.unwrap_or_default(),
        }))
    }
}

impl Erp {
    /// Plays the fault that is due, books the document or refuses it, and writes the call down whatever came of it.
    async fn submit(&self, submission: Submission) -> Result<Verdict, Status> {
        let fault = self.faults.hit(&submission.external_id, false);
        let before = match &fault {
            Some(fault) => play_before(fault).await,
            None => Ok(()),
        };
        let booked = match before {
            Ok(()) if fault.as_ref().is_some_and(|fault| fault.kind() == FaultKind::Refuse) => Ok(refused_by_plan()),
            Ok(()) => self.book(&submission).await,
            Err(status) => Err(status),
        };
        let answer = match (&fault, booked) {
            (Some(fault), Ok(verdict)) => play_after(fault, verdict),
            (_, booked) => booked,
        };
        let entry = Entry {
            method: submission.method,
            external_id: &submission.external_id,
            key: &submission.idempotency_key,
            sha256: &submission.sha256,
        };
        self.write_down(entry, &answer_of(&answer, |verdict| verdict.outcome), fault.as_ref()).await?;
        answer
    }

    async fn book(&self, submission: &Submission) -> Result<Verdict, Status> {
        let document = read(submission)?;
        let tx = self.store.begin().await.map_err(Refusal::from)?;
        if let Some(standing) = document::find(&tx, &submission.external_id).await.map_err(Refusal::from)? {
            tx.rollback().await.map_err(Refusal::from)?;
            return replay(&standing, submission);
        }
        let reasons = find_faults(&tx, submission, &document).await?;
        if !reasons.is_empty() {
            tx.rollback().await.map_err(Refusal::from)?;
            let outcome = Outcome::Rejected;
            return Ok(Verdict { outcome, replayed: false, erp_number: String::new(), reasons });
        }
        let (totals, _) = checks::totals(&document).map_err(|error| unreadable(&error))?;
        let row = document::Model {
            external_id: submission.external_id.clone(),
            kind: submission.kind.into(),
            number: document::next_number(&tx, submission.kind).await.map_err(Refusal::from)?,
            idempotency_key: submission.idempotency_key.clone(),
            sha256: submission.sha256.clone(),
            body: submission.body.clone(),
            currency: document.currency_code,
            net_minor: totals.total_without_vat,
            vat_minor: totals.total_vat,
            gross_minor: totals.total_with_vat,
            order_external_id: document.order_external_id,
            booked_at: self.store.clock().now(),
        };
        let erp_number = row.erp_number();
        let inserted = document::Entity::insert(document::ActiveModel::from(row)).exec_without_returning(&tx).await;
        if let Err(error) = inserted {
            tx.rollback().await.map_err(Refusal::from)?;
            return self.lost_the_race(error, submission).await;
        }
        self.store.commit(tx).await.map_err(Refusal::from)?;
        Ok(Verdict { outcome: Outcome::Accepted, replayed: false, erp_number, reasons: Vec::new() })
    }

    /// A copy of the same document was booked between our look and our insert: it is known now.
    async fn lost_the_race(&self, error: DbErr, submission: &Submission) -> Result<Verdict, Status> {
        let standing = document::find(self.store.reader(), &submission.external_id).await.map_err(Refusal::from)?;
        match standing {
            Some(standing) => replay(&standing, submission),
            None => Err(Refusal::from(error).into()),
        }
    }

    async fn look_up(&self, external_id: &str) -> Result<ErpDocument, Status> {
        let found = document::find(self.store.reader(), external_id).await.map_err(Refusal::from)?;
        let found = found.ok_or_else(|| Refusal::missing(external_id))?;
        Ok(found.to_wire().map_err(Refusal::internal)?)
    }

    async fn write_down(&self, entry: Entry<'_>, answer: &str, fault: Option<&Fault>) -> Result<(), Status> {
        let row = journal::ActiveModel {
            number: ActiveValue::NotSet,
            at: ActiveValue::Set(self.store.clock().now()),
            method: ActiveValue::Set(entry.method.to_owned()),
            external_id: ActiveValue::Set(entry.external_id.to_owned()),
            idempotency_key: ActiveValue::Set(entry.key.to_owned()),
            document_sha256: ActiveValue::Set(entry.sha256.to_owned()),
            answer: ActiveValue::Set(answer.to_owned()),
            fault: ActiveValue::Set(fault.map_or(0, |fault| fault.kind)),
        };
        let tx = self.store.begin().await.map_err(Refusal::from)?;
        journal::Entity::insert(row).exec_without_returning(&tx).await.map_err(Refusal::from)?;
        self.store.commit(tx).await.map_err(Refusal::from)?;
        Ok(())
    }
}

/// What the journal says of a call, beside its answer.
struct Entry<'a> {
    method: &'static str,
    external_id: &'a str,
    key: &'a str,
    sha256: &'a str,
}

/// The document of a submission, if its bytes are what its hash and its external id say.
fn read(submission: &Submission) -> Result<Document, Status> {
    let sha256: String = Sha256::digest(&submission.body).iter().map(|byte| format!("{byte:02x}")).collect();
    if sha256 != submission.sha256 {
        let expected = format!("the SHA-256 of `document`, which is {sha256}");
        return Err(Refusal::field("document_sha256", expected).into());
    }
    let document = Document::decode(submission.body.as_slice())
        .map_err(|error| Refusal::field("document", format!("a serialized dealflow.erp.v1.Document: {error}")))?;
    if document.external_id != submission.external_id {
        return Err(Refusal::field("document.external_id", "the same as external_id").into());
    }
    if document.r#type() != submission.kind {
        return Err(Refusal::field("document.type", format!("what {} takes", submission.method)).into());
    }
    Ok(document)
}

/// The same bytes again: the original result. Other bytes under the same id: a conflict, never an overwrite.
fn replay(standing: &document::Model, submission: &Submission) -> Result<Verdict, Status> {
    if standing.sha256 == submission.sha256 {
        let erp_number = standing.erp_number();
        return Ok(Verdict { outcome: Outcome::Accepted, replayed: true, erp_number, reasons: Vec::new() });
    }
    let message = format!("{} is booked as {} with other content", submission.external_id, standing.erp_number());
    let metadata = [("document_sha256".to_owned(), standing.sha256.clone())];
    let details = ErrorDetails::with_error_info("DUP", "erp", metadata);
    Err(Status::with_error_details(Code::AlreadyExists, message, details))
}

async fn find_faults(
    tx: &DatabaseTransaction,
    submission: &Submission,
    document: &Document,
) -> Result<Vec<Reason>, Status> {
    let mut reasons = checks::master_data(document);
    if reasons.is_empty() {
        reasons.extend(checks::totals(document).map_err(|error| unreadable(&error))?.1);
    }
    if submission.kind == DocumentType::Invoice && reasons.is_empty() {
        let Some(order) = document::find(tx, &document.order_external_id).await.map_err(Refusal::from)? else {
            return Err(dependency_missing(&document.order_external_id));
        };
        let booked = document::invoices_of(tx, &document.order_external_id).await.map_err(Refusal::from)?;
        let order = Document::decode(order.body.as_slice()).map_err(Refusal::internal)?;
        let booked = booked.iter().map(|row| Document::decode(row.body.as_slice())).collect::<Result<Vec<_>, _>>();
        let booked = booked.map_err(Refusal::internal)?;
        reasons.extend(checks::over_invoiced(&order, &booked, document).map_err(|error| unreadable(&error))?);
    }
    Ok(reasons)
}

fn unreadable(error: &checks::Unreadable) -> Status {
    Refusal::field("document", error.to_string()).into()
}

fn dependency_missing(order: &str) -> Status {
    let metadata = [("order_external_id".to_owned(), order.to_owned())];
    let details = ErrorDetails::with_error_info("DEPENDENCY_MISSING", "erp", metadata);
    Status::with_error_details(Code::FailedPrecondition, format!("the order {order} is not here yet"), details)
}

/// What a fault does before the document is looked at.
async fn play_before(fault: &Fault) -> Result<(), Status> {
    match fault.kind() {
        FaultKind::ErrorBeforeCommit => Err(Status::unavailable("the stub fails before it books")),
        FaultKind::Outage => Err(Status::unavailable("the stub is away")),
        FaultKind::RateLimit => {
            let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(1)));
            Err(Status::with_error_details(Code::ResourceExhausted, "the stub takes no more calls now", details))
        }
        FaultKind::Hang => std::future::pending().await,
        FaultKind::Latency => {
            let delay = fault.delay.unwrap_or_default();
            let delay = Duration::try_from(delay).unwrap_or_default().min(Duration::from_secs(60));
            tokio::time::sleep(delay).await;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What a fault does to the answer after the document is booked.
fn play_after(fault: &Fault, verdict: Verdict) -> Result<Verdict, Status> {
    match fault.kind() {
        FaultKind::LoseAnswer => Err(Status::unknown("the stub booked and lost its answer")),
        FaultKind::ErrorAfterCommit => Err(Status::internal("the stub booked and failed then")),
        _ => Ok(verdict),
    }
}

fn refused_by_plan() -> Verdict {
    let reason = Reason {
        code: "OTH".to_owned(),
        message: "refused by the plan of faults".to_owned(),
        action: "clear the faults of the stub, and replay".to_owned(),
        ..Reason::default()
    };
    Verdict { outcome: Outcome::Rejected, replayed: false, erp_number: String::new(), reasons: vec![reason] }
}

fn answer_of<T>(answer: &Result<T, Status>, outcome: impl Fn(&T) -> Outcome) -> String {
    match answer {
        Ok(value) => outcome(value).as_str_name().trim_start_matches("OUTCOME_").to_owned(),
        Err(status) => format!("{:?}", status.code()),
    }
}

fn place(token: &str) -> Result<(i32, i64), Refusal> {
    if token.is_empty() {
        return Ok((0, 0));
    }
    let parsed = token.split_once('.').and_then(|(kind, number)| Some((kind.parse().ok()?, number.parse().ok()?)));
    parsed.ok_or_else(|| Refusal::field("page_token", "a token that the previous page gave"))
}
