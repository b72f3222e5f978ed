//! Offers to a customer, one row per revision (R-QUO-1, R-QUO-3, R-QUO-4).

mod rows;

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::Lifecycle;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;

use crate::content::Content;
use crate::document::{Exact, Lines, Totals};
use crate::error::Error;
use crate::record::{Told, day};

pub use rows::{FIELDS, close_all, find, insert, lock, lock_open, lock_with_siblings};

/// How far the offer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Being written.
    Draft,
    /// Read-only; may be sent.
    Active,
    /// The customer has it.
    Presented,
    /// The customer took it; final.
    Accepted,
    /// Ended otherwise; final.
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
    /// Change a draft.
    UpdateQuote,
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
    const STATES: &'static [Self] = &[Self::Draft, Self::Active, Self::Presented, Self::Accepted, Self::Closed];
    const VERBS: &'static [Verb] = &[
        Verb::UpdateQuote,
        Verb::ActivateQuote,
        Verb::PresentQuote,
        Verb::ReviseQuote,
        Verb::AcceptQuote,
        Verb::CloseQuote,
    ];

    fn next(self, verb: Verb) -> Option<Self> {
        use State::{Accepted, Active, Closed, Draft, Presented};
        match (self, verb) {
            (Draft, Verb::UpdateQuote) => Some(Draft),
            (Draft, Verb::ActivateQuote) => Some(Active),
            (Active, Verb::PresentQuote) => Some(Presented),
            (Active | Presented, Verb::ReviseQuote) => Some(Closed),
            (Active | Presented, Verb::AcceptQuote) => Some(Accepted),
            (Draft | Active | Presented, Verb::CloseQuote) => Some(Closed),
            _ => None,
        }
    }
}

/// The states in which a quote is open.
pub const OPEN: [State; 3] = [State::Draft, State::Active, State::Presented];

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
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        OPEN.contains(&self.state) && self.valid_until.is_some_and(|last| last < day(now))
    }

    /// DRAFT → ACTIVE: lines and prices are frozen.
    pub fn activate(self, now: DateTime<Utc>) -> Result<Self, Error> {
        let state = self.state.accept(Verb::ActivateQuote)?;
        self.not_expired(now)?;
        Ok(self.moved(state, now))
    }

    /// ACTIVE → PRESENTED.
    pub fn present(self, now: DateTime<Utc>) -> Result<Self, Error> {
        let state = self.state.accept(Verb::PresentQuote)?;
        self.not_expired(now)?;
        Ok(self.moved(state, now))
    }

    /// ACTIVE, PRESENTED → CLOSED REVISED, also when expired; the second is the copy in DRAFT, revision + 1.
    pub fn revise(self, now: DateTime<Utc>) -> Result<(Self, Self), Error> {
        let state = self.state.accept(Verb::ReviseQuote)?;
        let copy = Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now,
            updated_at: now,
            state: State::Draft,
            state_since: now,
            revision: self.revision + 1,
            ..self.clone()
        };
        let closed = Self { close_reason: Some(CloseReason::Revised), ..self.moved(state, now) };
        Ok((closed, copy))
    }

    /// ACTIVE, PRESENTED → ACCEPTED, unless its last day has passed.
    pub fn accept(self, order: Uuid, now: DateTime<Utc>) -> Result<Self, Error> {
        let state = self.state.accept(Verb::AcceptQuote)?;
        self.not_expired(now)?;
        Ok(Self { order_id: Some(order), ..self.moved(state, now) })
    }

    /// DRAFT, ACTIVE, PRESENTED → CLOSED.
    pub fn close(self, reason: CloseReason, now: DateTime<Utc>) -> Result<Self, Error> {
        let state = self.state.accept(Verb::CloseQuote)?;
        Ok(Self { close_reason: Some(reason), ..self.moved(state, now) })
    }

    /// A draft with another content.
    #[must_use]
    pub(crate) fn with(self, content: Content) -> Self {
        Self {
            currency: content.currency.code().to_owned(),
            discount_percent: content.discount,
            lines: content.lines,
            totals: content.totals,
            ..self
        }
    }

    /// A change that leaves the state as it is.
    #[must_use]
    pub fn touched(self, now: DateTime<Utc>) -> Self {
        Self { version: self.version + 1, updated_at: now, ..self }
    }

    fn moved(self, state: State, now: DateTime<Utc>) -> Self {
        Self { state, state_since: now, ..self.touched(now) }
    }

    fn not_expired(&self, now: DateTime<Utc>) -> Result<(), Error> {
        match self.valid_until {
            Some(valid_until) if self.is_expired(now) => Err(Error::Expired { quote: self.name(), valid_until }),
            _ => Ok(()),
        }
    }
}
