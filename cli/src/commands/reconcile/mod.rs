//! `dealflow reconcile`: whether the ERP's books and our hand-overs say the same, and what is done where not (R-ERP-1).

mod view;

use anyhow::Context as _;
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{
    CompareReconciliationsRequest, DocumentType, GetReconciliationReportRequest, ListReconciliationsRequest,
    ReconcileRequest, Reconciliation, ReconciliationAction, ReconciliationClass, ReconciliationRow,
    ResolveReconciliationRequest,
};
use serde_json::json;

use self::view::{counts, csv, row_data, run_data, table, totals};
use super::named;
use crate::api::{Api, all_pages, new_id};
use crate::client::Target;
use crate::show::{self, json as data};

const EXAMPLES: &str = "\
Examples:
  dealflow reconcile                                            everything, as tables
  dealflow reconcile --from 2026-11-01 --until 2026-12-01 --type invoice --csv > november.csv
  dealflow reconcile show 019abc4e-…                            a run that is kept
  dealflow reconcile compare 019abc4e-… 019abb11-…              what is new since the earlier one, and what is gone
  dealflow reconcile resolve 019abc4e-… --action replay --class missing-in-erp --reason 'backup restored'
  dealflow reconcile resolve 019abc4e-… --action ignore --document dealflow:order:SO-000001 --reason 'a test'

