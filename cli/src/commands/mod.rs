//! The commands: one file each, and the table of them.

pub mod activity;
pub mod adjust;
pub mod audit;
pub mod bench;
pub mod calendar;
pub mod change;
pub mod contract;
pub mod deal;
pub mod demo;
pub mod draft;
pub mod employees;
mod erp;
pub mod errors;
pub mod export;
mod fields;
pub mod flows;
pub mod forecast;
pub mod funnel;
pub mod handoffs;
pub mod health;
pub mod import;
pub mod invoice;
pub mod knowledge;
pub mod lead;
mod lookups;
pub mod machine;
pub mod migrate;
mod moment;
pub mod notifications;
pub mod order;
mod papers;
pub mod parties;
pub mod payment;
mod people;
pub mod pipeline;
pub mod process;
pub mod quote;
mod reconcile;
pub mod seller;
pub mod serve;
pub mod setting;
mod subjects;
pub mod tasks;
pub mod terms;
pub mod won_lost;

use clap::{Parser, Subcommand};
use dealflow_chassis::telemetry::Telemetry;
use futures::future::LocalBoxFuture;

const EXAMPLES: &str = "\
Examples:
  dealflow demo                            four deals from lead to ERP, in well under a minute
  dealflow serve                           the whole suite on 127.0.0.1:7400, data in ./dealflow-data
  dealflow import crm DIR                  a pipeline from four CSV files, with its historical dates
  dealflow pipeline                        what is open, by stage
  dealflow won-lost --by manager           what was won and lost, and how long it took
  dealflow forecast                        what may be won, by month and category
  dealflow deal win HAXMC4IX               deals are moved, won, lost, held, resumed and followed up
  dealflow deal show 1C1I7A6R              one deal: stages, activities, documents, timeline
  dealflow process show 'Corporate sale'   a process: stages, activities, and what each result does
  dealflow tasks --of 'Anna Snelling'      what somebody has to do: overdue, today, planned
  dealflow invoice export INV-2026-000017 --format pdf
  dealflow invoice list --state posted     what customers have to pay, and whether they did
  dealflow bench 500 --limit               deals per second, beside what the database alone could do

Commands for people talk to a running suite (--gateway http://127.0.0.1:7400, or DEALFLOW_GATEWAY), or start one on the
data folder for as long as they run. With --json they print data instead of tables, and a refusal as data on the error
stream.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.";

/// A headless sales-process suite: leads, opportunities, activities, quotes, orders, invoices, and their hand-over to an
/// ERP, as gRPC services in one program
#[derive(Debug, Parser)]
#[command(name = "dealflow", version, after_help = EXAMPLES, arg_required_else_help = true)]
#[command(mut_arg("log_format", |arg| arg.global(true).help_heading("Telemetry")))]
#[command(mut_arg("log_filter", |arg| arg.global(true).help_heading("Telemetry")))]
#[command(mut_arg("otlp_endpoint", |arg| arg.global(true).help_heading("Telemetry")))]
#[command(mut_arg("otlp_ca", |arg| arg.global(true).help_heading("Telemetry")))]
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
    Serve(Box<serve::Serve>),
    /// Ask a running suite or part whether it lives and can do its work, for probes and scripts
    Health(health::Health),
    /// Run four deals from lead to ERP on a fresh folder, and check the books at the end
    Demo(demo::Demo),
    /// Take deals over from other systems
    #[command(subcommand)]
    Import(import::Import),
    /// Show the open deals by stage: count, value, weighted value
    Pipeline(pipeline::Pipeline),
    /// Show what may be won, by month and forecast category
    Forecast(forecast::Forecast),
    /// Show what was won and lost: counts, value, win rate, days, hours
    WonLost(won_lost::WonLost),
    /// Capture, import, change, distribute and qualify leads
    #[command(subcommand)]
    Lead(lead::LeadCommand),
    /// Show companies, and change what is known of them
    #[command(subcommand)]
    Account(parties::AccountCommand),
    /// Show people; export and erase a person's data
    #[command(subcommand)]
    Contact(parties::ContactCommand),
    /// Show how deals go through the stages: how long they stay, how far they come, where they are lost
    Funnel(funnel::Funnel),
    /// List and show deals, change them, and move them on
    #[command(subcommand)]
    Deal(deal::Deal),
    /// The process library: show, draw, import and start processes, move their runs
    #[command(subcommand)]
    Process(process::Process),
    /// Show what somebody has to do: overdue, today, planned
    Tasks(tasks::Tasks),
    /// Complete an activity with one of its results; the deal moves as the result says
    Complete(tasks::Complete),
    /// Make an activity, begin it, put it off, give it away, cancel it
    #[command(subcommand)]
    Activity(activity::Activity),
    /// Show what is planned when, keep it as a file, share it with a calendar program
    Calendar(calendar::Calendar),
    /// Show what somebody was told, as it comes, and mark it as read
    Notifications(notifications::Notifications),
    /// Show the people of the house, and who leads whom
    People(employees::People),
    /// Show and add documents that help to do the work
    #[command(subcommand)]
    Knowledge(knowledge::Knowledge),
    /// Show quotes, agree to them or refuse them, revise them, write them as files
    #[command(subcommand)]
    Quote(quote::Quotes),
    /// Show contracts, and note who signed
    #[command(subcommand)]
    Contract(contract::Contracts),
    /// Show orders, stop them for a while, give them up, write them as files
    #[command(subcommand)]
    Order(order::Orders),
    /// Show invoices, post them, credit them, write them as files
    #[command(subcommand)]
    Invoice(invoice::Invoices),
    /// Write credit notes as files
    #[command(subcommand)]
    CreditNote(export::Paper),
    /// Record what was paid
    #[command(subcommand)]
    Payment(payment::Payments),
    /// Show and change who sells: the legal entities that documents name
    #[command(subcommand)]
    Seller(seller::Sellers),
    /// Show and add terms of payment: days, words, instalments
    #[command(subcommand)]
    Terms(terms::TermsCommand),
    /// Show and mend flows: what the gateway drives to its end
    #[command(subcommand)]
    Flows(flows::Flows),
    /// Show and mend the hand-overs to the ERP
    #[command(subcommand)]
    Handoffs(handoffs::Handoffs),
    /// Show the ERP as it is dealt with; stop deliveries and let them go on
    #[command(subcommand)]
    Erp(erp::ErpCommand),
    /// Compare the ERP's books with our hand-overs, and mend what differs
    Reconcile(reconcile::Reconcile),
    /// Show and change what the installation decides while it runs
    #[command(subcommand)]
    Setting(setting::SettingCommand),
    /// Show the catalogue of refusals: what a caller may be told, and what it means
    Errors(errors::Errors),
    /// Check that history is what it was
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Open all databases, migrate them, and print their versions
    Migrate(migrate::Migrate),
    /// Run complete deals, count and time them, and compare with what the database alone could do
    Bench(bench::Bench),
}

