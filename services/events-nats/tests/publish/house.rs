//! Leads whose events are published, and who publishes them.

use std::time::Duration;

use dealflow_chassis::link::Link;
use dealflow_chassis::{Store, feed};
use dealflow_events_nats::{Settings, publish};
use dealflow_migrations::{events_nats, leads};
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, SubscribeRequest};
use dealflow_proto::leads::v1::lead_service_client::LeadServiceClient;
use dealflow_proto::leads::v1::{CreateLeadRequest, Lead};
use dealflow_testbed::{TestClock, TestDb, eventually, id};
use sea_orm::{ConnectionTrait, Statement};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::server::{Nats, Seen};

/// How long something may take on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Leads whose events are published.
pub(crate) struct House {
    leads: Link,
    store: Store,
    pub(crate) stop: CancellationToken,
    _stop: DropGuard,
    _db: TestDb,
}

/// Who creates leads.
pub(crate) struct Leads(LeadServiceClient<Link>);

impl Leads {
    /// So many leads are created.
    pub(crate) async fn happens(mut self, times: usize) {
        for _ in 0..times {
            self.create("Ovens", "").await;
        }
    }

    /// One lead is created.
    pub(crate) async fn created(mut self, title: &str, notes: &str) {
        self.create(title, notes).await;
    }

    async fn create(&mut self, title: &str, notes: &str) {
        let (title, notes) = (title.to_owned(), notes.to_owned());
        let lead = Lead { title, notes, family_name: "Moser".to_owned(), ..Lead::default() };
        let ask = CreateLeadRequest { lead: Some(lead), request_id: id(), ..CreateLeadRequest::default() };
        self.0.create_lead(ask).await.expect("created");
    }
}

impl House {
    pub(crate) async fn open(db: TestDb) -> Self {
        let clock = TestClock::new().clock();
        let of_leads = db.store::<leads::Migrator>("leads", clock.clone()).await;
        let store = db.store::<events_nats::Migrator>("events-nats", clock).await;
        let stop = CancellationToken::new();
        tokio::spawn(feed::number(of_leads.clone(), stop.clone()));
        let leads = dealflow_leads::part(of_leads).link();
        Self { leads, store, _stop: stop.clone().drop_guard(), stop, _db: db }
    }

    pub(crate) fn leads(&self) -> Leads {
        Leads(LeadServiceClient::new(self.leads.clone()))
    }

    /// A publisher that runs until it is aborted, as by a kill, or told to stop.
    pub(crate) fn publishes(&self, url: &str, window: Duration) -> JoinHandle<()> {
        self.publishes_to(Settings { url: url.into(), window, ..Settings::default() })
    }

    pub(crate) fn publishes_to(&self, settings: Settings) -> JoinHandle<()> {
        let feeds = vec![("leads", self.leads.clone())];
        tokio::spawn(publish(self.store.clone(), feeds, settings, self.stop.clone()))
    }

    /// Everything that stands in the feed, once it has so many events.
    pub(crate) async fn feed(&self, least: usize) -> Vec<Event> {
        eventually("the feed to be numbered", LONG, || async {
            let mut feed = FeedServiceClient::new(self.leads.clone());
            let mut all = Vec::new();
            let mut batches = feed.subscribe(SubscribeRequest::default()).await.expect("a feed").into_inner();
            while let Some(batch) = batches.message().await.expect("it goes on") {
                all.extend(batch.events);
            }
            (all.len() >= least).then_some(all)
        })
        .await
    }

    /// A crash after the acknowledgement and before the position is stored, at the worst place: the beginning.
    pub(crate) async fn forgets_its_position(&self) {
        let tx = self.store.begin().await.expect("a transaction");
        tx.execute_unprepared("DELETE FROM published").await.expect("forgotten");
        self.store.commit(tx).await.expect("committed");
    }

    /// How far the feed is published, as it is stored.
    pub(crate) async fn stored(&self) -> Option<i64> {
        let ask = Statement::from_string(self.store.backend(), "SELECT position FROM published");
        let row = self.store.reader().query_one_raw(ask).await.expect("a row or none")?;
        Some(row.try_get("", "position").expect("a position"))
    }

    /// Waits until the first so many events are stored as published.
    pub(crate) async fn has_stored(&self, events: usize) {
        let last = i64::try_from(events).expect("few");
        eventually("the position to be stored", LONG, || async { self.stored().await >= Some(last) }).await;
    }
}

/// Waits until the stream has so many messages.
pub(crate) async fn arrive(nats: &Nats, least: usize) -> Vec<Seen> {
    eventually("everything to be published", LONG, || async {
        let seen = nats.seen().await?;
        (seen.len() >= least).then_some(seen)
    })
    .await
}

/// The ids of messages, in their order.
pub(crate) fn ids(seen: &[Seen]) -> Vec<String> {
    seen.iter().map(|it| it.headers["ce-id"].clone()).collect()
}

/// The ids of events, in their order.
pub(crate) fn ids_of(events: &[Event]) -> Vec<String> {
    events.iter().map(|it| it.event_id.clone()).collect()
}
