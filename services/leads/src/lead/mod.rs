//! A lead: the record, its life cycle, and what its verbs ask for.

mod listed;
mod states;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use dealflow_chassis::security::Sight;
use dealflow_chassis::{Lifecycle, Refusal, rows};
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{CaseStatement, OnConflict};
use sea_orm::{ExprTrait, IntoActiveModel, QueryOrder, QuerySelect};

use crate::bant::{Address, Bant};
use crate::error::Error;

pub use listed::FIELDS;
pub use states::{Stage, State, Verb};

/// The most characters that a lead's notes may have.
pub const MAX_NOTES: usize = 20_000;

/// What stands for a name that was erased.
pub const ERASED: &str = "erased";

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
    /// Since when it is in its stage; null for leads older than this column.
    pub stage_since: Option<DateTime<Utc>>,
    /// When its person was erased (R-ACC-3).
    pub erased_at: Option<DateTime<Utc>>,
}

/// No relations: accounts and contacts are looked up by id where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

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
        Ok(lead.enter(Stage::AwaitingSale, now))
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
        let lead = self.accept(Verb::ReactivateLead, now)?.enter(Stage::Qualification, now);
        Ok(Self { disqualify_reason: String::new(), disqualify_comment: String::new(), ..lead })
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
        Ok(self.accept(Verb::SatisfyLead, now)?.enter(Stage::Satisfied, now))
    }

    /// Another stage before the sale, forward or back. AWAITING_SALE is [`Model::qualify`]'s, SATISFIED a won
    /// opportunity's (R-LED-3).
    pub fn move_to(self, stage: Stage, now: DateTime<Utc>) -> Result<Self, Error> {
        let lead = self.accept(Verb::MoveLeadToStage, now)?;
        match stage {
            Stage::HandoffToSales if lead.owner.is_none() => {
                Err(Error::Stage { lead: lead.name(), stage, field: "owner", missing: "somebody must take it over" })
            }
            Stage::AwaitingSale | Stage::Satisfied => {
                let missing = "the lead must be qualified, and its opportunity won";
                Err(Error::Stage { lead: lead.name(), stage, field: "opportunity", missing })
            }
            _ => Ok(lead.enter(stage, now)),
        }
    }

    /// An owner who takes it over: stage HANDOFF_TO_SALES (R-LED-6).
    pub fn hand_to(self, owner: Uuid, now: DateTime<Utc>) -> Result<Self, Error> {
        let lead = self.accept(Verb::DistributeLeads, now)?.enter(Stage::HandoffToSales, now);
        Ok(Self { owner: Some(owner), ..lead })
    }

    /// The lead without its person; one that was open is set aside, for there is nobody to speak with (R-ACC-3).
    pub fn erase(mut self, now: DateTime<Utc>) -> Self {
        if self.state.next(Verb::DisqualifyLead).is_some() {
            self.state = State::Disqualified;
            self.state_since = now;
            self.disqualify_reason = "CANCELED".to_owned();
        }
        Self {
            given_name: String::new(),
            family_name: ERASED.to_owned(),
            email: String::new(),
            phone: String::new(),
            notes: String::new(),
            disqualify_comment: String::new(),
            erased_at: Some(now),
            ..self
        }
    }

    fn enter(mut self, stage: Stage, now: DateTime<Utc>) -> Self {
        if self.stage != stage {
            self.stage = stage;
            self.stage_since = Some(now);
        }
        self
    }

    /// The lead in the state that the verb leads to.
    pub fn accept(mut self, verb: Verb, now: DateTime<Utc>) -> Result<Self, Error> {
        let state = self.state.accept(verb)?;
        if self.erased_at.is_some() && !matches!(verb, Verb::LinkOpportunity | Verb::SatisfyLead) {
            return Err(Error::Erased { name: self.name() });
        }
        if state != self.state {
            self.state = state;
            self.state_since = now;
        }
        Ok(self)
    }

    /// Whether a caller sees it.
    fn is_seen(&self, sight: &Sight) -> bool {
        sight.sees(self.owner, std::iter::empty())
    }

    fn became(&self, opportunity: Uuid, verb: &'static str) -> Error {
        Error::HasOpportunity { lead: self.name(), opportunity: names::OPPORTUNITIES.name(opportunity), verb }
    }
}

/// The leads that a caller sees: those of the employees whose records he sees, and those of nobody (R-SEC-1).
pub fn seen(sight: &Sight) -> Select<Entity> {
    Entity::find().filter(sight.of_owner(Column::Owner))
}

