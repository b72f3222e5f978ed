//! Whether a caller sees what a verb is about (R-SEC-1). It is asked before the flow begins: a flow is the suite's own,
//! and sees everything.

use dealflow_chassis::Context;
use dealflow_chassis::security::Sight;
use dealflow_proto::activities::v1::GetActivityRequest;
use dealflow_proto::leads::v1::GetLeadRequest;
use dealflow_proto::names;
use dealflow_proto::opportunities::v1::GetOpportunityRequest;
use dealflow_proto::orders::v1::GetOrderRequest;
use tonic::{Code, Request, Response, Status};

use crate::calls::{Ask, Neighbours};

/// Asks the parts for a record with its caller's eyes.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) to: Neighbours,
}

impl Seen {
    /// Refuses a verb on what its caller does not see, as if it were not there.
    pub(crate) async fn check<Q>(&self, request: &Request<Q>, subject: &str) -> Result<(), Status> {
        let context = Context::of(request.metadata())?;
        if context.sight == Sight::All {
            return Ok(());
        }
        match self.deal_of(&context, subject).await? {
            Some(deal) => match self.ask_for(&context, deal).await {
                // It is the subject that is not there.
                Err(status) if status.code() == Code::NotFound => {
                    Err(dealflow_chassis::Refusal::missing(subject).into())
                }
                answer => answer,
            },
            None => Ok(()),
        }
    }

    /// Whether the caller sees a deal or a lead.
    pub(crate) async fn sees(&self, context: &Context, deal: &str) -> Result<bool, Status> {
        if context.sight == Sight::All {
            return Ok(true);
        }
        match self.ask_for(context, deal.to_owned()).await {
            Ok(()) => Ok(true),
            Err(status) if status.code() == Code::NotFound => Ok(false),
            Err(status) => Err(status),
        }
    }

    /// The opportunity or lead that has to be seen; none where there is nothing to see, or it is the caller's own to do.
    async fn deal_of(&self, context: &Context, subject: &str) -> Result<Option<String>, Status> {
        let name = || subject.to_owned();
        if names::ACTIVITIES.parse(subject).is_ok() {
            let activity = self.ask(context, GetActivityRequest { name: name() }).await?;
            let own = names::EMPLOYEES.parse(&activity.performer).is_ok_and(|it| context.sight.sees_own_of(it));
            return Ok(Some(activity.regarding).filter(|deal| !own && !deal.is_empty()));
        }
        if names::ORDERS.parse(subject).is_ok() {
            let order = self.ask(context, GetOrderRequest { name: name() }).await?;
            return Ok(Some(order.opportunity).filter(|deal| !deal.is_empty()));
        }
        Ok(Some(name()))
    }

    async fn ask_for(&self, context: &Context, name: String) -> Result<(), Status> {
        if names::OPPORTUNITIES.parse(&name).is_ok() {
            return self.ask(context, GetOpportunityRequest { name }).await.map(drop);
        }
        if names::LEADS.parse(&name).is_ok() {
            return self.ask(context, GetLeadRequest { name }).await.map(drop);
        }
        // An account, a process: everybody's.
        Ok(())
    }

    async fn ask<A: Ask>(&self, context: &Context, ask: A) -> Result<A::Answer, Status> {
        let mut request = Request::new(ask);
        context.carry(request.metadata_mut());
        A::send(&self.to, request).await.map(Response::into_inner)
    }
}
