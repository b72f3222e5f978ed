//! The feed: a part's history as an ordered, replayable stream without gaps (R-API-2).
//!
//! A sequence number taken inside a transaction can commit after a higher one, and a reader that went by it would skip
//! the row. On PostgreSQL positions are therefore given after the commit, by one numbering transaction at a time, in
//! order of insertion; two changes of one record were serialized by its lock, so they keep their order. On SQLite
//! there is one writer: the order of insertion is the order of commits.

mod weight;

use std::pin::Pin;
use std::time::Duration;

use chrono::DateTime;
use dealflow_proto::convert;
use dealflow_proto::feed::v1::feed_service_server::{FeedService, FeedServiceServer};
use dealflow_proto::feed::v1::{Event, ListEventsRequest, ListEventsResponse, SubscribeRequest, SubscribeResponse};
use futures::Stream;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::history;
use crate::list::{Bond, ListError};
use crate::refusal::Refusal;
use crate::store::Store;
use crate::work::check;

/// How many events go out in one message at the most.
const BATCH: u64 = 256;
/// How many changes one numbering transaction takes.
const NUMBERED: u64 = 2000;
/// How long changes are gathered before they are read: a burst of commits costs one look, not one each.
const GATHER: Duration = Duration::from_millis(50);
/// How long until a reader looks again unasked: another replica's commits wake nobody here.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// The feed of one part.
#[derive(Clone)]
pub struct Feed {
    store: Store,
}

impl Feed {
    /// The service that streams this store's history.
    pub fn server(store: Store) -> FeedServiceServer<Self> {
        FeedServiceServer::new(Self { store })
    }
}

#[tonic::async_trait]
impl FeedService for Feed {
    type SubscribeStream = Pin<Box<dyn Stream<Item = Result<SubscribeResponse, Status>> + Send>>;

