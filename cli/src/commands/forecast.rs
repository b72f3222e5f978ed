//! `dealflow forecast`: what may be won, by month and forecast category (R-ANA-1).

use std::collections::BTreeMap;

use chrono::NaiveDate;
use clap::Args;
use dealflow_proto::convert;
use dealflow_proto::opportunities::v1::{ForecastRow, GetForecastRequest};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::named;
use super::people::{People, Whose};
use crate::api::Api;
use crate::client::Target;
use crate::show::{self, json as data, word};

const EXAMPLES: &str = "\
Examples:
  dealflow forecast
  dealflow forecast --manager 'Melvin Marxen' --from 2017-01-01 --to 2017-12-31
  dealflow forecast --team Central --process corporate-sale --json

The month is that of the estimated close date, or of the win; deals without a day come last. The category is that of the
deal's stage; CLOSED is what was won, with what it was worth. The weighted value is value times probability of each
deal, rounded once per row.";

/// Arguments of `forecast`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Forecast {
    #[command(flatten)]
    whose: Whose,
    /// Only deals of this process
    #[arg(long, value_name = "PROCESS")]
    process: Option<String>,
    /// Only what may be decided, or was won, on or after this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<NaiveDate>,
    /// Only what may be decided, or was won, on or before this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<NaiveDate>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Forecast {
    /// Prints the forecast.
    pub async fn run(self) -> anyhow::Result<()> {
        let rows = self.target.ask(async |api| self.read(&api).await).await?;
        let totals = totals(&rows)?;
        if self.json {
            let totals: Vec<Value> = totals
                .iter()
                .map(|((category, currency), total)| {
                    let money = |value| json!({ "amount": show::places(value), "currency": currency });
                    json!({
                        "category": category,
                        "count": total.count,
                        "value": money(total.value),
                        "weighted_value": money(total.weighted),
                    })
                })
                .collect();
            return data::print(&json!({ "rows": data::list(&rows, row), "totals": totals }));
        }
        let mut table = show::numbers(&["month", "category", "count", "value", "weighted"], 2);
        for row in &rows {
            table.add_row([
                month(row),
                category(row),
                &row.count.to_string(),
                &show::money(row.value.as_ref()),
                &show::money(row.weighted_value.as_ref()),
            ]);
        }
        for ((category, currency), total) in &totals {
            let money = |value| format!("{} {currency}", show::grouped(&show::places(value)));
            let count = total.count.to_string();
            table.add_row(["total", category, &count, &money(total.value), &money(total.weighted)]);
        }
        println!("{table}");
        Ok(())
    }

    async fn read(&self, api: &Api) -> anyhow::Result<Vec<ForecastRow>> {
        let owners = People::read(api).await?.owners(&self.whose)?;
        let ask = GetForecastRequest {
            owners,
            process: self.process.as_deref().map(|process| slug("processes", process)).unwrap_or_default(),
            from_date: self.from.map(convert::date),
            to_date: self.to.map(convert::date),
        };
        Ok(api.analytics.clone().get_forecast(api.ask(ask)).await?.into_inner().rows)
    }
}

/// The name on the wire of a record that goes by a word: `corporate-sale` is `processes/corporate-sale`.
pub(super) fn slug(collection: &str, word: &str) -> String {
    let name = named(collection, word);
    if name.contains('/') { name } else { format!("{collection}/{name}") }
}

fn month(row: &ForecastRow) -> &str {
    if row.month.is_empty() { "(no day)" } else { &row.month }
}

fn category(row: &ForecastRow) -> &'static str {
    word(row.category().as_str_name(), "FORECAST_CATEGORY_")
}

fn row(row: &ForecastRow) -> Value {
    json!({
        "month": data::text(&row.month),
        "category": category(row),
        "count": row.count,
        "value": data::money(row.value.as_ref()),
        "weighted_value": data::money(row.weighted_value.as_ref()),
    })
}

#[derive(Default)]
struct Total {
    count: i64,
    value: Decimal,
    weighted: Decimal,
}

/// By category and currency, over all months.
fn totals(rows: &[ForecastRow]) -> anyhow::Result<BTreeMap<(&'static str, String), Total>> {
    let mut totals: BTreeMap<(&'static str, String), Total> = BTreeMap::new();
    for row in rows {
        let value = row.value.clone().unwrap_or_default();
        let total = totals.entry((category(row), value.currency_code.clone())).or_default();
        total.count += row.count;
        total.value += convert::decimal_of(&value)?;
        total.weighted += convert::decimal_of(&row.weighted_value.clone().unwrap_or_default())?;
    }
    Ok(totals)
}
