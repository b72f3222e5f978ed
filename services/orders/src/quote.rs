//! Offers to a customer, one row per revision (R-QUO-1, R-QUO-3, R-QUO-4).

mod rows;

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::Lifecycle;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;

use crate::adjustment::Adjustments;
use crate::approval::Facts;
use crate::content::Content;
use crate::document::{Exact, Lines, Totals, hash};
use crate::error::Error;
use crate::legal_entity;
use crate::payment_terms::{self, Plan};
use crate::price::UsedRates;
use crate::record::{Moment, Told};

pub use rows::{
    FIELDS, any_expiring, check_open_seen, close_all, find, insert, lock, lock_expiring, lock_open, lock_with_siblings,
};

/// How far the offer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Being written.
    Draft,
    /// Somebody has yet to agree.
    InApproval,
    /// Agreed inside the company; may be activated.
    Approved,
    /// Read-only; may be sent.
    Active,
    /// The customer has it.
    Presented,
    /// The customer took it; final.
    Accepted,
    /// Ended otherwise; final, but that an expired one can be revised.
    Closed,
}

/// Why a quote was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CloseReason {
    /// The opportunity was lost.
    Lost,
    /// Taken back.
    Canceled,
    /// A new revision took its place.
    Revised,
    /// Its time ran out.
    Expired,
    /// Another quote of the opportunity was accepted.
    Superseded,
}

/// What can be done with a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Change it; what was approved is so no more.
    UpdateQuote,
    /// Ask who must agree.
    RequestQuoteApproval,
    /// Freeze it.
    ActivateQuote,
    /// Give it to the customer.
    PresentQuote,
    /// Close it for a new revision.
    ReviseQuote,
    /// The customer takes it.
    AcceptQuote,
    /// End it otherwise.
    CloseQuote,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_value())
    }
}

impl fmt::Display for CloseReason {
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
    const NOUN: &'static str = "quote";
    const STATES: &'static [Self] =
        &[Self::Draft, Self::InApproval, Self::Approved, Self::Active, Self::Presented, Self::Accepted, Self::Closed];
    const VERBS: &'static [Verb] = &[
        Verb::UpdateQuote,
        Verb::RequestQuoteApproval,
        Verb::ActivateQuote,
        Verb::PresentQuote,
        Verb::ReviseQuote,
        Verb::AcceptQuote,
        Verb::CloseQuote,
    ];

    fn next(self, verb: Verb) -> Option<Self> {
        use State::{Accepted, Active, Approved, Closed, Draft, InApproval, Presented};
        match (self, verb) {
            // Where nothing changes, what was approved or asked for stays.
            (Draft | InApproval | Approved, Verb::UpdateQuote) => Some(Draft),
            // Further at once where no policy asks; what was approved stays so, unless nobody was asked and a policy came.
            (Draft | Approved, Verb::RequestQuoteApproval) => Some(InApproval),
            (Draft | Approved, Verb::ActivateQuote) => Some(Active),
            (Active, Verb::PresentQuote) => Some(Presented),
            (Active | Presented, Verb::ReviseQuote) => Some(Closed),
            (Active | Presented, Verb::AcceptQuote) => Some(Accepted),
            (Draft | InApproval | Approved | Active | Presented, Verb::CloseQuote) => Some(Closed),
            _ => None,
        }
    }
}

/// The states in which a quote is open.
pub const OPEN: [State; 5] = [State::Draft, State::InApproval, State::Approved, State::Active, State::Presented];