/// The lead of this name, locked until the end of the transaction. What is not seen is missing (R-SEC-1).
pub async fn lock(tx: &impl ConnectionTrait, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::LEADS.parse(name).map_err(Refusal::from)?;
    let found = Entity::find_by_id(id).lock_exclusive().one(tx).await?.filter(|it| it.is_seen(sight));
    Ok(found.ok_or_else(|| Refusal::missing(name))?)
}

/// The lead of this name, to be read. What is not seen is missing (R-SEC-1).
pub async fn get(db: &impl ConnectionTrait, name: &str, sight: &Sight) -> Result<Model, Error> {
    let id = names::LEADS.parse(name).map_err(Refusal::from)?;
    let found = Entity::find_by_id(id).one(db).await?.filter(|it| it.is_seen(sight));
    Ok(found.ok_or_else(|| Refusal::missing(name))?)
}

/// The leads of these names, locked in an order that is the same for all who lock several, given back in the order of
/// the names. One that is not seen is missing (R-SEC-1).
pub async fn lock_all(tx: &impl ConnectionTrait, names: &[String], sight: &Sight) -> Result<Vec<Model>, Error> {
    let ids = names.iter().enumerate().map(|(index, name)| {
        names::LEADS.parse(name).map_err(|bad| Refusal::field(&format!("leads[{index}]"), bad.to_string()))
    });
    let ids: Vec<Uuid> = ids.collect::<Result<_, _>>()?;
    let wanted = Entity::find().filter(Column::Id.is_in(ids.iter().copied())).order_by_asc(Column::Id);
    let found = wanted.lock_exclusive().all(tx).await?;
    let of = |(id, name): (&Uuid, &String)| {
        found
            .iter()
            .find(|lead| lead.id == *id && lead.is_seen(sight))
            .cloned()
            .ok_or_else(|| Refusal::missing(name).into())
    };
    ids.iter().zip(names).map(of).collect()
}

/// Saves leads that are erased, as [`Model::erase`] has them, in one statement.
pub async fn erase_all(tx: &impl ConnectionTrait, leads: &[Model], now: DateTime<Utc>) -> Result<(), Error> {
    if leads.is_empty() {
        return Ok(());
    }
    let each = |value: fn(Model) -> sea_orm::Value| {
        leads.iter().fold(CaseStatement::new(), |case, lead| {
            case.case(Column::Id.eq(lead.id), Expr::val(value(lead.clone().erase(now))))
        })
    };
    let personal = [Column::GivenName, Column::Email, Column::Phone, Column::Notes, Column::DisqualifyComment];
    let blank = personal.into_iter().fold(Entity::update_many(), |update, it| update.col_expr(it, Expr::val("")));
    blank
        .col_expr(Column::FamilyName, Expr::val(ERASED))
        .col_expr(Column::State, each(|lead| lead.state.to_string().into()).into())
        .col_expr(Column::StateSince, each(|lead| lead.state_since.into()).into())
        .col_expr(Column::DisqualifyReason, each(|lead| lead.disqualify_reason.into()).into())
        .col_expr(Column::ErasedAt, Expr::val(now))
        .col_expr(Column::UpdatedAt, Expr::val(now))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::Id.is_in(leads.iter().map(|lead| lead.id)))
        .exec(tx)
        .await?;
    Ok(())
}

/// The leads that a contact came from, the oldest first.
pub async fn of_contact(db: &impl ConnectionTrait, contact: Uuid) -> Result<Vec<Model>, Error> {
    Ok(Entity::find().filter(Column::Contact.eq(contact)).order_by_asc(Column::Id).all(db).await?)
}

/// Adds those leads whose external id nobody has, and answers them.
pub async fn insert_new(tx: &impl ConnectionTrait, leads: Vec<Model>) -> Result<Vec<Model>, Error> {
    if leads.is_empty() {
        return Ok(leads);
    }
    let rows = leads.iter().map(|lead| lead.clone().into_active_model().reset_all());
    let known = OnConflict::new().do_nothing().to_owned();
    Entity::insert_many(rows).on_conflict(known).exec_without_returning(tx).await?;
    let ids = leads.iter().map(|lead| lead.id);
    let inserted = Entity::find().select_only().column(Column::Id).filter(Column::Id.is_in(ids));
    let inserted: HashSet<Uuid> = inserted.into_tuple().all(tx).await?.into_iter().collect();
    Ok(leads.into_iter().filter(|lead| inserted.contains(&lead.id)).collect())
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
