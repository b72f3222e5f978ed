//! What a customer ordered (R-ORD-1, R-OPP-5).

mod change;
mod rows;

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::Lifecycle;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;

use crate::adjustment::Adjustments;
use crate::approval::Facts;
use crate::document::{Asked, Exact, Line, Lines, Totals, pick};
use crate::error::Error;
use crate::invoice::Billed;
use crate::payment_terms::Plan;
use crate::price::UsedRates;
use crate::quote;
use crate::record::{Moment, Told};

pub use rows::{FIELDS, find, find_live, insert, live_of, lock};

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
    /// Stopped for a while.
    OnHold,
    /// Delivered and billed; final, but what is taken back then can be billed again.
    Closed,
}

/// What can be done with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It is to be another one.
    UpdateOrder,
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
    /// It is to wait.
    HoldOrder,
    /// It goes on.
    ReleaseOrder,
    /// Nothing more is to come.
    CloseOrder,
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
    const STATES: &'static [Self] = &[
        Self::Draft,
        Self::Confirmed,
        Self::Submitted,
        Self::InFulfillment,
        Self::Fulfilled,
        Self::Canceled,
        Self::OnHold,
        Self::Closed,
    ];
    const VERBS: &'static [Verb] = &[
        Verb::UpdateOrder,
        Verb::ConfirmOrder,
        Verb::SubmitOrder,
        Verb::RejectOrder,
        Verb::FulfillOrder,
        Verb::CreateInvoice,
        Verb::HoldOrder,
        Verb::ReleaseOrder,
        Verb::CloseOrder,
        Verb::CancelOrder,
    ];

    fn next(self, verb: Verb) -> Option<Self> {
        use State::{Canceled, Closed, Confirmed, Draft, Fulfilled, InFulfillment, OnHold, Submitted};
        match (self, verb) {
            // From SUBMITTED on the quantities say how far it is then.
            (Draft | Confirmed | Submitted | InFulfillment | Fulfilled | OnHold, Verb::UpdateOrder) => Some(self),
            (Draft, Verb::ConfirmOrder) => Some(Confirmed),
            (Confirmed, Verb::SubmitOrder) => Some(Submitted),
            (Submitted, Verb::RejectOrder) => Some(Confirmed),
            // FULFILLED instead, where the quantities say so.
            (Submitted | InFulfillment, Verb::FulfillOrder) => Some(InFulfillment),
            (InFulfillment, Verb::CreateInvoice) => Some(InFulfillment),
            (Fulfilled, Verb::CreateInvoice) => Some(Fulfilled),
            // What was taken back since; the order itself stays at its end.
            (Closed, Verb::CreateInvoice) => Some(Closed),
            (Confirmed | Submitted | InFulfillment, Verb::HoldOrder) => Some(OnHold),
            // Where it was, which its row says.
            (OnHold, Verb::ReleaseOrder) => Some(Confirmed),
            (Fulfilled, Verb::CloseOrder) => Some(Closed),
            (Draft | Confirmed | Submitted | OnHold, Verb::CancelOrder) => Some(Canceled),
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
    /// Where it was before it was put on hold.
    pub held_from: Option<State>,
    /// Why it is on hold.
    #[sea_orm(column_type = "Text")]
    pub hold_reason: Option<String>,
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
    /// The instalments that it is billed in.
    #[sea_orm(column_type = "JsonBinary")]
    pub plan: Option<Plan>,
    /// Terms of payment, in words.
    #[sea_orm(column_type = "Text")]
    pub terms: String,
    /// How often what it says was changed.
    pub revision: i32,
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
    pub fn of_quote(id: Uuid, quote: &quote::Model, customer_reference: String, now: Moment) -> Self {
        Self {
            id,
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
            held_from: None,
            hold_reason: None,
            price_list_id: quote.price_list_id,
            used_rates: quote.used_rates.clone(),
            adjustments: quote.adjustments.clone(),
            legal_entity: quote.legal_entity.clone(),
            payment_terms_id: quote.payment_terms_id,
            plan: quote.plan.clone(),
            terms: quote.terms.clone(),
            revision: 0,
        }
    }

    /// What the policies about quotes look at.
    pub fn facts(&self) -> Facts {
        Facts::of(&self.currency, &self.lines, &self.totals)
    }

    /// Whether there can be invoices of it: not before anything was delivered.
    pub fn can_have_invoices(&self) -> bool {
        !matches!(self.state, State::Draft | State::Confirmed | State::Submitted)
    }

    /// Whether the ERP has it: from SUBMITTED on, on hold too.
    pub fn is_at_erp(&self) -> bool {
        let state = self.held_from.unwrap_or(self.state);
        matches!(state, State::Submitted | State::InFulfillment | State::Fulfilled)
    }

    /// DRAFT → CONFIRMED, for a customer who is known: an ERP takes no order of nobody's.
    pub fn confirm(self, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::ConfirmOrder)?;
        if self.account_id.is_none() {
            return Err(Error::NoCustomer { order: self.name() });
        }
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

    /// As it would be once this is delivered, from wherever it is on its way; one that is delivered in full stays as it is.
    pub fn delivered(self, asked: &[Asked], now: Moment) -> Result<Self, Error> {
        match self.state {
            State::Draft => self.confirm(now)?.submit(now)?.fulfill(asked, now),
            State::Confirmed => self.submit(now)?.fulfill(asked, now),
            State::Fulfilled | State::Closed => Ok(self),
            _ => self.fulfill(asked, now),
        }
    }

    /// DRAFT, CONFIRMED, SUBMITTED, ON_HOLD → CANCELED, never with an invoice that is not credited. Whether the ERP agrees
    /// is the caller's to check.
    pub fn cancel(self, billed: &Billed, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::CancelOrder)?;
        if billed.is_anything() {
            return Err(Error::StillBilled { order: self.name() });
        }
        Ok(Self { held_from: None, hold_reason: None, ..self.moved(state, now) })
    }

    /// CONFIRMED, SUBMITTED, IN_FULFILLMENT → ON_HOLD.
    pub fn hold(self, reason: &str, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::HoldOrder)?;
        Ok(Self { held_from: Some(self.state), hold_reason: Some(reason.to_owned()), ..self.moved(state, now) })
    }

    /// ON_HOLD → where it was.
    pub fn release(self, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::ReleaseOrder)?;
        let state = self.held_from.unwrap_or(state);
        Ok(Self { held_from: None, hold_reason: None, ..self.moved(state, now) })
    }

    /// FULFILLED → CLOSED, once all of it is billed, and its invoices come to what it comes to. What credit notes took back is
    /// billed again before, or there is a reason why it is not; so there is where they come to another amount.
    pub fn close(self, billed: &Billed, reason: &str, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::CloseOrder)?;
        let open = |line: &&Line| !line.is_reached_by(billed.posted(&line.id));
        let was_billed = |line: &Line| line.is_reached_by(billed.posted(&line.id) + billed.taken_back(&line.id));
        let instead = match self.lines.0.iter().filter(open).map(was_billed).reduce(|all, one| all && one) {
            Some(false) => "CreateInvoice bills the rest",
            Some(true) if reason.trim().is_empty() => {
                "CreateInvoice bills again what was credited, or `reason` says why it is not billed again"
            }
            None if reason.trim().is_empty() && self.misses_amount(billed) => {
                "its invoices come to another amount: CreateCreditNote takes a part of one back and CreateInvoice bills it \
                 again with what is missing, or `reason` says why it stays so"
            }
            _ => return Ok(self.moved(state, now)),
        };
        Err(Error::NotBilled { order: self.name(), instead })
    }

    /// Whether what is posted of an order that is billed to the piece comes to another amount than the order.
    fn misses_amount(&self, billed: &Billed) -> bool {
        let total = i128::from(self.totals.0.total_with_vat);
        self.lines.0.iter().all(|line| billed.posted(&line.id) == line.quantity) && billed.posted_amount() != total
    }

    fn moved(self, state: State, now: Moment) -> Self {
        let state_since = if state == self.state { self.state_since } else { now.at };
        Self { state, state_since, version: self.version + 1, updated_at: now.at, ..self }
    }
}