/// A revision of a quote.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "quote")]
pub struct Model {
    /// UUIDv7; each revision has its own.
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
    /// The number, the same over all revisions.
    #[sea_orm(column_type = "Text")]
    pub number: String,
    /// 0, 1, 2 and so on.
    pub revision: i32,
    /// The opportunity it is made for.
    pub opportunity_id: Uuid,
    /// The account that buys.
    pub account_id: Option<Uuid>,
    /// The employee who makes it.
    pub owner_id: Option<Uuid>,
    /// Of all amounts, ISO 4217.
    #[sea_orm(column_type = "Text")]
    pub currency: String,
    /// Header discount in percent.
    pub discount_percent: Exact,
    /// What is offered.
    #[sea_orm(column_type = "JsonBinary")]
    pub lines: Lines,
    /// What it comes to.
    #[sea_orm(column_type = "JsonBinary")]
    pub totals: Totals,
    /// The last day on which it can be accepted.
    pub valid_until: Option<NaiveDate>,
    /// Why it was closed.
    pub close_reason: Option<CloseReason>,
    /// The order that it became.
    pub order_id: Option<Uuid>,
    /// Terms of payment, in words.
    #[sea_orm(column_type = "Text")]
    pub terms: String,
    /// Days from the invoice to its due day.
    pub payment_days: i32,
    /// The approval that holds or is asked for.
    pub approval_id: Option<Uuid>,
    /// The list that it was priced from.
    pub price_list_id: Option<Uuid>,
    /// The rates that its prices were converted by.
    #[sea_orm(column_type = "JsonBinary")]
    pub used_rates: Option<UsedRates>,
    /// Allowances and charges of the whole beside the discount.
    #[sea_orm(column_type = "JsonBinary")]
    pub adjustments: Option<Adjustments>,
    /// The code of the legal entity that sells.
    #[sea_orm(column_type = "Text")]
    pub legal_entity: String,
    /// The terms of payment that it names.
    pub payment_terms_id: Option<Uuid>,
    /// The instalments that they said.
    #[sea_orm(column_type = "JsonBinary")]
    pub plan: Option<Plan>,
}

