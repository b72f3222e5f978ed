//! What a refusal of the ERP means for the record: an order goes back to CONFIRMED with the reason (`states.md`).
//!
//! One that was delivered meanwhile stands as it is, and its hand-over may be replayed; one that is on hold goes back when
//! it is released. An invoice is posted and stays so; its hand-over tells the reason, and an operator decides.

use std::sync::Arc;

use dealflow_chassis::Context;
use dealflow_proto::orders::v1::{GetOrderRequest, Order, RejectOrderRequest, order};
use futures::future::FutureExt;
use tonic::{Request, Status};
use uuid::Uuid;

use crate::calls::{Ask, Neighbours};
use crate::flow::is_settled;
use crate::handoff::record::Kind;
use crate::handoff::{Followed, OnRejected, Rejection};

/// Who says no to an order.
const ERP: &str = "erp";
/// What `RejectOrder` takes of a reason.
const LONGEST_REASON: usize = 4000;

/// Tells `orders` of each refused order; told twice, it is the same request.
pub(crate) fn tell_orders(to: Neighbours) -> OnRejected {
    Arc::new(move |rejection| tell(to.clone(), rejection).boxed())
}

async fn tell(to: Neighbours, rejection: Rejection) -> Result<Followed, Status> {
    if rejection.kind != Kind::Order {
        return Ok(Followed::Yes);
    }
    // The flow's id makes the event the hand-over's business: no other flow follows from it.
    let flow = Uuid::new_v5(&Uuid::NAMESPACE_URL, rejection.handoff.as_bytes());
    let context = Context { flow: Some(flow), traceparent: rejection.traceparent, ..Context::internal(ERP) };
    // An order that is handed over anew may be refused anew: each refusal is a request of its own.
    let refusal = Uuid::new_v5(&flow, rejection.call.to_string().as_bytes());
    reject(&to, &context, refusal, &rejection.record, &rejection.reason).await
}

/// The order goes back to CONFIRMED with the reason.
pub(crate) async fn reject(
    to: &Neighbours,
    context: &Context,
    id: Uuid,
    name: &str,
    reason: &str,
) -> Result<Followed, Status> {
    let mut request = Request::new(RejectOrderRequest {
        name: name.to_owned(),
        reason: reason.chars().take(LONGEST_REASON).collect(),
        request_id: id.to_string(),
        ..RejectOrderRequest::default()
    });
    context.carry(request.metadata_mut());
    match RejectOrderRequest::send(to, request).await {
        Err(status) if is_settled(&status) => {}
        told => return told.map(|_| Followed::Yes),
    }
    let mut request = Request::new(GetOrderRequest { name: name.to_owned() });
    context.carry(request.metadata_mut());
    stands_as(GetOrderRequest::send(to, request).await?.get_ref())
}

/// What it means that an order cannot be rejected.
fn stands_as(order: &Order) -> Result<Followed, Status> {
    let Order { name, number, .. } = order;
    let state = order.state().as_str_name().trim_start_matches("STATE_");
    match order.state() {
        // It was rejected or canceled by somebody else.
        order::State::Draft | order::State::Confirmed | order::State::Canceled => Ok(Followed::Yes),
        order::State::OnHold => {
            let why =
                format!("the ERP refused {name} {number}, which is ON_HOLD; ReleaseOrder lets it go back to CONFIRMED");
            Ok(Followed::Waits(why))
        }
        order::State::Submitted => Err(Status::aborted(format!("{name} changed meanwhile"))),
        _ => Ok(Followed::Cannot(format!(
            "the ERP refused {name} {number}, which is {state} here and stays so; mend what the ERP names, then \
             ReplayHandoff sends it again"
        ))),
    }
}
