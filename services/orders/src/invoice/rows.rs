//! Invoices in the database.

use std::collections::HashMap;
use std::sync::LazyLock;

use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_chassis::security::Sight;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseTransaction, IntoActiveModel, QueryOrder, QuerySelect};

use super::{Billed, Column, Entity, Model, State};
use crate::credit_note;
use crate::document::{Lines, Totals};
use crate::error::Error;
use crate::order;
use crate::payment;
use crate::seen;

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

/// The invoice with this name, for reading; as if it were not there where the caller does not see it.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::INVOICES.parse(name)?;
    let seen = seen::of_order(Column::OrderId, sight);
    let found = Entity::find_by_id(id).filter(seen).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The only way to an invoice that is meant to change.
pub async fn lock(tx: &DatabaseTransaction, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::INVOICES.parse(name)?;
    let seen = seen::of_order(Column::OrderId, sight);
    let found = Entity::find_by_id(id).filter(seen).lock_exclusive().one(tx).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// Refuses a number that another invoice of the ERP's has, of the same legal entity, void or not: the ERP gave it once.
pub async fn check_imported(tx: &DatabaseTransaction, legal_entity: &str, number: &str) -> Result<(), Error> {
    let other = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Number.eq(number))
        .filter(Column::LegalEntity.eq(legal_entity))
        .filter(Column::Series.eq(""))
        .into_tuple::<Uuid>()
        .one(tx)
        .await?;
    match other {
        Some(id) => {
            Err(Error::RecordTaken { field: "number", value: number.to_owned(), holder: names::INVOICES.name(id) })
        }
        None => Ok(()),
    }
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
    let rows: Vec<(Uuid, Uuid, State, Lines, Totals, i64)> = Entity::find()
        .select_only()
        .columns([Column::OrderId, Column::Id, Column::State, Column::Lines, Column::Totals, Column::AskedRounding])
        .filter(Column::OrderId.is_in(ids.clone()))
        .filter(Column::State.ne(State::Void))
        .into_tuple()
        .all(db)
        .await?;
    let mut billed: HashMap<Uuid, Billed> = HashMap::new();
    for (order, id, state, lines, totals, asked) in rows {
        billed.entry(order).or_default().add(id, state, &lines, &totals, asked);
    }
    let credited: Vec<(Uuid, Lines, Totals, i64)> = credit_note::Entity::find()
        .select_only()
        .columns([
            credit_note::Column::OrderId,
            credit_note::Column::Lines,
            credit_note::Column::Totals,
            credit_note::Column::AskedRounding,
        ])
        .filter(credit_note::Column::OrderId.is_in(ids))
        .filter(credit_note::Column::State.eq(credit_note::State::Posted))
        .into_tuple()
        .all(db)
        .await?;
    for (order, lines, totals, asked) in credited {
        billed.entry(order).or_default().take_back(&lines, &totals, asked);
    }
    Ok(billed)
}

/// As [`billed_of_all`], with what is paid of it: for an order that is shown.
pub async fn billed_and_paid<C: ConnectionTrait>(
    db: &C,
    orders: &[order::Model],
) -> Result<HashMap<Uuid, Billed>, Error> {
    let mut billed = billed_of_all(db, orders).await?;
    let invoices: Vec<Uuid> = billed.values().flat_map(|it| it.posted_invoices().to_vec()).collect();
    let settled = payment::settled(db, invoices).await?;
    for of_order in billed.values_mut() {
        let paid = of_order.posted_invoices().iter().filter_map(|id| settled.get(id)).map(|it| it.paid).sum();
        of_order.pay(paid);
    }
    Ok(billed)
}

/// Invoices that are to be paid, locked in the order of their ids; each is there and seen.
pub async fn lock_all(tx: &DatabaseTransaction, ids: &[Uuid], sight: &Sight) -> Result<Vec<Model>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = Entity::find().filter(Column::Id.is_in(ids.to_vec())).filter(seen::of_order(Column::OrderId, sight));
    let found = wanted.order_by_asc(Column::Id).lock_exclusive().all(tx).await?;
    match ids.iter().find(|id| !found.iter().any(|invoice| invoice.id == **id)) {
        Some(missing) => Err(Refusal::missing(&names::INVOICES.name(*missing)).into()),
        None => Ok(found),
    }
}
