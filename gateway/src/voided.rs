//! `VoidInvoice` of what is posted: only what was not handed over, and then nobody hands it over any more (R-INV-1).
//!
//! Whether the invoice may be void its part says, asked beforehand; whether it was handed over is known here. Its hand-over
//! is taken out of the queue first, in one transaction, and then the part is told so: the caller cannot. Dies something
//! in between, the invoice stays posted with a hand-over that is given up, and the same call again goes on from there.

use axum::body::Bytes;
use dealflow_proto::orders::v1::{GetInvoiceRequest, Invoice, VoidInvoiceRequest, invoice};
use http::request::Parts;
use http::{Request, Response};
use prost::Message;
use tonic::Status;
use tonic::body::Body;
use uuid::Uuid;

use crate::documents;
use crate::handoff::NewHandoff;
use crate::parties::{Asking, Telling, framed};
use crate::through::only_message;

/// What history says of the hand-over.
const WHY: &str = "its invoice is void";
const AGAIN: &str = "its invoice could not be void";
/// Where a refusal says its code.
const CODE: &str = "grpc-status";
/// Codes after which nobody knows what was done: CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE.
const FAULTS: [&str; 5] = ["1", "2", "4", "13", "14"];

/// Answers the call.
pub(crate) async fn void(telling: &Telling, head: Parts, bytes: Bytes) -> Result<Response<Body>, Status> {
    let send = |bytes: Bytes| {
        let request = Request::from_parts(head.clone(), Body::new(axum::body::Body::from(bytes)));
        telling.through.clone().answer(request)
    };
    let Ok(ask) = VoidInvoiceRequest::decode(only_message(&bytes)?) else { return send(bytes).await };
    let asking = Asking::of(telling, &head)?;
    let bill = asking.there(GetInvoiceRequest { name: ask.name.clone() }).await?;
    // What was posted once and is void is told as it was: a call that comes twice is the same call.
    let posted = bill.as_ref().is_some_and(|bill| !bill.number.is_empty());
    let told = VoidInvoiceRequest { withdrawn: posted, ..ask };
    let message = framed(&told.encode_to_vec())?;
    let Some(bill) = bill.filter(|bill| bill.state() == invoice::State::Posted) else { return send(message).await };
    let other_id = told.request_id.parse().map(|id| Uuid::new_v5(&id, b"would it be void")).unwrap_or_default();
    let asked = VoidInvoiceRequest { validate_only: true, request_id: other_id.to_string(), ..told.clone() };
    let beforehand = send(framed(&asked.encode_to_vec())?).await?;
    if is_refused(&beforehand) {
        return Ok(beforehand);
    }
    if bill.series.is_empty() {
        // The ERP made it: there is nothing to take back.
        return send(message).await;
    }
    if told.validate_only {
        telling.handoffs.may_withdraw(&documents::invoice_id(&bill.number)).await?;
        return send(message).await;
    }
    let withdrawn = telling.handoffs.withdraw(handoff(&bill, &asking).await?, WHY).await?;
    let answer = send(message).await?;
    // Where the answer was lost the invoice may be void all the same: then it stays out of the queue.
    if is_refused(&answer) && !FAULTS.iter().any(|fault| is(&answer, fault)) {
        telling.handoffs.put_back(withdrawn, AGAIN).await?;
    }
    Ok(answer)
}

/// What hands it over, or would: the same content.
async fn handoff(bill: &Invoice, asking: &Asking<'_>) -> Result<NewHandoff, Status> {
    let buyer = match bill.buyer.clone() {
        Some(kept) => Some(kept),
        None => asking.buyer(&bill.account).await?,
    };
    Ok(NewHandoff {
        document: documents::of_invoice(bill, buyer.as_ref()),
        record: bill.name.clone(),
        opportunity: bill.opportunity.clone(),
        context: asking.context.clone(),
    })
}

fn is_refused(answer: &Response<Body>) -> bool {
    answer.headers().contains_key(CODE) && !is(answer, "0")
}

fn is(answer: &Response<Body>, code: &str) -> bool {
    answer.headers().get(CODE).is_some_and(|it| it == code)
}
