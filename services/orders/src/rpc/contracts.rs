//! The RPCs of contracts.

use dealflow_chassis::list::list;
use dealflow_chassis::work::{Work, check};
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::contract_service_server::ContractService;
use dealflow_proto::{convert, names};
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};

use super::{Orders, answer, approving, asked_list};
use crate::approval::{self, CancelReason, Facts};
use crate::contract::{self, Model};
use crate::error::Error;
use crate::quote;
use crate::record::{Told, change, save};

/// The contract that a verb names, locked, as the caller saw it.
async fn locked(work: &mut Work, name: &str, etag: &str) -> Result<Model, Error> {
    let contract = contract::lock(&work.tx, name).await?;
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
) -> Result<pb::Contract, Error> {
    save(&work.tx, before, after).await?;
    let answer = after.to_wire();
    work.record(change(kind, verb, Some(before), after, &answer).reason(reason));
    Ok(answer)
}

/// What policies look at: the quote that the contract puts into words; without one nobody knows what it is worth.
async fn facts(work: &Work, contract: &Model) -> Result<Facts, Error> {
    match contract.quote_id {
        Some(id) => Ok(quote::find(&work.tx, &names::QUOTES.name(id)).await?.facts()),
        None => Ok(Facts::unknown()),
    }
}

/// Refuses a verb where a policy asks and this very contract was not approved (R-QUO-2).
async fn check_approved(work: &Work, contract: &Model, verb: &'static str) -> Result<(), Error> {
    let facts = facts(work, contract).await?;
    let subject = (contract.name(), contract.hash()?, contract.approval_id);
    let verbs = (verb, "RequestContractApproval");
    approving::check_approved(&work.tx, approval::Subject::Contract, subject, &facts, verbs).await
}

#[tonic::async_trait]
impl ContractService for Orders {
    async fn create_contract(
        &self,
        request: Request<pb::CreateContractRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateContractRequest| async move {
                let contract = Model::of(&work.tx, ask.contract.unwrap_or_default(), self.moment(work.now)).await?;
                let contract = contract::insert(&work.tx, contract).await?;
                let answer = contract.to_wire();
                work.record(change("contract.created", "CreateContract", None, &contract, &answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_contract(&self, request: Request<pb::GetContractRequest>) -> Result<Response<pb::Contract>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        answer(contract::find(self.reader(), &ask.name).await.map(|contract| contract.to_wire()))
    }

    async fn list_contracts(
        &self,
        request: Request<pb::ListContractsRequest>,
    ) -> Result<Response<pb::ListContractsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let page = list(self.reader(), contract::Entity::find(), &contract::FIELDS, asked_list!(ask)).await;
        answer(page.map(|page| pb::ListContractsResponse {
            contracts: page.items.iter().map(Model::to_wire).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn request_contract_approval(
        &self,
        request: Request<pb::RequestContractApprovalRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::RequestContractApprovalRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let now = self.moment(work.now);
                let after = before.clone().approve_unasked(now)?;
                let facts = facts(&work, &before).await?;
                let asking = approval::Request {
                    subject: before.name(),
                    hash: before.hash()?,
                    opportunity_id: before.opportunity_id,
                    owner: before.owner(),
                    requester: work.context.actor.clone(),
                    after: approval::After::Nothing,
                };
                let verb = "RequestContractApproval";
                let (roles, manager) = (approving::roles(ask.roles), ask.manager);
                let people = (manager.as_str(), roles.as_slice());
                let kind = approval::Subject::Contract;
                let answer = match approving::ask(&mut work, kind, verb, (asking, &facts), people, now).await? {
                    Some(id) => {
                        let after = before.clone().ask_approval(id, now)?;
                        saved(&mut work, ("contract.approval_requested", verb, ""), &before, &after).await?
                    }
                    None => saved(&mut work, ("contract.approved", verb, ""), &before, &after).await?,
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
                let after = before.clone().approve(self.moment(work.now))?;
                check_approved(&work, &before, "ApproveContract").await?;
                let told = ("contract.approved", "ApproveContract", "");
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn send_contract(&self, request: Request<pb::SendContractRequest>) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::SendContractRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let expected = ask.comments_expected_date.as_ref().and_then(|day| convert::date_of(day).ok());
                check_approved(&work, &before, "SendContract").await?;
                let after = before.clone().send(expected, self.moment(work.now))?;
                let told = ("contract.sent", "SendContract", "");
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn sign_contract(&self, request: Request<pb::SignContractRequest>) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::SignContractRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let on = ask.signed_date.as_ref().and_then(|day| convert::date_of(day).ok());
                let after = before.clone().sign(ask.signatories, on, self.moment(work.now))?;
                let told = ("contract.signed", "SignContract", "");
                let answer = saved(&mut work, told, &before, &after).await?;
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
                let answer = saved(&mut work, told, &before, &after).await?;
                let reason = (CancelReason::SubjectClosed, "CancelContract");
                approving::cancel(&mut work, before.approval_id, reason, now).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }
}
