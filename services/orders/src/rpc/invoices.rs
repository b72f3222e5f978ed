//! The RPCs of invoices.

use std::collections::HashMap;

use chrono::NaiveDate;
use dealflow_chassis::list::list;
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::{Work, check};
use dealflow_money::VatCategory;
use dealflow_proto::google::type_::Date;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::invoice_service_server::InvoiceService;
use dealflow_proto::{convert, names};
use sea_orm::{EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Orders, answer, asked_list};
use crate::credit_note;
use crate::details::{self, Details};
use crate::document::currency;
use crate::error::Error;
use crate::invoice::{self, Making, Model, State};
use crate::legal_entity;
use crate::number;
use crate::order;
use crate::parties::Parties;
use crate::payment::{self, Settled};
use crate::record::{Moment, Told as _, change, save};
use crate::seen;
use crate::settings::{BUYER_REFERENCE, ERP, EXEMPTION_REASON, INTERNAL, INVOICING_AUTHORITY, OVER_BILLING_PERCENT};
use crate::wire::{asked, settling};

/// The invoice that a verb names, locked, as the caller saw it.
async fn locked(work: &mut Work, name: &str, etag: &str) -> Result<Model, Error> {
    let invoice = invoice::lock(&work.tx, name, &work.context.sight).await?;
    work.check_etag(name, etag, invoice.version)?;
    work.take_effect_after(invoice.updated_at)?;
    Ok(invoice)
}

/// Writes the invoice and its history.
async fn saved(
    work: &mut Work,
    (kind, verb, reason): (&str, &str, &str),
    before: &Model,
    after: &Model,
    now: Moment,
) -> Result<pb::Invoice, Error> {
    save(&work.tx, before, after).await?;
    // What was a draft before this verb is neither paid nor credited.
    let answer = after.to_wire(&Settled::default(), now)?;
    work.record(change(kind, verb, Some(before), after, &answer).reason(reason));
    Ok(answer)
}

/// What is paid and credited of posted invoices; no query where none is posted.
async fn settled(orders: &Orders, invoices: &[Model]) -> Result<HashMap<Uuid, Settled>, Error> {
    let posted = invoices.iter().filter(|invoice| invoice.state == State::Posted).map(|invoice| invoice.id);
    payment::settled(orders.reader(), posted.collect()).await
}

/// Refuses a verb of the side that does not invoice (R-INV-2).
pub(super) async fn check_authority(work: &Work, needed: &'static str, verb: &'static str) -> Result<(), Error> {
    if INVOICING_AUTHORITY.read(work).await? == needed {
        return Ok(());
    }
    Err(match needed {
        INTERNAL => Error::NoAuthority { verb, authority: ERP, instead: "ImportInvoice takes the ERP's invoice over" },
        _ if verb == "ImportCreditNote" => {
            Error::NoAuthority { verb, authority: INTERNAL, instead: "CreateCreditNote and PostCreditNote make it" }
        }
        _ => Error::NoAuthority { verb, authority: INTERNAL, instead: "CreateInvoice and PostInvoice make it" },
    })
}

/// A day that the form of the request vouches for.
fn day(date: &Option<Date>) -> Option<NaiveDate> {
    date.as_ref().and_then(|day| convert::date_of(day).ok())
}

impl Orders {
    /// What is said of a bill, with what the order and the installation say where nothing is.
    async fn completed(&self, work: &Work, order: &order::Model, said: Details) -> Result<Details, Error> {
        let delivered = match said.delivered {
            Some(day) => Some(day),
            None if order.state == order::State::Fulfilled => Some(self.moment(order.state_since).today),
            None => details::last_delivery(&work.tx, &order.name()).await?.map(|at| self.moment(at).today),
        };
        let exempt = order.lines.0.iter().any(|line| line.vat.category == VatCategory::E);
        let mut details = Details { delivered, ..said };
        if details.buyer_reference.is_empty() {
            details.buyer_reference = BUYER_REFERENCE.read(work).await?;
        }
        if details.exemption_reason.is_empty() && exempt {
            details.exemption_reason = EXEMPTION_REASON.read(work).await?;
        }
        Ok(details)
    }
}

