//! The wire's values ⇄ Rust's: money, decimal numbers, dates, points in time. Exact, or refused.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use prost_types::Timestamp;
use rust_decimal::Decimal;

use crate::google::type_::{self, Date, Money};

/// Money has nine digits after the point.
const MONEY_SCALE: u32 = 9;
const BILLION: i128 = 1_000_000_000;
/// The most digits that every number of this length keeps exactly.
const MAX_DIGITS: usize = 28;
/// The most digits after the point.
const MAX_SCALE: u32 = 28;
/// No exact number of ours needs a longer text.
const MAX_TEXT: usize = 100;

/// A value that the other side cannot hold exactly, or that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// The amount has more than nine digits after the point, or more whole units than 64 bits hold.
    #[error("the amount {0} does not fit: at most 9 digits after the point and 18 before it")]
    Amount(Decimal),
    /// The parts of a money contradict each other.
    #[error("nanos must be less than a unit and of the same sign as units, are {nanos} beside {units}")]
    MoneyParts {
        /// The whole units.
        units: i64,
        /// The billionths.
        nanos: i32,
    },
    /// The currency is no code.
    #[error("the currency must be 3 capital letters (ISO 4217), is {0:?}")]
    Currency(String),
    /// The text is no number.
    #[error("must be a decimal number, e.g. -12.5 or 1e3")]
    NotANumber,
    /// The number has too many digits.
    #[error("must have at most 28 significant digits and at most 28 after the point")]
    TooManyDigits,
    /// The date is none of the years 1900 to 9999.
    #[error("{year}-{month}-{day} is no day of the years 1900 to 9999")]
    Date {
        /// The year.
        year: i32,
        /// The month.
        month: i32,
        /// The day.
        day: i32,
    },
    /// The point in time is out of range.
    #[error("{seconds} s and {nanos} ns since 1970 are no point in time")]
    Timestamp {
        /// The seconds.
        seconds: i64,
        /// The nanoseconds.
        nanos: i32,
    },
}

/// An amount as the wire's money.
///
/// # Errors
/// [`ConvertError::Amount`] if it does not fit exactly, [`ConvertError::Currency`] if that is no code.
pub fn money(amount: Decimal, currency: &str) -> Result<Money, ConvertError> {
    if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Err(ConvertError::Currency(currency.to_owned()));
    }
    let (units, nanos) = parts(amount)?;
    Ok(Money { currency_code: currency.to_owned(), units, nanos })
}

/// The amount of a money, without its currency.
///
/// # Errors
/// [`ConvertError::MoneyParts`] if units and nanos contradict each other.
pub fn decimal_of(money: &Money) -> Result<Decimal, ConvertError> {
    from_parts(money.units, money.nanos)
}

/// An amount as whole units and billionths.
///
/// # Errors
/// [`ConvertError::Amount`] if it does not fit exactly.
pub fn parts(amount: Decimal) -> Result<(i64, i32), ConvertError> {
    let too_big = |_| ConvertError::Amount(amount);
    let exact = amount.normalize();
    if exact.scale() > MONEY_SCALE {
        return Err(ConvertError::Amount(amount));
    }
    let factor = 10_i128.pow(MONEY_SCALE - exact.scale());
    let billionths = exact.mantissa().checked_mul(factor).ok_or(ConvertError::Amount(amount))?;
    let units = i64::try_from(billionths / BILLION).map_err(too_big)?;
    let nanos = i32::try_from(billionths % BILLION).map_err(too_big)?;
    Ok((units, nanos))
}

/// The amount of whole units and billionths.
///
/// # Errors
/// [`ConvertError::MoneyParts`] if they contradict each other.
pub fn from_parts(units: i64, nanos: i32) -> Result<Decimal, ConvertError> {
    let contradiction = ConvertError::MoneyParts { units, nanos };
    let opposed = units.signum() * i64::from(nanos.signum()) < 0;
    if opposed || i128::from(nanos).abs() >= BILLION {
        return Err(contradiction);
    }
    let billionths = i128::from(units) * BILLION + i128::from(nanos);
    let amount = Decimal::try_from_i128_with_scale(billionths, MONEY_SCALE).map_err(|_| contradiction)?;
    Ok(amount.normalize())
}

