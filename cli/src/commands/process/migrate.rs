//! `dealflow process migrate`: the runs of one version to another, page by page.

use anyhow::Context as _;
use clap::Args;
use dealflow_proto::names::STAGES;
use dealflow_proto::opportunities::v1::{MigrateRunsRequest, MovedRun, StageMapping, UnmovedRun};
use serde_json::json;

use super::{find, stage};
use crate::api::{Api, new_id};
use crate::client::Target;
use crate::show::{self, json as data};

/// Arguments of `process migrate`.
#[derive(Debug, Args)]
pub struct Migrate {
    /// The process, by id or name
    process: String,
    /// The version that the runs are on
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(i32).range(1..))]
    from: i32,
    /// The version that they go on with; the latest where it is not said
    #[arg(long, value_name = "VERSION", default_value_t = 0, hide_default_value = true)]
    to: i32,
    /// Where a stage leads to; one that is not named stays what it is
    #[arg(long = "map", value_name = "STAGE=STAGE", value_parser = mapping)]
    stages: Vec<(String, String)>,
    /// Say what would move, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Migrate {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let (moved, unmoved) = self.target.ask(async |api| self.migrate(&api).await).await?;
        if self.json {
            return data::print(&json!({
                "dry_run": self.dry_run,
                "moved": data::list(&moved, |run| json!({
                    "opportunity": run.opportunity,
                    "from_stage": run.from_stage,
                    "to_stage": run.to_stage,
                    "entered_anew": run.entered_anew,
                    "planned_keys": run.planned_keys,
                })),
                "unmoved": data::list(&unmoved, |run| json!({
                    "opportunity": run.opportunity, "stage": run.stage, "reason": run.reason,
                })),
            }));
        }
        let mut table = show::table(&["deal", "from", "to", "activities planned", "why not"]);
        for run in &moved {
            table.add_row([
                run.opportunity.as_str(),
                stage(&run.from_stage),
                stage(&run.to_stage),
                &run.planned_keys.join(", "),
                "",
            ]);
        }
        for run in &unmoved {
            table.add_row([run.opportunity.as_str(), stage(&run.stage), "", "", &run.reason]);
        }
        let would = if self.dry_run { "would move" } else { "moved" };
        println!("{table}\n{} {would}, {} cannot", moved.len(), unmoved.len());
        Ok(())
    }

    async fn migrate(&self, api: &Api) -> anyhow::Result<(Vec<MovedRun>, Vec<UnmovedRun>)> {
        let process = find(api, &self.process).await?.name;
        let to_stage = |slug: &str| STAGES.slug(slug.trim_start_matches("stages/"));
        let map = self.stages.iter().map(|(from, to)| StageMapping { from: to_stage(from), to: to_stage(to) });
        let mut ask = MigrateRunsRequest {
            process,
            from_version: self.from,
            to_version: self.to,
            stages: map.collect(),
            page_size: 100,
            validate_only: self.dry_run,
            ..MigrateRunsRequest::default()
        };
        let (mut moved, mut unmoved) = (Vec::new(), Vec::new());
        loop {
            ask.request_id = new_id();
            let page = api
                .runs
                .clone()
                .migrate_runs(api.ask(ask.clone()))
                .await
                .with_context(|| format!("{} moved before; the same command goes on with the rest", moved.len()))?;
            let page = page.into_inner();
            moved.extend(page.moved);
            unmoved.extend(page.unmoved);
            ask.page_token = page.next_page_token;
            if ask.page_token.is_empty() {
                return Ok((moved, unmoved));
            }
        }
    }
}

fn mapping(text: &str) -> Result<(String, String), String> {
    let (from, to) = text.split_once('=').ok_or("two stages are expected, e.g. proposal=contracting")?;
    Ok((from.trim().to_owned(), to.trim().to_owned()))
}
