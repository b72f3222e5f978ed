//! `dealflow process show`: a process in words, as a picture, or its file.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use dealflow_proto::gateway::v1::GetDealRequest;
use dealflow_proto::opportunities::v1::get_process_diagram_request::Format;
use dealflow_proto::opportunities::v1::{ExportProcessRequest, GetProcessDiagramRequest, GetProcessRequest};

use super::super::deal;
use super::find;
use super::shown::{Shown, Way};
use crate::api::Api;
use crate::client::Target;
use crate::commands::lookups;
use crate::show::json as data;

/// Arguments of `process show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The process, by id or name
    process: String,
    /// A version; the latest where it is not said
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    version: i32,
    /// Print its file
    #[arg(long, conflicts_with_all = ["mermaid", "svg", "json"])]
    yaml: bool,
    /// Print it as a Mermaid flowchart
    #[arg(long, conflicts_with_all = ["svg", "json"])]
    mermaid: bool,
    /// Draw it into an SVG file
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    svg: Option<PathBuf>,
    /// Mark the way of this deal, in the version that leads it: its title, external id, UUID or name
    #[arg(long, value_name = "DEAL")]
    opportunity: Option<String>,
    /// The language of texts: en or ru
    #[arg(long, default_value = "en", value_parser = ["en", "ru"])]
    language: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Show {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        if self.yaml {
            let text = self.target.ask(async |api| self.file(&api).await).await?;
            print!("{text}");
            return Ok(());
        }
        if self.mermaid || self.svg.is_some() {
            let text = self.target.ask(async |api| self.drawing(&api).await).await?;
            return match &self.svg {
                Some(path) => std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display())),
                None => {
                    print!("{text}");
                    Ok(())
                }
            };
        }
        let read = self.target.ask(async |api| self.read(&api).await).await?;
        if self.json {
            return data::print(&read.to_json());
        }
        println!("{}", read.to_text(&self.language));
        Ok(())
    }

    async fn read(&self, api: &Api) -> anyhow::Result<Shown> {
        let name = find(api, &self.process).await?.name;
        let (mut version, mut way) = (self.version, None);
        if let Some(which) = &self.opportunity {
            let ask = GetDealRequest { opportunity: deal::find(api, which).await?, ..GetDealRequest::default() };
            let deal = api.deals.clone().get_deal(api.ask(ask)).await?.into_inner();
            // A deal stays with the version that it began with.
            let run =
                deal.opportunity.as_ref().and_then(|it| it.process_run.as_ref()).filter(|run| run.process == name);
            version = if version == 0 { run.map_or(0, |run| run.version) } else { version };
            way = Some(Way::of(&deal));
        }
        let ask = GetProcessRequest { name, version };
        let process = api.processes.clone().get_process(api.ask(ask)).await?.into_inner();
        let stages = lookups::all_stages(api).await?;
        Ok(Shown { process, stages, way })
    }

    async fn file(&self, api: &Api) -> anyhow::Result<String> {
        let name = find(api, &self.process).await?.name;
        let ask = ExportProcessRequest { name, version: self.version };
        Ok(api.processes.clone().export_process(api.ask(ask)).await?.into_inner().yaml)
    }

    async fn drawing(&self, api: &Api) -> anyhow::Result<String> {
        let name = find(api, &self.process).await?.name;
        let opportunity = match &self.opportunity {
            Some(which) => deal::find(api, which).await?,
            None => String::new(),
        };
        let format = if self.mermaid { Format::Mermaid } else { Format::Svg };
        let ask = GetProcessDiagramRequest {
            name,
            version: self.version,
            format: format.into(),
            language_code: self.language.clone(),
            opportunity,
        };
        Ok(api.processes.clone().get_process_diagram(api.ask(ask)).await?.into_inner().text)
    }
}
