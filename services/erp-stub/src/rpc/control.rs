//! The control service: what the stub is like, faults to come, the clock, the books by hand, and the journal.

use std::collections::BTreeMap;

use dealflow_chassis::refusal::Refusal;
use dealflow_chassis::work::check;
use dealflow_money::{Currency, Money};
use dealflow_proto::convert;
use dealflow_proto::erp::v1 as pb;
use dealflow_proto::erp::v1::erp_stub_control_service_server::ErpStubControlService;
use dealflow_proto::erp::v1::{Outcome, Personality};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tonic::{Request, Response, Status};

use super::erp::Erp;
use crate::book::{self, Done, Model};
use crate::booking::{save, span};
use crate::state::{self, State};
use crate::{event, journal, keep};

/// Tells the stub what to do wrong, and asks what it saw.
pub struct Control {
    pub(crate) erp: Erp,
}

impl Control {
    /// A transaction that holds the books.
    async fn begin(&self) -> Result<DatabaseTransaction, Refusal> {
        let tx = self.erp.store.begin().await?;
        book::take(&tx).await?;
        Ok(tx)
    }

    async fn plan(&self, faults: Vec<pb::Fault>, seed: i64) -> Result<Response<pb::FaultPlan>, Status> {
        let state = State::load(self.erp.store.reader()).await.map_err(Refusal::from)?;
        let ends = faults.is_empty();
        self.erp.faults.plan(faults, seed, state.now(&self.erp.store));
        if ends {
            // What a fault held back is told after all.
            let tx = self.begin().await?;
            event::release_all(&tx).await.map_err(Refusal::from)?;
            self.erp.store.commit(tx).await.map_err(Refusal::from)?;
        }
        Ok(Response::new(pb::FaultPlan { faults: self.erp.faults.standing() }))
    }
}

