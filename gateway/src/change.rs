//! Ordering otherwise: at once where the ERP does not have the order, else by a change that the ERP agrees to (R-ORD-1).
//!
//! Whether the order can be so is asked first, by its own rules: what is delivered or billed stays. The answer is the
//! order as it would be, complete and added up; that goes to the ERP as a document of its own, and is what our order
//! becomes when the ERP takes it (`erp_news/`).

use dealflow_chassis::Refusal;
use dealflow_proto::gateway::v1::{ChangeOrderRequest, DealProgress};
use dealflow_proto::orders::v1::{GetOrderRequest, Order, UpdateOrderRequest, order};

use crate::asking::{Wish, has_nothing, refuse_on_hold, refuse_pending, take_back};
use crate::documents;
use crate::flow::{Run, Stop};
use crate::fulfill::buyer;

/// Changes an order.
pub(crate) async fn change_order(run: Run, ask: ChangeOrderRequest) -> Result<DealProgress, Stop> {
    let order = run.read("order", GetOrderRequest { name: ask.order.clone() }).await?;
    if !ask.etag.is_empty() && ask.etag != order.etag {
        return run.refuse("order", Refusal::stale(&order.name, &ask.etag, &order.etag));
    }
    let update = update(&ask, &order);
    match order.state() {
        order::State::Submitted | order::State::InFulfillment | order::State::OnHold => {}
        order::State::Fulfilled => {
            let message = format!("{} {} is FULFILLED: what else is wanted is another order", order.name, order.number);
            return run.refuse("order", Refusal::guard(message, &[(&order.name, "is delivered")]));
        }
        // Its own service says what it accepts.
        _ => {
            run.step("update", update).await?;
            return Ok(run.progress());
        }
    }
    let standing = run.standing(&order.number).await?;
    refuse_pending(&run, &order, &standing)?;
    refuse_on_hold(&run, &order)?;
    let wanted = run.foresee("may change", update.clone()).await?;
    if is_the_same(&order, &wanted) {
        let refusal =
            Refusal::field("update_mask", "a field that is to be other than it is: nothing of the order changes");
        return run.refuse("may change", refusal);
    }
    let nothing = has_nothing(&run, &order, &standing).await?;
    if run.only_checks() {
        // The ERP is asked only in earnest.
        run.tell(&wanted);
        return Ok(run.progress());
    }
    if nothing {
        // Nobody but us has it; one that is delivered in part stays so.
        let etag = match order.state() {
            order::State::Submitted => take_back(&run, &order).await?.etag,
            _ => order.etag,
        };
        run.step("update", UpdateOrderRequest { etag, ..update }).await?;
        return Ok(run.progress());
    }
    let buyer = buyer(&run, &order.account).await?;
    let (entity, today) = (&run.settings().legal_entity, run.today());
    let document = documents::of_change(&wanted, standing.next_change, (buyer.as_ref(), entity), today, &ask.reason);
    Wish::Change.ask(&run, &order, &ask.reason, document).await?;
    Ok(run.progress())
}

/// What the order's own service is asked for, in the version that the flow has read.
fn update(ask: &ChangeOrderRequest, order: &Order) -> UpdateOrderRequest {
    let ask = ask.clone();
    let changed = Order {
        name: order.name.clone(),
        lines: ask.lines,
        discount_percent: ask.discount_percent,
        allowances: ask.allowances,
        charges: ask.charges,
        customer_reference: ask.customer_reference,
        price_list: ask.price_list,
        payment_days: ask.payment_days,
        payment_terms: ask.payment_terms,
        terms: ask.terms,
        ..Order::default()
    };
    let etag = order.etag.clone();
    let (update_mask, reason) = (ask.update_mask, ask.reason);
    UpdateOrderRequest { order: Some(changed), etag, update_mask, reason, ..UpdateOrderRequest::default() }
}

/// Whether the ERP would be asked for what it has.
fn is_the_same(order: &Order, wanted: &Order) -> bool {
    let said = |order: &Order| {
        let Order { lines, discount_percent, allowances, charges, customer_reference, .. } = order.clone();
        (lines, discount_percent, allowances, charges, customer_reference)
    };
    said(order) == said(wanted)
}
