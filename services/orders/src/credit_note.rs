//! What a customer has not to pay after all: the same machine as an invoice's, against the lines of one (R-INV-1).

mod amounts;
mod rows;

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use dealflow_chassis::Lifecycle;
use dealflow_proto::names;
use rust_decimal::Decimal;
use sea_orm::entity::prelude::*;

use crate::adjustment::Adjustments;
use crate::details::Details;
use crate::document::{Asked, Exact, Line, Lines, Totals};
use crate::error::Error;
use crate::invoice::{self, Billed};
use crate::legal_entity::in_year;
use crate::order;
use crate::parties::Parties;
use crate::record::{Moment, Told};

pub use amounts::{Credited, Crediting};
pub use rows::{FIELDS, check_imported, credited_of, drafted, find, insert, is_there, lock};

/// How far the credit note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Being written; has no number.
    Draft,
    /// Numbered; immutable.
    Posted,
    /// Given up before anybody else had it; final.
    Void,
}

/// What can be done with a credit note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It is right.
    PostCreditNote,
    /// It is given up.
    VoidCreditNote,
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
    const NOUN: &'static str = "credit note";
    const STATES: &'static [Self] = &[Self::Draft, Self::Posted, Self::Void];
    const VERBS: &'static [Verb] = &[Verb::PostCreditNote, Verb::VoidCreditNote];

    fn next(self, verb: Verb) -> Option<Self> {
        match (self, verb) {
            (Self::Draft, Verb::PostCreditNote) => Some(Self::Posted),
            (Self::Draft | Self::Posted, Verb::VoidCreditNote) => Some(Self::Void),
            _ => None,
        }
    }
}

/// A credit note; its quantities and amounts are those of the invoice, to be taken back.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "credit_note")]
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
    /// The number, given on posting.
    #[sea_orm(column_type = "Text")]
    pub number: Option<String>,
    /// The invoice that it takes back.
    pub invoice_id: Uuid,
    /// The invoice's number (BT-25).
    #[sea_orm(column_type = "Text")]
    pub invoice_number: String,
    /// The invoice's day (BT-26).
    pub invoice_date: NaiveDate,
    /// The order.
    pub order_id: Uuid,
    /// The number of the order (BT-14).
    #[sea_orm(column_type = "Text")]
    pub order_number: String,
    /// The opportunity.
    pub opportunity_id: Uuid,
    /// The account that pays.
    pub account_id: Option<Uuid>,
    /// Of all amounts, ISO 4217.
    #[sea_orm(column_type = "Text")]
    pub currency: String,
    /// Header discount in percent: the invoice's.
    pub discount_percent: Exact,
    /// What is taken back.
    #[sea_orm(column_type = "JsonBinary")]
    pub lines: Lines,
    /// What it comes to.
    #[sea_orm(column_type = "JsonBinary")]
    pub totals: Totals,
    /// The day of the credit note (BT-2).
    pub issue_date: NaiveDate,
    /// The legal entity that credits.
    #[sea_orm(column_type = "Text")]
    pub legal_entity: String,
    /// The series it is numbered in, e.g. `CN-2017`.
    #[sea_orm(column_type = "Text")]
    pub series: String,
    /// The customer's order number (BT-13).
    #[sea_orm(column_type = "Text")]
    pub customer_reference: String,
    /// Why.
    #[sea_orm(column_type = "Text")]
    pub reason: String,
    /// Its share of the invoice's allowances and charges of the whole.
    #[sea_orm(column_type = "JsonBinary")]
    pub adjustments: Option<Adjustments>,
    /// The part of the rounding amount that takes back what the invoice was asked to be rounded by, in minor units.
    pub asked_rounding: i64,
    /// Who deals with whom, as it was when it was posted; none in a draft, and in what was posted before that was kept.
    #[sea_orm(column_type = "JsonBinary")]
    pub parties: Option<Parties>,
    /// What it says beside that: the invoice's, and the day on which it is set off.
    #[sea_orm(column_type = "JsonBinary")]
    pub details: Option<Details>,
}

