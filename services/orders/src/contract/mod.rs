//! Contracts with a customer, from the first draft to their end (R-CON-1).

mod rows;
mod states;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::Lifecycle;
use dealflow_proto::names;
use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::document::hash;
use crate::error::{Error, violation};
use crate::record::{Moment, Told};

pub use rows::{FIELDS, any_expiring, expire_all, find, insert, lock, lock_expiring, number_for};
pub use states::{Receipt, State, Verb};

/// The people who signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Signatories(pub Vec<String>);

/// A document that belongs to a contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// What it is.
    pub title: String,
    /// Without it the set is not complete.
    pub required: bool,
    /// Where it lies; empty while it is not there.
    pub uri: String,
}

/// The documents that belong to a contract.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct DocumentSet(pub Vec<Attached>);

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
    /// The terms, in words.
    #[sea_orm(column_type = "Text")]
    pub terms: String,
    /// Version of the terms, from 1.
    pub terms_version: i32,
    /// The first day on which it is in force.
    pub start_date: Option<NaiveDate>,
    /// The last day on which it is in force.
    pub end_date: Option<NaiveDate>,
    /// Whether the customer has it.
    pub receipt: Option<Receipt>,
    /// What the customer said last.
    #[sea_orm(column_type = "Text")]
    pub comments: String,
    /// The documents that belong to it.
    #[sea_orm(column_type = "JsonBinary")]
    pub documents: Option<DocumentSet>,
    /// The contract that it amends.
    pub amends_id: Option<Uuid>,
    /// The day it was terminated.
    pub terminated_date: Option<NaiveDate>,
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

impl Model {
    /// All that the customer would sign, and whose contract it is: what an approval is given for, beside what its quote
    /// offers (R-QUO-2).
    pub fn hash(&self) -> Result<String, Error> {
        hash(&(
            (self.id, &self.number, self.opportunity_id, self.quote_id, self.account_id, self.owner_id),
            (&self.title, &self.terms, self.terms_version, self.start_date, self.end_date, &self.documents),
        ))
    }

    /// The owner's name; empty where nobody owns it.
    pub fn owner(&self) -> String {
        self.owner_id.map(|id| names::EMPLOYEES.name(id)).unwrap_or_default()
    }

    /// Whether every required document is there.
    pub fn is_complete(&self) -> bool {
        let documents = self.documents.as_ref().map(|set| set.0.as_slice()).unwrap_or_default();
        documents.iter().all(|document| !document.required || !document.uri.is_empty())
    }

    /// Whether its last day has passed: derived, so that it expires without anyone calling.
    pub fn is_expired(&self, now: Moment) -> bool {
        let over = self.end_date.is_some_and(|last| last < now.today);
        self.state == State::Expired || self.state == State::Active && over
    }

    /// Whether somebody agreed to it.
    pub fn is_approved(&self) -> bool {
        self.state == State::Approved && self.approval_id.is_some()
    }

    /// DRAFT, APPROVED → IN_APPROVAL: who must agree is asked.
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

