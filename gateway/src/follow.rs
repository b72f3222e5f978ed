//! What happens in a service directly moves the process just the same (R-FLW-2): the gateway reads the services' feeds
//! and begins the same flows.
//!
//! Only events that no flow caused are asked for. Their flows and the position up to which they were read commit
//! together, so that after a crash none is missed and none begun twice: a flow's id is its event's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::DateTime;
use dealflow_chassis::link::Link;
use dealflow_chassis::serve::Part;
use dealflow_chassis::work::digest;
use dealflow_chassis::{Refusal, Store};
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, SubscribeRequest, SubscribeResponse};
use prost::Message;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{IntoActiveModel, Set};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};

use crate::calls::Neighbours;
use crate::events::FOLLOW_EVENT;
use crate::flow::Flows;
use crate::flow::table::{self, State};
use crate::gates;

/// The longest wait before a feed that was lost is subscribed to again.
const LONGEST: Duration = Duration::from_secs(2);
/// How far a feed may run ahead of its stored position while nothing in it concerns us.
const BEHIND: i64 = 1000;

/// The name that our own feed's position is kept under.
const OWN: &str = "gateway";

/// How far a feed has been read.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "feed_position")]
pub(crate) struct Model {
    /// The service.
    #[sea_orm(primary_key, auto_increment = false)]
    pub feed: String,
    /// Everything up to here has begun its flows.
    pub position: i64,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The feed of one neighbour, or our own, and the events of it that begin flows.
#[derive(Clone)]
pub(crate) struct Feed {
    pub(crate) name: &'static str,
    pub(crate) link: Link,
    types: &'static [&'static str],
    head: Arc<AtomicI64>,
}

/// The four feeds.
pub(crate) fn feeds(to: &Neighbours) -> Vec<Feed> {
    let feed = |name, link: &Link, types| Feed { name, link: link.clone(), types, head: Arc::default() };
    vec![
        feed("leads", &to.leads, crate::events::OF_LEADS),
        feed("opportunities", &to.opportunities, crate::events::OF_OPPORTUNITIES),
        feed("activities", &to.activities, crate::events::OF_ACTIVITIES),
        feed("orders", &to.orders, crate::events::OF_ORDERS),
    ]
}

/// Our own feed: what the ERP accepted may be what a process waits for.
pub(crate) fn own(store: &Store) -> Feed {
    let link = Part::new("feed").service(dealflow_chassis::feed::Feed::server(store.clone())).link();
    Feed { name: OWN, link, types: crate::events::OF_HANDOFFS, head: Arc::default() }
}

impl Feed {
    /// About the end of the feed: nothing that happens after this call stands before it.
    pub(crate) fn head(&self) -> i64 {
        // A stale value only means that some events are seen that were not asked for.
        self.head.load(Ordering::Relaxed)
    }

    /// The position of the feed's end, of which its part is asked: a type that no event has makes the answer one small
    /// message.
    pub(crate) async fn end(&self, patience: Duration) -> Result<i64, Status> {
        let mut end = self.head();
        let types = vec!["none".to_owned()];
        let ask = SubscribeRequest { after_position: end, types, ..SubscribeRequest::default() };
        let mut request = Request::new(ask);
        request.set_timeout(patience);
        let mut answer = FeedServiceClient::new(self.link.clone()).subscribe(request).await?.into_inner();
        while let Some(batch) = answer.message().await? {
            end = batch.position;
        }
        Ok(end)
    }

    fn reached(&self, position: i64) {
        self.head.fetch_max(position, Ordering::Relaxed);
    }
}

