//! The ERP's side of the contract: one function per RPC; `booking` has the transactions.

use std::pin::Pin;

use dealflow_chassis::list::Bond;
use dealflow_chassis::refusal::Refusal;
use dealflow_chassis::store::Store;
use dealflow_chassis::work::check;
use dealflow_proto::convert;
use dealflow_proto::erp::v1 as pb;
use dealflow_proto::erp::v1::erp_service_server::ErpService;
use dealflow_proto::erp::v1::{DocumentType, ErpDocument, Fault, FaultKind, Outcome, Personality};
use futures::Stream;
use sea_orm::{ActiveValue, EntityTrait};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{play, watch};
use crate::book::{self, Wanted};
use crate::booking::{Submission, Verdict};
use crate::faults::{Faults, Moment};
use crate::journal;
use crate::state::State;

/// The books behind the contract.
#[derive(Clone)]
pub struct Erp {
    pub(crate) store: Store,
    pub(crate) faults: Faults,
}

macro_rules! submissions {
    ($($method:ident($request:ident) -> $response:ident = $name:literal of $kind:ident;)*) => {
        #[tonic::async_trait]
        impl ErpService for Erp {
            $(async fn $method(&self, request: Request<pb::$request>) -> Result<Response<pb::$response>, Status> {
                let ask = request.into_inner();
                check(&ask)?;
                let verdict = self
                    .submit(Submission {
                        kind: DocumentType::$kind,
                        method: $name,
                        external_id: ask.external_id,
                        idempotency_key: ask.idempotency_key,
                        sha256: ask.document_sha256,
                        body: ask.document,
                    })
                    .await?;
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
                self.look_up(&ask.external_id).await.map(Response::new)
            }

            async fn list_documents(
                &self,
                request: Request<pb::ListDocumentsRequest>,
            ) -> Result<Response<pb::ListDocumentsResponse>, Status> {
                let ask = request.into_inner();
                check(&ask)?;
                self.list(&ask).await.map(Response::new)
            }

            type WatchEventsStream = Pin<Box<dyn Stream<Item = Result<pb::WatchEventsResponse, Status>> + Send>>;

            async fn watch_events(
                &self,
                request: Request<pb::WatchEventsRequest>,
            ) -> Result<Response<Self::WatchEventsStream>, Status> {
                let ask = request.into_inner();
                check(&ask)?;
                let cursor = watch::cursor(&ask.after_cursor)?;
                let (sender, receiver) = mpsc::channel(2);
                tokio::spawn(watch::stream(self.store.clone(), ask, cursor, sender));
                Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
            }

            async fn get_capabilities(
                &self,
                _: Request<pb::GetCapabilitiesRequest>,
            ) -> Result<Response<pb::Capabilities>, Status> {
                let state = State::load(self.store.reader()).await.map_err(Refusal::from)?;
                Ok(Response::new(capabilities(state.personality())))
            }
        }
    };
}

submissions! {
    submit_order(SubmitOrderRequest) -> SubmitOrderResponse = "SubmitOrder" of Order;
    submit_invoice(SubmitInvoiceRequest) -> SubmitInvoiceResponse = "SubmitInvoice" of Invoice;
    submit_credit_note(SubmitCreditNoteRequest) -> SubmitCreditNoteResponse = "SubmitCreditNote" of CreditNote;
    change_order(ChangeOrderRequest) -> ChangeOrderResponse = "ChangeOrder" of OrderChange;
    cancel_order(CancelOrderRequest) -> CancelOrderResponse = "CancelOrder" of OrderCancellation;
}

fn capabilities(personality: Personality) -> pb::Capabilities {
    let types = [
        DocumentType::Order,
        DocumentType::Invoice,
        DocumentType::CreditNote,
        DocumentType::OrderChange,
        DocumentType::OrderCancellation,
    ];
    let rounding = if personality == Personality::LineRounding { "LINE" } else { "GROUP" };
    pb::Capabilities {
        product: "stub".to_owned(),
        types: types.into_iter().map(i32::from).collect(),
        idempotent: personality != Personality::LookupOnly,
        look_up: true,
        asynchronous: personality == Personality::Async,
        events: true,
        vat_rounding: rounding.to_owned(),
    }
}

impl Erp {
    /// Plays the fault that is due, takes the document or refuses it, and writes the call down whatever came of it.
    async fn submit(&self, submission: Submission) -> Result<Verdict, Status> {
        let fault = self.hit(&submission.external_id, Moment::Submission).await?;
        let answer = self.answer(&submission, fault.as_ref()).await;
        let entry = Entry {
            method: submission.method,
            external_id: &submission.external_id,
            key: &submission.idempotency_key,
            sha256: &submission.sha256,
        };
        self.write_down(entry, &answer_of(&answer, |verdict| verdict.outcome), fault.as_ref()).await?;
        answer
    }

    async fn answer(&self, submission: &Submission, fault: Option<&Fault>) -> Result<Verdict, Status> {
        let Some(fault) = fault else { return self.take(submission, FaultKind::Unspecified).await };
        play::before(fault).await?;
        if let Some(verdict) = play::instead(fault) {
            return Ok(verdict);
        }
        let verdict = self.take(submission, fault.kind()).await?;
        if fault.kind() == FaultKind::DuplicateRequest
            && let Err(status) = self.take(submission, fault.kind()).await
        {
            tracing::debug!(%status, "the copy of a request was refused");
        }
        play::after(fault, verdict)
    }

    async fn look_up(&self, external_id: &str) -> Result<ErpDocument, Status> {
        let fault = self.hit(external_id, Moment::LookUp).await?;
        let found = async {
            if let Some(fault) = &fault {
                play::before(fault).await?;
            }
            let found = book::find(self.store.reader(), external_id).await.map_err(Refusal::from)?;
            // A draft that was left behind is not in the books: what comes again completes it.
            let found = found.filter(|row| row.outcome() != Outcome::Unspecified);
            let found = found.ok_or_else(|| Refusal::missing(external_id))?;
            Ok(found.to_wire().map_err(Refusal::internal)?)
        }
        .await;
        let entry = Entry { method: "GetDocumentStatus", external_id, key: "", sha256: "" };
        self.write_down(entry, &answer_of(&found, ErpDocument::outcome), fault.as_ref()).await?;
        found
    }

    async fn list(&self, ask: &pb::ListDocumentsRequest) -> Result<pb::ListDocumentsResponse, Status> {
        let size = match ask.page_size {
            ..0 => return Err(Refusal::field("page_size", "not negative").into()),
            0 => 50,
            size => size.unsigned_abs().min(1000),
        };
        let day = |date: &Option<_>| date.as_ref().and_then(|date| convert::date_of(date).ok());
        let wanted = Wanted {
            kind: Some(ask.r#type()).filter(|kind| *kind != DocumentType::Unspecified),
            legal_entity: ask.legal_entity.clone(),
            from: day(&ask.from_date),
            until: day(&ask.until_date),
        };
        let days = format!("{:?} {:?}", ask.from_date, ask.until_date);
        let bond = Bond::of(&["documents", ask.r#type().as_str_name(), &ask.legal_entity, &days]);
        let after = match ask.page_token.as_str() {
            "" => (0, 0),
            token => place(&bond.open(token).map_err(Refusal::from)?)?,
        };
        let mut rows =
            book::page(self.store.reader(), &wanted, after, u64::from(size) + 1).await.map_err(Refusal::from)?;
        let more = rows.len() > size as usize;
        rows.truncate(size as usize);
        let next = rows.last().filter(|_| more).map(|row| bond.seal(&format!("{}.{}", row.kind, row.id)));
        let documents = rows.iter().map(book::Model::to_wire).collect::<Result<Vec<_>, _>>();
        Ok(pb::ListDocumentsResponse {
            documents: documents.map_err(Refusal::internal)?,
            next_page_token: next.unwrap_or_default(),
        })
    }

    /// The fault that hits a call, by the stub's clock.
    async fn hit(&self, external_id: &str, moment: Moment) -> Result<Option<Fault>, Status> {
        let state = State::load(self.store.reader()).await.map_err(Refusal::from)?;
        Ok(self.faults.hit(external_id, moment, state.now(&self.store)))
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

fn answer_of<T>(answer: &Result<T, Status>, outcome: impl Fn(&T) -> Outcome) -> String {
    match answer {
        Ok(value) => outcome(value).as_str_name().trim_start_matches("OUTCOME_").to_owned(),
        Err(status) => format!("{:?}", status.code()),
    }
}

fn place(said: &str) -> Result<(i32, i64), Refusal> {
    let parsed = said.split_once('.').and_then(|(kind, id)| Some((kind.parse().ok()?, id.parse().ok()?)));
    parsed.ok_or_else(|| Refusal::field("page_token", "a token that the previous page gave"))
}
