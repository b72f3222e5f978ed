//! Accounts: added, read, listed, changed.

use dealflow_chassis::list::{self, ListRequest};
use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Mask, Store};
use dealflow_proto::leads::v1 as pb;
use dealflow_proto::leads::v1::account_service_server::AccountService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::account;
use crate::error::Error;
use crate::wire;

/// The service of accounts.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
}

impl Accounts {
    /// The service over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl AccountService for Accounts {
    async fn create_account(
        &self,
        request: Request<pb::CreateAccountRequest>,
    ) -> Result<Response<pb::Account>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateAccountRequest| async move {
                let blank = account::Model::new(Uuid::now_v7(), String::new(), work.now);
                let account = wire::account::take_over(
                    blank,
                    ask.account.unwrap_or_default(),
                    &wire::everything(wire::account::KNOWN)?,
                )?;
                account::check_external_id(&work.tx, &account).await?;
                account::check_parent(&work.tx, &account).await?;
                let account = account::insert(&work.tx, account).await?;
                let answer = wire::account::answer(&account);
                work.record(Change::new("account.created", account.name(), "CreateAccount").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_account(&self, request: Request<pb::GetAccountRequest>) -> Result<Response<pb::Account>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let account = account::get(self.store.reader(), &ask.name).await?;
        Ok(Response::new(wire::account::answer(&account)))
    }

    async fn list_accounts(
        &self,
        request: Request<pb::ListAccountsRequest>,
    ) -> Result<Response<pb::ListAccountsResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let wanted = ListRequest {
            page_size: ask.page_size,
            page_token: &ask.page_token,
            filter: &ask.filter,
            order_by: &ask.order_by,
        };
        let page = list::list(self.store.reader(), account::Entity::find(), &account::FIELDS, wanted)
            .await
            .map_err(Error::from)?;
        let accounts = page.items.iter().map(wire::account::answer).collect();
        Ok(Response::new(pb::ListAccountsResponse { accounts, next_page_token: page.next_page_token }))
    }

    async fn update_account(
        &self,
        request: Request<pb::UpdateAccountRequest>,
    ) -> Result<Response<pb::Account>, Status> {
        self.store
            .work(request, |mut work, ask: pb::UpdateAccountRequest| async move {
                let news = ask.account.unwrap_or_default();
                let mask = Mask::of(ask.update_mask, wire::account::KNOWN)?;
                let before = account::lock(&work.tx, "account.name", &news.name).await?;
                work.check_etag(&news.name, &ask.etag, before.version)?;
                work.take_effect_after(before.updated_at)?;
                let account = wire::account::take_over(before.clone(), news, &mask)?;
                if account == before {
                    return Ok(work.done(wire::account::answer(&before)));
                }
                account::check_external_id(&work.tx, &account).await?;
                account::check_parent(&work.tx, &account).await?;
                let account = account::save(&work.tx, account, work.now).await?;
                let answer = wire::account::answer(&account);
                work.record(Change::new("account.updated", account.name(), "UpdateAccount").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }
}