impl Command {
    /// Runs the command.
    pub fn run(self) -> LocalBoxFuture<'static, anyhow::Result<()>> {
        Box::pin(async move {
            match self {
                Self::Serve(serve) => serve.run().await,
                Self::Health(health) => health.run().await,
                Self::Demo(demo) => demo.run().await,
                Self::Import(import) => import.run().await,
                Self::Pipeline(pipeline) => pipeline.run().await,
                Self::Forecast(forecast) => forecast.run().await,
                Self::WonLost(won_lost) => won_lost.run().await,
                Self::Lead(lead) => lead.run().await,
                Self::Account(account) => account.run().await,
                Self::Contact(contact) => contact.run().await,
                Self::Funnel(funnel) => funnel.run().await,
                Self::Deal(deal) => deal.run().await,
                Self::Process(process) => process.run().await,
                Self::Tasks(tasks) => tasks.run().await,
                Self::Complete(complete) => complete.run().await,
                Self::Activity(activity) => activity.run().await,
                Self::Calendar(calendar) => calendar.run().await,
                Self::Notifications(notifications) => notifications.run().await,
                Self::People(people) => people.run().await,
                Self::Knowledge(knowledge) => knowledge.run().await,
                Self::Quote(quotes) => quotes.run().await,
                Self::Contract(contracts) => contracts.run().await,
                Self::Order(orders) => orders.run().await,
                Self::Invoice(invoices) => invoices.run().await,
                Self::CreditNote(paper) => paper.run(export::Of::CreditNotes).await,
                Self::Payment(payments) => payments.run().await,
                Self::Seller(sellers) => sellers.run().await,
                Self::Terms(terms) => terms.run().await,
                Self::Flows(flows) => flows.run().await,
                Self::Handoffs(handoffs) => handoffs.run().await,
                Self::Erp(erp) => erp.run().await,
                Self::Reconcile(reconcile) => reconcile.run().await,
                Self::Setting(setting) => setting.run().await,
                Self::Errors(errors) => errors.run().await,
                Self::Audit(audit) => audit.run().await,
                Self::Migrate(migrate) => migrate.run().await,
                Self::Bench(bench) => bench.run().await,
            }
        })
    }
}

/// The resource name that somebody means by a UUID alone; anything else stays as it is.
fn named(collection: &str, which: &str) -> String {
    if uuid::Uuid::try_parse(which).is_ok() { format!("{collection}/{which}") } else { which.to_owned() }
}
