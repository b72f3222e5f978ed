//! What a caller says of an opportunity, into its record. Creating and updating read it alike: an update lays the
//! fields of its mask over what is stored, and the whole is read again.

use chrono::NaiveDate;
use dealflow_chassis::Mask;
use dealflow_proto::google::type_::{Date, Decimal as WireDecimal};
use dealflow_proto::names::{ACCOUNTS, CONTACTS, Collection, EMPLOYEES, LEADS, PRODUCTS};
use dealflow_proto::opportunities::v1 as pb;
use dealflow_proto::types::v1 as types;
use dealflow_proto::{Violation, convert};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::people::{read_competitors, read_participants, read_team};
use crate::amount::{Iso, arithmetic};
use crate::error::Error;
use crate::opportunity::{Bant, Line, Lines, LoseReason, Model};

macro_rules! updatable {
    ($($field:ident),+) => {
        /// The fields that an update can take over.
        pub(crate) const KNOWN: &[&str] = &[$(stringify!($field)),+];

        fn lay(stored: &mut pb::Opportunity, given: pb::Opportunity, mask: &Mask) {
            let nothing = pb::Opportunity::default();
            $(if mask.takes(stringify!($field), given.$field != nothing.$field) {
                stored.$field = given.$field;
            })+
        }
    };
}

updatable!(
    title,
    lead,
    account,
    contact,
    owner,
    bant,
    currency_code,
    lines,
    estimated_value,
    estimated_close_date,
    probability,
    tactics,
    competitor,
    presentation_date,
    notes,
    source,
    external_id,
    open_date,
    terms_of_sale,
    revenue_expectation,
    channel,
    campaign,
    proposal_handover_date,
    decision_maker,
    competitors,
    participants,
    team
);

/// Lays the fields that the mask takes over what is stored. The decision maker is one fact with two names: given by
/// one of them it holds, given by both it must be the same person, which `read` asks.
pub(crate) fn overlay(stored: &mut pb::Opportunity, given: pb::Opportunity, mask: &Mask) {
    stored.decision_maker.clear();
    let alone =
        mask.takes("decision_maker", !given.decision_maker.is_empty()) && !mask.takes("bant", given.bant.is_some());
    lay(stored, given, mask);
    if alone {
        stored.bant.get_or_insert_default().decision_maker = std::mem::take(&mut stored.decision_maker);
    }
}

/// Takes over what a caller says; `today` is the clock's day.
///
/// # Errors
/// [`Error::Fields`] with everything that cannot be meant, or [`Error::Arithmetic`].
pub(crate) fn read(given: &pb::Opportunity, into: &mut Model, today: NaiveDate) -> Result<(), Error> {
    let currency = Iso::of(&given.currency_code).map_err(|error| arithmetic("currency_code", &error))?;
    let mut faults = Faults::default();
    into.currency = currency;
    into.title.clone_from(&given.title);
    into.lead = faults.take(name("lead", LEADS, &given.lead));
    into.account = faults.take(name("account", ACCOUNTS, &given.account));
    into.contact = faults.take(name("contact", CONTACTS, &given.contact));
    into.owner = faults.take(name("owner", EMPLOYEES, &given.owner));
    into.bant = match &given.bant {
        Some(bant) => read_bant(bant, currency, &mut faults),
        None => Bant::default(),
    };
    let decides = faults.take(name("decision_maker", CONTACTS, &given.decision_maker));
    if decides.is_some() && into.bant.decision_maker.is_some_and(|other| Some(other) != decides) {
        faults.wrong("opportunity.decision_maker", "is another contact than bant.decision_maker; it is one person");
    }
    into.bant.decision_maker = decides.or(into.bant.decision_maker);
    into.competitors = read_competitors(&given.competitors, &mut faults);
    into.participants = read_participants(&given.participants, &mut faults);
    into.participants.with_decision_maker(into.bant.decision_maker);
    into.team = read_team(&given.team, &mut faults);
    into.probability = given.probability;
    into.tactics.clone_from(&given.tactics);
    into.competitor.clone_from(&given.competitor);
    into.notes.clone_from(&given.notes);
    into.source.clone_from(&given.source);
    into.terms_of_sale.clone_from(&given.terms_of_sale);
    into.channel.clone_from(&given.channel);
    into.campaign.clone_from(&given.campaign);
    let expected = given.revenue_expectation.as_ref();
    into.revenue_expectation =
        faults.take(expected.map(|amount| currency.minor("revenue_expectation", amount)).transpose());
    if into.revenue_expectation.is_some_and(|amount| amount < 0) {
        faults.wrong("opportunity.revenue_expectation", "must not be negative");
    }
    into.proposal_handover_date = faults.take(day("proposal_handover_date", given.proposal_handover_date.as_ref()));
    into.external_id = Some(given.external_id.clone()).filter(|id| !id.is_empty());
    into.presentation_date = faults.take(day("presentation_date", given.presentation_date.as_ref()));
    into.estimated_close_date = faults.take(day("estimated_close_date", given.estimated_close_date.as_ref()));
    let open_date = faults.take(day("open_date", given.open_date.as_ref()));
    into.open_date = open_date.unwrap_or_else(|| into.created_at.date_naive());
    faults.take(check_days(into, today));

    into.lines =
        Lines(given.lines.iter().enumerate().map(|(at, line)| read_line(at, line, currency, &mut faults)).collect());
    faults.take(number_lines(&mut into.lines));
    let by_hand = given.estimated_value.as_ref();
    let by_hand = faults.take(by_hand.map(|value| currency.minor("estimated_value", value)).transpose());
    let sum = faults.take(into.lines.price(currency).map_err(|error| arithmetic(error.field(), &error)));
    into.estimate(by_hand, sum);
    if into.estimated_value.is_some_and(|value| value < 0) {
        faults.wrong("opportunity.estimated_value", "must not be negative");
    }
    faults.end()
}

