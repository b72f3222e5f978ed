//! The process library: read, imported, exported, drawn.

use std::collections::HashMap;
use std::sync::Arc;

use dealflow_chassis::security::Sight;
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Refusal, Store, Work};
use dealflow_proto::convert::timestamp;
use dealflow_proto::names::{OPPORTUNITIES, PROCESSES};
use dealflow_proto::opportunities::v1 as pb;
use dealflow_proto::opportunities::v1::process_service_server::ProcessService;
use dealflow_proto::{Listing, Validate};
use sea_orm::{ConnectionTrait, EntityTrait};
use tonic::{Request, Response, Status};

use super::steps::{id, language};
use crate::error::Error;
use crate::library::{Effect, Fault, Faults, Library, Process, diagram, differences, latest, stages, stored};
use crate::opportunity::{self, NamedReason, led_by, lose_reason};
use crate::sale::Sale;
use crate::stage_entry;
use crate::wire;

/// What an imported file is called in its faults.
const THE_FILE: &str = "the file";

/// The process service.
pub(crate) struct Processes {
    pub(crate) store: Store,
    pub(crate) library: Arc<Library>,
}

#[tonic::async_trait]
impl ProcessService for Processes {
    async fn list_processes(
        &self,
        request: Request<pb::ListProcessesRequest>,
    ) -> Result<Response<pb::ListProcessesResponse>, Status> {
        let (processes, next_page_token) = self.page(request.get_ref()).await?;
        let stages = self.library.stages();
        let processes = processes.iter().map(|process| wire::process(process, &stages)).collect();
        Ok(Response::new(pb::ListProcessesResponse { processes, next_page_token }))
    }