Each document that both sides do not say the same of is one row, with what is best done: replay (the same key and bytes
again), adopt (the ERP's number), refresh (how far the ERP is), or ignore with a reason. The totals are those of what is
accepted: count, net, VAT by category and rate, gross, by type and currency.";

/// Arguments of `reconcile`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Reconcile {
    /// Something else than a new run
    #[command(subcommand)]
    what: Option<What>,
    /// Only documents of this day and later
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<NaiveDate>,
    /// Only documents of days before this one
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<NaiveDate>,
    /// Only this legal entity
    #[arg(long, default_value = "")]
    entity: String,
    /// Only this type
    #[arg(long, value_enum)]
    r#type: Option<Type>,
    #[command(flatten)]
    form: Form,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// What to do with runs that are kept.
#[derive(Debug, Subcommand)]
enum What {
    /// List the runs, the latest first
    List(List),
    /// Show a run again
    Show(Show),
    /// Show what a run found that an earlier one did not
    Compare(Compare),
    /// Do something about what a run found
    Resolve(Resolve),
}

/// How a report is written.
#[derive(Debug, Args)]
struct Form {
    /// The result as JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// The rows as CSV
    #[arg(long)]
    csv: bool,
}

#[derive(Debug, Args)]
struct List {
    /// Only runs that found something
    #[arg(long)]
    open: bool,
    /// At most so many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i32).range(1..=1000))]
    limit: i32,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct Show {
    /// The run: its name or its UUID
    run: String,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct Compare {
    /// The later run
    run: String,
    /// The earlier run
    earlier: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct Resolve {
    /// The run: its name or its UUID
    run: String,
    /// What to do
    #[arg(long, value_enum)]
    action: Action,
    /// Only rows of this class; without it those for which the action is the best
    #[arg(long, value_enum)]
    class: Option<Class>,
    /// Only this document, by external id
    #[arg(long, default_value = "")]
    document: String,
    /// Why; asked for where something is left as it is
    #[arg(long, default_value = "")]
    reason: String,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// A type of document.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Type {
    Order,
    Invoice,
    CreditNote,
    OrderChange,
    OrderCancellation,
}

/// What can be done.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Action {
    Replay,
    Adopt,
    Ignore,
    Refresh,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Class {
    AmountMismatch,
    MissingInErp,
    UnknownInErp,
    DuplicateInErp,
    StatusMismatch,
    Stuck,
    DeadLettered,
    RejectedOpen,
}

impl From<Type> for DocumentType {
    fn from(kind: Type) -> Self {
        match kind {
            Type::Order => Self::Order,
            Type::Invoice => Self::Invoice,
            Type::CreditNote => Self::CreditNote,
            Type::OrderChange => Self::OrderChange,
            Type::OrderCancellation => Self::OrderCancellation,
        }
    }
}

impl From<Action> for ReconciliationAction {
    fn from(action: Action) -> Self {
        match action {
            Action::Replay => Self::Replay,
            Action::Adopt => Self::Adopt,
            Action::Ignore => Self::Ignore,
            Action::Refresh => Self::Refresh,
        }
    }
}

impl From<Class> for ReconciliationClass {
    fn from(class: Class) -> Self {
        match class {
            Class::AmountMismatch => Self::AmountMismatch,
            Class::MissingInErp => Self::MissingInErp,
            Class::UnknownInErp => Self::UnknownInErp,
            Class::DuplicateInErp => Self::DuplicateInErp,
            Class::StatusMismatch => Self::StatusMismatch,
            Class::Stuck => Self::Stuck,
            Class::DeadLettered => Self::DeadLettered,
            Class::RejectedOpen => Self::RejectedOpen,
        }
    }
}

impl Reconcile {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.what {
            Some(What::List(list)) => list.run().await,
            Some(What::Show(show)) => {
                let name = named("reconciliations", &show.run);
                let (run, rows) = show.target.ask(async |api: Api| report(&api, name).await).await?;
                show.form.print(&run, &rows)
            }
            Some(What::Compare(compare)) => compare.run().await,
            Some(What::Resolve(resolve)) => resolve.run().await,
            None => {
                let ask = ReconcileRequest {
                    legal_entity: self.entity.clone(),
                    from_date: self.from.map(convert::date),
                    until_date: self.until.map(convert::date),
                    r#type: self.r#type.map(DocumentType::from).unwrap_or_default().into(),
                    request_id: new_id(),
                    ..ReconcileRequest::default()
                };
                let work = async |api: Api| {
                    let run = api.reconciliations.clone().reconcile(api.ask(ask)).await?.into_inner();
                    report(&api, run.name).await
                };
                let (run, rows) = self.target.ask(work).await?;
                self.form.print(&run, &rows)
            }
        }
    }
}

impl Form {
    fn print(&self, run: &Reconciliation, rows: &[ReconciliationRow]) -> anyhow::Result<()> {
        if self.json {
            return data::print(&json!({ "run": run_data(run), "rows": data::list(rows, row_data) }));
        }
        if self.csv {
            return csv(rows);
        }
        println!("{} of {} (UTC) by {}", run.name, show::time(run.create_time.as_ref()), run.actor);
        println!("{}", counts(run));
        println!("{}", totals(&run.totals));
        if rows.is_empty() {
            println!("Nothing is wrong with any document.");
        } else {
            println!("{}", table(rows));
        }
        Ok(())
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let filter = if self.open { "clean = false".to_owned() } else { String::new() };
        let order_by = "create_time desc".to_owned();
        let ask = ListReconciliationsRequest { page_size: self.limit, filter, order_by, ..Default::default() };
        let read = async |api: Api| {
            Ok(api.reconciliations.clone().list_reconciliations(api.ask(ask)).await?.into_inner().reconciliations)
        };
        let runs = self.target.ask(read).await?;
        if self.json {
            return data::print(&json!({ "runs": data::list(&runs, run_data) }));
        }
        let mut table = show::table(&["run", "when (UTC)", "by", "from", "until", "clean", "found"]);
        for run in &runs {
            let wrong = run.counts.iter().filter(|it| it.class() != ReconciliationClass::Matched);
            table.add_row([
                run.name.as_str(),
                &show::time(run.create_time.as_ref()),
                &run.actor,
                &show::date(run.from_date.as_ref()),
                &show::date(run.until_date.as_ref()),
                if run.clean { "yes" } else { "no" },
                &wrong.map(|it| it.count).sum::<i64>().to_string(),
            ]);
        }
        println!("{table}");
        Ok(())
    }
}

impl Compare {
    async fn run(self) -> anyhow::Result<()> {
        let ask = CompareReconciliationsRequest {
            name: named("reconciliations", &self.run),
            earlier: named("reconciliations", &self.earlier),
        };
        let read =
            async |api: Api| Ok(api.reconciliations.clone().compare_reconciliations(api.ask(ask)).await?.into_inner());
        let found = self.target.ask(read).await?;
        if self.json {
            return data::print(&json!({
                "appeared": data::list(&found.appeared, row_data),
                "gone": data::list(&found.gone, row_data),
            }));
        }
        for (what, rows) in [("New since then:", &found.appeared), ("Gone since then:", &found.gone)] {
            println!("{what}");
            println!("{}", if rows.is_empty() { "nothing".to_owned() } else { table(rows).to_string() });
        }
        Ok(())
    }
}

impl Resolve {
    async fn run(self) -> anyhow::Result<()> {
        let ask = ResolveReconciliationRequest {
            name: named("reconciliations", &self.run),
            action: ReconciliationAction::from(self.action).into(),
            class: self.class.map(ReconciliationClass::from).unwrap_or_default().into(),
            external_id: self.document.clone(),
            reason: self.reason.clone(),
            request_id: new_id(),
            ..ResolveReconciliationRequest::default()
        };
        let work =
            async |api: Api| Ok(api.reconciliations.clone().resolve_reconciliation(api.ask(ask)).await?.into_inner());
        let done = self.target.ask(work).await?;
        if self.json {
            return data::print(&json!({ "resolved": done.resolved, "skipped": done.skipped, "more": done.more }));
        }
        println!("{} resolved", done.resolved);
        for document in &done.skipped {
            println!("  {document} is no longer as it was; left alone");
        }
        if done.more {
            println!("There are more: the same command goes on with them.");
        }
        Ok(())
    }
}

/// A run and all its rows.
async fn report(api: &Api, name: String) -> anyhow::Result<(Reconciliation, Vec<ReconciliationRow>)> {
    let first = GetReconciliationReportRequest { name: name.clone(), page_size: 1, ..Default::default() };
    let run = api.reconciliations.clone().get_reconciliation_report(api.ask(first)).await?.into_inner().reconciliation;
    let rows = all_pages(async |page_token| {
        let ask =
            GetReconciliationReportRequest { name: name.clone(), page_size: 1000, page_token, ..Default::default() };
        let page = api.reconciliations.clone().get_reconciliation_report(api.ask(ask)).await?.into_inner();
        Ok((page.rows, page.next_page_token))
    });
    Ok((run.context("a report is of a run")?, rows.await?))
}
