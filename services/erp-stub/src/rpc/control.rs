//! The control service: faults to come, and the journal of what was received.

use dealflow_chassis::refusal::Refusal;
use dealflow_chassis::store::Store;
use dealflow_chassis::work::check;
use dealflow_proto::erp::v1::erp_stub_control_service_server::ErpStubControlService;
use dealflow_proto::erp::v1::{
    ClearFaultsRequest, FaultPlan, GetJournalRequest, GetJournalResponse, SetFaultPlanRequest,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tonic::{Request, Response, Status};

use crate::faults::Faults;
use crate::journal;

/// Tells the stub what to do wrong, and asks what it saw.
pub struct Control {
    pub(crate) store: Store,
    pub(crate) faults: Faults,
}

#[tonic::async_trait]
impl ErpStubControlService for Control {
    async fn set_fault_plan(&self, request: Request<SetFaultPlanRequest>) -> Result<Response<FaultPlan>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        self.faults.plan(ask.faults);
        Ok(Response::new(FaultPlan { faults: self.faults.standing() }))
    }

    async fn clear_faults(&self, _: Request<ClearFaultsRequest>) -> Result<Response<FaultPlan>, Status> {
        self.faults.plan(Vec::new());
        Ok(Response::new(FaultPlan { faults: Vec::new() }))
    }

    async fn get_journal(&self, request: Request<GetJournalRequest>) -> Result<Response<GetJournalResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let size = if ask.page_size == 0 { 1000 } else { ask.page_size.unsigned_abs().min(1000) };
        let mut query = journal::Entity::find().filter(journal::Column::Number.gt(ask.after_number));
        if !ask.external_id.is_empty() {
            query = query.filter(journal::Column::ExternalId.eq(ask.external_id));
        }
        let rows = query
            .order_by_asc(journal::Column::Number)
            .limit(u64::from(size))
            .all(self.store.reader())
            .await
            .map_err(Refusal::from)?;
        Ok(Response::new(GetJournalResponse { entries: rows.into_iter().map(Into::into).collect() }))
    }
}