    async fn get_process(&self, request: Request<pb::GetProcessRequest>) -> Result<Response<pb::Process>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let process = self.version(&ask.name, ask.version).await.map_err(Refusal::from)?;
        Ok(Response::new(wire::process(&process, &self.library.stages())))
    }

    async fn list_process_versions(
        &self,
        request: Request<pb::ListProcessVersionsRequest>,
    ) -> Result<Response<pb::ListProcessVersionsResponse>, Status> {
        Ok(Response::new(self.versions(&request.into_inner()).await?))
    }

    async fn list_startable_processes(
        &self,
        request: Request<pb::ListStartableProcessesRequest>,
    ) -> Result<Response<pb::ListStartableProcessesResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        Ok(Response::new(self.startable(request.get_ref(), &sight).await?))
    }

    async fn import_process(
        &self,
        request: Request<pb::ImportProcessRequest>,
    ) -> Result<Response<pb::ImportProcessResponse>, Status> {
        let act = |mut work: Work, ask: pb::ImportProcessRequest| async move {
            let stages = self.library.look_again(&work.tx).await?;
            let process = Process::parse(THE_FILE, &ask.yaml, &stages)?;
            check_reasons(&work.tx, &process).await?;
            let id = process.id.value.clone();
            let before = self.library.latest(&work.tx, &id).await?;
            let changes = differences(before.as_deref(), &process);
            let previous = before.as_ref().map_or(0, |before| before.version);
            let version = if changes.is_empty() { previous } else { previous + 1 };
            if !changes.is_empty() {
                stored::import(&work.tx, &id, version, &ask.yaml, work.now).await?;
                let told = wire::process(&Process { version, ..process }, &stages);
                let versions = (previous.to_string(), version.to_string());
                let change = Change::new("process.imported", &told.name, "ImportProcess");
                work.record(change.states(versions.0, versions.1).data(&told));
            }
            Ok::<_, Error>(work.done(pb::ImportProcessResponse {
                process: PROCESSES.slug(&id),
                version,
                previous_version: previous,
                changes: changes.into_iter().map(wire::process_change).collect(),
            }))
        };
        self.store.work(request, act).await
    }

    async fn export_process(
        &self,
        request: Request<pb::ExportProcessRequest>,
    ) -> Result<Response<pb::ExportProcessResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let slug = slug(&ask.name).map_err(Refusal::from)?;
        let version = (ask.version != 0).then_some(ask.version);
        let found = stored::find(self.store.reader(), slug, version).await.map_err(Refusal::from)?;
        let found = found.ok_or_else(|| Refusal::missing(&ask.name))?;
        Ok(Response::new(pb::ExportProcessResponse { version: found.version, yaml: found.body }))
    }

    async fn get_process_diagram(
        &self,
        request: Request<pb::GetProcessDiagramRequest>,
    ) -> Result<Response<pb::GetProcessDiagramResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let (version, text) = self.diagram(&ask, &sight).await.map_err(Refusal::from)?;
        Ok(Response::new(pb::GetProcessDiagramResponse { version, text }))
    }

    async fn list_stages(
        &self,
        request: Request<pb::ListStagesRequest>,
    ) -> Result<Response<pb::ListStagesResponse>, Status> {
        let page = self.store.list(request.get_ref(), stages::Entity::find(), &stages::LISTED).await?;
        Ok(Response::new(pb::ListStagesResponse {
            stages: page.items.iter().map(wire::stage).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn create_stage(&self, request: Request<pb::CreateStageRequest>) -> Result<Response<pb::Stage>, Status> {
        self.add_stage(request).await
    }

    async fn update_stage(&self, request: Request<pb::UpdateStageRequest>) -> Result<Response<pb::Stage>, Status> {
        self.change_stage(request).await
    }
}

impl Processes {
    /// A version of a process; the latest where none is said.
    async fn version(&self, name: &str, version: i32) -> Result<Arc<Process>, Error> {
        let (db, slug) = (self.store.reader(), slug(name)?);
        let latest = self.library.latest(db, slug).await?.ok_or_else(|| Error::Missing(name.to_owned()))?;
        if version == 0 || version == latest.version {
            return Ok(latest);
        }
        if version > latest.version {
            return Err(Error::Missing(format!("{name} version {version}; the latest is {}", latest.version)));
        }
        self.library.pinned(db, slug, version).await
    }

    /// A page of the latest versions that this program can read, and the token of the next one.
    async fn page(&self, ask: &(impl Listing + Validate)) -> Result<(Vec<Arc<Process>>, String), Refusal> {
        let page = self.store.list(ask, latest::of_each(), &latest::LISTED).await?;
        let mut processes = Vec::with_capacity(page.items.len());
        for row in &page.items {
            // From memory, but for versions that were never read.
            match self.library.read(self.store.reader(), &row.process, row.version, &row.body).await {
                Ok(process) => processes.push(process),
                Err(Error::Unfollowable { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok((processes, page.next_page_token))
    }

    /// A page of the versions of a process.
    async fn versions(&self, ask: &pb::ListProcessVersionsRequest) -> Result<pb::ListProcessVersionsResponse, Refusal> {
        check(ask)?;
        let (db, slug) = (self.store.reader(), slug(&ask.process)?);
        let page = self.store.list(ask, stored::versions_of(slug), &stored::VERSIONS).await?;
        if page.items.is_empty() && stored::find(db, slug, None).await?.is_none() {
            return Err(Refusal::missing(&ask.process));
        }
        let keys = page.items.iter().map(|it| led_by(&it.process, it.version)).collect();
        let counts: HashMap<String, i64> = opportunity::count_led_by(db, keys).await?.into_iter().collect();
        let told = page.items.iter().map(|it| pb::ProcessVersion {
            version: it.version,
            create_time: Some(timestamp(it.registered_at)),
            shipped: it.shipped,
            run_count: counts.get(&led_by(&it.process, it.version)).copied().unwrap_or_default(),
        });
        Ok(pb::ListProcessVersionsResponse { versions: told.collect(), next_page_token: page.next_page_token })
    }

    /// What could be started, anew or on an opportunity from the stage it is in (R-PRC-1).
    async fn startable(
        &self,
        ask: &pb::ListStartableProcessesRequest,
        sight: &Sight,
    ) -> Result<pb::ListStartableProcessesResponse, Refusal> {
        check(ask)?;
        let db = self.store.reader();
        let sale = match ask.opportunity.as_str() {
            "" => None,
            name => Some(Sale::find(db, &self.library, id("opportunity", OPPORTUNITIES, name)?, sight).await?),
        };
        let (processes, next_page_token) = self.page(ask).await?;
        let mut answer = pb::ListStartableProcessesResponse { next_page_token, ..Default::default() };
        let mut refused = None;
        for process in processes {
            let probe = match sale.clone() {
                Some(mut sale) => {
                    sale.start(process.clone(), sale.language(), sale.opportunity.updated_at).map(|()| sale)
                }
                None => {
                    let now = self.store.clock().now();
                    let with = Some((process.clone(), crate::library::Language::En));
                    Sale::open(opportunity::Model::new(now), with, None, self.library.stages(), now)
                }
            };
            match probe {
                Ok(started) => answer.processes.push(wire::startable(&process, &started)),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        if let Some(error) = refused.filter(|_| answer.processes.is_empty()) {
            answer.reason = Refusal::from(error).to_string();
        }
        Ok(answer)
    }

    async fn diagram(&self, ask: &pb::GetProcessDiagramRequest, sight: &Sight) -> Result<(i32, String), Error> {
        let db = self.store.reader();
        let language = language(&ask.language_code)?;
        let (way, pinned) = match ask.opportunity.as_str() {
            "" => (None, None),
            name => {
                let (way, pinned) = self.way(db, name, slug(&ask.name)?, sight).await?;
                (Some(way), pinned)
            }
        };
        let version = if ask.version == 0 { pinned.unwrap_or_default() } else { ask.version };
        let process = self.version(&ask.name, version).await?;
        let stages = self.library.stages();
        let drawing = diagram::Drawing::of(&process, &stages, language, way);
        let text = match ask.format() {
            pb::get_process_diagram_request::Format::Svg => drawing.to_svg(),
            _ => drawing.to_mermaid(),
        };
        Ok((process.version, text))
    }

    /// How far an opportunity is, and the version that its run is pinned to, if it is one of this process.
    async fn way(
        &self,
        db: &impl ConnectionTrait,
        name: &str,
        process: &str,
        sight: &Sight,
    ) -> Result<(diagram::Way, Option<i32>), Error> {
        let sale = Sale::find(db, &self.library, id("opportunity", OPPORTUNITIES, name)?, sight).await?;
        let stays = stage_entry::stays(db, sale.opportunity.id).await?;
        let pinned = sale.opportunity.run.as_ref().filter(|run| run.process == process).map(|run| run.version);
        let done = sale.entry.planned.0.iter().filter(|planned| planned.result.is_some());
        let way = diagram::Way {
            current: sale.opportunity.stage.clone(),
            visited: stays.into_iter().map(|stay| stay.stage).collect(),
            done: done.map(|planned| planned.template.clone()).collect(),
            open: sale.entry.planned.open().map(|planned| planned.template.clone()).collect(),
        };
        Ok((way, pinned))
    }
}

/// Refuses reasons of loss that nobody has added, or that need a comment where the activity needs no words.
async fn check_reasons(db: &impl ConnectionTrait, process: &Process) -> Result<(), Error> {
    let templates = process.stages.iter().flat_map(|stage| &stage.activities);
    let named: Vec<_> = templates
        .flat_map(|template| template.results.iter().map(move |outcome| (template, &outcome.effect)))
        .filter_map(|(template, effect)| match &effect.value {
            Effect::Lose(NamedReason::Own(code)) => Some((template, effect, code)),
            _ => None,
        })
        .collect();
    let known = lose_reason::of_codes(db, named.iter().map(|(.., code)| (*code).clone()).collect()).await?;
    let wrong = named.into_iter().filter_map(|(template, effect, code)| {
        let reason = match known.iter().find(|it| it.code == *code) {
            None => format!("`lose: {code}` is no reason of loss; add it with CreateLoseReason"),
            Some(known) if known.retired => format!("`lose: {code}` is retired"),
            Some(known) if known.comment_required && !template.needs_text => {
                format!("`lose: {code}` needs a comment: the activity needs `needs_text: true`")
            }
            Some(_) => return None,
        };
        Some(Fault { line: effect.line, column: effect.column, reason })
    });
    let faults: Vec<Fault> = wrong.collect();
    if faults.is_empty() { Ok(()) } else { Err(Faults { file: THE_FILE.to_owned(), faults }.into()) }
}

fn slug(name: &str) -> Result<&str, Error> {
    PROCESSES.parse_slug(name).map_err(|error| Error::field("name", error.to_string()))
}
