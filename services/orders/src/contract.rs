//! Contracts with a customer: their state (R-CON-1).

use std::fmt;
use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::list::Fields;
use dealflow_chassis::{Lifecycle, Refusal};
use dealflow_proto::names;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromJsonQueryResult, IntoActiveModel, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::document::hash;
use crate::error::{Error, violation};
use crate::record::{Moment, Told};

/// How far the contract is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Being written.
    Draft,
    /// Somebody has yet to agree.
    InApproval,
    /// Approved inside the company.
    Approved,
    /// With the customer.
    Sent,
    /// Signed by both sides; the signature does not change any more.
    Signed,
    /// Given up before it was signed; final.
    Canceled,
}

/// What can be done with a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Ask who must agree.
    RequestContractApproval,
    /// Approve it inside the company, where no policy asks.
    ApproveContract,
    /// Send it to the customer.
    SendContract,
    /// Both sides sign.
    SignContract,
    /// Give it up.
    CancelContract,
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
    const NOUN: &'static str = "contract";
    const STATES: &'static [Self] =
        &[Self::Draft, Self::InApproval, Self::Approved, Self::Sent, Self::Signed, Self::Canceled];
    const VERBS: &'static [Verb] = &[
        Verb::RequestContractApproval,
        Verb::ApproveContract,
        Verb::SendContract,
        Verb::SignContract,
        Verb::CancelContract,
    ];

    fn next(self, verb: Verb) -> Option<Self> {
        use State::{Approved, Canceled, Draft, InApproval, Sent, Signed};
        match (self, verb) {
            // APPROVED at once where no policy asks.
            (Draft, Verb::RequestContractApproval) => Some(InApproval),
            (Draft, Verb::ApproveContract) => Some(Approved),
            (Approved, Verb::SendContract) => Some(Sent),
            (Sent, Verb::SignContract) => Some(Signed),
            (Draft | InApproval | Approved | Sent, Verb::CancelContract) => Some(Canceled),
            _ => None,
        }
    }
}

/// The people who signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Signatories(pub Vec<String>);

/// A contract.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contract")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Counts its changes; the etag.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// How far it is.
    pub state: State,
    /// When it came into that state.
    pub state_since: DateTime<Utc>,
    /// The number.
    #[sea_orm(column_type = "Text")]
    pub number: String,
    /// The opportunity.
    pub opportunity_id: Uuid,
    /// The quote that it puts into words.
    pub quote_id: Option<Uuid>,
    /// The account that buys.
    pub account_id: Option<Uuid>,
    /// What it is about.
    #[sea_orm(column_type = "Text")]
    pub title: String,
    /// The people who signed.
    #[sea_orm(column_type = "JsonBinary")]
    pub signatories: Signatories,
    /// The day it was signed.
    pub signed_date: Option<NaiveDate>,
    /// When comments of the customer are expected.
    pub comments_expected: Option<NaiveDate>,
    /// The approval that holds or is asked for.
    pub approval_id: Option<Uuid>,
    /// The employee who makes it.
    pub owner_id: Option<Uuid>,
}

/// None: documents refer to each other by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Told for Model {
    fn name(&self) -> String {
        names::CONTRACTS.name(self.id)
    }

    fn thread(&self) -> String {
        names::OPPORTUNITIES.name(self.opportunity_id)
    }

    fn state(&self) -> String {
        self.state.to_string()
    }

    fn state_since(&self) -> DateTime<Utc> {
        self.state_since
    }
}

/// What the list of contracts can be filtered and ordered by.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("name", names::CONTRACTS.as_str(), Column::Id)
        .uuid("opportunity", names::OPPORTUNITIES.as_str(), Column::OpportunityId)
        .filter_only()
        .uuid("account", names::ACCOUNTS.as_str(), Column::AccountId)
        .filter_only()
        .uuid("quote", names::QUOTES.as_str(), Column::QuoteId)
        .filter_only()
        .variants("state", Column::State, |state: &State| state.to_string().into())
        .filter_only()
        .text("number", Column::Number)
        .filter_only()
        .time("create_time", Column::CreatedAt)
});

