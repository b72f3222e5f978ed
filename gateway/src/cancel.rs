//! Giving an order up: at once where the ERP does not have it, else by a cancellation that the ERP agrees to (R-ORD-1).
//!
//! The order stays as it is until the ERP has agreed; then it is canceled in the ERP's name (`erp_news.rs`). Where the ERP
//! refuses, its reasons stand at the hand-over, and the order goes on.

use dealflow_chassis::Refusal;
use dealflow_proto::convert;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::gateway::v1::{self as gateway, DealProgress};
use dealflow_proto::orders::v1::{CancelOrderRequest, GetOrderRequest, Order};
use rust_decimal::Decimal;

use crate::documents;
use crate::flow::{Run, Stop, has_reason};
use crate::fulfill::buyer;

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
            run.tell(&order);
            if run.only_checks() {
                // The ERP is asked only in earnest.
                return Ok(run.progress());
            }
            let buyer = buyer(&run, &order.account).await?;
            let (entity, today) = (&run.settings().legal_entity, run.today());
            let document = documents::of_cancellation(&order, buyer.as_ref(), entity, today, &ask.reason);
            run.hand_over(document, &order.name, &order.opportunity).await?;
        }
        canceled => drop(canceled?),
    }
    Ok(run.progress())
}

fn is_billed(order: &Order) -> bool {
    let billed = |line: &dealflow_proto::orders::v1::LineProgress| {
        line.billed.as_ref().and_then(|it| convert::decimal_from(it).ok()).unwrap_or(Decimal::ZERO)
    };
    order.line_progress.iter().any(|line| !billed(line).is_zero())
}
