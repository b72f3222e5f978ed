//! The RPCs of terms of payment.

use dealflow_chassis::list::list;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Mask};
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::payment_terms_service_server::PaymentTermsService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};

use super::{Orders, answer, asked_list};
use crate::error::Error;
use crate::payment_terms::{self, Model};
use crate::record::save;
use crate::wire::PAYMENT_TERMS_UPDATABLE;

#[tonic::async_trait]
impl PaymentTermsService for Orders {
    async fn create_payment_terms(
        &self,
        request: Request<pb::CreatePaymentTermsRequest>,
    ) -> Result<Response<pb::PaymentTerms>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreatePaymentTermsRequest| async move {
                let terms = Model::of(ask.payment_terms.unwrap_or_default(), work.now)?;
                payment_terms::insert(&work.tx, &terms).await?;
                let answer = terms.to_wire();
                work.record(Change::new("payment_terms.created", terms.name(), "CreatePaymentTerms").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_payment_terms(
        &self,
        request: Request<pb::GetPaymentTermsRequest>,
    ) -> Result<Response<pb::PaymentTerms>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        answer(payment_terms::find(self.reader(), &ask.name).await.map(|terms| terms.to_wire()))
    }

    async fn list_payment_terms(
        &self,
        request: Request<pb::ListPaymentTermsRequest>,
    ) -> Result<Response<pb::ListPaymentTermsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let page = list(self.reader(), payment_terms::Entity::find(), &payment_terms::FIELDS, asked_list!(ask)).await;
        answer(page.map(|page| pb::ListPaymentTermsResponse {
            payment_terms: page.items.iter().map(Model::to_wire).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn update_payment_terms(
        &self,
        request: Request<pb::UpdatePaymentTermsRequest>,
    ) -> Result<Response<pb::PaymentTerms>, Status> {
        self.store
            .work(request, |mut work, ask: pb::UpdatePaymentTermsRequest| async move {
                let mask = Mask::of(ask.update_mask, PAYMENT_TERMS_UPDATABLE)?;
                let written = ask.payment_terms.unwrap_or_default();
                let before = payment_terms::lock(&work.tx, &written.name).await?;
                work.check_etag(&written.name, &ask.etag, before.version)?;
                work.take_effect_after(before.updated_at)?;
                let after = before.clone().update(written, &mask, work.now)?;
                save(&work.tx, &before, &after).await?;
                let answer = after.to_wire();
                work.record(Change::new("payment_terms.updated", after.name(), "UpdatePaymentTerms").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }
}
