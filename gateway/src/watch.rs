//! A live stream of a deal's changes (R-API-3): of each part's feed the deal's thread, from now on, and its lead's.
//!
//! Whoever watches a deal is sent nothing that he does not see, and all who watch share one reader of each feed.

use std::pin::Pin;

use dealflow_chassis::Context;
use dealflow_proto::gateway::v1::{WatchDealRequest, WatchDealResponse};
use dealflow_proto::opportunities::v1::GetOpportunityRequest;
use futures::stream::{self, Stream, StreamExt};
use tonic::{Request, Response, Status};

use crate::calls::{Ask, Neighbours};
use crate::hub::Hub;
use crate::seen::Seen;

/// The parts that tell of a deal, and of the lead that it came from: as in a deal's view.
const OF_DEAL: &[&str] = &["opportunities", "activities", "orders"];
const OF_LEAD: &[&str] = &["leads", "activities"];

type Events = Pin<Box<dyn Stream<Item = Result<WatchDealResponse, Status>> + Send>>;

/// Opens streams of deals.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) to: Neighbours,
    pub(crate) hubs: Vec<Hub>,
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
        let mut open = Vec::with_capacity(self.hubs.len());
        for hub in &self.hubs {
            let of_deal = OF_DEAL.contains(&hub.name()).then(|| deal.name.clone());
            let of_lead = (sees_lead && OF_LEAD.contains(&hub.name())).then(|| deal.lead.clone());
            let threads: Vec<String> = of_deal.into_iter().chain(of_lead).collect();
            if !threads.is_empty() {
                open.push(hub.listen(threads).await?.boxed());
            }
        }
        Ok(stream::select_all(open).map(|event| event.map(|event| WatchDealResponse { event: Some(event) })).boxed())
    }
}
