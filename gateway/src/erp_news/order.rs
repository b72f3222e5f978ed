//! What the ERP's doings mean for an order: what it delivered is recorded, a change or a cancellation that it agreed to is
//! made here too, and where it does less than is ordered, or takes back what it did, somebody is told (R-ORD-1).

use dealflow_proto::convert;
use dealflow_proto::erp::v1::{BusinessStatus, LineStatus};
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::google::type_;
use dealflow_proto::orders::v1::{
    CancelOrderRequest, FulfillOrderRequest, GetOrderRequest, LineQuantity, Order, ReleaseOrderRequest,
    UpdateOrderRequest, order,
};
use prost_types::FieldMask;
use rust_decimal::Decimal;
use tonic::Status;

use super::Clerk;
use crate::asking::Wish;
use crate::flow::has_reason;
use crate::handoff::Followed;
use crate::rejections::reject;

/// What a change says of an order.
const CHANGED: [&str; 5] = ["lines", "discount_percent", "allowances", "charges", "customer_reference"];
/// What `UpdateOrder` takes of a reason.
const LONGEST_REASON: usize = 4000;

impl Clerk {
    pub(super) async fn order(&self) -> Result<Followed, Status> {
        let delivered = self.quantities().await?;
        if matches!(delivered, Followed::Waits(_)) {
            return Ok(delivered);
        }
        let ended = match self.news.status {
            BusinessStatus::Cancelled => self.cancel("the ERP canceled it").await?,
            BusinessStatus::Rejected => {
                let id = self.id(&format!("reject {}", self.news.sequence));
                reject(&self.to, &self.context(), id, &self.news.record, "the ERP refused it after all").await?
            }
            BusinessStatus::UnderQuery => self.turned(),
            _ => Followed::Yes,
        };
        Ok(delivered.and(ended))
    }

    /// What the ERP delivered more than is recorded is recorded. What it takes back of that, and what it does not agree to
    /// deliver, somebody must look at.
    async fn quantities(&self) -> Result<Followed, Status> {
        if self.news.lines.is_empty() {
            return Ok(Followed::Yes);
        }
        let order = self.ask(GetOrderRequest { name: self.news.record.clone() }).await?;
        let delivered = self.deliver(&order).await?;
        if matches!(delivered, Followed::Waits(_)) {
            return Ok(delivered);
        }
        let (name, number) = (&order.name, &order.number);
        let back = taken_back(&order, &self.news.taken_back);
        let back = if back.is_empty() {
            Followed::Yes
        } else {
            Followed::Cannot(format!(
                "the ERP takes back what it delivered of {name} {number}: {}; what is delivered stays so here: have the ERP \
                 deliver it again, or credit what is billed of it",
                back.join(" and ")
            ))
        };
        let ended = matches!(self.news.status, BusinessStatus::Cancelled | BusinessStatus::Rejected);
        let short = if ended { Vec::new() } else { short(&order, &self.news.lines) };
        let short = if short.is_empty() {
            Followed::Yes
        } else {
            Followed::Cannot(format!(
                "the ERP confirms {} of {name} {number}; ChangeOrder to what it delivers, or have it confirm the rest",
                short.join(" and ")
            ))
        };
        Ok(delivered.and(back).and(short))
    }

    /// What the ERP delivered more than is recorded is recorded, as far as it is ordered.
    async fn deliver(&self, order: &Order) -> Result<Followed, Status> {
        let delivered = self.news.lines.iter().filter_map(|line| {
            let quantity = convert::decimal_from(line.delivered_quantity.as_ref()?).ok()?;
            Some((line.line_id.as_str(), quantity))
        });
        let delivered: Vec<(&str, Decimal)> = delivered.filter(|(_, quantity)| !quantity.is_zero()).collect();
        if delivered.is_empty() {
            return Ok(Followed::Yes);
        }
        let (lines, beyond) = open(order, &delivered);
        let (name, number) = (&order.name, &order.number);
        // What is beyond the order now may be within it when it goes on: the ERP may have agreed to a change.
        if order.state() == order::State::OnHold && !(lines.is_empty() && beyond.is_empty()) {
            return Ok(Followed::Waits(format!(
                "the ERP delivered of {name} {number}, which is ON_HOLD; it is recorded when ReleaseOrder lets it go on"
            )));
        }
        let beyond = if beyond.is_empty() {
            Followed::Yes
        } else {
            Followed::Cannot(format!(
                "the ERP delivered {} of {name} {number}; no more than is ordered is recorded: take it back there, or \
                 order the rest anew",
                beyond.join(" and ")
            ))
        };
        if lines.is_empty() {
            return Ok(beyond);
        }
        match order.state() {
            order::State::Submitted | order::State::InFulfillment => {}
            state => {
                let state = state.as_str_name().trim_start_matches("STATE_");
                return Ok(Followed::Cannot(format!("the ERP delivered of {name} {number}, which is {state} here")));
            }
        }
        // The version that the difference was taken from: whoever was faster is looked at again.
        let ask = FulfillOrderRequest { name: name.clone(), etag: order.etag.clone(), lines, ..Default::default() };
        let recorded = self.settle(&format!("fulfill {}", order.etag), ask).await?;
        let refused = |status: Status| Followed::Cannot(format!("what the ERP delivered: {}", status.message()));
        Ok(recorded.map_or(Followed::Yes, refused).and(beyond))
    }

