//! Won and lost, by whatever they are grouped by.

use std::collections::BTreeMap;

use dealflow_proto::names::{ACCOUNTS, Collection, EMPLOYEES, PROCESSES, PRODUCTS, STAGES};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::cover::{Coarsest, cover};
use super::{Filter, Sql, sums, whole};
use crate::amount::Iso;
use crate::error::Error;

/// What won and lost opportunities are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// One row for all of a currency.
    All,
    /// The owner's name.
    Owner,
    /// The account's name.
    Account,
    /// The reason of loss; won ones under the empty key.
    LoseReason,
    /// The month of the close date, `2017-03`.
    Month,
    /// Its quarter, `2017-Q1`.
    Quarter,
    /// Its year, `2017`.
    Year,
    /// The stage that they were closed from.
    Stage,
    /// Where they came from.
    Source,
    /// Each of their products.
    Product,
    /// The process that led them.
    Process,
}

/// The closed opportunities of one group and currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WonLostRow {
    /// The group.
    pub key: String,
    /// The currency of the value.
    pub currency: Iso,
    /// Sum of the actual values of the won ones, in minor units.
    pub won_value: i128,
    /// Sum of the estimates of the won ones, in minor units.
    pub won_estimate: i128,
    /// Everything else of the row.
    pub figures: Figures,
}

/// Counts and sums of one group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many were won.
    pub won_count: i64,
    /// How many were lost.
    pub lost_count: i64,
    /// Sum of the won ones' cycles in days.
    pub won_cycle_days: i64,
    /// Sum of the lost ones' cycles in days.
    pub lost_cycle_days: i64,
    /// Minutes spent on the won ones.
    pub won_minutes: i64,
    /// Minutes spent on the lost ones.
    pub lost_minutes: i64,
}

/// The sums of `closed_fact` and `closed_figure`.
pub(super) const SUMS: [&str; 10] = [
    "won_count",
    "lost_count",
    "won_high",
    "won_low",
    "estimated_high",
    "estimated_low",
    "won_days",
    "lost_days",
    "won_minutes",
    "lost_minutes",
];

/// The dimensions that `closed_figure` keeps sums for, with the column of `closed_fact` that each one's key is.
pub(super) const DIMENSIONS: [(&str, &str); 8] = [
    ("ALL", "''"),
    ("OWNER", "owner"),
    ("ACCOUNT", "account"),
    ("REASON", "reason"),
    ("STAGE", "stage"),
    ("SOURCE", "source"),
    ("PROCESS", "process"),
    ("PRODUCT", "product"),
];

#[derive(FromQueryResult)]
struct Sums {
    key: String,
    currency: Iso,
    won_count: i64,
    lost_count: i64,
    won_high: i64,
    won_low: i64,
    estimated_high: i64,
    estimated_low: i64,
    won_days: i64,
    lost_days: i64,
    won_minutes: i64,
    lost_minutes: i64,
}

/// Won and lost opportunities by group and currency, ordered by key; days are those on which they were closed.
///
/// # Errors
/// What the database says.
pub async fn won_lost(db: &impl ConnectionTrait, group: Group, filter: &Filter) -> Result<Vec<WonLostRow>, Error> {
    let mut sql = Sql::new(db);
    let text = match served(group, filter) {
        Some(dimension) => from_sums(&mut sql, group, filter, dimension),
        None => from_facts(&mut sql, group, filter, ""),
    };
    let text = format!("SELECT key, currency, {} FROM ({text}) figures GROUP BY key, currency", sums(&SUMS));
    let found = Sums::find_by_statement(sql.statement(text)).all(db).await?;
    let mut rows: BTreeMap<(String, String), WonLostRow> = BTreeMap::new();
    for sums in found {
        let key = group.told(&sums.key);
        let row = rows.entry((key.clone(), sums.currency.to_string())).or_insert_with(|| WonLostRow {
            key,
            currency: sums.currency,
            won_value: 0,
            won_estimate: 0,
            figures: Figures::default(),
        });
        row.add(&sums);
    }
    Ok(rows.into_values().collect())
}

impl WonLostRow {
    fn add(&mut self, sums: &Sums) {
        self.won_value += whole(sums.won_high, sums.won_low);
        self.won_estimate += whole(sums.estimated_high, sums.estimated_low);
        self.figures.won_count += sums.won_count;
        self.figures.lost_count += sums.lost_count;
        self.figures.won_cycle_days += sums.won_days;
        self.figures.lost_cycle_days += sums.lost_days;
        self.figures.won_minutes += sums.won_minutes;
        self.figures.lost_minutes += sums.lost_minutes;
    }
}

