//! Orders in the database: found, locked, added once per opportunity.

use std::sync::LazyLock;

use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_chassis::security::Sight;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DatabaseTransaction, IntoActiveModel, QuerySelect};

use super::{Column, Entity, Model, State};
use crate::error::Error;
use crate::seen;

/// What the list of orders can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::ORDERS.as_str(), Column::Id)
        .uuid("opportunity", names::OPPORTUNITIES.as_str(), Column::OpportunityId)
        .filter_only()
        .uuid("account", names::ACCOUNTS.as_str(), Column::AccountId)
        .filter_only()
        .uuid("quote", names::QUOTES.as_str(), Column::QuoteId)
        .filter_only()
        .variants("state", Column::State, |state: &State| state.to_string().into())
        .filter_only()
        .text("number", Column::Number)
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

/// The order with this name, for reading; as if it were not there where the caller does not see it.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::ORDERS.parse(name)?;
    let seen = seen::orders(sight);
    let found = Entity::find_by_id(id).filter(seen).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The only way to an order that is meant to change, or to be billed.
pub async fn lock(tx: &DatabaseTransaction, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::ORDERS.parse(name)?;
    let seen = seen::orders(sight);
    let found = Entity::find_by_id(id).filter(seen).lock_exclusive().one(tx).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// Adds an order with its number, unless its opportunity has a live one: then nothing is added, and none is answered.
///
/// The database decides, by its index of live orders: of any number of calls at the same time one adds, and the
/// others wait until that one is committed.
pub async fn insert(tx: &DatabaseTransaction, order: Model) -> Result<Option<Model>, Error> {
    let mut row = order.into_active_model();
    row.number = crate::number::of_document(tx, "SO").await?;
    // Without a target: the index of live orders is a partial one. Without `try_insert`, which takes a conflict for a
    // row that got lost.
    let conflict = OnConflict::new().do_nothing().to_owned();
    Ok(Entity::insert(row).on_conflict(conflict).exec_with_returning_many(tx).await?.pop())
}

/// The live order of an opportunity, if it has one.
pub async fn find_live<C: ConnectionTrait>(db: &C, opportunity: Uuid) -> Result<Option<Model>, Error> {
    let of_it = Entity::find().filter(Column::OpportunityId.eq(opportunity));
    Ok(of_it.filter(Column::State.ne(State::Canceled)).one(db).await?)
}

/// The live order of an opportunity, after [`insert`] met it.
pub async fn live_of(tx: &DatabaseTransaction, opportunity: Uuid) -> Result<Model, Error> {
    let live = find_live(tx, opportunity).await?;
    // Cancelled in between: the same call finds the way free.
    let gone = || {
        Refusal::new(
            dealflow_chassis::Kind::Conflict,
            dealflow_proto::errors::v1::ErrorReason::ConcurrentChange,
            "the opportunity's order was cancelled at this moment; send the same call again",
        )
    };
    live.ok_or_else(|| gone().into())
}
