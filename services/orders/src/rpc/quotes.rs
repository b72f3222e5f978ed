//! The RPCs of quotes.

use dealflow_chassis::list::list;
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::{Work, check};
use dealflow_chassis::{Context, Mask, Refusal};
use dealflow_proto::names;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::quote_service_server::QuoteService;
use prost::Message as _;
use sea_orm::{EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Orders, answer, approving, asked_list};
use crate::approval::{self, After, CancelReason, Subject};
use crate::error::Error;
use crate::invoice::Billed;
use crate::order;
use crate::quote::{self, CloseReason, Model, State};
use crate::record::{Moment, Told, change, save};
use crate::seen;
use crate::settings::REFUSE_EXPIRED;
use crate::wire::{UPDATABLE, after, close_reason};

/// How many quotes expire in one transaction.
const BATCH: u64 = 100;
/// Bytes of the quotes in an answer: half of what a message may hold.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// The quote that a verb names, locked, as the caller saw it.
async fn locked(work: &mut Work, name: &str, etag: &str) -> Result<Model, Error> {
    let quote = quote::lock(&work.tx, name, &work.context.sight).await?;
    work.check_etag(name, etag, quote.version)?;
    work.take_effect_after(quote.updated_at)?;
    Ok(quote)
}

/// Writes the quote and its history.
pub(super) async fn saved(
    work: &mut Work,
    (kind, verb, reason): (&str, &str, &str),
    before: &Model,
    after: &Model,
    now: Moment,
) -> Result<pb::Quote, Error> {
    save(&work.tx, before, after).await?;
    let answer = after.to_wire(now)?;
    work.record(change(kind, verb, Some(before), after, &answer).reason(reason));
    Ok(answer)
}

/// Writes a quote that went through several states at once, and tells of each.
async fn walked(
    work: &mut Work,
    verb: &str,
    before: &Model,
    steps: &[(&str, Model)],
    now: Moment,
) -> Result<pb::Quote, Error> {
    let mut from = before;
    let mut answer = before.to_wire(now)?;
    for (kind, after) in steps {
        answer = after.to_wire(now)?;
        work.record(change(kind, verb, Some(from), after, &answer));
        from = after;
    }
    save(&work.tx, before, from).await?;
    Ok(answer)
}

/// An approved quote goes on as far as it was asked; one that expired meanwhile stays where it is.
pub(super) async fn approved(work: &mut Work, before: Model, after: After, now: Moment) -> Result<(), Error> {
    let mut steps = vec![("quote.approved", before.clone().approved(now))];
    if !before.is_expired(now) {
        steps.extend(sent(&steps[0].1, after, now)?);
    }
    walked(work, "Approve", &before, &steps, now).await.map(drop)
}

/// The states that a quote goes through as far as it was asked to.
fn sent(quote: &Model, after: After, now: Moment) -> Result<Vec<(&'static str, Model)>, Error> {
    if after == After::Nothing {
        return Ok(Vec::new());
    }
    let active = quote.clone().activate(now)?;
    let mut steps = vec![("quote.activated", active.clone())];
    if after == After::Present {
        steps.push(("quote.presented", active.present(now)?));
    }
    Ok(steps)
}

/// What a quote that nobody must agree to, or somebody agreed to, goes through: where it is sent at once it is not approved
/// first. None where it stays as it is.
fn unasked(before: &Model, after: After, now: Moment) -> Result<Vec<(&'static str, Model)>, Error> {
    let approved = ("quote.approved", before.clone().approve_unasked(now)?);
    match after {
        After::Nothing if before.state == State::Approved => Ok(Vec::new()),
        After::Nothing => Ok(vec![approved]),
        _ => sent(before, after, now),
    }
}

/// Closes locked quotes together and tells of each; whom they asked for approval is asked no more.
async fn closed(
    work: &mut Work,
    quotes: Vec<Model>,
    reason: CloseReason,
    (kind, verb): (&str, &str),
    now: Moment,
) -> Result<Vec<pb::Quote>, Error> {
    let after = quote::close_all(&work.tx, quotes.clone(), reason, now).await?;
    let mut answers = Vec::with_capacity(after.len());
    for (before, after) in quotes.iter().zip(&after) {
        let answer = after.to_wire(now)?;
        work.record(change(kind, verb, Some(before), after, &answer).reason(reason.to_string()));
        answers.push(answer);
    }
    let asking = quotes.iter().filter(|quote| quote.state == State::InApproval).map(Told::name);
    approving::cancel_pending(work, asking.collect(), verb, now).await?;
    Ok(answers)
}

