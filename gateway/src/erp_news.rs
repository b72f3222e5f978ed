//! What the ERP's doings mean for our records: deliveries fulfil the order, payments are recorded, a cancellation that
//! the ERP agreed to cancels (R-ORD-1, R-INV-1).
//!
//! News are cumulative, and a record may have moved on by other hands: what is done here is the difference between what
//! the ERP says and what the record says. Told twice, there is no difference left.

use std::sync::Arc;

use dealflow_chassis::Context;
use dealflow_proto::convert;
use dealflow_proto::erp::v1::BusinessStatus;
use dealflow_proto::orders::v1::{
    CancelOrderRequest, FulfillOrderRequest, GetInvoiceRequest, GetOrderRequest, LineQuantity, ListPaymentsRequest,
    Payment, PaymentAllocation, RecordPaymentRequest, RejectOrderRequest, ReversePaymentRequest, order, payment,
};
use futures::future::FutureExt;
use rust_decimal::Decimal;
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::calls::{Ask, Neighbours, Verb};
use crate::flow::is_settled;
use crate::handoff::record::Kind;
use crate::handoff::{News, OnNews};

/// Who acts where the ERP does.
const ERP: &str = "erp";

/// Brings the records of `orders` to where the ERP is.
pub(crate) fn bring_to_orders(to: Neighbours) -> OnNews {
    Arc::new(move |news| follow(to.clone(), news).boxed())
}

async fn follow(to: Neighbours, news: News) -> Result<(), Status> {
    let clerk = Clerk { to, news };
    match clerk.news.kind {
        Kind::Order => clerk.order().await,
        Kind::Invoice => clerk.payments().await,
        Kind::OrderCancellation if clerk.news.delivered => clerk.cancel("the ERP agreed to cancel it").await,
        Kind::OrderCancellation | Kind::OrderChange | Kind::CreditNote => Ok(()),
    }
}

/// Who brings the records to where the ERP is.
struct Clerk {
    to: Neighbours,
    news: News,
}

impl Clerk {
    async fn order(&self) -> Result<(), Status> {
        match self.news.status {
            BusinessStatus::Cancelled => return self.cancel("the ERP canceled it").await,
            BusinessStatus::Rejected => {
                let reason = "the ERP refused it after all".to_owned();
                let ask = RejectOrderRequest { name: self.news.record.clone(), reason, ..Default::default() };
                return self.settle("reject", ask).await;
            }
            _ => {}
        }
        let delivered = self.news.lines.iter().filter_map(|line| {
            let quantity = convert::decimal_from(line.delivered_quantity.as_ref()?).ok()?;
            Some((line.line_id.as_str(), quantity))
        });
        let delivered: Vec<(&str, Decimal)> = delivered.filter(|(_, quantity)| !quantity.is_zero()).collect();
        if delivered.is_empty() {
            return Ok(());
        }
        let order = self.ask(GetOrderRequest { name: self.news.record.clone() }).await?;
        if !matches!(order.state(), order::State::Submitted | order::State::InFulfillment) {
            // On hold or done by other hands: the hand-over shows what the ERP says.
            return Ok(());
        }
        let done = |line_id: &str| {
            let line = order.line_progress.iter().find(|line| line.line_id == line_id)?;
            convert::decimal_from(line.fulfilled.as_ref()?).ok()
        };
        let open = delivered.into_iter().filter_map(|(line_id, quantity)| {
            let more = quantity - done(line_id)?;
            let sign = quantity.is_sign_negative() == more.is_sign_negative() && !more.is_zero();
            sign.then(|| LineQuantity { line_id: line_id.to_owned(), quantity: Some(convert::decimal(more)) })
        });
        let lines: Vec<LineQuantity> = open.collect();
        if lines.is_empty() {
            return Ok(());
        }
        // The version that the difference was taken from: whoever was faster is looked at again.
        let ask = FulfillOrderRequest { name: order.name, etag: order.etag.clone(), lines, ..Default::default() };
        self.settle(&format!("fulfill {}", order.etag), ask).await
    }

