//! The RPCs of orders.

use dealflow_chassis::list::list;
use dealflow_chassis::security::{Caller, Sight};
use dealflow_chassis::work::{Done, Work, check};
use dealflow_chassis::{Lifecycle, Mask, Refusal};
use dealflow_proto::access::v1::Permission;
use dealflow_proto::names;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::order_service_server::OrderService;
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};

use super::approving::{check_agreed, check_orderable};
use super::{Orders, answer, asked_list};
use crate::error::Error;
use crate::invoice::{self, Billed};
use crate::order::{self, Model, Verb};
use crate::record::{Told, change, save};
use crate::seen;
use crate::wire::{ORDER_UPDATABLE, asked};

/// The order that a verb names, locked, as the caller saw it.
async fn locked(work: &mut Work, name: &str, etag: &str) -> Result<Model, Error> {
    let order = order::lock(&work.tx, name, &work.context.sight).await?;
    work.check_etag(name, etag, order.version)?;
    work.take_effect_after(order.updated_at)?;
    Ok(order)
}

/// What is billed and paid of an order.
async fn shown<C: ConnectionTrait>(db: &C, order: &Model) -> Result<Billed, Error> {
    let mut all = invoice::billed_and_paid(db, std::slice::from_ref(order)).await?;
    Ok(all.remove(&order.id).unwrap_or_default())
}

/// Who calls, as far as it decides who may change an order that the ERP has: what the security layer found out, where it
/// asks who calls.
#[derive(Clone)]
struct Who(Option<Caller>);

impl Who {
    fn of<Q>(request: &Request<Q>) -> Self {
        Self(Caller::of(request.extensions()).cloned())
    }

    /// From SUBMITTED on no person changes an order directly, nor a program that is not permitted to report what the ERP
    /// did; what the gateway does for one is the integration's (R-ORD-1). Where nobody is asked who he is, a person is
    /// known by the name that the call gives.
    fn check_no_person(&self, work: &Work, order: &Model, verb: &'static str) -> Result<(), Error> {
        let integration = self.0.as_ref().is_none_or(|caller| caller.may(Permission::Integration));
        let person = is_person(work) || !integration;
        if person && work.context.flow.is_none() && order.is_at_erp() {
            return Err(erp_has_it(work, order, verb));
        }
        Ok(())
    }

    /// The ERP agrees to what takes an order away from it: so says a program that is permitted to, or the part that acts
    /// where the ERP does, by its name, which no token gives.
    fn check_erp_agrees(&self, work: &Work, order: &Model, names: &[String], verb: &'static str) -> Result<(), Error> {
        let permitted = |caller: &Caller| !caller.is_part() && caller.may(Permission::Integration) && !is_person(work);
        let agrees = self.0.as_ref().is_some_and(permitted) || names.contains(&work.context.actor);
        if order.is_at_erp() && !agrees { Err(erp_has_it(work, order, verb)) } else { Ok(()) }
    }
}

fn is_person(work: &Work) -> bool {
    work.context.actor.starts_with("employees/")
}

fn erp_has_it(work: &Work, order: &Model, verb: &'static str) -> Error {
    let (state, actor) = (order.state.to_string(), work.context.actor.clone());
    Error::ErpHasIt { order: order.name(), state, actor, verb }
}

/// Writes the order and its history.
async fn saved(
    work: &mut Work,
    (kind, verb, reason): (&str, &str, &str),
    before: &Model,
    after: &Model,
) -> Result<pb::Order, Error> {
    save(&work.tx, before, after).await?;
    // What could have no invoice before this verb has none now, and what is billed of a line stays on it.
    let billed = shown(&work.tx, before).await?;
    let answer = after.to_wire(&billed)?;
    work.record(change(kind, verb, Some(before), after, &answer).reason(reason));
    Ok(answer)
}

/// Ends the work with the order that the opportunity has already: never two (R-OPP-5). Whoever does not see it is told
/// nothing of it.
async fn standing(work: Work, stands: &Model) -> Result<Done<pb::Order>, Error> {
    if !work.context.sight.sees(stands.owner_id, std::iter::empty()) {
        return Err(Refusal::missing(&stands.thread()).into());
    }
    let billed = shown(&work.tx, stands).await?;
    Ok(work.done(stands.to_wire(&billed)?))
}

