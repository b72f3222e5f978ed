//! `dealflow demo`: four deals from lead to ERP in one go, and the books compared at the end.
//!
//! - [`tale`]: what is told, what is checked, how long is waited
//! - [`play`]: the steps that all deals have in common, each one call
//! - [`by_process`], [`by_leaps`], [`lost`]: the deals
//! - [`ledger`]: ours against the ERP's

mod by_leaps;
mod by_process;
mod ledger;
mod lost;
mod play;
mod tale;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::deal::View;
use super::people::Whose;
use super::pipeline::Figures;
use crate::api::Api;
use crate::client::Client;
use crate::show::json as data;
use crate::suite::Plan;
use ledger::Ledger;
use play::Play;
use tale::Tale;

const EXAMPLES: &str = "\
Examples:
  dealflow demo                      on a temporary folder, gone afterwards
  dealflow demo --data demo-data     keeps the records; then: dealflow pipeline --data demo-data
  dealflow demo --json               the same as data, for a pipeline of machines

Three deals: one won by its process from activity to activity, one that leaps between stages and whose order reaches the
ERP though the answer is lost, one lost. Ends with 1, naming what is off, if the ERP's books are not equal to ours.";

/// Arguments of `demo`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Demo {
    /// Keeps the records in this folder, which must hold none yet
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
}

impl Demo {
    /// Runs the demo; the error names every check that is off.
    pub async fn run(self) -> anyhow::Result<()> {
        let fresh = tempfile::tempdir()?;
        let folder = self.data.as_deref().unwrap_or(fresh.path());
        ensure_empty(folder)?;
        let start = Instant::now();
        let client = Client::start(&Plan::embedded(folder)).await?;
        let api = Api::new(&client.link, "demo");
        let mut tale = Tale::new(self.json);
        let told = tell(&api, &mut tale).await;
        drop(api);
        client.close().await;
        let outcome = told.with_context(|| format!("the demo broke off; {}", tale.summary()))?;
        let seconds = start.elapsed().as_secs_f64();
        if self.json {
            data::print(&outcome.to_json(&tale, self.data.as_deref(), seconds))?;
        } else {
            outcome.print(&tale, seconds);
        }
        let off = tale.off();
        ensure!(off.is_empty(), "{} checks are off:\n  {}", off.len(), off.join("\n  "));
        Ok(())
    }
}

/// What the demo leaves behind.
struct Outcome {
    deals: Vec<Value>,
    left_open: String,
    lost_answer: Value,
    pipeline: Figures,
    shown: View,
    ledger: Ledger,
}

async fn tell(api: &Api, tale: &mut Tale) -> anyhow::Result<Outcome> {
    let mut play = Play::set_up(api, tale).await?;
    let by_process = by_process::tell(&mut play).await?;
    let (by_leaps, lost_answer) = by_leaps::tell(&mut play).await?;
    let lost = lost::tell(&mut play).await?;
    let left_open = lost::leave_one_open(&mut play).await?;
    play.tale.chapter("The books");
    let ledger = Ledger::read(&play.api).await?;
    ledger.check(play.tale);
    ledger::no_flow_is_left(&mut play).await?;
    let deals = vec![
        play.summary(&by_process, "process").await?,
        play.summary(&by_leaps, "leaps").await?,
        play.summary(&lost, "lost").await?,
    ];
    Ok(Outcome {
        deals,
        left_open,
        lost_answer,
        pipeline: Figures::read(&play.api, &Whose::default()).await?,
        shown: play.view(&by_leaps).await?,
        ledger,
    })
}

impl Outcome {
    fn print(&self, tale: &Tale, seconds: f64) {
        println!("\nThe pipeline (dealflow pipeline)\n{}", self.pipeline.to_table());
        println!("\nOne deal (dealflow deal show)\n\n{}", self.shown.to_text());
        println!("\nOur books against the ERP's\n{}", self.ledger.to_table());
        println!("\n{}", tale.summary());
        println!("{seconds:.1} s");
    }

    fn to_json(&self, tale: &Tale, folder: Option<&Path>, seconds: f64) -> Value {
        json!({
            "ok": tale.off().is_empty(),
            "seconds": (seconds * 1000.0).round() / 1000.0,
            "data": folder.map(|folder| folder.display().to_string()),
            "deals": self.deals,
            "left_open": self.left_open,
            "lost_answer": self.lost_answer,
            "pipeline": self.pipeline.to_json(),
            "deal": self.shown.to_json(),
            "ledger": self.ledger.to_json(),
            "checks": tale.checks(),
            "story": tale.lines(),
        })
    }
}

/// A demo beside real records would count them: its books would not be its own.
fn ensure_empty(folder: &Path) -> anyhow::Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let name = entry?.file_name();
        let is_database = Path::new(&name).extension().is_some_and(|extension| extension == "db");
        ensure!(!is_database, "{} holds records already; the demo wants a folder of its own", folder.display());
    }
    Ok(())
}
