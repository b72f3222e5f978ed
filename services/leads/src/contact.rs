//! A contact: a person at an account.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue, IntoActiveModel, QuerySelect};

use crate::error::Error;
use crate::{account, keys, lead};

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contact")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Grows by one with each change; the etag.
    pub version: i64,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// The account the person works for.
    pub account: Option<Uuid>,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// E-mail address.
    pub email: String,
    /// Telephone number.
    pub phone: String,
    /// What the person is at the account.
    pub job_title: String,
    /// Given and family name, normalised.
    pub name_key: Option<String>,
    /// `email`, normalised.
    pub email_key: Option<String>,
    /// `phone`, normalised.
    pub phone_key: Option<String>,
    /// Department at the account.
    pub department: String,
    /// How the person wants to be reached: a name of the wire's enum without its prefix; empty where not said.
    pub preferred_channel: String,
    /// BCP 47; empty where not said.
    pub language_code: String,
    /// When the person was erased (R-ACC-3).
    pub erased_at: Option<DateTime<Utc>>,
}

/// No relations: contacts are looked up by id where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list of contacts lets be filtered and sorted; each order has its index in `m0001_leads`.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .text("family_name", Column::FamilyName)
        .time("create_time", Column::CreatedAt)
        .time("update_time", Column::UpdatedAt)
        .filter_only()
        .text("given_name", Column::GivenName)
        .filter_only()
        .text("email", Column::Email)
        .filter_only()
        .text("phone", Column::Phone)
        .filter_only()
        .text("job_title", Column::JobTitle)
        .filter_only()
        .text("department", Column::Department)
        .filter_only()
        .text("preferred_channel", Column::PreferredChannel)
        .filter_only()
        .text("language_code", Column::LanguageCode)
        .filter_only()
        .time("erase_time", Column::ErasedAt)
        .filter_only()
        .uuid("account", "accounts", Column::Account)
        .filter_only()
});

impl Model {
    /// A contact of whom only the family name is known.
    pub fn new(id: Uuid, family_name: String, now: DateTime<Utc>) -> Self {
        Self {
            id,
            version: 1,
            created_at: now,
            updated_at: now,
            account: None,
            given_name: String::new(),
            family_name,
            email: String::new(),
            phone: String::new(),
            job_title: String::new(),
            name_key: None,
            email_key: None,
            phone_key: None,
            department: String::new(),
            preferred_channel: String::new(),
            language_code: String::new(),
            erased_at: None,
        }
    }

    /// The contact that a lead's person becomes. Who is known by one name only has it as family name.
    pub fn of_lead(lead: &lead::Model, account: Option<Uuid>, now: DateTime<Utc>) -> Self {
        let (given, family) = (lead.given_name.trim(), lead.family_name.trim());
        let (given, family) = if family.is_empty() { ("", given) } else { (given, family) };
        Self {
            account,
            given_name: given.to_owned(),
            email: lead.email.clone(),
            phone: lead.phone.clone(),
            ..Self::new(Uuid::now_v7(), family.to_owned(), now)
        }
    }

    /// Its resource name.
    pub fn name(&self) -> String {
        names::CONTACTS.name(self.id)
    }

    /// The contact without its person (R-ACC-3).
    pub fn erase(self, now: DateTime<Utc>) -> Self {
        let nobody = Self::new(self.id, lead::ERASED.to_owned(), self.created_at);
        Self {
            version: self.version,
            updated_at: self.updated_at,
            account: self.account,
            erased_at: Some(now),
            ..nobody
        }
    }

    /// Refuses a person that was erased.
    pub fn check_there(&self) -> Result<(), Error> {
        if self.erased_at.is_some() { Err(Error::Erased { name: self.name() }) } else { Ok(()) }
    }

    /// Nobody who was erased is found again by a name.
    fn keyed(self) -> Self {
        if self.erased_at.is_some() {
            return Self { name_key: None, email_key: None, phone_key: None, ..self };
        }
        Self {
            name_key: keys::person(&self.given_name, &self.family_name),
            email_key: keys::email(&self.email),
            phone_key: keys::phone(&self.phone),
            ..self
        }
    }
}

/// The contact of this name, locked until the end of the transaction; `field` is what a bad name is blamed on.
pub async fn lock(tx: &impl ConnectionTrait, field: &str, name: &str) -> Result<Model, Error> {
    let id = names::CONTACTS.parse(name).map_err(|bad| Refusal::field(field, bad.to_string()))?;
    let found = Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    Ok(found.ok_or_else(|| Refusal::missing(name))?)
}

/// The contact of this name, to be read.
pub async fn get(db: &impl ConnectionTrait, name: &str) -> Result<Model, Error> {
    let id = names::CONTACTS.parse(name).map_err(Refusal::from)?;
    Ok(Entity::find_by_id(id).one(db).await?.ok_or_else(|| Refusal::missing(name))?)
}

/// Adds a contact.
pub async fn insert(tx: &impl ConnectionTrait, contact: Model) -> Result<Model, Error> {
    let contact = contact.keyed();
    Entity::insert(contact.clone().into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(contact)
}

/// Saves a changed contact as its next version; a lead that was qualified earlier does not turn back its time.
pub async fn save(tx: &impl ConnectionTrait, contact: Model, now: DateTime<Utc>) -> Result<Model, Error> {
    let contact = Model { version: contact.version + 1, updated_at: now.max(contact.updated_at), ..contact }.keyed();
    let mut row = contact.clone().into_active_model().reset_all();
    row.id = ActiveValue::NotSet;
    Entity::update_many().set(row).filter(Column::Id.eq(contact.id)).exec(tx).await?;
    Ok(contact)
}

/// Refuses an account that is not there.
pub async fn check_account(tx: &impl ConnectionTrait, contact: &Model) -> Result<(), Error> {
    if let Some(account) = contact.account {
        account::get(tx, &names::ACCOUNTS.name(account)).await?;
    }
    Ok(())
}
