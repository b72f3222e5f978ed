//! Telling the owner of a record that the ERP refused it: at least once, however often it takes.

use std::sync::Arc;

use futures::future::BoxFuture;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::Handoffs;
use super::followed::Followed;
use super::record::{Column, Entity, Kind, Model, Reason};

/// How many are told in one look.
const MANY: u64 = 100;

/// A document that the ERP refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The hand-over, `handoffs/{handoff}`.
    pub handoff: String,
    /// What kind of document.
    pub kind: Kind,
    /// The record, `orders/{order}` or `invoices/{invoice}`.
    pub record: String,
    /// The opportunity's name.
    pub opportunity: String,
    /// All reasons in one line.
    pub reason: String,
    /// The reasons as data.
    pub reasons: Vec<Reason>,
    /// How many calls were made of the document until then: which of its refusals it is.
    pub call: i32,
    /// W3C trace context of the request that handed it over.
    pub traceparent: Option<String>,
}

/// What is to be done about a refused document. It is called again until it succeeds, and by any replica: what it does
/// must be the same when done twice (a request id made from the hand-over's name, for one).
pub type OnRejected = Arc<dyn Fn(Rejection) -> BoxFuture<'static, Result<Followed, Status>> + Send + Sync>;

impl From<Model> for Rejection {
    fn from(row: Model) -> Self {
        Self {
            handoff: row.name(),
            kind: row.kind,
            record: row.document,
            opportunity: row.opportunity,
            reason: row.last_error,
            reasons: row.reasons.0,
            call: row.calls,
            traceparent: row.traceparent,
        }
    }
}

/// Tells all that is untold, when something was refused and once in a while.
pub(super) async fn tell_owners(handoffs: Handoffs, stop: CancellationToken) {
    let Some(hook) = handoffs.0.settings.on_rejected.clone() else { return };
    while !stop.is_cancelled() {
        if let Err(error) = tell(&handoffs, &hook).await {
            tracing::warn!(%error, "refused documents cannot be read");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = handoffs.0.rejected.notified() => {}
            () = tokio::time::sleep(handoffs.0.settings.tell_again) => {}
        }
    }
}

async fn tell(handoffs: &Handoffs, hook: &OnRejected) -> Result<(), sea_orm::DbErr> {
    let store = &handoffs.0.store;
    let untold = Entity::find()
        // As the index says it.
        .filter(Expr::cust("state = 'REJECTED' AND NOT owner_told"))
        .order_by_asc(Column::Id)
        .limit(MANY)
        .all(store.reader())
        .await?;
    for row in untold {
        let (id, version) = (row.id, row.version);
        let followed = match hook(row.into()).await {
            Ok(followed) => followed,
            Err(status) => {
                tracing::warn!(handoff = %id, %status, "the owner of a refused document is not told yet");
                continue;
            }
        };
        let tx = store.begin().await?;
        Entity::update_many()
            .col_expr(Column::OwnerTold, Expr::value(true))
            .col_expr(Column::Diverges, Expr::value(followed != Followed::Yes))
            .col_expr(Column::Divergence, Expr::value(followed.why()))
            .filter(Column::Id.eq(id))
            // What has changed since is told anew.
            .filter(Column::Version.eq(version))
            .exec(&tx)
            .await?;
        store.commit(tx).await?;
    }
    Ok(())
}
