//! A lead: the record, its life cycle, and what its verbs ask for.

use std::fmt;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use dealflow_chassis::{Lifecycle, Refusal, rows};
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveEnum, IntoActiveModel, QuerySelect};

use crate::bant::{Address, Bant};
use crate::error::Error;

/// The most characters that a lead's notes may have.
pub const MAX_NOTES: usize = 20_000;

/// Somebody who may buy (R-LED-1).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lead")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Grows by one with each change; the etag.
    pub version: i64,
    /// When it was captured.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Whether it is worked on.
    pub state: State,
    /// Since when it is in that state.
    pub state_since: DateTime<Utc>,
    /// How far it is on its way to a sale (R-LED-3).
    pub stage: Stage,
    /// What it is about.
    pub title: String,
    /// The company, as captured.
    pub company_name: String,
    /// Given name of the person.
    pub given_name: String,
    /// Family name of the person.
    pub family_name: String,
    /// E-mail address.
    pub email: String,
    /// Telephone number.
    pub phone: String,
    /// VAT id of the company.
    pub vat_id: String,
    /// Address of the company.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub address: Option<Address>,
    /// Where it came from: a name of the wire's enum without its prefix; empty where not said.
    pub source: String,
    /// The channel it came by.
    pub channel: String,
    /// The campaign that brought it.
    pub campaign: String,
    /// The employee who works on it.
    pub owner: Option<Uuid>,
    /// Budget, authority, need, timeframe.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub bant: Option<Bant>,
    /// What the deal may be worth, in minor units.
    pub value_minor: Option<i64>,
    /// The currency of that.
    pub value_currency: Option<String>,
    /// Notes.
    pub notes: String,
    /// Its id where it was imported from; unique.
    pub external_id: Option<String>,
    /// The account it was linked to or became.
    pub account: Option<Uuid>,
    /// The contact it was linked to or became.
    pub contact: Option<Uuid>,
    /// The opportunity it became; unique.
    pub opportunity: Option<Uuid>,
    /// Why it was set aside: a name of the wire's enum without its prefix; empty where it was not.
    pub disqualify_reason: String,
    /// What was said of that.
    pub disqualify_comment: String,
}

/// No relations: accounts and contacts are looked up by id where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Whether the lead is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum State {
    /// Captured, nobody spoke with it yet.
    #[sea_orm(string_value = "NEW")]
    New,
    /// Somebody spoke with it.
    #[sea_orm(string_value = "CONTACTED")]
    Contacted,
    /// Became an account, a contact, an opportunity; read-only.
    #[sea_orm(string_value = "QUALIFIED")]
    Qualified,
    /// Set aside with a reason.
    #[sea_orm(string_value = "DISQUALIFIED")]
    Disqualified,
}

/// How far the lead is on its way to a sale (R-LED-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Stage {
    /// Need and purchasing power are being found out.
    #[sea_orm(string_value = "QUALIFICATION")]
    Qualification,
    /// An owner is being found.
    #[sea_orm(string_value = "DISTRIBUTION")]
    Distribution,
    /// The owner takes it over.
    #[sea_orm(string_value = "HANDOFF_TO_SALES")]
    HandoffToSales,
    /// An opportunity is open or about to be.
    #[sea_orm(string_value = "AWAITING_SALE")]
    AwaitingSale,
    /// The opportunity was won.
    #[sea_orm(string_value = "SATISFIED")]
    Satisfied,
}

/// What may be done with a lead; named as the RPCs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Change what is known.
    UpdateLead,
    /// Somebody spoke with it.
    ContactLead,
    /// Make or link account and contact.
    QualifyLead,
    /// Set it aside.
    DisqualifyLead,
    /// Take it up again.
    ReactivateLead,
    /// Note its opportunity.
    LinkOpportunity,
    /// Its opportunity was won.
    SatisfyLead,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_value())
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Lifecycle for State {
    type Verb = Verb;
    const NOUN: &'static str = "lead";
    const STATES: &'static [Self] = &[Self::New, Self::Contacted, Self::Qualified, Self::Disqualified];
    const VERBS: &'static [Verb] = &[
        Verb::UpdateLead,
        Verb::ContactLead,
        Verb::QualifyLead,
        Verb::DisqualifyLead,
        Verb::ReactivateLead,
        Verb::LinkOpportunity,
        Verb::SatisfyLead,
    ];

    fn next(self, verb: Verb) -> Option<Self> {
        match (self, verb) {
            (Self::New | Self::Contacted, Verb::UpdateLead) => Some(self),
            (Self::New, Verb::ContactLead) => Some(Self::Contacted),
            (Self::New | Self::Contacted, Verb::QualifyLead) => Some(Self::Qualified),
            (Self::New | Self::Contacted, Verb::DisqualifyLead) => Some(Self::Disqualified),
            (Self::Disqualified, Verb::ReactivateLead) => Some(Self::New),
            (Self::Qualified, Verb::LinkOpportunity | Verb::SatisfyLead) => Some(Self::Qualified),
            _ => None,
        }
    }
}