#[tonic::async_trait]
impl ErpStubControlService for Control {
    async fn set_fault_plan(
        &self,
        request: Request<pb::SetFaultPlanRequest>,
    ) -> Result<Response<pb::FaultPlan>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        self.plan(ask.faults, ask.seed).await
    }

    async fn clear_faults(&self, _: Request<pb::ClearFaultsRequest>) -> Result<Response<pb::FaultPlan>, Status> {
        self.plan(Vec::new(), 0).await
    }

    async fn get_journal(
        &self,
        request: Request<pb::GetJournalRequest>,
    ) -> Result<Response<pb::GetJournalResponse>, Status> {
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
            .all(self.erp.store.reader())
            .await
            .map_err(Refusal::from)?;
        Ok(Response::new(pb::GetJournalResponse { entries: rows.into_iter().map(Into::into).collect() }))
    }

    async fn configure(&self, request: Request<pb::ConfigureRequest>) -> Result<Response<pb::Configuration>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let mut configuration = ask.configuration.unwrap_or_default();
        if configuration.personality() == Personality::Unspecified {
            configuration.set_personality(Personality::Native);
        }
        let tx = self.begin().await?;
        state::configure(&tx, &configuration).await.map_err(Refusal::from)?;
        self.erp.store.commit(tx).await.map_err(Refusal::from)?;
        Ok(Response::new(configuration))
    }

    async fn get_configuration(
        &self,
        _: Request<pb::GetConfigurationRequest>,
    ) -> Result<Response<pb::Configuration>, Status> {
        let state = State::load(self.erp.store.reader()).await.map_err(Refusal::from)?;
        let personality = state.personality().into();
        Ok(Response::new(pb::Configuration { personality, ..state.configuration }))
    }

    async fn advance_clock(
        &self,
        request: Request<pb::AdvanceClockRequest>,
    ) -> Result<Response<pb::AdvanceClockResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let by = span(&ask.by).ok_or_else(|| Refusal::field("by", "a span of time that is not negative"))?;
        let tx = self.begin().await?;
        let mut state = State::load(&tx).await.map_err(Refusal::from)?;
        state.advance(&tx, by).await.map_err(Refusal::from)?;
        self.erp.store.commit(tx).await.map_err(Refusal::from)?;
        let steps = self.erp.catch_up().await?;
        let time = Some(convert::timestamp(state.now(&self.erp.store)));
        Ok(Response::new(pb::AdvanceClockResponse { time, steps: steps.try_into().unwrap_or(i32::MAX) }))
    }

    async fn act(&self, request: Request<pb::ActRequest>) -> Result<Response<pb::ErpDocument>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let tx = self.begin().await?;
        let state = State::load(&tx).await.map_err(Refusal::from)?;
        let row = book::find(&tx, &ask.external_id).await.map_err(Refusal::from)?;
        let row = row.filter(|row| row.outcome() == Outcome::Accepted);
        let mut row = row.ok_or_else(|| Refusal::missing(&ask.external_id))?;
        by_hand(&mut row, &ask)?;
        event::tell(&tx, &self.erp.faults, &mut row, state.now(&self.erp.store)).await.map_err(Refusal::from)?;
        save(&tx, &row).await.map_err(Refusal::from)?;
        self.erp.store.commit(tx).await.map_err(Refusal::from)?;
        Ok(Response::new(row.to_wire().map_err(Refusal::internal)?))
    }

    async fn snapshot(&self, request: Request<pb::SnapshotRequest>) -> Result<Response<pb::SnapshotResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let tx = self.begin().await?;
        let documents = keep::snapshot(&tx, &ask.name).await.map_err(Refusal::from)?;
        self.erp.store.commit(tx).await.map_err(Refusal::from)?;
        Ok(Response::new(pb::SnapshotResponse { documents: count(documents) }))
    }

    async fn restore(&self, request: Request<pb::RestoreRequest>) -> Result<Response<pb::RestoreResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let tx = self.begin().await?;
        let restored = keep::restore(&tx, &ask.name).await.map_err(Refusal::from)?;
        let (documents, forgotten) = restored.ok_or_else(|| Refusal::missing(&ask.name))?;
        self.erp.store.commit(tx).await.map_err(Refusal::from)?;
        Ok(Response::new(pb::RestoreResponse { documents: count(documents), forgotten: count(forgotten) }))
    }

    async fn reset(&self, _: Request<pb::ResetRequest>) -> Result<Response<pb::ResetResponse>, Status> {
        let tx = self.begin().await?;
        keep::reset(&tx).await.map_err(Refusal::from)?;
        let now = State::load(&tx).await.map_err(Refusal::from)?.now(&self.erp.store);
        self.erp.store.commit(tx).await.map_err(Refusal::from)?;
        self.erp.faults.plan(Vec::new(), 0, now);
        Ok(Response::new(pb::ResetResponse {}))
    }
}

/// What a clerk says of a document; amounts are all in all.
fn by_hand(row: &mut Model, ask: &pb::ActRequest) -> Result<(), Refusal> {
    row.status = ask.status;
    row.due_at = None;
    let mut lines = BTreeMap::new();
    for line in &ask.lines {
        let quantity = |said: &Option<_>, field: &str| {
            let read = said.as_ref().map(convert::decimal_from).transpose();
            read.map_err(|error| Refusal::field(field, error.to_string()))
        };
        let confirmed = quantity(&line.confirmed_quantity, "lines.confirmed_quantity")?;
        let delivered = quantity(&line.delivered_quantity, "lines.delivered_quantity")?.unwrap_or_default();
        lines.insert(line.line_id.clone(), Done { confirmed, delivered });
    }
    row.lines.0.extend(lines);
    if let Some(paid) = &ask.paid {
        let wrong = |error: dealflow_money::MoneyError| Refusal::field("paid", error.to_string());
        let currency = Currency::parse(&row.currency).map_err(wrong)?;
        if paid.currency_code != row.currency {
            return Err(Refusal::field("paid.currency_code", format!("{}, as the document", row.currency)));
        }
        row.paid_minor = Money::from_units_nanos(paid.units, paid.nanos, currency).map_err(wrong)?.minor;
    }
    row.reasons = ask.reasons.clone().into();
    Ok(())
}

fn count(many: u64) -> i32 {
    many.try_into().unwrap_or(i32::MAX)
}
