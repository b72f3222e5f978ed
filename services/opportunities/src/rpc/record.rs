//! More verbs of an opportunity: several at once, hold and resume, the sale after a closed one.

use std::collections::BTreeSet;

use dealflow_chassis::{Done, Mask, Refusal, Work};
use dealflow_proto::names::OPPORTUNITIES;
use dealflow_proto::opportunities::v1 as pb;
use tonic::{Request, Response, Status};

use super::Opportunities;
use super::steps::{answer, id, language, record, stage_slug};
use crate::error::Error;
use crate::opportunity::{State, Verb, attempt, tactics};
use crate::sale::{FollowUp, Sale};
use crate::wire::{self, day};

/// Stands for every opportunity that a batch names.
const EACH: &str = "opportunities/-";

impl Opportunities {
    /// The same values for several: locked in the order of their ids, so that two batches do not wait for each other.
    pub(super) async fn batch_update(
        &self,
        request: Request<pb::BatchUpdateOpportunitiesRequest>,
    ) -> Result<Response<pb::BatchUpdateOpportunitiesResponse>, Status> {
        let act = |work: Work, ask: pb::BatchUpdateOpportunitiesRequest| async move {
            let given = ask.opportunity.unwrap_or_default();
            if given.name != EACH {
                return Err(Error::field("opportunity.name", format!("must be `{EACH}`: which ones, say `names`")));
            }
            if ask.update_mask.as_ref().is_none_or(|mask| mask.paths.is_empty()) {
                return Err(Error::field("update_mask", "must name the fields: the same values are given to all"));
            }
            let mask = Mask::of(ask.update_mask, wire::KNOWN)?;
            self.update_each(work, &ask.names, &given, &mask).await
        };
        self.work(request, act).await
    }

    async fn update_each(
        &self,
        mut work: Work,
        names: &[String],
        given: &pb::Opportunity,
        mask: &Mask,
    ) -> Result<Done<pb::BatchUpdateOpportunitiesResponse>, Error> {
        let mut ids = BTreeSet::new();
        for (index, name) in names.iter().enumerate() {
            let field = format!("names[{index}]");
            if !ids.insert(id(&field, OPPORTUNITIES, name)?) {
                return Err(Error::field(&field, "stands there twice"));
            }
        }
        let mut sales = Vec::with_capacity(ids.len());
        for id in ids {
            sales.push(Sale::lock(&work.tx, &self.library, id, &work.context.sight).await?);
        }
        refuse_closed(&sales)?;
        let mut opportunities = Vec::with_capacity(sales.len());
        for mut sale in sales {
            work.take_effect_after(sale.opportunity.updated_at)?;
            self.take_over(&work, &mut sale, given.clone(), mask).await?;
            opportunities.push(record(&mut work, &sale, "BatchUpdateOpportunities"));
        }
        opportunities.sort_by_key(|it| names.iter().position(|name| *name == it.name));
        Ok(work.done(pb::BatchUpdateOpportunitiesResponse { opportunities }))
    }

    /// The sale has to wait.
    pub(super) async fn hold(
        &self,
        request: Request<pb::HoldOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::HoldOpportunityRequest| async move {
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            sale.accept(Verb::HoldOpportunity)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            let until = day("until_date", ask.until_date.as_ref())?;
            sale.hold(&ask.reason, until, self.moment(&work))?;
            sale.save_opportunity(&work.tx, work.now).await?;
            Ok::<_, Error>(answer(work, sale, "HoldOpportunity"))
        };
        self.work(request, act).await
    }

    /// The sale goes on.
    pub(super) async fn resume(
        &self,
        request: Request<pb::ResumeOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::ResumeOpportunityRequest| async move {
            let mut sale = self.lock(&work, &ask.name, &ask.etag).await?;
            sale.accept(Verb::ResumeOpportunity)?;
            work.take_effect_after(sale.opportunity.updated_at)?;
            sale.resume(&ask.reason)?;
            sale.save_opportunity(&work.tx, work.now).await?;
            Ok::<_, Error>(answer(work, sale, "ResumeOpportunity"))
        };
        self.work(request, act).await
    }

    /// The sale after a closed one, which is read and stays as it is.
    pub(super) async fn follow_up(
        &self,
        request: Request<pb::CreateFollowUpOpportunityRequest>,
    ) -> Result<Response<pb::Opportunity>, Status> {
        let act = |mut work: Work, ask: pb::CreateFollowUpOpportunityRequest| async move {
            let language = language(&ask.language_code)?;
            let process = self.process_to_start(&work, &ask.process).await?.map(|process| (process, language));
            let stage = stage_slug("initial_stage", &ask.initial_stage)?;
            self.know(&work, stage).await?;
            let closed = id("name", OPPORTUNITIES, &ask.name)?;
            let closed = Sale::find(&work.tx, &self.library, closed, &work.context.sight).await?;
            work.take_effect_after(closed.opportunity.updated_at)?;
            let wish = FollowUp {
                title: ask.title,
                team: ask.copy_team,
                lines: ask.copy_lines,
                estimated_close_date: day("estimated_close_date", ask.estimated_close_date.as_ref())?,
            };
            let opportunity = closed.follow_up(wish, work.now)?;
            let sale = Sale::open(opportunity, process, stage, self.library.stages(), work.now)?;
            sale.insert(&work.tx).await?;
            tactics::keep(&work, &sale.opportunity, "").await?;
            Ok::<_, Error>(answer(work, sale, "CreateFollowUpOpportunity"))
        };
        self.work(request, act).await
    }
}

/// Refuses a batch for all the closed ones in it at once.
fn refuse_closed(sales: &[Sale]) -> Result<(), Error> {
    let closed: Vec<&Sale> = sales.iter().filter(|sale| sale.opportunity.state != State::Open).collect();
    let Some(first) = closed.first() else { return Ok(()) };
    let names: Vec<String> = closed.iter().map(|sale| sale.opportunity.name()).collect();
    let accepted = first.accept(Verb::UpdateOpportunity).map(drop);
    Ok(accepted.map_err(|error| Refusal::from(error).with(attempt::CLOSED, names.join(",")))?)
}
