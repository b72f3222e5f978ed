//! Contacts: added, read, listed, changed.

use dealflow_chassis::work::check;
use dealflow_chassis::{Change, Mask, Store};
use dealflow_proto::leads::v1 as pb;
use dealflow_proto::leads::v1::contact_service_server::ContactService;
use sea_orm::EntityTrait;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::contact;
use crate::error::Error;
use crate::wire;

/// The service of contacts.
#[derive(Clone)]
pub struct Contacts {
    store: Store,
}

impl Contacts {
    /// The service over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl ContactService for Contacts {
    async fn create_contact(
        &self,
        request: Request<pb::CreateContactRequest>,
    ) -> Result<Response<pb::Contact>, Status> {
        self.store
            .work(request, |mut work, ask: pb::CreateContactRequest| async move {
                let blank = contact::Model::new(Uuid::now_v7(), String::new(), work.now);
                let contact = wire::contact::take_over(
                    blank,
                    ask.contact.unwrap_or_default(),
                    &wire::everything(wire::contact::KNOWN)?,
                )?;
                contact::check_account(&work.tx, &contact).await?;
                let contact = contact::insert(&work.tx, contact).await?;
                let answer = wire::contact::answer(&contact);
                work.record(Change::new("contact.created", contact.name(), "CreateContact").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }

    async fn get_contact(&self, request: Request<pb::GetContactRequest>) -> Result<Response<pb::Contact>, Status> {
        let ask = request.into_inner();
        check(&ask)?;
        let contact = contact::get(self.store.reader(), &ask.name).await?;
        Ok(Response::new(wire::contact::answer(&contact)))
    }

    async fn list_contacts(
        &self,
        request: Request<pb::ListContactsRequest>,
    ) -> Result<Response<pb::ListContactsResponse>, Status> {
        let ask = request.into_inner();
        let page = self.store.list(&ask, contact::Entity::find(), &contact::FIELDS).await?;
        let contacts = page.items.iter().map(wire::contact::answer).collect();
        Ok(Response::new(pb::ListContactsResponse { contacts, next_page_token: page.next_page_token }))
    }

    async fn update_contact(
        &self,
        request: Request<pb::UpdateContactRequest>,
    ) -> Result<Response<pb::Contact>, Status> {
        self.store
            .work(request, |mut work, ask: pb::UpdateContactRequest| async move {
                let news = ask.contact.unwrap_or_default();
                let mask = Mask::of(ask.update_mask, wire::contact::KNOWN)?;
                let before = contact::lock(&work.tx, "contact.name", &news.name).await?;
                work.check_etag(&news.name, &ask.etag, before.version)?;
                before.check_there()?;
                work.take_effect_after(before.updated_at)?;
                let contact = wire::contact::take_over(before.clone(), news, &mask)?;
                if contact == before {
                    work.about(before.name());
                    return Ok(work.done(wire::contact::answer(&before)));
                }
                contact::check_account(&work.tx, &contact).await?;
                let contact = contact::save(&work.tx, contact, work.now).await?;
                let answer = wire::contact::answer(&contact);
                work.record(Change::new("contact.updated", contact.name(), "UpdateContact").data(&answer));
                Ok::<_, Error>(work.done(answer))
            })
            .await
    }
}
