//! Runs: canceled, resumed, completed, told of documents, moved to another version.

use std::collections::BTreeMap;

use dealflow_chassis::list::Bond;
use dealflow_chassis::{Change, Refusal, Work};
use dealflow_proto::names::{PROCESSES, STAGES};
use dealflow_proto::opportunities::v1 as pb;
use dealflow_proto::opportunities::v1::run_service_server::RunService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Opportunities;
use super::steps::{answer, stage_slug};
use crate::document;
use crate::error::Error;
use crate::opportunity::{self, led_by};
use crate::sale::{Moved, Plan, Sale, save_moved};
use crate::wire;

/// How many runs a page moves where nobody says.
const PAGE: i32 = 50;

#[tonic::async_trait]
impl RunService for Opportunities {
    async fn cancel_process(
        &self,
        request: Request<pb::CancelProcessRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::CancelProcessRequest| async move {
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            sale.cancel_run(&ask.reason, work.now)?;
            sale.save(&work.tx, work.now).await?;
            Ok::<_, Error>(answer(work, sale, "CancelProcess"))
        };
        self.work(request, act).await
    }

    async fn resume_process(
        &self,
        request: Request<pb::ResumeProcessRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::ResumeProcessRequest| async move {
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            sale.resume_run(self.moment_of_result(&work).await?)?;
            sale.save(&work.tx, work.now).await?;
            Ok::<_, Error>(answer(work, sale, "ResumeProcess"))
        };
        self.work(request, act).await
    }

    async fn complete_process(
        &self,
        request: Request<pb::CompleteProcessRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::CompleteProcessRequest| async move {
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            sale.complete_run(work.now)?;
            sale.save(&work.tx, work.now).await?;
            Ok::<_, Error>(answer(work, sale, "CompleteProcess"))
        };
        self.work(request, act).await
    }

    /// The opportunity itself does not change by it, but for the run of a won one that waited for a document.
    async fn record_documents(
        &self,
        request: Request<pb::RecordDocumentsRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::RecordDocumentsRequest| async move {
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            let id = sale.opportunity.id;
            document::record(&work.tx, wire::documents(&ask.documents, id, work.now)?).await?;
            sale.documents = document::of_opportunities(&work.tx, vec![id]).await?;
            sale.complete_when_fulfilled(work.now);
            if !sale.steps.is_empty() {
                sale.save(&work.tx, work.now).await?;
            }
            Ok::<_, Error>(answer(work, sale, "RecordDocuments"))
        };
        self.work(request, act).await
    }

    async fn migrate_runs(
        &self,
        request: Request<pb::MigrateRunsRequest>,
    ) -> Result<Response<pb::MigrateRunsResponse>, Status> {
        let act = |mut work: Work, ask: pb::MigrateRunsRequest| async move {
            let (id, plan) = self.plan(&work, &ask).await?;
            let bond = bond_of(&ask);
            let behind = match ask.page_token.as_str() {
                "" => None,
                token => Some(Uuid::try_parse(&bond.open(token).map_err(Refusal::from)?).map_err(Refusal::internal)?),
            };
            let size = u64::try_from(if ask.page_size == 0 { PAGE } else { ask.page_size }).unwrap_or_default();
            let page = opportunity::lock_led_by(&work.tx, &led_by(&id, ask.from_version), behind, size).await?;
            let full = u64::try_from(page.len()).is_ok_and(|count| count == size);
            let next = page.last().filter(|_| full).map(|last| bond.seal(&last.id.to_string()));
            let next_page_token = next.unwrap_or_default();
            let mut answer = pb::MigrateRunsResponse { next_page_token, ..Default::default() };
            let mut moved = Vec::new();
            for mut sale in Sale::of_page(&work.tx, &self.library, page).await? {
                work.take_effect_after(sale.opportunity.updated_at)?;
                match sale.migrate(&plan, work.now) {
                    Ok(how) => {
                        answer.moved.push(moved_run(&sale, how));
                        sale.opportunity.version += 1;
                        sale.opportunity.updated_at = work.now;
                        moved.push(sale);
                    }
                    Err(reason) => answer.unmoved.push(pb::UnmovedRun {
                        opportunity: sale.opportunity.name(),
                        stage: STAGES.slug(&sale.opportunity.stage),
                        reason,
                    }),
                }
            }
            save_moved(&work.tx, &moved, work.now).await?;
            for sale in &moved {
                record(&mut work, sale);
            }
            Ok::<_, Error>(work.done(answer))
        };
        self.work(request, act).await
    }
}

impl Opportunities {
    /// The process's slug, and where its runs go.
    async fn plan(&self, work: &Work, ask: &pb::MigrateRunsRequest) -> Result<(String, Plan), Error> {
        let id = PROCESSES.parse_slug(&ask.process).map_err(|error| Error::field("process", error.to_string()))?;
        let latest = self.library.latest(&work.tx, id).await?.ok_or_else(|| Error::Missing(ask.process.clone()))?;
        let to = match ask.to_version {
            0 => latest,
            version => self.library.pinned(&work.tx, id, version).await?,
        };
        if to.version == ask.from_version {
            return Err(Error::field("to_version", format!("is {}, where they run already", to.version)));
        }
        let mut stages = BTreeMap::new();
        for (index, mapping) in ask.stages.iter().enumerate() {
            let at = |field: &str| format!("stages[{index}].{field}");
            let from = stage_slug(&at("from"), &mapping.from)?.unwrap_or_default();
            let to = stage_slug(&at("to"), &mapping.to)?.unwrap_or_default();
            stages.insert(from.to_owned(), to.to_owned());
        }
        Ok((id.to_owned(), Plan { to, stages }))
    }
}

/// What a token of a move is bound to: which runs move, and where to.
fn bond_of(ask: &pb::MigrateRunsRequest) -> Bond {
    let versions = format!("{} {}", ask.from_version, ask.to_version);
    let stages = ask.stages.iter().flat_map(|stage| [stage.from.as_str(), stage.to.as_str()]);
    let words: Vec<&str> = ["runs", ask.process.as_str(), versions.as_str()].into_iter().chain(stages).collect();
    Bond::of(&words)
}

fn moved_run(sale: &Sale, how: Moved) -> pb::MovedRun {
    pb::MovedRun {
        opportunity: sale.opportunity.name(),
        from_stage: STAGES.slug(&how.from),
        to_stage: STAGES.slug(&how.to),
        entered_anew: how.entered_anew,
        planned_keys: how.planned_keys,
    }
}

fn record(work: &mut Work, sale: &Sale) {
    let opportunity = wire::sale(sale);
    for step in &sale.steps {
        let change = Change::new(step.kind, &opportunity.name, "MigrateRuns").states(&step.from, &step.to);
        work.record(change.reason(&step.reason).thread(&opportunity.name).data(&opportunity));
    }
}
