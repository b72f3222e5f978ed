//! The RPCs of payments.

use dealflow_chassis::list::list;
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::{Done, Work, check};
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::payment_service_server::PaymentService;
use sea_orm::{EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Orders, answer, asked_list};
use crate::error::Error;
use crate::invoice;
use crate::payment::{self, Allocation, Allocations, Model};
use crate::record::{Told as _, change, save};
use crate::seen;
use crate::wire::allocations;

/// The payment that a verb names, locked, as the caller saw it, with what it pays.
async fn locked(work: &mut Work, name: &str, etag: &str) -> Result<(Model, Allocations), Error> {
    let payment = payment::lock(&work.tx, name, &work.context.sight).await?;
    work.check_etag(name, etag, payment.version)?;
    work.take_effect_after(payment.updated_at)?;
    let pays = payment::allocated(&work.tx, payment.id).await?;
    Ok((payment, pays))
}

/// Writes the payment and its history.
async fn saved(
    work: &mut Work,
    (kind, verb, reason): (&str, &str, &str),
    before: &Model,
    after: &Model,
) -> Result<pb::Payment, Error> {
    save(&work.tx, before, after).await?;
    let pays = payment::allocated(&work.tx, after.id).await?;
    let answer = after.to_wire(&pays)?;
    work.record(change(kind, verb, Some(before), after, &answer).reason(reason));
    Ok(answer)
}

/// The invoices of allocations, locked in the order of their ids.
async fn invoices(work: &Work, more: &[Allocation]) -> Result<Vec<invoice::Model>, Error> {
    let ids = more.iter().map(Allocation::invoice_id).collect::<Result<Vec<Uuid>, Error>>()?;
    invoice::lock_all(&work.tx, &ids, &work.context.sight).await
}

async fn pay(work: &Work, payment: Uuid, more: &[Allocation]) -> Result<(), Error> {
    let rows = more.iter().map(|it| Ok((it.invoice_id()?, it.amount))).collect::<Result<Vec<_>, Error>>()?;
    payment::allocate(&work.tx, payment, &rows).await
}

/// Ends the work with the payment that its source told of before; refused where it tells otherwise now (R-INV-1).
async fn told_before(work: Work, first: Model, again: &Model) -> Result<Done<pb::Payment>, Error> {
    if first.digest != again.digest {
        return Err(Error::PaymentKnown {
            source_of: again.source.clone(),
            reference: again.external_reference.clone(),
            holder: first.name(),
        });
    }
    let pays = payment::allocated(&work.tx, first.id).await?;
    Ok(work.done(first.to_wire(&pays)?))
}

#[tonic::async_trait]
impl PaymentService for Orders {
    async fn record_payment(
        &self,
        request: Request<pb::RecordPaymentRequest>,
    ) -> Result<Response<pb::Payment>, Status> {
        self.store
            .work(request, |mut work, ask: pb::RecordPaymentRequest| async move {
                let now = self.moment(work.now);
                let written = ask.payment.unwrap_or_default();
                let more = allocations("payment.allocations", &written.allocations)?;
                let mut payment = Model::of(written, now)?;
                // Looked for first: what it pays may be void or paid meanwhile, and it is the same payment still.
                let (source, reference) = (payment.source.as_str(), payment.external_reference.as_str());
                if let Some(first) = payment::known(&work.tx, source, reference).await? {
                    return told_before(work, first, &payment).await;
                }
                let paid = invoices(&work, &more).await?;
                if !more.is_empty() {
                    let version = payment.version;
                    payment = payment.allocate(&Allocations::default(), &more, &paid, now)?;
                    payment.version = version;
                }
                if !payment::insert(&work.tx, &payment).await? {
                    let first = payment::by_reference(&work.tx, &payment.source, &payment.external_reference).await?;
                    return told_before(work, first, &payment).await;
                }
                pay(&work, payment.id, &more).await?;
                let pays = payment::allocated(&work.tx, payment.id).await?;
                let answer = payment.to_wire(&pays)?;
                work.record(change("payment.recorded", "RecordPayment", None, &payment, &answer));
                Ok(work.done(answer))
            })
            .await
    }

    async fn get_payment(&self, request: Request<pb::GetPaymentRequest>) -> Result<Response<pb::Payment>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let read = async {
            let payment = payment::find(self.reader(), &ask.name, &sight).await?;
            let pays = payment::allocated(self.reader(), payment.id).await?;
            payment.to_wire(&pays)
        };
        answer(read.await)
    }

    async fn list_payments(
        &self,
        request: Request<pb::ListPaymentsRequest>,
    ) -> Result<Response<pb::ListPaymentsResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let seen = payment::Entity::find().filter(seen::payments(&sight));
        let page = list(self.reader(), seen, &payment::FIELDS, asked_list!(ask)).await;
        let page = page.map_err(dealflow_chassis::Refusal::from)?;
        let read = async {
            let ids: Vec<Uuid> = page.items.iter().map(|payment| payment.id).collect();
            let pays = payment::allocations_of(self.reader(), &ids).await?;
            let none = Allocations::default();
            let payments = page.items.iter().map(|payment| payment.to_wire(pays.get(&payment.id).unwrap_or(&none)));
            payments.collect::<Result<_, Error>>()
        };
        answer(read.await.map(|payments| pb::ListPaymentsResponse { payments, next_page_token: page.next_page_token }))
    }

    async fn allocate_payment(
        &self,
        request: Request<pb::AllocatePaymentRequest>,
    ) -> Result<Response<pb::Payment>, Status> {
        self.store
            .work(request, |mut work, ask: pb::AllocatePaymentRequest| async move {
                let more = allocations("allocations", &ask.allocations)?;
                let (before, pays) = locked(&mut work, &ask.name, &ask.etag).await?;
                let paid = invoices(&work, &more).await?;
                let after = before.clone().allocate(&pays, &more, &paid, self.moment(work.now))?;
                pay(&work, before.id, &more).await?;
                let told = ("payment.allocated", "AllocatePayment", "");
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn reconcile_payment(
        &self,
        request: Request<pb::ReconcilePaymentRequest>,
    ) -> Result<Response<pb::Payment>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ReconcilePaymentRequest| async move {
                let (before, _) = locked(&mut work, &ask.name, &ask.etag).await?;
                let after = before.clone().reconcile(self.moment(work.now))?;
                let told = ("payment.reconciled", "ReconcilePayment", "");
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn reverse_payment(
        &self,
        request: Request<pb::ReversePaymentRequest>,
    ) -> Result<Response<pb::Payment>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ReversePaymentRequest| async move {
                let (before, _) = locked(&mut work, &ask.name, &ask.etag).await?;
                let after = before.clone().reverse(&ask.reason, self.moment(work.now))?;
                payment::reverse(&work.tx, before.id).await?;
                let told = ("payment.reversed", "ReversePayment", ask.reason.as_str());
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }
}
