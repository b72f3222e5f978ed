//! Gives every row of history its link, soon after its commit.

use std::time::Duration;

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryOrder, QuerySelect, Statement};
use sea_orm::{ColumnTrait, QueryFilter};
use tokio_util::sync::CancellationToken;

use super::{ActiveModel, BEGINNING, Column, Entity, content, frame, link, place_of};
use crate::feed::place;
use crate::history;
use crate::store::Store;

/// Links of one transaction.
const BATCH: usize = 500;
/// How long changes are gathered: a chain costs one small transaction in this time, however busy the part is.
const GATHER: Duration = Duration::from_secs(1);

/// Gives links until it is told to stop, then what is left; a task of every part, in every replica.
pub async fn seal(store: Store, stop: CancellationToken) {
    let mut changes = store.changes();
    loop {
        changes.borrow_and_update();
        let stopping = stop.is_cancelled();
        match seal_once(&store).await {
            Ok(BATCH) => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the audit's chain could not be continued; trying again"),
        }
        if stopping {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(GATHER) => {}
        }
        tokio::select! {
            () = stop.cancelled() => {}
            _ = changes.changed() => {}
            // Another replica's commits wake nobody here.
            () = tokio::time::sleep(GATHER * 5) => {}
        }
    }
}

/// One batch, and how many links it made; another replica's at the same time makes this one step aside.
async fn seal_once(store: &Store) -> Result<usize, DbErr> {
    let backend = store.backend();
    // SQLite has one process, and one writer: what can be read beside it is not read in its time.
    if backend == DbBackend::Sqlite {
        let links = next(store.reader(), backend).await?;
        if !links.is_empty() {
            let tx = store.begin().await?;
            let made = insert(&tx, links).await?;
            store.commit_aside(tx).await?;
            return Ok(made);
        }
        return Ok(0);
    }
    let tx = store.begin().await?;
    let lock = "SELECT pg_try_advisory_xact_lock(hashtext('dealflow-audit-' || current_schema())) AS ours";
    let ours = tx.query_one_raw(Statement::from_string(backend, lock)).await?;
    let ours = ours.map(|row| row.try_get::<bool>("", "ours")).transpose()?;
    let links = if ours == Some(true) { next(&tx, backend).await? } else { Vec::new() };
    if links.is_empty() {
        tx.rollback().await?;
        return Ok(0);
    }
    let made = insert(&tx, links).await?;
    store.commit_aside(tx).await?;
    Ok(made)
}

/// The links that follow the last one.
async fn next(db: &impl ConnectionTrait, backend: DbBackend) -> Result<Vec<ActiveModel>, DbErr> {
    let last = Entity::find().order_by_desc(Column::Place).one(db).await?;
    let (after, mut before) = last.map_or((0, BEGINNING.to_vec()), |last| (last.place, last.link));
    let column = place(backend);
    let rows =
        history::Entity::find().filter(column.gt(after)).order_by_asc(column).limit(BATCH as u64).all(db).await?;
    let mut links = Vec::with_capacity(rows.len());
    for row in &rows {
        let Some(place) = place_of(row, backend) else { continue };
        let (frame, content) = (frame(row), content(row));
        let hash = link(&before, place, &frame, &content);
        before = hash.to_vec();
        links.push(ActiveModel {
            place: Set(place),
            frame: Set(frame.to_vec()),
            content: Set(content.to_vec()),
            link: Set(hash.to_vec()),
        });
    }
    Ok(links)
}

async fn insert(db: &impl ConnectionTrait, links: Vec<ActiveModel>) -> Result<usize, DbErr> {
    let made = links.len();
    Entity::insert_many(links).exec_without_returning(db).await?;
    Ok(made)
}
