//! One rounding of an exact quotient. The reason for this file: `rust_decimal` keeps 96 bits of
//! mantissa, so quantity × price beyond 28 digits is rounded silently *before* we round, and a
//! value just under half a cent becomes a cent (double rounding). Here the product keeps all its
//! digits, in 320 bits, and is rounded once.
//!
//! How, in integers only. With every decimal as mantissa ÷ 10^scale, the wanted number of minor
//! units is x = N ÷ D, where N is the product of the mantissas above the line, D of those below it,
//! and the powers of ten left over go to whichever side keeps them whole. For x ≥ 0, half away from
//! zero is ⌊x + ½⌋ = ⌊(⌊2x⌋ + 1) ÷ 2⌋, and ⌊2x⌋ may be had by dividing 2N by the factors of D one
//! after the other, because ⌊⌊a ÷ b⌋ ÷ c⌋ = ⌊a ÷ bc⌋ for whole b, c. So no remainder is kept, and
//! no step divides by more than one 96-bit factor. The sign is put back at the end, which makes the
//! rounding symmetric.

use rust_decimal::Decimal;

/// Limbs of 32 bits. Two mantissas (192 bits), the factor 2 and 10^32 (a 28-digit scale below the
/// line and four decimals of currency) take 300 bits of these 320.
const LIMBS: usize = 10;

/// The largest power of ten below 2^96.
const LARGEST_POWER: u32 = 28;

/// The product of `above` divided by the product of `below`, in units of 10^-`exponent`, rounded
/// once, half away from zero.
///
/// `None` if it does not fit -(2^63 - 1) ..= 2^63 - 1, or if a divisor is zero. Two factors above the
/// line always have an exact answer; more may exceed the 320 bits, which is `None` as well.
pub(crate) fn round_ratio(above: &[Decimal], below: &[Decimal], exponent: u32) -> Option<i64> {
    if below.iter().any(Decimal::is_zero) {
        return None;
    }
    let mut wide = Wide::new(2);
    for factor in above {
        wide.multiply(factor.mantissa().unsigned_abs())?;
    }
    let raised = exponent + scales(below);
    let lowered = scales(above);
    for power in powers_of_ten(raised.saturating_sub(lowered)) {
        wide.multiply(power)?;
    }
    for factor in below {
        wide.divide(factor.mantissa().unsigned_abs());
    }
    for power in powers_of_ten(lowered.saturating_sub(raised)) {
        wide.divide(power);
    }
    let magnitude = i128::try_from(wide.halved_up()?).ok()?;
    let negative = above.iter().chain(below).filter(|factor| factor.is_sign_negative()).count() % 2 == 1;
    fit(if negative { -magnitude } else { magnitude })
}

/// Narrows to 64 bits; the range is symmetric, so that whatever fits can also be negated.
pub(crate) fn fit(wide: i128) -> Option<i64> {
    i64::try_from(wide).ok().filter(|minor| *minor != i64::MIN)
}

fn scales(factors: &[Decimal]) -> u32 {
    factors.iter().map(Decimal::scale).sum()
}

/// 10^`exponent` as factors that each fit 96 bits.
fn powers_of_ten(exponent: u32) -> impl Iterator<Item = u128> {
    let whole = exponent / LARGEST_POWER;
    (0..whole).map(|_| LARGEST_POWER).chain([exponent % LARGEST_POWER]).map(|power| 10u128.pow(power))
}

/// A whole number of up to 320 bits, least limb first. Factors and divisors are below 2^96, so that
/// a limb times a factor plus a carry, and a remainder beside a limb, each fit 128 bits.
struct Wide([u32; LIMBS]);

impl Wide {
    fn new(small: u32) -> Self {
        let mut limbs = [0; LIMBS];
        limbs[0] = small;
        Self(limbs)
    }

    fn multiply(&mut self, factor: u128) -> Option<()> {
        let mut carry = 0u128;
        for limb in &mut self.0 {
            let product = u128::from(*limb) * factor + carry;
            *limb = low_limb(product);
            carry = product >> 32;
        }
        (carry == 0).then_some(())
    }

    fn divide(&mut self, divisor: u128) {
        let mut remainder = 0u128;
        for limb in self.0.iter_mut().rev() {
            let dividend = (remainder << 32) | u128::from(*limb);
            *limb = low_limb(dividend / divisor);
            remainder = dividend % divisor;
        }
    }

    /// ⌊(self + 1) ÷ 2⌋, if that fits 95 bits; `self` is ⌊2x⌋.
    fn halved_up(&self) -> Option<u128> {
        let (low, high) = self.0.split_at(3);
        if high.iter().any(|limb| *limb != 0) {
            return None;
        }
        let value = low.iter().rev().fold(0u128, |value, limb| (value << 32) | u128::from(*limb));
        Some(value.div_ceil(2))
    }
}

/// The lowest 32 bits; what lies above is the carry, or is zero in a quotient.
fn low_limb(value: u128) -> u32 {
    (value & u128::from(u32::MAX)) as u32
}
