//! Credit notes in the database.

use std::sync::LazyLock;

use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_chassis::security::Sight;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseTransaction, IntoActiveModel, QuerySelect};

use super::{Column, Credited, Entity, Model, State};
use crate::document::{Lines, Totals};
use crate::error::Error;
use crate::invoice::Billed;
use crate::seen;

/// What the list of credit notes can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::CREDIT_NOTES.as_str(), Column::Id)
        .uuid("opportunity", names::OPPORTUNITIES.as_str(), Column::OpportunityId)
        .filter_only()
        .uuid("account", names::ACCOUNTS.as_str(), Column::AccountId)
        .filter_only()
        .uuid("order", names::ORDERS.as_str(), Column::OrderId)
        .filter_only()
        .uuid("invoice", names::INVOICES.as_str(), Column::InvoiceId)
        .filter_only()
        .variants("state", Column::State, |state: &State| state.to_string().into())
        .filter_only()
        .text("number", Column::Number)
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

/// The credit note with this name, for reading; as if it were not there where the caller does not see it.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::CREDIT_NOTES.parse(name)?;
    let seen = seen::of_order(Column::OrderId, sight);
    let found = Entity::find_by_id(id).filter(seen).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The only way to a credit note that is meant to change.
pub async fn lock(tx: &DatabaseTransaction, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::CREDIT_NOTES.parse(name)?;
    let seen = seen::of_order(Column::OrderId, sight);
    let found = Entity::find_by_id(id).filter(seen).lock_exclusive().one(tx).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// Refuses a number that another credit note of the ERP's has, of the same legal entity.
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
            Err(Error::RecordTaken { field: "number", value: number.to_owned(), holder: names::CREDIT_NOTES.name(id) })
        }
        None => Ok(()),
    }
}

/// Whether an invoice has a credit note that is not void, be it a draft.
pub async fn is_there(tx: &DatabaseTransaction, invoice: Uuid) -> Result<bool, Error> {
    let there = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::InvoiceId.eq(invoice))
        .filter(Column::State.ne(State::Void))
        .into_tuple::<Uuid>()
        .one(tx)
        .await?;
    Ok(there.is_some())
}

/// Adds a draft.
pub async fn insert(tx: &DatabaseTransaction, note: &Model) -> Result<(), Error> {
    Entity::insert(note.clone().into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// What is billed of an order, less what drafts of credit notes are to take back of it.
pub async fn drafted(tx: &DatabaseTransaction, order: Uuid, mut billed: Billed) -> Result<Billed, Error> {
    let rows: Vec<(Lines, Totals, i64)> = Entity::find()
        .select_only()
        .columns([Column::Lines, Column::Totals, Column::AskedRounding])
        .filter(Column::OrderId.eq(order))
        .filter(Column::State.eq(State::Draft))
        .into_tuple()
        .all(tx)
        .await?;
    for (lines, totals, asked_rounding) in rows {
        billed.take_back(&lines, &totals, asked_rounding);
    }
    Ok(billed)
}

/// What the credit notes of an invoice take back, drafts too: what cannot be credited again.
pub async fn credited_of(tx: &DatabaseTransaction, invoice: Uuid) -> Result<Credited, Error> {
    let rows: Vec<(Lines, Totals, i64)> = Entity::find()
        .select_only()
        .columns([Column::Lines, Column::Totals, Column::AskedRounding])
        .filter(Column::InvoiceId.eq(invoice))
        .filter(Column::State.ne(State::Void))
        .into_tuple()
        .all(tx)
        .await?;
    let mut credited = Credited::default();
    for (lines, totals, asked_rounding) in rows {
        credited.add(&lines, &totals, asked_rounding);
    }
    Ok(credited)
}
