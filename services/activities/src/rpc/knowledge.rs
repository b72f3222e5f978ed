//! The knowledge base: added to, changed, read, searched.

use dealflow_chassis::list;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Mask, Store};
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::knowledge_service_server::KnowledgeService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};

use super::wanted;
use crate::error::Error;
use crate::{knowledge, wire};

/// The service of the knowledge base.
#[derive(Clone)]
pub struct KnowledgeBase {
    store: Store,
}

impl KnowledgeBase {
    /// The service over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl KnowledgeService for KnowledgeBase {
    async fn create_knowledge_document(
        &self,
        request: Request<pb::CreateKnowledgeDocumentRequest>,
    ) -> Result<Response<pb::KnowledgeDocument>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateKnowledgeDocumentRequest| async move {
                let sent = ask.document.unwrap_or_default();
                let (document, content) = wire::knowledge::read(sent, ask.document_id, work.now)?;
                knowledge::check_free(&work.tx, &document.slug).await?;
                knowledge::insert(&work.tx, &document).await?;
                knowledge::write(&work.tx, document.id, content).await?;
                let answer = wire::knowledge::answer(&document);
                let change = Change::new("knowledge.created", document.name(), "CreateKnowledgeDocument");
                work.record(change.data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn update_knowledge_document(
        &self,
        request: Request<pb::UpdateKnowledgeDocumentRequest>,
    ) -> Result<Response<pb::KnowledgeDocument>, Status> {
        self.store
            .work(request, |mut work, ask: pb::UpdateKnowledgeDocumentRequest| async move {
                let news = ask.document.unwrap_or_default();
                let mask = Mask::of(ask.update_mask, wire::knowledge::KNOWN)?;
                let before = knowledge::lock(&work.tx, &news.name).await?;
                work.check_etag(&news.name, &ask.etag, before.version)?;
                work.take_effect_after(before.updated_at)?;
                let (document, content) = wire::knowledge::take_over(before.clone(), news, &mask)?;
                if let Some(content) = content {
                    knowledge::write(&work.tx, document.id, content).await?;
                }
                let document = knowledge::save(&work.tx, &before, document, work.now).await?;
                let answer = wire::knowledge::answer(&document);
                let change = Change::new("knowledge.updated", document.name(), "UpdateKnowledgeDocument");
                work.record(change.data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_knowledge_document(
        &self,
        request: Request<pb::GetKnowledgeDocumentRequest>,
    ) -> Result<Response<pb::KnowledgeDocument>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let document = knowledge::get(self.store.reader(), &ask.name).await?;
        let content = knowledge::read(self.store.reader(), document.id).await?;
        Ok(Response::new(pb::KnowledgeDocument { content, ..wire::knowledge::answer(&document) }))
    }

    async fn batch_get_knowledge_documents(
        &self,
        request: Request<pb::BatchGetKnowledgeDocumentsRequest>,
    ) -> Result<Response<pb::BatchGetKnowledgeDocumentsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let found = knowledge::all(self.store.reader(), &ask.names).await?;
        let documents = found.iter().map(wire::knowledge::answer).collect();
        Ok(Response::new(pb::BatchGetKnowledgeDocumentsResponse { documents }))
    }

    async fn list_knowledge_documents(
        &self,
        request: Request<pb::ListKnowledgeDocumentsRequest>,
    ) -> Result<Response<pb::ListKnowledgeDocumentsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let page = list::list(self.store.reader(), knowledge::Entity::find(), &knowledge::FIELDS, wanted!(ask))
            .await
            .map_err(Error::from)?;
        let documents = page.items.iter().map(wire::knowledge::answer).collect();
        Ok(Response::new(pb::ListKnowledgeDocumentsResponse { documents, next_page_token: page.next_page_token }))
    }
}
