//! `dealflow pipeline`: the open deals by stage.

use std::collections::{BTreeMap, HashMap};

use clap::Args;
use dealflow_proto::convert;
use dealflow_proto::google::type_::Money;
use dealflow_proto::opportunities::v1::{GetPipelineRequest, PipelineRow};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::lookups;
use super::people::{People, Whose};
use crate::api::Api;
use crate::client::Target;
use crate::show::{self, json as data};

const EXAMPLES: &str = "\
Examples:
  dealflow pipeline
  dealflow pipeline --owner 'Moses Frase' --json
  dealflow pipeline --gateway http://127.0.0.1:7400

The weighted value is value times probability of each deal, rounded once per stage.";

/// Arguments of `pipeline`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Pipeline {
    #[command(flatten)]
    whose: Whose,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Pipeline {
    /// Prints the pipeline.
    pub async fn run(self) -> anyhow::Result<()> {
        let figures = self.target.ask(async |api| Figures::read(&api, &self.whose).await).await?;
        if self.json {
            return data::print(&figures.to_json());
        }
        println!("{}", figures.to_table());
        Ok(())
    }
}

/// The pipeline with the stages' captions and its totals, one for each currency.
pub(super) struct Figures {
    rows: Vec<PipelineRow>,
    captions: HashMap<String, String>,
    totals: Vec<Total>,
}

struct Total {
    count: i64,
    value: Money,
    weighted: Money,
}

impl Figures {
    /// Asks for the pipeline of all, or of some owners.
    pub(super) async fn read(api: &Api, whose: &Whose) -> anyhow::Result<Self> {
        let owners = People::read(api).await?.owners(whose)?;
        let ask = GetPipelineRequest { owners, ..GetPipelineRequest::default() };
        let rows = api.analytics.clone().get_pipeline(api.ask(ask)).await?.into_inner().rows;
        let stages = lookups::all_stages(api).await?;
        let caption = |stage: &dealflow_proto::opportunities::v1::Stage| {
            let english = stage.captions.iter().find(|caption| caption.language_code == "en");
            english.map_or_else(|| stage.name.clone(), |caption| caption.text.clone())
        };
        let captions = stages.iter().map(|stage| (stage.name.clone(), caption(stage))).collect();
        let totals = totals(&rows)?;
        Ok(Self { rows, captions, totals })
    }

    fn caption<'a>(&'a self, stage: &'a str) -> &'a str {
        self.captions.get(stage).map_or(stage, String::as_str)
    }

    /// For people.
    pub(super) fn to_table(&self) -> comfy_table::Table {
        let mut table = show::numbers(&["stage", "count", "value", "weighted"], 1);
        for row in &self.rows {
            table.add_row([
                self.caption(&row.stage).to_owned(),
                row.count.to_string(),
                show::money(row.value.as_ref()),
                show::money(row.weighted_value.as_ref()),
            ]);
        }
        for total in &self.totals {
            table.add_row([
                "total".to_owned(),
                total.count.to_string(),
                show::money(Some(&total.value)),
                show::money(Some(&total.weighted)),
            ]);
        }
        table
    }

    /// For machines.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "stages": data::list(&self.rows, |row| json!({
                "stage": row.stage,
                "caption": self.caption(&row.stage),
                "count": row.count,
                "value": data::money(row.value.as_ref()),
                "weighted_value": data::money(row.weighted_value.as_ref()),
            })),
            "totals": data::list(&self.totals, |total| json!({
                "count": total.count,
                "value": data::money(Some(&total.value)),
                "weighted_value": data::money(Some(&total.weighted)),
            })),
        })
    }
}

fn totals(rows: &[PipelineRow]) -> anyhow::Result<Vec<Total>> {
    let mut sums: BTreeMap<String, (i64, Decimal, Decimal)> = BTreeMap::new();
    for row in rows {
        let value = row.value.clone().unwrap_or_default();
        let sum = sums.entry(value.currency_code.clone()).or_default();
        sum.0 += row.count;
        sum.1 += convert::decimal_of(&value)?;
        sum.2 += convert::decimal_of(&row.weighted_value.clone().unwrap_or_default())?;
    }
    let totals = sums.into_iter().map(|(currency, (count, value, weighted))| {
        Ok(Total { count, value: convert::money(value, &currency)?, weighted: convert::money(weighted, &currency)? })
    });
    totals.collect()
}
