//! Pipeline and forecast: what is open, by stage, and by month and forecast category.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::closed::{Group, won_lost};
use super::{EVERYBODY, Filter, Sql, hundredth, sums, whole};
use crate::amount::Iso;
use crate::error::Error;
use crate::library::{ForecastCategory, Stages};

/// The open opportunities of one stage and currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineRow {
    /// The slug of the stage.
    pub stage: String,
    /// The currency of the values.
    pub currency: Iso,
    /// How many.
    pub count: i64,
    /// Sum of their estimates in minor units.
    pub value: i128,
    /// Sum of estimate times probability in minor units, rounded once, half away from zero.
    pub weighted: i128,
}

/// The opportunities of one month, category and currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForecastRow {
    /// The month, `2017-03`; empty where nobody said when.
    pub month: String,
    /// The category of their stages; `Closed` for those that were won.
    pub category: ForecastCategory,
    /// The currency of the values.
    pub currency: Iso,
    /// How many.
    pub count: i64,
    /// Sum of their estimates, or of what they were worth, in minor units.
    pub value: i128,
    /// Sum of value times probability in minor units, rounded once, half away from zero.
    pub weighted: i128,
}

const SUMS: [&str; 7] =
    ["count", "value_high", "value_low", "plain_high", "plain_low", "weighted_high", "weighted_low"];

/// The month of what has no day.
const NO_MONTH: &str = "0001-01";

#[derive(FromQueryResult)]
struct Sums {
    stage: String,
    currency: Iso,
    month: String,
    count: i64,
    value_high: i64,
    value_low: i64,
    /// Estimates of those without a probability of their own: the stage's holds.
    plain_high: i64,
    plain_low: i64,
    /// Estimate times own probability, of the others.
    weighted_high: i64,
    weighted_low: i64,
}

impl Sums {
    fn value(&self) -> i128 {
        whole(self.value_high, self.value_low)
    }

    /// A hundredfold of the weighted value: rounded when all is added up.
    fn hundredfold(&self, stages: &Stages) -> i128 {
        let of_stage = stages.get(&self.stage).map_or(0, |stage| stage.probability);
        whole(self.plain_high, self.plain_low) * i128::from(of_stage) + whole(self.weighted_high, self.weighted_low)
    }
}

/// Open opportunities by stage and currency, in the order of stages; days are those on which they may be decided.
///
/// # Errors
/// What the database says.
pub async fn pipeline(db: &impl ConnectionTrait, filter: &Filter, stages: &Stages) -> Result<Vec<PipelineRow>, Error> {
    let sums = open(db, filter, false).await?;
    let row = |sums: Sums| PipelineRow {
        currency: sums.currency,
        count: sums.count,
        value: sums.value(),
        weighted: hundredth(sums.hundredfold(stages)),
        stage: sums.stage,
    };
    let mut rows: Vec<PipelineRow> = sums.into_iter().map(row).collect();
    rows.sort_by_key(|row| (stages.position(&row.stage), row.currency.to_string()));
    Ok(rows)
}

/// What may be won by month, category and currency, and what was won; what has no day comes last. Stages of the category
/// OMITTED are left out.
///
/// # Errors
/// What the database says.
pub async fn forecast(db: &impl ConnectionTrait, filter: &Filter, stages: &Stages) -> Result<Vec<ForecastRow>, Error> {
    let mut rows: BTreeMap<(String, u8, String), (ForecastRow, i128)> = BTreeMap::new();
    for sums in open(db, filter, true).await? {
        let category = stages.get(&sums.stage).map_or(ForecastCategory::Pipeline, |stage| stage.forecast_category);
        if category == ForecastCategory::Omitted {
            continue;
        }
        let key = (sums.month.clone(), category as u8, sums.currency.to_string());
        let new = || (ForecastRow::new(&sums.month, category, sums.currency), 0);
        let (row, hundredfold) = rows.entry(key).or_insert_with(new);
        row.count += sums.count;
        row.value += sums.value();
        *hundredfold += sums.hundredfold(stages);
    }
    for won in won_lost(db, Group::Month, filter).await?.into_iter().filter(|won| won.figures.won_count > 0) {
        let key = (won.key.clone(), ForecastCategory::Closed as u8, won.currency.to_string());
        let new = || (ForecastRow::new(&won.key, ForecastCategory::Closed, won.currency), 0);
        let (row, hundredfold) = rows.entry(key).or_insert_with(new);
        row.count += won.figures.won_count;
        row.value += won.won_value;
        *hundredfold += won.won_value * 100;
    }
    let (without, with): (Vec<_>, Vec<_>) = rows.into_values().partition(|(row, _)| row.month == NO_MONTH);
    let told = with.into_iter().chain(without).map(|(row, hundredfold)| ForecastRow {
        weighted: hundredth(hundredfold),
        month: if row.month == NO_MONTH { String::new() } else { row.month },
        ..row
    });
    Ok(told.collect())
}

impl ForecastRow {
    fn new(month: &str, category: ForecastCategory, currency: Iso) -> Self {
        Self { month: month.to_owned(), category, currency, count: 0, value: 0, weighted: 0 }
    }
}

/// The sums over what is folded and what is not, by stage, currency and, on wish, month.
async fn open(db: &impl ConnectionTrait, filter: &Filter, by_month: bool) -> Result<Vec<Sums>, Error> {
    let mut sql = Sql::new(db);
    let month = if by_month { sql.month("day") } else { "''".to_owned() };
    // What has no day is kept under the first of all: no range of days holds it, one without a beginning neither.
    let from = filter.from.or(filter.to.and_then(|_| NaiveDate::from_ymd_opt(1, 1, 2)));
    let mut part = |table: &str, everybody: &str| {
        let owners = sql.and_in("owner", filter.owner_keys());
        let owners = if owners.is_empty() { everybody.to_owned() } else { owners };
        let process = sql.and_in("process", filter.process.clone());
        let days = sql.and_between("day", from, filter.to);
        let columns = SUMS.join(", ");
        format!("SELECT stage, currency, {month} AS month, {columns} FROM {table} WHERE true{owners}{process}{days}")
    };
    let folded = part("open_figure", &format!(" AND owner = '{EVERYBODY}'"));
    let new = part("open_delta", "");
    let text = format!(
        "SELECT stage, currency, month, {} FROM ({folded} UNION ALL {new}) figures \
         GROUP BY stage, currency, month HAVING SUM(count) <> 0",
        sums(&SUMS)
    );
    Ok(Sums::find_by_statement(sql.statement(text)).all(db).await?)
}
