//! `VoidInvoice` and `VoidCreditNote` of what is posted: only what was not handed over, and then nobody hands it over any
//! more (R-INV-1).
//!
//! Whether the bill may be void its part says, asked beforehand; whether it was handed over is known here. So it is a
//! flow of two steps: the hand-over is taken out of the queue, then the part is told so, which the caller cannot. Where
//! the part refuses after all, the hand-over is put back. The flow's step is the caller's own call, and so is answered by
//! the part as it was.

use axum::body::Bytes;
use dealflow_proto::erp::v1::Document;
use dealflow_proto::gateway::v1::DealProgress;
use dealflow_proto::orders::v1::{
    CreditNote, GetCreditNoteRequest, GetInvoiceRequest, Invoice, Party, VoidCreditNoteRequest, VoidInvoiceRequest,
    credit_note, invoice,
};
use dealflow_proto::{Mutation, Validate};
use http::request::Parts;
use http::{Extensions, Request, Response};
use prost::{Message, Name};
use tonic::Status;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use uuid::Uuid;

use crate::calls::{Ask, Verb};
use crate::documents;
use crate::flow::{Run, Stop};
use crate::fulfill::kept_or_read;
use crate::parties::{Asking, Telling, framed};
use crate::progress::Tell;
use crate::through::only_message;

/// What history says of the hand-over.
const WHY: &str = "its document is void";
const AGAIN: &str = "its document could not be void";
/// Where a refusal says its code.
const CODE: &str = "grpc-status";

/// A bill, as far as voiding looks at it.
pub(crate) trait Bill {
    /// Whether we made it: of what the ERP made there is nothing to take back.
    fn is_ours(&self) -> bool;
    fn is_posted(&self) -> bool;
    fn number(&self) -> &str;
    fn external_id(&self) -> String;
    /// Its name, its opportunity's, its account's.
    fn names(&self) -> (&str, &str, &str);
    fn buyer(&self) -> Option<&Party>;
    fn document(&self, buyer: Option<&Party>) -> Document;
}

/// The call that voids one.
pub(crate) trait Voiding: Verb<Answer: Tell> + Message + Name + Validate + Mutation + Default + Clone {
    /// The flow.
    const FLOW: &'static str;
    type Look: Ask<Answer: Bill>;
    fn look(&self) -> Self::Look;
    fn record(&self) -> &str;
    fn told(self, withdrawn: bool) -> Self;
}

macro_rules! voiding {
    ($flow:literal, $request:ident, $record:ident, $look:ident, $posted:path, $external_id:ident, $document:ident) => {
        impl Bill for $record {
            fn is_ours(&self) -> bool {
                !self.series.is_empty()
            }

            fn is_posted(&self) -> bool {
                self.state() == $posted
            }

            fn number(&self) -> &str {
                &self.number
            }

            fn external_id(&self) -> String {
                documents::$external_id(&self.number)
            }

            fn names(&self) -> (&str, &str, &str) {
                (&self.name, &self.opportunity, &self.account)
            }

            fn buyer(&self) -> Option<&Party> {
                self.buyer.as_ref()
            }

            fn document(&self, buyer: Option<&Party>) -> Document {
                documents::$document(self, buyer)
            }
        }

        impl Voiding for $request {
            const FLOW: &'static str = $flow;
            type Look = $look;

            fn look(&self) -> $look {
                $look { name: self.name.clone() }
            }

            fn record(&self) -> &str {
                &self.name
            }

            fn told(self, withdrawn: bool) -> Self {
                Self { withdrawn, ..self }
            }
        }
    };
}

voiding!("VoidInvoice", VoidInvoiceRequest, Invoice, GetInvoiceRequest, invoice::State::Posted, invoice_id, of_invoice);
voiding!(
    "VoidCreditNote",
    VoidCreditNoteRequest,
    CreditNote,
    GetCreditNoteRequest,
    credit_note::State::Posted,
    credit_note_id,
    of_credit_note
);

/// Answers the call.
pub(crate) async fn answer<V: Voiding>(telling: &Telling, head: Parts, bytes: Bytes) -> Result<Response<Body>, Status> {
    let send = |bytes: Bytes| {
        let request = Request::from_parts(head.clone(), Body::new(axum::body::Body::from(bytes)));
        telling.through.clone().answer(request)
    };
    let Ok(ask) = V::decode(only_message(&bytes)?) else { return send(bytes).await };
    let bill = Asking::of(telling, &head)?.there(ask.look()).await?;
    // What was posted once and is void is told as it was: a call that comes twice is the same call.
    let told = ask.told(bill.as_ref().is_some_and(|bill| !bill.number().is_empty()));
    let message = framed(&told.encode_to_vec())?;
    let Some(bill) = bill.filter(Bill::is_posted) else { return send(message).await };
    let mut asked = told.clone();
    let other_id = told.request_id().parse().map(|id| Uuid::new_v5(&id, b"would it be void")).unwrap_or_default();
    asked.stamp(other_id.to_string(), true, told.effective_time());
    let beforehand = send(framed(&asked.encode_to_vec())?).await?;
    if beforehand.headers().get(CODE).is_some_and(|code| code != "0") {
        return Ok(beforehand);
    }
    if !bill.is_ours() {
        return send(message).await;
    }
    if told.validate_only() {
        telling.handoffs.may_withdraw(&bill.external_id()).await?;
        return send(message).await;
    }
    let metadata = MetadataMap::from_headers(head.headers.clone());
    let request = tonic::Request::from_parts(metadata, Extensions::default(), told);
    telling.flows.answer(V::FLOW, request, V::record).await?;
    send(message).await
}

/// Voids a bill that is posted.
pub(crate) async fn void<V: Voiding>(run: Run, ask: V) -> Result<DealProgress, Stop> {
    let bill = run.read("bill", ask.look()).await?;
    let (name, opportunity, account) = bill.names();
    let buyer = kept_or_read(&run, bill.buyer(), account).await?;
    run.withdraw(bill.document(buyer.as_ref()), (name, opportunity), WHY).await?;
    let put_back = run.put_back(bill.external_id(), (WHY, AGAIN));
    run.or_take_back("void", put_back, run.step_as_asked("void", ask)).await?;
    Ok(run.progress())
}
