//! What the ERP is asked about an order that it has: to change it, or to cancel it (R-ORD-1).
//!
//! Until the ERP has answered, the order is on hold: nobody delivers or bills by lines that are to be others, or what is to
//! be canceled, and what the ERP delivers meanwhile is recorded when the order goes on. So an order is asked about one
//! thing at a time, and what holds it says what that is. When the ERP agrees, our record follows (`erp_news/`). Where it
//! refuses, or an operator gives the wish up, its reasons stand at the hand-over, and the order goes on from where it was.

use dealflow_chassis::Refusal;
use dealflow_proto::erp::v1::{Document, DocumentType, GetDocumentStatusRequest, Handoff, Outcome};
use dealflow_proto::orders::v1::{
    GetOrderRequest, HoldOrderRequest, Order, RejectOrderRequest, ReleaseOrderRequest, order,
};
use tonic::Code;

use crate::documents::{ids_of_order, order_id};
use crate::flow::{Run, Stop};
use crate::handoff::Standing;

/// What `HoldOrder` takes of a reason.
const LONGEST_REASON: usize = 1000;
/// Why an order is CONFIRMED again whose hand-over was given up.
const GIVEN_UP: &str = "the ERP does not have it: its hand-over was given up";
/// Why one is that the ERP refused, before it was told so.
const REFUSED: &str = "the ERP does not have it: it refused the order";
/// That the ERP was asked and has nothing of an order, for all runs.
const NOT_THERE: &str = "the ERP does not have it";

/// What the ERP is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Other lines.
    Change,
    /// To forget it.
    Cancellation,
}

impl Wish {
    /// Why the order is on hold meanwhile.
    fn asked(self) -> &'static str {
        match self {
            Self::Change => "the ERP is asked to change it",
            Self::Cancellation => "the ERP is asked to cancel it",
        }
    }

    /// Whether an order is on hold for it.
    pub(crate) fn holds(self, order: &Order) -> bool {
        order.state() == order::State::OnHold && order.hold_reason.starts_with(self.asked())
    }

    /// Holds the order, in the version that it was read in, and leaves the wish for the ERP.
    pub(crate) async fn ask(self, run: &Run, order: &Order, why: &str, document: Document) -> Result<(), Stop> {
        if order.state() == order::State::OnHold {
            // For other reasons, and so it stays.
            return run.hand_over(document, &order.name, &order.opportunity).await;
        }
        let reason: String = format!("{}: {why}", self.asked()).chars().take(LONGEST_REASON).collect();
        let (name, etag) = (order.name.clone(), order.etag.clone());
        let hold = HoldOrderRequest { name: name.clone(), etag, reason, ..HoldOrderRequest::default() };
        match run.step("hold", hold).await {
            // Somebody was faster: what he asks for is named, where it is that.
            Err(Stop::Refused(refused)) => {
                let now = run.look("order now", GetOrderRequest { name }).await?;
                refuse_on_hold(run, &now)?;
                return Err(Stop::Refused(refused));
            }
            held => held?,
        };
        let go_on = ReleaseOrderRequest { name: order.name.clone(), ..ReleaseOrderRequest::default() };
        run.or_undo("asked", ("go on", go_on), run.hand_over(document, &order.name, &order.opportunity)).await
    }
}

/// Refuses where an order is on hold, and says why it is: for the ERP's answer, or for somebody's reasons.
pub(crate) fn refuse_on_hold(run: &Run, order: &Order) -> Result<(), Stop> {
    if order.state() != order::State::OnHold {
        return Ok(());
    }
    let (name, number, why) = (&order.name, &order.number, &order.hold_reason);
    if Wish::Change.holds(order) || Wish::Cancellation.holds(order) {
        let message = format!("{name} {number}: {why}; wait for its answer, or AbandonHandoff gives the wish up");
        return run.refuse("look at the hold", Refusal::guard(message, &[(name, "the ERP is asked about it")]));
    }
    let message = format!("{name} {number} is ON_HOLD: {why}; ReleaseOrder lets it go on");
    run.refuse("look at the hold", Refusal::guard(message, &[(name, "is on hold")]))
}

