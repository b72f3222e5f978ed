//! Multiplication and long division as on paper, digit by digit and of any length: the judge over
//! products that no machine word holds. Nothing here is shared with the crate.

use rust_decimal::Decimal;

/// quantity × price ÷ base in units of 10^-`exponent`, half away from zero; `None` beyond
/// ±(2^63 - 1). The base is above zero.
pub(crate) fn quotient(quantity: Decimal, price: Decimal, base: Decimal, exponent: u32) -> Option<i64> {
    let mut digits = product(&written(quantity), &written(price));
    // The point moves right by the decimals wanted and those of the divisor, left by those of the
    // factors. One zero more is written, so that there is a digit to round by.
    let places = i64::from(exponent + base.scale()) - i64::from(quantity.scale() + price.scale());
    let zeros = places.max(0) + 1;
    let cut = zeros - places;
    digits.extend((0..zeros).map(|_| 0));
    let mut digits = divided(&digits, base.mantissa().unsigned_abs());

    let keep = digits.len().saturating_sub(cut.unsigned_abs() as usize);
    let dropped = digits.split_off(keep);
    let first_dropped = if dropped.len() < cut.unsigned_abs() as usize { 0 } else { dropped[0] };
    let mut size = 0i128;
    for digit in digits {
        size = size.checked_mul(10)?.checked_add(i128::from(digit))?;
    }
    size += i128::from(first_dropped >= 5);
    let negative = quantity.is_sign_negative() != price.is_sign_negative();
    let value = if negative { -size } else { size };
    i64::try_from(value).ok().filter(|minor| *minor != i64::MIN)
}

/// The digits of a decimal without sign and point, first digit first.
fn written(value: Decimal) -> Vec<u8> {
    let text = value.mantissa().unsigned_abs().to_string();
    text.bytes().map(|digit| digit - b'0').collect()
}

fn product(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut columns = vec![0u32; left.len() + right.len()];
    for (i, a) in left.iter().rev().enumerate() {
        for (j, b) in right.iter().rev().enumerate() {
            columns[i + j] += u32::from(*a) * u32::from(*b);
        }
    }
    let mut carry = 0;
    let mut digits = Vec::new();
    for column in columns {
        let value = column + carry;
        digits.push((value % 10) as u8);
        carry = value / 10;
    }
    assert_eq!(carry, 0, "a product has no more digits than its factors");
    digits.reverse();
    digits
}

/// The whole part; the remainder does not matter, since a digit to round by is among the digits.
fn divided(digits: &[u8], divisor: u128) -> Vec<u8> {
    let mut remainder = 0u128;
    let mut quotient = Vec::new();
    for digit in digits {
        remainder = remainder * 10 + u128::from(*digit);
        quotient.push((remainder / divisor) as u8);
        remainder %= divisor;
    }
    quotient
}
