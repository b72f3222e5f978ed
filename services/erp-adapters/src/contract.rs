//! The contract, once for all adapters: one function per RPC.

use std::pin::Pin;
use std::sync::Arc;

use chrono::NaiveDate;
use dealflow_chassis::Refusal;
use dealflow_chassis::list::Bond;
use dealflow_chassis::work::check;
use dealflow_proto::convert;
use dealflow_proto::erp::v1 as pb;
use dealflow_proto::erp::v1::erp_service_server::ErpService;
use dealflow_proto::erp::v1::{DocumentType, ErpDocument};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use crate::submission::{Submission, Verdict};

/// An ERP behind an adapter.
pub(crate) trait Target: Send + Sync + 'static {
    /// Takes a document, or refuses it; whatever an earlier attempt left is completed.
    fn take(&self, submission: Submission) -> impl Future<Output = Result<Verdict, Status>> + Send;
    /// The document of an external id; none says for certain that what is sent now is not there twice.
    fn find(&self, external_id: &str) -> impl Future<Output = Result<Option<ErpDocument>, Status>> + Send;
    /// A page of documents, and the place where the next one begins; empty after the last.
    fn list(&self, wanted: Wanted) -> impl Future<Output = Result<(Vec<ErpDocument>, String), Status>> + Send;
    /// What it can do.
    fn capabilities(&self) -> pb::Capabilities;
}

/// Which documents to list.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) kind: Option<DocumentType>,
    pub(crate) legal_entity: String,
    pub(crate) from: Option<NaiveDate>,
    pub(crate) until: Option<NaiveDate>,
    pub(crate) size: u32,
    /// Where the page begins, as an earlier page said it; empty at the first.
    pub(crate) place: String,
}

/// The contract over a target.
pub(crate) struct Contract<T>(pub(crate) Arc<T>);

macro_rules! submissions {
    ($($method:ident($request:ident) -> $response:ident of $kind:ident;)*) => {
        #[tonic::async_trait]
        impl<T: Target> ErpService for Contract<T> {
            $(async fn $method(&self, request: Request<pb::$request>) -> Result<Response<pb::$response>, Status> {
                let ask = request.into_inner();
                check(&ask)?;
                let names = (ask.external_id, ask.idempotency_key);
                let submission = Submission::read(DocumentType::$kind, names, ask.document_sha256, &ask.document)?;
                let verdict = self.0.take(submission).await?;
                Ok(Response::new(pb::$response {
                    outcome: verdict.outcome.into(),
                    replayed: verdict.replayed,
                    erp_number: verdict.erp_number,
                    reasons: verdict.reasons,
                }))
            })*

            async fn get_document_status(
                &self,
                request: Request<pb::GetDocumentStatusRequest>,
            ) -> Result<Response<ErpDocument>, Status> {
                let ask = request.into_inner();
                check(&ask)?;
                let found = self.0.find(&ask.external_id).await?;
                Ok(Response::new(found.ok_or_else(|| Refusal::missing(&ask.external_id))?))
            }

            async fn list_documents(
                &self,
                request: Request<pb::ListDocumentsRequest>,
            ) -> Result<Response<pb::ListDocumentsResponse>, Status> {
                let ask = request.into_inner();
                check(&ask)?;
                let bond = bond(&ask);
                let (documents, next) = self.0.list(wanted(ask, &bond)?).await?;
                let next_page_token = if next.is_empty() { next } else { bond.seal(&next) };
                Ok(Response::new(pb::ListDocumentsResponse { documents, next_page_token }))
            }

            type WatchEventsStream = Pin<Box<dyn Stream<Item = Result<pb::WatchEventsResponse, Status>> + Send>>;

            async fn watch_events(
                &self,
                _: Request<pb::WatchEventsRequest>,
            ) -> Result<Response<Self::WatchEventsStream>, Status> {
                Err(Status::unimplemented(format!("{} tells no events", self.0.capabilities().product)))
            }

            async fn get_capabilities(
                &self,
                _: Request<pb::GetCapabilitiesRequest>,
            ) -> Result<Response<pb::Capabilities>, Status> {
                Ok(Response::new(self.0.capabilities()))
            }
        }
    };
}

submissions! {
    submit_order(SubmitOrderRequest) -> SubmitOrderResponse of Order;
    submit_invoice(SubmitInvoiceRequest) -> SubmitInvoiceResponse of Invoice;
    submit_credit_note(SubmitCreditNoteRequest) -> SubmitCreditNoteResponse of CreditNote;
    change_order(ChangeOrderRequest) -> ChangeOrderResponse of OrderChange;
    cancel_order(CancelOrderRequest) -> CancelOrderResponse of OrderCancellation;
}

/// Which list a token is of.
fn bond(ask: &pb::ListDocumentsRequest) -> Bond {
    let days = format!("{:?} {:?}", ask.from_date, ask.until_date);
    Bond::of(&["documents", ask.r#type().as_str_name(), &ask.legal_entity, &days])
}

fn wanted(ask: pb::ListDocumentsRequest, bond: &Bond) -> Result<Wanted, Refusal> {
    let size = match ask.page_size {
        ..0 => return Err(Refusal::field("page_size", "not negative")),
        0 => 50,
        size => size.unsigned_abs().min(1000),
    };
    let day = |date: Option<_>, field| {
        let day = date.as_ref().map(convert::date_of).transpose();
        day.map_err(|error| Refusal::field(field, error.to_string()))
    };
    Ok(Wanted {
        kind: Some(ask.r#type()).filter(|kind| *kind != DocumentType::Unspecified),
        from: day(ask.from_date, "from_date")?,
        until: day(ask.until_date, "until_date")?,
        legal_entity: ask.legal_entity,
        size,
        place: if ask.page_token.is_empty() { String::new() } else { bond.open(&ask.page_token)? },
    })
}
