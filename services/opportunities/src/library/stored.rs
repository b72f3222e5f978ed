//! The versions of process definitions that ever were: runs stay pinned to theirs (R-PRC-3).

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, QueryOrder, QuerySelect};

/// One version of one definition.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "process_definition")]
pub struct Model {
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
    /// Whether it came with the program; else it was imported.
    pub shipped: bool,
}

/// No relations: opportunities name the version in their run.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the versions of one definition are filtered and ordered by. They are few: no index is asked for.
pub static VERSIONS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .int("version", Column::Version)
        .time("create_time", Column::RegisteredAt)
        .bool("shipped", Column::Shipped)
        .filter_only()
        .default_order("version desc")
});

/// The versions of one definition, to be listed.
pub fn versions_of(process: &str) -> Select<Entity> {
    Entity::find().filter(Column::Process.eq(process))
}

/// The latest version of each definition, by slug.
pub(super) async fn latest_versions(db: &impl ConnectionTrait) -> Result<Vec<(String, i32)>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Process)
        .column_as(Column::Version.max(), "latest")
        .group_by(Column::Process)
        .order_by_asc(Column::Process)
        .into_tuple()
        .all(db)
        .await
}

/// The latest version of one definition.
pub(super) async fn latest_version(db: &impl ConnectionTrait, process: &str) -> Result<Option<i32>, DbErr> {
    of_process(process).select_only().column(Column::Version).into_tuple().one(db).await
}

/// A version of a definition; the latest where none is said.
pub async fn find(db: &impl ConnectionTrait, process: &str, version: Option<i32>) -> Result<Option<Model>, DbErr> {
    let mut found = of_process(process);
    if let Some(version) = version {
        found = found.filter(Column::Version.eq(version));
    }
    found.one(db).await
}

/// All versions of a definition, the latest first.
async fn versions(db: &impl ConnectionTrait, process: &str) -> Result<Vec<Model>, DbErr> {
    of_process(process).all(db).await
}

fn of_process(process: &str) -> Select<Entity> {
    versions_of(process).order_by_desc(Column::Version)
}

/// Registers a file that ships: it is the next version, unless it was a version already, or somebody imported one
/// since: his stands. Of replicas that start at once one wins; the others find its row.
pub(super) async fn register(
    db: &impl ConnectionTrait,
    process: &str,
    body: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let known = versions(db, process).await?;
    let imported = known.first().is_some_and(|latest| !latest.shipped);
    if imported || known.iter().any(|version| version.body == body) {
        return Ok(());
    }
    let version = known.first().map_or(1, |latest| latest.version + 1);
    let already = OnConflict::columns([Column::Process, Column::Version]).do_nothing().to_owned();
    Entity::insert(row(process, version, body, now, true)).on_conflict(already).exec_without_returning(db).await?;
    Ok(())
}

/// Stores a file that was imported as the next version. Where another import was faster the database refuses it.
pub async fn import(
    db: &impl ConnectionTrait,
    process: &str,
    version: i32,
    body: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::insert(row(process, version, body, now, false)).exec_without_returning(db).await?;
    Ok(())
}

fn row(process: &str, version: i32, body: &str, now: DateTime<Utc>, shipped: bool) -> ActiveModel {
    ActiveModel {
        process: Set(process.to_owned()),
        version: Set(version),
        body: Set(body.to_owned()),
        registered_at: Set(now),
        shipped: Set(shipped),
    }
}
