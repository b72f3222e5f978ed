//! What a customer has to pay for an order or a part of it (R-INV-1).

mod amounts;
mod billed;
mod rows;
mod state;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use dealflow_chassis::{Kind, Lifecycle, Refusal};
use dealflow_money::to_minor;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::names;
use rust_decimal::Decimal;
use sea_orm::entity::prelude::*;

use crate::adjustment::Adjustments;
use crate::details::Details;
use crate::document::{Asked, Exact, Lines, Totals};
use crate::error::Error;
use crate::legal_entity::in_year;
use crate::order;
use crate::parties::Parties;
use crate::payment::Settled;
use crate::record::{Moment, Told};

use amounts::{instalment_of, lines_to_bill, totals_to_bill};

pub use amounts::instalment_to_bill;
pub use billed::Billed;
pub use rows::{FIELDS, billed, billed_and_paid, billed_of_all, check_imported, find, insert, lock, lock_all};
pub use state::{State, Verb};

/// An invoice.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invoice")]
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
    /// Header discount in percent: the order's.
    pub discount_percent: Exact,
    /// What is billed.
    #[sea_orm(column_type = "JsonBinary")]
    pub lines: Lines,
    /// What it comes to.
    #[sea_orm(column_type = "JsonBinary")]
    pub totals: Totals,
    /// Days to the due day.
    pub payment_days: i32,
    /// The day of the invoice (BT-2).
    pub issue_date: NaiveDate,
    /// The day it is due (BT-9); from posting on.
    pub due_date: Option<NaiveDate>,
    /// The legal entity that bills.
    #[sea_orm(column_type = "Text")]
    pub legal_entity: String,
    /// The series it is numbered in, e.g. `INV-2017`.
    #[sea_orm(column_type = "Text")]
    pub series: String,
    /// The customer's order number (BT-13).
    #[sea_orm(column_type = "Text")]
    pub customer_reference: String,
    /// Its share of the order's allowances and charges of the whole.
    #[sea_orm(column_type = "JsonBinary")]
    pub adjustments: Option<Adjustments>,
    /// The part of the rounding amount that somebody asked for, in minor units.
    pub asked_rounding: i64,
    /// Which instalment of its order it bills, from 1 on; 0 where it bills none.
    pub instalment: i32,
    /// Terms of payment, in words (BT-20).
    #[sea_orm(column_type = "Text")]
    pub terms: String,
    /// Who deals with whom, as it was when it was posted; none in a draft, and in what was posted before that was kept.
    #[sea_orm(column_type = "JsonBinary")]
    pub parties: Option<Parties>,
    /// What it says beside that; none where it says nothing more.
    #[sea_orm(column_type = "JsonBinary")]
    pub details: Option<Details>,
}

/// How an invoice is to be made, beside what it bills.
#[derive(Clone, Debug)]
pub struct Making {
    /// Its day; today where it is absent.
    pub issue_date: Option<NaiveDate>,
    /// How much more than what is delivered may be billed, in percent.
    pub over_percent: Decimal,
    /// What is paid in advance, and how it is rounded.
    pub settling: Settling,
    /// The series of the legal entity, with what stands for the year.
    pub series: String,
    /// The instalment that it bills; 0 for none.
    pub instalment: i32,
    /// What it says beside its amounts.
    pub details: Details,
}

/// What is said of an invoice as a whole when it is made: paid in advance, and rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settling {
    /// BT-113.
    pub prepaid: Decimal,
    /// BT-114.
    pub rounding: Decimal,
}

