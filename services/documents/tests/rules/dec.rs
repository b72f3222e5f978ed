//! Decimals of the tests' own: 128 bits and a scale, exact or a panic. Shares nothing with the arithmetic under test.

use std::cmp::Ordering;

/// mantissa ÷ 10^scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dec {
    mantissa: i128,
    scale: u32,
}

impl Dec {
    pub(crate) const ZERO: Self = Self { mantissa: 0, scale: 0 };

    pub(crate) fn whole(number: i128) -> Self {
        Self { mantissa: number, scale: 0 }
    }

    /// A decimal as XML Schema writes it, without exponent.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(fraction) || digits.ends_with('.') {
            return None;
        }
        let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { mantissa: sign * mantissa, scale: u32::try_from(fraction.len()).ok()? })
    }

    /// Decimals as written.
    pub(crate) fn scale(self) -> u32 {
        self.scale
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        let scale = self.scale.max(other.scale);
        Self { mantissa: self.at(scale) + other.at(scale), scale }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        self.plus(Self { mantissa: -other.mantissa, ..other })
    }

    pub(crate) fn times(self, other: Self) -> Self {
        let mantissa = self.mantissa.checked_mul(other.mantissa).expect("the checker's product fits");
        Self { mantissa, scale: self.scale + other.scale }
    }

    /// self ÷ other with `scale` decimals, half away from zero.
    pub(crate) fn over(self, other: Self, scale: u32) -> Self {
        let (mut above, mut below) = (self.mantissa, other.mantissa);
        let (raised, lowered) = (scale + other.scale, self.scale);
        let power = |exponent: u32| 10i128.checked_pow(exponent).expect("the checker's power fits");
        above = above.checked_mul(power(raised.saturating_sub(lowered))).expect("the checker's dividend fits");
        below = below.checked_mul(power(lowered.saturating_sub(raised))).expect("the checker's divisor fits");
        let sign = above.signum() * below.signum();
        let (above, below) = (above.abs(), below.abs());
        let mut quotient = above / below;
        if above % below >= below - above % below {
            quotient += 1;
        }
        Self { mantissa: sign * quotient, scale }
    }

    /// With `scale` decimals, half away from zero.
    pub(crate) fn round(self, scale: u32) -> Self {
        self.over(Self::whole(1), scale)
    }

    /// `percent` per cent of it, rounded.
    pub(crate) fn percent(self, percent: Self, scale: u32) -> Self {
        self.times(percent).over(Self::whole(100), scale)
    }

    pub(crate) fn abs(self) -> Self {
        Self { mantissa: self.mantissa.abs(), ..self }
    }

    pub(crate) fn sum(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::ZERO, Self::plus)
    }

    fn at(self, scale: u32) -> i128 {
        let factor = 10i128.checked_pow(scale - self.scale).expect("the checker's power fits");
        self.mantissa.checked_mul(factor).expect("the checker's decimal fits")
    }
}

impl PartialEq for Dec {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Dec {}

impl PartialOrd for Dec {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Dec {
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        self.at(scale).cmp(&other.at(scale))
    }
}

#[test]
fn the_checkers_decimals_round_half_away_from_zero() {
    let dec = |text: &str| Dec::parse(text).expect("a decimal");
    for (value, rounded) in [("0.125", "0.13"), ("-0.125", "-0.13"), ("0.124", "0.12"), ("7", "7"), ("-0.005", "-0.01")]
    {
        assert_eq!(dec(value).round(2), dec(rounded), "{value}");
    }
    assert_eq!(dec("1").over(dec("3"), 2), dec("0.33"));
    assert_eq!(dec("-2").over(dec("3"), 2), dec("-0.67"));
    assert_eq!(dec("0.1").plus(dec("0.20")), dec("0.3"));
    for no in ["", "-", "1.", ".5", "1e3", "+1", "1,0", " 1"] {
        assert!(Dec::parse(no).is_none(), "{no:?}");
    }
}
