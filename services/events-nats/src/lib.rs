//! Events for others, on NATS JetStream (R-API-2): a part that is started where an operator wants it, reads the feeds of
//! all parts, and publishes every event as a CloudEvent; its subject is the record's type and what happened, its message
//! id the event's.
//!
//! The outbox stays the truth. A feed's position is stored after JetStream has acknowledged what stands before it, so
//! that a crash on either side sends some events again and loses none; they come again under the same id, by which
//! JetStream drops them within the stream's window, and a consumer knows them after it. An event is sent when the one
//! before it is acknowledged, never earlier: the first of each come in the feed's order whatever is lost in between.
//! Any number of replicas may publish: that is the same as sending again.
//!
//! - [`settings`]: where, and what the stream is like that is made there
//! - [`event`]: an event as a message
//! - [`position`]: how far a feed is published, and on which stream; a stream that is made anew gets all of it
//! - [`meters`]: what is measured

mod event;
mod meters;
mod position;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Event as Told, connection::State};
use dealflow_chassis::Store;
use dealflow_chassis::link::Link;
use dealflow_chassis::serve::Part;
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, SubscribeRequest};
use sea_orm::DbErr;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use settings::Settings;

use meters::Behind;

/// The first wait before what failed is tried again, and the longest.
const SOON: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);
/// How far a feed may run ahead of its stored position while nothing stands in it.
const BEHIND: i64 = 1000;
/// How long JetStream may take to acknowledge.
const PATIENCE: Duration = Duration::from_secs(5);
/// No stream was made at this moment.
const UNKNOWN: i64 = 0;