/// As many of these as go into one message, one in any case; and whether there are more.
fn fitting(mut quotes: Vec<pb::Quote>) -> (Vec<pb::Quote>, bool) {
    let (all, mut bytes) = (quotes.len(), 0);
    let fits = |quote: &&pb::Quote| {
        bytes += quote.encoded_len();
        bytes <= MOST_BYTES
    };
    let fit = quotes.iter().take_while(fits).count().max(1);
    quotes.truncate(fit);
    (quotes, fit < all)
}

/// Takes effect after the last change of any of these.
fn after_all(work: &mut Work, quotes: &[Model]) -> Result<(), Error> {
    match quotes.iter().map(|quote| quote.updated_at).max() {
        Some(last) => Ok(work.take_effect_after(last)?),
        None => Ok(()),
    }
}

impl Orders {
    /// Closes all quotes whose last day has passed; asks the database first, so that an idle look leaves no trace.
    pub(crate) async fn expire_all(&self) -> Result<(), Status> {
        loop {
            let today = self.now().today;
            if !quote::any_expiring(self.reader(), today).await.map_err(Refusal::from)? {
                return Ok(());
            }
            let mut request = Request::new(pb::ExpireQuotesRequest {
                request_id: Uuid::now_v7().to_string(),
                ..pb::ExpireQuotesRequest::default()
            });
            Context::internal("calendar").carry(request.metadata_mut());
            // Empty where another replica works on them.
            if self.expire_quotes(request).await?.into_inner().quotes.is_empty() {
                return Ok(());
            }
        }
    }
}

