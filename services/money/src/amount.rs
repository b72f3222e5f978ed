//! An amount of money: whole minor units and their currency.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    Currency, MoneyError, allocate,
    exact::{fit, round_ratio},
    to_minor,
};

/// Nanos of `google.type.Money` in one unit.
const NANOS: i64 = 1_000_000_000;

/// An exact amount. Arithmetic is checked and never mixes currencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units: cents for EUR, yen for JPY, fils for KWD.
    pub minor: i64,
    /// What they are units of.
    pub currency: Currency,
}

impl Money {
    /// Nothing, in `currency`.
    pub fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// An amount as written, `12.50`. It is not rounded; trailing zeros do not count as decimals.
    ///
    /// # Errors
    /// [`MoneyError::TooManyDecimals`] if it is finer than the currency, [`MoneyError::Overflow`].
    pub fn from_decimal(value: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        if value.normalize().scale() > currency.exponent() {
            return Err(MoneyError::TooManyDecimals {
                field: "amount".to_owned(),
                value: value.to_string(),
                allowed: currency.exponent(),
            });
        }
        let minor = to_minor(value, currency)?;
        Ok(Self { minor, currency })
    }

    /// The amount in units of the currency, with exactly its decimals: 1234.50.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.minor, self.currency.exponent())
    }

    /// From the fields of a `google.type.Money`.
    ///
    /// # Errors
    /// [`MoneyError::Refused`] if the nanos exceed ±999,999,999 or contradict the sign of the units,
    /// [`MoneyError::TooManyDecimals`], [`MoneyError::Overflow`].
    pub fn from_units_nanos(units: i64, nanos: i32, currency: Currency) -> Result<Self, MoneyError> {
        let nanos = i64::from(nanos);
        if nanos.abs() >= NANOS || units.signum() * nanos.signum() < 0 {
            return Err(MoneyError::refused("nanos", nanos, "-999999999 to 999999999, of the sign of the units"));
        }
        let nanos_per_minor = NANOS / minor_per_unit(currency);
        if nanos % nanos_per_minor != 0 {
            return Err(MoneyError::TooManyDecimals {
                field: "nanos".to_owned(),
                value: nanos.to_string(),
                allowed: currency.exponent(),
            });
        }
        let minor = i128::from(units) * i128::from(minor_per_unit(currency)) + i128::from(nanos / nanos_per_minor);
        Self::checked(minor, currency, "units")
    }

    /// Units and nanos for a `google.type.Money`, both of the amount's sign.
    pub fn to_units_nanos(self) -> (i64, i32) {
        let per_unit = minor_per_unit(self.currency);
        let nanos = self.minor % per_unit * (NANOS / per_unit);
        let nanos = i32::try_from(nanos).expect("less than a unit is less than 10^9 nanos");
        (self.minor / per_unit, nanos)
    }

    /// The sum of both.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        Self::sum(self.currency, [self, other])
    }

    /// This less `other`.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other.currency)?;
        let minor = i128::from(self.minor) - i128::from(other.minor);
        Self::checked(minor, self.currency, "difference")
    }

    /// The amount with the other sign.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] for `i64::MIN` minor units, which no computation here yields.
    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        Self::checked(-i128::from(self.minor), self.currency, "negation")
    }

    /// The sum of all, zero for none. Only the end result must fit, so the order does not matter.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        let zero = Self::zero(currency);
        let mut sum = 0i128;
        for amount in amounts {
            zero.same_currency(amount.currency)?;
            sum += i128::from(amount.minor);
        }
        Self::checked(sum, currency, "sum")
    }

    /// `percent` per cent of the amount, rounded once: 19 % of 0.05 EUR is 0.01 EUR.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn percent(self, percent: Decimal) -> Result<Self, MoneyError> {
        percent_of(self.minor, percent)
            .map(|minor| Self { minor, ..self })
            .ok_or_else(|| MoneyError::overflow("percentage"))
    }

    /// Splits the amount in the proportion of `weights`, see [`allocate`].
    ///
    /// # Errors
    /// Those of [`allocate`].
    pub fn allocate(self, weights: &[i64]) -> Result<Vec<Self>, MoneyError> {
        let shares = allocate(self.minor, weights)?.into_iter();
        Ok(shares.map(|minor| Self { minor, ..self }).collect())
    }

    fn same_currency(self, actual: Currency) -> Result<(), MoneyError> {
        let expected = self.currency;
        if expected == actual {
            return Ok(());
        }
        Err(MoneyError::CurrencyMismatch { expected, actual })
    }

    fn checked(minor: i128, currency: Currency, what: &str) -> Result<Self, MoneyError> {
        fit(minor).map(|minor| Self { minor, currency }).ok_or_else(|| MoneyError::overflow(what))
    }
}

/// `percent` per cent of `minor` units, in minor units: BR-CO-17's formula, also for allowances.
pub(crate) fn percent_of(minor: i64, percent: Decimal) -> Option<i64> {
    round_ratio(&[Decimal::from(minor), percent], &[Decimal::ONE_HUNDRED], 0)
}

fn minor_per_unit(currency: Currency) -> i64 {
    10i64.pow(currency.exponent())
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}
