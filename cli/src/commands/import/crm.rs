//! `dealflow import crm DIR`: accounts, products and people first, then every deal of the pipeline, several at once.
//!
//! A deal whose last verb the gateway remembers is done and is not asked for again; a run that was killed goes on where
//! it was. What the source does not say, and the spelling that it uses for the same product, stand in a profile.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dealflow_proto::gateway::v1::{ListFlowsRequest, flow};
use dealflow_proto::names;
use dealflow_proto::opportunities::v1::ListOpportunitiesRequest;
use futures::stream::{self, StreamExt};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::deal::{last_verbs, request_id, run};
use super::patiently::patiently;
use super::profile::Profile;
use super::rows::{Deal, Reject, read};
use super::world::World;
use crate::api::{Api, all_pages};
use crate::client::Target;
use crate::commands::machine::peak_memory_mib;

const EXAMPLES: &str = "\
Examples:
  dealflow import crm data/crm-sales-opportunities
  dealflow import crm DIR --limit 60 --json
  dealflow import crm DIR --gateway http://127.0.0.1:7400 --concurrency 32

Every deal goes through the real verbs, on its historical days. Rows that cannot be taken over are listed with their
line and reason, and the command ends with 1; the others go in. A second run changes nothing; a killed one goes on.
What the ERP refused between the win and the delivery is delivered today: history runs one way.";

/// The file with the deals.
const PIPELINE: &str = "sales_pipeline.csv";

/// Arguments of `import crm`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Crm {
    /// The folder with accounts.csv, products.csv, sales_teams.csv, sales_pipeline.csv
    pub dir: PathBuf,
    /// Deals at the same time
    #[arg(long, default_value_t = 16)]
    pub concurrency: usize,
    /// Only the first so many deals
    #[arg(long)]
    pub limit: Option<usize>,
    /// What the source does not say, as JSON; the built-in profile fits the public data set
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// The result as JSON
    #[arg(long)]
    pub json: bool,
    /// Which suite
    #[command(flatten)]
    pub target: Target,
}

/// What came of an import.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Rows of the pipeline.
    pub rows: usize,
    /// Deals imported by this run.
    pub imported: u64,
    /// Deals that stood already.
    pub unchanged: usize,
    /// Rows that were not imported.
    rejects: Vec<Reject>,
    /// Seconds that the deals took.
    pub seconds: f64,
    /// Deals per second.
    pub deals_per_second: f64,
    /// Peak memory of this process in MiB: with the suite, where the command started it.
    pub peak_memory_mib: u64,
}

impl Outcome {
    /// Why rows were not imported, a sentence each.
    pub fn rejects(&self) -> Vec<String> {
        self.rejects.iter().map(|reject| format!("{} line {}: {}", reject.file, reject.line, reject.reason)).collect()
    }
}

impl Crm {
    /// Runs the import and prints what came of it.
    pub async fn run(self) -> anyhow::Result<()> {
        let outcome = self.target.ask(async |api| self.import(&api.asked_by("import/crm")).await).await?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&outcome)?);
        } else {
            print(&outcome);
        }
        anyhow::ensure!(outcome.rejects.is_empty(), "{} rows were rejected", outcome.rejects.len());
        Ok(())
    }

    /// Imports through an API; the caller prints.
    pub async fn import(&self, api: &Api) -> anyhow::Result<Outcome> {
        let profile = Profile::read(self.profile.as_ref())?;
        let mut rejects = Vec::new();
        let world = Arc::new(World::import(api, profile, &self.dir, &mut rejects).await?);
        let mut deals: Vec<(u64, Deal)> = read(&self.dir, PIPELINE, &mut rejects)?;
        deals.truncate(self.limit.unwrap_or(usize::MAX));
        let rows = deals.len() + rejects.iter().filter(|reject| reject.file == PIPELINE).count();

        let unchanged = leave_out_those_done(api, &world, &mut deals).await?;
        deals.retain(|(line, deal)| match world.check(deal) {
            Ok(()) => true,
            Err(reason) => {
                rejects.push(reject(*line, deal, reason));
                false
            }
        });
        let start = Instant::now();
        let imported = self.take_over(api, &world, deals, &mut rejects).await;
        let seconds = start.elapsed().as_secs_f64();
        rejects.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        let deals_per_second = if imported == 0 { 0.0 } else { imported as f64 / seconds };
        let peak_memory_mib = peak_memory_mib();
        Ok(Outcome { rows, imported, unchanged, rejects, seconds, deals_per_second, peak_memory_mib })
    }

    /// Takes the deals over, several at once; answers how many.
    async fn take_over(
        &self,
        api: &Api,
        world: &Arc<World>,
        deals: Vec<(u64, Deal)>,
        rejects: &mut Vec<Reject>,
    ) -> u64 {
        let progress = progress(deals.len() as u64, self.json);
        let imported = AtomicU64::new(0);
        let failed: Vec<Reject> = stream::iter(deals)
            .map(|(line, deal)| {
                let (world, api, progress, imported) = (world.clone(), api.clone(), &progress, &imported);
                async move {
                    let ended = patiently(|| run(&api, &world, &deal)).await;
                    progress.inc(1);
                    match ended {
                        Ok(()) => {
                            imported.fetch_add(1, Ordering::Relaxed);
                            None
                        }
                        Err(status) => {
                            let left = left_open(&api, &deal).await;
                            Some(reject(line, &deal, format!("{}{left}", status.message())))
                        }
                    }
                }
            })
            .buffer_unordered(self.concurrency.max(1))
            .filter_map(std::future::ready)
            .collect()
            .await;
        progress.finish_and_clear();
        rejects.extend(failed);
        imported.into_inner()
    }
}

