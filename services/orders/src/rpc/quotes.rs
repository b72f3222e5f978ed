//! The RPCs of quotes.

use dealflow_chassis::Mask;
use dealflow_chassis::list::list;
use dealflow_chassis::work::{Work, check};
use dealflow_proto::names;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::quote_service_server::QuoteService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};

use super::{Orders, answer, asked_list};
use crate::error::Error;
use crate::invoice::Billed;
use crate::order;
use crate::quote::{self, CloseReason, Model};
use crate::record::{Told, change, save};
use crate::wire::{UPDATABLE, close_reason};

/// The quote that a verb names, locked, as the caller saw it.
async fn locked(work: &mut Work, name: &str, etag: &str) -> Result<Model, Error> {
    let quote = quote::lock(&work.tx, name).await?;
    work.check_etag(name, etag, quote.version)?;
    work.take_effect_after(quote.updated_at)?;
    Ok(quote)
}

/// Writes the quote and its history.
async fn saved(
    work: &mut Work,
    (kind, verb, reason): (&str, &str, &str),
    before: &Model,
    after: &Model,
) -> Result<pb::Quote, Error> {
    save(&work.tx, before, after).await?;
    let answer = after.to_wire(work.now)?;
    work.record(change(kind, verb, Some(before), after, &answer).reason(reason));
    Ok(answer)
}

/// Closes locked quotes together and tells of each.
async fn closed(work: &mut Work, quotes: Vec<Model>, reason: CloseReason, verb: &str) -> Result<Vec<pb::Quote>, Error> {
    if let Some(last) = quotes.iter().map(|quote| quote.updated_at).max() {
        work.take_effect_after(last)?;
    }
    let after = quote::close_all(&work.tx, quotes.clone(), reason, work.now).await?;
    let mut answers = Vec::with_capacity(after.len());
    for (before, after) in quotes.iter().zip(&after) {
        let answer = after.to_wire(work.now)?;
        work.record(change("quote.closed", verb, Some(before), after, &answer).reason(reason.to_string()));
        answers.push(answer);
    }
    Ok(answers)
}

#[tonic::async_trait]
impl QuoteService for Orders {
    async fn create_quote(&self, request: Request<pb::CreateQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateQuoteRequest| async move {
                let quote = Model::of(&work.tx, ask.quote.unwrap_or_default(), work.now).await?;
                let quote = quote::insert(&work.tx, quote).await?;
                let answer = quote.to_wire(work.now)?;
                work.record(change("quote.created", "CreateQuote", None, &quote, &answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_quote(&self, request: Request<pb::GetQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let now = self.store.clock().now();
        answer(quote::find(self.reader(), &ask.name).await.and_then(|quote| quote.to_wire(now)))
    }

    async fn list_quotes(
        &self,
        request: Request<pb::ListQuotesRequest>,
    ) -> Result<Response<pb::ListQuotesResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let now = self.store.clock().now();
        let page = list(self.reader(), quote::Entity::find(), &quote::FIELDS, asked_list!(ask)).await;
        let page = page.map_err(dealflow_chassis::Refusal::from)?;
        let quotes = page.items.iter().map(|quote| quote.to_wire(now)).collect::<Result<_, _>>();
        answer(quotes.map(|quotes| pb::ListQuotesResponse { quotes, next_page_token: page.next_page_token }))
    }

    async fn update_quote(&self, request: Request<pb::UpdateQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::UpdateQuoteRequest| async move {
                let mask = Mask::of(ask.update_mask, UPDATABLE)?;
                let written = ask.quote.unwrap_or_default();
                let before = locked(&mut work, &written.name, &ask.etag).await?;
                let after = before.clone().update(&work.tx, written, &mask, work.now).await?;
                let answer = saved(&mut work, ("quote.updated", "UpdateQuote", ""), &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn activate_quote(&self, request: Request<pb::ActivateQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ActivateQuoteRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let after = before.clone().activate(work.now)?;
                let answer = saved(&mut work, ("quote.activated", "ActivateQuote", ""), &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn present_quote(&self, request: Request<pb::PresentQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::PresentQuoteRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let after = before.clone().present(work.now)?;
                let answer = saved(&mut work, ("quote.presented", "PresentQuote", ""), &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn revise_quote(&self, request: Request<pb::ReviseQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ReviseQuoteRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let (closed, copy) = before.clone().revise(work.now)?;
                let reason = CloseReason::Revised.to_string();
                saved(&mut work, ("quote.revised", "ReviseQuote", &reason), &before, &closed).await?;
                let copy = quote::insert(&work.tx, copy).await?;
                let answer = copy.to_wire(work.now)?;
                work.record(change("quote.created", "ReviseQuote", None, &copy, &answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn accept_quote(&self, request: Request<pb::AcceptQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::AcceptQuoteRequest| async move {
                let (before, siblings) = quote::lock_with_siblings(&work.tx, &ask.name).await?;
                work.check_etag(&ask.name, &ask.etag, before.version)?;
                work.take_effect_after(before.updated_at)?;
                let order = order::Model::of_quote(&before, ask.customer_reference, work.now);
                let after = before.clone().accept(order.id, work.now)?;
                let Some(order) = order::insert(&work.tx, order).await? else {
                    let stands = order::live_of(&work.tx, before.opportunity_id).await?;
                    return Err(Error::OrderStands { opportunity: before.thread(), order: stands.name() });
                };
                let answer = saved(&mut work, ("quote.accepted", "AcceptQuote", ""), &before, &after).await?;
                closed(&mut work, siblings, CloseReason::Superseded, "AcceptQuote").await?;
                let made = order.to_wire(&Billed::default())?;
                work.record(change("order.created", "AcceptQuote", None, &order, &made));
                Ok(work.done(answer))
            })
            .await
    }

    async fn close_quote(&self, request: Request<pb::CloseQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CloseQuoteRequest| async move {
                let reason = close_reason(ask.reason())?;
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let after = before.clone().close(reason, work.now)?;
                let words =
                    if ask.comment.is_empty() { reason.to_string() } else { format!("{reason}: {}", ask.comment) };
                let answer = saved(&mut work, ("quote.closed", "CloseQuote", &words), &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn close_opportunity_quotes(
        &self,
        request: Request<pb::CloseOpportunityQuotesRequest>,
    ) -> Result<Response<pb::CloseOpportunityQuotesResponse>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CloseOpportunityQuotesRequest| async move {
                let reason = close_reason(ask.reason())?;
                let opportunity = names::OPPORTUNITIES.parse(&ask.opportunity)?;
                let open = quote::lock_open(&work.tx, opportunity).await?;
                let quotes = closed(&mut work, open, reason, "CloseOpportunityQuotes").await?;
                Ok::<_, Error>(work.done(pb::CloseOpportunityQuotesResponse { quotes }))
            })
            .await
    }
}