/// None: documents refer to each other by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Told for Model {
    fn name(&self) -> String {
        names::CREDIT_NOTES.name(self.id)
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
    /// A draft for what is not yet credited of a posted invoice: all of it, or what is asked for.
    ///
    /// Order and invoice are locked, and what is billed and credited was read under their lock. The credit note that completes the
    /// crediting carries what rounding lost or won, so that the credit notes of an invoice come to it, to the cent.
    pub fn of_invoice(
        of: &Crediting<'_>,
        asked: &[Asked],
        (reason, issue_date, series): (String, Option<NaiveDate>, &str),
        now: Moment,
    ) -> Result<Self, Error> {
        let invoice = of.invoice;
        let Some(number) = invoice.number.clone().filter(|_| invoice.state == invoice::State::Posted) else {
            return Err(Error::NotPosted { invoice: invoice.name(), state: invoice.state.to_string() });
        };
        let issue_date = issue_date.unwrap_or(now.today);
        if issue_date > now.today || issue_date < invoice.issue_date {
            let expected = format!("from the day of the invoice, {}, to {}", invoice.issue_date, now.today);
            return Err(Error::field("issue_date", expected));
        }
        let lines = of.lines(asked)?;
        let (adjustments, totals, asked_rounding) = of.totals(&lines)?;
        of.check_amount(&lines, &totals)?;
        // Set off when the invoice falls due, or at once where it has.
        let due = invoice.due_date.map(|due| due.max(issue_date));
        let of_invoice = invoice.details.clone().unwrap_or_default();
        let details = Details { due, external_id: String::new(), ..of_invoice };
        Ok(Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now.at,
            updated_at: now.at,
            state: State::Draft,
            state_since: now.at,
            number: None,
            invoice_id: invoice.id,
            invoice_number: number,
            invoice_date: invoice.issue_date,
            order_id: invoice.order_id,
            order_number: invoice.order_number.clone(),
            opportunity_id: invoice.opportunity_id,
            account_id: invoice.account_id,
            currency: invoice.currency.clone(),
            discount_percent: invoice.discount_percent,
            lines,
            totals,
            issue_date,
            legal_entity: invoice.legal_entity.clone(),
            series: in_year(series, issue_date.year()),
            customer_reference: invoice.customer_reference.clone(),
            reason,
            adjustments: adjustments.stored(),
            asked_rounding,
            parties: None,
            details: details.stored(),
        })
    }

    /// DRAFT → POSTED. The number is drawn afterwards, for it makes other postings wait.
    pub fn post(self, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::PostCreditNote)?;
        Ok(self.moved(state, now))
    }

    /// A credit note that the ERP made: posted under its number (R-INV-2).
    pub fn imported(self, number: String, external_id: String, now: Moment) -> Result<Self, Error> {
        let posted = self.post(now)?;
        let details = Details { external_id, ..posted.details.clone().unwrap_or_default() };
        Ok(Self { version: 1, number: Some(number), series: String::new(), details: details.stored(), ..posted })
    }

    /// DRAFT → VOID, POSTED → VOID. What was posted is void only where the ERP does not have it (`withdrawn`), and where the
    /// order could still be billed what it took back, of which this much is `billed`, and beyond which `over_percent` are
    /// tolerated; its number stays given (R-INV-1).
    pub fn void(
        self,
        withdrawn: bool,
        (order, billed, over_percent): (&order::Model, &Billed, Decimal),
        now: Moment,
    ) -> Result<Self, Error> {
        let state = self.state.accept(Verb::VoidCreditNote)?;
        if self.state == State::Posted {
            let fits = |line: &Line| {
                let ordered = order.lines.get(&line.id);
                let most = ordered.map(|it| it.fulfilled + it.tolerated(over_percent)).unwrap_or_default();
                (billed.of(&line.id) + line.quantity).abs() <= most.abs()
            };
            let why = match (order.state == order::State::Canceled, self.lines.0.iter().all(fits), withdrawn) {
                (true, ..) => Some("let its order be canceled"),
                (_, false, _) => Some("took back what was billed again since"),
                (.., false) => Some("was handed over to the ERP"),
                _ => None,
            };
            if let Some(why) = why {
                return Err(Error::NoteStays { note: self.name(), why });
            }
        }
        Ok(self.moved(state, now))
    }

    /// What its parties are found by: who sells, and the deal.
    pub fn deal(&self) -> (&str, Uuid) {
        (&self.legal_entity, self.opportunity_id)
    }

    fn moved(self, state: State, now: Moment) -> Self {
        Self { state, state_since: now.at, version: self.version + 1, updated_at: now.at, ..self }
    }
}
