//! Giving an order up: at once where the ERP does not have it, else by a cancellation that the ERP agrees to (R-ORD-1).
//!
//! How the ERP is asked, and what becomes of the order meanwhile, is in `asking.rs`. What a flow cancels the feed does not
//! tell of, so the flow frees the deal itself (R-OPP-2).

use dealflow_chassis::Refusal;
use dealflow_proto::convert;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::gateway::v1::{self as gateway, DealProgress};
use dealflow_proto::google::type_;
use dealflow_proto::orders::v1::{CancelOrderRequest, GetOrderRequest, Order, order};

use crate::asking::{Wish, has_nothing, refuse_on_hold, refuse_pending, take_back};
use crate::documents;
use crate::flow::{Run, Stop, has_reason};
use crate::fulfill::buyer;
use crate::reserve::canceled_directly;

/// That the ERP is asked, for all runs.
const ASKS: &str = "asks the ERP";
/// That the ERP has nothing of it, for all runs.
const AT_ONCE: &str = "cancels at once";

/// Gives an order up.
pub(crate) async fn cancel_order(run: Run, ask: gateway::CancelOrderRequest) -> Result<DealProgress, Stop> {
    let order = run.read("order", GetOrderRequest { name: ask.order.clone() }).await?;
    let cancel = |etag: &str| CancelOrderRequest {
        name: ask.order.clone(),
        etag: etag.to_owned(),
        reason: ask.reason.clone(),
        ..CancelOrderRequest::default()
    };
    // What was begun goes on the same way: by then the order may accept what it refused, or be canceled.
    if !run.has_noted(ASKS) && !run.has_noted(AT_ONCE) {
        match run.step("cancel", cancel(&ask.etag)).await {
            // It is for the ERP to say.
            Err(Stop::Refused(refused)) if has_reason(&refused.status, ErrorReason::PermissionDenied) => {}
            canceled => {
                canceled_directly(&run, &canceled?).await?;
                return Ok(run.progress());
            }
        }
        let nothing = may_be_asked(&run, &order).await?;
        run.tell(&order);
        if run.only_checks() {
            // The ERP is asked only in earnest.
            return Ok(run.progress());
        }
        run.note(if nothing { AT_ONCE } else { ASKS }).await?;
    }
    if run.has_noted(AT_ONCE) {
        take_back(&run, &order).await?;
        let canceled = run.step("cancel at once", cancel("")).await?;
        canceled_directly(&run, &canceled).await?;
        return Ok(run.progress());
    }
    let buyer = buyer(&run, &order.account).await?;
    let (entity, today) = (&run.settings().legal_entity, run.today());
    let document = documents::of_cancellation(&order, buyer.as_ref(), entity, today, &ask.reason);
    Wish::Cancellation.ask(&run, &order, &ask.reason, document).await?;
    Ok(run.progress())
}

/// Refuses what the ERP cannot be asked now; answers whether it has nothing of the order.
async fn may_be_asked(run: &Run, order: &Order) -> Result<bool, Stop> {
    if is_billed(order) {
        let message = format!("{} {} has invoices that are not credited; credit them first", order.name, order.number);
        return run.refuse("look at the bills", Refusal::guard(message, &[(&order.name, "has invoices")]));
    }
    if is_delivered(order) {
        let message = format!(
            "{} {} is delivered in part, and what is canceled is never billed; bill it, or ChangeOrder to what is \
             delivered{}",
            order.name,
            order.number,
            if order.state() == order::State::OnHold { ", once ReleaseOrder lets it go on" } else { "" }
        );
        return run.refuse("look at the deliveries", Refusal::guard(message, &[(&order.name, "is delivered in part")]));
    }
    let standing = run.standing(&order.number).await?;
    refuse_pending(run, order, &standing)?;
    if Wish::Change.holds(order) || Wish::Cancellation.holds(order) {
        refuse_on_hold(run, order)?;
    }
    has_nothing(run, order, &standing).await
}

fn is_billed(order: &Order) -> bool {
    order.line_progress.iter().any(|line| is_some(line.billed.as_ref()))
}

fn is_delivered(order: &Order) -> bool {
    order.line_progress.iter().any(|line| is_some(line.fulfilled.as_ref()))
}

fn is_some(quantity: Option<&type_::Decimal>) -> bool {
    quantity.and_then(|it| convert::decimal_from(it).ok()).is_some_and(|it| !it.is_zero())
}
