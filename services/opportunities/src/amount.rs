//! Amounts: minor units and a currency in the columns, `google.type.Money` on the wire.

use std::fmt;
use std::str::FromStr;

use dealflow_money::{Currency, Money, MoneyError};
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::google::type_;
use rust_decimal::Decimal;
use sea_orm::DeriveValueType;

use crate::error::Error;

/// The currency where none is given.
const DEFAULT: &str = "USD";

/// The currency of an opportunity, kept as its ISO 4217 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, DeriveValueType)]
#[sea_orm(value_type = "String")]
pub struct Iso(Currency);

impl Iso {
    /// The currency of a code; the default where it is empty.
    pub fn of(code: &str) -> Result<Self, MoneyError> {
        Currency::parse(if code.is_empty() { DEFAULT } else { code }).map(Self)
    }

    /// As the arithmetic takes it.
    pub fn currency(self) -> Currency {
        self.0
    }

    /// An amount of the wire in minor units; `field` names it in a refusal.
    pub fn minor(self, field: &str, money: &type_::Money) -> Result<i64, Error> {
        self.expect(field, &money.currency_code)?;
        let read = Money::from_units_nanos(money.units, money.nanos, self.0);
        read.map(|money| money.minor).map_err(|error| arithmetic(field, &error))
    }

    /// A price of the wire: as fine as it was agreed, not negative.
    pub fn price(self, field: &str, money: &type_::Money) -> Result<Decimal, Error> {
        self.expect(field, &money.currency_code)?;
        dealflow_proto::convert::decimal_of(money).map_err(|error| Error::field(field, error.to_string()))
    }

    /// Minor units as money of the wire.
    pub fn money(self, minor: i64) -> type_::Money {
        let (units, nanos) = Money { minor, currency: self.0 }.to_units_nanos();
        type_::Money { currency_code: self.0.code().to_owned(), units, nanos }
    }

    /// A sum over many records, which may exceed what one amount may be.
    pub fn sum(self, minor: i128) -> Result<type_::Money, Error> {
        let per_unit = 10_i128.pow(self.0.exponent());
        let units = i64::try_from(minor / per_unit).map_err(|_| Error::Arithmetic {
            reason: ErrorReason::Overflow,
            field: "value".to_owned(),
            problem: "the sum does not fit 64 bits of whole units".to_owned(),
        })?;
        let rest = i64::try_from(minor % per_unit).unwrap_or_default(); // less than a unit
        Ok(type_::Money { units, ..self.money(rest) })
    }

    /// Minor units in units of 10^-4, the finest of any currency: what lists compare. Above 9.2 × 10^14 all are equal.
    pub fn rank(self, minor: i64) -> i64 {
        minor.saturating_mul(10_i64.pow(4_u32.saturating_sub(self.0.exponent())))
    }

    /// All amounts of an opportunity are of its currency; nothing is converted silently.
    fn expect(self, field: &str, code: &str) -> Result<(), Error> {
        if code == self.0.code() {
            return Ok(());
        }
        let problem = format!("is of `{code}`; all amounts are of the opportunity's currency, {self}");
        Err(Error::Arithmetic { reason: ErrorReason::CurrencyMismatch, field: field.to_owned(), problem })
    }
}

/// A refusal of the arithmetic, told of the field that holds the amount: what cannot be meant is a wrong field.
pub fn arithmetic(field: &str, error: &MoneyError) -> Error {
    let of = |reason| Error::Arithmetic { reason, field: field.to_owned(), problem: error.to_string() };
    match error {
        MoneyError::Refused { .. } | MoneyError::UnknownCurrency { .. } => Error::field(field, error.to_string()),
        MoneyError::Overflow { .. } => of(ErrorReason::Overflow),
        MoneyError::CurrencyMismatch { .. } => of(ErrorReason::CurrencyMismatch),
        MoneyError::TooManyDecimals { .. } | MoneyError::Unsplittable { .. } => of(ErrorReason::Arithmetic),
    }
}

impl fmt::Display for Iso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Iso {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Currency::parse(code).map(Self)
    }
}
