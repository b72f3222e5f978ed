//! `dealflow bench analytics`: figures and lists over many opportunities, over gRPC through the gateway.
//!
//! What is asked is timed as a client sees it. The figures are compared with a plain scan of the rows, so that fast is
//! also right; a page far down a list is compared with the first.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use chrono::NaiveDate;
use dealflow_chassis::Store;
use dealflow_proto::convert;
use dealflow_proto::opportunities::v1::get_won_lost_request::GroupBy;
use dealflow_proto::opportunities::v1::{
    GetForecastRequest, GetPipelineRequest, GetWonLostRequest, ListOpportunitiesRequest,
};
use indicatif::ProgressBar;
use secrecy::SecretString;
use serde::Serialize;

use super::seed::{number, seed};
use super::stats::{Samples, Summary};
use crate::api::Api;
use crate::client::Client;
use crate::show;
use crate::suite::{Databases, PartName, Plan, open};

const EXAMPLES: &str = "\
Examples:
  dealflow bench analytics --seed 1000000 --database-url postgres://postgres@127.0.0.1/bench
  dealflow bench analytics --seed 100000 --json

Opportunities are seeded by a few statements, straight into the tables; those that a run before seeded are kept. Without
a database URL the bench runs on a fresh embedded database.";

/// Arguments of `bench analytics`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Analytics {
    /// Opportunities to seed
    #[arg(long, default_value_t = 100_000)]
    seed: u64,
    /// How often each question is asked
    #[arg(long, default_value_t = 200)]
    asks: u64,
    /// Pages to go through
    #[arg(long, default_value_t = 1000)]
    pages: u64,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// PostgreSQL instead of a fresh embedded database
    #[arg(long, env = "DEALFLOW_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<SecretString>,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    /// Which database.
    database: &'static str,
    /// Opportunities in it.
    opportunities: u64,
    /// Seconds that seeding and folding took.
    seeded_in_seconds: f64,
    /// Rows that the figures are read from: sums of open ones, sums of closed ones.
    open_sums: u64,
    /// Sums of closed ones.
    closed_sums: u64,
    /// By question.
    questions: Vec<(String, Summary)>,
    /// By list: the first pages and the last ones.
    pages: Vec<Pages>,
}

/// What pages of a list cost.
#[derive(Debug, Serialize)]
struct Pages {
    order_by: String,
    /// Pages that were read, with 100 records each.
    pages: u64,
    /// The first twenty.
    first: Summary,
    /// The last twenty.
    last: Summary,
}

/// Records on a page.
const PAGE: i32 = 100;
/// Pages at either end that are timed.
const ENDS: u64 = 20;

