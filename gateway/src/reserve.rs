//! A deal that something is ordered of cannot be lost (R-OPP-2, R-OPP-5).
//!
//! Opportunities and orders know nothing of each other. So an open opportunity carries the name of its order from before
//! the order is made until it is canceled or the deal is won; losing asks for nothing else, by whatever route.
//!
//! - Our own verbs reserve first and make the order under the name that was reserved; if it is refused, the deal is freed
//!   in the same function.
//! - For an order that was made in its service directly the deal is reserved afterwards, by the feed. Where the deal was
//!   lost in between, the order is canceled; where that is too late, the flow is parked and says so.
//! - A canceled order frees its deal: in the flow that cancels it, else by the feed. Whoever meets the reservation earlier looks at the order and frees it.

use dealflow_chassis::Refusal;
use dealflow_proto::google::type_::Money;
use dealflow_proto::opportunities::v1::{
    GetOpportunityRequest, LoseOpportunityRequest, Opportunity, ReleaseOpportunityRequest, ReserveOpportunityRequest,
    opportunity,
};
use dealflow_proto::orders::v1::{CancelOrderRequest, GetOrderRequest, Order, order};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::calls::Verb;
use crate::flow::{Run, Stop};
use crate::progress::Tell;

/// Reserves an open deal for the order that is to be made; refused where the deal could not be won.
pub(crate) async fn reserve(run: &Run, etag: &str, again: ReserveOpportunityRequest) -> Result<Opportunity, Stop> {
    let first = ReserveOpportunityRequest { etag: etag.to_owned(), ..again.clone() };
    let deal = again.name.clone();
    unless_ordered(run, &deal, ("reserve", first), ("reserve again", again)).await
}

/// Loses a deal; refused while its order stands.
pub(crate) async fn lose(run: &Run, ask: LoseOpportunityRequest) -> Result<Opportunity, Stop> {
    let again = LoseOpportunityRequest { etag: String::new(), ..ask.clone() };
    let deal = ask.name.clone();
    unless_ordered(run, &deal, ("lose", ask), ("lose again", again)).await
}

/// What takes a reservation back.
pub(crate) fn release(deal: &str, order: &str) -> ReleaseOpportunityRequest {
    let (name, order) = (deal.to_owned(), order.to_owned());
    ReleaseOpportunityRequest { name, order, ..ReleaseOpportunityRequest::default() }
}

/// What reserves a deal for an order that is worth `value`.
pub(crate) fn reservation(deal: &str, order: &str, value: Option<Money>) -> ReserveOpportunityRequest {
    let (name, order) = (deal.to_owned(), order.to_owned());
    ReserveOpportunityRequest { name, order, value, ..ReserveOpportunityRequest::default() }
}

/// A step that a reservation refuses: is its order canceled by now, the deal is freed and the step done after all.
async fn unless_ordered<V>(
    run: &Run,
    deal: &str,
    (name, first): (&'static str, V),
    (again, second): (&'static str, V),
) -> Result<V::Answer, Stop>
where
    V: Verb,
    V::Answer: Tell,
{
    if !run.has_noted(again) {
        match run.step(name, first).await {
            Err(Stop::Refused(refused)) => {
                if !frees(run, deal, &refused.status).await? {
                    return Err(Stop::Refused(refused));
                }
                run.note(again).await?;
            }
            answer => return answer,
        }
    }
    run.step(again, second).await
}

/// Frees a deal whose reservation refused something, if the order is canceled: the feed would, a little later.
pub(crate) async fn frees(run: &Run, deal: &str, refused: &Status) -> Result<bool, Stop> {
    let info = refused.get_details_error_info();
    let Some(order) = info.and_then(|info| info.metadata.get("reserved_order").cloned()) else { return Ok(false) };
    if run.only_checks() {
        return Ok(false);
    }
    match run.look("reserved order", GetOrderRequest { name: order.clone() }).await {
        Ok(found) if found.state() == order::State::Canceled => {}
        // It stands, or is about to be made.
        Ok(_) | Err(Stop::Refused(_)) => return Ok(false),
        Err(other) => return Err(other),
    }
    run.anyway("free", release(deal, &order)).await?;
    Ok(true)
}

/// An order that somebody made in its service: the deal is reserved for it. False where the deal was lost meanwhile, and
/// the order was canceled for it.
pub(crate) async fn made_directly(run: &Run, made: &Order) -> Result<bool, Stop> {
    if made.opportunity.is_empty() {
        return Ok(true);
    }
    // A closed deal is not asked: that would be an attempt to change it, which the audit keeps (R-OPP-3).
    match run.read("deal", GetOpportunityRequest { name: made.opportunity.clone() }).await {
        // An order of no deal that we know is nobody's but its maker's.
        Err(Stop::Refused(refused)) if refused.status.code() == Code::NotFound => return Ok(true),
        deal => match deal?.state() {
            opportunity::State::Won => return Ok(true),
            opportunity::State::Lost => return canceled_for_loss(run, made).await,
            _ => {}
        },
    }
    let value = made.totals.as_ref().and_then(|totals| totals.total_without_vat.clone());
    match reserve(run, "", reservation(&made.opportunity, &made.name, value)).await {
        Ok(_) => return Ok(true),
        Err(Stop::Refused(refused)) if crate::flow::is_settled(&refused.status) => {}
        Err(other) => return Err(other),
    }
    canceled_for_loss(run, made).await
}

/// Cancels an order whose deal was lost before it was made; answers whether it stands.
async fn canceled_for_loss(run: &Run, made: &Order) -> Result<bool, Stop> {
    let deal = run.read("closed deal", GetOpportunityRequest { name: made.opportunity.clone() }).await?;
    if deal.state() != opportunity::State::Lost {
        return Ok(true);
    }
    let reason = format!("{} was lost before this was ordered", deal.name);
    let cancel = CancelOrderRequest { name: made.name.clone(), reason, ..CancelOrderRequest::default() };
    if run.settle("cancel order", cancel).await?.is_some() {
        // What a flow cancels the feed does not tell it of, so the flow frees the deal itself.
        canceled_directly(run, made).await?;
        return Ok(false);
    }
    let order = run.look("order", GetOrderRequest { name: made.name.clone() }).await?;
    if order.state() == order::State::Canceled {
        return Ok(false);
    }
    let message = format!(
        "{} is LOST and {} {} stands, past canceling here; agree with the ERP that it is canceled, then RetryFlow, or \
         AbandonFlow if it is to be delivered all the same",
        deal.name, order.name, order.number
    );
    run.refuse("cancel order", Refusal::guard(message, &[(&order.name, "is not canceled")]))
}

/// A canceled order frees its deal, whoever canceled it; one that is closed by now needs no freeing.
pub(crate) async fn canceled_directly(run: &Run, order: &Order) -> Result<(), Stop> {
    if order.opportunity.is_empty() {
        return Ok(());
    }
    let deal = match run.read("deal", GetOpportunityRequest { name: order.opportunity.clone() }).await {
        Err(Stop::Refused(refused)) if refused.status.code() == Code::NotFound => return Ok(()),
        deal => deal?,
    };
    // Nor is it an attempt to change what is closed, which the audit would keep (R-OPP-3).
    if deal.state() != opportunity::State::Open {
        return Ok(());
    }
    match run.settle("release", release(&order.opportunity, &order.name)).await {
        Err(Stop::Refused(refused)) if refused.status.code() == Code::NotFound => Ok(()),
        answer => answer.map(drop),
    }
}
