//! The RPCs of contracts.

use dealflow_chassis::list::list;
use dealflow_chassis::security::Sight;
use dealflow_chassis::work::{Work, check};
use dealflow_chassis::{Context, Mask, Refusal};
use dealflow_proto::google::type_::Date;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::contract_service_server::ContractService;
use dealflow_proto::{convert, names};
use sea_orm::{EntityTrait, QueryFilter};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Orders, answer, approving, asked_list};
use crate::approval::{self, CancelReason, Facts};
use crate::contract::{self, Model};
use crate::document::hash;
use crate::error::Error;
use crate::quote;
use crate::record::{Moment, Told, change, save};
use crate::seen;
use crate::wire::{CONTRACT_UPDATABLE, receipt};

/// How many contracts expire in one transaction.
const BATCH: u64 = 100;

/// The contract that a verb names, locked, as the caller saw it.
async fn locked(work: &mut Work, name: &str, etag: &str) -> Result<Model, Error> {
    let contract = contract::lock(&work.tx, name, &work.context.sight).await?;
    work.check_etag(name, etag, contract.version)?;
    work.take_effect_after(contract.updated_at)?;
    Ok(contract)
}

/// Writes the contract and its history.
pub(super) async fn saved(
    work: &mut Work,
    (kind, verb, reason): (&str, &str, &str),
    before: &Model,
    after: &Model,
    now: Moment,
) -> Result<pb::Contract, Error> {
    save(&work.tx, before, after).await?;
    let answer = after.to_wire(now);
    work.record(change(kind, verb, Some(before), after, &answer).reason(reason));
    Ok(answer)
}

/// A day whose form was checked.
fn day(given: Option<&Date>) -> Option<chrono::NaiveDate> {
    given.and_then(|day| convert::date_of(day).ok())
}

/// What an approval is given for, and what policies look at: the contract, and what the quote offers that it puts into
/// words; without one nobody knows what it is worth. A quote that changes afterwards was not agreed to (R-QUO-2, R-CON-1).
pub(super) async fn agreed(work: &Work, contract: &Model) -> Result<(String, Facts), Error> {
    let Some(id) = contract.quote_id else { return Ok((contract.hash()?, Facts::unknown())) };
    let quote = quote::find(&work.tx, &names::QUOTES.name(id), &Sight::All).await?;
    Ok((hash(&(contract.hash()?, quote.hash()?))?, quote.facts()))
}

/// Refuses to send a contract whose quote may not go out itself, for it puts that into words (R-QUO-2, R-CON-1): a policy
/// asks about the quote, and nobody agreed to it. One that is ACTIVE, PRESENTED or ACCEPTED went out already.
async fn check_quote_approved(work: &Work, contract: &Model, verb: &'static str, now: Moment) -> Result<(), Error> {
    let Some(id) = contract.quote_id else { return Ok(()) };
    let quote = quote::find(&work.tx, &names::QUOTES.name(id), &Sight::All).await?;
    if matches!(quote.state, quote::State::Active | quote::State::Presented | quote::State::Accepted) {
        return Ok(());
    }
    let subject = (quote.name(), quote.hash()?, quote.approval_id);
    let verbs = (verb, "RequestQuoteApproval");
    approving::check_approved(&work.tx, approval::Subject::Quote, subject, &quote.facts(), verbs, now).await
}

/// Refuses a verb where a policy asks and this very contract was not approved (R-QUO-2).
async fn check_approved(work: &Work, contract: &Model, verb: &'static str, now: Moment) -> Result<(), Error> {
    let (hash, facts) = agreed(work, contract).await?;
    let subject = (contract.name(), hash, contract.approval_id);
    let verbs = (verb, "RequestContractApproval");
    approving::check_approved(&work.tx, approval::Subject::Contract, subject, &facts, verbs, now).await
}

