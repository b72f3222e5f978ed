//! Whether a caller sees a record, by itself or with the deal that it belongs to (R-SEC-1). For a verb it is asked before
//! the flow begins: a flow is the suite's own, and sees everything.

use dealflow_chassis::security::Sight;
use dealflow_chassis::{Context, Refusal};
use dealflow_proto::activities::v1::{GetActivityRequest, GetInteractionRequest};
use dealflow_proto::leads::v1::GetLeadRequest;
use dealflow_proto::names;
use dealflow_proto::opportunities::v1::GetOpportunityRequest;
use dealflow_proto::orders::v1::{
    GetApprovalRequest, GetContractRequest, GetCreditNoteRequest, GetInvoiceRequest, GetOrderRequest,
    GetPaymentRequest, GetQuoteRequest,
};
use tonic::{Code, Request, Response, Status};

use crate::calls::{Ask, Neighbours};

/// Asks the parts for a record with its caller's eyes.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) to: Neighbours,
}

/// With whose eyes a record is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Eyes {
    /// The caller's.
    Own,
    /// Of somebody who sees all: to find out what it belongs to, and never told.
    All,
}

impl Seen {
    /// Refuses a verb on what its caller does not see, as if it were not there.
    pub(crate) async fn check<Q>(&self, request: &Request<Q>, subject: &str) -> Result<(), Status> {
        let context = Context::of(request.metadata())?;
        if context.sight == Sight::All {
            return Ok(());
        }
        match self.deal_of_verb(&context, subject).await? {
            Some(deal) if !self.sees(&context, &deal).await? => Err(Refusal::missing(subject).into()),
            _ => Ok(()),
        }
    }

    /// Whether the caller sees a deal or a lead; an account and a process are everybody's.
    pub(crate) async fn sees(&self, context: &Context, deal: &str) -> Result<bool, Status> {
        if context.sight == Sight::All {
            return Ok(true);
        }
        let name = deal.to_owned();
        let answer = if names::OPPORTUNITIES.parse(deal).is_ok() {
            self.ask(context, Eyes::Own, GetOpportunityRequest { name }).await.map(drop)
        } else if names::LEADS.parse(deal).is_ok() {
            self.ask(context, Eyes::Own, GetLeadRequest { name }).await.map(drop)
        } else {
            Ok(())
        };
        is_there(answer)
    }

    /// Whether the caller sees a record: it is his or his people's, or belongs to a deal that he sees. What is not there
    /// is not hidden from him: whoever reads it is told so.
    pub(crate) async fn sees_record(&self, context: &Context, name: &str) -> Result<bool, Status> {
        if context.sight == Sight::All || is_deal(name) {
            return self.sees(context, name).await;
        }
        if is_there(self.deal_of(context, Eyes::Own, name).await.map(drop))? {
            return Ok(true);
        }
        match self.deal_of(context, Eyes::All, name).await {
            Ok(deal) => Ok(is_deal(&deal) && self.sees(context, &deal).await?),
            Err(status) => is_there(Err(status)).map(|_| true),
        }
    }

    /// Whether a record that the caller sees belongs to a deal, or is about a document.
    pub(crate) async fn belongs(&self, context: &Context, record: &str, to: &str) -> Result<bool, Status> {
        match self.deal_of(context, Eyes::Own, record).await {
            Ok(deal) => Ok(deal == to),
            Err(status) => is_there(Err(status)),
        }
    }

    /// The opportunity or lead that has to be seen for a verb; none where it is the caller's own to do.
    async fn deal_of_verb(&self, context: &Context, subject: &str) -> Result<Option<String>, Status> {
        let name = || subject.to_owned();
        if names::ACTIVITIES.parse(subject).is_ok() {
            let activity = self.ask(context, Eyes::All, GetActivityRequest { name: name() }).await?;
            let own = names::EMPLOYEES.parse(&activity.performer).is_ok_and(|it| context.sight.sees_own_of(it));
            if !own && !is_deal(&activity.regarding) {
                // It belongs to no deal: it has to be seen by itself.
                self.deal_of(context, Eyes::Own, subject).await?;
            }
            return Ok(Some(activity.regarding).filter(|deal| !own && is_deal(deal)));
        }
        if names::ORDERS.parse(subject).is_ok() {
            return self.deal_of(context, Eyes::All, subject).await.map(Some);
        }
        Ok(Some(name()))
    }

    /// What a record belongs to, read with these eyes; nothing for what is everybody's.
    async fn deal_of(&self, context: &Context, eyes: Eyes, record: &str) -> Result<String, Status> {
        let name = record.to_owned();
        macro_rules! read {
            ($request:ident, $deal:ident) => {
                self.ask(context, eyes, $request { name }).await.map(|record| record.$deal)
            };
        }
        match record.split_once('/').map(|(collection, _)| collection) {
            Some("quotes") => read!(GetQuoteRequest, opportunity),
            Some("contracts") => read!(GetContractRequest, opportunity),
            Some("orders") => read!(GetOrderRequest, opportunity),
            Some("invoices") => read!(GetInvoiceRequest, opportunity),
            Some("creditNotes") => read!(GetCreditNoteRequest, opportunity),
            Some("approvals") => read!(GetApprovalRequest, opportunity),
            Some("activities") => read!(GetActivityRequest, regarding),
            Some("interactions") => read!(GetInteractionRequest, regarding),
            // Of whatever deals' invoices it pays: by itself or not at all.
            Some("payments") => self.ask(context, eyes, GetPaymentRequest { name }).await.map(|_| String::new()),
            _ => Ok(String::new()),
        }
    }

    async fn ask<A: Ask>(&self, context: &Context, eyes: Eyes, ask: A) -> Result<A::Answer, Status> {
        let mut request = Request::new(ask);
        match eyes {
            Eyes::Own => context.carry(request.metadata_mut()),
            Eyes::All => context.carry_seeing_all(request.metadata_mut()),
        }
        A::send(&self.to, request).await.map(Response::into_inner)
    }
}

/// Whether a name is one of an opportunity or a lead.
fn is_deal(name: &str) -> bool {
    names::OPPORTUNITIES.parse(name).is_ok() || names::LEADS.parse(name).is_ok()
}

fn is_there(answer: Result<(), Status>) -> Result<bool, Status> {
    match answer {
        Ok(()) => Ok(true),
        Err(status) if status.code() == Code::NotFound => Ok(false),
        Err(status) => Err(status),
    }
}
