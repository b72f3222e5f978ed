//! The documents that a process asks for before it lets a deal go on, told to it (R-STG-2).
//!
//! Quotes and invoices live in services that `opportunities` knows nothing of; the gateway tells it how far they are:
//! after its own steps, and by the feeds after anybody else's. What is told is stored there with the document's own
//! version, so telling it twice, late or in another order ends in the same. Deals whose process asks for no document
//! are not told of any.

use dealflow_proto::erp::v1::{DocumentType, Handoff};
use dealflow_proto::feed::v1::Event;
use dealflow_proto::opportunities::v1::{
    DealDocument, GetOpportunityRequest, Opportunity, RecordDocumentsRequest, deal_document,
};
use dealflow_proto::orders::v1::{Quote, quote};
use futures::future::try_join_all;
use prost::Message;
use tonic::{Code, Request, Status};

use crate::calls::Ask;
use crate::deal::quotes;
use crate::flow::{Flows, Run, Stop};

/// Tells of all quotes of a deal, as they stand.
pub(crate) async fn tell(run: &Run, deal: &Opportunity) -> Result<(), Stop> {
    if !asks(deal) {
        return Ok(());
    }
    let quotes = quotes(run, &deal.name).await?;
    tell_quotes(run, deal, &quotes.iter().collect::<Vec<_>>()).await
}

/// Tells of some quotes of a deal. A check changes nothing, so it has nothing to tell.
pub(crate) async fn tell_quotes(run: &Run, deal: &Opportunity, quotes: &[&Quote]) -> Result<(), Stop> {
    let documents: Vec<DealDocument> = quotes.iter().filter_map(|quote| of_quote(quote)).collect();
    if !asks(deal) || documents.is_empty() || run.only_checks() {
        return Ok(());
    }
    record(run, &deal.name, documents).await
}

/// What follows when somebody changed a quote in its service.
pub(crate) async fn quote_changed(run: &Run, quote: &Quote) -> Result<(), Stop> {
    if quote.opportunity.is_empty() {
        return Ok(());
    }
    match run.read("opportunity", GetOpportunityRequest { name: quote.opportunity.clone() }).await {
        Ok(deal) => tell_quotes(run, &deal, &[quote]).await,
        // A quote may name an opportunity that is kept elsewhere: no process of ours waits for it.
        Err(Stop::Refused(stopped)) if stopped.status.code() == Code::NotFound => Ok(()),
        Err(stop) => Err(stop),
    }
}

/// What follows when the ERP has accepted an invoice: a process that waited for it is completed.
pub(crate) async fn invoice_accepted(run: &Run, handoff: &Handoff) -> Result<(), Stop> {
    let document = DealDocument {
        document: handoff.document.clone(),
        state: deal_document::State::InvoiceAccepted.into(),
        version: 1, // it stays accepted
    };
    record(run, &handoff.opportunity, vec![document]).await
}

/// Of our own feed: of its deliveries the invoices that a process waits for, and all else.
pub(crate) async fn waited_for(flows: &Flows, events: Vec<Event>) -> Result<Vec<Event>, Status> {
    let asked = events.into_iter().map(|event| async move {
        if event.r#type != "handoff.delivered" {
            return Ok(Some(event));
        }
        let data = event.data.as_ref().map(|data| data.value.as_slice()).unwrap_or_default();
        let Ok(handoff) = Handoff::decode(data) else { return Ok(None) };
        if handoff.r#type() != DocumentType::Invoice || handoff.opportunity.is_empty() {
            return Ok(None);
        }
        let ask = Request::new(GetOpportunityRequest { name: handoff.opportunity });
        match GetOpportunityRequest::send(flows.neighbours(), ask).await {
            Ok(deal) => Ok(asks(deal.get_ref()).then_some(event)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    });
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}

fn asks(deal: &Opportunity) -> bool {
    deal.process_run.as_ref().is_some_and(|run| run.asks_documents)
}

async fn record(run: &Run, deal: &str, documents: Vec<DealDocument>) -> Result<(), Stop> {
    let ask = RecordDocumentsRequest { name: deal.to_owned(), documents, ..RecordDocumentsRequest::default() };
    run.step("tell documents", ask).await.map(drop)
}

/// A quote as a gate sees it; none that it could not ask for yet. One expires by the day alone, without a new version:
/// that it counts no more is the later word of the two.
fn of_quote(quote: &Quote) -> Option<DealDocument> {
    let state = match quote.state() {
        quote::State::Active | quote::State::Presented => deal_document::State::QuoteActive,
        quote::State::Accepted => deal_document::State::QuoteAccepted,
        quote::State::Closed => deal_document::State::Void,
        _ => return None,
    };
    let void = i64::from(state == deal_document::State::Void);
    let version = quote.etag.parse::<i64>().unwrap_or_default() * 2 + void;
    Some(DealDocument { document: quote.name.clone(), state: state.into(), version })
}
