//! What a customer has to pay for an order or a part of it (R-INV-1).

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

use crate::adjustment::{Adjustments, Share};
use crate::details::Details;
use crate::document::{Asked, Exact, Line, Lines, Totals, Whole, currency, pick};
use crate::error::Error;
use crate::legal_entity::in_year;
use crate::order;
use crate::parties::Parties;
use crate::payment::Settled;
use crate::payment_terms::Plan;
use crate::record::{Moment, Told};

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

/// The instalment that a bill is of: the one that is asked for, and where neither that nor lines are, the first of the
/// order's plan that is not billed; 0 where it is of none.
pub fn instalment_to_bill(order: &order::Model, billed: &Billed, asked: &[Asked], number: i32) -> i32 {
    let Some(plan) = order.plan.as_ref().filter(|plan| number == 0 && asked.is_empty() && !plan.0.is_empty()) else {
        return number;
    };
    let is_open = |count: &usize| order.lines.0.iter().any(|line| !left_of(plan, billed, line, *count).is_zero());
    // Where all of them are billed, the last one says so.
    let next = (1..=plan.0.len()).find(is_open).unwrap_or(plan.0.len());
    i32::try_from(next).unwrap_or(number)
}

/// What the first of a plan's instalments bill of a line and is not billed yet.
fn left_of(plan: &Plan, billed: &Billed, line: &Line, count: usize) -> Decimal {
    let left = plan.up_to(count, line.quantity) - billed.of(&line.id);
    if left.is_sign_negative() == line.quantity.is_sign_negative() { left } else { Decimal::ZERO }
}

/// What an instalment bills of each line, and the days that it is due in: what the plan makes due up to it and is not
/// billed yet. What a credit note took back is due again with the instalment that it was billed by, or a later one.
fn instalment_of(
    order: &order::Model,
    billed: &Billed,
    asked: &[Asked],
    number: usize,
) -> Result<(Vec<Asked>, i32), Error> {
    let plan = order.plan.as_ref().filter(|plan| number <= plan.0.len());
    let Some((plan, one)) = plan.and_then(|plan| plan.0.get(number - 1).map(|one| (plan, one))) else {
        let there = order.plan.as_ref().map_or(0, |plan| plan.0.len());
        let expected = match there {
            0 => "nothing: the order's terms of payment have no instalments".to_owned(),
            last => format!("1 to {last}, the instalments of the order"),
        };
        return Err(Error::field("instalment", expected));
    };
    if !asked.is_empty() {
        return Err(Error::field("lines", "nothing: an instalment bills its part of every line"));
    }
    let left = |line: &Line, count: usize| left_of(plan, billed, line, count);
    if order.lines.0.iter().any(|line| !left(line, number - 1).is_zero()) {
        let order = order.name();
        return Err(Error::EarlierInstalment { order, instalment: number, earlier: number - 1 });
    }
    let due = order.lines.0.iter().map(|line| Asked { line: line.id.clone(), quantity: left(line, number) });
    let due: Vec<Asked> = due.filter(|asked| !asked.quantity.is_zero()).collect();
    if due.is_empty() {
        return Err(Error::NothingToBill { order: order.name() });
    }
    Ok((due, one.days))
}

fn lines_to_bill(order: &order::Model, billed: &Billed, asked: &[Asked], over: Decimal) -> Result<Lines, Error> {
    // Beyond what is delivered only what somebody asks for, and as far as the installation tolerates it.
    let left = |line: &Line| {
        let plain = line.fulfilled - billed.of(&line.id);
        let left = if asked.is_empty() { plain } else { plain + line.tolerated(over) };
        let beyond = !left.is_zero() && left.is_sign_negative() != line.quantity.is_sign_negative();
        if beyond { Decimal::ZERO } else { left }
    };
    let over = |line: &Line, asked| Error::OverBilled { line: line.id.clone(), left: left(line), asked };
    let picked = pick(&order.lines, asked, left, over)?;
    if picked.is_empty() {
        return Err(Error::NothingToBill { order: order.name() });
    }
    let currency = currency(&order.currency)?;
    let billed_line = |(line, quantity): (&Line, Decimal)| {
        let share = Share::of_quantities(billed.of(&line.id) + quantity, line.quantity);
        let adjustments = line.adjustments.part(&billed.carried(&line.id), share, currency);
        let adjustments = adjustments.map_err(|cause| Error::Money { document: "invoice", cause })?;
        Ok(Line { quantity, fulfilled: Decimal::ZERO, adjustments, ..line.clone() })
    };
    picked.into_iter().map(billed_line).collect::<Result<_, Error>>().map(Lines)
}

/// The invoice's share of what the order says of the whole, and what it comes to.
fn totals_to_bill(
    order: &order::Model,
    billed: &Billed,
    lines: &Lines,
    settling: Settling,
) -> Result<(Adjustments, Totals), Error> {
    let currency = currency(&order.currency)?;
    let now_billed = |line: &Line| billed.of(&line.id) + lines.get(&line.id).map(|l| l.quantity).unwrap_or_default();
    let completes = order.lines.0.iter().all(|line| now_billed(line) == line.quantity);
    let reached = order.lines.0.iter().all(|line| line.is_reached_by(now_billed(line)));
    let of_order = Whole::of(order.discount_percent, order.adjustments.as_ref());
    let mut whole = Whole { discount: of_order.discount, ..Whole::default() };
    if !of_order.adjustments.is_empty() {
        let own = whole.totals("invoice", currency, lines)?;
        let done = billed.sum_of_lines() + i128::from(own.0.sum_of_lines);
        let share = if reached { Share::ALL } else { Share { done, whole: i128::from(order.totals.0.sum_of_lines) } };
        let part = of_order.adjustments.part(&billed.carried_of_whole(), share, currency);
        whole.adjustments = part.map_err(|cause| Error::Money { document: "invoice", cause })?;
    }
    whole.rounding = settling.rounding;
    whole.prepaid = settling.prepaid;
    let own = whole.totals("invoice", currency, lines)?;
    if completes {
        let rest = i128::from(order.totals.0.total_with_vat) - billed.amount() - i128::from(own.0.total_with_vat);
        if rest != 0 {
            whole.rounding += Decimal::from_i128_with_scale(rest, currency.exponent());
            let rounded = whole.totals("invoice", currency, lines)?;
            return Ok((whole.adjustments, rounded));
        }
    }
    Ok((whole.adjustments, own))
}