    /// The order becomes what the ERP agreed to, and goes on. That it does is followed as if somebody had released it: what
    /// the ERP did meanwhile is recorded then.
    pub(super) async fn change(&self) -> Result<Followed, Status> {
        let Some(document) = self.news.change.clone() else { return Ok(Followed::Yes) };
        let (name, external_id) = (self.news.record.clone(), &self.news.external_id);
        let wanted = Order {
            name: name.clone(),
            lines: document.lines,
            discount_percent: document.discount_percent,
            allowances: document.allowances,
            charges: document.charges,
            customer_reference: document.customer_reference,
            ..Order::default()
        };
        let update_mask = Some(FieldMask { paths: CHANGED.map(str::to_owned).to_vec() });
        let reason = format!("the ERP agreed to {external_id}: {}", document.reason);
        let reason = reason.chars().take(LONGEST_REASON).collect();
        let ask = UpdateOrderRequest { order: Some(wanted), update_mask, reason, ..UpdateOrderRequest::default() };
        let mut refused = self.settle(&format!("change to {external_id}"), ask.clone()).await?;
        let no_list = |status: &Status| {
            [ErrorReason::NoPriceList, ErrorReason::Precision].iter().any(|reason| has_reason(status, *reason))
        };
        if refused.as_ref().is_some_and(no_list) {
            // The lines have the prices that were agreed: a list that holds no more has no say about them.
            let paths = CHANGED.iter().chain(&["price_list"]).map(|field| (*field).to_owned()).collect();
            let ask = UpdateOrderRequest { update_mask: Some(FieldMask { paths }), ..ask };
            refused = self.settle(&format!("change to {external_id} without its price list"), ask).await?;
        }
        let order = self.ask(GetOrderRequest { name: name.clone() }).await?;
        if Wish::Change.holds(&order) {
            let id = self.id(&format!("go on after {external_id}")).to_string();
            let ask = ReleaseOrderRequest { name, request_id: id, ..ReleaseOrderRequest::default() };
            self.ask_as(&self.anybody(), ask).await?;
        }
        Ok(match refused {
            // It was canceled with what it was changed to.
            Some(_) if order.state() == order::State::Canceled => Followed::Yes,
            Some(refused) => Followed::Cannot(format!(
                "the ERP agreed to {external_id}, and {} {} cannot be changed to it here: {}",
                order.name,
                order.number,
                refused.message()
            )),
            None => Followed::Yes,
        })
    }