    async fn cancel(&self, reason: &str) -> Result<(), Status> {
        let name = self.news.record.clone();
        let ask = CancelOrderRequest { name, reason: reason.to_owned(), ..CancelOrderRequest::default() };
        self.settle("cancel", ask).await
    }

    /// What the ERP was paid, less what is recorded of it, is recorded; what it gave back is reversed.
    async fn payments(&self) -> Result<(), Status> {
        let Some(total) = self.news.paid.as_ref() else { return Ok(()) };
        let total = decimal(total)?;
        let recorded = self.recorded().await?;
        let mut sum = Decimal::ZERO;
        for payment in &recorded {
            sum += payment.amount.as_ref().map(decimal).transpose()?.unwrap_or_default();
        }
        // The latest first: what was paid last is what was taken back.
        for payment in recorded.iter().rev() {
            if sum <= total {
                break;
            }
            sum -= payment.amount.as_ref().map(decimal).transpose()?.unwrap_or_default();
            let (name, reason) = (payment.name.clone(), "the ERP took it back".to_owned());
            self.settle(&name.clone(), ReversePaymentRequest { name, reason, ..Default::default() }).await?;
        }
        if sum >= total {
            return Ok(());
        }
        let invoice = self.ask(GetInvoiceRequest { name: self.news.record.clone() }).await?;
        let amount = convert::money(total - sum, &invoice.currency_code).map_err(|error| internal(&error))?;
        let payment = Payment {
            source: ERP.to_owned(),
            external_reference: format!("{}#{}", self.news.external_id, self.news.sequence),
            account: invoice.account,
            amount: Some(amount.clone()),
            allocations: vec![PaymentAllocation { invoice: invoice.name, amount: Some(amount) }],
            ..Payment::default()
        };
        let ask = RecordPaymentRequest { payment: Some(payment), ..Default::default() };
        self.settle(&format!("pay {}", self.news.sequence), ask).await
    }

    /// Payments of this invoice that came from the ERP and stand, first to last.
    async fn recorded(&self) -> Result<Vec<Payment>, Status> {
        let filter = format!("source = \"{ERP}\" AND external_reference = \"{}#*\"", self.news.external_id);
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let order_by = "create_time".to_owned();
            let ask = ListPaymentsRequest { page_size: 1000, page_token, filter: filter.clone(), order_by };
            let page = self.ask(ask).await?;
            all.extend(page.payments.into_iter().filter(|it| it.state() != payment::State::Reversed));
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }

    async fn ask<A: Ask>(&self, ask: A) -> Result<A::Answer, Status> {
        let mut request = Request::new(ask);
        self.context().carry(request.metadata_mut());
        Ok(A::send(&self.to, request).await?.into_inner())
    }

    /// Does something once, however often it is told; what the record's state does not accept any more is done.
    async fn settle<V: Verb>(&self, step: &str, mut ask: V) -> Result<(), Status> {
        let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{} {step}", self.news.handoff).as_bytes());
        ask.stamp(id.to_string(), false, None);
        match self.ask(ask).await {
            Err(status) if is_settled(&status) => Ok(()),
            // A rule of ours against what the ERP did: nothing that trying again would change. The hand-over shows it.
            Err(status) if status.code() == Code::FailedPrecondition || status.code() == Code::InvalidArgument => {
                tracing::error!(record = self.news.record, step, %status, "the record cannot follow the ERP");
                Ok(())
            }
            done => done.map(drop),
        }
    }

    /// The flow's id makes the events the hand-over's business: no other flow follows from them.
    fn context(&self) -> Context {
        let flow = Uuid::new_v5(&Uuid::NAMESPACE_URL, self.news.handoff.as_bytes());
        Context { flow: Some(flow), traceparent: self.news.traceparent.clone(), ..Context::internal(ERP) }
    }
}

fn decimal(money: &dealflow_proto::google::type_::Money) -> Result<Decimal, Status> {
    convert::decimal_of(money).map_err(|error| internal(&error))
}

fn internal(error: &convert::ConvertError) -> Status {
    Status::internal(error.to_string())
}