/// Everything that is wrong, gathered before anything is refused.
#[derive(Default)]
pub(super) struct Faults {
    fields: Vec<Violation>,
    arithmetic: Option<Error>,
}

impl Faults {
    pub(super) fn take<T: Default>(&mut self, result: Result<T, Error>) -> T {
        match result {
            Ok(value) => return value,
            Err(Error::Fields(fields)) => self.fields.extend(
                fields.into_iter().map(|fault| Violation { field: format!("opportunity.{}", fault.field), ..fault }),
            ),
            Err(other) => {
                self.arithmetic.get_or_insert(other);
            }
        }
        T::default()
    }

    pub(super) fn wrong(&mut self, field: impl Into<String>, description: &str) {
        self.fields.push(Violation { field: field.into(), description: description.to_owned() });
    }

    fn end(self) -> Result<(), Error> {
        if !self.fields.is_empty() {
            return Err(Error::Fields(self.fields));
        }
        self.arithmetic.map_or(Ok(()), Err)
    }
}

/// A day of the wire; `field` names it in a refusal.
///
/// # Errors
/// [`Error::Fields`] if it is no day.
pub(crate) fn day(field: &str, date: Option<&Date>) -> Result<Option<NaiveDate>, Error> {
    date.map(convert::date_of).transpose().map_err(|error| Error::field(field, error.to_string()))
}

/// A built-in reason of the wire; none where it is not said, or one of the user's own.
pub(crate) fn lose_reason(reason: pb::opportunity::LoseReason) -> Option<LoseReason> {
    use pb::opportunity::LoseReason as Wire;
    match reason {
        Wire::Unspecified | Wire::Own => None,
        Wire::OutSold => Some(LoseReason::OutSold),
        Wire::Canceled => Some(LoseReason::Canceled),
        Wire::NoBudget => Some(LoseReason::NoBudget),
        Wire::NoDecision => Some(LoseReason::NoDecision),
        Wire::Price => Some(LoseReason::Price),
        Wire::Other => Some(LoseReason::Other),
    }
}

pub(super) fn name(field: &str, collection: Collection, name: &str) -> Result<Option<Uuid>, Error> {
    collection.parse_optional(name).map_err(|error| Error::field(field, error.to_string()))
}

fn number(field: &str, decimal: Option<&WireDecimal>) -> Result<Option<Decimal>, Error> {
    decimal.map(convert::decimal_from).transpose().map_err(|error| Error::field(field, error.to_string()))
}

