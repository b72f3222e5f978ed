//! The commands: one file each, and the table of them.

pub mod bench;
pub mod contract;
pub mod deal;
pub mod demo;
pub mod flows;
pub mod handoffs;
pub mod import;
pub mod invoice;
pub mod machine;
pub mod migrate;
pub mod order;
mod papers;
pub mod payment;
mod people;
pub mod pipeline;
pub mod quote;
pub mod serve;
pub mod setting;
mod subjects;
pub mod won_lost;

use clap::{Parser, Subcommand};
use dealflow_chassis::telemetry::Telemetry;

const EXAMPLES: &str = "\
Examples:
  dealflow demo                            four deals from lead to ERP, in well under a minute
  dealflow serve                           the whole suite on 127.0.0.1:7400, data in ./dealflow-data
  dealflow import crm DIR                  a pipeline from four CSV files, with its historical dates
  dealflow pipeline                        what is open, by stage
  dealflow won-lost --by manager           what was won and lost, and how long it took
  dealflow deal show 1C1I7A6R              one deal: stages, activities, documents, timeline
  dealflow invoice list --state posted     what customers have to pay, and whether they did
  dealflow bench 500 --limit               deals per second, beside what the database alone could do

Commands for people talk to a running suite (--gateway http://127.0.0.1:7400, or DEALFLOW_GATEWAY), or start one on the
data folder for as long as they run. With --json they print data instead of tables.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

/// A headless sales-process suite: leads, opportunities, activities, quotes, orders, invoices, and their hand-over to an
/// ERP, as gRPC services in one program
#[derive(Debug, Parser)]
#[command(name = "dealflow", version, after_help = EXAMPLES, arg_required_else_help = true)]
#[command(mut_arg("log_format", |arg| arg.global(true).help_heading("Telemetry")))]
#[command(mut_arg("log_filter", |arg| arg.global(true).help_heading("Telemetry")))]
#[command(mut_arg("otlp_endpoint", |arg| arg.global(true).help_heading("Telemetry")))]
#[command(mut_arg("trace_name", |arg| arg.global(true).help_heading("Telemetry")))]
pub struct Cli {
    /// What the process tells of itself
    #[command(flatten)]
    pub telemetry: Telemetry,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole suite in this process, or one part of it
    Serve(serve::Serve),
    /// Run four deals from lead to ERP on a fresh folder, and check the books at the end
    Demo(demo::Demo),
    /// Take deals over from other systems
    #[command(subcommand)]
    Import(import::Import),
    /// Show the open deals by stage: count, value, weighted value
    Pipeline(pipeline::Pipeline),
    /// Show what was won and lost: counts, value, win rate, days
    WonLost(won_lost::WonLost),
    /// Show one deal
    #[command(subcommand)]
    Deal(deal::Deal),
    /// Show quotes, agree to them or refuse them, revise them
    #[command(subcommand)]
    Quote(quote::Quotes),
    /// Show contracts, and note who signed
    #[command(subcommand)]
    Contract(contract::Contracts),
    /// Show orders, stop them for a while, give them up
    #[command(subcommand)]
    Order(order::Orders),
    /// Show invoices, post them, credit them
    #[command(subcommand)]
    Invoice(invoice::Invoices),
    /// Record what was paid
    #[command(subcommand)]
    Payment(payment::Payments),
    /// Show and mend flows: what the gateway drives to its end
    #[command(subcommand)]
    Flows(flows::Flows),
    /// Show and mend the hand-overs to the ERP
    #[command(subcommand)]
    Handoffs(handoffs::Handoffs),
    /// Show and change what the installation decides while it runs
    #[command(subcommand)]
    Setting(setting::SettingCommand),
    /// Open all databases, migrate them, and print their versions
    Migrate(migrate::Migrate),
    /// Run complete deals, count and time them, and compare with what the database alone could do
    Bench(bench::Bench),
}

impl Command {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Serve(serve) => serve.run().await,
            Self::Demo(demo) => demo.run().await,
            Self::Import(import) => import.run().await,
            Self::Pipeline(pipeline) => pipeline.run().await,
            Self::WonLost(won_lost) => won_lost.run().await,
            Self::Deal(deal) => deal.run().await,
            Self::Quote(quotes) => quotes.run().await,
            Self::Contract(contracts) => contracts.run().await,
            Self::Order(orders) => orders.run().await,
            Self::Invoice(invoices) => invoices.run().await,
            Self::Payment(payments) => payments.run().await,
            Self::Flows(flows) => flows.run().await,
            Self::Handoffs(handoffs) => handoffs.run().await,
            Self::Setting(setting) => setting.run().await,
            Self::Migrate(migrate) => migrate.run().await,
            Self::Bench(bench) => bench.run().await,
        }
    }
}

/// The resource name that somebody means by a UUID alone; anything else stays as it is.
fn named(collection: &str, which: &str) -> String {
    if uuid::Uuid::try_parse(which).is_ok() { format!("{collection}/{which}") } else { which.to_owned() }
}
