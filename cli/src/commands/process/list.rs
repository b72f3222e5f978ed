//! `dealflow process list` and `versions`.

use clap::Args;
use dealflow_proto::opportunities::v1::{ListProcessVersionsRequest, Process};
use serde_json::{Value, json};

use super::{caption, find};
use crate::api::all_pages;
use crate::client::Target;
use crate::commands::lookups;
use crate::show::{self, json as data, word};

/// Arguments of `process list`.
#[derive(Debug, Args)]
pub struct List {
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl List {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let list = async |api: crate::api::Api| Ok(lookups::all_processes(&api).await?);
        let processes = self.target.ask(list).await?;
        if self.json {
            return data::print(&json!({ "processes": data::list(&processes, process) }));
        }
        let mut table = show::table(&["process", "English", "Russian", "control", "version", "stages", "activities"]);
        for process in &processes {
            let activities: usize = process.stages.iter().map(|stage| stage.activities.len()).sum();
            table.add_row([
                process.name.trim_start_matches("processes/"),
                caption(&process.captions, "en"),
                caption(&process.captions, "ru"),
                word(process.control().as_str_name(), "CONTROL_"),
                &process.version.to_string(),
                &process.stages.len().to_string(),
                &activities.to_string(),
            ]);
        }
        println!("{table}");
        Ok(())
    }
}

/// A process without its stages.
fn process(process: &Process) -> Value {
    json!({
        "name": process.name,
        "version": process.version,
        "control": word(process.control().as_str_name(), "CONTROL_"),
        "captions": super::shown::captions(&process.captions),
        "stages": data::list(&process.stages, |stage| stage.stage.as_str().into()),
    })
}

/// Arguments of `process versions`.
#[derive(Debug, Args)]
pub struct Versions {
    /// The process, by id or name
    process: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Versions {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let name = self.process.as_str();
        let list = async |api: crate::api::Api| {
            let process = find(&api, name).await?.name;
            let page = async |page_token| {
                let process = process.clone();
                let ask = ListProcessVersionsRequest { process, page_size: 1000, page_token, ..Default::default() };
                let page = api.processes.clone().list_process_versions(api.ask(ask)).await?.into_inner();
                Ok((page.versions, page.next_page_token))
            };
            let versions = all_pages(page).await?;
            Ok((process, versions))
        };
        let (process, versions) = self.target.ask(list).await?;
        if self.json {
            let versions = data::list(&versions, |it| {
                json!({
                    "version": it.version,
                    "create_time": data::time(it.create_time.as_ref()),
                    "shipped": it.shipped,
                    "run_count": it.run_count,
                })
            });
            return data::print(&json!({ "process": process, "versions": versions }));
        }
        let mut table = show::numbers(&["version", "since (UTC)", "from", "runs"], 3);
        for version in &versions {
            table.add_row([
                version.version.to_string(),
                show::time(version.create_time.as_ref()),
                if version.shipped { "the program" } else { "an import" }.to_owned(),
                version.run_count.to_string(),
            ]);
        }
        println!("{table}");
        Ok(())
    }
}