/// None: documents refer to each other by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Told for Model {
    fn name(&self) -> String {
        names::QUOTES.name(self.id)
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
    /// Whether its last day has passed: derived, so that it expires without anyone calling (R-QUO-3).
    pub fn is_expired(&self, now: Moment) -> bool {
        self.is_closed_expired() || OPEN.contains(&self.state) && self.valid_until.is_some_and(|last| last < now.today)
    }

    /// Whether it was closed because its last day had passed.
    pub fn is_closed_expired(&self) -> bool {
        self.state == State::Closed && self.close_reason == Some(CloseReason::Expired)
    }

    /// What an approval is given for: all that the customer reads, and whose offer it is (R-QUO-2).
    pub fn hash(&self) -> Result<String, Error> {
        let content = (
            (self.id, &self.number, self.revision, self.opportunity_id, self.account_id, self.owner_id),
            (&self.currency, self.discount_percent.to_string(), &self.lines, &self.totals.0),
            (self.valid_until, &self.terms, self.payment_days),
        );
        if self.adjustments.is_none() && self.plan.is_none() && self.legal_entity == legal_entity::DEFAULT {
            return hash(&content);
        }
        hash(&(content, &self.adjustments, &self.plan, &self.legal_entity))
    }

    /// What policies look at.
    pub fn facts(&self) -> Facts {
        Facts::of(&self.currency, &self.lines, &self.totals)
    }

    /// The owner's name; empty where nobody owns it.
    pub fn owner(&self) -> String {
        self.owner_id.map(|id| names::EMPLOYEES.name(id)).unwrap_or_default()
    }

    /// Whether somebody agreed to it.
    pub fn is_approved(&self) -> bool {
        self.state == State::Approved && self.approval_id.is_some()
    }

    /// DRAFT, APPROVED → IN_APPROVAL: who must agree is asked.
    pub fn ask_approval(self, approval: Uuid, now: Moment) -> Result<Self, Error> {
        let state = self.may_ask_approval(now)?;
        Ok(Self { approval_id: Some(approval), ..self.moved(state, now) })
    }

    /// DRAFT → APPROVED, where no policy asks.
    pub fn approve_unasked(self, now: Moment) -> Result<Self, Error> {
        self.may_ask_approval(now)?;
        Ok(self.moved(State::Approved, now))
    }

    fn may_ask_approval(&self, now: Moment) -> Result<State, Error> {
        let state = self.state.accept(Verb::RequestQuoteApproval)?;
        self.not_expired(now)?;
        Ok(state)
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

    /// DRAFT, APPROVED → ACTIVE: lines and prices are frozen. Whether a policy asks is the caller's to check.
    pub fn activate(self, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::ActivateQuote)?;
        self.not_expired(now)?;
        Ok(self.moved(state, now))
    }

    /// ACTIVE → PRESENTED.
    pub fn present(self, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::PresentQuote)?;
        self.not_expired(now)?;
        Ok(self.moved(state, now))
    }

    /// ACTIVE, PRESENTED, CLOSED EXPIRED → CLOSED REVISED; the second is the copy in DRAFT, revision + 1, which nobody
    /// has approved. Only the current revision is not CLOSED REVISED, so there is one line of them.
    pub fn revise(self, now: Moment) -> Result<(Self, Self), Error> {
        let state = if self.is_closed_expired() { self.state } else { self.state.accept(Verb::ReviseQuote)? };
        let copy = Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now.at,
            updated_at: now.at,
            state: State::Draft,
            state_since: now.at,
            revision: self.revision + 1,
            close_reason: None,
            approval_id: None,
            ..self.clone()
        };
        let closed = Self { close_reason: Some(CloseReason::Revised), ..self.moved(state, now) };
        Ok((closed, copy))
    }

    /// ACTIVE, PRESENTED → ACCEPTED; when its last day has passed only `late`, and then CLOSED EXPIRED → ACCEPTED too: it
    /// was closed for nothing else (R-QUO-4).
    pub fn accept(self, order: Uuid, late: bool, now: Moment) -> Result<Self, Error> {
        let state = match self.is_closed_expired() {
            true if late => State::Accepted,
            true => {
                self.not_expired(now)?;
                self.state.accept(Verb::AcceptQuote)?
            }
            false => self.state.accept(Verb::AcceptQuote)?,
        };
        if !late {
            self.not_expired(now)?;
        }
        Ok(Self { order_id: Some(order), close_reason: None, ..self.moved(state, now) })
    }

    /// DRAFT, IN_APPROVAL, APPROVED, ACTIVE, PRESENTED → CLOSED.
    pub fn close(self, reason: CloseReason, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::CloseQuote)?;
        Ok(Self { close_reason: Some(reason), ..self.moved(state, now) })
    }

    /// A draft with another content; of lines that stay as they were, the rates that they were converted by stay too.
    #[must_use]
    pub(crate) fn with(self, content: Content, new_lines: bool) -> Self {
        Self {
            currency: content.currency.code().to_owned(),
            discount_percent: content.discount,
            adjustments: content.adjustments,
            lines: content.lines,
            totals: content.totals,
            price_list_id: content.price_list,
            used_rates: if new_lines { content.rates } else { content.rates.or(self.used_rates.clone()) },
            ..self
        }
    }

    /// A draft that names other terms of payment: it takes over what they say.
    #[must_use]
    pub(crate) fn under(self, terms: Option<&payment_terms::Model>) -> Self {
        let Some(terms) = terms else { return Self { payment_terms_id: None, plan: None, ..self } };
        Self {
            payment_terms_id: Some(terms.id),
            plan: terms.plan.clone().stored(),
            payment_days: terms.net_days,
            terms: if terms.text.is_empty() { self.terms.clone() } else { terms.text.clone() },
            ..self
        }
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

    fn not_expired(&self, now: Moment) -> Result<(), Error> {
        match self.valid_until {
            Some(valid_until) if self.is_expired(now) => Err(Error::Expired { quote: self.name(), valid_until }),
            _ => Ok(()),
        }
    }
}
