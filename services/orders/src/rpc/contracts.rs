//! The RPCs of contracts.

use dealflow_chassis::list::list;
use dealflow_chassis::work::{Work, check};
use dealflow_proto::convert;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::contract_service_server::ContractService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};

use super::{Orders, answer, asked_list};
use crate::contract::{self, Model};
use crate::error::Error;
use crate::record::{change, save};

/// The contract that a verb names, locked, as the caller saw it.
async fn locked(work: &mut Work, name: &str, etag: &str) -> Result<Model, Error> {
    let contract = contract::lock(&work.tx, name).await?;
    work.check_etag(name, etag, contract.version)?;
    work.take_effect_after(contract.updated_at)?;
    Ok(contract)
}

/// Writes the contract and its history.
async fn saved(
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

#[tonic::async_trait]
impl ContractService for Orders {
    async fn create_contract(
        &self,
        request: Request<pb::CreateContractRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateContractRequest| async move {
                let contract = Model::of(&work.tx, ask.contract.unwrap_or_default(), work.now).await?;
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

    async fn approve_contract(
        &self,
        request: Request<pb::ApproveContractRequest>,
    ) -> Result<Response<pb::Contract>, Status> {
        self.store
            .work(request, |mut work, ask: pb::ApproveContractRequest| async move {
                let before = locked(&mut work, &ask.name, &ask.etag).await?;
                let after = before.clone().approve(work.now)?;
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
                let after = before.clone().send(expected, work.now)?;
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
                let after = before.clone().sign(ask.signatories, on, work.now)?;
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
                let after = before.clone().cancel(work.now)?;
                let told = ("contract.canceled", "CancelContract", ask.reason.as_str());
                let answer = saved(&mut work, told, &before, &after).await?;
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }
}