    /// To DRAFT: what was asked or agreed holds no more.
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
    pub fn send(self, expected: Option<NaiveDate>, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::SendContract)?;
        let comments_expected = expected_from(expected, self.comments_expected, now)?;
        Ok(Self { comments_expected, receipt: Some(Receipt::Sent), ..self.moved(state, now) })
    }

    /// SENT, NEGOTIATION: whether the customer has it.
    pub fn received(self, receipt: Receipt, expected: Option<NaiveDate>, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::RecordContractReceipt)?;
        let comments_expected = expected_from(expected, self.comments_expected, now)?;
        Ok(Self { comments_expected, receipt: Some(receipt), ..self.moved(state, now) })
    }

    /// SENT, NEGOTIATION → NEGOTIATION; DRAFT, as the next version, where the terms change: that is to be approved anew.
    pub fn commented(
        self,
        comments: String,
        new_terms: String,
        expected: Option<NaiveDate>,
        now: Moment,
    ) -> Result<Self, Error> {
        let state = self.state.accept(Verb::RecordContractComments)?;
        let comments_expected = expected_from(expected, self.comments_expected, now)?;
        let commented = Self { comments, comments_expected, ..self };
        if new_terms.is_empty() || new_terms == commented.terms {
            return Ok(commented.moved(state, now));
        }
        let terms_version = commented.terms_version + 1;
        Ok(Self { terms: new_terms, terms_version, receipt: None, ..commented.unapproved(now) })
    }

    /// SENT, NEGOTIATION → SIGNED, by named people on a day that is not to come.
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
        if !self.is_complete() {
            return Err(Error::DocumentsMissing { contract: self.name(), missing: self.missing() });
        }
        Ok(Self { signatories: Signatories(signatories), signed_date: Some(signed), ..self.moved(state, now) })
    }

    fn missing(&self) -> String {
        let documents = self.documents.as_ref().map(|set| set.0.as_slice()).unwrap_or_default();
        let missing = documents.iter().filter(|document| document.required && document.uri.is_empty());
        missing.map(|document| document.title.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// SIGNED → ACTIVE, not before its first day.
    pub fn activate(self, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::ActivateContract)?;
        let start = self.start_date.or(self.signed_date);
        if let Some(start) = start.filter(|start| *start > now.today) {
            return Err(Error::NotYet { contract: self.name(), start });
        }
        Ok(Self { start_date: start, ..self.moved(state, now) })
    }

    /// ACTIVE → TERMINATED on a day from its first one on.
    pub fn terminate(self, on: Option<NaiveDate>, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::TerminateContract)?;
        let day = on.unwrap_or(now.today);
        if self.start_date.is_some_and(|start| day < start) || day > now.today {
            let from = self.start_date.map(|start| start.to_string()).unwrap_or_default();
            return Err(Error::field("terminated_date", format!("from {from} to {}", now.today)));
        }
        Ok(Self { terminated_date: Some(day), ..self.moved(state, now) })
    }

    /// A draft that changes what is signed or in force; the contract itself stays as it is.
    pub fn amendment(&self, new_terms: String, now: Moment) -> Result<Self, Error> {
        self.state.accept(Verb::AmendContract)?;
        Ok(Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now.at,
            updated_at: now.at,
            state: State::Draft,
            state_since: now.at,
            number: String::new(),
            signatories: Signatories::default(),
            signed_date: None,
            comments_expected: None,
            approval_id: None,
            terms: new_terms,
            terms_version: 1,
            receipt: None,
            comments: String::new(),
            amends_id: Some(self.id),
            terminated_date: None,
            ..self.clone()
        })
    }

    /// ACTIVE → EXPIRED: its last day has passed.
    #[must_use]
    pub fn expired(self, now: Moment) -> Self {
        self.moved(State::Expired, now)
    }

    /// DRAFT, IN_APPROVAL, APPROVED, SENT, NEGOTIATION → CANCELED.
    pub fn cancel(self, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::CancelContract)?;
        Ok(self.moved(state, now))
    }

    /// A change that leaves the state as it is.
    #[must_use]
    pub fn touched(self, now: Moment) -> Self {
        Self { version: self.version + 1, updated_at: now.at, ..self }
    }

    fn moved(self, state: State, now: Moment) -> Self {
        let state_since = if state == self.state { self.state_since } else { now.at };
        Self { state, state_since, ..self.touched(now) }
    }
}

/// When comments are expected: what is said now, which is not past, or what was said before.
fn expected_from(said: Option<NaiveDate>, before: Option<NaiveDate>, now: Moment) -> Result<Option<NaiveDate>, Error> {
    if said.is_some_and(|expected| expected < now.today) {
        return Err(Error::field("comments_expected_date", format!("{} or later", now.today)));
    }
    Ok(said.or(before))
}