    async fn subscribe(&self, request: Request<SubscribeRequest>) -> Result<Response<Self::SubscribeStream>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let (sender, receiver) = mpsc::channel(4);
        tokio::spawn(stream(self.store.clone(), ask, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn list_events(&self, request: Request<ListEventsRequest>) -> Result<Response<ListEventsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        Ok(Response::new(list(&self.store, &ask).await?))
    }
}

/// Sends batches until the end of the feed, the reader or the service.
async fn stream(store: Store, ask: SubscribeRequest, sender: mpsc::Sender<Result<SubscribeResponse, Status>>) {
    let mut changes = store.changes();
    let mut after = ask.after_position;
    loop {
        changes.borrow_and_update();
        let batch = match read(&store, after, &ask).await {
            Ok(batch) => batch,
            Err(error) => {
                // The reader's loss is told to it; that nobody listens any more is no fault.
                let _gone = sender.send(Err(Refusal::from(error).into())).await;
                return;
            }
        };
        let (moved, caught_up) = (batch.position > after, batch.caught_up);
        after = batch.position;
        if (moved || !ask.follow) && sender.send(Ok(batch)).await.is_err() {
            return;
        }
        if !caught_up {
            continue;
        }
        if !ask.follow {
            return;
        }
        tokio::select! {
            () = sender.closed() => return,
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                tokio::time::sleep(GATHER).await;
            }
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// The next batch: everything between `after` and the position that it answers has been considered.
async fn read(store: &Store, after: i64, ask: &SubscribeRequest) -> Result<SubscribeResponse, DbErr> {
    let place = place(store.backend());
    let db = store.reader();
    let head: Option<i64> = history::Entity::find()
        .select_only()
        .column_as(place.max(), "head")
        .into_tuple::<Option<i64>>()
        .one(db)
        .await?
        .flatten();
    let head = head.unwrap_or_default().max(after);
    if head == after {
        return Ok(SubscribeResponse { events: Vec::new(), position: after, caught_up: true });
    }
    let events = history::Column::Kind.ne("");
    let mut wanted = Condition::all().add(place.gt(after)).add(place.lte(head)).add(events);
    if ask.uncaused_only {
        wanted = wanted.add(history::Column::Flow.is_null());
    }
    if !ask.thread.is_empty() {
        wanted = wanted.add(history::Column::Thread.eq(&ask.thread));
    }
    if !ask.types.is_empty() {
        wanted = wanted.add(history::Column::Kind.is_in(ask.types.iter().cloned()));
    }
    let mut rows = weight::read(wanted, place, BATCH).all(db).await?;
    // A consumer remembers the position: after a power loss it must not be ahead of the feed.
    store.settle().await?;
    // A reader that is sent more than gets through would ask for the same again for ever.
    let fitting = weight::fitting(&rows);
    let full = rows.len() as u64 == BATCH || fitting < rows.len();
    rows.truncate(fitting);
    let events: Vec<Event> = rows
        .into_iter()
        .map(|row| {
            let position = row.position.unwrap_or(row.seq);
            row.into_event(position)
        })
        .collect();
    let position = if full { events.last().map_or(head, |event| event.position) } else { head };
    Ok(SubscribeResponse { events, position, caught_up: !full })
}

/// The column that orders the feed.
pub(crate) fn place(backend: DbBackend) -> history::Column {
    if backend == DbBackend::Sqlite { history::Column::Seq } else { history::Column::Position }
}

async fn list(store: &Store, ask: &ListEventsRequest) -> Result<ListEventsResponse, Refusal> {
    let wanted = match (ask.subject.is_empty(), ask.thread.is_empty()) {
        (false, true) => history::Column::Subject.eq(&ask.subject),
        (true, false) => history::Column::Thread.eq(&ask.thread),
        _ => return Err(Refusal::field("subject", "exactly one of subject and thread is given")),
    };
    let mut wanted = Condition::all().add(wanted).add(history::Column::Kind.ne(""));
    if let Some(before) = &ask.before_time {
        let before = convert::time_of(before).map_err(|error| Refusal::field("before_time", error.to_string()))?;
        wanted = wanted.add(history::Column::At.lt(before));
    }
    let size = match ask.page_size {
        ..0 => return Err(Refusal::field("page_size", "not negative")),
        0 => 50,
        size => size.unsigned_abs().min(1000),
    };
    let limit = u64::from(size) + 1; // one more row tells whether there is a next page
    let before = ask.before_time.map(|time| format!("{}.{:09}", time.seconds, time.nanos)).unwrap_or_default();
    let order = if ask.newest_first { "newest first" } else { "" };
    let bond = Bond::of(&["events", &ask.subject, &ask.thread, &before, order]);
    let token = match ask.page_token.as_str() {
        "" => String::new(),
        token => bond.open(token)?,
    };
    let mut rows = match ask.newest_first {
        true => latest(store, wanted, &token, limit).await?,
        false => earliest(store, wanted, &token, limit).await?,
    };
    let fitting = weight::fitting(&rows).min(size as usize);
    let more = rows.len() > fitting;
    rows.truncate(fitting);
    let backend = store.backend();
    let place = |row: &history::Model| match (ask.newest_first, backend) {
        (true, _) => format!("{}:{}", row.at.timestamp_micros(), row.seq),
        (false, DbBackend::Sqlite) => row.seq.to_string(),
        (false, _) => row.position.unwrap_or_default().to_string(),
    };
    let next_page_token = rows.last().filter(|_| more).map(|last| bond.seal(&place(last))).unwrap_or_default();
    let events = rows
        .into_iter()
        .map(|row| {
            let position = if backend == DbBackend::Sqlite { row.seq } else { row.position.unwrap_or_default() };
            row.into_event(position)
        })
        .collect();
    Ok(ListEventsResponse { events, next_page_token })
}

/// In the feed's order, in which nothing comes in before what was shown (R-API-2). What is committed and has no number yet
/// is given one first: whoever asks what happened finds what he has just done.
async fn earliest(store: &Store, wanted: Condition, token: &str, limit: u64) -> Result<Vec<history::Model>, Refusal> {
    let after: i64 = match token {
        "" => 0,
        token => token.parse().map_err(|_| bad_token())?,
    };
    let place = place(store.backend());
    if store.backend() == DbBackend::Postgres && is_behind(store, &wanted).await? {
        while number_once(store, Turn::Waited).await? == NUMBERED {}
    }
    Ok(weight::read(wanted.add(place.gt(after)), place, limit).all(store.reader()).await?)
}

/// Whether any of these is not numbered yet.
async fn is_behind(store: &Store, wanted: &Condition) -> Result<bool, DbErr> {
    let unnumbered = history::Entity::find().filter(wanted.clone()).filter(history::Column::Position.is_null());
    let first = unnumbered.select_only().column(history::Column::Seq).into_tuple::<i64>().one(store.reader()).await?;
    Ok(first.is_some())
}

/// By time and place. Which ones they are is found without their records: those that are not shown are not read.
async fn latest(store: &Store, mut wanted: Condition, token: &str, limit: u64) -> Result<Vec<history::Model>, Refusal> {
    if !token.is_empty() {
        let place = token.split_once(':').and_then(|(at, seq)| Some((at.parse().ok()?, seq.parse::<i64>().ok()?)));
        let place = place.and_then(|(at, seq)| Some((DateTime::from_timestamp_micros(at)?, seq)));
        let (at, seq) = place.ok_or_else(bad_token)?;
        let same = Condition::all().add(history::Column::At.eq(at)).add(history::Column::Seq.lt(seq));
        wanted = wanted.add(Condition::any().add(history::Column::At.lt(at)).add(same));
    }
    let order =
        |select: Select<history::Entity>| select.order_by_desc(history::Column::At).order_by_desc(history::Column::Seq);
    let found = history::Entity::find().select_only().column(history::Column::Seq);
    let found = order(found.column_as(Expr::cust(weight::WEIGHT), "weight").filter(wanted)).limit(limit);
    let found: Vec<(i64, i32)> = found.into_tuple().all(store.reader()).await?;
    // One more than fits tells whether there is a next page.
    let most = weight::count(found.iter().map(|(_, weight)| usize::try_from(*weight).unwrap_or_default())) + 1;
    let seqs = found.into_iter().take(most).map(|(seq, _)| seq);
    Ok(order(history::Entity::find().filter(history::Column::Seq.is_in(seqs))).all(store.reader()).await?)
}

/// A token of ours holds what we wrote.
fn bad_token() -> Refusal {
    ListError::PageToken("a token that the previous page gave".to_owned()).into()
}

/// Gives positions until it is told to stop; a part on PostgreSQL runs it as a task, in every replica.
pub async fn number(store: Store, stop: CancellationToken) {
    if store.backend() == DbBackend::Sqlite {
        return;
    }
    let mut changes = store.changes();
    loop {
        changes.borrow_and_update();
        match number_once(&store, Turn::Free).await {
            Ok(NUMBERED) if !stop.is_cancelled() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the feed could not be numbered; trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            _ = changes.changed() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// When a numbering transaction begins while another one is at work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It does not: the other one does what is to do.
    Free,
    /// When that one is done.
    Waited,
}

/// One numbering transaction, and how many changes it took. What is numbered wakes the followers: when its change was
/// committed they had nothing to read yet.
async fn number_once(store: &Store, turn: Turn) -> Result<u64, DbErr> {
    let tx = store.begin().await?;
    if turn == Turn::Waited {
        let wait = "SELECT pg_advisory_xact_lock(hashtext('dealflow-feed-' || current_schema()))";
        tx.execute_unprepared(wait).await?;
    }
    let lock = "SELECT pg_try_advisory_xact_lock(hashtext('dealflow-feed-' || current_schema())) AS ours";
    let ours = tx
        .query_one_raw(sea_orm::Statement::from_string(DbBackend::Postgres, lock))
        .await?
        .map(|row| row.try_get::<bool>("", "ours"))
        .transpose()?;
    if ours != Some(true) {
        tx.rollback().await?;
        return Ok(0);
    }
    let numbered = tx
        .execute_unprepared(&format!(
            "WITH head AS (SELECT COALESCE(MAX(position), 0) AS position FROM history),
                  fresh AS (SELECT seq, row_number() OVER (ORDER BY seq) AS n FROM history
                            WHERE position IS NULL ORDER BY seq LIMIT {NUMBERED})
             UPDATE history SET position = head.position + fresh.n FROM fresh, head WHERE history.seq = fresh.seq",
        ))
        .await?
        .rows_affected();
    match numbered {
        0 => tx.rollback().await?,
        _ => store.commit(tx).await?,
    }
    Ok(numbered)
}
