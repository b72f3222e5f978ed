//! What an accepted change does to its order: the books say what is agreed now.

use chrono::{DateTime, Utc};
use dealflow_proto::erp::v1::{BusinessStatus, Simulation};
use sea_orm::{DatabaseTransaction, DbErr};

use crate::book::{self, Model};
use crate::booking::{save, span};
use crate::rpc::erp::Erp;
use crate::{checks, event};

impl Erp {
    /// The order comes to what its change says. What was promised of its lines is all of them anew; how far it is follows
    /// from what is delivered of them, and what is delivered goes on by itself where it did.
    pub(crate) async fn change(
        &self,
        tx: &DatabaseTransaction,
        change: &Model,
        simulation: &Simulation,
        now: DateTime<Utc>,
    ) -> Result<(), DbErr> {
        let Some(mut order) = book::find(tx, &change.order_external_id).await? else { return Ok(()) };
        let broken = |error: &dyn std::error::Error| DbErr::Custom(error.to_string());
        let document = change.document().map_err(|error| broken(&error))?;
        let ordered = checks::quantities([&document]).map_err(|error| broken(&error))?;
        order.net_minor = change.net_minor;
        order.vat_minor = change.vat_minor;
        order.gross_minor = change.gross_minor;
        order.vat = change.vat.clone();
        order.lines.0.retain(|line, done| ordered.contains_key(line) || !done.delivered.is_zero());
        order.lines.0.values_mut().for_each(|done| done.confirmed = None);
        let delivered = |line: &str| order.lines.0.get(line).map(|done| done.delivered).unwrap_or_default();
        let all = ordered.iter().all(|(line, quantity)| delivered(line) == *quantity);
        let some = ordered.keys().any(|line| !delivered(line).is_zero());
        let by_quantity = [BusinessStatus::Confirmed, BusinessStatus::PartiallyFulfilled, BusinessStatus::Fulfilled];
        if by_quantity.contains(&order.status()) {
            let [none, partly, fully] = by_quantity;
            order.status = if all {
                fully
            } else if some {
                partly
            } else {
                none
            }
            .into();
        }
        order.due_at = match span(&simulation.fulfil_after) {
            Some(next) if !all => order.due_at.or(Some(now + next)),
            _ => None,
        };
        event::tell(tx, &self.faults, &mut order, now).await?;
        save(tx, &order).await
    }
}
