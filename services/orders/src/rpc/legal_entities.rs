//! The RPCs of legal entities.

use dealflow_chassis::list::list;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Mask};
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::legal_entity_service_server::LegalEntityService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};

use super::{Orders, answer, asked_list};
use crate::error::Error;
use crate::legal_entity::{self, Model};
use crate::record::save;
use crate::wire::LEGAL_ENTITY_UPDATABLE;

#[tonic::async_trait]
impl LegalEntityService for Orders {
    async fn create_legal_entity(
        &self,
        request: Request<pb::CreateLegalEntityRequest>,
    ) -> Result<Response<pb::LegalEntity>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateLegalEntityRequest| async move {
                let entity = Model::of(ask.legal_entity.unwrap_or_default(), work.now)?;
                legal_entity::insert(&work.tx, &entity).await?;
                let answer = entity.to_wire();
                work.record(Change::new("legal_entity.created", entity.name(), "CreateLegalEntity").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_legal_entity(
        &self,
        request: Request<pb::GetLegalEntityRequest>,
    ) -> Result<Response<pb::LegalEntity>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        answer(legal_entity::find(self.reader(), &ask.name).await.map(|entity| entity.to_wire()))
    }

    async fn list_legal_entities(
        &self,
        request: Request<pb::ListLegalEntitiesRequest>,
    ) -> Result<Response<pb::ListLegalEntitiesResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let page = list(self.reader(), legal_entity::Entity::find(), &legal_entity::FIELDS, asked_list!(ask)).await;
        answer(page.map(|page| pb::ListLegalEntitiesResponse {
            legal_entities: page.items.iter().map(Model::to_wire).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn update_legal_entity(
        &self,
        request: Request<pb::UpdateLegalEntityRequest>,
    ) -> Result<Response<pb::LegalEntity>, Status> {
        self.store
            .work(request, |mut work, ask: pb::UpdateLegalEntityRequest| async move {
                let mask = Mask::of(ask.update_mask, LEGAL_ENTITY_UPDATABLE)?;
                let written = ask.legal_entity.unwrap_or_default();
                let before = legal_entity::lock(&work.tx, &written.name).await?;
                work.check_etag(&written.name, &ask.etag, before.version)?;
                work.take_effect_after(before.updated_at)?;
                let after = before.clone().update(written, &mask, work.now)?;
                save(&work.tx, &before, &after).await?;
                let answer = after.to_wire();
                work.record(Change::new("legal_entity.updated", after.name(), "UpdateLegalEntity").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }
}