impl Analytics {
    /// Runs the bench and prints its report.
    pub(super) async fn run(&self) -> anyhow::Result<()> {
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        let mut plan = Plan::embedded(folder.path());
        let mut databases = Databases::embedded(folder.path());
        databases.database_url.clone_from(&self.database_url);
        plan.databases = databases;
        let seeded_in_seconds = self.seed(&plan).await?;
        let client = Client::start(&plan).await?;
        let report = self.measure(&client, seeded_in_seconds).await;
        client.close().await;
        let report = report?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print(&report);
        }
        Ok(())
    }

    /// Seeds before the suite runs: it would fold at the same time, one of the two would step aside, and what is asked
    /// afterwards would be the sums of facts that nobody folded yet.
    async fn seed(&self, plan: &Plan) -> anyhow::Result<f64> {
        let part = PartName::Opportunities;
        let store = open(&plan.databases.of(part), part, plan.clock.clone()).await?;
        let start = Instant::now();
        let progress = if self.json { ProgressBar::hidden() } else { ProgressBar::new(self.seed) };
        let seeded = seed(&store, self.seed, &progress).await;
        store.close().await?;
        seeded?;
        Ok(start.elapsed().as_secs_f64())
    }

    async fn measure(&self, client: &Client, seeded_in_seconds: f64) -> anyhow::Result<Report> {
        let suite = client.suite.as_ref().context("the bench starts its own suite")?;
        let store = suite.stores().iter().find(|(name, _)| *name == PartName::Opportunities);
        let store = store.map(|(_, store)| store.clone()).context("opportunities run")?;
        let api = Api::new(&client.link, "bench");
        compare(&api, &store).await?;
        let mut pages = Vec::new();
        for order_by in ["", "create_time desc", "estimated_value desc"] {
            pages.push(self.pages(&api, order_by).await?);
        }
        Ok(Report {
            database: if self.database_url.is_some() { "PostgreSQL" } else { "SQLite" },
            opportunities: number(&store, "SELECT COUNT(*) AS count FROM opportunity").await?,
            seeded_in_seconds,
            open_sums: number(&store, "SELECT COUNT(*) AS count FROM open_figure").await?,
            closed_sums: number(&store, "SELECT COUNT(*) AS count FROM closed_figure").await?,
            questions: self.questions(&api).await?,
            pages,
        })
    }

    async fn questions(&self, api: &Api) -> anyhow::Result<Vec<(String, Summary)>> {
        let owner = "employees/00000001-0001-7000-8000-000000000001".to_owned();
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).map(convert::date);
        let mut told = Vec::new();
        for owners in [vec![], vec![owner.clone()]] {
            let of = if owners.is_empty() { "" } else { " of one owner" };
            let ask = GetPipelineRequest { owners: owners.clone(), ..GetPipelineRequest::default() };
            let took = self.time(|| async { api.analytics.clone().get_pipeline(api.ask(ask.clone())).await.map(drop) });
            told.push((format!("pipeline{of}"), took.await?));
            let ask = GetForecastRequest { owners, ..GetForecastRequest::default() };
            let took = self.time(|| async { api.analytics.clone().get_forecast(api.ask(ask.clone())).await.map(drop) });
            told.push((format!("forecast{of}"), took.await?));
        }
        let groups = [
            ("all", GroupBy::Unspecified),
            ("month", GroupBy::Month),
            ("owner", GroupBy::Owner),
            ("reason", GroupBy::LoseReason),
            ("stage", GroupBy::Stage),
            ("source", GroupBy::Source),
            ("product", GroupBy::Product),
            ("account", GroupBy::Account),
        ];
        for (word, group_by) in groups {
            let ask = GetWonLostRequest { group_by: group_by.into(), ..GetWonLostRequest::default() };
            let took = self.time(|| async { api.analytics.clone().get_won_lost(api.ask(ask.clone())).await.map(drop) });
            told.push((format!("won and lost by {word}"), took.await?));
        }
        let days = GetWonLostRequest {
            group_by: GroupBy::Owner.into(),
            from_date: day(2017, 2, 10),
            to_date: day(2024, 11, 20),
            ..GetWonLostRequest::default()
        };
        let took = self.time(|| async { api.analytics.clone().get_won_lost(api.ask(days.clone())).await.map(drop) });
        told.push(("won and lost by owner, from a day to a day".to_owned(), took.await?));
        let ask = GetWonLostRequest { owners: vec![owner], group_by: GroupBy::Product.into(), ..Default::default() };
        let took = self.time(|| async { api.analytics.clone().get_won_lost(api.ask(ask.clone())).await.map(drop) });
        told.push(("won and lost of one owner by product (rows, by index)".to_owned(), took.await?));
        Ok(told)
    }

    async fn time<F>(&self, ask: impl Fn() -> F) -> anyhow::Result<Summary>
    where
        F: Future<Output = Result<(), tonic::Status>>,
    {
        ask().await?;
        let mut samples = Samples::default();
        for _ in 0..self.asks {
            let start = Instant::now();
            ask().await?;
            samples.add(start.elapsed());
        }
        Ok(samples.summary())
    }

    /// Goes through a list, page by page.
    async fn pages(&self, api: &Api, order_by: &str) -> anyhow::Result<Pages> {
        let (mut first, mut last) = (Samples::default(), Vec::new());
        let mut ask = ListOpportunitiesRequest { page_size: PAGE, order_by: order_by.to_owned(), ..Default::default() };
        let mut pages = 0;
        while pages < self.pages {
            let start = Instant::now();
            let page = api.opportunities.clone().list_opportunities(api.ask(ask.clone())).await?.into_inner();
            let took = start.elapsed();
            pages += 1;
            if pages <= ENDS {
                first.add(took);
            }
            last.push(took);
            if page.next_page_token.is_empty() {
                break;
            }
            ask.page_token = page.next_page_token;
        }
        let mut ends = Samples::default();
        last.iter().rev().take(usize::try_from(ENDS)?).for_each(|took| ends.add(*took));
        let order_by = if order_by.is_empty() { "the order of opening" } else { order_by };
        Ok(Pages { order_by: order_by.to_owned(), pages, first: first.summary(), last: ends.summary() })
    }
}

