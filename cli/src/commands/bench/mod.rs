//! `dealflow bench`: complete deals through the gateway, counted and timed; beside it, on request, what the database
//! alone could do.
//!
//! Every figure is measured in this run and says on which database, with which durability. `--limit` runs the least SQL
//! of the same deal straight against the same database, one transaction per service step, and prints the ratio.

mod analytics;
mod counted;
mod deal;
mod limit;
mod overload;
mod seed;
mod stats;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use dealflow_chassis::Store;
use dealflow_proto::erp::v1::{ListHandoffsRequest, handoff};
use dealflow_proto::orders::v1::Product;
use secrecy::SecretString;
use serde::Serialize;

use self::counted::Counter;
use self::stats::{Samples, Summary};
use crate::api::Api;
use crate::client::{Client, token};
use crate::commands::machine;
use crate::show;
use crate::suite::{Databases, Plan, url_or_file};

/// How long hand-overs may take after the last deal.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(120);

/// What else can be measured.
#[derive(Debug, clap::Subcommand)]
pub enum What {
    /// Seed opportunities in bulk, and time figures and lists over them
    Analytics(analytics::Analytics),
    /// Call a running suite at one, two and three times what it can answer
    Overload(overload::Overload),
}

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Bench {
    /// Something else than whole deals
    #[command(subcommand)]
    pub what: Option<What>,
    /// Deals to run
    #[arg(default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub deals: u64,
    /// Deals at the same time
    #[arg(short, long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..))]
    pub concurrency: u64,
    /// Deals that are run before, and not counted
    #[arg(long, default_value_t = 20)]
    pub warm_up: u64,
    /// Run the least SQL of the same deals on the same database too, and print the ratio
    #[arg(long)]
    pub limit: bool,
    /// Store hand-overs and deliver none: beside a run with them it says what the hand-over costs
    #[arg(long, conflicts_with = "gateway")]
    pub without_hand_over: bool,
    /// The result as JSON
    #[arg(long)]
    pub json: bool,
    /// A running suite instead of one of the bench's own; its processor time and commits are not seen then
    #[arg(long, value_name = "URL")]
    pub gateway: Option<String>,
    /// Authorities (PEM) to believe of a gateway at https://; those that browsers believe where it is not said
    #[arg(long, env = "DEALFLOW_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// File with the token that says who calls that gateway; the variable DEALFLOW_TOKEN may hold the token itself
    #[arg(long, env = "DEALFLOW_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// PostgreSQL instead of a fresh embedded database; @FILE reads the URL from a file
    #[arg(long, env = "DEALFLOW_DATABASE_URL", value_name = "URL", value_parser = url_or_file, hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// Connections of each part to PostgreSQL
    #[arg(long, default_value_t = 10)]
    pub database_connections: u32,
    /// What an acknowledged write survives on SQLite: full or relaxed
    #[arg(long, default_value = "full")]
    pub durability: dealflow_chassis::Durability,
}

/// What a bench found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Which database, and what an acknowledged write survives.
    pub database: String,
    /// Deals that were run.
    pub deals: u64,
    /// Deals at the same time.
    pub concurrency: u64,
    /// Whether documents were handed over too.
    pub hand_over: bool,
    /// Seconds until the last hand-over was delivered; without hand-over, until the last invoice was posted.
    pub seconds: f64,
    /// Complete deals per second, hand-over included where there was one.
    pub deals_per_second: f64,
    /// By phase, in order.
    pub phases: Vec<(String, Summary)>,
    /// From lead to posted invoice.
    pub deal: Summary,
    /// Commits of all parts per deal; nothing where the suite runs elsewhere.
    pub commits_per_deal: Option<f64>,
    /// SQL statements of all parts per deal, without BEGIN and COMMIT, as the limit's are counted.
    pub statements_per_deal: Option<f64>,
    /// Calls from the gateway to its neighbours per deal.
    pub rpcs_per_deal: Option<f64>,
    /// Processor milliseconds of this process per deal, bench included.
    pub cpu_ms_per_deal: f64,
    /// Peak memory of this process.
    pub peak_memory_mib: u64,
    /// What the database alone could do.
    pub limit: Option<limit::Limit>,
    /// `deals_per_second` over the limit's.
    pub ratio: Option<f64>,
}

