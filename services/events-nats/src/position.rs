//! How far a feed is published, and on which stream.

use dealflow_chassis::Store;
use sea_orm::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

/// How far a feed is published.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "published")]
struct Model {
    /// The part.
    #[sea_orm(primary_key, auto_increment = false)]
    feed: String,
    /// When the stream was made that acknowledged it, in nanoseconds: no two streams have one moment.
    stream_made: i64,
    /// Everything up to here is acknowledged.
    position: i64,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// How far a feed is published on a stream; on one that is new, nothing is.
pub(crate) async fn of(store: &Store, feed: &str, stream_made: i64) -> Result<i64, DbErr> {
    let Some(row) = Entity::find_by_id(feed).one(store.reader()).await? else { return Ok(0) };
    if row.stream_made == stream_made {
        return Ok(row.position);
    }
    tracing::warn!(feed, "the stream is not the one that was published to: all of the feed is published to it");
    Ok(0)
}

/// Everything up to a position is acknowledged by a stream.
pub(crate) async fn reached(store: &Store, feed: &str, stream_made: i64, position: i64) -> Result<(), DbErr> {
    let reached = ActiveModel { feed: Set(feed.to_owned()), stream_made: Set(stream_made), position: Set(position) };
    // Another replica may have come further on the same stream already.
    let ahead = "published.stream_made <> excluded.stream_made OR published.position < excluded.position";
    let ahead = OnConflict::column(Column::Feed)
        .update_columns([Column::StreamMade, Column::Position])
        .action_and_where(Expr::cust(ahead))
        .to_owned();
    let tx = store.begin().await?;
    Entity::insert(reached).on_conflict(ahead).exec_without_returning(&tx).await?;
    store.commit(tx).await
}
