//! `dealflow lead import FILE.csv`: the good rows go in, the bad ones are told (R-LED-2).

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use dealflow_proto::leads::v1::{ImportError, ImportLeadsRequest, ImportLeadsResponse, Lead};
use futures::stream;
use serde_json::json;
use uuid::Uuid;

use super::csv::{self, Wrong};
use crate::api::Api;
use crate::client::Target;
use crate::show::{self, json as data};

/// Rows of one call: far less than a minute's work.
const CALL: usize = 2_000;

/// Arguments of `lead import`.
#[derive(Debug, Args)]
#[command(after_help = "\
The first row names the columns; the usual names are understood (company, first name, e-mail, value, currency, id …),
others are given with --map. Notes and street may have several lines; a row that is too short, or whose quote is not
closed, is told with the others that are wrong. The same file again imports nothing twice, and goes on where it was
broken off; a changed file knows again what it brought by its column `external_id` (or `id`).")]
pub struct Import {
    /// A CSV file in UTF-8, with commas, semicolons or tabs
    file: PathBuf,
    /// Which field a column is, e.g. `Kunde=company_name`; `-` as field leaves it out; may be given several times
    #[arg(long = "map", value_name = "HEADER=FIELD", value_parser = pair)]
    map: Vec<(String, String)>,
    /// What parts the fields, where it is not the one that the first row has most of
    #[arg(long)]
    delimiter: Option<char>,
    /// Check everything and import nothing
    #[arg(long)]
    dry_run: bool,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Import {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let bytes = std::fs::read(&self.file).with_context(|| format!("{} cannot be read", self.file.display()))?;
        let delimiter = self.delimiter.map(u8::try_from).transpose().context("a delimiter is one ASCII character")?;
        let sheet = csv::read(&bytes, delimiter, &self.map)?;
        // The same file, read in the same way, is the same import.
        let id = Uuid::new_v5(&Uuid::new_v5(&Uuid::NAMESPACE_OID, &bytes), format!("{:?}", self.map).as_bytes());
        let (rows, dry_run) = (sheet.rows, self.dry_run);
        let nameless = rows.iter().filter(|(_, lead)| lead.external_id.is_empty()).count();
        let mut wrong = sheet.wrong;
        let report = self.target.ask(async |api: Api| send(&api, id, dry_run, rows).await).await?;
        let failed = report.failed_count + i64::try_from(wrong.len())?;
        let told = |it: &ImportError| Wrong { row: it.row, field: it.field.clone(), reason: it.reason.clone() };
        wrong.extend(report.errors.iter().map(told));
        wrong.sort_by_key(|it| it.row);
        if self.json {
            data::print(&json!({
                "created": report.created_count,
                "existing": report.existing_count,
                "failed": failed,
                "dry_run": dry_run,
                "without_external_id": nameless,
                "unused_columns": sheet.unused,
                "errors": data::list(&wrong, |it| json!({
                    "row": it.row, "field": data::text(&it.field), "reason": it.reason,
                })),
            }))?;
        } else {
            print(&report, failed, dry_run, &sheet.unused, &wrong);
            if nameless > 0 {
                println!(
                    "{nameless} rows have no external id: a changed file would bring them a second time. A column \
                     `external_id` prevents that."
                );
            }
        }
        match (failed, dry_run, nameless) {
            (0, _, _) => Ok(()),
            (_, true, _) => bail!("{failed} rows would be refused"),
            (_, false, 0) => {
                bail!(
                    "{failed} rows were refused; the others went in, and the mended file imports only what is missing"
                )
            }
            (_, false, _) => bail!(
                "{failed} rows were refused; the others went in. {nameless} rows have no external id: take them out of \
                 the mended file, or it brings them a second time"
            ),
        }
    }
}

/// Sends the rows, some thousand in a call; each call is an import of its own with an id of its own.
async fn send(api: &Api, id: Uuid, dry_run: bool, rows: Vec<(i64, Lead)>) -> anyhow::Result<ImportLeadsResponse> {
    let mut total = ImportLeadsResponse::default();
    for (part, some) in rows.chunks(CALL).enumerate() {
        let request_id = Uuid::new_v5(&id, &part.to_be_bytes()).to_string();
        let messages: Vec<ImportLeadsRequest> = some
            .iter()
            .map(|(row, lead)| ImportLeadsRequest {
                lead: Some(lead.clone()),
                row: *row,
                request_id: request_id.clone(),
                validate_only: dry_run,
            })
            .collect();
        let report = api.leads.clone().import_leads(api.ask(stream::iter(messages))).await?.into_inner();
        total.row_count += report.row_count;
        total.created_count += report.created_count;
        total.existing_count += report.existing_count;
        total.failed_count += report.failed_count;
        total.errors.extend(report.errors);
    }
    Ok(total)
}

fn print(report: &ImportLeadsResponse, failed: i64, dry_run: bool, unused: &[String], wrong: &[Wrong]) {
    let (created, existing) = (report.created_count, report.existing_count);
    let done = if dry_run { "would be imported" } else { "imported" };
    println!("{created} leads {done}, {existing} there already, {failed} rows refused");
    if !unused.is_empty() {
        println!("Columns that nothing was taken from: {}", unused.join(", "));
    }
    if !wrong.is_empty() {
        let mut table = show::table(&["row", "field", "what is wrong"]);
        for it in wrong {
            table.add_row([&it.row.to_string(), &it.field, &it.reason]);
        }
        println!("{table}");
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (header, field) = text.split_once('=').ok_or("written as HEADER=FIELD")?;
    Ok((header.to_owned(), field.to_owned()))
}