#[tonic::async_trait]
impl QuoteService for Orders {
    async fn create_quote(&self, request: Request<pb::CreateQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateQuoteRequest| async move {
                let now = self.moment(work.now);
                let mut quote = Model::of(&work.tx, ask.quote.unwrap_or_default(), now).await?;
                // A check costs no number: PostgreSQL does not take one back.
                if !ask.validate_only {
                    quote = quote::insert(&work.tx, quote).await?;
                }
                let answer = quote.to_wire(now)?;
                work.record(change("quote.created", "CreateQuote", None, &quote, &answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_quote(&self, request: Request<pb::GetQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let now = self.now();
        answer(quote::find(self.reader(), &ask.name, &sight).await.and_then(|quote| quote.to_wire(now)))
    }

    async fn list_quotes(
        &self,
        request: Request<pb::ListQuotesRequest>,
    ) -> Result<Response<pb::ListQuotesResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let now = self.now();
        let seen = quote::Entity::find().filter(seen::quotes(&sight, self.store.backend()));
        let page = list(self.reader(), seen, &quote::FIELDS, asked_list!(ask)).await;
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
                let now = self.moment(work.now);
                let updated = before.clone().update(&work.tx, written, &mask, now).await?;
                let told = ("quote.updated", "UpdateQuote", "");
                if updated.hash()? == before.hash()? {
                    let answer = saved(&mut work, told, &before, &updated.touched(now), now).await?;
                    return Ok(work.done(answer));
                }
                let answer = saved(&mut work, told, &before, &updated.unapproved(now), now).await?;
                let reason = (CancelReason::SubjectChanged, "UpdateQuote");
                approving::cancel(&mut work, before.approval_id, reason, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn request_quote_approval(
        &self,
        request: Request<pb::RequestQuoteApprovalRequest>,
    ) -> Result<Response<pb::Quote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::RequestQuoteApprovalRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let (now, verb, then) = (self.moment(work.now), "RequestQuoteApproval", after(ask.then()));
                let unasked = unasked(&before, then, now)?;
                let asking = approval::Request {
                    subject: before.name(),
                    hash: before.hash()?,
                    opportunity_id: before.opportunity_id,
                    owner: before.owner(),
                    requester: work.context.actor.clone(),
                    after: then,
                };
                let (roles, facts) = (approving::roles(ask.roles), before.facts());
                let people = (ask.manager.as_str(), roles.as_slice());
                let asked = if before.is_approved() {
                    let subject = (before.name(), before.hash()?, before.approval_id);
                    approving::check_approved(&work.tx, Subject::Quote, subject, &facts, (verb, verb), now).await?;
                    None
                } else {
                    approving::ask(&mut work, Subject::Quote, verb, (asking, &facts), people, now).await?
                };
                let answer = match asked {
                    Some(id) => {
                        let after = before.clone().ask_approval(id, now)?;
                        saved(&mut work, ("quote.approval_requested", verb, ""), &before, &after, now).await?
                    }
                    // It is so already.
                    None if unasked.is_empty() => {
                        work.about(before.name());
                        before.to_wire(now)?
                    }
                    None => walked(&mut work, verb, &before, &unasked, now).await?,
                };
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn activate_quote(&self, request: Request<pb::ActivateQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ActivateQuoteRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let after = before.clone().activate(now)?;
                let subject = (before.name(), before.hash()?, before.approval_id);
                let verbs = ("ActivateQuote", "RequestQuoteApproval");
                approving::check_approved(&work.tx, Subject::Quote, subject, &before.facts(), verbs, now).await?;
                let answer = saved(&mut work, ("quote.activated", "ActivateQuote", ""), &before, &after, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn present_quote(&self, request: Request<pb::PresentQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::PresentQuoteRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let after = before.clone().present(now)?;
                let answer = saved(&mut work, ("quote.presented", "PresentQuote", ""), &before, &after, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn revise_quote(&self, request: Request<pb::ReviseQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ReviseQuoteRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let (closed, copy) = before.clone().revise(now)?;
                let reason = CloseReason::Revised.to_string();
                saved(&mut work, ("quote.revised", "ReviseQuote", &reason), &before, &closed, now).await?;
                let copy = quote::insert(&work.tx, copy).await?;
                let answer = copy.to_wire(now)?;
                work.record(change("quote.created", "ReviseQuote", None, &copy, &answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn accept_quote(&self, request: Request<pb::AcceptQuoteRequest>) -> Result<Response<pb::Quote>, Status> {
        self.store
            .work(request, |mut work, ask: pb::AcceptQuoteRequest| async move {
                let (before, siblings) = quote::lock_with_siblings(&work.tx, &ask.name, &work.context.sight).await?;
                work.check_etag(&ask.name, &ask.etag, before.version)?;
                work.take_effect_after(before.updated_at)?;
                after_all(&mut work, &siblings)?;
                let now = self.moment(work.now);
                let id = names::ORDERS.parse_optional(&ask.order)?.unwrap_or_else(Uuid::now_v7);
                let order = order::Model::of_quote(id, &before, ask.customer_reference, now);
                let after = before.clone().accept(order.id, !REFUSE_EXPIRED.read(&work).await?, now)?;
                let Some(order) = order::insert(&work.tx, order).await? else {
                    let stands = order::live_of(&work.tx, before.opportunity_id).await?;
                    return Err(Error::OrderStands { opportunity: before.thread(), order: stands.name() });
                };
                let answer = saved(&mut work, ("quote.accepted", "AcceptQuote", ""), &before, &after, now).await?;
                let told = ("quote.closed", "AcceptQuote");
                closed(&mut work, siblings, CloseReason::Superseded, told, now).await?;
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
                let now = self.moment(work.now);
                let after = before.clone().close(reason, now)?;
                let words =
                    if ask.comment.is_empty() { reason.to_string() } else { format!("{reason}: {}", ask.comment) };
                let answer = saved(&mut work, ("quote.closed", "CloseQuote", &words), &before, &after, now).await?;
                let why = (CancelReason::SubjectClosed, "CloseQuote");
                approving::cancel(&mut work, before.approval_id, why, now).await?;
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
                quote::check_open_seen(&work.tx, &open, &work.context.sight).await?;
                after_all(&mut work, &open)?;
                let now = self.moment(work.now);
                let told = ("quote.closed", "CloseOpportunityQuotes");
                let quotes = closed(&mut work, open, reason, told, now).await?;
                let (quotes, more_quotes) = fitting(quotes);
                Ok::<_, Error>(work.done(pb::CloseOpportunityQuotesResponse { quotes, more_quotes }))
            })
            .await
    }

    async fn expire_quotes(
        &self,
        request: Request<pb::ExpireQuotesRequest>,
    ) -> Result<Response<pb::ExpireQuotesResponse>, Status> {
        self.store
            .work(request, |mut work, _: pb::ExpireQuotesRequest| async move {
                let late = quote::lock_expiring(&work.tx, self.moment(work.now).today, BATCH).await?;
                after_all(&mut work, &late)?;
                let now = self.moment(work.now);
                let told = ("quote.expired", "ExpireQuotes");
                let quotes = closed(&mut work, late, CloseReason::Expired, told, now).await?;
                let (quotes, more_quotes) = fitting(quotes);
                Ok::<_, Error>(work.done(pb::ExpireQuotesResponse { quotes, more_quotes }))
            })
            .await
    }
}
