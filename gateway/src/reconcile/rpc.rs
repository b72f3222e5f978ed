//! The service: one function per RPC.

use std::sync::LazyLock;

use dealflow_chassis::list::{Bond, Fields, ListRequest, list};
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Refusal};
use dealflow_proto::erp::v1::reconciliation_service_server::ReconciliationService;
use dealflow_proto::erp::v1::{
    CompareReconciliationsRequest, CompareReconciliationsResponse, GetReconciliationReportRequest,
    ListReconciliationsRequest, ListReconciliationsResponse, ReconcileRequest, Reconciliation,
    ReconciliationClass as Class, ReconciliationReport, ReconciliationRow, ResolveReconciliationRequest,
    ResolveReconciliationResponse,
};
use dealflow_proto::{convert, names};
use prost::Message;
use sea_orm::sea_query::{Alias, Expr, Query};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Reconciler;
use super::compare::Wanted;
use super::record::{row, run};
use super::resolve::resolve;

/// Rows of a comparison each way.
const MANY: u64 = 1000;

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .text("legal_entity", run::Column::LegalEntity)
        .filter_only()
        .bool("clean", run::Column::Clean)
        .filter_only()
        .time("create_time", run::Column::CreatedAt)
});

#[tonic::async_trait]
impl ReconciliationService for Reconciler {
    async fn reconcile(&self, request: Request<ReconcileRequest>) -> Result<Response<Reconciliation>, Status> {
        check(request.get_ref())?;
        let wanted = wanted(request.get_ref())?;
        let this = self.clone();
        // In a task of its own, which has the time that it takes: a caller who has gone finds the run when he asks again.
        let making = tokio::spawn(async move { this.make(request, wanted).await });
        making.await.map_err(Refusal::internal)?
    }

    async fn list_reconciliations(
        &self,
        request: Request<ListReconciliationsRequest>,
    ) -> Result<Response<ListReconciliationsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let wanted = ListRequest {
            page_size: ask.page_size,
            page_token: &ask.page_token,
            filter: &ask.filter,
            order_by: &ask.order_by,
        };
        let page = list(self.store.reader(), run::Entity::find(), &FIELDS, wanted).await.map_err(Refusal::from)?;
        let reconciliations = page.items.iter().map(to_wire).collect::<Result<_, _>>()?;
        Ok(Response::new(ListReconciliationsResponse { reconciliations, next_page_token: page.next_page_token }))
    }

    async fn get_reconciliation_report(
        &self,
        request: Request<GetReconciliationReportRequest>,
    ) -> Result<Response<ReconciliationReport>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let found = self.find(&ask.name).await?;
        let size = match ask.page_size {
            ..0 => return Err(Refusal::field("page_size", "not negative").into()),
            0 => 50,
            size => u64::from(size.unsigned_abs()).min(MANY),
        };
        let bond = Bond::of(&["reconciliation rows", &ask.name, ask.class().as_str_name()]);
        let after = match ask.page_token.as_str() {
            "" => String::new(),
            token => bond.open(token).map_err(Refusal::from)?,
        };
        let mut query = row::Entity::find().filter(row::Column::Run.eq(found.id));
        if ask.class() != Class::Unspecified {
            query = query.filter(row::Column::Class.eq(ask.class));
        }
        let mut rows = query
            .filter(row::Column::ExternalId.gt(after))
            .order_by_asc(row::Column::ExternalId)
            .limit(size + 1)
            .all(self.store.reader())
            .await
            .map_err(Refusal::from)?;
        let more = rows.len() as u64 > size;
        rows.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        let next_page_token = rows.last().filter(|_| more).map(|row| bond.seal(&row.external_id)).unwrap_or_default();
        let reconciliation = Some(to_wire(&found)?);
        Ok(Response::new(ReconciliationReport { reconciliation, rows: shown(&rows)?, next_page_token }))
    }

    async fn compare_reconciliations(
        &self,
        request: Request<CompareReconciliationsRequest>,
    ) -> Result<Response<CompareReconciliationsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let (later, earlier) = (self.find(&ask.name).await?.id, self.find(&ask.earlier).await?.id);
        let appeared = self.only_in(later, earlier).await?;
        let gone = self.only_in(earlier, later).await?;
        Ok(Response::new(CompareReconciliationsResponse { appeared, gone }))
    }

    async fn resolve_reconciliation(
        &self,
        request: Request<ResolveReconciliationRequest>,
    ) -> Result<Response<ResolveReconciliationResponse>, Status> {
        let resolved = self
            .store
            .work(request, |mut work, ask: ResolveReconciliationRequest| async move {
                let answer = resolve(&mut work, &ask).await?;
                Ok::<_, Refusal>(work.done(answer))
            })
            .await?;
        self.handoffs.wake();
        Ok(resolved)
    }
}

