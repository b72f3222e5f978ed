//! Figures as their readers see them.

use dealflow_proto::convert::decimal;
use dealflow_proto::google::type_::Decimal as WireDecimal;
use dealflow_proto::names::{PROCESSES, STAGES};
use dealflow_proto::opportunities::v1 as pb;
use prost_types::Duration;
use rust_decimal::{Decimal, RoundingStrategy};

use super::library::forecast;
use crate::analytics::{ForecastRow, PipelineRow, StageRow, WonLostRow};
use crate::error::Error;
use crate::stage_entry::Stay;

/// The open opportunities of one stage and currency.
pub(crate) fn pipeline_row(row: PipelineRow) -> Result<pb::PipelineRow, Error> {
    Ok(pb::PipelineRow {
        stage: STAGES.slug(&row.stage),
        count: row.count,
        value: Some(row.currency.sum(row.value)?),
        weighted_value: Some(row.currency.sum(row.weighted)?),
    })
}

/// The opportunities of one month, category and currency.
pub(crate) fn forecast_row(row: ForecastRow) -> Result<pb::ForecastRow, Error> {
    Ok(pb::ForecastRow {
        month: row.month,
        category: forecast(row.category).into(),
        count: row.count,
        value: Some(row.currency.sum(row.value)?),
        weighted_value: Some(row.currency.sum(row.weighted)?),
    })
}

/// The closed opportunities of one group and currency.
pub(crate) fn won_lost_row(row: WonLostRow) -> Result<pb::WonLostRow, Error> {
    let figures = row.figures;
    let mean = |sum: i64, count: i64| quotient(sum, count);
    Ok(pb::WonLostRow {
        key: row.key,
        won_count: figures.won_count,
        lost_count: figures.lost_count,
        won_value: Some(row.currency.sum(row.won_value)?),
        won_cycle_days: figures.won_cycle_days,
        lost_cycle_days: figures.lost_cycle_days,
        won_minutes: figures.won_minutes,
        lost_minutes: figures.lost_minutes,
        won_estimated_value: Some(row.currency.sum(row.won_estimate)?),
        win_rate_percent: quotient(figures.won_count * 100, figures.won_count + figures.lost_count),
        mean_won_cycle_days: mean(figures.won_cycle_days, figures.won_count),
        mean_lost_cycle_days: mean(figures.lost_cycle_days, figures.lost_count),
        mean_won_hours: mean(figures.won_minutes, figures.won_count * 60),
        mean_lost_hours: mean(figures.lost_minutes, figures.lost_count * 60),
    })
}

/// How opportunities went through one stage.
pub(crate) fn stage_row(row: &StageRow) -> pb::StageFiguresRow {
    let mean = row.micros.checked_div(i128::from(row.left));
    pb::StageFiguresRow {
        process: Some(row.process.as_str())
            .filter(|it| !it.is_empty())
            .map(|it| PROCESSES.slug(it))
            .unwrap_or_default(),
        stage: STAGES.slug(&row.stage),
        entry_count: row.entries,
        left_count: row.left,
        total_time: Some(duration(row.micros)),
        mean_time: mean.map(duration),
        opportunity_count: row.opportunities,
        reached_count: row.reached,
        conversion_percent: quotient(row.farther * 100, row.reached),
        won_count: row.won,
        lost_count: row.lost,
        lost_here_count: row.lost_here,
    }
}

/// A quotient, rounded half away from zero to two decimals; none where nothing divides.
fn quotient(number: i64, divisor: i64) -> Option<WireDecimal> {
    let exact = Decimal::from(number).checked_div(Decimal::from(divisor))?;
    Some(decimal(exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)))
}

/// How often an opportunity was in a stage.
pub(crate) fn stay(stay: &Stay) -> pb::StageStay {
    pb::StageStay {
        stage: STAGES.slug(&stay.stage),
        entry_count: i32::try_from(stay.entries).unwrap_or(i32::MAX),
        total_time: Some(duration(i128::from(stay.micros))),
    }
}

fn duration(micros: i128) -> Duration {
    let seconds = i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX);
    let nanos = i32::try_from(micros % 1_000_000 * 1_000).unwrap_or_default(); // less than a second
    Duration { seconds, nanos }
}
