//! The RPCs of invoices.

use dealflow_chassis::list::list;
use dealflow_chassis::work::{Work, check};
use dealflow_proto::convert;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::invoice_service_server::InvoiceService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};

use super::{Orders, answer, asked_list};
use crate::error::Error;
use crate::invoice::{self, Model};
use crate::number;
use crate::order;
use crate::record::{change, save};
use crate::wire::asked;

/// The invoice that a verb names, locked, as the caller saw it.
async fn locked(work: &mut Work, name: &str, etag: &str) -> Result<Model, Error> {
    let invoice = invoice::lock(&work.tx, name).await?;
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
) -> Result<pb::Invoice, Error> {
    save(&work.tx, before, after).await?;
    let answer = after.to_wire()?;
    work.record(change(kind, verb, Some(before), after, &answer).reason(reason));
    Ok(answer)
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
                let issue_date = ask.issue_date.as_ref().and_then(|day| convert::date_of(day).ok());
                // The order's lock makes billings of one order follow each other.
                let order = order::lock(&work.tx, &ask.order).await?;
                work.take_effect_after(order.updated_at)?;
                let billed = invoice::billed(&work.tx, &order).await?;
                let invoice = Model::of_order(&order, &billed, &to_bill, issue_date, self.moment(work.now))?;
                invoice::insert(&work.tx, &invoice).await?;
                let answer = invoice.to_wire()?;
                work.record(change("invoice.created", "CreateInvoice", None, &invoice, &answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_invoice(&self, request: Request<pb::GetInvoiceRequest>) -> Result<Response<pb::Invoice>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        answer(invoice::find(self.reader(), &ask.name).await.and_then(|invoice| invoice.to_wire()))
    }

    async fn list_invoices(
        &self,
        request: Request<pb::ListInvoicesRequest>,
    ) -> Result<Response<pb::ListInvoicesResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let page = list(self.reader(), invoice::Entity::find(), &invoice::FIELDS, asked_list!(ask)).await;
        let page = page.map_err(dealflow_chassis::Refusal::from)?;
        let invoices = page.items.iter().map(Model::to_wire).collect::<Result<_, _>>();
        answer(invoices.map(|invoices| pb::ListInvoicesResponse { invoices, next_page_token: page.next_page_token }))
    }

    async fn post_invoice(&self, request: Request<pb::PostInvoiceRequest>) -> Result<Response<pb::Invoice>, Status> {
        self.store
            .work(request, |mut work, ask: pb::PostInvoiceRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let mut after = before.clone().post(self.moment(work.now))?;
                after.number = Some(number::of_invoice(&work.tx, &after.legal_entity, &after.series).await?);
                let answer = saved(&mut work, ("invoice.posted", "PostInvoice", ""), &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn void_invoice(&self, request: Request<pb::VoidInvoiceRequest>) -> Result<Response<pb::Invoice>, Status> {
        self.store
            .work(request, |mut work, ask: pb::VoidInvoiceRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let after = before.clone().void(self.moment(work.now))?;
                let told = ("invoice.voided", "VoidInvoice", ask.reason.as_str());
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }
}