/// What the list of leads lets be filtered and sorted; each order has its index in `m0001_leads`.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .variants("state", Column::State, |state: &State| state.to_value().into())
        .filter_only()
        .variants("stage", Column::Stage, |stage: &Stage| stage.to_value().into())
        .filter_only()
        .time("create_time", Column::CreatedAt)
        .time("update_time", Column::UpdatedAt)
        .filter_only()
        .text("title", Column::Title)
        .filter_only()
        .text("company_name", Column::CompanyName)
        .filter_only()
        .text("given_name", Column::GivenName)
        .filter_only()
        .text("family_name", Column::FamilyName)
        .filter_only()
        .text("email", Column::Email)
        .filter_only()
        .text("phone", Column::Phone)
        .filter_only()
        .text("vat_id", Column::VatId)
        .filter_only()
        .text("source", Column::Source)
        .filter_only()
        .text("channel", Column::Channel)
        .filter_only()
        .text("campaign", Column::Campaign)
        .filter_only()
        .text("external_id", Column::ExternalId)
        .filter_only()
        .text("disqualify_reason", Column::DisqualifyReason)
        .filter_only()
        .uuid("owner", "employees", Column::Owner)
        .filter_only()
        .uuid("account", "accounts", Column::Account)
        .filter_only()
        .uuid("contact", "contacts", Column::Contact)
        .filter_only()
        .uuid("opportunity", "opportunities", Column::Opportunity)
        .filter_only()
});

impl Model {
    /// Its resource name.
    pub fn name(&self) -> String {
        names::LEADS.name(self.id)
    }

    /// What the guard of qualification still asks for: field and expectation (R-LED-4).
    pub fn unknown(&self) -> Vec<(&'static str, &'static str)> {
        let bant = self.bant.clone().unwrap_or_default();
        let mut missing = Vec::new();
        if !bant.has_need() {
            missing.push(("bant.need", "a need must be known: MUST_HAVE, SHOULD_HAVE or GOOD_TO_HAVE"));
        }
        if !bant.has_purchasing_power() {
            missing.push((
                "bant.budget_status",
                "purchasing power must be known: budget_status MAY_BUY, CAN_BUY or WILL_BUY, \
                 or purchase_process, or decision_maker",
            ));
        }
        missing
    }

    /// NEW → CONTACTED; the note joins the notes.
    pub fn contact(self, note: &str, now: DateTime<Utc>) -> Result<Self, Error> {
        let mut lead = self.accept(Verb::ContactLead, now)?;
        let note = note.trim();
        if !note.is_empty() {
            let parted = if lead.notes.is_empty() { "" } else { "\n" };
            lead.notes = format!("{}{parted}{note}", lead.notes);
        }
        if lead.notes.chars().count() > MAX_NOTES {
            return Err(Refusal::field("note", format!("with it the notes exceed {MAX_NOTES} characters")).into());
        }
        Ok(lead)
    }

    /// NEW, CONTACTED → QUALIFIED, stage AWAITING_SALE; `guarded` asks for need and purchasing power (R-LED-4).
    pub fn qualify(self, guarded: bool, now: DateTime<Utc>) -> Result<Self, Error> {
        let missing = self.unknown();
        let lead = self.accept(Verb::QualifyLead, now)?;
        if guarded && !missing.is_empty() {
            return Err(Error::Unqualified { lead: lead.name(), missing });
        }
        Ok(Self { stage: Stage::AwaitingSale, ..lead })
    }

    /// NEW, CONTACTED → DISQUALIFIED; never once there is an opportunity (R-LED-5).
    pub fn disqualify(self, reason: &str, comment: &str, now: DateTime<Utc>) -> Result<Self, Error> {
        if let Some(opportunity) = self.opportunity {
            return Err(self.became(opportunity, "DisqualifyLead"));
        }
        let lead = self.accept(Verb::DisqualifyLead, now)?;
        Ok(Self { disqualify_reason: reason.to_owned(), disqualify_comment: comment.to_owned(), ..lead })
    }

