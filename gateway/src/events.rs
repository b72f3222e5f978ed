//! Which events begin a flow, and what follows from each: the same as from the gateway's own verbs.

use dealflow_chassis::Refusal;
use dealflow_proto::feed::v1::Event;
use dealflow_proto::gateway::v1::DealProgress;
use dealflow_proto::leads::v1::GetLeadRequest;
use dealflow_proto::opportunities::v1::{GetOpportunityRequest, opportunity};
use dealflow_proto::orders::v1::{GetInvoiceRequest, Order, Payment, Quote};
use futures::future::BoxFuture;
use prost::Message;

use crate::accepted::accepted_directly;
use crate::advance::{completed_directly, followed};
use crate::asking;
use crate::documents::{ids_of, ids_of_order};
use crate::flow::{Run, Stop};
use crate::fulfill::{
    hand_over_credit_note, hand_over_invoice, hand_over_order, take_over_credit_note, take_over_invoice,
};
use crate::gates;
use crate::notify::pause_reminders;
use crate::owner_task;
use crate::qualify::qualified;
use crate::reserve::{canceled_directly, made_directly};

/// The verb of a flow that an event began.
pub(crate) const FOLLOW_EVENT: &str = "FollowEvent";

/// Of `leads`: the process starts (R-LED-3).
pub(crate) const OF_LEADS: &[&str] = &["lead.qualified"];
/// Of `opportunities`: activities are made and canceled, reminders rest and go on; a win and a loss have their
/// consequences.
pub(crate) const OF_OPPORTUNITIES: &[&str] = &[
    "opportunity.created",
    "opportunity.process_started",
    "opportunity.process_canceled",
    "opportunity.process_resumed",
    "opportunity.process_migrated",
    "opportunity.stage_changed",
    "opportunity.result_recorded",
    "opportunity.held",
    "opportunity.resumed",
    "opportunity.reassigned",
    "opportunity.won",
    "opportunity.lost",
];
/// Of `activities`: the result does what it asks for (R-STG-5).
pub(crate) const OF_ACTIVITIES: &[&str] = &["activity.completed"];
/// Of `orders`: what was taken, submitted or posted goes its way to the ERP; the deal is reserved for its order, or won
/// with it; an order that goes on hears what the ERP did meanwhile; what the ERP invoiced is known by its name there;
/// what somebody says was paid is looked at beside what the ERP says; gates hear of quotes.
pub(crate) const OF_ORDERS: &[&str] = &[
    "quote.activated",
    "quote.presented",
    "quote.accepted",
    "quote.revised",
    "quote.closed",
    "quote.expired",
    "order.created",
    "order.canceled",
    "order.released",
    "order.submitted",
    "invoice.posted",
    "invoice.imported",
    "credit_note.posted",
    "credit_note.imported",
    "payment.recorded",
    "payment.allocated",
    "payment.reversed",
];
/// Of our own: an invoice that the ERP accepted may complete a process; what it refused, and what our record cannot follow,
/// is a task for somebody; an order whose change or cancellation came to nothing goes on.
pub(crate) const OF_HANDOFFS: &[&str] =
    &["handoff.delivered", "handoff.rejected", "handoff.diverged", "handoff.abandoned"];