impl Reconciler {
    /// Makes a run, unless it was made already.
    async fn make(
        &self,
        request: Request<ReconcileRequest>,
        wanted: Wanted,
    ) -> Result<Response<Reconciliation>, Status> {
        let ask = request.get_ref();
        let id = id_of(&ask.request_id);
        let _alone = self.running.alone(id).await;
        let attempt = Uuid::now_v7();
        // Asked again, it was made already; only checked, it is not made.
        let standing = run::Entity::find_by_id(id).one(self.store.reader()).await.map_err(Refusal::from)?;
        let figures = match standing {
            None if !ask.validate_only => self.compare(attempt, &wanted).await?,
            _ => super::compare::Figures::default(),
        };
        let made = self
            .store
            .work(request, |mut work, ask: ReconcileRequest| async move {
                let made = Reconciliation {
                    name: names::RECONCILIATIONS.name(id),
                    create_time: Some(convert::timestamp(work.now)),
                    actor: work.context.actor.clone(),
                    legal_entity: ask.legal_entity.clone(),
                    from_date: ask.from_date,
                    until_date: ask.until_date,
                    r#type: ask.r#type,
                    counts: figures.counts(),
                    totals: figures.sums.to_wire(),
                    clean: figures.clean(),
                };
                if ask.validate_only {
                    return Ok(work.done(made));
                }
                let row = run::Model {
                    id,
                    created_at: work.now,
                    actor: made.actor.clone(),
                    legal_entity: made.legal_entity.clone(),
                    from_date: wanted.from,
                    until_date: wanted.until,
                    kind: made.r#type,
                    clean: made.clean,
                    summary: made.encode_to_vec(),
                };
                run::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(&work.tx).await?;
                row::Entity::update_many()
                    .col_expr(row::Column::Run, Expr::value(id))
                    .filter(row::Column::Run.eq(attempt))
                    .exec(&work.tx)
                    .await?;
                work.record(
                    Change::new("reconciliation.made", made.name.clone(), "Reconcile")
                        .thread(made.name.as_str())
                        .data(&made),
                );
                Ok::<_, Refusal>(work.done(made))
            })
            .await;
        // Where another replica was faster, or the run was refused.
        self.forget(attempt).await.map_err(Refusal::from)?;
        made
    }

    async fn find(&self, name: &str) -> Result<run::Model, Refusal> {
        let id = names::RECONCILIATIONS.parse(name)?;
        let found = run::Entity::find_by_id(id).one(self.store.reader()).await?;
        found.ok_or_else(|| Refusal::missing(name))
    }

    /// What one run found of a class that another did not find.
    async fn only_in(&self, run: Uuid, other: Uuid) -> Result<Vec<ReconciliationRow>, Status> {
        // Not for the whole file: its `min` and `max` would be everybody's.
        use sea_orm::sea_query::ExprTrait;
        let of_other = |column: row::Column| Expr::col((Alias::new("other"), column));
        let there = Query::select()
            .expr(Expr::val(1))
            .from_as(row::Entity, Alias::new("other"))
            .and_where(of_other(row::Column::Run).eq(other))
            .and_where(of_other(row::Column::ExternalId).equals((row::Entity, row::Column::ExternalId)))
            .and_where(of_other(row::Column::Class).equals((row::Entity, row::Column::Class)))
            .to_owned();
        let rows = row::Entity::find()
            .filter(row::Column::Run.eq(run))
            .filter(Expr::exists(there).not())
            .order_by_asc(row::Column::ExternalId)
            .limit(MANY)
            .all(self.store.reader())
            .await
            .map_err(Refusal::from)?;
        shown(&rows)
    }
}

/// The run of a request.
fn id_of(request_id: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, request_id.to_ascii_lowercase().as_bytes())
}

fn wanted(ask: &ReconcileRequest) -> Result<Wanted, Refusal> {
    let day = |date: &Option<_>, field: &str| {
        let read = date.as_ref().map(convert::date_of).transpose();
        read.map_err(|error| Refusal::field(field, error.to_string()))
    };
    let (from, until) = (day(&ask.from_date, "from_date")?, day(&ask.until_date, "until_date")?);
    if from.zip(until).is_some_and(|(from, until)| until <= from) {
        return Err(Refusal::field("until_date", "after from_date"));
    }
    Ok(Wanted { legal_entity: ask.legal_entity.clone(), from, until, kind: ask.r#type })
}

fn to_wire(row: &run::Model) -> Result<Reconciliation, Status> {
    Ok(Reconciliation::decode(row.summary.as_slice()).map_err(Refusal::internal)?)
}

fn shown(rows: &[row::Model]) -> Result<Vec<ReconciliationRow>, Status> {
    let rows = rows.iter().map(row::Model::to_wire).collect::<Result<_, _>>();
    Ok(rows.map_err(Refusal::internal)?)
}
