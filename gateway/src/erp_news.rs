//! What the ERP's doings mean for our records: deliveries fulfil the order, payments are recorded, a change or a
//! cancellation that the ERP agreed to changes or cancels it (R-ORD-1, R-INV-1).
//!
//! News are cumulative, and a record may have moved on by other hands: what is done here is the difference between what
//! the ERP says and what the record says. Told twice, there is no difference left. Where a rule of ours forbids the record
//! to follow, it follows as far as it can, and the hand-over keeps the rest (`handoff/followed.rs`).

use std::sync::Arc;

use dealflow_chassis::Context;
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{BusinessStatus, LineStatus};
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::orders::v1::{
    CancelOrderRequest, FulfillOrderRequest, GetInvoiceRequest, GetOrderRequest, LineQuantity, ListPaymentsRequest,
    Order, Payment, PaymentAllocation, RecordPaymentRequest, ReleaseOrderRequest, ReversePaymentRequest,
    UpdateOrderRequest, VoidInvoiceRequest, invoice, order, payment,
};
use futures::future::FutureExt;
use prost_types::FieldMask;
use rust_decimal::Decimal;
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::asking::Wish;
use crate::calls::{Ask, Neighbours, Verb};
use crate::flow::has_reason;
use crate::handoff::record::Kind;
use crate::handoff::{Followed, News, OnNews};
use crate::rejections::reject;

/// Who acts where the ERP does.
const ERP: &str = "erp";
/// What a change says of an order.
const CHANGED: [&str; 5] = ["lines", "discount_percent", "allowances", "charges", "customer_reference"];
/// What `UpdateOrder` takes of a reason.
const LONGEST_REASON: usize = 4000;

/// Brings the records of `orders` to where the ERP is.
pub(crate) fn bring_to_orders(to: Neighbours) -> OnNews {
    Arc::new(move |news| follow(to.clone(), news).boxed())
}

async fn follow(to: Neighbours, news: News) -> Result<Followed, Status> {
    let clerk = Clerk { to, news };
    match clerk.news.kind {
        Kind::Order => clerk.order().await,
        Kind::Invoice => clerk.invoice().await,
        Kind::OrderChange if clerk.news.delivered => clerk.change().await,
        Kind::OrderCancellation if clerk.news.delivered => clerk.cancel("the ERP agreed to cancel it").await,
        Kind::CreditNote => Ok(clerk.turned()),
        Kind::OrderCancellation | Kind::OrderChange => Ok(Followed::Yes),
    }
}

/// Who brings the records to where the ERP is.
struct Clerk {
    to: Neighbours,
    news: News,
}

