//! The published rounding rule: half away from zero, symmetric in sign (erp-handoff §2.5).

use rust_decimal::{Decimal, RoundingStrategy};

use crate::{Currency, MoneyError, exact::round_ratio};

/// `value` with at most `exponent` decimals, half away from zero: 0.005 → 0.01, -0.005 → -0.01.
///
/// Exact, since dropping digits needs no room. A result of zero carries no sign.
pub fn round(value: Decimal, exponent: u32) -> Decimal {
    let rounded = value.round_dp_with_strategy(exponent, RoundingStrategy::MidpointAwayFromZero);
    if rounded.is_zero() {
        return Decimal::new(0, rounded.scale());
    }
    rounded
}

/// `value` in minor units of `currency`, rounded: 0.125 EUR → 13.
///
/// # Errors
/// [`MoneyError::Overflow`] if it does not fit.
pub fn to_minor(value: Decimal, currency: Currency) -> Result<i64, MoneyError> {
    round_ratio(&[value], &[], currency.exponent()).ok_or_else(|| MoneyError::overflow("amount"))
}