#[tonic::async_trait]
impl OrderService for Orders {
    async fn create_order(&self, request: Request<pb::CreateOrderRequest>) -> Result<Response<pb::Order>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateOrderRequest| async move {
                let written = ask.order.unwrap_or_default();
                // Looked for first, so that asking again costs no number.
                if let Ok(opportunity) = names::OPPORTUNITIES.parse(&written.opportunity)
                    && let Some(stands) = order::find_live(&work.tx, opportunity).await?
                {
                    return standing(work, &stands).await;
                }
                let now = self.moment(work.now);
                let order = Model::of(&work.tx, written, now).await?;
                check_orderable(&work.tx, &order, now).await?;
                if ask.validate_only {
                    // A check costs no number: PostgreSQL does not take one back.
                    return Ok(work.done(order.to_wire(&Billed::default())?));
                }
                let opportunity = order.opportunity_id;
                let Some(order) = order::insert(&work.tx, order).await? else {
                    let stands = order::live_of(&work.tx, opportunity).await?;
                    return standing(work, &stands).await;
                };
                let answer = order.to_wire(&Billed::default())?;
                work.record(change("order.created", "CreateOrder", None, &order, &answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_order(&self, request: Request<pb::GetOrderRequest>) -> Result<Response<pb::Order>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let read = async {
            let order = order::find(self.reader(), &ask.name, &sight).await?;
            let billed = shown(self.reader(), &order).await?;
            order.to_wire(&billed)
        };
        answer(read.await)
    }

    async fn list_orders(
        &self,
        request: Request<pb::ListOrdersRequest>,
    ) -> Result<Response<pb::ListOrdersResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let seen = order::Entity::find().filter(seen::orders(&sight));
        let page = list(self.reader(), seen, &order::FIELDS, asked_list!(ask)).await;
        let page = page.map_err(dealflow_chassis::Refusal::from)?;
        let read = async {
            let billed = invoice::billed_and_paid(self.reader(), &page.items).await?;
            let none = Billed::default();
            let orders = page.items.iter().map(|order| order.to_wire(billed.get(&order.id).unwrap_or(&none)));
            orders.collect::<Result<_, Error>>()
        };
        answer(read.await.map(|orders| pb::ListOrdersResponse { orders, next_page_token: page.next_page_token }))
    }

    async fn update_order(&self, request: Request<pb::UpdateOrderRequest>) -> Result<Response<pb::Order>, Status> {
        let who = Who::of(&request);
        self.store
            .work(request, |mut work, ask: pb::UpdateOrderRequest| async move {
                let mask = Mask::of(ask.update_mask, ORDER_UPDATABLE)?;
                let written = ask.order.unwrap_or_default();
                let before = locked(&mut work, &written.name, &ask.etag).await?;
                before.state.accept(Verb::UpdateOrder)?;
                who.check_no_person(&work, &before, "UpdateOrder")?;
                let now = self.moment(work.now);
                let billed = invoice::billed(&work.tx, &before).await?;
                let updated = before.clone().update(&work.tx, written, &mask, now).await?;
                let after = updated.replacing(&before, &billed, now)?;
                // What the ERP has agreed to was asked about before, by a check.
                if ask.validate_only || !before.is_at_erp() {
                    check_agreed(&work.tx, &before, &after, now).await?;
                }
                let told = ("order.updated", "UpdateOrder", ask.reason.as_str());
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn confirm_order(&self, request: Request<pb::ConfirmOrderRequest>) -> Result<Response<pb::Order>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ConfirmOrderRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let after = before.clone().confirm(self.moment(work.now))?;
                let answer = saved(&mut work, ("order.confirmed", "ConfirmOrder", ""), &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn submit_order(&self, request: Request<pb::SubmitOrderRequest>) -> Result<Response<pb::Order>, Status> {
        self.store
            .work(request, |mut work, ask: pb::SubmitOrderRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let after = before.clone().submit(self.moment(work.now))?;
                let answer = saved(&mut work, ("order.submitted", "SubmitOrder", ""), &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn reject_order(&self, request: Request<pb::RejectOrderRequest>) -> Result<Response<pb::Order>, Status> {
        let who = Who::of(&request);
        self.store
            .work(request, |mut work, ask: pb::RejectOrderRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                who.check_no_person(&work, &before, "RejectOrder")?;
                let after = before.clone().reject(&ask.reason, self.moment(work.now))?;
                let told = ("order.rejected", "RejectOrder", ask.reason.as_str());
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn fulfill_order(&self, request: Request<pb::FulfillOrderRequest>) -> Result<Response<pb::Order>, Status> {
        let who = Who::of(&request);
        self.store
            .work(request, |mut work, ask: pb::FulfillOrderRequest| async move {
                let delivered = asked(&ask.lines)?;
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                who.check_no_person(&work, &before, "FulfillOrder")?;
                let after = before.clone().fulfill(&delivered, self.moment(work.now))?;
                let answer = saved(&mut work, ("order.fulfilled", "FulfillOrder", ""), &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn cancel_order(&self, request: Request<pb::CancelOrderRequest>) -> Result<Response<pb::Order>, Status> {
        let who = Who::of(&request);
        self.store
            .work(request, |mut work, ask: pb::CancelOrderRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let billed = invoice::billed(&work.tx, &before).await?;
                let after = before.clone().cancel(&billed, self.moment(work.now))?;
                let names = &self.settings().integration;
                who.check_erp_agrees(&work, &before, names, "CancelOrder")?;
                let told = ("order.canceled", "CancelOrder", ask.reason.as_str());
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn hold_order(&self, request: Request<pb::HoldOrderRequest>) -> Result<Response<pb::Order>, Status> {
        let who = Who::of(&request);
        self.store
            .work(request, |mut work, ask: pb::HoldOrderRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let after = before.clone().hold(&ask.reason, self.moment(work.now))?;
                who.check_no_person(&work, &before, "HoldOrder")?;
                let told = ("order.held", "HoldOrder", ask.reason.as_str());
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn release_order(&self, request: Request<pb::ReleaseOrderRequest>) -> Result<Response<pb::Order>, Status> {
        let who = Who::of(&request);
        self.store
            .work(request, |mut work, ask: pb::ReleaseOrderRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let after = before.clone().release(self.moment(work.now))?;
                who.check_no_person(&work, &before, "ReleaseOrder")?;
                let answer = saved(&mut work, ("order.released", "ReleaseOrder", ""), &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn close_order(&self, request: Request<pb::CloseOrderRequest>) -> Result<Response<pb::Order>, Status> {
        let who = Who::of(&request);
        self.store
            .work(request, |mut work, ask: pb::CloseOrderRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let billed = invoice::billed(&work.tx, &before).await?;
                let after = before.clone().close(&billed, &ask.reason, self.moment(work.now))?;
                who.check_no_person(&work, &before, "CloseOrder")?;
                let told = ("order.closed", "CloseOrder", ask.reason.as_str());
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }
}
