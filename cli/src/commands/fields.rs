//! Plain fields of a record set by words, `FIELD=VALUE`, for `lead set`, `account set` and `deal set`: what is said is taken
//! over by the record's own Update call, with a mask of just that.

use anyhow::{Context as _, bail};
use chrono::NaiveDate;
use dealflow_proto::convert;
use dealflow_proto::google::type_::{Date, Money};
use dealflow_proto::leads::v1::{Account, Lead};
use dealflow_proto::opportunities::v1::Opportunity;
use dealflow_proto::types::v1::{Bant, BudgetStatus, Need, PurchaseProcess, Timeframe};
use prost_types::FieldMask;
use rust_decimal::Decimal;

use super::parties::{account, contact};
use super::people::People;
use crate::api::Api;

/// A field that people may set.
pub(super) struct Field<T> {
    /// What they call it: `bant.need`, or only `need`.
    name: &'static str,
    /// Its path in the mask: what it is a part of goes as a whole.
    path: &'static str,
    /// Writes a text into the record; an empty one clears the field.
    write: fn(&mut T, &str) -> anyhow::Result<()>,
}

impl<T> Field<T> {
    fn goes_by(&self, typed: &str) -> bool {
        self.name == typed || self.name.rsplit('.').next() == Some(typed)
    }
}

/// What was typed for a record, each with its field.
pub(super) struct Said<T: 'static>(Vec<(&'static Field<T>, String)>);

impl<T> Said<T> {
    /// Takes `FIELD=VALUE` apart.
    ///
    /// # Errors
    /// Where something is no field of the record that can be set so: with those that can.
    pub(super) fn read(noun: &str, fields: &'static [Field<T>], typed: &[String]) -> anyhow::Result<Self> {
        let known = || fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
        let read = typed.iter().map(|typed| {
            let Some((name, value)) = typed.split_once('=') else {
                bail!("`{typed}` is no FIELD=VALUE; fields of {noun} to set are {}", known());
            };
            let field = fields.iter().find(|field| field.goes_by(name.trim()));
            let field = field.with_context(|| format!("{noun} has no field `{name}` to set; there are {}", known()))?;
            Ok((field, value.trim().to_owned()))
        });
        Ok(Self(read.collect::<anyhow::Result<_>>()?))
    }

    /// Lays what was said over the record, and answers the mask of it.
    ///
    /// # Errors
    /// Where a value is none of its field, or nobody goes by the name that is said.
    pub(super) async fn write(&self, api: &Api, record: &mut T) -> anyhow::Result<FieldMask> {
        let mut paths: Vec<String> = Vec::new();
        for (field, value) in &self.0 {
            let value = named(api, field.name, value).await?;
            (field.write)(record, &value).with_context(|| format!("{}={value}", field.name))?;
            if !paths.iter().any(|path| path == field.path) {
                paths.push(field.path.to_owned());
            }
        }
        Ok(FieldMask { paths })
    }
}

/// The name on the wire of the person or company that a field's value means; any other value as it is.
async fn named(api: &Api, field: &str, value: &str) -> anyhow::Result<String> {
    match field {
        _ if value.is_empty() => Ok(String::new()),
        "owner" if !value.starts_with("employees/") => Ok(People::read(api).await?.who(value)?.to_owned()),
        "account" | "parent" => account(api, value).await,
        "contact" => contact(api, value).await,
        _ => Ok(value.to_owned()),
    }
}

/// A field that holds a text, an address's part, or a part of the BANT.
macro_rules! field {
    ($name:ident) => {
        Field { name: stringify!($name), path: stringify!($name), write: |it, said| Ok(said.clone_into(&mut it.$name)) }
    };
    ($name:ident: $read:ident) => {
        Field {
            name: stringify!($name),
            path: stringify!($name),
            write: |it, said| {
                it.$name = $read(said)?;
                Ok(())
            },
        }
    };
    (address.$part:ident) => {
        Field {
            name: concat!("address.", stringify!($part)),
            path: "address",
            write: |it, said| Ok(said.clone_into(&mut it.address.get_or_insert_default().$part)),
        }
    };
    (bant.$part:ident by $write:ident) => {
        Field {
            name: concat!("bant.", stringify!($part)),
            path: "bant",
            write: |it, said| $write(it.bant.get_or_insert_default(), said),
        }
    };
}

/// Of a lead.
pub(super) static LEAD: &[Field<Lead>] = &[
    field!(title),
    field!(company_name),
    field!(given_name),
    field!(family_name),
    field!(email),
    field!(phone),
    field!(vat_id),
    field!(address.street),
    field!(address.city),
    field!(address.postal_code),
    field!(address.region),
    field!(address.country_code),
    field!(channel),
    field!(campaign),
    field!(owner),
    field!(bant.need by need),
    field!(bant.need_text by need_text),
    field!(bant.budget_status by budget_status),
    field!(bant.budget_amount by budget_amount),
    field!(bant.purchase_process by purchase_process),
    field!(bant.decision_maker by decision_maker),
    field!(bant.timeframe by timeframe),
    field!(bant.decision_date by decision_date),
    field!(estimated_value: money),
    field!(notes),
    field!(external_id),
];

