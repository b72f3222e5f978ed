//! A live stream of a deal's changes (R-API-3): the four feeds, from now on, of which only the deal's events go out.

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
        let mut threads = vec![deal.name];
        if !deal.lead.is_empty() && self.seen.sees(&context, &deal.lead).await? {
            threads.push(deal.lead);
        }
        let mut open = Vec::with_capacity(self.feeds.len());
        for feed in &self.feeds {
            open.push(subscribe(feed).await?);
        }
        let of_deal = stream::select_all(open).filter_map(move |event| {
            let wanted = match event {
                Ok(event) if !threads.contains(&event.thread) => None,
                event => Some(event.map(|event| WatchDealResponse { event: Some(event) })),
            };
            std::future::ready(wanted)
        });
        Ok(of_deal.boxed())
    }
}

async fn subscribe(feed: &Feed) -> Result<Pin<Box<dyn Stream<Item = Result<Event, Status>> + Send>>, Status> {
    let ask = SubscribeRequest { after_position: feed.head(), follow: true, ..SubscribeRequest::default() };
    let batches = FeedServiceClient::new(feed.link.clone()).subscribe(ask).await?.into_inner();
    let events = batches.flat_map(|batch: Result<SubscribeResponse, Status>| match batch {
        Ok(batch) => stream::iter(batch.events.into_iter().map(Ok).collect::<Vec<_>>()),
        Err(status) => stream::iter(vec![Err(status)]),
    });
    Ok(events.boxed())
}
