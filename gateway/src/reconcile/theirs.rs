//! The ERP's list, copied page by page into a table of the run, so that it can be joined and is never held as a whole.

use std::time::Duration;

use dealflow_chassis::deadline::Deadline;
use dealflow_chassis::{Refusal, Store};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::erp_service_client::ErpServiceClient;
use dealflow_proto::erp::v1::{ErpDocument, GetDocumentStatusRequest, ListDocumentsRequest};
use prost::Message;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use tonic::{Code, Request, Status};
use uuid::Uuid;

use super::Reconciler;
use super::class::is_behind;
use super::compare::Wanted;
use super::record::theirs;
use crate::handoff::record::Model;

/// Documents of one page.
const PAGE: i32 = 500;
/// How long the ERP may take for one.
const WITHIN: Duration = Duration::from_secs(30);

impl Reconciler {
    /// Copies the list; answers how many documents it has.
    pub(super) async fn copy_theirs(&self, run: Uuid, wanted: &Wanted) -> Result<i64, Status> {
        let mut erp = ErpServiceClient::new(self.erp.clone());
        let (mut place, mut page_token) = (0, String::new());
        loop {
            let mut ask = Request::new(ListDocumentsRequest {
                r#type: wanted.kind,
                page_size: PAGE,
                page_token,
                legal_entity: wanted.legal_entity.clone(),
                from_date: wanted.from.map(convert::date),
                until_date: wanted.until.map(convert::date),
            });
            ask.extensions_mut().insert(Deadline::within(WITHIN));
            let page = erp.list_documents(ask).await?.into_inner();
            place = keep(&self.store, run, place, &page.documents).await.map_err(Refusal::from)?;
            if page.next_page_token.is_empty() {
                return Ok(place);
            }
            page_token = page.next_page_token;
        }
    }

    /// Whether the ERP, asked now, has forgotten events that it told of a document.
    pub(super) async fn is_restored(&self, ours: &Model) -> Result<bool, Status> {
        let mut ask = Request::new(GetDocumentStatusRequest { external_id: ours.external_id.clone() });
        ask.extensions_mut().insert(Deadline::within(WITHIN));
        match ErpServiceClient::new(self.erp.clone()).get_document_status(ask).await {
            Ok(found) => Ok(is_behind(ours, found.get_ref())),
            // The list tells what becomes of it.
            Err(status) if status.code() == Code::NotFound => Ok(false),
            Err(status) => Err(status),
        }
    }
}

async fn keep(store: &Store, run: Uuid, mut place: i64, documents: &[ErpDocument]) -> Result<i64, DbErr> {
    if documents.is_empty() {
        return Ok(place);
    }
    let rows = documents.iter().map(|document| {
        place += 1;
        let (external_id, body) = (document.external_id.clone(), document.encode_to_vec());
        theirs::Model { run, place, external_id, body }.into_active_model().reset_all()
    });
    let rows: Vec<_> = rows.collect();
    let tx = store.begin().await?;
    theirs::Entity::insert_many(rows).exec_without_returning(&tx).await?;
    store.commit(tx).await?;
    Ok(place)
}

/// What the ERP has of some external ids, in the order in which it told them.
pub(super) async fn of(
    store: &Store,
    run: Uuid,
    external_ids: impl IntoIterator<Item = &str>,
) -> Result<Vec<ErpDocument>, DbErr> {
    let rows = theirs::Entity::find()
        .filter(theirs::Column::Run.eq(run))
        .filter(theirs::Column::ExternalId.is_in(external_ids))
        .order_by_asc(theirs::Column::ExternalId)
        .order_by_asc(theirs::Column::Place)
        .all(store.reader())
        .await?;
    let read = rows.iter().map(|row| ErpDocument::decode(row.body.as_slice())).collect::<Result<_, _>>();
    read.map_err(|error| DbErr::Custom(error.to_string()))
}
