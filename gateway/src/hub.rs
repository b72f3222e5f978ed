//! One reader of a feed for all who watch deals: however many they are, a part is asked once (R-API-3).
//!
//! It begins with the first of them and ends with the last. A feed that ends (its stream was open for long, its replica is
//! replaced) is read on from where it was, so that nobody misses anything; one that cannot be read ends whoever watches, and
//! so is ended who does not keep up: he is told, and nothing is left out in silence.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dealflow_chassis::Refusal;
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, SubscribeRequest, SubscribeResponse};
use futures::stream::{self, Stream, StreamExt};
use tokio::sync::Mutex;
use tokio::sync::broadcast::{self, Receiver, Sender, error::RecvError};
use tonic::{Status, Streaming};

use crate::follow::Feed;

/// How many messages of a feed one who watches may be behind.
const BEHIND: usize = 64;
/// How long a feed must have been read for its end to be no fault.
const READ: Duration = Duration::from_secs(1);

/// How long a part may take to say where its feed ends.
const PATIENCE: Duration = Duration::from_secs(5);
/// When whoever was ended may come back.
const COME_BACK: Duration = Duration::from_millis(250);

/// The events of one message, or why there are no more.
type News = Result<Arc<[Event]>, Status>;

/// The reader of one feed; its copies are the same one.
#[derive(Clone)]
pub(crate) struct Hub {
    feed: Feed,
    open: Arc<Mutex<Option<Sender<News>>>>,
}

impl Hub {
    pub(crate) fn new(feed: Feed) -> Self {
        Self { feed, open: Arc::default() }
    }

    /// The feed's name.
    pub(crate) fn name(&self) -> &'static str {
        self.feed.name
    }

    /// What happens to these deals from now on, each event once and in the feed's order.
    ///
    /// # Errors
    ///
    /// When the feed cannot be read now.
    pub(crate) async fn listen(
        &self,
        threads: Vec<String>,
    ) -> Result<impl Stream<Item = Result<Event, Status>> + Send + use<>, Status> {
        let mut open = self.open.lock().await;
        let news = match &*open {
            Some(sender) => sender.subscribe(),
            None => {
                let position = self.feed.end(PATIENCE).await?;
                let batches = subscribe(&self.feed, position).await?;
                let (sender, news) = broadcast::channel(BEHIND);
                *open = Some(sender.clone());
                tokio::spawn(self.clone().read(batches, position, sender));
                news
            }
        };
        Ok(of_threads(news, threads))
    }

    /// Hands on what the feed tells, as long as somebody listens.
    async fn read(self, mut batches: Streaming<SubscribeResponse>, mut position: i64, sender: Sender<News>) {
        let mut since = Instant::now();
        let lost = loop {
            let batch = tokio::select! {
                batch = batches.message() => batch,
                () = sender.closed() => {
                    let mut open = self.open.lock().await;
                    // Whoever came meanwhile is served; whoever comes now begins anew.
                    if sender.receiver_count() == 0 {
                        *open = None;
                        return;
                    }
                    continue;
                }
            };
            let ended = match batch {
                Ok(Some(batch)) => {
                    position = batch.position;
                    if !batch.events.is_empty() {
                        // Where nobody listens any more, the next turn finds it out.
                        let _nobody = sender.send(Ok(batch.events.into()));
                    }
                    continue;
                }
                Ok(None) => lost(),
                Err(status) => status,
            };
            if since.elapsed() < READ {
                break ended;
            }
            since = Instant::now();
            match subscribe(&self.feed, position).await {
                Ok(again) => batches = again,
                Err(status) => break status,
            }
        };
        *self.open.lock().await = None;
        let _nobody = sender.send(Err(lost));
    }
}

async fn subscribe(feed: &Feed, after_position: i64) -> Result<Streaming<SubscribeResponse>, Status> {
    let ask = SubscribeRequest { after_position, follow: true, ..SubscribeRequest::default() };
    Ok(FeedServiceClient::new(feed.link.clone()).subscribe(ask).await?.into_inner())
}

/// The events of these deals; a fault is the last.
fn of_threads(news: Receiver<News>, threads: Vec<String>) -> impl Stream<Item = Result<Event, Status>> + Send {
    let threads: Arc<[String]> = threads.into();
    let told = stream::unfold(Some(news), move |news| {
        let threads = Arc::clone(&threads);
        async move {
            let mut news = news?;
            let fault = loop {
                match news.recv().await {
                    Ok(Ok(events)) => {
                        let ours = events.iter().filter(|event| threads.contains(&event.thread));
                        let ours: Vec<_> = ours.cloned().map(Ok).collect();
                        if !ours.is_empty() {
                            return Some((stream::iter(ours), Some(news)));
                        }
                    }
                    Ok(Err(status)) => break status,
                    Err(RecvError::Lagged(_)) => break behind(),
                    Err(RecvError::Closed) => break lost(),
                }
            };
            Some((stream::iter(vec![Err(fault)]), None))
        }
    });
    told.flatten()
}

fn lost() -> Status {
    Refusal::unavailable("the deal cannot be watched now; read it and open the stream again", COME_BACK).into()
}

fn behind() -> Status {
    Refusal::unavailable("more has happened than was read from this stream; read the deal and open it again", COME_BACK)
        .into()
}