/// Fast is of no use where it is wrong: counts and values against a plain scan of all rows.
async fn compare(api: &Api, store: &Store) -> anyhow::Result<()> {
    let scan =
        |what: &str, state: &str| format!("SELECT CAST({what} AS BIGINT) AS count FROM opportunity WHERE {state}");
    let rows = api.analytics.clone().get_pipeline(api.ask(GetPipelineRequest::default())).await?.into_inner().rows;
    let (count, value) = rows.iter().fold((0, 0), |(count, value), row| {
        (
            count + row.count,
            value + row.value.as_ref().map_or(0, |it| it.units * 100 + i64::from(it.nanos / 10_000_000)),
        )
    });
    let told = (u64::try_from(count)?, u64::try_from(value)?);
    let open = "state = 'OPEN'";
    let naive = (
        number(store, &scan("COUNT(*)", open)).await?,
        number(store, &scan("COALESCE(SUM(estimated_value), 0)", open)).await?,
    );
    ensure!(told == naive, "the pipeline tells {told:?}, the rows {naive:?}");
    let rows = api.analytics.clone().get_won_lost(api.ask(GetWonLostRequest::default())).await?.into_inner().rows;
    let row = rows.first().context("something was closed")?;
    let value = row.won_value.as_ref().map_or(0, |it| it.units * 100 + i64::from(it.nanos / 10_000_000));
    let told = (u64::try_from(row.won_count)?, u64::try_from(row.lost_count)?, u64::try_from(value)?);
    let naive = (
        number(store, &scan("COUNT(*)", "state = 'WON'")).await?,
        number(store, &scan("COUNT(*)", "state = 'LOST'")).await?,
        number(store, &scan("COALESCE(SUM(actual_value), 0)", "state = 'WON'")).await?,
    );
    ensure!(told == naive, "won and lost tells {told:?}, the rows {naive:?}");
    Ok(())
}

fn print(report: &Report) {
    println!(
        "{} opportunities on {}, seeded and folded in {:.0} s; figures equal a plain scan of the rows",
        show::grouped(&report.opportunities.to_string()),
        report.database,
        report.seeded_in_seconds
    );
    println!(
        "how: each change leaves its fact in its own transaction, facts are summed up in the background; read are {} sums \
         of open and {} of closed ones, and the facts that are new",
        show::grouped(&report.open_sums.to_string()),
        show::grouped(&report.closed_sums.to_string())
    );
    let mut table = show::numbers(&["question, over gRPC", "asked", "p50 ms", "p95 ms", "p99 ms"], 1);
    for (question, summary) in &report.questions {
        let [p50, p95, p99] = [summary.p50_ms, summary.p95_ms, summary.p99_ms].map(|ms| format!("{ms:.1}"));
        table.add_row([question, &summary.count.to_string(), &p50, &p95, &p99]);
    }
    println!("{table}");
    let mut table = show::numbers(&["list by", "pages of 100", "first pages p50 ms", "last pages p50 ms"], 1);
    for pages in &report.pages {
        let [first, last] = [pages.first.p50_ms, pages.last.p50_ms].map(|ms| format!("{ms:.1}"));
        table.add_row([&pages.order_by, &pages.pages.to_string(), &first, &last]);
    }
    println!("{table}");
}
