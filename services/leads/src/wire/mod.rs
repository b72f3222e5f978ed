//! Records as the wire has them, and what the wire says taken over into records.

pub mod account;
pub mod bant;
pub mod contact;
pub mod lead;

use chrono::{DateTime, Utc};
use dealflow_chassis::{Mask, Refusal};
use dealflow_money::{Currency, Money, MoneyError};
use dealflow_proto::convert;
use dealflow_proto::google::type_;
use dealflow_proto::names::Collection;
use prost_types::{FieldMask, Timestamp};
use uuid::Uuid;

/// The mask of a creation: every known field as it was sent.
pub fn everything(known: &[&str]) -> Result<Mask, Refusal> {
    Mask::of(Some(FieldMask { paths: vec!["*".to_owned()] }), known)
}

/// A point in time.
pub fn time(time: DateTime<Utc>) -> Option<Timestamp> {
    Some(convert::timestamp(time))
}

/// The name of a record that may be absent.
pub fn name(collection: Collection, id: Option<Uuid>) -> String {
    id.map(|id| collection.name(id)).unwrap_or_default()
}

/// The id in a name that may be empty; `field` is what a bad one is blamed on.
pub fn id(collection: Collection, field: &str, name: &str) -> Result<Option<Uuid>, Refusal> {
    collection.parse_optional(name).map_err(|bad| Refusal::field(field, bad.to_string()))
}

/// An amount in its currency's minor units; one that is negative, too fine or too great is refused.
pub fn amount(field: &str, money: &type_::Money) -> Result<Money, Refusal> {
    let exact = |money: &type_::Money| -> Result<Money, MoneyError> {
        let currency = Currency::parse(&money.currency_code)?;
        Money::from_units_nanos(money.units, money.nanos, currency)
    };
    let amount = exact(money).map_err(|error| Refusal::field(field, error.to_string()))?;
    if amount.minor < 0 { Err(Refusal::field(field, "not negative")) } else { Ok(amount) }
}

/// An amount as the wire has it.
pub fn money(amount: Money) -> type_::Money {
    let (units, nanos) = amount.to_units_nanos();
    type_::Money { currency_code: amount.currency.code().to_owned(), units, nanos }
}

/// An amount from its two columns; a currency that we wrote ourselves is known.
pub fn stored(minor: Option<i64>, currency: Option<&str>) -> Option<type_::Money> {
    let currency = Currency::parse(currency?).ok()?;
    Some(money(Money { minor: minor?, currency }))
}

/// Takes an e-mail address over; what is none is refused (R-LED-2), unless it stood there already.
pub fn take_email(field: &str, mine: &mut String, theirs: String) -> Result<(), Refusal> {
    if theirs != *mine && !theirs.is_empty() && !is_email(&theirs) {
        return Err(Refusal::field(field, "must be an e-mail address: something, @, something, no blanks"));
    }
    *mine = theirs;
    Ok(())
}

/// Something on both sides of one `@` and no blanks within: who mistypes the rest learns it from the first mail.
fn is_email(text: &str) -> bool {
    let text = text.trim();
    let parts = text.split_once('@');
    !text.contains(char::is_whitespace)
        && parts.is_some_and(|(who, at)| !who.is_empty() && !at.is_empty() && !at.contains('@'))
}

/// A text that counts as absent where it is empty.
pub fn present(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
