//! Figures, days and foreign texts as a reader of the language expects them.

use chrono::{Datelike, NaiveDate};
use dealflow_money::{Currency, Money};
use rust_decimal::Decimal;

use super::labels::Language;

/// No line is broken here.
const NO_BREAK: char = '\u{a0}';

/// How figures are said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    pub(super) language: Language,
    currency: Currency,
}

impl Words {
    pub(super) fn new(language: Language, currency: Currency) -> Self {
        Self { language, currency }
    }

    /// An amount in minor units: `1,234.50`.
    pub(super) fn amount(&self, minor: i64) -> String {
        self.decimal(Money { minor, currency: self.currency }.to_decimal())
    }

    /// A price: as fine as it was agreed, at least as fine as the currency.
    pub(super) fn price(&self, price: Decimal) -> String {
        let mut price = price.normalize();
        if price.scale() < self.currency.exponent() {
            price.rescale(self.currency.exponent());
        }
        self.decimal(price)
    }

    /// A quantity or a rate, without zeros at its end.
    pub(super) fn number(&self, number: Decimal) -> String {
        self.decimal(number.normalize())
    }

    /// A rate in per cent.
    pub(super) fn percent(&self, rate: Decimal) -> String {
        format!("{}{NO_BREAK}%", self.number(rate))
    }

    pub(super) fn day(&self, date: NaiveDate) -> String {
        let month = self.language.labels().months[date.month0() as usize];
        let year =
            if self.language == Language::Russian { format!("{} г.", date.year()) } else { date.year().to_string() };
        format!("{} {month} {year}", date.day()).replace(' ', &NO_BREAK.to_string())
    }

    fn decimal(&self, decimal: Decimal) -> String {
        let (group, point) = match self.language {
            Language::English => (',', '.'),
            Language::Russian => (NO_BREAK, ','),
        };
        let plain = decimal.abs().to_string();
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut text = String::new();
        if decimal.is_sign_negative() && !decimal.is_zero() {
            text.push('\u{2212}');
        }
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                text.push(group);
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push(point);
            text.push_str(fraction);
        }
        text
    }
}

/// A text for paper: controls become spaces, marks that steer a screen go.
pub(super) fn clean(text: &str) -> String {
    let kept = crate::xml::legal(text);
    kept.chars()
        .filter(|character| !matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe0f}'))
        .map(|character| if character.is_control() && character != '\n' { ' ' } else { character })
        .collect()
}

/// An IBAN in fours.
pub(super) fn in_fours(account: &str) -> String {
    let compact: Vec<char> = account.chars().filter(|character| !character.is_whitespace()).collect();
    if !crate::identifier::is_iban(account) {
        return clean(account);
    }
    compact.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(&NO_BREAK.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-INV-3: thousands are parted as the language does, and no sign is lost.
    #[test]
    fn figures_read_as_the_language_writes_them() {
        let currency = Currency::parse("EUR").expect("a currency");
        let english = Words::new(Language::English, currency);
        let russian = Words::new(Language::Russian, currency);
        for (minor, in_english, in_russian) in [
            (0, "0.00", "0,00"),
            (99_999, "999.99", "999,99"),
            (-123_456_789, "−1,234,567.89", "−1\u{a0}234\u{a0}567,89"),
        ] {
            assert_eq!(english.amount(minor), in_english);
            assert_eq!(russian.amount(minor), in_russian);
        }
        assert_eq!(english.price(Decimal::new(15, 1)), "1.50");
        assert_eq!(english.price(Decimal::new(123_456, 5)), "1.23456");
        let day = NaiveDate::from_ymd_opt(2026, 11, 26).expect("a day");
        assert_eq!(english.day(day), "26\u{a0}November\u{a0}2026");
        assert_eq!(russian.day(day), "26\u{a0}ноября\u{a0}2026\u{a0}г.");
        assert_eq!(in_fours("AT611904300234573201"), "AT61\u{a0}1904\u{a0}3002\u{a0}3457\u{a0}3201");
    }
}
