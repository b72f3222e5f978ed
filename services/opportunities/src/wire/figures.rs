//! Figures as their readers see them.

use dealflow_proto::names::STAGES;
use dealflow_proto::opportunities::v1 as pb;

use crate::analytics::{PipelineRow, WonLostRow};
use crate::error::Error;

/// The open opportunities of one stage and currency.
pub(crate) fn pipeline_row(row: PipelineRow) -> Result<pb::PipelineRow, Error> {
    Ok(pb::PipelineRow {
        stage: STAGES.slug(&row.stage),
        count: row.count,
        value: Some(row.currency.sum(row.value)?),
        weighted_value: Some(row.currency.sum(row.weighted)?),
    })
}

/// The closed opportunities of one group and currency.
pub(crate) fn won_lost_row(row: WonLostRow) -> Result<pb::WonLostRow, Error> {
    Ok(pb::WonLostRow {
        key: row.key,
        won_count: row.figures.won_count,
        lost_count: row.figures.lost_count,
        won_value: Some(row.currency.sum(row.won_value)?),
        won_cycle_days: row.figures.won_cycle_days,
        lost_cycle_days: row.figures.lost_cycle_days,
        won_minutes: row.figures.won_minutes,
        lost_minutes: row.figures.lost_minutes,
    })
}
