//! An account: a company that buys or may buy (R-ACC-1).

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::Refusal;
use dealflow_chassis::list::Fields;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue, IntoActiveModel, QuerySelect};

use crate::bant::Address;
use crate::error::Error;
use crate::{keys, lead};

/// A company.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
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
    /// The name it goes by.
    pub display_name: String,
    /// The name in the register (BT-44).
    pub legal_name: String,
    /// VAT id (BT-48).
    pub vat_id: String,
    /// Legal registration id (BT-47).
    pub registration_id: String,
    /// Address.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub address: Option<Address>,
    /// Scheme of the electronic address (BT-49-1).
    pub electronic_address_scheme: String,
    /// Electronic address (BT-49).
    pub electronic_address: String,
    /// E-mail address.
    pub email: String,
    /// Telephone number.
    pub phone: String,
    /// Line of business.
    pub sector: String,
    /// Number of employees.
    pub employee_count: i32,
    /// Revenue of a year, in minor units.
    pub revenue_minor: Option<i64>,
    /// The currency of that.
    pub revenue_currency: Option<String>,
    /// The account it belongs to.
    pub parent: Option<Uuid>,
    /// Year of foundation; 0 where not known.
    pub year_established: i32,
    /// Its id where it was imported from; unique.
    pub external_id: Option<String>,
    /// When it became a customer (R-ACC-1).
    pub customer_at: Option<DateTime<Utc>>,
    /// Who made it one.
    pub customer_actor: String,
    /// `display_name`, normalised.
    pub name_key: Option<String>,
    /// `legal_name`, normalised.
    pub legal_key: Option<String>,
    /// `vat_id`, normalised.
    pub vat_key: Option<String>,
    /// `email`, normalised.
    pub email_key: Option<String>,
    /// `phone`, normalised.
    pub phone_key: Option<String>,
}

/// No relations: accounts are looked up by id where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list of accounts lets be filtered and sorted; each order has its index in `m0001_leads`.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .text("display_name", Column::DisplayName)
        .time("create_time", Column::CreatedAt)
        .time("customer_time", Column::CustomerAt)
        .time("update_time", Column::UpdatedAt)
        .filter_only()
        .text("legal_name", Column::LegalName)
        .filter_only()
        .text("vat_id", Column::VatId)
        .filter_only()
        .text("registration_id", Column::RegistrationId)
        .filter_only()
        .text("email", Column::Email)
        .filter_only()
        .text("phone", Column::Phone)
        .filter_only()
        .text("sector", Column::Sector)
        .filter_only()
        .text("external_id", Column::ExternalId)
        .filter_only()
        .int("employee_count", Column::EmployeeCount)
        .filter_only()
        .int("year_established", Column::YearEstablished)
        .filter_only()
        .uuid("parent", "accounts", Column::Parent)
        .filter_only()
});

impl Model {
    /// An account of which only the name is known.
    pub fn new(id: Uuid, display_name: String, now: DateTime<Utc>) -> Self {
        Self {
            id,
            version: 1,
            created_at: now,
            updated_at: now,
            display_name,
            legal_name: String::new(),
            vat_id: String::new(),
            registration_id: String::new(),
            address: None,
            electronic_address_scheme: String::new(),
            electronic_address: String::new(),
            email: String::new(),
            phone: String::new(),
            sector: String::new(),
            employee_count: 0,
            revenue_minor: None,
            revenue_currency: None,
            parent: None,
            year_established: 0,
            external_id: None,
            customer_at: None,
            customer_actor: String::new(),
            name_key: None,
            legal_key: None,
            vat_key: None,
            email_key: None,
            phone_key: None,
        }
    }

    /// The account that a lead's company becomes. E-mail and telephone are the person's and stay with the contact.
    pub fn of_lead(lead: &lead::Model, now: DateTime<Utc>) -> Self {
        Self {
            vat_id: lead.vat_id.clone(),
            address: lead.address.clone(),
            ..Self::new(Uuid::now_v7(), lead.company_name.trim().to_owned(), now)
        }
    }

    /// Its resource name.
    pub fn name(&self) -> String {
        names::ACCOUNTS.name(self.id)
    }

