//! What the ERP's doings mean for our records: deliveries fulfil the order, payments are recorded, a change or a
//! cancellation that the ERP agreed to changes or cancels it (R-ORD-1, R-INV-1).
//!
//! News are cumulative, and a record may have moved on by other hands: what is done here is the difference between what
//! the ERP says and what the record says. Told twice, there is no difference left. Where a rule of ours forbids the record
//! to follow, it follows as far as it can, and the hand-over keeps the rest (`handoff/followed.rs`).
//!
//! - `order.rs` orders, their changes and cancellations; `bill.rs` invoices and credit notes

mod bill;
mod order;

use std::sync::Arc;

use dealflow_chassis::Context;
use futures::future::FutureExt;
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::calls::{Ask, Neighbours, Verb};
use crate::handoff::record::Kind;
use crate::handoff::{Followed, News, OnNews};

/// Who acts where the ERP does.
const ERP: &str = "erp";

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