fn check_days(opportunity: &Model, today: NaiveDate) -> Result<(), Error> {
    let open_date = opportunity.open_date;
    if open_date > today {
        return Err(Error::field("open_date", format!("is {open_date}, after today, {today}")));
    }
    match opportunity.estimated_close_date {
        Some(close) if close < open_date => {
            Err(Error::field("estimated_close_date", format!("is {close}, before open_date, {open_date}")))
        }
        _ => Ok(()),
    }
}

fn read_bant(given: &types::Bant, currency: Iso, faults: &mut Faults) -> Bant {
    let said = |number: i32, name: &str| if number == 0 { String::new() } else { name.to_owned() };
    let budget = given.budget_amount.as_ref();
    let budget = faults.take(budget.map(|amount| currency.minor("bant.budget_amount", amount)).transpose());
    if budget.is_some_and(|amount| amount < 0) {
        faults.wrong("opportunity.bant.budget_amount", "must not be negative");
    }
    Bant {
        budget_status: said(given.budget_status, given.budget_status().as_str_name()),
        budget_amount: budget,
        purchase_process: said(given.purchase_process, given.purchase_process().as_str_name()),
        decision_maker: faults.take(name("bant.decision_maker", CONTACTS, &given.decision_maker)),
        need: said(given.need, given.need().as_str_name()),
        need_text: given.need_text.clone(),
        timeframe: said(given.timeframe, given.timeframe().as_str_name()),
        decision_date: faults.take(day("bant.decision_date", given.decision_date.as_ref())),
    }
}

fn read_line(index: usize, given: &types::Line, currency: Iso, faults: &mut Faults) -> Line {
    let at = |field: &str| format!("lines[{index}].{field}");
    if given.product.is_empty() && given.description.trim().is_empty() {
        faults.wrong(format!("opportunity.{}", at("description")), "a line has a product or a description");
    }
    if given.quantity.is_none() {
        faults.wrong(format!("opportunity.{}", at("quantity")), "is required");
    }
    let discount = faults.take(number(&at("discount_percent"), given.discount_percent.as_ref()));
    let discount = discount.filter(|percent| {
        let fits = (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(percent);
        if !fits {
            faults.wrong(format!("opportunity.{}", at("discount_percent")), "must be 0 to 100");
        }
        fits
    });
    for (field, given) in [("allowances", &given.allowances), ("charges", &given.charges)] {
        if !given.is_empty() {
            faults.wrong(format!("opportunity.{}", at(field)), "none: they are agreed in the quote");
        }
    }
    let price = given.unit_price.as_ref().map(|price| currency.price(&at("unit_price"), price)).transpose();
    let vat = given.vat.as_ref().map(|vat| {
        let rate = faults.take(number(&at("vat.rate"), vat.rate.as_ref()));
        (vat.category().as_str_name().to_owned(), rate)
    });
    Line {
        id: given.line_id.clone(),
        product: faults.take(name(&at("product"), PRODUCTS, &given.product)),
        description: given.description.clone(),
        quantity: faults.take(number(&at("quantity"), given.quantity.as_ref())).unwrap_or_default(),
        unit_code: given.unit_code.clone(),
        unit_price: faults.take(price),
        discount_percent: discount,
        vat,
        net: None,
    }
}

/// Gives an id to each line that has none, and refuses one that stands there twice.
fn number_lines(lines: &mut Lines) -> Result<(), Error> {
    let mut taken = std::collections::HashSet::new();
    for (index, line) in lines.0.iter().enumerate().filter(|(_, line)| !line.id.is_empty()) {
        if !taken.insert(line.id.clone()) {
            let twice = format!("`{}` stands there twice", line.id);
            return Err(Error::field(&format!("lines[{index}].line_id"), twice));
        }
    }
    let mut free = (1..).map(|number: usize| number.to_string()).filter(|id| !taken.contains(id));
    for line in lines.0.iter_mut().filter(|line| line.id.is_empty()) {
        line.id = free.next().unwrap_or_default(); // there is no end of numbers
    }
    Ok(())
}
