//! What the verbs of an opportunity share: the steps before the rule and after it, and how their words are read.

use std::sync::Arc;

use dealflow_chassis::{Change, Context, Done, Mask, Refusal, Work};
use dealflow_proto::names::{Collection, LOSE_REASONS, OPPORTUNITIES, STAGES};
use dealflow_proto::opportunities::v1 as pb;
use dealflow_proto::{Mutation, Validate};
use prost::{Message, Name};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Opportunities;
use crate::AUTO_ADVANCE;
use crate::error::Error;
use crate::library::{Language, Process};
use crate::opportunity::{self, Reason, attempt, tactics};
use crate::sale::{Moment, Sale};
use crate::wire;

impl Opportunities {
    /// Runs a mutating request. What a closed opportunity refuses is kept in the audit before the refusal is told.
    pub(super) async fn work<'a, Q, A, F, Fut>(&'a self, request: Request<Q>, act: F) -> Result<Response<A>, Status>
    where
        Q: Message + Name + Validate + Mutation + 'a,
        A: Message + Default,
        F: FnOnce(Work, Q) -> Fut + Send + 'a,
        Fut: Future<Output = Result<Done<A>, Error>> + Send + 'a,
    {
        let context = Context::of(request.metadata());
        let id = request.get_ref().request_id().parse().unwrap_or_default();
        let tried = !request.get_ref().validate_only();
        let refused = match self.store.work(request, act).await {
            Err(refused) if tried => refused,
            ended => return ended,
        };
        let attempts = attempt::of(&refused, &context?, id, self.store.clock().now());
        if !attempts.is_empty() {
            attempt::keep(&self.store, attempts).await.map_err(Refusal::from)?;
        }
        Err(refused)
    }

    /// Lays what is given over a sale that is locked, and writes it.
    pub(super) async fn take_over(
        &self,
        work: &Work,
        sale: &mut Sale,
        given: pb::Opportunity,
        mask: &Mask,
    ) -> Result<(), Error> {
        let (before, owner_before) = (sale.opportunity.tactics.clone(), sale.opportunity.owner);
        let mut whole = wire::facts(&sale.opportunity);
        wire::overlay(&mut whole, given, mask);
        wire::read(&whole, &mut sale.opportunity, self.moment(work).today)?;
        sale.opportunity.check_unique(&work.tx).await?;
        sale.updated(owner_before);
        sale.save_opportunity(&work.tx, work.now).await?;
        Ok(tactics::keep(work, &sale.opportunity, &before).await?)
    }

    pub(super) async fn lock(&self, work: &Work, name: &str, etag: &str) -> Result<Sale, Error> {
        let id = id("name", OPPORTUNITIES, name)?;
        let sale = Sale::lock(&work.tx, &self.library, id, &work.context.sight).await?;
        work.check_etag(name, etag, sale.opportunity.version)?;
        Ok(sale)
    }

    /// When a verb takes effect that gives no activity a result.
    pub(super) fn moment(&self, work: &Work) -> Moment {
        Moment { now: work.now, today: self.store.clock().now().date_naive(), auto_advance: false }
    }

    /// As [`Self::moment`], for a verb by which a stage may be done.
    pub(super) async fn moment_of_result(&self, work: &Work) -> Result<Moment, Error> {
        Ok(Moment { auto_advance: AUTO_ADVANCE.read(work).await?, ..self.moment(work) })
    }

    /// The latest version of the process that is meant; none where none is.
    pub(super) async fn process_to_start(&self, work: &Work, name: &str) -> Result<Option<Arc<Process>>, Error> {
        if name.is_empty() {
            return Ok(None);
        }
        self.library.named(&work.tx, name).await.map(Some)
    }

    pub(super) async fn know(&self, work: &Work, stage: Option<&str>) -> Result<(), Error> {
        match stage {
            Some(stage) => Ok(self.library.know(&work.tx, stage).await?),
            None => Ok(()),
        }
    }
}

/// Writes the opportunity, unless nothing was done to it: then its version stays.
pub(super) async fn save_if_changed(sale: &mut Sale, work: &Work) -> Result<(), Error> {
    if sale.steps.is_empty() {
        return Ok(());
    }
    sale.save_opportunity(&work.tx, work.now).await
}

/// Ends the work with a sale as it is now.
pub(super) fn answer(mut work: Work, sale: Sale, verb: &str) -> Done<pb::Opportunity> {
    let opportunity = record(&mut work, &sale, verb);
    work.done(opportunity)
}

/// Records the steps of a sale, each with the record as it is now.
pub(super) fn record(work: &mut Work, sale: &Sale, verb: &str) -> pb::Opportunity {
    let opportunity = wire::sale(sale);
    for step in &sale.steps {
        let mut change = Change::new(step.kind, &opportunity.name, verb)
            .states(&step.from, &step.to)
            .reason(&step.reason)
            .thread(&opportunity.name)
            .data(&opportunity);
        if let Some(since) = step.since {
            change = change.since(since);
        }
        work.record(change);
    }
    opportunity
}

/// The reason of a loss: a built-in one, or the user's own that is named.
pub(super) async fn lose_reason(work: &Work, ask: &pb::LoseOpportunityRequest) -> Result<Reason, Error> {
    if ask.reason() != pb::opportunity::LoseReason::Own {
        if !ask.reason_code.is_empty() {
            return Err(Error::field("reason_code", "is given only where the reason is OWN"));
        }
        let reason = wire::lose_reason(ask.reason()).map(Reason::BuiltIn);
        return reason.ok_or_else(|| Error::field("reason", "is required"));
    }
    let code = LOSE_REASONS.parse_slug(&ask.reason_code);
    let code = code.map_err(|error| Error::field("reason_code", error.to_string()))?;
    match opportunity::lose_reason::built_in(code) {
        Some(reason) => Ok(Reason::BuiltIn(reason)),
        None => Reason::own(&work.tx, code).await,
    }
}

pub(super) fn language(code: &str) -> Result<Language, Error> {
    Language::of(code).ok_or_else(|| Error::field("language_code", "must be `en` or `ru`"))
}

pub(super) fn id(field: &str, collection: Collection, name: &str) -> Result<Uuid, Error> {
    collection.parse(name).map_err(|error| Error::field(field, error.to_string()))
}

pub(super) fn stage_slug<'a>(field: &str, name: &'a str) -> Result<Option<&'a str>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    STAGES.parse_slug(name).map(Some).map_err(|error| Error::field(field, error.to_string()))
}
