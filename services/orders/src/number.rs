//! The numbers that documents are known by.
//!
//! Quotes, contracts and orders: unique, not gapless, and cheap: PostgreSQL gives them by itself from a sequence when
//! the row is inserted, SQLite's one writer counts. Invoices: gapless per legal entity and series (R-INV-1), by a
//! counter whose row stays locked until the posting transaction ends, so that a refused posting gives its number back.

use dealflow_proto::names::{self, Collection};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, DatabaseTransaction, DbBackend, ExprTrait, NotSet, QuerySelect, Set};

use crate::credit_note;
use crate::error::Error;
use crate::invoice;

/// The last number of a counter.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "counter")]
pub struct Model {
    /// What is counted.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub name: String,
    /// The last number given.
    pub value: i64,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The number of a new document: not set where the database gives it on insertion.
pub(crate) async fn of_document(tx: &DatabaseTransaction, prefix: &str) -> Result<ActiveValue<String>, DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        return Ok(NotSet);
    }
    let n = next(tx, prefix).await?;
    Ok(Set(format!("{prefix}-{n:06}")))
}

/// The next number of a series of invoices, e.g. `INV-2017-000001`; taken last, for it makes other postings wait.
pub(crate) async fn of_invoice(tx: &DatabaseTransaction, legal_entity: &str, series: &str) -> Result<String, Error> {
    use invoice::Column as Of;
    let number = next_of(tx, legal_entity, series).await?;
    let other = invoice::Entity::find().select_only().columns([Of::Id, Of::LegalEntity]).filter(Of::Number.eq(&number));
    let other = other.filter(Of::LegalEntity.ne(legal_entity)).filter(Of::Series.ne("")).into_tuple().one(tx).await?;
    own(number, names::INVOICES, other)
}

/// The next number of a series of credit notes, e.g. `CN-2017-000001`; taken last, too.
pub(crate) async fn of_credit_note(
    tx: &DatabaseTransaction,
    legal_entity: &str,
    series: &str,
) -> Result<String, Error> {
    use credit_note::Column as Of;
    let number = next_of(tx, legal_entity, series).await?;
    let other = credit_note::Entity::find().select_only().columns([Of::Id, Of::LegalEntity]);
    let other = other.filter(Of::Number.eq(&number)).filter(Of::LegalEntity.ne(legal_entity));
    own(number, names::CREDIT_NOTES, other.into_tuple().one(tx).await?)
}

async fn next_of(tx: &DatabaseTransaction, legal_entity: &str, series: &str) -> Result<String, DbErr> {
    let n = next(tx, &format!("{legal_entity}/{series}")).await?;
    Ok(format!("{series}-{n:06}"))
}

/// Refuses a number that a document of another legal entity has: series could meet before that was refused where a legal
/// entity is added. A unique index is the net under it.
fn own(number: String, kind: Collection, other: Option<(Uuid, String)>) -> Result<String, Error> {
    match other {
        Some((id, legal_entity)) => Err(Error::NumberTaken { number, holder: kind.name(id), legal_entity }),
        None => Ok(number),
    }
}

async fn next(tx: &DatabaseTransaction, name: &str) -> Result<i64, DbErr> {
    let first = ActiveModel { name: Set(name.to_owned()), value: Set(1) };
    let counted = Entity::insert(first)
        .on_conflict(
            OnConflict::column(Column::Name).value(Column::Value, Expr::col((Entity, Column::Value)).add(1)).to_owned(),
        )
        .exec_with_returning(tx)
        .await?;
    Ok(counted.value)
}
