//! `dealflow reconcile`: whether the ERP's books and our hand-overs say the same, and what is done where not (R-ERP-1).

use anyhow::Context as _;
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{
    CompareReconciliationsRequest, ControlTotal, DocumentType, GetReconciliationReportRequest,
    ListReconciliationsRequest, ReconcileRequest, Reconciliation, ReconciliationAction, ReconciliationClass,
    ReconciliationRow, ResolveReconciliationRequest, TotalSide,
};
use serde_json::{Value, json};

use super::named;
use crate::api::{Api, all_pages, new_id};
use crate::client::Target;
use crate::show::{self, json as data, word};

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

fn counts(run: &Reconciliation) -> comfy_table::Table {
    let mut table = show::numbers(&["class", "documents"], 1);
    for count in &run.counts {
        table.add_row([class(count.class()).to_owned(), count.count.to_string()]);
    }
    table
}

fn totals(totals: &[ControlTotal]) -> comfy_table::Table {
    let mut table = show::numbers(&["type", "whose", "documents", "net", "VAT", "gross", "agree"], 2);
    for total in totals {
        for (whose, side) in [("ours", &total.ours), ("the ERP's", &total.theirs)] {
            let Some(side) = side else { continue };
            table.add_row([
                word(total.r#type().as_str_name(), "DOCUMENT_TYPE_").to_owned(),
                whose.to_owned(),
                side.count.to_string(),
                show::money(side.net.as_ref()),
                show::money(side.vat.as_ref()),
                show::money(side.gross.as_ref()),
                if total.agrees { "yes" } else { "NO" }.to_owned(),
            ]);
        }
    }
    table
}

fn table(rows: &[ReconciliationRow]) -> comfy_table::Table {
    let mut table = show::table(&["external id", "class", "ERP number", "ours", "theirs", "in words", "best", "done"]);
    for row in rows {
        table.add_row([
            row.external_id.as_str(),
            class(row.class()),
            &row.erp_number,
            &show::money(row.ours.as_ref()),
            &show::money(row.theirs.as_ref()),
            &row.detail,
            action(row.action()),
            action(row.resolution()),
        ]);
    }
    table
}

fn csv(rows: &[ReconciliationRow]) -> anyhow::Result<()> {
    let mut out = csv::Writer::from_writer(std::io::stdout());
    out.write_record([
        "external_id",
        "type",
        "class",
        "handoff",
        "record",
        "handoff_state",
        "erp_number",
        "erp_status",
        "ours",
        "theirs",
        "currency",
        "detail",
        "action",
        "resolution",
        "resolution_note",
    ])?;
    for row in rows {
        let amount = |money: &Option<dealflow_proto::google::type_::Money>| {
            let value = money.as_ref().and_then(|money| convert::decimal_of(money).ok());
            value.map(|value| value.to_string()).unwrap_or_default()
        };
        let currency = row.ours.as_ref().or(row.theirs.as_ref()).map(|it| it.currency_code.clone());
        out.write_record([
            row.external_id.as_str(),
            word(row.r#type().as_str_name(), "DOCUMENT_TYPE_"),
            class(row.class()),
            &row.handoff,
            &row.record,
            &row.handoff_state,
            &row.erp_number,
            word(row.erp_status().as_str_name(), "BUSINESS_STATUS_"),
            &amount(&row.ours),
            &amount(&row.theirs),
            &currency.unwrap_or_default(),
            &row.detail,
            action(row.action()),
            action(row.resolution()),
            &row.resolution_note,
        ])?;
    }
    Ok(out.flush()?)
}

fn run_data(run: &Reconciliation) -> Value {
    json!({
        "name": run.name,
        "create_time": data::time(run.create_time.as_ref()),
        "actor": data::text(&run.actor),
        "legal_entity": data::text(&run.legal_entity),
        "from_date": data::date(run.from_date.as_ref()),
        "until_date": data::date(run.until_date.as_ref()),
        "type": data::text(word(run.r#type().as_str_name(), "DOCUMENT_TYPE_")),
        "clean": run.clean,
        "counts": data::list(&run.counts, |it| json!({ "class": class(it.class()), "count": it.count })),
        "totals": data::list(&run.totals, |total| {
            json!({
                "type": word(total.r#type().as_str_name(), "DOCUMENT_TYPE_"),
                "currency": total.currency_code,
                "agrees": total.agrees,
                "ours": side(total.ours.as_ref()),
                "theirs": side(total.theirs.as_ref()),
            })
        }),
    })
}

fn side(side: Option<&TotalSide>) -> Value {
    side.map_or(Value::Null, |side| {
        json!({
            "count": side.count,
            "net": data::money(side.net.as_ref()),
            "vat": data::money(side.vat.as_ref()),
            "gross": data::money(side.gross.as_ref()),
            "groups": data::list(&side.groups, |group| {
                let vat = group.vat.clone().unwrap_or_default();
                json!({
                    "category": word(vat.category().as_str_name(), "VAT_CATEGORY_"),
                    "rate": vat.rate.map(|rate| rate.value),
                    "taxable": data::money(group.taxable.as_ref()),
                    "tax": data::money(group.tax.as_ref()),
                })
            }),
        })
    })
}

fn row_data(row: &ReconciliationRow) -> Value {
    json!({
        "external_id": row.external_id,
        "type": word(row.r#type().as_str_name(), "DOCUMENT_TYPE_"),
        "class": class(row.class()),
        "handoff": data::text(&row.handoff),
        "record": data::text(&row.record),
        "handoff_state": data::text(&row.handoff_state),
        "erp_number": data::text(&row.erp_number),
        "erp_status": data::text(word(row.erp_status().as_str_name(), "BUSINESS_STATUS_")),
        "ours": data::money(row.ours.as_ref()),
        "theirs": data::money(row.theirs.as_ref()),
        "detail": data::text(&row.detail),
        "action": data::text(action(row.action())),
        "resolution": data::text(action(row.resolution())),
        "resolution_note": data::text(&row.resolution_note),
    })
}

fn class(class: ReconciliationClass) -> &'static str {
    word(class.as_str_name(), "RECONCILIATION_CLASS_")
}

fn action(action: ReconciliationAction) -> &'static str {
    word(action.as_str_name(), "RECONCILIATION_ACTION_")
}
