//! The versions of process definitions that ever were: runs stay pinned to theirs (R-PRC-3).

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, QueryOrder};

/// One version of one definition.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "process_definition")]
pub(super) struct Model {
    /// The slug in the process's name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub process: String,
    /// From 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i32,
    /// The file, as it was.
    pub body: String,
    /// When it was registered.
    pub registered_at: DateTime<Utc>,
}

/// No relations: opportunities name the version in their run.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(super) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The latest version of each definition.
pub(super) async fn latest(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    let mut latest: Vec<Model> = Vec::new();
    let all = Entity::find().order_by_asc(Column::Process).order_by_desc(Column::Version).all(db).await?;
    for definition in all {
        if latest.last().is_none_or(|last| last.process != definition.process) {
            latest.push(definition);
        }
    }
    Ok(latest)
}

/// Registers a file: unchanged it is no-op, changed it is the next version. Of replicas that start at once one wins;
/// the others find its row.
pub(super) async fn register(
    db: &impl ConnectionTrait,
    process: &str,
    body: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let latest = Entity::find().filter(Column::Process.eq(process)).order_by_desc(Column::Version).one(db).await?;
    if latest.as_ref().is_some_and(|latest| latest.body == body) {
        return Ok(());
    }
    let next = ActiveModel {
        process: Set(process.to_owned()),
        version: Set(latest.map_or(1, |latest| latest.version + 1)),
        body: Set(body.to_owned()),
        registered_at: Set(now),
    };
    let already = OnConflict::columns([Column::Process, Column::Version]).do_nothing().to_owned();
    Entity::insert(next).on_conflict(already).exec_without_returning(db).await?;
    Ok(())
}
