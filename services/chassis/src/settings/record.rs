//! The rows of settings: only those that somebody decided.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{IntoActiveModel, QuerySelect};

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "setting")]
pub(super) struct Model {
    /// `part.setting`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Grows by one with each change; the etag.
    pub version: i64,
    /// What was decided; null for the default.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub value: Option<Json>,
    /// When it was decided.
    pub since: DateTime<Utc>,
    /// Who decided it.
    pub actor: String,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(super) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The row of a key, to be read.
pub(super) async fn find(db: &impl ConnectionTrait, key: &str) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(key).one(db).await
}

/// The row of a key, locked until the end of the transaction; made before where nobody decided yet, so that there is
/// something to lock: of two first changes at once the second waits for the first.
pub(super) async fn lock(tx: &impl ConnectionTrait, key: &str, now: DateTime<Utc>) -> Result<Model, DbErr> {
    let nothing = Model { key: key.to_owned(), version: 0, value: None, since: now, actor: String::new() };
    let there = OnConflict::column(Column::Key).do_nothing().to_owned();
    let first = nothing.clone().into_active_model().reset_all();
    Entity::insert(first).on_conflict(there).exec_without_returning(tx).await?;
    Ok(Entity::find_by_id(key).lock_exclusive().one(tx).await?.unwrap_or(nothing))
}

/// Saves a decision.
pub(super) async fn save(tx: &impl ConnectionTrait, row: &Model) -> Result<(), DbErr> {
    let key = row.key.clone();
    let mut columns = row.clone().into_active_model().reset_all();
    columns.key = sea_orm::ActiveValue::NotSet;
    Entity::update_many().set(columns).filter(Column::Key.eq(key)).exec(tx).await?;
    Ok(())
}
