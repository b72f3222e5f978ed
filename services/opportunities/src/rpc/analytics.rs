//! Figures over all opportunities.

use std::sync::Arc;

use dealflow_chassis::security::Sight;
use dealflow_chassis::work::check;
use dealflow_chassis::{Refusal, Store};
use dealflow_proto::google::type_::Date;
use dealflow_proto::names::{EMPLOYEES, PROCESSES};
use dealflow_proto::opportunities::v1 as pb;
use dealflow_proto::opportunities::v1::analytics_service_server::AnalyticsService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::analytics::{self, Filter, Group};
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
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let mut filter = filter(&ask.owners, &ask.process, ask.from_date, ask.to_date).map_err(Refusal::from)?;
        let owner = EMPLOYEES.parse_optional(&ask.owner).map_err(|error| Refusal::field("owner", error.to_string()))?;
        filter.owners.extend(owner.filter(|owner| !filter.owners.contains(owner)));
        let Some(filter) = narrowed(filter, &sight) else { return Ok(Response::new(Default::default())) };
        let rows = analytics::pipeline(self.store.reader(), &filter, &self.library.stages()).await;
        let rows = rows.map_err(Refusal::from)?.into_iter().map(wire::pipeline_row).collect::<Result<_, Error>>();
        Ok(Response::new(pb::GetPipelineResponse { rows: rows.map_err(Refusal::from)? }))
    }

    async fn get_forecast(
        &self,
        request: Request<pb::GetForecastRequest>,
    ) -> Result<Response<pb::GetForecastResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let filter = filter(&ask.owners, &ask.process, ask.from_date, ask.to_date).map_err(Refusal::from)?;
        let Some(filter) = narrowed(filter, &sight) else { return Ok(Response::new(Default::default())) };
        let rows = analytics::forecast(self.store.reader(), &filter, &self.library.stages()).await;
        let rows = rows.map_err(Refusal::from)?.into_iter().map(wire::forecast_row).collect::<Result<_, Error>>();
        Ok(Response::new(pb::GetForecastResponse { rows: rows.map_err(Refusal::from)? }))
    }

    async fn get_won_lost(
        &self,
        request: Request<pb::GetWonLostRequest>,
    ) -> Result<Response<pb::GetWonLostResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let group = group(ask.group_by())?;
        let filter = filter(&ask.owners, &ask.process, ask.from_date, ask.to_date).map_err(Refusal::from)?;
        let Some(filter) = narrowed(filter, &sight) else { return Ok(Response::new(Default::default())) };
        let rows = analytics::won_lost(self.store.reader(), group, &filter).await;
        let rows = rows.map_err(Refusal::from)?.into_iter().map(wire::won_lost_row).collect::<Result<_, Error>>();
        Ok(Response::new(pb::GetWonLostResponse { rows: rows.map_err(Refusal::from)? }))
    }

    async fn get_stage_figures(
        &self,
        request: Request<pb::GetStageFiguresRequest>,
    ) -> Result<Response<pb::GetStageFiguresResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let filter = filter(&ask.owners, &ask.process, ask.from_date, ask.to_date).map_err(Refusal::from)?;
        let Some(filter) = narrowed(filter, &sight) else { return Ok(Response::new(Default::default())) };
        let db = self.store.reader();
        let processes = self.library.all(db).await.map_err(Refusal::from)?;
        let rows = analytics::stage_figures(db, &filter, &self.library.stages(), &processes).await;
        let rows = rows.map_err(Refusal::from)?.iter().map(wire::stage_row).collect();
        Ok(Response::new(pb::GetStageFiguresResponse { rows }))
    }
}

/// Only what the caller sees as his own or of whom he leads is counted (R-SEC-1); nothing where he names others.
fn narrowed(filter: Filter, sight: &Sight) -> Option<Filter> {
    let owners = sight.narrow(filter.owners)?;
    Some(Filter { owners, ..filter })
}

fn filter(owners: &[String], process: &str, from: Option<Date>, to: Option<Date>) -> Result<Filter, Error> {
    let mut ids: Vec<Uuid> = Vec::with_capacity(owners.len());
    for (index, owner) in owners.iter().enumerate() {
        let id =
            EMPLOYEES.parse(owner).map_err(|error| Error::field(&format!("owners[{index}]"), error.to_string()))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let process = Some(process).filter(|process| !process.is_empty()).map(|process| PROCESSES.parse_slug(process));
    let process = process.transpose().map_err(|error| Error::field("process", error.to_string()))?;
    let (from, to) = (day("from_date", from.as_ref())?, day("to_date", to.as_ref())?);
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        return Err(Error::field("to_date", format!("is {to}, before from_date, {from}")));
    }
    Ok(Filter { owners: ids, process: process.map(str::to_owned), from, to })
}

fn group(by: pb::get_won_lost_request::GroupBy) -> Result<Group, Refusal> {
    use pb::get_won_lost_request::GroupBy;
    Ok(match by {
        GroupBy::Unspecified => Group::All,
        GroupBy::Owner => Group::Owner,
        GroupBy::Account => Group::Account,
        GroupBy::LoseReason => Group::LoseReason,
        GroupBy::Month => Group::Month,
        GroupBy::Quarter => Group::Quarter,
        GroupBy::Year => Group::Year,
        GroupBy::Stage => Group::Stage,
        GroupBy::Source => Group::Source,
        GroupBy::Product => Group::Product,
        GroupBy::Process => Group::Process,
        GroupBy::Team | GroupBy::Manager | GroupBy::Office => {
            return Err(Refusal::field("group_by", "what this part knows; by people it is asked at the gateway"));
        }
    })
}
