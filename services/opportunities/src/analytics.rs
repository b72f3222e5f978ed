//! Figures over all opportunities, by SQL aggregates (R-ANA-1): equal to a recomputation from the rows.
//!
//! Sums are exact and cannot overflow: an amount is summed as billions and rest, each of which has room for millions
//! of rows of the largest amounts, and put together in 128 bits. `CAST(… AS BIGINT)`, since PostgreSQL sums 64-bit
//! numbers to NUMERIC.

use chrono::NaiveDate;
use dealflow_proto::names::{ACCOUNTS, Collection, EMPLOYEES};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Select,
};
use uuid::Uuid;

use crate::amount::Iso;
use crate::error::Error;
use crate::library::Stages;
use crate::opportunity::{Column, Entity, State};

/// Where an amount is split.
const BILLION: i128 = 1_000_000_000;

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
}

/// Days of closing, both ends included.
#[derive(Debug, Clone, Copy, Default)]
pub struct Period {
    /// The first day.
    pub from: Option<NaiveDate>,
    /// The last day.
    pub to: Option<NaiveDate>,
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
    /// Everything else of the row.
    pub figures: Figures,
}

/// Counts and sums of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
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

#[derive(FromQueryResult)]
struct PipelineSums {
    stage: String,
    currency: Iso,
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

#[derive(FromQueryResult)]
struct WonLostSums {
    currency: Iso,
    won_high: i64,
    won_low: i64,
    #[sea_orm(nested)]
    figures: Figures,
}

#[derive(FromQueryResult)]
struct ByRecord {
    key: Option<Uuid>,
    #[sea_orm(nested)]
    sums: WonLostSums,
}

#[derive(FromQueryResult)]
struct ByText {
    key: String,
    #[sea_orm(nested)]
    sums: WonLostSums,
}

/// Open opportunities by stage and currency, in the order of stages; of one owner, or of all.
///
/// # Errors
/// What the database says.
pub async fn pipeline(
    db: &impl ConnectionTrait,
    owner: Option<Uuid>,
    stages: &Stages,
) -> Result<Vec<PipelineRow>, Error> {
    let (high, low) = halves("estimated_value");
    let plain = |half: &str| sum(&format!("CASE WHEN probability IS NULL THEN {half} ELSE 0 END"));
    let weighted = |half: &str| sum(&format!("{half} * COALESCE(probability, 0)"));
    let mut query = Entity::find().select_only().columns([Column::Stage, Column::Currency]);
    query = query
        .expr_as(Expr::cust("COUNT(*)"), "count")
        .expr_as(sum(&high), "value_high")
        .expr_as(sum(&low), "value_low")
        .expr_as(plain(&high), "plain_high")
        .expr_as(plain(&low), "plain_low")
        .expr_as(weighted(&high), "weighted_high")
        .expr_as(weighted(&low), "weighted_low")
        .filter(Column::State.eq(State::Open))
        .group_by(Column::Stage)
        .group_by(Column::Currency);
    if let Some(owner) = owner {
        query = query.filter(Column::Owner.eq(owner));
    }
    let sums: Vec<PipelineSums> = query.into_model().all(db).await?;
    let mut rows: Vec<PipelineRow> = sums.into_iter().map(|sums| pipeline_row(sums, stages)).collect();
    rows.sort_by_key(|row| (stages.position(&row.stage), row.currency.to_string()));
    Ok(rows)
}

fn pipeline_row(sums: PipelineSums, stages: &Stages) -> PipelineRow {
    let of_stage = stages.get(&sums.stage).map_or(0, |stage| stage.probability);
    let hundredfold =
        whole(sums.plain_high, sums.plain_low) * i128::from(of_stage) + whole(sums.weighted_high, sums.weighted_low);
    PipelineRow {
        currency: sums.currency,
        count: sums.count,
        value: whole(sums.value_high, sums.value_low),
        weighted: (hundredfold + hundredfold.signum() * 50) / 100,
        stage: sums.stage,
    }
}

/// Won and lost opportunities of a period, by group and currency, ordered by key.
///
/// # Errors
/// What the database says.
pub async fn won_lost(db: &impl ConnectionTrait, group: Group, period: Period) -> Result<Vec<WonLostRow>, Error> {
    let month = match db.get_database_backend() {
        DbBackend::Postgres => "TO_CHAR(close_date, 'YYYY-MM')",
        _ => "SUBSTR(close_date, 1, 7)",
    };
    let mut rows = match group {
        Group::All => by_text(db, closed(period).expr_as(Expr::cust("''"), "key")).await?,
        Group::Owner => by_record(db, Column::Owner, EMPLOYEES, period).await?,
        Group::Account => by_record(db, Column::Account, ACCOUNTS, period).await?,
        Group::LoseReason => by_text(db, grouped(period, "COALESCE(lose_reason, '')")).await?,
        Group::Month => by_text(db, grouped(period, month)).await?,
    };
    rows.sort_by_key(|row| (row.key.clone(), row.currency.to_string()));
    Ok(rows)
}

async fn by_record(
    db: &impl ConnectionTrait,
    column: Column,
    collection: Collection,
    period: Period,
) -> Result<Vec<WonLostRow>, DbErr> {
    let query = closed(period).expr_as(Expr::col(column), "key").group_by(column);
    let rows: Vec<ByRecord> = query.into_model().all(db).await?;
    let name = |id: Option<Uuid>| id.map(|id| collection.name(id)).unwrap_or_default();
    Ok(rows.into_iter().map(|row| row.sums.row(name(row.key))).collect())
}

async fn by_text(db: &impl ConnectionTrait, query: Select<Entity>) -> Result<Vec<WonLostRow>, DbErr> {
    let rows: Vec<ByText> = query.into_model().all(db).await?;
    Ok(rows.into_iter().map(|row| row.sums.row(row.key)).collect())
}

fn grouped(period: Period, key: &'static str) -> Select<Entity> {
    closed(period).expr_as(Expr::cust(key), "key").group_by(Expr::cust(key))
}

/// The sums over closed opportunities of a period by currency, to be grouped further.
fn closed(period: Period) -> Select<Entity> {
    let (high, low) = halves("actual_value");
    let of = |state: State, what: &str| sum(&format!("CASE WHEN state = '{state}' THEN {what} ELSE 0 END"));
    let mut query = Entity::find().select_only().column(Column::Currency);
    query = query
        .expr_as(of(State::Won, &high), "won_high")
        .expr_as(of(State::Won, &low), "won_low")
        .expr_as(of(State::Won, "1"), "won_count")
        .expr_as(of(State::Lost, "1"), "lost_count")
        .expr_as(of(State::Won, "cycle_days"), "won_cycle_days")
        .expr_as(of(State::Lost, "cycle_days"), "lost_cycle_days")
        .expr_as(of(State::Won, "spent_minutes"), "won_minutes")
        .expr_as(of(State::Lost, "spent_minutes"), "lost_minutes")
        .filter(Column::State.is_in([State::Won, State::Lost]))
        .group_by(Column::Currency);
    if let Some(from) = period.from {
        query = query.filter(Column::CloseDate.gte(from));
    }
    if let Some(to) = period.to {
        query = query.filter(Column::CloseDate.lte(to));
    }
    query
}

impl WonLostSums {
    fn row(self, key: String) -> WonLostRow {
        let won_value = whole(self.won_high, self.won_low);
        WonLostRow { key, currency: self.currency, won_value, figures: self.figures }
    }
}

/// An amount's billions and its rest, in SQL; both databases divide towards zero.
fn halves(column: &str) -> (String, String) {
    (format!("({column} / {BILLION})"), format!("({column} % {BILLION})"))
}

/// The amount that was split.
fn whole(high: i64, low: i64) -> i128 {
    i128::from(high) * BILLION + i128::from(low)
}

/// A sum that is 0 where there is nothing to sum, and a 64-bit number on both databases.
fn sum(what: &str) -> Expr {
    Expr::cust(format!("CAST(COALESCE(SUM({what}), 0) AS BIGINT)"))
}