impl Model {
    /// What an approval is given for.
    pub fn hash(&self) -> Result<String, Error> {
        hash(&(self.id, &self.number, self.opportunity_id, self.quote_id, self.account_id, self.owner_id, &self.title))
    }

    /// The owner's name; empty where nobody owns it.
    pub fn owner(&self) -> String {
        self.owner_id.map(|id| names::EMPLOYEES.name(id)).unwrap_or_default()
    }

    /// DRAFT → IN_APPROVAL: who must agree is asked.
    pub fn ask_approval(self, approval: Uuid, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::RequestContractApproval)?;
        Ok(Self { approval_id: Some(approval), ..self.moved(state, now) })
    }

    /// DRAFT → APPROVED, where no policy asks.
    pub fn approve_unasked(self, now: Moment) -> Result<Self, Error> {
        self.state.accept(Verb::RequestContractApproval)?;
        Ok(self.moved(State::Approved, now))
    }

    /// IN_APPROVAL → APPROVED: its approval says so.
    #[must_use]
    pub fn approved(self, now: Moment) -> Self {
        self.moved(State::Approved, now)
    }

    /// IN_APPROVAL, APPROVED → DRAFT: what was asked or agreed holds no more.
    #[must_use]
    pub fn unapproved(self, now: Moment) -> Self {
        Self { approval_id: None, ..self.moved(State::Draft, now) }
    }

    /// DRAFT → APPROVED. Whether a policy asks is the caller's to check.
    pub fn approve(self, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::ApproveContract)?;
        Ok(self.moved(state, now))
    }

    /// APPROVED → SENT; comments cannot be expected before the day it is sent.
    pub fn send(self, comments_expected: Option<NaiveDate>, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::SendContract)?;
        if comments_expected.is_some_and(|expected| expected < now.today) {
            return Err(Error::field("comments_expected_date", format!("{} or later", now.today)));
        }
        let comments_expected = comments_expected.or(self.comments_expected);
        Ok(Self { comments_expected, ..self.moved(state, now) })
    }

    /// SENT → SIGNED, by named people on a day that is not to come.
    pub fn sign(self, signatories: Vec<String>, on: Option<NaiveDate>, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::SignContract)?;
        let mut wrong = Vec::new();
        for (index, name) in signatories.iter().enumerate() {
            if name.trim().is_empty() || name.len() > 300 {
                wrong.push(violation(format!("signatories[{index}]"), "a person's name, at most 300 bytes"));
            }
        }
        let signed = on.unwrap_or(now.today);
        if signed > now.today {
            wrong.push(violation("signed_date", format!("{} or earlier", now.today)));
        }
        if !wrong.is_empty() {
            return Err(Error::Fields(wrong));
        }
        Ok(Self { signatories: Signatories(signatories), signed_date: Some(signed), ..self.moved(state, now) })
    }

    /// DRAFT, IN_APPROVAL, APPROVED, SENT → CANCELED.
    pub fn cancel(self, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::CancelContract)?;
        Ok(self.moved(state, now))
    }

    fn moved(self, state: State, now: Moment) -> Self {
        Self { state, state_since: now.at, version: self.version + 1, updated_at: now.at, ..self }
    }
}

/// The contract with this name, for reading.
pub async fn find<C: ConnectionTrait>(db: &C, name: &str) -> Result<Model, Error> {
    let id = names::CONTRACTS.parse(name)?;
    let found = Entity::find_by_id(id).one(db).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// The only way to a contract that is meant to change.
pub async fn lock(tx: &DatabaseTransaction, name: &str) -> Result<Model, Error> {
    let id = names::CONTRACTS.parse(name)?;
    let found = Entity::find_by_id(id).lock_exclusive().one(tx).await?;
    found.ok_or_else(|| Refusal::missing(name).into())
}

/// Adds a contract; the number is given here.
pub async fn insert(tx: &DatabaseTransaction, contract: Model) -> Result<Model, Error> {
    let mut row = contract.into_active_model();
    row.number = crate::number::of_document(tx, "C").await?;
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}