    /// The account as a customer, or none where it is one already: the first time stays (R-ACC-1).
    pub fn become_customer(&self, actor: &str, now: DateTime<Utc>) -> Option<Self> {
        if self.customer_at.is_some() {
            return None;
        }
        Some(Self { customer_at: Some(now), customer_actor: actor.to_owned(), ..self.clone() })
    }

    fn keyed(self) -> Self {
        Self {
            name_key: keys::company(&self.display_name),
            legal_key: keys::company(&self.legal_name),
            vat_key: keys::vat(&self.vat_id),
            email_key: keys::email(&self.email),
            phone_key: keys::phone(&self.phone),
            ..self
        }
    }
}

/// The account of this name, locked until the end of the transaction; `field` is what a bad name is blamed on.
pub async fn lock(tx: &impl ConnectionTrait, field: &str, name: &str) -> Result<Model, Error> {
    let id = names::ACCOUNTS.parse(name).map_err(|bad| Refusal::field(field, bad.to_string()))?;
    let found = Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    Ok(found.ok_or_else(|| Refusal::missing(name))?)
}

/// The account of this name, to be read.
pub async fn get(db: &impl ConnectionTrait, name: &str) -> Result<Model, Error> {
    let id = names::ACCOUNTS.parse(name).map_err(Refusal::from)?;
    Ok(Entity::find_by_id(id).one(db).await?.ok_or_else(|| Refusal::missing(name))?)
}

/// Adds an account.
pub async fn insert(tx: &impl ConnectionTrait, account: Model) -> Result<Model, Error> {
    let account = account.keyed();
    Entity::insert(account.clone().into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(account)
}

/// Saves a changed account as its next version; a lead that was qualified earlier does not turn back its time.
pub async fn save(tx: &impl ConnectionTrait, account: Model, now: DateTime<Utc>) -> Result<Model, Error> {
    let account = Model { version: account.version + 1, updated_at: now.max(account.updated_at), ..account }.keyed();
    let mut row = account.clone().into_active_model().reset_all();
    row.id = ActiveValue::NotSet;
    Entity::update_many().set(row).filter(Column::Id.eq(account.id)).exec(tx).await?;
    Ok(account)
}

/// Refuses an external id that another account has.
pub async fn check_external_id(tx: &impl ConnectionTrait, account: &Model) -> Result<(), Error> {
    let Some(external_id) = &account.external_id else {
        return Ok(());
    };
    let other = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::ExternalId.eq(external_id))
        .filter(Column::Id.ne(account.id));
    let id: Option<Uuid> = other.into_tuple().one(tx).await?;
    let Some(id) = id else { return Ok(()) };
    Err(Error::Taken { field: "external_id", value: external_id.clone(), holder: names::ACCOUNTS.name(id) })
}

/// Refuses a parent that is not there, the account itself, or belongs to it.
pub async fn check_parent(tx: &impl ConnectionTrait, account: &Model) -> Result<(), Error> {
    let Some(parent) = account.parent else {
        return Ok(());
    };
    if parent == account.id {
        return Err(Refusal::field("account.parent", "another account, not itself").into());
    }
    let name = names::ACCOUNTS.name(parent);
    if get(tx, &name).await?.parent == Some(account.id) {
        return Err(Refusal::field("account.parent", format!("{name} belongs to this account")).into());
    }
    Ok(())
}

/// Refuses an electronic address without its scheme, a scheme without an address, and what is no code of the EAS list:
/// an invoice with one of them reaches nobody (BT-49).
pub fn check_electronic_address(account: &Model) -> Result<(), Error> {
    let (scheme, address) = (account.electronic_address_scheme.as_str(), account.electronic_address.as_str());
    let is_code = |text: &str| text.len() == 4 && text.chars().all(|c| c.is_ascii_digit());
    match (scheme, address) {
        ("", "") => Ok(()),
        ("", _) => Err(Refusal::field("account.electronic_address_scheme", "an EAS code such as 0088 or 9930").into()),
        (_, "") => Err(Refusal::field("account.electronic_address", "an address of this scheme").into()),
        (scheme, _) if is_code(scheme) || scheme == "EM" || scheme == "AQ" || scheme == "AS" || scheme == "AU" => {
            Ok(())
        }
        _ => Err(Refusal::field("account.electronic_address_scheme", "an EAS code such as 0088 or 9930").into()),
    }
}