/// A number as the wire's decimal, without zeros at its end: equal numbers are equal texts.
///
/// A number of 29 digits, which only arithmetic can make, is written in full but not taken back.
#[must_use]
pub fn decimal(number: Decimal) -> type_::Decimal {
    type_::Decimal { value: number.normalize().to_string() }
}

/// The number of the wire's decimal.
///
/// # Errors
/// [`ConvertError::NotANumber`] for anything but digits with a sign, a point and an exponent;
/// [`ConvertError::TooManyDigits`] where the number could not be kept exactly.
pub fn decimal_from(decimal: &type_::Decimal) -> Result<Decimal, ConvertError> {
    let text = decimal.value.as_str();
    if text.len() > MAX_TEXT {
        return Err(ConvertError::TooManyDigits);
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (negative, unsigned) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{whole}{fraction}");
    let exponent: i64 = exponent.parse().map_err(|_| ConvertError::NotANumber)?;
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(ConvertError::NotANumber);
    }
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    let dropped = digits.len() - digits.trim_end_matches('0').len();
    if significant.is_empty() {
        return Ok(Decimal::ZERO);
    }
    if significant.len() > MAX_DIGITS {
        return Err(ConvertError::TooManyDigits);
    }
    let coefficient: i128 = significant.parse().map_err(|_| ConvertError::NotANumber)?;
    let signed = if negative { -coefficient } else { coefficient };
    let shift = i64::try_from(dropped).ok().zip(i64::try_from(fraction.len()).ok());
    let power = shift.and_then(|(zeros, places)| exponent.checked_add(zeros)?.checked_sub(places));
    shifted(signed, power.ok_or(ConvertError::TooManyDigits)?)
}

/// `coefficient` times ten to the `power`.
fn shifted(coefficient: i128, power: i64) -> Result<Decimal, ConvertError> {
    let distance = u32::try_from(power.unsigned_abs()).map_err(|_| ConvertError::TooManyDigits)?;
    if distance > MAX_SCALE {
        return Err(ConvertError::TooManyDigits);
    }
    let (coefficient, scale) =
        if power < 0 { (Some(coefficient), distance) } else { (coefficient.checked_mul(10_i128.pow(distance)), 0) };
    let coefficient = coefficient.ok_or(ConvertError::TooManyDigits)?;
    Decimal::try_from_i128_with_scale(coefficient, scale).map_err(|_| ConvertError::TooManyDigits)
}

/// A day as the wire's date.
#[must_use]
pub fn date(day: NaiveDate) -> Date {
    // Months and days of a calendar fit any integer.
    Date { year: day.year(), month: day.month() as i32, day: day.day() as i32 }
}

/// The day of the wire's date.
///
/// # Errors
/// [`ConvertError::Date`] if it is no day of the years 1900 to 9999.
pub fn date_of(date: &Date) -> Result<NaiveDate, ConvertError> {
    let Date { year, month, day } = *date;
    let known = u32::try_from(month).ok().zip(u32::try_from(day).ok());
    let found = known.and_then(|(month, day)| NaiveDate::from_ymd_opt(year, month, day));
    found.filter(|_| (1900..=9999).contains(&year)).ok_or(ConvertError::Date { year, month, day })
}

/// A point in time as the wire's timestamp, truncated to microseconds as the databases keep it.
#[must_use]
pub fn timestamp(time: DateTime<Utc>) -> Timestamp {
    // A fraction below a second fits 32 bits, leap seconds (up to 1 999 999 µs) included.
    let micros = time.timestamp_subsec_micros().min(999_999);
    Timestamp { seconds: time.timestamp(), nanos: (micros * 1000) as i32 }
}

/// The point in time of the wire's timestamp, truncated to microseconds.
///
/// # Errors
/// [`ConvertError::Timestamp`] if it is out of range.
pub fn time_of(timestamp: &Timestamp) -> Result<DateTime<Utc>, ConvertError> {
    let Timestamp { seconds, nanos } = *timestamp;
    let fraction = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    let time = fraction.and_then(|nanos| DateTime::from_timestamp(seconds, nanos / 1000 * 1000));
    time.ok_or(ConvertError::Timestamp { seconds, nanos })
}
