//! Contracts in the database.

use std::sync::LazyLock;

use chrono::NaiveDate;
use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_chassis::security::Sight;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{
    ActiveValue, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, ExprTrait, IntoActiveModel, QueryOrder,
    QuerySelect,
};

use super::{ActiveModel, Column, Entity, Model, State};
use crate::error::Error;
use crate::record::Moment;
use crate::seen;

/// What the list of contracts can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::CONTRACTS.as_str(), Column::Id)
        .uuid("opportunity", names::OPPORTUNITIES.as_str(), Column::OpportunityId)
        .filter_only()
        .uuid("account", names::ACCOUNTS.as_str(), Column::AccountId)
        .filter_only()
        .uuid("quote", names::QUOTES.as_str(), Column::QuoteId)
        .filter_only()
        .uuid("amends", names::CONTRACTS.as_str(), Column::AmendsId)
        .filter_only()
        .variants("state", Column::State, |state: &State| state.to_string().into())
        .filter_only()
        .text("number", Column::Number)
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

/// The contract with this name, for reading; as if it were not there where the caller does not see it.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::CONTRACTS.parse(name)?;
    let seen = seen::contracts(sight, db.get_database_backend());
    let found = Entity::find_by_id(id).filter(seen).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The only way to a contract that is meant to change.
pub async fn lock(tx: &DatabaseTransaction, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::CONTRACTS.parse(name)?;
    let seen = seen::contracts(sight, tx.get_database_backend());
    let found = Entity::find_by_id(id).filter(seen).lock_exclusive().one(tx).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The number of the contract that was signed for a deal: one that is in force, or is about to be, before one that ended,
/// and of several the first (BT-12).
pub async fn number_for<C: ConnectionTrait>(db: &C, opportunity: Uuid) -> Result<Option<String>, DbErr> {
    for states in [[State::Signed, State::Active], [State::Expired, State::Terminated]] {
        let signed = Entity::find().select_only().column(Column::Number).filter(Column::State.is_in(states));
        let first = signed.filter(Column::OpportunityId.eq(opportunity)).order_by_asc(Column::CreatedAt);
        let number: Option<String> = first.order_by_asc(Column::Id).into_tuple().one(db).await?;
        if number.is_some() {
            return Ok(number);
        }
    }
    Ok(None)
}

/// Adds a contract; the number is given here.
pub async fn insert(tx: &DatabaseTransaction, contract: Model) -> Result<Model, Error> {
    let mut row = contract.into_active_model();
    row.number = crate::number::of_document(tx, "C").await?;
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

fn expiring(today: NaiveDate) -> Condition {
    Condition::all().add(Column::State.eq(State::Active)).add(Column::EndDate.lt(today))
}

/// Whether any contract's last day has passed.
pub async fn any_expiring<C: ConnectionTrait>(db: &C, today: NaiveDate) -> Result<bool, Error> {
    let one = Entity::find().select_only().column(Column::Id).filter(expiring(today)).limit(1);
    Ok(one.into_tuple::<Uuid>().one(db).await?.is_some())
}

/// Some contracts whose last day has passed, locked; what another replica works on is passed over.
pub async fn lock_expiring(tx: &DatabaseTransaction, today: NaiveDate, limit: u64) -> Result<Vec<Model>, Error> {
    let mut some = Entity::find().filter(expiring(today)).order_by_asc(Column::EndDate).order_by_asc(Column::Id);
    if tx.get_database_backend() == DbBackend::Postgres {
        some = some.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    Ok(some.limit(limit).all(tx).await?)
}

/// Ends contracts that are locked, in one statement; answers them as they are now.
pub async fn expire_all(tx: &DatabaseTransaction, contracts: &[Model], now: Moment) -> Result<Vec<Model>, Error> {
    if contracts.is_empty() {
        return Ok(Vec::new());
    }
    let change = ActiveModel {
        state: ActiveValue::Set(State::Expired),
        state_since: ActiveValue::Set(now.at),
        updated_at: ActiveValue::Set(now.at),
        ..Default::default()
    };
    Entity::update_many()
        .set(change)
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::Id.is_in(contracts.iter().map(|contract| contract.id)))
        .exec(tx)
        .await?;
    Ok(contracts.iter().map(|contract| contract.clone().expired(now)).collect())
}
