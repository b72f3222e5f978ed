//! The definitions, each as its latest version, to be listed.
//!
//! The rows are those of `stored`; here a definition is one row whatever its version, so that a version which comes while
//! somebody reads page after page does not bring it a second time.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use dealflow_proto::names::PROCESSES;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, ExprTrait, Query};

/// A definition.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "process_definition")]
pub struct Model {
    /// The slug in the process's name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub process: String,
    /// Its latest version.
    pub version: i32,
    /// The file, as it was.
    pub body: String,
    /// When the version was registered.
    pub registered_at: DateTime<Utc>,
    /// Whether the version came with the program.
    pub shipped: bool,
}

/// No relations, as `stored` has none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list is filtered and ordered by. The library is small: no index is asked for.
pub static LISTED: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .slug("name", PROCESSES.as_str(), Column::Process)
        .int("version", Column::Version)
        .filter_only()
        .time("create_time", Column::RegisteredAt)
        .bool("shipped", Column::Shipped)
        .filter_only()
        .default_order("name")
});

/// The latest version of each definition.
pub fn of_each() -> Select<Entity> {
    let other = Alias::new("other");
    let of_other = |column: Column| Expr::col((other.clone(), column));
    let latest = Query::select()
        .expr(of_other(Column::Version).max())
        .from_as(Entity, other.clone())
        .and_where(of_other(Column::Process).equals((Entity, Column::Process)))
        .to_owned();
    Entity::find().filter(Expr::col((Entity, Column::Version)).eq(latest))
}
