//! The RPCs of approvals and their policies.

use dealflow_chassis::list::list;
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::{Work, check};
use dealflow_chassis::{Change, Mask};
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::approval_service_server::ApprovalService;
use sea_orm::{EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};

use super::{Orders, answer, asked_list};
use crate::approval::{self, Model, Policy, State};
use crate::contract;
use crate::error::Error;
use crate::quote;
use crate::record::{Moment, Told, change, save};
use crate::seen;
use crate::wire::POLICY_UPDATABLE;

/// What an approval is about, locked before the approval.
#[expect(clippy::large_enum_variant, reason = "one at a time, on the way through one request")]
enum Subject {
    Quote(quote::Model),
    Contract(contract::Model),
}

impl Subject {
    /// What an approval of it is given for.
    async fn hash(&self, work: &Work) -> Result<String, Error> {
        match self {
            Self::Quote(quote) => quote.hash(),
            Self::Contract(contract) => super::contracts::agreed(work, contract).await.map(|(hash, _)| hash),
        }
    }

    /// The record's approval is given: it goes on as far as it was asked.
    async fn approved(self, work: &mut Work, after: approval::After, now: Moment) -> Result<(), Error> {
        match self {
            Self::Quote(quote) => super::quotes::approved(work, quote, after, now).await,
            Self::Contract(contract) => {
                let after = contract.clone().approved(now);
                super::contracts::saved(work, ("contract.approved", "Approve", ""), &contract, &after, now)
                    .await
                    .map(drop)
            }
        }
    }

    /// The record's approval is refused or taken back.
    async fn unapproved(self, work: &mut Work, told: (&str, &str), now: Moment) -> Result<(), Error> {
        let (verb, reason) = told;
        match self {
            Self::Quote(quote) => {
                let after = quote.clone().unapproved(now);
                super::quotes::saved(work, ("quote.returned", verb, reason), &quote, &after, now).await.map(drop)
            }
            Self::Contract(contract) => {
                let after = contract.clone().unapproved(now);
                super::contracts::saved(work, ("contract.returned", verb, reason), &contract, &after, now)
                    .await
                    .map(drop)
            }
        }
    }
}

impl Orders {
    /// The approval that a verb names and its record, both locked, the record first, as everywhere.
    async fn approval(&self, work: &mut Work, name: &str, etag: &str) -> Result<(Model, Subject, Moment), Error> {
        let found = approval::find(&work.tx, name, &work.context.sight).await?;
        let (subject, last) = if found.subject.starts_with("quotes/") {
            let quote = quote::lock(&work.tx, &found.subject, &Sight::All).await?;
            let last = quote.updated_at;
            (Subject::Quote(quote), last)
        } else {
            let contract = contract::lock(&work.tx, &found.subject, &Sight::All).await?;
            let last = contract.updated_at;
            (Subject::Contract(contract), last)
        };
        let approval = approval::lock(&work.tx, found.id).await?;
        work.check_etag(name, etag, approval.version)?;
        work.take_effect_after(approval.updated_at)?;
        if approval.state == State::Pending {
            work.take_effect_after(last)?;
        }
        let now = self.moment(work.now);
        Ok((approval, subject, now))
    }
}

/// Writes the approval and its history.
async fn saved(
    work: &mut Work,
    (kind, verb, reason): (&str, &str, &str),
    before: &Model,
    after: &Model,
) -> Result<pb::Approval, Error> {
    save(&work.tx, before, after).await?;
    let answer = after.to_wire()?;
    work.record(change(kind, verb, Some(before), after, &answer).reason(reason));
    Ok(answer)
}

#[tonic::async_trait]
impl ApprovalService for Orders {
    async fn create_approval_policy(
        &self,
        request: Request<pb::CreateApprovalPolicyRequest>,
    ) -> Result<Response<pb::ApprovalPolicy>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateApprovalPolicyRequest| async move {
                let policy = Policy::of(ask.approval_policy.unwrap_or_default(), work.now)?;
                approval::insert_policy(&work.tx, &policy).await?;
                let answer = policy.to_wire()?;
                work.record(
                    Change::new("approval_policy.created", policy.name(), "CreateApprovalPolicy").data(&answer),
                );
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_approval_policy(
        &self,
        request: Request<pb::GetApprovalPolicyRequest>,
    ) -> Result<Response<pb::ApprovalPolicy>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        answer(approval::find_policy(self.reader(), &ask.name).await.and_then(|policy| policy.to_wire()))
    }

