//! Figures over all opportunities.

use std::sync::Arc;

use dealflow_chassis::work::check;
use dealflow_chassis::{Refusal, Store};
use dealflow_proto::names::EMPLOYEES;
use dealflow_proto::opportunities::v1 as pb;
use dealflow_proto::opportunities::v1::analytics_service_server::AnalyticsService;
use tonic::{Request, Response, Status};

use crate::analytics::{self, Group, Period};
use crate::error::Error;
use crate::library::Library;
use crate::wire::{self, day};

/// The analytics service.
pub(crate) struct Analytics {
    pub(crate) store: Store,
    pub(crate) library: Arc<Library>,
}

#[tonic::async_trait]
impl AnalyticsService for Analytics {
    async fn get_pipeline(
        &self,
        request: Request<pb::GetPipelineRequest>,
    ) -> Result<Response<pb::GetPipelineResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let owner = EMPLOYEES.parse_optional(&ask.owner).map_err(|error| Refusal::field("owner", error.to_string()))?;
        let rows =
            analytics::pipeline(self.store.reader(), owner, &self.library.stages()).await.map_err(Refusal::from)?;
        let rows = rows.into_iter().map(wire::pipeline_row).collect::<Result<_, Error>>().map_err(Refusal::from)?;
        Ok(Response::new(pb::GetPipelineResponse { rows }))
    }

    async fn get_won_lost(
        &self,
        request: Request<pb::GetWonLostRequest>,
    ) -> Result<Response<pb::GetWonLostResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let period = period(&ask).map_err(Refusal::from)?;
        let rows =
            analytics::won_lost(self.store.reader(), group(ask.group_by()), period).await.map_err(Refusal::from)?;
        let rows = rows.into_iter().map(wire::won_lost_row).collect::<Result<_, Error>>().map_err(Refusal::from)?;
        Ok(Response::new(pb::GetWonLostResponse { rows }))
    }
}

fn period(ask: &pb::GetWonLostRequest) -> Result<Period, Error> {
    let from = day("from_date", ask.from_date.as_ref())?;
    let to = day("to_date", ask.to_date.as_ref())?;
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        return Err(Error::field("to_date", format!("is {to}, before from_date, {from}")));
    }
    Ok(Period { from, to })
}

fn group(by: pb::get_won_lost_request::GroupBy) -> Group {
    use pb::get_won_lost_request::GroupBy;
    match by {
        GroupBy::Unspecified => Group::All,
        GroupBy::Owner => Group::Owner,
        GroupBy::Account => Group::Account,
        GroupBy::LoseReason => Group::LoseReason,
        GroupBy::Month => Group::Month,
    }
}