#[tonic::async_trait]
impl InvoiceService for Orders {
    async fn create_invoice(
        &self,
        request: Request<pb::CreateInvoiceRequest>,
    ) -> Result<Response<pb::Invoice>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateInvoiceRequest| async move {
                let to_bill = asked(&ask.lines)?;
                let issue_date = day(&ask.issue_date);
                if ask.assume_delivered && !ask.validate_only {
                    return Err(Error::field("assume_delivered", "asks what would be: only with validate_only"));
                }
                // The order's lock makes billings of one order follow each other.
                let mut order = order::lock(&work.tx, &ask.order, &work.context.sight).await?;
                let now = self.moment(work.now);
                let changed = order.updated_at;
                if ask.assume_delivered {
                    order = order.delivered(&to_bill, now)?;
                }
                check_authority(&work, INTERNAL, "CreateInvoice").await?;
                work.take_effect_after(changed)?;
                let billed = invoice::billed(&work.tx, &order).await?;
                let details = Details {
                    delivered: details::delivery(day(&ask.delivery_date), now.today)?,
                    buyer_reference: ask.buyer_reference,
                    exemption_reason: ask.exemption_reason,
                    ..Details::default()
                };
                let making = Making {
                    issue_date,
                    over_percent: OVER_BILLING_PERCENT.read(&work).await?,
                    settling: settling(ask.prepaid.as_ref(), ask.rounding.as_ref(), currency(&order.currency)?)?,
                    series: legal_entity::series(&work.tx, &order.legal_entity).await?.invoices,
                    instalment: invoice::instalment_to_bill(&order, &billed, &to_bill, ask.instalment),
                    details: self.completed(&work, &order, details).await?,
                };
                let invoice = Model::of_order(&order, &billed, &to_bill, &making, now)?;
                invoice.check_rest(&order, &billed)?;
                invoice::insert(&work.tx, &invoice).await?;
                let answer = invoice.to_wire(&Settled::default(), now)?;
                work.record(change("invoice.created", "CreateInvoice", None, &invoice, &answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn import_invoice(
        &self,
        request: Request<pb::ImportInvoiceRequest>,
    ) -> Result<Response<pb::Invoice>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ImportInvoiceRequest| async move {
                let to_bill = asked(&ask.lines)?;
                let (issue_date, due_date) = (day(&ask.issue_date), day(&ask.due_date));
                let order = order::lock(&work.tx, &ask.order, &work.context.sight).await?;
                check_authority(&work, ERP, "ImportInvoice").await?;
                work.take_effect_after(order.updated_at)?;
                invoice::check_imported(&work.tx, &order.legal_entity, &ask.number).await?;
                let called = (ask.number, details::external_id(ask.external_id)?);
                let billed = invoice::billed(&work.tx, &order).await?;
                let now = self.moment(work.now);
                let making = Making {
                    issue_date,
                    over_percent: OVER_BILLING_PERCENT.read(&work).await?,
                    settling: settling(ask.prepaid.as_ref(), ask.rounding.as_ref(), currency(&order.currency)?)?,
                    series: legal_entity::series(&work.tx, &order.legal_entity).await?.invoices,
                    instalment: 0,
                    details: self.completed(&work, &order, Details::default()).await?,
                };
                let draft = Model::of_order(&order, &billed, &to_bill, &making, now)?;
                let mut invoice = draft.imported(called, due_date, now)?;
                invoice.parties = Some(Parties::now(&work.tx, invoice.deal(), ask.buyer).await?);
                invoice::insert(&work.tx, &invoice).await?;
                let answer = invoice.to_wire(&Settled::default(), now)?;
                // Another event than a posting: what came from the ERP is not handed over to it.
                work.record(change("invoice.imported", "ImportInvoice", None, &invoice, &answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_invoice(&self, request: Request<pb::GetInvoiceRequest>) -> Result<Response<pb::Invoice>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let now = self.now();
        let read = async {
            let invoice = invoice::find(self.reader(), &ask.name, &sight).await?;
            let settled = settled(self, std::slice::from_ref(&invoice)).await?;
            invoice.to_wire(&settled.get(&invoice.id).copied().unwrap_or_default(), now)
        };
        answer(read.await)
    }

    async fn list_invoices(
        &self,
        request: Request<pb::ListInvoicesRequest>,
    ) -> Result<Response<pb::ListInvoicesResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let seen = invoice::Entity::find().filter(seen::of_order(invoice::Column::OrderId, &sight));
        let page = list(self.reader(), seen, &invoice::FIELDS, asked_list!(ask)).await;
        let page = page.map_err(dealflow_chassis::Refusal::from)?;
        let now = self.now();
        let read = async {
            let settled = settled(self, &page.items).await?;
            let of = |invoice: &Model| settled.get(&invoice.id).copied().unwrap_or_default();
            page.items.iter().map(|invoice| invoice.to_wire(&of(invoice), now)).collect::<Result<_, Error>>()
        };
        answer(read.await.map(|invoices| pb::ListInvoicesResponse { invoices, next_page_token: page.next_page_token }))
    }

    async fn post_invoice(&self, request: Request<pb::PostInvoiceRequest>) -> Result<Response<pb::Invoice>, Status> {
        self.store
            .work(request, |mut work, ask: pb::PostInvoiceRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                check_authority(&work, INTERNAL, "PostInvoice").await?;
                let now = self.moment(work.now);
                let mut after = before.clone().post(now)?;
                after.parties = Some(Parties::now(&work.tx, after.deal(), ask.buyer).await?);
                after.number = Some(number::of_invoice(&work.tx, &after.legal_entity, &after.series).await?);
                let answer = saved(&mut work, ("invoice.posted", "PostInvoice", ""), &before, &after, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn void_invoice(&self, request: Request<pb::VoidInvoiceRequest>) -> Result<Response<pb::Invoice>, Status> {
        self.store
            .work(request, |mut work, ask: pb::VoidInvoiceRequest| async move {
                // The order first, as billing does: what is void can be billed again.
                let order = invoice::find(&work.tx, &ask.name, &work.context.sight).await?.order_id;
                order::lock(&work.tx, &names::ORDERS.name(order), &Sight::All).await?;
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let (mut paid, mut noted) = (Settled::default(), false);
                if before.state == State::Posted {
                    if !self.settings().integration.contains(&work.context.actor) {
                        before.check_ours("VoidInvoice")?;
                    }
                    paid = payment::settled(&work.tx, vec![before.id]).await?.remove(&before.id).unwrap_or_default();
                    noted = credit_note::is_there(&work.tx, before.id).await?;
                }
                let after = before.clone().void(ask.withdrawn, &paid, noted, now)?;
                let told = ("invoice.voided", "VoidInvoice", ask.reason.as_str());
                let answer = saved(&mut work, told, &before, &after, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }
}