    /// DISQUALIFIED → NEW, from the beginning; a qualified lead never (R-LED-5).
    pub fn reactivate(self, now: DateTime<Utc>) -> Result<Self, Error> {
        let lead = self.accept(Verb::ReactivateLead, now)?;
        Ok(Self {
            stage: Stage::Qualification,
            disqualify_reason: String::new(),
            disqualify_comment: String::new(),
            ..lead
        })
    }

    /// Notes the opportunity; one and no other.
    pub fn link(self, opportunity: Uuid, now: DateTime<Utc>) -> Result<Self, Error> {
        match self.opportunity {
            Some(linked) if linked != opportunity => Err(self.became(linked, "LinkOpportunity")),
            _ => Ok(Self { opportunity: Some(opportunity), ..self.accept(Verb::LinkOpportunity, now)? }),
        }
    }

    /// Stage SATISFIED: the opportunity was won.
    pub fn satisfy(self, now: DateTime<Utc>) -> Result<Self, Error> {
        Ok(Self { stage: Stage::Satisfied, ..self.accept(Verb::SatisfyLead, now)? })
    }

    /// The lead in the state that the verb leads to.
    pub fn accept(mut self, verb: Verb, now: DateTime<Utc>) -> Result<Self, Error> {
        let state = self.state.accept(verb)?;
        if state != self.state {
            self.state = state;
            self.state_since = now;
        }
        Ok(self)
    }

    fn became(&self, opportunity: Uuid, verb: &'static str) -> Error {
        Error::HasOpportunity { lead: self.name(), opportunity: names::OPPORTUNITIES.name(opportunity), verb }
    }
}

/// The lead of this name, locked until the end of the transaction.
pub async fn lock(tx: &impl ConnectionTrait, name: &str) -> Result<Model, Error> {
    let id = names::LEADS.parse(name).map_err(Refusal::from)?;
    let found = Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    Ok(found.ok_or_else(|| Refusal::missing(name))?)
}

/// The lead of this name, to be read.
pub async fn get(db: &impl ConnectionTrait, name: &str) -> Result<Model, Error> {
    let id = names::LEADS.parse(name).map_err(Refusal::from)?;
    Ok(Entity::find_by_id(id).one(db).await?.ok_or_else(|| Refusal::missing(name))?)
}

/// Adds a lead.
pub async fn insert(tx: &impl ConnectionTrait, lead: &Model) -> Result<(), Error> {
    Entity::insert(lead.clone().into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Saves a changed lead as its next version; only what changed is written.
pub async fn save(
    tx: &impl ConnectionTrait,
    before: &Model,
    mut lead: Model,
    now: DateTime<Utc>,
) -> Result<Model, Error> {
    lead.version += 1;
    lead.updated_at = now;
    let row = rows::changed::<Entity>(before, &lead);
    Entity::update_many().set(row).filter(Column::Id.eq(lead.id)).exec(tx).await?;
    Ok(lead)
}

/// Refuses an external id that another lead has.
pub async fn check_external_id(tx: &impl ConnectionTrait, lead: &Model) -> Result<(), Error> {
    let Some(external_id) = &lead.external_id else {
        return Ok(());
    };
    let holder = holder(tx, Column::ExternalId.eq(external_id), lead.id).await?;
    holder.map_or(Ok(()), |holder| Err(Error::Taken { field: "external_id", value: external_id.clone(), holder }))
}

/// Refuses an opportunity that another lead became.
pub async fn check_opportunity(tx: &impl ConnectionTrait, lead: &Model, opportunity: Uuid) -> Result<(), Error> {
    let holder = holder(tx, Column::Opportunity.eq(opportunity), lead.id).await?;
    let value = names::OPPORTUNITIES.name(opportunity);
    holder.map_or(Ok(()), |holder| Err(Error::Taken { field: "opportunity", value, holder }))
}

async fn holder(
    tx: &impl ConnectionTrait,
    value: sea_orm::sea_query::Expr,
    but: Uuid,
) -> Result<Option<String>, Error> {
    let other = Entity::find().select_only().column(Column::Id).filter(value).filter(Column::Id.ne(but));
    let id: Option<Uuid> = other.into_tuple().one(tx).await?;
    Ok(id.map(|id| names::LEADS.name(id)))
}
