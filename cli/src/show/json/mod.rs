//! The messages as data: stable keys in snake_case, money as exact text, times in RFC 3339, absent values as null.

mod delivery;
mod documents;
mod people;
mod sale;

use dealflow_proto::convert;
use dealflow_proto::google::type_::{self, Date};
use prost_types::Timestamp;
use serde_json::{Value, json};

pub use delivery::{attempt, erp_document, event, flow, handoff, reason};
pub use documents::{contract, invoice, line, order, quote, totals};
pub use people::{account, contact, employee, lead};
pub use sale::{activity, guidance, knowledge, notification, opportunity, stage, stage_entry};

use super::{places, word};

/// Prints a value for a machine.
pub fn print(value: &Value) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// `{"amount": "1234.50", "currency": "USD"}`; null where there is none.
pub fn money(amount: Option<&type_::Money>) -> Value {
    amount.map_or(Value::Null, |amount| match convert::decimal_of(amount) {
        Ok(value) => json!({ "amount": places(value), "currency": amount.currency_code }),
        Err(error) => json!({ "error": error.to_string() }),
    })
}

/// `"2017-03-01"`; null where there is none.
pub fn date(day: Option<&Date>) -> Value {
    day.map_or(Value::Null, |day| super::date(Some(day)).into())
}

/// `"2017-03-01T09:00:00.000000Z"`; null where there is none.
pub fn time(time: Option<&Timestamp>) -> Value {
    let time = time.and_then(|time| convert::time_of(time).ok());
    time.map_or(Value::Null, |time| time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true).into())
}

/// The text, or null where it is empty.
pub fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

/// A list by one conversion.
pub fn list<T>(items: &[T], item: impl Fn(&T) -> Value) -> Value {
    items.iter().map(item).collect()
}
