//! `dealflow funnel`: how deals go through the stages (R-ANA-1).

use chrono::NaiveDate;
use clap::Args;
use dealflow_proto::convert;
use dealflow_proto::opportunities::v1::{GetStageFiguresRequest, StageFiguresRow};
use prost_types::Duration;
use serde_json::{Value, json};

use super::forecast::slug;
use super::lookups;
use super::people::{People, Whose};
use crate::client::Target;
use crate::show::{self, json as data};

const EXAMPLES: &str = "\
Examples:
  dealflow funnel
  dealflow funnel --process corporate-sale --from 2017-01-01
  dealflow funnel --owner 'Moses Frase' --json

Came so far: were in the stage or in a later one, or were won. Went on: those of them that came to the next stage, or
from the last one were won, in percent; each process by itself, since another stage is next in each. Mean days: from
entering to leaving, of every stay that ended.";

/// Arguments of `funnel`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Funnel {
    #[command(flatten)]
    whose: Whose,
    /// Only deals of this process
    #[arg(long, value_name = "PROCESS")]
    process: Option<String>,
    /// Only sales that began on or after this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<NaiveDate>,
    /// Only sales that began on or before this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<NaiveDate>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Funnel {
    /// Prints the way through the stages.
    pub async fn run(self) -> anyhow::Result<()> {
        let (rows, captions) = self
            .target
            .ask(async |api| {
                let ask = GetStageFiguresRequest {
                    owners: People::read(&api).await?.owners(&self.whose)?,
                    process: self.process.as_deref().map(|it| slug("processes", it)).unwrap_or_default(),
                    from_date: self.from.map(convert::date),
                    to_date: self.to.map(convert::date),
                };
                let rows = api.analytics.clone().get_stage_figures(api.ask(ask)).await?.into_inner().rows;
                Ok((rows, lookups::stages(&api).await?))
            })
            .await?;
        let caption = |row: &StageFiguresRow| captions.get(&row.stage).cloned().unwrap_or_else(|| row.stage.clone());
        if self.json {
            return data::print(&json!({ "rows": data::list(&rows, |row| to_json(row, &caption(row))) }));
        }
        let columns = [
            "process",
            "stage",
            "were in it",
            "came so far",
            "went on %",
            "stays",
            "mean days",
            "won",
            "lost",
            "lost here",
        ];
        let mut table = show::numbers(&columns, 2);
        let mut process = None;
        for row in &rows {
            // Said once, at its first stage.
            let said = if process == Some(&row.process) { "" } else { row.process.trim_start_matches("processes/") };
            process = Some(&row.process);
            table.add_row([
                said.to_owned(),
                caption(row),
                row.opportunity_count.to_string(),
                row.reached_count.to_string(),
                row.conversion_percent.as_ref().map(|it| it.value.clone()).unwrap_or_default(),
                row.entry_count.to_string(),
                days(row.mean_time.as_ref()).unwrap_or_default(),
                row.won_count.to_string(),
                row.lost_count.to_string(),
                row.lost_here_count.to_string(),
            ]);
        }
        println!("{table}");
        Ok(())
    }
}

/// A duration in days with two places.
fn days(time: Option<&Duration>) -> Option<String> {
    time.and_then(|time| show::quotient(time.seconds, 86_400))
}

fn to_json(row: &StageFiguresRow, caption: &str) -> Value {
    json!({
        "process": data::text(&row.process),
        "stage": row.stage,
        "caption": caption,
        "entry_count": row.entry_count,
        "left_count": row.left_count,
        "total_seconds": row.total_time.as_ref().map(|time| time.seconds),
        "mean_days": days(row.mean_time.as_ref()),
        "opportunity_count": row.opportunity_count,
        "reached_count": row.reached_count,
        "conversion_percent": row.conversion_percent.as_ref().map(|it| it.value.clone()),
        "won_count": row.won_count,
        "lost_count": row.lost_count,
        "lost_here_count": row.lost_here_count,
    })
}