    /// The order is canceled, as if somebody had done it: its deal is freed by the feed (R-OPP-2). Not while it is on hold
    /// with something delivered that is not billed: what is canceled is never billed.
    pub(super) async fn cancel(&self, reason: &str) -> Result<Followed, Status> {
        let name = self.news.record.clone();
        let order = self.ask(GetOrderRequest { name: name.clone() }).await?;
        if order.state() == order::State::OnHold && is_to_be_billed(&order) {
            let (name, number) = (&order.name, &order.number);
            let why = format!(
                "{reason}: {name} {number}, which is ON_HOLD here with what was delivered of it; ReleaseOrder lets it go \
                 on, then bill that"
            );
            // What the ERP was asked to change is answered by itself.
            let waits = Wish::Change.holds(&order);
            return Ok(if waits { Followed::Waits(why) } else { Followed::Cannot(why) });
        }
        let ask = CancelOrderRequest { name, reason: reason.to_owned(), ..CancelOrderRequest::default() };
        let refused = self.settle_as(&self.anybody(), "cancel", ask).await?;
        let Some(refused) = refused else { return Ok(Followed::Yes) };
        let order = self.ask(GetOrderRequest { name: self.news.record.clone() }).await?;
        let why = match order.state() {
            order::State::Canceled => return Ok(Followed::Yes),
            order::State::InFulfillment => "bill what was delivered: the ERP delivers no more of it".to_owned(),
            order::State::Fulfilled | order::State::Closed => {
                "credit what is billed of it, or agree with the ERP that it is ordered anew".to_owned()
            }
            _ => refused.message().to_owned(),
        };
        let state = order.state().as_str_name().trim_start_matches("STATE_");
        let (name, number) = (&order.name, &order.number);
        Ok(Followed::Cannot(format!("{reason}: {name} {number}, which is {state} here; {why}")))
    }
}

/// What of the delivered is not recorded yet, as far as it is ordered; and what is beyond that, in words.
fn open(order: &Order, delivered: &[(&str, Decimal)]) -> (Vec<LineQuantity>, Vec<String>) {
    let (mut lines, mut beyond) = (Vec::new(), Vec::new());
    for (line_id, quantity) in delivered {
        let Some(Known { ordered, fulfilled, .. }) = known(order, line_id) else {
            beyond.push(format!("{quantity} of line {line_id}, which is not ordered,"));
            continue;
        };
        let within = (*quantity).clamp(ordered.min(Decimal::ZERO), ordered.max(Decimal::ZERO));
        if within != *quantity {
            beyond.push(format!("{quantity} of line {line_id}, where {ordered} are ordered,"));
        }
        let more = within - fulfilled;
        if !more.is_zero() && more.is_sign_negative() == ordered.is_sign_negative() {
            lines.push(LineQuantity { line_id: (*line_id).to_owned(), quantity: Some(convert::decimal(more)) });
        }
    }
    (lines, beyond)
}

/// What is recorded as delivered and the ERP delivered no more, in words. Only of lines of which it said before that it
/// delivered more: what others recorded it may still deliver.
fn taken_back(order: &Order, lines: &[LineStatus]) -> Vec<String> {
    let back = lines.iter().filter_map(|line| {
        let (now, fulfilled) = (quantity(line.delivered_quantity.as_ref()), known(order, &line.line_id)?.fulfilled);
        let less = now.abs() < fulfilled.abs();
        less.then(|| format!("{now} of line {} are delivered, and {fulfilled} are recorded", line.line_id))
    });
    back.collect()
}

/// What the ERP does not agree to deliver, and has not delivered all the same, in words.
fn short(order: &Order, lines: &[LineStatus]) -> Vec<String> {
    let short = lines.iter().filter_map(|line| {
        let confirmed = quantity(Some(line.confirmed_quantity.as_ref()?));
        let ordered = known(order, &line.line_id)?.ordered;
        let promised = confirmed.abs().max(quantity(line.delivered_quantity.as_ref()).abs());
        let less = promised < ordered.abs();
        less.then(|| format!("{confirmed} of line {}, where {ordered} are ordered,", line.line_id))
    });
    short.collect()
}

/// Whether something is delivered that is not billed.
fn is_to_be_billed(order: &Order) -> bool {
    let mut lines = order.line_progress.iter().filter_map(|line| known(order, &line.line_id));
    lines.any(|line| line.fulfilled.abs() > line.billed.abs())
}

/// How far a line of an order is.
struct Known {
    ordered: Decimal,
    fulfilled: Decimal,
    billed: Decimal,
}

fn known(order: &Order, line_id: &str) -> Option<Known> {
    let line = order.line_progress.iter().find(|line| line.line_id == line_id)?;
    let read = |it: &Option<_>| convert::decimal_from(it.as_ref()?).ok();
    let billed = quantity(line.billed.as_ref());
    Some(Known { ordered: read(&line.ordered)?, fulfilled: read(&line.fulfilled)?, billed })
}

/// A quantity that is nothing where it is not said.
fn quantity(said: Option<&type_::Decimal>) -> Decimal {
    said.and_then(|it| convert::decimal_from(it).ok()).unwrap_or_default()
}