    async fn list_approval_policies(
        &self,
        request: Request<pb::ListApprovalPoliciesRequest>,
    ) -> Result<Response<pb::ListApprovalPoliciesResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let base = approval::PolicyEntity::find();
        let page = list(self.reader(), base, &approval::POLICY_FIELDS, asked_list!(ask)).await;
        let page = page.map_err(dealflow_chassis::Refusal::from)?;
        let policies = page.items.iter().map(Policy::to_wire).collect::<Result<_, _>>();
        answer(policies.map(|approval_policies| pb::ListApprovalPoliciesResponse {
            approval_policies,
            next_page_token: page.next_page_token,
        }))
    }

    async fn update_approval_policy(
        &self,
        request: Request<pb::UpdateApprovalPolicyRequest>,
    ) -> Result<Response<pb::ApprovalPolicy>, Status> {
        self.store
            .work(request, |mut work, ask: pb::UpdateApprovalPolicyRequest| async move {
                let mask = Mask::of(ask.update_mask, POLICY_UPDATABLE)?;
                let written = ask.approval_policy.unwrap_or_default();
                let before = approval::lock_policy(&work.tx, &written.name).await?;
                work.check_etag(&written.name, &ask.etag, before.version)?;
                work.take_effect_after(before.updated_at)?;
                let after = before.clone().update(written, &mask, work.now)?;
                save(&work.tx, &before, &after).await?;
                let answer = after.to_wire()?;
                work.record(Change::new("approval_policy.updated", after.name(), "UpdateApprovalPolicy").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_approval(&self, request: Request<pb::GetApprovalRequest>) -> Result<Response<pb::Approval>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        answer(approval::find(self.reader(), &ask.name, &sight).await.and_then(|approval| approval.to_wire()))
    }

    async fn list_approvals(
        &self,
        request: Request<pb::ListApprovalsRequest>,
    ) -> Result<Response<pb::ListApprovalsResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let seen = approval::Entity::find().filter(seen::approvals(&sight, self.store.backend()));
        let page = list(self.reader(), seen, &approval::FIELDS, asked_list!(ask)).await;
        let page = page.map_err(dealflow_chassis::Refusal::from)?;
        let approvals = page.items.iter().map(Model::to_wire).collect::<Result<_, _>>();
        answer(
            approvals.map(|approvals| pb::ListApprovalsResponse { approvals, next_page_token: page.next_page_token }),
        )
    }

    async fn approve(&self, request: Request<pb::ApproveRequest>) -> Result<Response<pb::Approval>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ApproveRequest| async move {
                let (before, subject, now) = self.approval(&mut work, &ask.name, &ask.etag).await?;
                let actor = work.context.actor.clone();
                let after = before.clone().approve(&actor, &ask.comment, now)?;
                if subject.hash(&work).await? != before.subject_hash {
                    return Err(Error::ChangedSince { subject: before.subject.clone(), approval: before.name() });
                }
                let done = after.state == State::Approved;
                let kind = if done { "approval.approved" } else { "approval.step_approved" };
                let answer = saved(&mut work, (kind, "Approve", &ask.comment), &before, &after).await?;
                if done {
                    subject.approved(&mut work, after.after_approval, now).await?;
                }
                Ok(work.done(answer))
            })
            .await
    }

    async fn reject(&self, request: Request<pb::RejectRequest>) -> Result<Response<pb::Approval>, Status> {
        self.store
            .work(request, |mut work, ask: pb::RejectRequest| async move {
                let (before, subject, now) = self.approval(&mut work, &ask.name, &ask.etag).await?;
                let actor = work.context.actor.clone();
                let after = before.clone().reject(&actor, &ask.comment, now)?;
                let told = ("approval.rejected", "Reject", ask.comment.as_str());
                let answer = saved(&mut work, told, &before, &after).await?;
                subject.unapproved(&mut work, ("Reject", &ask.comment), now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn forward_approval(
        &self,
        request: Request<pb::ForwardApprovalRequest>,
    ) -> Result<Response<pb::Approval>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ForwardApprovalRequest| async move {
                let (before, _subject, now) = self.approval(&mut work, &ask.name, &ask.etag).await?;
                let actor = work.context.actor.clone();
                let after = before.clone().forward(&actor, &ask.approver, &ask.comment, now)?;
                let told = ("approval.forwarded", "ForwardApproval", ask.comment.as_str());
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn withdraw_approval(
        &self,
        request: Request<pb::WithdrawApprovalRequest>,
    ) -> Result<Response<pb::Approval>, Status> {
        self.store
            .work(request, |mut work, ask: pb::WithdrawApprovalRequest| async move {
                let (before, subject, now) = self.approval(&mut work, &ask.name, &ask.etag).await?;
                let actor = work.context.actor.clone();
                let after = before.clone().withdraw(&actor, now)?;
                let told = ("approval.canceled", "WithdrawApproval", ask.comment.as_str());
                let answer = saved(&mut work, told, &before, &after).await?;
                subject.unapproved(&mut work, ("WithdrawApproval", &ask.comment), now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }
}
