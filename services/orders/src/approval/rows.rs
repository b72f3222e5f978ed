//! Approvals in the database. A record is locked before its approval, everywhere, so that nobody waits in a circle.

use std::sync::LazyLock;

use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseTransaction, IntoActiveModel, QueryOrder, QuerySelect};

use super::{CancelReason, Column, Entity, Model, State};
use crate::error::Error;
use crate::record::{Moment, save};

/// What the list of approvals can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::APPROVALS.as_str(), Column::Id)
        .text("subject", Column::Subject)
        .filter_only()
        .text("approver", Column::Approver)
        .filter_only()
        .text("role", Column::Role)
        .filter_only()
        .uuid("opportunity", names::OPPORTUNITIES.as_str(), Column::OpportunityId)
        .filter_only()
        .variants("state", Column::State, |state: &State| state.to_string().into())
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

/// The approval with this name, for reading.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str) -> Result<Model, Error> {
    let id = names::APPROVALS.parse(name)?;
    let found = Entity::find_by_id(id).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The only way to an approval that is meant to change; its record is locked already.
pub async fn lock(tx: &DatabaseTransaction, id: Uuid) -> Result<Model, Error> {
    let found = Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    found.ok_or_else(|| Refusal::missing(&names::APPROVALS.name(id)).into())
}

/// The approvals that these records wait for, locked.
pub async fn pending_of(tx: &DatabaseTransaction, subjects: Vec<String>) -> Result<Vec<Model>, Error> {
    let pending = Entity::find().filter(Column::Subject.is_in(subjects)).filter(Column::State.eq(State::Pending));
    Ok(pending.order_by_asc(Column::Id).lock_exclusive().all(tx).await?)
}

/// Cancels an approval that is locked; answers it before and after.
pub async fn cancel(
    tx: &DatabaseTransaction,
    approval: Model,
    reason: CancelReason,
    now: Moment,
) -> Result<(Model, Model), Error> {
    let after = approval.clone().canceled(reason, now);
    save(tx, &approval, &after).await?;
    Ok((approval, after))
}

/// Adds an approval.
pub async fn insert(tx: &DatabaseTransaction, approval: &Model) -> Result<(), Error> {
    Entity::insert(approval.clone().into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}
