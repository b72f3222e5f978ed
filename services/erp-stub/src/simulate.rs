//! What happens in an ERP by itself: decisions, deliveries, payments, each when its time has come by the stub's clock.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use dealflow_chassis::refusal::Refusal;
use dealflow_proto::erp::v1::{BusinessStatus, DocumentType, Outcome, Simulation};
use rust_decimal::Decimal;
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::book::{self, Column, Entity, Model};
use crate::booking::{save, span};
use crate::checks::{self, chain::Chain};
use crate::event;
use crate::rpc::erp::Erp;
use crate::state::State;

/// How often it is looked what is due.
const LOOK: Duration = Duration::from_secs(1);
/// How many steps one transaction takes.
const TOGETHER: u64 = 100;

impl Erp {
    /// Does what is due, once a second, until the stop.
    pub(crate) async fn simulate(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if let Err(status) = self.catch_up().await {
                tracing::warn!(%status, "what is due in the books was not done; it is tried again");
            }
        }
    }

    /// Does all that is due now; answers how many steps that were.
    pub(crate) async fn catch_up(&self) -> Result<u64, Status> {
        let mut steps = 0;
        loop {
            let some = self.some_steps().await?;
            steps += some;
            if some == 0 {
                return Ok(steps);
            }
        }
    }

    async fn some_steps(&self) -> Result<u64, Status> {
        let reader = self.store.reader();
        let now = State::load(reader).await.map_err(Refusal::from)?.now(&self.store);
        let due = Entity::find().filter(Column::DueAt.lte(now)).limit(1).one(reader).await.map_err(Refusal::from)?;
        let held = event::Entity::find().filter(event::Column::ReleaseAt.lte(now));
        let held = held.filter(event::Column::Position.is_null()).limit(1).one(reader).await.map_err(Refusal::from)?;
        if due.is_none() && held.is_none() {
            return Ok(0);
        }
        let tx = self.store.begin().await.map_err(Refusal::from)?;
        book::take(&tx).await.map_err(Refusal::from)?;
        let state = State::load(&tx).await.map_err(Refusal::from)?;
        let mut steps = event::release_due(&tx, now).await.map_err(Refusal::from)?;
        for mut row in due_now(&tx, now).await.map_err(Refusal::from)? {
            steps += 1;
            match row.outcome() {
                Outcome::Pending => self.decide(&tx, &mut row, &state, now).await?,
                _ => self.step(&tx, row, &state.simulation(), now).await.map_err(Refusal::from)?,
            }
        }
        self.store.commit(tx).await.map_err(Refusal::from)?;
        Ok(steps)
    }

    /// One delivery of an order, or one payment of an invoice.
    async fn step(
        &self,
        tx: &DatabaseTransaction,
        mut row: Model,
        simulation: &Simulation,
        now: DateTime<Utc>,
    ) -> Result<(), DbErr> {
        let next = match row.kind() {
            DocumentType::Order => {
                let chain = book::chain(tx, &row.external_id).await?;
                deliver(&mut row, chain.map(|(_, chain)| chain).unwrap_or_default(), simulation.fulfil_steps);
                span(&simulation.fulfil_after).filter(|_| row.status() != BusinessStatus::Fulfilled)
            }
            DocumentType::Invoice => {
                pay(&mut row, simulation.pay_steps);
                span(&simulation.pay_after).filter(|_| row.status() != BusinessStatus::Paid)
            }
            _ => None,
        };
        // At least a little later: steps without a span between them would never end.
        row.due_at = next.map(|next| now + next.max(chrono::TimeDelta::milliseconds(1)));
        event::tell(tx, &self.faults, &mut row, now).await?;
        save(tx, &row).await
    }
}

async fn due_now(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<Vec<Model>, DbErr> {
    let due = Entity::find().filter(Column::DueAt.lte(now)).order_by_asc(Column::DueAt).order_by_asc(Column::Id);
    due.limit(TOGETHER).all(tx).await
}

/// A share of each line that is not delivered; what cannot be shared goes with the last.
fn deliver(row: &mut Model, chain: Chain, steps: i32) {
    let ordered: BTreeMap<String, Decimal> = checks::quantities([&chain.order]).unwrap_or_default();
    let steps = Decimal::from(steps.max(1));
    let mut all = true;
    for (line, quantity) in &ordered {
        let done = row.lines.0.entry(line.clone()).or_default();
        let promised = done.confirmed.unwrap_or(*quantity);
        let share = (*quantity / steps).round_dp(6);
        let left = promised - done.delivered;
        // The last step brings what the division left over.
        let last = (left - share).abs() < share.abs() / Decimal::TWO || left.abs() <= share.abs();
        done.delivered += if last || share.is_zero() { left } else { share };
        all &= done.delivered == *quantity;
    }
    row.status = if all { BusinessStatus::Fulfilled } else { BusinessStatus::PartiallyFulfilled }.into();
}

fn pay(row: &mut Model, steps: i32) {
    let owed = row.payable_minor().saturating_sub(row.credited_minor);
    let left = owed.saturating_sub(row.paid_minor);
    let share = owed / i64::from(steps.max(1));
    // The last step brings what the division left over.
    let last = share == 0 || left.abs().saturating_sub(share.abs()) < (share.abs() + 1) / 2;
    let paid = if last { left } else { share };
    row.paid_minor = row.paid_minor.saturating_add(paid);
    let all = row.paid_minor == owed;
    row.status = if all { BusinessStatus::Paid } else { BusinessStatus::PartiallyPaid }.into();
}
