//! Money that came in, and what it pays (R-INV-1).

mod rows;

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::Lifecycle;
use dealflow_proto::names;
use sea_orm::entity::prelude::*;

use crate::error::{Error, violation};
use crate::invoice;
use crate::record::{Moment, Told};

pub use rows::{
    Allocations, FIELDS, Settled, allocate, allocated, allocations_of, by_reference, find, insert, known, lock,
    reverse, settled,
};

/// How far the payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Some of it pays nothing yet.
    Received,
    /// All of it pays invoices.
    Allocated,
    /// The bank statement agrees; final.
    Reconciled,
    /// The money went back; final.
    Reversed,
}

/// What can be done with a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It pays invoices.
    AllocatePayment,
    /// The bank statement agrees.
    ReconcilePayment,
    /// The money went back.
    ReversePayment,
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
    const NOUN: &'static str = "payment";
    const STATES: &'static [Self] = &[Self::Received, Self::Allocated, Self::Reconciled, Self::Reversed];
    const VERBS: &'static [Verb] = &[Verb::AllocatePayment, Verb::ReconcilePayment, Verb::ReversePayment];

    fn next(self, verb: Verb) -> Option<Self> {
        match (self, verb) {
            // RECEIVED still, while some of it pays nothing.
            (Self::Received, Verb::AllocatePayment) => Some(Self::Allocated),
            (Self::Allocated, Verb::ReconcilePayment) => Some(Self::Reconciled),
            (Self::Received | Self::Allocated, Verb::ReversePayment) => Some(Self::Reversed),
            _ => None,
        }
    }
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Counts its changes; the etag.
    pub version: i64,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// How far it is.
    pub state: State,
    /// When it came into that state.
    pub state_since: DateTime<Utc>,
    /// Where it is known from.
    #[sea_orm(column_type = "Text")]
    pub source: String,
    /// How its source names it; unique within the source.
    #[sea_orm(column_type = "Text")]
    pub external_reference: String,
    /// The account that paid.
    pub account_id: Option<Uuid>,
    /// Of the amount, ISO 4217.
    #[sea_orm(column_type = "Text")]
    pub currency: String,
    /// Minor units.
    pub amount: i64,
    /// The day it came in.
    pub received_date: NaiveDate,
    /// What the payer wrote (BT-83).
    #[sea_orm(column_type = "Text")]
    pub remittance: String,
    /// Why it was reversed.
    #[sea_orm(column_type = "Text")]
    pub reverse_reason: String,
    /// SHA-256 of what was recorded: the same again is the same payment, anything else is a conflict.
    #[sea_orm(column_type = "Text")]
    pub digest: String,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Told for Model {
    fn name(&self) -> String {
        names::PAYMENTS.name(self.id)
    }

    /// A payment may pay several deals, so it is a thread of its own.
    fn thread(&self) -> String {
        self.name()
    }

    fn state(&self) -> String {
        self.state.to_string()
    }

    fn state_since(&self) -> DateTime<Utc> {
        self.state_since
    }
}

/// What a payment is to pay of an invoice, in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// The invoice's name.
    pub invoice: String,
    /// How much.
    pub amount: i64,
}

impl Model {
    /// The payment after it pays so much more; ALLOCATED once nothing is left of it.
    ///
    /// `before` is what it pays already; the invoices are posted and in its currency. More than an invoice asks for is
    /// the payer's to give: then the invoice is overpaid.
    pub fn allocate(
        self,
        before: &Allocations,
        more: &[Allocation],
        invoices: &[invoice::Model],
        now: Moment,
    ) -> Result<Self, Error> {
        let full = self.state.accept(Verb::AllocatePayment)?;
        let mut wrong = Vec::new();
        for (index, Allocation { invoice: name, amount }) in more.iter().enumerate() {
            let at = |field: &str| format!("allocations[{index}].{field}");
            if *amount <= 0 {
                wrong.push(violation(at("amount"), "more than 0"));
            }
            if more[..index].iter().any(|other| other.invoice == *name) {
                wrong.push(violation(at("invoice"), "each invoice once"));
            }
            if let Some(invoice) = invoices.iter().find(|invoice| invoice.name() == *name)
                && invoice.currency != self.currency
            {
                wrong.push(violation(at("amount"), format!("the invoice is in {}", invoice.currency)));
            }
        }
        if !wrong.is_empty() {
            return Err(Error::Fields(wrong));
        }
        if let Some(invoice) = invoices.iter().find(|invoice| invoice.state != invoice::State::Posted) {
            return Err(Error::NotPosted { invoice: invoice.name(), state: invoice.state.to_string() });
        }
        let left = i128::from(self.amount) - before.sum() - more.iter().map(|it| i128::from(it.amount)).sum::<i128>();
        if left < 0 {
            return Err(Error::OverAllocated { payment: self.name(), left: i128::from(self.amount) - before.sum() });
        }
        let state = if left == 0 { full } else { State::Received };
        Ok(self.moved(state, now))
    }

    /// ALLOCATED → RECONCILED.
    pub fn reconcile(self, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::ReconcilePayment)?;
        Ok(self.moved(state, now))
    }

    /// RECEIVED, ALLOCATED → REVERSED: what it paid is open again.
    pub fn reverse(self, reason: &str, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::ReversePayment)?;
        Ok(Self { reverse_reason: reason.to_owned(), ..self.moved(state, now) })
    }

    fn moved(self, state: State, now: Moment) -> Self {
        let state_since = if state == self.state { self.state_since } else { now.at };
        Self { state, state_since, version: self.version + 1, updated_at: now.at, ..self }
    }
}