/// The dimension whose sums answer the question; none where no sum does, and the facts themselves are asked.
fn served(group: Group, filter: &Filter) -> Option<&'static str> {
    match (filter.owners.is_empty(), &filter.process) {
        (true, None) => Some(group.dimension()),
        (false, None) if group.dimension() == "ALL" || group == Group::Owner => Some("OWNER"),
        (true, Some(_)) if group.dimension() == "ALL" || group == Group::Process => Some("PROCESS"),
        _ => None,
    }
}

/// What is folded, and the facts that are not.
fn from_sums(sql: &mut Sql, group: Group, filter: &Filter, dimension: &str) -> String {
    let key = group.key(sql, "key", "period");
    let coarsest = if matches!(group, Group::Month | Group::Quarter) { Coarsest::Month } else { Coarsest::Year };
    let mut periods = Vec::new();
    for stretch in cover(filter.from, filter.to, coarsest) {
        let (first, last) = (sql.bind(stretch.first), sql.bind(stretch.last));
        periods.push(format!("(level = '{}' AND period >= {first} AND period <= {last})", stretch.level));
    }
    let periods = if periods.is_empty() { "false".to_owned() } else { periods.join(" OR ") };
    let only = match dimension {
        "OWNER" => sql.and_in("key", filter.owner_keys()),
        "PROCESS" => sql.and_in("key", filter.process.clone()),
        _ => String::new(),
    };
    let columns = SUMS.join(", ");
    let new = from_facts(sql, group, filter, " AND folded = false");
    format!(
        "SELECT {key} AS key, currency, {columns} FROM closed_figure \
         WHERE dim = '{dimension}' AND ({periods}){only} UNION ALL {new}"
    )
}

fn from_facts(sql: &mut Sql, group: Group, filter: &Filter, which: &str) -> String {
    let column = DIMENSIONS.iter().find(|(dimension, _)| *dimension == group.dimension()).map_or("''", |it| it.1);
    let key = group.key(sql, column, "day");
    let owners = sql.and_in("owner", filter.owner_keys());
    let process = sql.and_in("process", filter.process.clone());
    let days = sql.and_between("day", filter.from, filter.to);
    let product = if group == Group::Product { "product IS NOT NULL" } else { "product IS NULL" };
    let columns = SUMS.join(", ");
    format!("SELECT {key} AS key, currency, {columns} FROM closed_fact WHERE {product}{which}{owners}{process}{days}")
}

impl Group {
    /// The dimension of `closed_figure` that has a row for each key.
    fn dimension(self) -> &'static str {
        match self {
            Self::All | Self::Month | Self::Quarter | Self::Year => "ALL",
            Self::Owner => "OWNER",
            Self::Account => "ACCOUNT",
            Self::LoseReason => "REASON",
            Self::Stage => "STAGE",
            Self::Source => "SOURCE",
            Self::Product => "PRODUCT",
            Self::Process => "PROCESS",
        }
    }

    /// The key of a row, in SQL.
    fn key(self, sql: &Sql, column: &str, day: &str) -> String {
        match self {
            Self::All => "''".to_owned(),
            Self::Month | Self::Quarter | Self::Year => sql.month(day),
            _ => column.to_owned(),
        }
    }

    /// The key as it is told.
    fn told(self, key: &str) -> String {
        let record = |collection: Collection| match Uuid::try_parse(key) {
            Ok(id) => collection.name(id),
            Err(_) => String::new(),
        };
        let slug = |collection: Collection| if key.is_empty() { String::new() } else { collection.slug(key) };
        match self {
            Self::All => String::new(),
            Self::Owner => record(EMPLOYEES),
            Self::Account => record(ACCOUNTS),
            Self::Product => record(PRODUCTS),
            Self::Stage => slug(STAGES),
            Self::Process => slug(PROCESSES),
            Self::LoseReason | Self::Source | Self::Month => key.to_owned(),
            Self::Quarter => quarter(key),
            Self::Year => key.chars().take(4).collect(),
        }
    }
}

/// `2017-Q1` of `2017-03`.
fn quarter(month: &str) -> String {
    let (year, number) = month.split_once('-').unwrap_or_default();
    let number: u32 = number.parse().unwrap_or(1);
    format!("{year}-Q{}", number.div_ceil(3))
}
