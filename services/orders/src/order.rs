//! What a customer ordered (R-ORD-1, R-OPP-5).

mod rows;

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::Lifecycle;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;

use crate::document::{Asked, Exact, Lines, Totals, pick};
use crate::error::Error;
use crate::quote;
use crate::record::{Moment, Told};

pub use rows::{FIELDS, find, insert, live_of, lock};

/// How far the order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Just made.
    Draft,
    /// Both sides agree; may be submitted.
    Confirmed,
    /// On its way to the ERP, or there.
    Submitted,
    /// Some of it is delivered.
    InFulfillment,
    /// All of it is delivered.
    Fulfilled,
    /// Given up; final.
    Canceled,
}

/// What can be done with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Both sides agree.
    ConfirmOrder,
    /// It goes to the ERP.
    SubmitOrder,
    /// The ERP refused it.
    RejectOrder,
    /// Quantities were delivered.
    FulfillOrder,
    /// What is delivered is billed; the order's state stays.
    CreateInvoice,
    /// Give it up.
    CancelOrder,
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
    const NOUN: &'static str = "order";
    const STATES: &'static [Self] =
        &[Self::Draft, Self::Confirmed, Self::Submitted, Self::InFulfillment, Self::Fulfilled, Self::Canceled];
    const VERBS: &'static [Verb] = &[
        Verb::ConfirmOrder,
        Verb::SubmitOrder,
        Verb::RejectOrder,
        Verb::FulfillOrder,
        Verb::CreateInvoice,
        Verb::CancelOrder,
    ];

    /// Invoices are for what is delivered, so an order that can still be cancelled or refused has none.
    fn next(self, verb: Verb) -> Option<Self> {
        use State::{Canceled, Confirmed, Draft, Fulfilled, InFulfillment, Submitted};
        match (self, verb) {
            (Draft, Verb::ConfirmOrder) => Some(Confirmed),
            (Confirmed, Verb::SubmitOrder) => Some(Submitted),
            (Submitted, Verb::RejectOrder) => Some(Confirmed),
            // FULFILLED instead, where the quantities say so.
            (Submitted | InFulfillment, Verb::FulfillOrder) => Some(InFulfillment),
            (InFulfillment, Verb::CreateInvoice) => Some(InFulfillment),
            (Fulfilled, Verb::CreateInvoice) => Some(Fulfilled),
            (Draft | Confirmed, Verb::CancelOrder) => Some(Canceled),
            _ => None,
        }
    }
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sales_order")]
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
    /// The opportunity; has one live order at the most.
    pub opportunity_id: Uuid,
    /// The quote that became it; unique.
    pub quote_id: Option<Uuid>,
    /// The account that buys.
    pub account_id: Option<Uuid>,
    /// The employee who owns it.
    pub owner_id: Option<Uuid>,
    /// Of all amounts, ISO 4217.
    #[sea_orm(column_type = "Text")]
    pub currency: String,
    /// Header discount in percent.
    pub discount_percent: Exact,
    /// What is ordered, and how much of it is delivered.
    #[sea_orm(column_type = "JsonBinary")]
    pub lines: Lines,
    /// What it comes to.
    #[sea_orm(column_type = "JsonBinary")]
    pub totals: Totals,
    /// The day of the order.
    pub order_date: NaiveDate,
    /// The customer's order number (BT-13).
    #[sea_orm(column_type = "Text")]
    pub customer_reference: String,
    /// Days from the invoice to its due day.
    pub payment_days: i32,
    /// Why the ERP refused it last; empty where it did not, or since it was submitted again.
    #[sea_orm(column_type = "Text")]
    pub erp_refusal: String,
}

/// None: documents refer to each other by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Told for Model {
    fn name(&self) -> String {
        names::ORDERS.name(self.id)
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
    /// The order of an accepted quote: the same lines, the same totals (R-QUO-4).
    pub fn of_quote(quote: &quote::Model, customer_reference: String, now: Moment) -> Self {
        Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now.at,
            updated_at: now.at,
            state: State::Draft,
            state_since: now.at,
            number: String::new(),
            opportunity_id: quote.opportunity_id,
            quote_id: Some(quote.id),
            account_id: quote.account_id,
            owner_id: quote.owner_id,
            currency: quote.currency.clone(),
            discount_percent: quote.discount_percent,
            lines: quote.lines.clone(),
            totals: quote.totals.clone(),
            order_date: now.today,
            customer_reference,
            payment_days: quote.payment_days,
            erp_refusal: String::new(),
        }
    }

    /// Whether there can be invoices of it.
    pub fn can_have_invoices(&self) -> bool {
        self.state.next(Verb::CreateInvoice).is_some()
    }

    /// DRAFT → CONFIRMED.
    pub fn confirm(self, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::ConfirmOrder)?;
        Ok(self.moved(state, now))
    }

    /// CONFIRMED → SUBMITTED.
    pub fn submit(self, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::SubmitOrder)?;
        Ok(Self { erp_refusal: String::new(), ..self.moved(state, now) })
    }

    /// SUBMITTED → CONFIRMED: the ERP refused it, and said why.
    pub fn reject(self, reason: &str, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::RejectOrder)?;
        Ok(Self { erp_refusal: reason.to_owned(), ..self.moved(state, now) })
    }

    /// SUBMITTED, IN_FULFILLMENT → IN_FULFILLMENT, or FULFILLED once all is delivered: quantities, never more than
    /// ordered; everything that is open where none are named.
    pub fn fulfill(self, asked: &[Asked], now: Moment) -> Result<Self, Error> {
        let partly = self.state.accept(Verb::FulfillOrder)?;
        let delivered = pick(
            &self.lines,
            asked,
            |line| line.quantity - line.fulfilled,
            |line, asked| Error::OverFulfilled {
                line: line.id.clone(),
                ordered: line.quantity,
                fulfilled: line.fulfilled,
                asked,
            },
        )?;
        let mut lines = self.lines.clone();
        for line in &mut lines.0 {
            let more = delivered.iter().find(|(picked, _)| picked.id == line.id);
            line.fulfilled += more.map(|(_, quantity)| *quantity).unwrap_or_default();
        }
        let all = lines.0.iter().all(|line| line.fulfilled == line.quantity);
        let state = if all { State::Fulfilled } else { partly };
        Ok(Self { lines, ..self.moved(state, now) })
    }

    /// DRAFT, CONFIRMED → CANCELED. There can be no invoice yet: see [`State::next`].
    pub fn cancel(self, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::CancelOrder)?;
        Ok(self.moved(state, now))
    }

    fn moved(self, state: State, now: Moment) -> Self {
        let state_since = if state == self.state { self.state_since } else { now.at };
        Self { state, state_since, version: self.version + 1, updated_at: now.at, ..self }
    }
}