/// What a row that is rejected half-way leaves behind, for the operator: the deal is there, and open.
async fn left_open(api: &Api, deal: &Deal) -> String {
    let filter = format!("external_id = \"{}\" AND state = \"OPEN\"", deal.opportunity_id);
    let ask = ListOpportunitiesRequest { page_size: 1, filter, ..ListOpportunitiesRequest::default() };
    match api.opportunities.clone().list_opportunities(api.ask(ask)).await {
        Ok(found) => match found.into_inner().opportunities.first() {
            Some(open) => format!("; {} stays open: mend the row and import again, or lose the deal", open.name),
            None => String::new(),
        },
        Err(_) => "; whether an open deal stays is not known, the suite does not answer".to_owned(),
    }
}

/// Leaves out the deals whose last verb is remembered; answers how many.
async fn leave_out_those_done(api: &Api, world: &World, deals: &mut Vec<(u64, Deal)>) -> anyhow::Result<usize> {
    let done = completed_flows(api).await?;
    let before = deals.len();
    deals.retain(|(_, deal)| {
        let flow = |verb: &String| names::FLOWS.name(request_id(&deal.opportunity_id, verb));
        !last_verbs(deal, world).iter().any(|verb| done.contains(&flow(verb)))
    });
    Ok(before - deals.len())
}

/// The names of all flows that ended completely.
async fn completed_flows(api: &Api) -> anyhow::Result<HashSet<String>> {
    let flows = all_pages(|page_token| async move {
        let ask = ListFlowsRequest {
            page_size: 1000,
            page_token,
            filter: "state = \"COMPLETED\"".to_owned(),
            ..ListFlowsRequest::default()
        };
        let page = api.flows.clone().list_flows(api.ask(ask)).await?.into_inner();
        Ok((page.flows, page.next_page_token))
    })
    .await?;
    Ok(flows.into_iter().filter(|flow| flow.state() == flow::State::Completed).map(|flow| flow.name).collect())
}

fn reject(line: u64, deal: &Deal, reason: String) -> Reject {
    Reject { file: PIPELINE.to_owned(), line, id: deal.opportunity_id.clone(), reason }
}

fn progress(deals: u64, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let template = "{bar:40} {pos}/{len} deals  {per_sec}  {eta} to go";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(deals).with_style(style)
}

fn print(outcome: &Outcome) {
    println!(
        "{} rows: {} imported, {} stood already, {} rejected",
        outcome.rows,
        outcome.imported,
        outcome.unchanged,
        outcome.rejects.len()
    );
    if outcome.imported > 0 {
        println!(
            "{:.1} s, {:.1} deals/s, peak memory {} MiB",
            outcome.seconds, outcome.deals_per_second, outcome.peak_memory_mib
        );
    }
    if outcome.rejects.is_empty() {
        return;
    }
    let mut table = crate::show::table(&["file", "line", "id", "reason"]);
    for reject in &outcome.rejects {
        table.add_row([&reject.file, &reject.line.to_string(), &reject.id, &reject.reason]);
    }
    println!("{table}");
}