/// Does what follows from an event. The record is read as it stands: it may have moved on since.
pub(crate) async fn follow_event(run: Run, event: Event) -> Result<DealProgress, Stop> {
    let (run, it) = (&run, &event);
    let wait = match event.r#type.as_str() {
        "lead.qualified" => apart(|| async {
            let lead = run.read("lead", GetLeadRequest { name: it.subject.clone() }).await?;
            qualified(run, &lead).await
        }),
        "opportunity.held" | "opportunity.resumed" => {
            apart(|| async { pause_reminders(run, &record(it)?, it.r#type == "opportunity.held").await })
        }
        "activity.completed" => apart(|| async { completed_directly(run, &record(it)?).await }),
        "quote.accepted" => apart(|| async {
            let quote: Quote = record(it)?;
            gates::quote_changed(run, &quote).await?;
            let order = Order {
                name: quote.order.clone(),
                opportunity: quote.opportunity.clone(),
                totals: quote.totals.clone(),
                ..Order::default()
            };
            if made_directly(run, &order).await? {
                accepted_directly(run, &quote).await?;
            }
            Ok(())
        }),
        "quote.activated" | "quote.presented" | "quote.revised" | "quote.closed" | "quote.expired" => {
            apart(|| async { gates::quote_changed(run, &record(it)?).await })
        }
        "order.created" => apart(|| async {
            let order: Order = record(it)?;
            // One that a quote became is followed with its quote.
            if order.quote.is_empty() {
                made_directly(run, &order).await?;
            }
            Ok(())
        }),
        "order.canceled" => apart(|| async { canceled_directly(run, &record(it)?).await }),
        "order.released" => apart(|| async {
            let order: Order = record(it)?;
            run.tell_again(&ids_of_order(&order.number)).await
        }),
        "order.submitted" => apart(|| async {
            let order = record(it)?;
            if made_directly(run, &order).await? {
                hand_over_order(run, &order).await?;
            }
            Ok(())
        }),
        "handoff.delivered" => apart(|| async { gates::invoice_accepted(run, &record(it)?).await }),
        "handoff.rejected" => apart(|| async {
            let handoff = record(it)?;
            asking::ended(run, &handoff).await?;
            owner_task::refused(run, &handoff).await
        }),
        "handoff.abandoned" => apart(|| async { asking::ended(run, &record(it)?).await }),
        "handoff.diverged" => apart(|| async { owner_task::diverged(run, &record(it)?).await }),
        "invoice.posted" => apart(|| async { hand_over_invoice(run, &record(it)?).await }),
        "invoice.imported" => apart(|| async { take_over_invoice(run, &record(it)?).await }),
        "credit_note.imported" => apart(|| async { take_over_credit_note(run, &record(it)?).await }),
        "payment.recorded" | "payment.allocated" | "payment.reversed" => apart(|| async {
            let payment: Payment = record(it)?;
            paid(run, &payment, it.r#type != "payment.reversed").await
        }),
        "credit_note.posted" => apart(|| async { hand_over_credit_note(run, &record(it)?).await }),
        kind => apart(move || async move {
            let opportunity = run.read("opportunity", GetOpportunityRequest { name: it.subject.clone() }).await?;
            let closing = ["opportunity.won", "opportunity.lost"].contains(&kind);
            // What happened before a deal was closed has no consequences of its own any more: those of the closing are
            // another flow's, and would come twice.
            if closing || opportunity.state() == opportunity::State::Open {
                followed(run, &opportunity).await?;
            }
            Ok(())
        }),
    };
    wait.await?;
    Ok(run.progress())
}

/// Somebody recorded a payment, or took one back. What the ERP says of the invoices is looked at anew: it may be the same
/// payment. What somebody takes back, the ERP may not have heard of yet: that is told again only where the two differ.
async fn paid(run: &Run, payment: &Payment, more: bool) -> Result<(), Stop> {
    for it in &payment.allocations {
        let invoice = run.read("invoice", GetInvoiceRequest { name: it.invoice.clone() }).await?;
        let ids = ids_of(&invoice);
        if more {
            run.tell_payments_again(&ids).await?;
        } else {
            run.tell_again(&ids).await?;
        }
    }
    Ok(())
}

/// What is waited for, in a place of its own. An unoptimised build keeps room on the stack for all that a function may wait
/// for, whichever it is: here that came to three quarters of a megabyte below every call of a flow.
#[inline(never)]
fn apart<'a, F>(make: impl FnOnce() -> F) -> BoxFuture<'a, F::Output>
where
    F: Future + Send + 'a,
{
    Box::pin(make())
}

/// The record as the event brings it.
fn record<M: Message + Default>(event: &Event) -> Result<M, Stop> {
    let data = event.data.as_ref().map(|data| data.value.as_slice()).unwrap_or_default();
    M::decode(data).map_err(|error| Stop::refuse("read the event", Refusal::internal(error)))
}
