//! What came of telling the house what the ERP said: whether the record follows, and why not where it does not.
//!
//! Where it does not, the hand-over keeps the reason (`divergence`): it is listed, a reconciliation names it, and where
//! somebody must look at it, history tells so and the owner of the deal gets a task (R-FLW-3).

use chrono::{DateTime, Utc};
use dealflow_chassis::history;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter};

use super::Handoffs;
use super::outcome::told;
use super::record::{Column, Entity, Kind, Model, State};

/// What is kept of a reason.
const LONGEST: usize = 1000;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// The record is where the ERP is.
    Yes,
    /// It will be, when what it waits for has come.
    Waits(String),
    /// It cannot be by itself: why, and what can be done.
    Cannot(String),
}

impl Followed {
    /// Why it does not follow; empty where it does.
    pub(super) fn why(&self) -> String {
        match self {
            Self::Yes => String::new(),
            Self::Waits(why) | Self::Cannot(why) => why.chars().take(LONGEST).collect(),
        }
    }

    /// Both of two, one after the other.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, one) | (one, Self::Yes) => one,
            (Self::Waits(one), Self::Waits(_)) => Self::Waits(one),
            (one, other) => Self::Cannot(format!("{}; {}", one.why(), other.why())),
        }
    }
}

/// Tells history that somebody must look at a document, unless it said so before.
pub(super) async fn note(
    tx: &DatabaseTransaction,
    row: &Model,
    followed: &Followed,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let divergence = followed.why();
    if !matches!(followed, Followed::Cannot(_)) || divergence == row.divergence {
        return Ok(());
    }
    let after = Model { diverges: true, divergence: divergence.clone(), ..row.clone() };
    let told = told(&after, "handoff.diverged", ("ReportEvents", row.state, &divergence), now);
    history::Entity::insert(told).exec_without_returning(tx).await.map(drop)
}

impl Model {
    /// Whether its record stands as it was handed over, though the ERP refused it: an order that was delivered before is
    /// not CONFIRMED again. What is sent again is what stands.
    pub(crate) fn stands(&self) -> bool {
        self.kind != Kind::Order || (self.owner_told && self.diverges)
    }
}

impl Handoffs {
    /// Tells the house again of those of these documents that their records did not follow: what they waited for has
    /// come.
    pub(crate) async fn tell_again(&self, external_ids: &[String]) -> Result<(), DbErr> {
        let store = &self.0.store;
        let tx = store.begin().await?;
        let diverging =
            || Entity::update_many().filter(Column::ExternalId.is_in(external_ids)).filter(Column::Diverges.eq(true));
        diverging()
            .col_expr(Column::NewsAt, Expr::value(Some(store.clock().now())))
            .filter(Column::State.ne(State::Rejected))
            .exec(&tx)
            .await?;
        // Who is telling of it now tells the version before this one.
        diverging()
            .col_expr(Column::OwnerTold, Expr::value(false))
            .col_expr(Column::Version, Expr::col(Column::Version).add(1))
            .filter(Column::State.eq(State::Rejected))
            .exec(&tx)
            .await?;
        store.commit(tx).await?;
        self.0.news.notify_one();
        self.0.rejected.notify_one();
        Ok(())
    }

    /// Tells the house again of those of these documents that the ERP was paid for: somebody else recorded a payment of
    /// them, which may be the same one.
    pub(crate) async fn tell_payments_again(&self, external_ids: &[String]) -> Result<(), DbErr> {
        let store = &self.0.store;
        let tx = store.begin().await?;
        Entity::update_many()
            .col_expr(Column::NewsAt, Expr::value(Some(store.clock().now())))
            .filter(Column::ExternalId.is_in(external_ids))
            .filter(Column::PaidMinor.ne(0))
            .filter(Column::State.ne(State::Rejected))
            .exec(&tx)
            .await?;
        store.commit(tx).await?;
        self.0.news.notify_one();
        Ok(())
    }
}
