//! Invoices in the database.

use std::collections::HashMap;
use std::sync::LazyLock;

use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseTransaction, IntoActiveModel, QuerySelect};

use super::{Billed, Column, Entity, Model, State};
use crate::document::{Lines, Totals};
use crate::error::Error;
use crate::order;

/// What the list of invoices can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::INVOICES.as_str(), Column::Id)
        .uuid("opportunity", names::OPPORTUNITIES.as_str(), Column::OpportunityId)
        .filter_only()
        .uuid("account", names::ACCOUNTS.as_str(), Column::AccountId)
        .filter_only()
        .uuid("order", names::ORDERS.as_str(), Column::OrderId)
        .filter_only()
        .variants("state", Column::State, |state: &State| state.to_string().into())
        .filter_only()
        .text("number", Column::Number)
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

/// The invoice with this name, for reading.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str) -> Result<Model, Error> {
    let id = names::INVOICES.parse(name)?;
    let found = Entity::find_by_id(id).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The only way to an invoice that is meant to change.
pub async fn lock(tx: &DatabaseTransaction, name: &str) -> Result<Model, Error> {
    let id = names::INVOICES.parse(name)?;
    let found = Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// Adds a draft.
pub async fn insert(tx: &DatabaseTransaction, invoice: &Model) -> Result<(), Error> {
    Entity::insert(invoice.clone().into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// What is billed of an order; no query where there can be no invoice.
pub async fn billed<C: ConnectionTrait>(db: &C, order: &order::Model) -> Result<Billed, Error> {
    let mut all = billed_of_all(db, std::slice::from_ref(order)).await?;
    Ok(all.remove(&order.id).unwrap_or_default())
}

/// What is billed of each of these orders, in one query.
pub async fn billed_of_all<C: ConnectionTrait>(
    db: &C,
    orders: &[order::Model],
) -> Result<HashMap<Uuid, Billed>, Error> {
    let ids: Vec<Uuid> = orders.iter().filter(|order| order.can_have_invoices()).map(|order| order.id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, State, Lines, Totals)> = Entity::find()
        .select_only()
        .columns([Column::OrderId, Column::State, Column::Lines, Column::Totals])
        .filter(Column::OrderId.is_in(ids))
        .filter(Column::State.ne(State::Void))
        .into_tuple()
        .all(db)
        .await?;
    let mut billed: HashMap<Uuid, Billed> = HashMap::new();
    for (order, state, lines, totals) in rows {
        billed.entry(order).or_default().add(state, &lines, &totals);
    }
    Ok(billed)
}
