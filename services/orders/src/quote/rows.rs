//! Quotes in the database: found, locked alone or with their siblings, closed together.

use std::sync::LazyLock;

use chrono::NaiveDate;
use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_chassis::security::Sight;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType, Query};
use sea_orm::{
    ActiveValue, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, ExprTrait, IntoActiveModel,
    PaginatorTrait, QueryOrder, QuerySelect,
};

use super::{ActiveModel, CloseReason, Column, Entity, Model, OPEN, State};
use crate::error::Error;
use crate::record::Moment;
use crate::seen;

/// What the list of quotes can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::QUOTES.as_str(), Column::Id)
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

/// The quote with this name, for reading; as if it were not there where the caller does not see it.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::QUOTES.parse(name)?;
    let seen = seen::quotes(sight, db.get_database_backend());
    let found = Entity::find_by_id(id).filter(seen).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The only way to a quote that is meant to change.
pub async fn lock(tx: &DatabaseTransaction, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::QUOTES.parse(name)?;
    let seen = seen::quotes(sight, tx.get_database_backend());
    let found = Entity::find_by_id(id).filter(seen).lock_exclusive().one(tx).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// A quote together with the other open quotes of its opportunity, locked in one statement and always in the same
/// order: whoever accepts a sibling at the same time waits, and neither waits for the other.
///
/// Whoever sees the one that he accepts closes the others with it, whosever they are: so it goes with them.
pub async fn lock_with_siblings(
    tx: &DatabaseTransaction,
    name: &str,
    sight: &Sight,
) -> Result<(Model, Vec<Model>), Error> {
    let id = if *sight == Sight::All { names::QUOTES.parse(name)? } else { find(tx, name, sight).await?.id };
    let opportunity =
        Query::select().column((Entity, Column::OpportunityId)).from(Entity).and_where(Column::Id.eq(id)).to_owned();
    let mut rows = Entity::find()
        .filter(Column::OpportunityId.in_subquery(opportunity))
        .filter(Condition::any().add(Column::State.is_in(OPEN)).add(Column::Id.eq(id)))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    let place = rows.iter().position(|quote| quote.id == id).ok_or_else(|| Refusal::missing(name))?;
    let quote = rows.remove(place);
    Ok((quote, rows))
}

/// The open quotes of an opportunity, locked in the same order as everywhere.
pub async fn lock_open(tx: &DatabaseTransaction, opportunity: Uuid) -> Result<Vec<Model>, Error> {
    let open = Entity::find().filter(Column::OpportunityId.eq(opportunity)).filter(Column::State.is_in(OPEN));
    Ok(open.order_by_asc(Column::Id).lock_exclusive().all(tx).await?)
}

/// Refuses to speak of an opportunity with an open quote that the caller does not see.
pub async fn check_open_seen(tx: &DatabaseTransaction, open: &[Model], sight: &Sight) -> Result<(), Error> {
    let Some(first) = open.first().filter(|_| *sight != Sight::All) else { return Ok(()) };
    let ids = open.iter().map(|quote| quote.id);
    let seen = seen::quotes(sight, tx.get_database_backend());
    let count = Entity::find().filter(Column::Id.is_in(ids)).filter(seen).count(tx).await?;
    let all = u64::try_from(open.len()).is_ok_and(|all| all == count);
    if all { Ok(()) } else { Err(Refusal::missing(&names::OPPORTUNITIES.name(first.opportunity_id)).into()) }
}

/// What can expire: the customer may have it still.
fn expiring(today: NaiveDate) -> Condition {
    Condition::all().add(Column::State.is_in([State::Active, State::Presented])).add(Column::ValidUntil.lt(today))
}

/// Whether any quote's last day has passed.
pub async fn any_expiring<C: ConnectionTrait>(db: &C, today: NaiveDate) -> Result<bool, Error> {
    let one = Entity::find().select_only().column(Column::Id).filter(expiring(today)).limit(1);
    Ok(one.into_tuple::<Uuid>().one(db).await?.is_some())
}

/// Some quotes whose last day has passed, locked; what another replica works on is passed over.
pub async fn lock_expiring(tx: &DatabaseTransaction, today: NaiveDate, limit: u64) -> Result<Vec<Model>, Error> {
    let mut some = Entity::find().filter(expiring(today)).order_by_asc(Column::ValidUntil).order_by_asc(Column::Id);
    if tx.get_database_backend() == DbBackend::Postgres {
        some = some.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    Ok(some.limit(limit).all(tx).await?)
}

/// Closes quotes that are locked, in one statement; answers them as they are now.
pub async fn close_all(
    tx: &DatabaseTransaction,
    quotes: Vec<Model>,
    reason: CloseReason,
    now: Moment,
) -> Result<Vec<Model>, Error> {
    if quotes.is_empty() {
        return Ok(quotes);
    }
    let ids: Vec<Uuid> = quotes.iter().map(|quote| quote.id).collect();
    let closed = quotes.into_iter().map(|quote| quote.close(reason, now)).collect::<Result<Vec<_>, _>>()?;
    let change = ActiveModel {
        state: ActiveValue::Set(State::Closed),
        state_since: ActiveValue::Set(now.at),
        updated_at: ActiveValue::Set(now.at),
        close_reason: ActiveValue::Set(Some(reason)),
        ..Default::default()
    };
    Entity::update_many()
        .set(change)
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::Id.is_in(ids))
        .exec(tx)
        .await?;
    Ok(closed)
}

/// Adds a revision; the number is given here where the revision is the first.
pub async fn insert(tx: &DatabaseTransaction, quote: Model) -> Result<Model, Error> {
    let first = quote.number.is_empty();
    let mut row = quote.into_active_model();
    if first {
        row.number = crate::number::of_document(tx, "Q").await?;
    }
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}