/// Refuses where the ERP is asked about an order already, whether or not it is on hold for it.
pub(crate) fn refuse_pending(run: &Run, order: &Order, standing: &Standing) -> Result<(), Stop> {
    if standing.pending.is_empty() {
        return Ok(());
    }
    let (name, number, pending, is) = (&order.name, &order.number, &standing.pending, &standing.pending_is);
    let wish = if standing.pending_cancels { Wish::Cancellation } else { Wish::Change };
    let asked = wish.asked();
    let message =
        format!("{name} {number}: {asked}, by {pending} ({is}); wait for its answer, or AbandonHandoff gives that up");
    let refusal = Refusal::guard(message, &[(name, asked)]).with("handoff", pending.as_str());
    run.refuse("look at the hand-overs", refusal)
}

/// Whether the ERP has nothing of an order: it refused it, or the hand-over was given up; it is asked where it may have it.
pub(crate) async fn has_nothing(run: &Run, order: &Order, standing: &Standing) -> Result<bool, Stop> {
    if standing.refused {
        return Ok(true);
    }
    if !standing.given_up || !standing.unsure || run.has_noted(NOT_THERE) {
        return Ok(standing.given_up);
    }
    let there =
        match run.read("order in the ERP", GetDocumentStatusRequest { external_id: order_id(&order.number) }).await {
            Ok(found) => found.outcome() != Outcome::Rejected,
            Err(Stop::Refused(refused)) if refused.status.code() == Code::NotFound => false,
            Err(stop) => return Err(stop),
        };
    if !there {
        run.note(NOT_THERE).await?;
    }
    Ok(!there)
}

/// Takes an order back of which the ERP has nothing: SUBMITTED → CONFIRMED. One that it refused may be CONFIRMED by that
/// already.
pub(crate) async fn take_back(run: &Run, order: &Order) -> Result<Order, Stop> {
    let name = order.name.clone();
    let refused = run.standing(&order.number).await?.refused;
    if order.state() == order::State::OnHold {
        // Whoever held it held what the ERP was to have.
        run.settle("release", ReleaseOrderRequest { name: name.clone(), ..ReleaseOrderRequest::default() }).await?;
    }
    let reason = if refused { REFUSED } else { GIVEN_UP }.to_owned();
    let take_back = RejectOrderRequest { name: name.clone(), reason, ..RejectOrderRequest::default() };
    if !refused {
        return run.step("take back", take_back).await;
    }
    let taken_back = run.settle("take back", take_back).await?;
    // What waited for the order to go on is told that it did.
    run.tell_again(&ids_of_order(&order.number)).await?;
    match taken_back {
        Some(order) => Ok(order),
        None => run.read("order taken back", GetOrderRequest { name }).await,
    }
}

/// The ERP does not do what it was asked for, or is not asked any more: the order goes on, and hears what the ERP did
/// meanwhile. Of an order that it refuses it is asked nothing any more.
pub(crate) async fn ended(run: &Run, handoff: &Handoff) -> Result<(), Stop> {
    let wish = match handoff.r#type() {
        DocumentType::OrderChange => Wish::Change,
        DocumentType::OrderCancellation => Wish::Cancellation,
        DocumentType::Order => return run.give_up_wishes(&handoff.external_id).await,
        _ => return Ok(()),
    };
    let order = run.read("order on hold", GetOrderRequest { name: handoff.document.clone() }).await?;
    if !wish.holds(&order) {
        return Ok(());
    }
    run.settle("release", ReleaseOrderRequest { name: order.name, ..ReleaseOrderRequest::default() }).await?;
    run.tell_again(&ids_of_order(&order.number)).await
}
