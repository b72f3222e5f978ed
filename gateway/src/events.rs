//! Which events begin a flow, and what follows from each: the same as from the gateway's own verbs.

use dealflow_chassis::Refusal;
use dealflow_proto::feed::v1::Event;
use dealflow_proto::gateway::v1::DealProgress;
use dealflow_proto::leads::v1::GetLeadRequest;
use dealflow_proto::opportunities::v1::{GetOpportunityRequest, opportunity};
use dealflow_proto::orders::v1::{Order, Quote};
use prost::Message;

use crate::accepted::accepted_directly;
use crate::advance::{completed_directly, followed};
use crate::asking;
use crate::documents::ids_of_order;
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
/// gates hear of quotes.
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
];
/// Of our own: an invoice that the ERP accepted may complete a process; what it refused, and what our record cannot follow,
/// is a task for somebody; an order whose change or cancellation came to nothing goes on.
pub(crate) const OF_HANDOFFS: &[&str] =
    &["handoff.delivered", "handoff.rejected", "handoff.diverged", "handoff.abandoned"];

/// Does what follows from an event. The record is read as it stands: it may have moved on since.
pub(crate) async fn follow_event(run: Run, event: Event) -> Result<DealProgress, Stop> {
    match event.r#type.as_str() {
        "lead.qualified" => {
            let lead = run.read("lead", GetLeadRequest { name: event.subject }).await?;
            qualified(&run, &lead).await?;
        }
        "opportunity.held" | "opportunity.resumed" => {
            pause_reminders(&run, &record(&event)?, event.r#type == "opportunity.held").await?;
        }
        "activity.completed" => completed_directly(&run, &record(&event)?).await?,
        "quote.accepted" => {
            let quote: Quote = record(&event)?;
            gates::quote_changed(&run, &quote).await?;
            let order = Order {
                name: quote.order.clone(),
                opportunity: quote.opportunity.clone(),
                totals: quote.totals.clone(),
                ..Order::default()
            };
            if made_directly(&run, &order).await? {
                accepted_directly(&run, &quote).await?;
            }
        }
        "quote.activated" | "quote.presented" | "quote.revised" | "quote.closed" | "quote.expired" => {
            gates::quote_changed(&run, &record(&event)?).await?;
        }
        "order.created" => {
            let order: Order = record(&event)?;
            // One that a quote became is followed with its quote.
            if order.quote.is_empty() {
                made_directly(&run, &order).await?;
            }
        }
        "order.canceled" => canceled_directly(&run, &record(&event)?).await?,
        "order.released" => {
            let order: Order = record(&event)?;
            run.tell_again(&ids_of_order(&order.number)).await?;
        }
        "order.submitted" => {
            let order = record(&event)?;
            if made_directly(&run, &order).await? {
                hand_over_order(&run, &order).await?;
            }
        }
        "handoff.delivered" => gates::invoice_accepted(&run, &record(&event)?).await?,
        "handoff.rejected" => {
            let handoff = record(&event)?;
            asking::ended(&run, &handoff).await?;
            owner_task::refused(&run, &handoff).await?;
        }
        "handoff.abandoned" => asking::ended(&run, &record(&event)?).await?,
        "handoff.diverged" => owner_task::diverged(&run, &record(&event)?).await?,
        "invoice.posted" => hand_over_invoice(&run, &record(&event)?).await?,
        "invoice.imported" => take_over_invoice(&run, &record(&event)?).await?,
        "credit_note.imported" => take_over_credit_note(&run, &record(&event)?).await?,
        "credit_note.posted" => hand_over_credit_note(&run, &record(&event)?).await?,
        kind => {
            let opportunity = run.read("opportunity", GetOpportunityRequest { name: event.subject }).await?;
            let closing = ["opportunity.won", "opportunity.lost"].contains(&kind);
            // What happened before a deal was closed has no consequences of its own any more: those of the closing are
            // another flow's, and would come twice.
            if closing || opportunity.state() == opportunity::State::Open {
                followed(&run, &opportunity).await?;
            }
        }
    }
    Ok(run.progress())
}

/// The record as the event brings it.
fn record<M: Message + Default>(event: &Event) -> Result<M, Stop> {
    let data = event.data.as_ref().map(|data| data.value.as_slice()).unwrap_or_default();
    M::decode(data).map_err(|error| Stop::refuse("read the event", Refusal::internal(error)))
}