impl Bench {
    /// Runs the bench and prints its report.
    pub async fn run(self) -> anyhow::Result<()> {
        match &self.what {
            Some(What::Analytics(analytics)) => return analytics.run().await,
            Some(What::Overload(overload)) => return overload.run().await,
            None => {}
        }
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        let mut databases = Databases::embedded(folder.path());
        databases.database_url.clone_from(&self.database_url);
        databases.database_connections = self.database_connections;
        databases.durability = self.durability;
        let report = self.measure(&databases).await?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print(&report);
        }
        Ok(())
    }

    async fn measure(&self, databases: &Databases) -> anyhow::Result<Report> {
        let counter = Counter::default();
        let client = match &self.gateway {
            Some(address) => Client::secured(address, self.ca.as_deref(), token(self.token_file.as_deref())?)?,
            None => {
                let mut plan = Plan::embedded(&databases.data);
                plan.databases = databases.clone();
                if self.without_hand_over {
                    // Nobody takes anything to the ERP.
                    plan.gateway.handoff.concurrency = 0;
                }
                let calls = counter.clone();
                plan.wrap = Arc::new(move |_, link| link.layered(calls.clone()));
                Client::start(&plan).await?
            }
        };
        let api = Api::new(&client.link, "bench");
        let product = deal::product(&api).await?;
        self.deals(&api, &product, self.warm_up).await?;
        self.handed_over(&api).await?;

        let sum = |of: fn(&Store) -> u64| {
            client.suite.as_ref().map(|suite| suite.stores().iter().map(|(_, store)| of(store)).sum::<u64>())
        };
        let (commits_before, statements_before) = (sum(Store::commits), sum(Store::statements));
        let calls_before = counter.count();
        let (cpu_before, start) = (machine::cpu_seconds(), Instant::now());
        let (phases, deal) = self.deals(&api, &product, self.deals).await?;
        self.handed_over(&api).await?;
        let seconds = start.elapsed().as_secs_f64();
        let cpu = machine::cpu_seconds() - cpu_before;
        let per_deal = |count: u64| count as f64 / self.deals as f64;
        let since = |after: Option<u64>, before| after.zip(before).map(|(after, before)| per_deal(after - before));
        let commits_per_deal = since(sum(Store::commits), commits_before);
        let statements_per_deal = since(sum(Store::statements), statements_before);
        let rpcs_per_deal = client.suite.is_some().then(|| per_deal(counter.count() - calls_before));
        client.close().await;

        let limit = match self.limit {
            true => Some(limit::run(databases, self.deals, self.concurrency).await?),
            false => None,
        };
        let deals_per_second = self.deals as f64 / seconds;
        Ok(Report {
            database: name_of(databases, self.gateway.as_deref()),
            deals: self.deals,
            concurrency: self.concurrency,
            hand_over: !self.without_hand_over,
            seconds,
            deals_per_second,
            phases,
            deal,
            commits_per_deal,
            statements_per_deal,
            rpcs_per_deal,
            cpu_ms_per_deal: cpu * 1000.0 / self.deals as f64,
            peak_memory_mib: machine::peak_memory_mib(),
            ratio: limit.as_ref().map(|limit| deals_per_second / limit.deals_per_second),
            limit,
        })
    }

    /// Waits until all is delivered, where something is.
    async fn handed_over(&self, api: &Api) -> anyhow::Result<()> {
        if self.without_hand_over { Ok(()) } else { handed_over(api).await }
    }

    /// Runs deals, so many at a time; a deal that fails ends the bench.
    async fn deals(
        &self,
        api: &Api,
        product: &Product,
        count: u64,
    ) -> anyhow::Result<(Vec<(String, Summary)>, Summary)> {
        let next = Arc::new(AtomicU64::new(0));
        let workers: Vec<_> = (0..self.concurrency.max(1))
            .map(|_| {
                let (api, product, next) = (api.clone(), product.clone(), next.clone());
                tokio::spawn(async move {
                    let mut took = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return anyhow::Ok(took);
                        }
                        took.push(deal::run(&api, &product, number).await?);
                    }
                })
            })
            .collect();
        let mut phases: Vec<Samples> = deal::PHASES.iter().map(|_| Samples::default()).collect();
        let mut whole = Samples::default();
        for worker in workers {
            for took in worker.await.context("a worker of the bench ended")?? {
                whole.add(took.iter().sum());
                for (samples, took) in phases.iter_mut().zip(took) {
                    samples.add(took);
                }
            }
        }
        let named = deal::PHASES.iter().map(ToString::to_string);
        Ok((named.zip(phases.into_iter().map(Samples::summary)).collect(), whole.summary()))
    }
}

/// Waits until no hand-over is open.
async fn handed_over(api: &Api) -> anyhow::Result<()> {
    let deadline = Instant::now() + HANDED_OVER_WITHIN;
    loop {
        let ask = ListHandoffsRequest {
            page_size: 1,
            filter: "state != \"DELIVERED\"".to_owned(),
            ..ListHandoffsRequest::default()
        };
        let open = api.handoffs.clone().list_handoffs(api.ask(ask)).await?.into_inner().handoffs;
        let Some(first) = open.first() else { return Ok(()) };
        if matches!(first.state(), handoff::State::Rejected | handoff::State::DeadLettered) || Instant::now() > deadline
        {
            bail!("{} is {:?}: {}", first.external_id, first.state(), first.last_error);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn name_of(databases: &Databases, gateway: Option<&str>) -> String {
    match (gateway, &databases.database_url) {
        (Some(address), _) => format!("the suite at {address}"),
        (None, Some(_)) => "PostgreSQL, one schema per part".to_owned(),
        (None, None) => format!("SQLite, one file per part, durability {:?}", databases.durability).to_lowercase(),
    }
}

fn print(report: &Report) {
    println!("{} deals, {} at the same time, on {}", report.deals, report.concurrency, report.database);
    let mut table = show::table(&["phase", "p50 ms", "p95 ms", "p99 ms"]);
    let whole = ("deal".to_owned(), report.deal.clone());
    for (phase, summary) in report.phases.iter().chain([&whole]) {
        let row = [summary.p50_ms, summary.p95_ms, summary.p99_ms].map(|ms| format!("{ms:.1}"));
        table.add_row([phase, &row[0], &row[1], &row[2]]);
    }
    println!("{table}");
    let last = if report.hand_over { "hand-over" } else { "invoice; nothing was handed over" };
    println!("{:.1} deals/s, {:.2} s until the last {last}", report.deals_per_second, report.seconds);
    if let (Some(commits), Some(statements), Some(rpcs)) =
        (report.commits_per_deal, report.statements_per_deal, report.rpcs_per_deal)
    {
        println!("{commits:.1} commits, {statements:.1} statements and {rpcs:.1} calls between the parts per deal");
    }
    println!("{:.1} ms of processor per deal, peak memory {} MiB", report.cpu_ms_per_deal, report.peak_memory_mib);
    if let (Some(limit), Some(ratio)) = (&report.limit, report.ratio) {
        println!(
            "limit: {:.1} deals/s by the least SQL ({} transactions, {} statements per deal); ratio {ratio:.2}",
            limit.deals_per_second, limit.transactions_per_deal, limit.statements_per_deal
        );
    }
}
