//! A run that moves to another version of its process (R-PRC-3).
//!
//! Where the stage stays and its open activities are in the new version too, the stage entry goes on: what was done
//! stays done, what is new is planned. Else the stage is entered anew, as by any other move. A run that has nowhere to
//! go in the new version stays on its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use dealflow_proto::names::STAGES;
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter};

use super::Sale;
use crate::library::{Meaning, Process};
use crate::opportunity::{self, RunState, State};
use crate::stage_entry::{self, Cause};

/// Where runs go.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The version that they go on with.
    pub to: Arc<Process>,
    /// Where stages lead to; one that is not named stays what it is.
    pub stages: BTreeMap<String, String>,
}

/// What moving did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The stage that it was in.
    pub from: String,
    /// The stage that it is in.
    pub to: String,
    /// Whether a stage was entered anew.
    pub entered_anew: bool,
    /// The activities that were planned.
    pub planned_keys: Vec<String>,
}

impl Sale {
    /// Moves the run; its definition so far need not be one that can be followed.
    ///
    /// # Errors
    /// Why it stays, and what would help.
    pub fn migrate(&mut self, plan: &Plan, now: DateTime<Utc>) -> Result<Moved, String> {
        if self.opportunity.state != State::Open {
            return Err("the opportunity is closed; its run ends on its own version".to_owned());
        }
        let from = self.opportunity.stage.clone();
        let to = plan.stages.get(&from).unwrap_or(&from).clone();
        let version = plan.to.version;
        let known = plan.to.stage(&to).filter(|stage| !stage.completes);
        let Some(stage) = known.filter(|_| self.stages.get(&to).is_some_and(|it| it.meaning == Meaning::Open)) else {
            let is_open = |id: &str| self.stages.get(id).is_some_and(|it| it.meaning == Meaning::Open);
            let stages = plan.to.stages.iter().filter(|stage| !stage.completes && is_open(&stage.stage.value));
            let open: Vec<String> = stages.map(|stage| STAGES.slug(&stage.stage.value)).collect();
            let to = STAGES.slug(&to);
            return Err(format!("version {version} has no open stage {to}; map it to one of {}", open.join(", ")));
        };
        let stage = stage.clone();
        let goes_on = from == to && self.entry.planned.open().all(|open| plan.to.template(&open.template).is_some());
        let waiting = self.entry.planned.0.iter().any(|planned| planned.pending.is_some());
        self.change_run(|run| {
            run.version = version;
            run.state = if waiting { RunState::Error } else { RunState::Running };
            run.error = waiting.then(|| "results came while it could not be followed: ResumeProcess".to_owned());
        });
        self.process = Some(plan.to.clone());
        self.unfollowable = None;
        let planned_keys = if goes_on {
            self.entry.planned.plan_missing(&stage)
        } else {
            self.enter(&to, Cause::Manual, now);
            self.entry.planned.0.iter().map(|planned| planned.key.clone()).collect()
        };
        self.step("opportunity.process_migrated", &from, &to, None, &format!("to version {version}"));
        Ok(Moved { from, to, entered_anew: !goes_on, planned_keys })
    }
}

/// Writes a page of runs that moved: a handful of statements, however many there are.
///
/// # Errors
/// What the database says.
pub async fn save_moved(db: &impl ConnectionTrait, sales: &[Sale], now: DateTime<Utc>) -> Result<(), DbErr> {
    use opportunity::Column;
    if sales.is_empty() {
        return Ok(());
    }
    let (mut runs, mut stages, mut entries) = (CaseStatement::new(), CaseStatement::new(), CaseStatement::new());
    for record in sales.iter().map(|sale| &sale.opportunity) {
        let this = || Expr::col(Column::Id).eq(record.id);
        runs = runs.case(this(), Expr::value(record.run.clone()));
        stages = stages.case(this(), Expr::value(record.stage.clone()));
        entries = entries.case(this(), Expr::value(record.entry));
    }
    let led_by = sales.first().and_then(|sale| sale.opportunity.led_by.clone());
    opportunity::Entity::update_many()
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .col_expr(Column::LedBy, Expr::value(led_by))
        .col_expr(Column::Run, runs.into())
        .col_expr(Column::Stage, stages.into())
        .col_expr(Column::Entry, entries.into())
        .filter(Column::Id.is_in(sales.iter().map(|sale| sale.opportunity.id)))
        .exec(db)
        .await?;
    save_entries(db, sales, now).await
}

/// The entries that went on with what was planned in them; those that were left, and those that were entered.
async fn save_entries(db: &impl ConnectionTrait, sales: &[Sale], now: DateTime<Utc>) -> Result<(), DbErr> {
    use stage_entry::{Column, Entity};
    let left: Vec<&stage_entry::Model> = sales.iter().filter_map(|sale| sale.left.as_ref()).collect();
    let (gone_on, entered): (Vec<&Sale>, Vec<&Sale>) = sales.iter().partition(|sale| sale.left.is_none());
    if !gone_on.is_empty() {
        let mut planned = CaseStatement::new();
        for entry in gone_on.iter().map(|sale| &sale.entry) {
            planned = planned.case(Expr::col(Column::Id).eq(entry.id), Expr::value(entry.planned.clone()));
        }
        Entity::update_many()
            .col_expr(Column::Planned, planned.into())
            .filter(Column::Id.is_in(gone_on.iter().map(|sale| sale.entry.id)))
            .exec(db)
            .await?;
    }
    if !entered.is_empty() {
        let mut spent = CaseStatement::new();
        for entry in &left {
            spent = spent.case(Expr::col(Column::Id).eq(entry.id), Expr::value(entry.spent_micros));
        }
        Entity::update_many()
            .col_expr(Column::LeftAt, Expr::value(now))
            .col_expr(Column::SpentMicros, spent.into())
            .filter(Column::Id.is_in(left.iter().map(|entry| entry.id)))
            .exec(db)
            .await?;
        let rows = entered.into_iter().map(|sale| sale.entry.clone().into_active_model());
        Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}
