//! Accounts: added, read, listed, changed; who may be one already.

use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Mask, Store};
use dealflow_proto::leads::v1 as pb;
use dealflow_proto::leads::v1::account_service_server::AccountService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::account;
use crate::duplicates::{Candidate, Keys};
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
                account::check_electronic_address(&account)?;
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
        let page = self.store.list(&ask, account::Entity::find(), &account::FIELDS).await?;
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
                account::check_electronic_address(&account)?;
                let account = account::save(&work.tx, account, work.now).await?;
                let answer = wire::account::answer(&account);
                work.record(Change::new("account.updated", account.name(), "UpdateAccount").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn make_customer(&self, request: Request<pb::MakeCustomerRequest>) -> Result<Response<pb::Account>, Status> {
        self.store
            .work(request, |mut work, ask: pb::MakeCustomerRequest| async move {
                let before = account::lock(&work.tx, "name", &ask.name).await?;
                work.check_etag(&ask.name, &ask.etag, before.version)?;
                if before.customer_at.is_some() {
                    return Ok(work.done(wire::account::answer(&before)));
                }
                work.take_effect_after(before.updated_at)?;
                let account = before.become_customer(&work.context.actor, work.now).unwrap_or(before);
                let account = account::save(&work.tx, account, work.now).await?;
                let answer = wire::account::answer(&account);
                work.record(Change::new("account.customer", account.name(), "MakeCustomer").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn find_duplicates(
        &self,
        request: Request<pb::FindDuplicatesRequest>,
    ) -> Result<Response<pb::FindDuplicatesResponse>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let (keys, db) = (Keys::wanted(&ask), self.store.reader());
        let accounts = keys.accounts(db).await?;
        let at: Vec<Uuid> = accounts.iter().map(|account| account.id).collect();
        let contacts = keys.contacts(db, &at).await?;
        let told = |it: Candidate| pb::DuplicateCandidate { name: it.name, reason: it.why };
        Ok(Response::new(pb::FindDuplicatesResponse {
            accounts: accounts.iter().map(|account| told(keys.account_candidate(account))).collect(),
            contacts: contacts.iter().map(|contact| told(keys.contact_candidate(contact))).collect(),
        }))
    }
}