/// Follows a feed until the stop.
pub(crate) async fn follow(flows: Flows, feed: Feed, stop: CancellationToken) {
    let mut wait = Duration::from_millis(50);
    loop {
        let lost = tokio::select! {
            () = stop.cancelled() => return,
            lost = read_on(&flows, &feed, &mut wait) => lost,
        };
        if let Err(status) = lost {
            tracing::info!(feed = feed.name, code = ?status.code(), told = status.message(), "the feed is read again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST),
        }
    }
}

async fn read_on(flows: &Flows, feed: &Feed, wait: &mut Duration) -> Result<(), Status> {
    let mut stored = position(flows.store(), feed.name).await.map_err(Refusal::from)?;
    feed.reached(stored);
    let ask = SubscribeRequest {
        after_position: stored,
        types: feed.types.iter().map(ToString::to_string).collect(),
        uncaused_only: true,
        follow: true,
        ..SubscribeRequest::default()
    };
    let mut batches = FeedServiceClient::new(feed.link.clone()).subscribe(ask).await?.into_inner();
    while let Some(mut batch) = batches.message().await? {
        *wait = Duration::from_millis(50);
        if feed.name == OWN {
            // Each delivery is an event of it, and next to none of them matters: no flow is begun for the others.
            batch.events = gates::waited_for(flows, batch.events).await?;
        }
        let reached = batch.position;
        if !batch.events.is_empty() || reached - stored > BEHIND {
            begin(flows, feed.name, batch).await.map_err(Refusal::from)?;
            stored = reached;
        }
        feed.reached(reached);
    }
    Ok(())
}

async fn position(store: &Store, feed: &str) -> Result<i64, DbErr> {
    Ok(Entity::find_by_id(feed).one(store.reader()).await?.map(|row| row.position).unwrap_or_default())
}

/// Stores the events' flows without an owner, and the position, in one transaction; the driver takes them at once.
async fn begin(flows: &Flows, feed: &str, batch: SubscribeResponse) -> Result<(), DbErr> {
    let store = flows.store();
    let now = store.clock().now();
    // What happens to a hand-over nobody asked for: each is news of its own.
    let events = if feed == OWN { batch.events } else { last_of_each_request(batch.events) };
    let rows: Vec<_> = events.into_iter().filter_map(|event| row(event, now)).collect();
    let some = !rows.is_empty();
    let tx = store.begin().await?;
    if some {
        let rows = rows.into_iter().map(|row| row.into_active_model().reset_all());
        table::Entity::insert_many(rows).on_conflict_do_nothing().exec_without_returning(&tx).await?;
    }
    let reached = ActiveModel { feed: Set(feed.to_owned()), position: Set(batch.position) };
    let ahead = OnConflict::column(Column::Feed)
        .update_column(Column::Position)
        // Another replica may have come further already.
        .action_and_where(Expr::cust("feed_position.position < excluded.position"))
        .to_owned();
    Entity::insert(reached).on_conflict(ahead).exec_without_returning(&tx).await?;
    store.commit(tx).await?;
    if some {
        flows.wake();
    }
    Ok(())
}

/// One request may have changed a record in several ways; what follows looks at the record as it is, so once is enough.
fn last_of_each_request(events: Vec<Event>) -> Vec<Event> {
    let mut kept: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        let same = |other: &Event| other.request_id == event.request_id && other.subject == event.subject;
        match kept.last_mut() {
            Some(other) if same(other) => *other = event,
            _ => kept.push(event),
        }
    }
    kept
}

/// An event without an id is none of ours, and is passed over.
fn row(event: Event, now: DateTime<chrono::Utc>) -> Option<table::Model> {
    let id = event.event_id.parse().ok()?;
    Some(table::Model {
        id,
        verb: FOLLOW_EVENT.to_owned(),
        digest: digest(&event),
        input: event.encode_to_vec(),
        journal: Vec::new(),
        subject: event.subject,
        state: State::Running,
        answer: None,
        step: String::new(),
        reason: String::new(),
        actor: event.actor,
        traceparent: Some(event.traceparent).filter(|trace| !trace.is_empty()),
        runs: 0,
        lease_owner: Uuid::nil(),
        lease_until: DateTime::UNIX_EPOCH,
        fence: 0,
        created_at: now,
        updated_at: now,
    })
}