impl Orders {
    /// Ends all contracts whose last day has passed; asks the database first, so that an idle look leaves no trace.
    pub(crate) async fn expire_all_contracts(&self) -> Result<(), Status> {
        while contract::any_expiring(self.reader(), self.now().today).await.map_err(Refusal::from)? {
            let request_id = Uuid::now_v7().to_string();
            let mut request = Request::new(pb::ExpireContractsRequest { request_id, ..Default::default() });
            Context::internal("calendar").carry(request.metadata_mut());
            // Empty where another replica works on them.
            if self.expire_contracts(request).await?.into_inner().contracts.is_empty() {
                break;
            }
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl ContractService for Orders {
    async fn create_contract(
        &self,
        request: Request<pb::CreateContractRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateContractRequest| async move {
                let now = self.moment(work.now);
                let contract = Model::of(&work.tx, ask.contract.unwrap_or_default(), &work.context.sight, now).await?;
                let contract = contract::insert(&work.tx, contract).await?;
                let answer = contract.to_wire(now);
                work.record(change("contract.created", "CreateContract", None, &contract, &answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_contract(&self, request: Request<pb::GetContractRequest>) -> Result<Response<pb::Contract>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let now = self.now();
        answer(contract::find(self.reader(), &ask.name, &sight).await.map(|contract| contract.to_wire(now)))
    }

    async fn list_contracts(
        &self,
        request: Request<pb::ListContractsRequest>,
    ) -> Result<Response<pb::ListContractsResponse>, Status> {
        let sight = Sight::of(request.metadata())?;
        let ask = request.into_inner();
        check(&ask)?;
        let now = self.now();
        let seen = contract::Entity::find().filter(seen::contracts(&sight, self.store.backend()));
        let page = list(self.reader(), seen, &contract::FIELDS, asked_list!(ask)).await;
        answer(page.map(|page| pb::ListContractsResponse {
            contracts: page.items.iter().map(|contract| contract.to_wire(now)).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn update_contract(
        &self,
        request: Request<pb::UpdateContractRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::UpdateContractRequest| async move {
                let mask = Mask::of(ask.update_mask, CONTRACT_UPDATABLE)?;
                let written = ask.contract.unwrap_or_default();
                let before = locked(&mut work, &written.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let updated = before.clone().update(written, &mask)?;
                let told = ("contract.updated", "UpdateContract", "");
                if updated.hash()? == before.hash()? {
                    let answer = saved(&mut work, told, &before, &updated.touched(now), now).await?;
                    return Ok(work.done(answer));
                }
                let answer = saved(&mut work, told, &before, &updated.unapproved(now), now).await?;
                let reason = (CancelReason::SubjectChanged, "UpdateContract");
                approving::cancel(&mut work, before.approval_id, reason, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn request_contract_approval(
        &self,
        request: Request<pb::RequestContractApprovalRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::RequestContractApprovalRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let (now, verb) = (self.moment(work.now), "RequestContractApproval");
                let unasked = before.clone().approve_unasked(now)?;
                let (hash, facts) = agreed(&work, &before).await?;
                let stands = approving::stands(&work.tx, before.approval_id, &hash).await?;
                let asking = approval::Request {
                    subject: before.name(),
                    hash,
                    opportunity_id: before.opportunity_id,
                    owner: before.owner(),
                    requester: work.context.actor.clone(),
                    after: approval::After::Nothing,
                };
                let roles = approving::roles(ask.roles);
                let people = (ask.manager.as_str(), roles.as_slice());
                let kind = approval::Subject::Contract;
                let asked = if before.is_approved() && stands {
                    None
                } else {
                    approving::ask(&mut work, kind, verb, (asking, &facts), people, now).await?
                };
                let answer = match asked {
                    Some(id) => {
                        let after = before.clone().ask_approval(id, now)?;
                        // Of another content, if there is one: its quote has changed since.
                        approving::cancel(&mut work, before.approval_id, (CancelReason::SubjectChanged, verb), now)
                            .await?;
                        saved(&mut work, ("contract.approval_requested", verb, ""), &before, &after, now).await?
                    }
                    // It is so already.
                    None if before.state == unasked.state => {
                        work.about(before.name());
                        before.to_wire(now)
                    }
                    None => saved(&mut work, ("contract.approved", verb, ""), &before, &unasked, now).await?,
                };
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn approve_contract(
        &self,
        request: Request<pb::ApproveContractRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ApproveContractRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let after = before.clone().approve(now)?;
                check_approved(&work, &before, "ApproveContract", now).await?;
                let told = ("contract.approved", "ApproveContract", "");
                let answer = saved(&mut work, told, &before, &after, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn send_contract(&self, request: Request<pb::SendContractRequest>) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::SendContractRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let after = before.clone().send(day(ask.comments_expected_date.as_ref()), now)?;
                check_approved(&work, &before, "SendContract", now).await?;
                check_quote_approved(&work, &before, "SendContract", now).await?;
                let told = ("contract.sent", "SendContract", "");
                let answer = saved(&mut work, told, &before, &after, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn record_contract_receipt(
        &self,
        request: Request<pb::RecordContractReceiptRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::RecordContractReceiptRequest| async move {
                let receipt = receipt(ask.receipt())?;
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let after = before.clone().received(receipt, day(ask.comments_expected_date.as_ref()), now)?;
                let told = ("contract.receipt_recorded", "RecordContractReceipt", "");
                let answer = saved(&mut work, told, &before, &after, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn record_contract_comments(
        &self,
        request: Request<pb::RecordContractCommentsRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::RecordContractCommentsRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let expected = day(ask.comments_expected_date.as_ref());
                let after = before.clone().commented(ask.comments, ask.new_terms, expected, now)?;
                let told = ("contract.commented", "RecordContractComments", after.comments.as_str());
                let answer = saved(&mut work, told, &before, &after, now).await?;
                if after.terms_version != before.terms_version {
                    let reason = (CancelReason::SubjectChanged, "RecordContractComments");
                    approving::cancel(&mut work, before.approval_id, reason, now).await?;
                }
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn sign_contract(&self, request: Request<pb::SignContractRequest>) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::SignContractRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let after = before.clone().sign(ask.signatories, day(ask.signed_date.as_ref()), now)?;
                let told = ("contract.signed", "SignContract", "");
                let answer = saved(&mut work, told, &before, &after, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn activate_contract(
        &self,
        request: Request<pb::ActivateContractRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ActivateContractRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let after = before.clone().activate(now)?;
                let told = ("contract.activated", "ActivateContract", "");
                let answer = saved(&mut work, told, &before, &after, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn terminate_contract(
        &self,
        request: Request<pb::TerminateContractRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::TerminateContractRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let after = before.clone().terminate(day(ask.terminated_date.as_ref()), now)?;
                let told = ("contract.terminated", "TerminateContract", ask.reason.as_str());
                let answer = saved(&mut work, told, &before, &after, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn amend_contract(
        &self,
        request: Request<pb::AmendContractRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::AmendContractRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let amendment = contract::insert(&work.tx, before.amendment(ask.new_terms, now)?).await?;
                let answer = amendment.to_wire(now);
                work.record(change("contract.created", "AmendContract", None, &amendment, &answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn cancel_contract(
        &self,
        request: Request<pb::CancelContractRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CancelContractRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let after = before.clone().cancel(now)?;
                let told = ("contract.canceled", "CancelContract", ask.reason.as_str());
                let answer = saved(&mut work, told, &before, &after, now).await?;
                let reason = (CancelReason::SubjectClosed, "CancelContract");
                approving::cancel(&mut work, before.approval_id, reason, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn expire_contracts(
        &self,
        request: Request<pb::ExpireContractsRequest>,
    ) -> Result<Response<pb::ExpireContractsResponse>, Status> {
        self.store
            .work(request, |mut work, _: pb::ExpireContractsRequest| async move {
                let late = contract::lock_expiring(&work.tx, self.moment(work.now).today, BATCH).await?;
                if let Some(last) = late.iter().map(|contract| contract.updated_at).max() {
                    work.take_effect_after(last)?;
                }
                let now = self.moment(work.now);
                let mut contracts = Vec::with_capacity(late.len());
                for (before, after) in late.iter().zip(contract::expire_all(&work.tx, &late, now).await?) {
                    let answer = after.to_wire(now);
                    work.record(change("contract.expired", "ExpireContracts", Some(before), &after, &answer));
                    contracts.push(answer);
                }
                Ok::<_, Error>(work.done(pb::ExpireContractsResponse { contracts }))
            })
            .await
    }
}
