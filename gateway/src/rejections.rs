//! What a refusal of the ERP means for the record: an order goes back to CONFIRMED with the reason (`states.md`).
//!
//! An invoice is posted and stays so; its hand-over tells the reason, and an operator decides.

use std::sync::Arc;

use dealflow_chassis::Context;
use dealflow_proto::orders::v1::RejectOrderRequest;
use futures::future::FutureExt;
use tonic::{Request, Status};
use uuid::Uuid;

use crate::calls::{Ask, Neighbours};
use crate::flow::is_settled;
use crate::handoff::record::Kind;
use crate::handoff::{OnRejected, Rejection};

/// Who says no to an order.
const ERP: &str = "erp";
/// What `RejectOrder` takes of a reason.
const LONGEST_REASON: usize = 4000;

/// Tells `orders` of each refused order; told twice, it is the same request.
pub(crate) fn tell_orders(to: Neighbours) -> OnRejected {
    Arc::new(move |rejection| tell(to.clone(), rejection).boxed())
}

async fn tell(to: Neighbours, rejection: Rejection) -> Result<(), Status> {
    if rejection.kind != Kind::Order {
        return Ok(());
    }
    // The flow's id makes the event the hand-over's business: no other flow follows from it.
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, rejection.handoff.as_bytes());
    let mut request = Request::new(RejectOrderRequest {
        name: rejection.record,
        reason: rejection.reason.chars().take(LONGEST_REASON).collect(),
        request_id: id.to_string(),
        ..RejectOrderRequest::default()
    });
    let context = Context { flow: Some(id), traceparent: rejection.traceparent, ..Context::internal(ERP) };
    context.carry(request.metadata_mut());
    match RejectOrderRequest::send(&to, request).await {
        // It was rejected, canceled or fulfilled by somebody else meanwhile.
        Err(status) if is_settled(&status) => Ok(()),
        told => told.map(drop),
    }
}
