//! A refused document that is sent again as the records say it now: an order that stands though the ERP refused it.
//!
//! It takes the place of the refused one as any correction does (`store.rs`): the ERP holds nothing under the external id.
//! Whatever else is replayed keeps its bytes and its key: the ERP may have it, or it is posted.

use std::sync::Arc;

use dealflow_chassis::{Context, Refusal};
use dealflow_proto::erp::v1::Document;
use dealflow_proto::names;
use futures::future::BoxFuture;
use sea_orm::EntityTrait;
use tonic::Status;

use super::Handoffs;
use super::record::{Entity, Kind, Model, State};
use super::store::{NewHandoff, freeze};

/// Makes the document of an order, by the order's name, from its records; what is read is read for this caller.
pub type Rebuild = Arc<dyn Fn(Context, String) -> BoxFuture<'static, Result<Document, Status>> + Send + Sync>;

impl Handoffs {
    /// The hand-over of a refused order as its records say it now; none where what is replayed keeps its bytes.
    pub(super) async fn anew(&self, context: &Context, name: &str) -> Result<Option<Model>, Status> {
        let Some(rebuild) = &self.0.settings.rebuild else { return Ok(None) };
        let id = names::HANDOFFS.parse(name).map_err(Refusal::from)?;
        let found = Entity::find_by_id(id).one(self.0.store.reader()).await.map_err(Refusal::from)?;
        let Some(row) = found.filter(|row| row.kind == Kind::Order && row.state == State::Rejected && row.stands())
        else {
            return Ok(None);
        };
        let document = rebuild(context.clone(), row.document.clone()).await?;
        let new = NewHandoff {
            document,
            record: row.document.clone(),
            opportunity: row.opportunity.clone(),
            context: context.clone(),
        };
        Ok(Some(freeze(new, self.0.store.clock().now())?))
    }
}

impl Model {
    /// What is sent of a refused document instead of its own bytes, where the records say something else by now.
    pub(super) fn corrected(self, anew: Option<Self>) -> Self {
        match anew.filter(|anew| anew.external_id == self.external_id && anew.sha256 != self.sha256) {
            None => self,
            Some(anew) => Self {
                payload: anew.payload,
                sha256: anew.sha256,
                payable_minor: anew.payable_minor,
                currency: anew.currency,
                legal_entity: anew.legal_entity,
                issue_date: anew.issue_date,
                idempotency_key: Some(anew.id),
                revision: self.revision + 1,
                ..self
            },
        }
    }
}