/// Why publishing stopped for now.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error("the feed: {}: {}", .0.code(), .0.message())]
    Feed(#[from] tonic::Status),
    #[error("the database: {0}")]
    Database(#[from] DbErr),
    #[error("NATS: {0}")]
    Nats(String),
}

fn nats(error: impl std::fmt::Display) -> Interrupted {
    Interrupted::Nats(error.to_string())
}

/// The publisher as a part: it serves nothing but its health, and keeps how far it is in its store.
pub fn part(store: Store, feeds: Vec<(&'static str, Link)>, settings: Settings) -> Part {
    let kept = store.clone();
    Part::new("events-nats").task(move |stop| publish(store, feeds, settings, stop)).ready(move || {
        let store = kept.clone();
        Box::pin(async move { store.ping().await })
    })
}

/// Publishes feeds, each by its name, until the stop.
pub async fn publish(store: Store, feeds: Vec<(&'static str, Link)>, settings: Settings, stop: CancellationToken) {
    let (made, _) = watch::channel(UNKNOWN);
    let made = Arc::new(made);
    let Some(client) = connected(&settings, &made, &stop).await else { return };
    // A start is no interruption: it has a while to connect before anybody is told.
    let begun = tokio::time::timeout(PATIENCE, async {
        while client.connection_state() != State::Connected {
            tokio::time::sleep(SOON).await;
        }
    });
    tokio::select! {
        () = stop.cancelled() => return,
        begun = begun => if begun.is_err() {
            tracing::warn!("NATS does not answer; events wait in their feeds");
        },
    }
    let mut context = jetstream::new(client.clone());
    context.set_timeout(PATIENCE);
    let publisher = Publisher { store, client, context, settings: Arc::new(settings), made };
    let behind: Vec<Behind> = feeds.iter().map(|(name, _)| Behind::new(name)).collect();
    let work = feeds.into_iter().zip(behind.clone()).map(|((_, link), behind)| {
        let (publisher, stop) = (publisher.clone(), stop.clone());
        async move { publisher.follow(&link, &behind, &stop).await }
    });
    tokio::join!(futures::future::join_all(work), meters::watch(behind, stop.clone()));
}

/// A client that connects when it can, and again whenever it must; each time the stream is looked at anew.
async fn connected(settings: &Settings, made: &Arc<watch::Sender<i64>>, stop: &CancellationToken) -> Option<Client> {
    loop {
        let made = made.clone();
        let mut options = ConnectOptions::new()
            .name("dealflow")
            .retry_on_initial_connect()
            .request_timeout(Some(PATIENCE))
            .event_callback(move |told| {
                if matches!(told, Told::Connected) {
                    made.send_replace(UNKNOWN);
                }
                std::future::ready(())
            });
        if let Some((user, password)) = settings.user() {
            options = options.user_and_password(user, password);
        }
        if let Some(ca) = &settings.ca {
            options = options.add_root_certificates(ca.clone());
        }
        let client = match settings.servers() {
            Ok(servers) => options.connect(servers).await.map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        match client {
            Ok(client) => return Some(client),
            Err(error) => tracing::error!(%error, "events are not published: NATS cannot be reached"),
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(LONGEST) => {}
        }
    }
}

#[derive(Clone)]
struct Publisher {
    store: Store,
    client: Client,
    context: Context,
    settings: Arc<Settings>,
    /// When the stream was made that feeds are published to.
    made: Arc<watch::Sender<i64>>,
}

impl Publisher {
    async fn follow(&self, link: &Link, behind: &Behind, stop: &CancellationToken) {
        let mut wait = SOON;
        loop {
            let interrupted = tokio::select! {
                () = stop.cancelled() => return,
                interrupted = self.publish_on(link, behind, &mut wait) => interrupted,
            };
            behind.waits();
            if let Err(error) = interrupted {
                let feed = behind.feed;
                tracing::warn!(feed, %error, "events are published again from where they were acknowledged");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST),
            }
        }
    }

    async fn publish_on(&self, link: &Link, behind: &Behind, wait: &mut Duration) -> Result<(), Interrupted> {
        let stream = self.stream().await?;
        self.made.send_if_modified(|made| std::mem::replace(made, stream) != stream);
        let mut made = self.made.subscribe();
        let mut stored = position::of(&self.store, behind.feed, stream).await?;
        let mut feed = FeedServiceClient::new(link.clone());
        // A feed that is at its end says so to who does not follow it; a follower hears of it with the next event only.
        let ask = SubscribeRequest { after_position: stored, ..SubscribeRequest::default() };
        let first = feed.subscribe(ask).await?.into_inner().message().await?;
        if first.is_some_and(|batch| batch.events.is_empty() && batch.caught_up) {
            behind.waits_no_more();
        }
        let ask = SubscribeRequest { after_position: stored, follow: true, ..SubscribeRequest::default() };
        let mut batches = feed.subscribe(ask).await?.into_inner();
        // A connection that was lost may lead to another stream than the one that acknowledged what came before.
        while *made.borrow_and_update() == stream {
            let batch = tokio::select! {
                _ = made.changed() => return Ok(()),
                batch = batches.message() => batch?,
            };
            let Some(batch) = batch else { return Ok(()) };
            let mut reached = stored;
            for event in &batch.events {
                behind.waits();
                if *made.borrow() != stream {
                    return Ok(());
                }
                if let Err(error) = self.send(event, behind).await {
                    position::reached(&self.store, behind.feed, stream, reached).await?;
                    return Err(error);
                }
                reached = event.position;
            }
            *wait = SOON;
            if !batch.events.is_empty() || batch.position - stored > BEHIND {
                position::reached(&self.store, behind.feed, stream, batch.position).await?;
                stored = batch.position;
            }
            if batch.caught_up {
                behind.waits_no_more();
            }
        }
        Ok(())
    }

    /// Makes the stream where it is not there, and answers when it was made.
    async fn stream(&self) -> Result<i64, Interrupted> {
        // What is asked while there is no connection is sent when there is one, by then for nobody.
        if self.client.connection_state() != State::Connected {
            return Err(nats("not connected"));
        }
        let stream = self.context.get_or_create_stream(self.settings.stream()).await.map_err(nats)?;
        let made = stream.cached_info().created.unix_timestamp_nanos();
        i64::try_from(made).map_err(nats)
    }

    /// Sends one event, and waits until it is stored.
    async fn send(&self, event: &Event, behind: &Behind) -> Result<(), Interrupted> {
        let most = self.client.server_info().max_payload;
        let message = event::message(&self.settings.prefix, behind.feed, event, most);
        let sent = self.context.publish_with_headers(message.subject, message.headers, message.data.into());
        let acknowledged = sent.await.map_err(nats)?.await.map_err(nats)?;
        behind.published(acknowledged.duplicate);
        Ok(())
    }
}
