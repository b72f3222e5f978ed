//! Giving an order up: at once where the ERP does not have it, else by a cancellation that the ERP agrees to (R-ORD-1).
//!
//! Until the ERP has answered, the order is on hold: nobody delivers or bills what is to be canceled. When it has agreed,
//! the order is canceled in its name (`erp_news.rs`). Where it refuses, or an operator gives the wish up, its reasons stand
//! at the hand-over, and the order goes on from where it was.

use dealflow_chassis::Refusal;
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{DocumentType, Handoff};
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::gateway::v1::{self as gateway, DealProgress};
use dealflow_proto::orders::v1::{
    CancelOrderRequest, GetOrderRequest, HoldOrderRequest, Order, ReleaseOrderRequest, order,
};
use rust_decimal::Decimal;

use crate::documents::{self, ids_of_order};
use crate::flow::{Run, Stop, has_reason};
use crate::fulfill::buyer;

/// Why an order is on hold whose cancellation the ERP is asked for.
const ASKED: &str = "the ERP is asked to cancel it";
/// What `HoldOrder` takes of a reason.
const LONGEST_REASON: usize = 1000;

/// Gives an order up.
pub(crate) async fn cancel_order(run: Run, ask: gateway::CancelOrderRequest) -> Result<DealProgress, Stop> {
    let order = run.read("order", GetOrderRequest { name: ask.order.clone() }).await?;
    let cancel = CancelOrderRequest {
        name: ask.order.clone(),
        etag: ask.etag.clone(),
        reason: ask.reason.clone(),
        ..CancelOrderRequest::default()
    };
    match run.step("cancel", cancel).await {
        // It is for the ERP to say.
        Err(Stop::Refused(refused)) if has_reason(&refused.status, ErrorReason::PermissionDenied) => {
            if is_billed(&order) {
                let message =
                    format!("{} {} has invoices that are not credited; credit them first", order.name, order.number);
                return run.refuse("look at the bills", Refusal::guard(message, &[(&order.name, "has invoices")]));
            }
            if is_asked(&order) {
                let (name, number, why) = (&order.name, &order.number, &order.hold_reason);
                let message =
                    format!("{name} {number}: {why}; wait for its answer, or AbandonHandoff the cancellation");
                return run.refuse("look at the hold", Refusal::guard(message, &[(name, "is asked to be canceled")]));
            }
            run.tell(&order);
            if run.only_checks() {
                // The ERP is asked only in earnest.
                return Ok(run.progress());
            }
            let reason: String = format!("{ASKED}: {}", ask.reason).chars().take(LONGEST_REASON).collect();
            // One that is on hold already stays so.
            run.settle("hold", HoldOrderRequest { name: order.name.clone(), reason, ..Default::default() }).await?;
            let buyer = buyer(&run, &order.account).await?;
            let (entity, today) = (&run.settings().legal_entity, run.today());
            let document = documents::of_cancellation(&order, buyer.as_ref(), entity, today, &ask.reason);
            run.hand_over(document, &order.name, &order.opportunity).await?;
        }
        canceled => drop(canceled?),
    }
    Ok(run.progress())
}

/// The ERP does not cancel an order, or is not asked any more: the order goes on, and hears what the ERP did meanwhile.
pub(crate) async fn ended(run: &Run, handoff: &Handoff) -> Result<(), Stop> {
    if handoff.r#type() != DocumentType::OrderCancellation {
        return Ok(());
    }
    let order = run.read("order on hold", GetOrderRequest { name: handoff.document.clone() }).await?;
    if !is_asked(&order) {
        return Ok(());
    }
    run.settle("release", ReleaseOrderRequest { name: order.name, ..ReleaseOrderRequest::default() }).await?;
    run.tell_again(&ids_of_order(&order.number)).await
}

/// Whether it is on hold because the ERP is asked to cancel it.
fn is_asked(order: &Order) -> bool {
    order.state() == order::State::OnHold && order.hold_reason.starts_with(ASKED)
}

fn is_billed(order: &Order) -> bool {
    let billed = |line: &dealflow_proto::orders::v1::LineProgress| {
        line.billed.as_ref().and_then(|it| convert::decimal_from(it).ok()).unwrap_or(Decimal::ZERO)
    };
    order.line_progress.iter().any(|line| !billed(line).is_zero())
}
