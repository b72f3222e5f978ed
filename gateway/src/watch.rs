//! A live stream of a deal's changes (R-API-3): of each part's feed the deal's thread, from now on, and its lead's.
//!
//! A part is asked for these threads alone: whoever watches a deal is sent nothing that he does not see, and a busy house
//! costs him nothing.

use std::pin::Pin;

use dealflow_chassis::Context;
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, SubscribeRequest, SubscribeResponse};
use dealflow_proto::gateway::v1::{WatchDealRequest, WatchDealResponse};
use dealflow_proto::opportunities::v1::GetOpportunityRequest;
use futures::stream::{self, Stream, StreamExt};
use tonic::{Request, Response, Status};

use crate::calls::{Ask, Neighbours};
use crate::follow::Feed;
use crate::seen::Seen;

/// The parts that tell of a deal, and of the lead that it came from: as in a deal's view.
const OF_DEAL: &[&str] = &["opportunities", "activities", "orders"];
const OF_LEAD: &[&str] = &["leads", "activities"];

type Events = Pin<Box<dyn Stream<Item = Result<WatchDealResponse, Status>> + Send>>;

/// Opens streams of deals.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) to: Neighbours,
    pub(crate) feeds: Vec<Feed>,
    pub(crate) seen: Seen,
}

impl Watch {
    /// What happens to the deal from now on. Ends with a fault when a feed is lost; whoever watches opens it again.
    pub(crate) async fn open(&self, request: Request<WatchDealRequest>) -> Result<Events, Status> {
        let context = Context::of(request.metadata())?;
        let mut ask = Request::new(GetOpportunityRequest { name: request.into_inner().opportunity });
        context.carry(ask.metadata_mut());
        let deal = GetOpportunityRequest::send(&self.to, ask).await.map(Response::into_inner)?;
        let sees_lead = !deal.lead.is_empty() && self.seen.sees(&context, &deal.lead).await?;
        let lead = sees_lead.then_some((&deal.lead, OF_LEAD));
        let mut open = Vec::with_capacity(OF_DEAL.len() + OF_LEAD.len());
        for (thread, parts) in [(&deal.name, OF_DEAL)].into_iter().chain(lead) {
            for feed in self.feeds.iter().filter(|feed| parts.contains(&feed.name)) {
                open.push(subscribe(feed, thread).await?);
            }
        }
        Ok(stream::select_all(open).map(|event| event.map(|event| WatchDealResponse { event: Some(event) })).boxed())
    }
}

async fn subscribe(
    feed: &Feed,
    thread: &str,
) -> Result<Pin<Box<dyn Stream<Item = Result<Event, Status>> + Send>>, Status> {
    let (after_position, thread) = (feed.head(), thread.to_owned());
    let ask = SubscribeRequest { after_position, thread, follow: true, ..SubscribeRequest::default() };
    let batches = FeedServiceClient::new(feed.link.clone()).subscribe(ask).await?.into_inner();
    let events = batches.flat_map(|batch: Result<SubscribeResponse, Status>| match batch {
        Ok(batch) => stream::iter(batch.events.into_iter().map(Ok).collect::<Vec<_>>()),
        Err(status) => stream::iter(vec![Err(status)]),
    });
    Ok(events.boxed())
}
