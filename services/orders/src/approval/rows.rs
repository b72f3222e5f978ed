//! Approvals in the database. A record is locked before its approval, everywhere, so that nobody waits in a circle.

use std::sync::LazyLock;

use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_chassis::security::Sight;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue, ConnectionTrait, DatabaseTransaction, ExprTrait, IntoActiveModel, QueryOrder, QuerySelect};

use super::{ActiveModel, CancelReason, Column, Entity, Model, State};
use crate::error::Error;
use crate::record::Moment;
use crate::seen;

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

/// The approval with this name, for reading; as if it were not there where the caller does not see it.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::APPROVALS.parse(name)?;
    let seen = seen::approvals(sight, db.get_database_backend());
    let found = Entity::find_by_id(id).filter(seen).one(db).await?;
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

/// Cancels approvals that are locked, in one statement; answers them as they are now.
pub async fn cancel_all(
    tx: &DatabaseTransaction,
    approvals: &[Model],
    reason: CancelReason,
    now: Moment,
) -> Result<Vec<Model>, Error> {
    if approvals.is_empty() {
        return Ok(Vec::new());
    }
    let change = ActiveModel {
        state: ActiveValue::Set(State::Canceled),
        state_since: ActiveValue::Set(now.at),
        updated_at: ActiveValue::Set(now.at),
        cancel_reason: ActiveValue::Set(Some(reason)),
        ..Default::default()
    };
    Entity::update_many()
        .set(change)
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::Id.is_in(approvals.iter().map(|approval| approval.id)))
        .exec(tx)
        .await?;
    Ok(approvals.iter().map(|approval| approval.clone().canceled(reason, now)).collect())
}

/// Adds an approval.
pub async fn insert(tx: &DatabaseTransaction, approval: &Model) -> Result<(), Error> {
    Entity::insert(approval.clone().into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}