impl Clerk {
    async fn order(&self) -> Result<Followed, Status> {
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
    async fn change(&self) -> Result<Followed, Status> {
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
    async fn cancel(&self, reason: &str) -> Result<Followed, Status> {
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

    async fn invoice(&self) -> Result<Followed, Status> {
        let paid = self.payments().await?;
        let turned = match self.news.status {
            // The ERP made it, and takes it back by itself (R-INV-2).
            BusinessStatus::Reversed if self.news.taken_over => return Ok(paid.and(self.void().await?)),
            _ => self.turned(),
        };
        Ok(paid.and(turned).and(self.credits().await?))
    }

    /// What the ERP takes back, refuses late or asks about, and our record cannot follow by itself.
    fn turned(&self) -> Followed {
        let News { external_id, record, .. } = &self.news;
        let (did, help) = match self.news.status {
            BusinessStatus::Reversed | BusinessStatus::Cancelled => {
                let help = match self.news.kind {
                    Kind::Invoice => "have the ERP book it again; CreateCreditNote takes back what is not to be paid",
                    _ => "have the ERP book it again",
                };
                (if self.news.status == BusinessStatus::Reversed { "reversed" } else { "canceled" }, help)
            }
            BusinessStatus::Rejected => ("refused", "mend what it names, and have the ERP book it"),
            BusinessStatus::UnderQuery => ("queries", "answer it there"),
            _ => return Followed::Yes,
        };
        Followed::Cannot(format!("the ERP {did} {external_id}, and {record} stands here: {help}"))
    }

    /// What the ERP booked out again is void.
    async fn void(&self) -> Result<Followed, Status> {
        let (name, reason) = (self.news.record.clone(), "the ERP reversed it".to_owned());
        let ask = VoidInvoiceRequest { name, reason, withdrawn: true, ..VoidInvoiceRequest::default() };
        let Some(refused) = self.settle("void", ask).await? else { return Ok(Followed::Yes) };
        let invoice = self.ask(GetInvoiceRequest { name: self.news.record.clone() }).await?;
        if invoice.state() == invoice::State::Void {
            return Ok(Followed::Yes);
        }
        Ok(Followed::Cannot(format!("the ERP reversed {} {}: {}", invoice.name, invoice.number, refused.message())))
    }

    /// What the ERP credited comes with its credit note: the amount alone says nothing of the lines.
    async fn credits(&self) -> Result<Followed, Status> {
        let credited = self.news.credited.as_ref().map(decimal).transpose()?.unwrap_or_default();
        if credited.is_zero() {
            return Ok(Followed::Yes);
        }
        let invoice = self.ask(GetInvoiceRequest { name: self.news.record.clone() }).await?;
        let known = invoice.credited.as_ref().map(decimal).transpose()?.unwrap_or_default();
        if credited <= known {
            return Ok(Followed::Yes);
        }
        let told = format!(
            "the ERP credited {credited} {} of {} {}, and {known} are known here",
            invoice.currency_code, invoice.name, invoice.number
        );
        Ok(if self.news.taken_over {
            Followed::Waits(format!("{told}; ImportCreditNote takes its credit note over"))
        } else {
            Followed::Cannot(format!(
                "{told}; have the ERP take that back: CreateCreditNote hands over what is credited"
            ))
        })
    }

    /// What the ERP was paid, less what is recorded of it, is recorded; what it gave back is reversed.
    async fn payments(&self) -> Result<Followed, Status> {
        let Some(total) = self.news.paid.as_ref() else { return Ok(Followed::Yes) };
        let total = decimal(total)?;
        let told = self.told().await?;
        let mut sum = Decimal::ZERO;
        for payment in told.iter().filter(|it| it.state() != payment::State::Reversed) {
            sum += amount(payment)?;
        }
        // The latest first: what was paid last is what was taken back. What the bank statement agreed with stays.
        let stays = |it: &&Payment| matches!(it.state(), payment::State::Reversed | payment::State::Reconciled);
        for payment in told.iter().rev().filter(|it| !stays(it)) {
            if sum <= total {
                break;
            }
            let (name, reason) = (payment.name.clone(), "the ERP took it back".to_owned());
            let ask = ReversePaymentRequest { name, reason, ..ReversePaymentRequest::default() };
            if let Some(refused) = self.settle(&payment.name, ask).await? {
                // Somebody else was at it: what is left is taken anew.
                return Err(Status::aborted(refused.message()));
            }
            sum -= amount(payment)?;
        }
        if sum == total {
            return Ok(Followed::Yes);
        }
        let invoice = self.ask(GetInvoiceRequest { name: self.news.record.clone() }).await?;
        let (name, number) = (&invoice.name, &invoice.number);
        if sum > total {
            return Ok(Followed::Cannot(format!(
                "the ERP says {total} {currency} of {name} {number} are paid, and {sum} are RECONCILED here, which is \
                 final; agree with the bank statement who is right",
                currency = invoice.currency_code
            )));
        }
        let paid = convert::money(total - sum, &invoice.currency_code).map_err(|error| internal(&error))?;
        let next = 1 + told.iter().filter_map(place).max().unwrap_or_default();
        let payment = Payment {
            source: ERP.to_owned(),
            external_reference: format!("{}#{next}", self.news.external_id),
            account: invoice.account,
            amount: Some(paid.clone()),
            allocations: vec![PaymentAllocation { invoice: name.clone(), amount: Some(paid) }],
            ..Payment::default()
        };
        let ask = RecordPaymentRequest { payment: Some(payment), ..Default::default() };
        let recorded = self.settle(&format!("pay {next}"), ask).await?;
        let refused = |status: Status| Followed::Cannot(format!("what the ERP was paid: {}", status.message()));
        Ok(recorded.map_or(Followed::Yes, refused))
    }

    /// Payments of this invoice that came from the ERP, first to last, those that were reversed too.
    async fn told(&self) -> Result<Vec<Payment>, Status> {
        let filter = format!("source = \"{ERP}\" AND external_reference = \"{}#*\"", self.news.external_id);
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let order_by = "create_time".to_owned();
            let ask = ListPaymentsRequest { page_size: 1000, page_token, filter: filter.clone(), order_by };
            let page = self.ask(ask).await?;
            all.extend(page.payments);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }

    async fn ask<A: Ask>(&self, ask: A) -> Result<A::Answer, Status> {
        self.ask_as(&self.context(), ask).await
    }

    async fn ask_as<A: Ask>(&self, context: &Context, ask: A) -> Result<A::Answer, Status> {
        let mut request = Request::new(ask);
        context.carry(request.metadata_mut());
        Ok(A::send(&self.to, request).await?.into_inner())
    }

    /// Does something once, however often it is told; answers the refusal where a rule of ours is against what the ERP
    /// did, or the record's state does not accept it any more: nothing that trying again would change.
    async fn settle<V: Verb>(&self, step: &str, ask: V) -> Result<Option<Status>, Status> {
        self.settle_as(&self.context(), step, ask).await
    }

    async fn settle_as<V: Verb>(&self, who: &Context, step: &str, mut ask: V) -> Result<Option<Status>, Status> {
        ask.stamp(self.id(step).to_string(), false, None);
        match self.ask_as(who, ask).await {
            Err(status) if matches!(status.code(), Code::FailedPrecondition | Code::InvalidArgument) => {
                tracing::warn!(record = self.news.record, step, %status, "the record cannot follow the ERP");
                Ok(Some(status))
            }
            done => done.map(|_| None),
        }
    }

    /// The id of a request: the same however often it is made.
    fn id(&self, step: &str) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{} {step}", self.news.handoff).as_bytes())
    }

    /// The flow's id makes the events the hand-over's business: no other flow follows from them.
    fn context(&self) -> Context {
        let flow = Uuid::new_v5(&Uuid::NAMESPACE_URL, self.news.handoff.as_bytes());
        Context { flow: Some(flow), ..self.anybody() }
    }

    /// Without a flow, the events are as if somebody had done it: what follows from them does.
    fn anybody(&self) -> Context {
        Context { traceparent: self.news.traceparent.clone(), ..Context::internal(ERP) }
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
fn quantity(said: Option<&dealflow_proto::google::type_::Decimal>) -> Decimal {
    said.and_then(|it| convert::decimal_from(it).ok()).unwrap_or_default()
}

/// Which of the ERP's payments of its invoice it is. Not the event's sequence: that begins anew in an ERP that was restored
/// from a backup.
fn place(payment: &Payment) -> Option<i64> {
    payment.external_reference.rsplit_once('#').and_then(|(_, place)| place.parse().ok())
}

fn amount(payment: &Payment) -> Result<Decimal, Status> {
    Ok(payment.amount.as_ref().map(decimal).transpose()?.unwrap_or_default())
}

fn decimal(money: &dealflow_proto::google::type_::Money) -> Result<Decimal, Status> {
    convert::decimal_of(money).map_err(|error| internal(&error))
}

fn internal(error: &convert::ConvertError) -> Status {
    Status::internal(error.to_string())
}