/// Of an account.
pub(super) static ACCOUNT: &[Field<Account>] = &[
    field!(display_name),
    field!(legal_name),
    field!(vat_id),
    field!(registration_id),
    field!(address.street),
    field!(address.city),
    field!(address.postal_code),
    field!(address.region),
    field!(address.country_code),
    field!(electronic_address_scheme),
    field!(electronic_address),
    field!(email),
    field!(phone),
    field!(sector),
    field!(employee_count: number),
    field!(year_established: number),
    field!(annual_revenue: money),
    field!(parent),
    field!(external_id),
];

/// Of a deal.
pub(super) static DEAL: &[Field<Opportunity>] = &[
    field!(title),
    field!(account),
    field!(contact),
    field!(owner),
    field!(bant.need by need),
    field!(bant.need_text by need_text),
    field!(bant.budget_status by budget_status),
    field!(bant.budget_amount by budget_amount),
    field!(bant.purchase_process by purchase_process),
    field!(bant.decision_maker by decision_maker),
    field!(bant.timeframe by timeframe),
    field!(bant.decision_date by decision_date),
    field!(currency_code),
    field!(estimated_value: money),
    field!(estimated_close_date: day),
    field!(revenue_expectation: money),
    field!(presentation_date: day),
    field!(proposal_handover_date: day),
    field!(terms_of_sale),
    field!(source),
    field!(channel),
    field!(campaign),
    field!(tactics),
    field!(notes),
    field!(external_id),
];

fn number(said: &str) -> anyhow::Result<i32> {
    if said.is_empty() { Ok(0) } else { said.parse().context("is no whole number") }
}

/// `1200.50 EUR`.
fn money(said: &str) -> anyhow::Result<Option<Money>> {
    if said.is_empty() {
        return Ok(None);
    }
    let (amount, currency) = said.split_once(' ').context("an amount is AMOUNT CURRENCY, such as '1200.50 EUR'")?;
    let amount: Decimal = amount.parse().context("the amount is no number")?;
    Ok(Some(convert::money(amount, &currency.trim().to_uppercase())?))
}

/// `2026-03-05`.
fn day(said: &str) -> anyhow::Result<Option<Date>> {
    if said.is_empty() {
        return Ok(None);
    }
    let day: NaiveDate = said.parse().context("a day is YYYY-MM-DD")?;
    Ok(Some(convert::date(day)))
}

/// A word of an enum as people write it, `must-have`.
fn word<E: Into<i32>>(prefix: &str, known: &str, said: &str, read: fn(&str) -> Option<E>) -> anyhow::Result<i32> {
    if said.is_empty() {
        return Ok(0);
    }
    let written = said.to_uppercase().replace(['-', ' '], "_");
    let found = read(&format!("{prefix}_{written}")).with_context(|| format!("there are {known}"))?;
    Ok(found.into())
}

fn need(bant: &mut Bant, said: &str) -> anyhow::Result<()> {
    bant.need = word("NEED", "must-have, should-have, good-to-have, no-need", said, Need::from_str_name)?;
    Ok(())
}

fn need_text(bant: &mut Bant, said: &str) -> anyhow::Result<()> {
    said.clone_into(&mut bant.need_text);
    Ok(())
}

fn budget_status(bant: &mut Bant, said: &str) -> anyhow::Result<()> {
    let known = "no-committed-budget, may-buy, can-buy, will-buy";
    bant.budget_status = word("BUDGET_STATUS", known, said, BudgetStatus::from_str_name)?;
    Ok(())
}

fn budget_amount(bant: &mut Bant, said: &str) -> anyhow::Result<()> {
    bant.budget_amount = money(said)?;
    Ok(())
}

fn purchase_process(bant: &mut Bant, said: &str) -> anyhow::Result<()> {
    let known = "individual, committee, unknown";
    bant.purchase_process = word("PURCHASE_PROCESS", known, said, PurchaseProcess::from_str_name)?;
    Ok(())
}

fn decision_maker(bant: &mut Bant, said: &str) -> anyhow::Result<()> {
    said.clone_into(&mut bant.decision_maker);
    Ok(())
}

fn timeframe(bant: &mut Bant, said: &str) -> anyhow::Result<()> {
    let known = "immediate, this-quarter, next-quarter, this-year, unknown";
    bant.timeframe = word("TIMEFRAME", known, said, Timeframe::from_str_name)?;
    Ok(())
}

fn decision_date(bant: &mut Bant, said: &str) -> anyhow::Result<()> {
    bant.decision_date = day(said)?;
    Ok(())
}