/// None: documents refer to each other by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Told for Model {
    fn name(&self) -> String {
        names::INVOICES.name(self.id)
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
    /// A draft for what is delivered of an order and not yet billed: all of it, or what is asked for.
    ///
    /// The order is locked and `billed` was read under that lock. The percentages of discount are the order's. The
    /// invoice that completes the billing carries what rounding lost or won on the way (BT-114), so that the invoices
    /// of an order come to the order's amount, to the cent.
    pub fn of_order(
        order: &order::Model,
        billed: &Billed,
        asked: &[Asked],
        making: &Making,
        now: Moment,
    ) -> Result<Self, Error> {
        order.state.accept(order::Verb::CreateInvoice)?;
        let issue_date = making.issue_date.unwrap_or(now.today);
        if issue_date > now.today || issue_date < order.order_date {
            let expected = format!("from the day of the order, {}, to {}", order.order_date, now.today);
            return Err(Error::field("issue_date", expected));
        }
        let (asked, days) = match usize::try_from(making.instalment).unwrap_or_default() {
            0 => (asked.to_vec(), order.payment_days),
            number => instalment_of(order, billed, asked, number)?,
        };
        let lines = lines_to_bill(order, billed, &asked, making.over_percent)?;
        let (adjustments, totals) = totals_to_bill(order, billed, &lines, making.settling)?;
        if totals.0.total_without_vat < 0 {
            let together = "a total of 0 or more: what is taken back is billed together with what is sold";
            let earlier = "; CreateCreditNote takes an earlier invoice back, and all of it is billed anew";
            return Err(Error::field(
                "lines",
                format!("{together}{}", if billed.is_anything() { earlier } else { "" }),
            ));
        }
        if totals.0.payable < 0 {
            let expected = format!("at most what is to be paid, {}", totals.0.money(totals.0.total_with_vat));
            return Err(Error::field("prepaid", expected));
        }
        let asked_rounding = to_minor(making.settling.rounding, totals.0.currency);
        Ok(Self {
            id: Uuid::now_v7(),
            version: 1,
            created_at: now.at,
            updated_at: now.at,
            state: State::Draft,
            state_since: now.at,
            number: None,
            order_id: order.id,
            order_number: order.number.clone(),
            opportunity_id: order.opportunity_id,
            account_id: order.account_id,
            currency: order.currency.clone(),
            discount_percent: order.discount_percent,
            lines,
            totals,
            payment_days: days,
            issue_date,
            due_date: None,
            legal_entity: order.legal_entity.clone(),
            series: in_year(&making.series, issue_date.year()),
            customer_reference: order.customer_reference.clone(),
            adjustments: adjustments.stored(),
            asked_rounding: asked_rounding.map_err(|cause| Error::Money { document: "invoice", cause })?,
            instalment: making.instalment,
            terms: order.terms.clone(),
            parties: None,
            details: making.details.clone().stored(),
        })
    }

    /// Refuses an invoice that leaves of its order what comes to less than nothing: no invoice could ever say that, so what is
    /// taken back is billed with what is sold (R-INV-1). `billed` is what is billed without it.
    pub fn check_rest(&self, order: &order::Model, billed: &Billed) -> Result<(), Error> {
        let (mut delivered, mut after) = (order.clone(), billed.clone());
        for line in &mut delivered.lines.0 {
            line.fulfilled = line.quantity;
        }
        after.add(self.id, self.state, &self.lines, &self.totals, self.asked_rounding);
        let rest = match lines_to_bill(&delivered, &after, &[], Decimal::ZERO) {
            Err(Error::NothingToBill { .. }) => return Ok(()),
            rest => rest?,
        };
        let takes_back = rest.0.iter().filter(|line| line.quantity.is_sign_negative());
        let takes_back: Vec<&str> = takes_back.map(|line| line.id.as_str()).collect();
        if takes_back.is_empty() {
            return Ok(());
        }
        let (_, totals) = totals_to_bill(&delivered, &after, &rest, Settling::default())?;
        if totals.0.total_without_vat.min(totals.0.payable) >= 0 {
            return Ok(());
        }
        let (what, with) = ("what leaves 0 or more to be billed", takes_back.join(", "));
        Err(Error::field("lines", format!("{what}: bill line {with} with it, once that is delivered")))
    }

    /// Refuses to take back what the ERP invoiced: it is numbered in no series of ours (R-INV-2).
    pub fn check_ours(&self, verb: &'static str) -> Result<(), Error> {
        let imported = self.state == State::Posted && self.series.is_empty();
        if imported { Err(Error::InvoicedByErp { invoice: self.name(), verb }) } else { Ok(()) }
    }

    /// DRAFT → POSTED. The number is drawn afterwards, for it makes other postings wait; so are the parties kept.
    pub fn post(self, now: Moment) -> Result<Self, Error> {
        if self.state == State::Posted {
            return Err(self.is_posted().into());
        }
        let state = self.state.accept(Verb::PostInvoice)?;
        let days = Days::new(u64::try_from(self.payment_days).unwrap_or_default());
        let due = self.issue_date.checked_add_days(days);
        let due_date = due.ok_or_else(|| Error::field("issue_date", "a day whose due day is in the calendar"))?;
        Ok(Self { due_date: Some(due_date), ..self.moved(state, now) })
    }

    /// What is posted is not posted again, and is void only while the ERP does not have it: the way back from there is a
    /// credit note, which is no verb of the invoice (R-INV-1).
    fn is_posted(&self) -> Refusal {
        let (name, verb, void) = (self.name(), Verb::PostInvoice, Verb::VoidInvoice);
        let message = format!(
            "{name} is {}, and does not accept {verb}; CreateCreditNote takes it back, {void} only while the ERP does \
            not have it",
            self.state
        );
        Refusal::new(Kind::Precondition, ErrorReason::StateRefusesVerb, message)
            .with("state", self.state.to_string())
            .with("verb", verb.to_string())
            .with("allowed", void.to_string())
            .precondition("STATE", State::NOUN, &format!("is {}", self.state))
    }

    /// An invoice that the ERP made: posted under its number (R-INV-2).
    pub fn imported(
        self,
        (number, external_id): (String, String),
        due: Option<NaiveDate>,
        now: Moment,
    ) -> Result<Self, Error> {
        let posted = self.post(now)?;
        if due.is_some_and(|due| due < posted.issue_date) {
            return Err(Error::field("due_date", format!("{} or later", posted.issue_date)));
        }
        let due_date = due.or(posted.due_date);
        let details = Details { external_id, ..posted.details.clone().unwrap_or_default() };
        let number = Some(number);
        Ok(Self { version: 1, number, due_date, series: String::new(), details: details.stored(), ..posted })
    }

    /// DRAFT → VOID, POSTED → VOID: what it billed can be billed again. What was posted is void only where the ERP does not
    /// have it (`withdrawn`) and nothing is paid or credited of it; its number stays given (R-INV-1).
    pub fn void(self, withdrawn: bool, settled: &Settled, noted: bool, now: Moment) -> Result<Self, Error> {
        let state = self.state.accept(Verb::VoidInvoice)?;
        if self.state == State::Posted {
            let why = match (settled.paid != 0, noted || settled.credited != 0, withdrawn) {
                (true, ..) => Some("is paid, or a part of it"),
                (_, true, _) => Some("has a credit note"),
                (.., false) => Some("was handed over to the ERP"),
                _ => None,
            };
            if let Some(why) = why {
                return Err(Error::NotVoid { invoice: self.name(), why });
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
