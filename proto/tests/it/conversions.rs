//! The wire's values ⇄ Rust's: exact, or refused.

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_proto::convert::{self, ConvertError};
use dealflow_proto::google::type_::{Date, Decimal as Wire, Money};
use proptest::prelude::*;
use prost_types::Timestamp;
use rust_decimal::Decimal;

fn read(text: &str) -> Result<Decimal, ConvertError> {
    convert::decimal_from(&Wire { value: text.to_owned() })
}

fn number(text: &str) -> Decimal {
    text.parse().expect("a number of the test")
}

#[test]
fn money_carries_the_sign_in_both_parts() {
    let owed = convert::money(number("-12.345"), "EUR").expect("it fits");
    assert_eq!(owed, Money { currency_code: "EUR".to_owned(), units: -12, nanos: -345_000_000 });
    assert_eq!(convert::decimal_of(&owed), Ok(number("-12.345")));
}

#[test]
fn money_that_does_not_fit_is_refused() {
    for text in ["0.0000000001", "9223372036854775808", "79228162514264337593543950335"] {
        let amount = number(text);
        assert_eq!(convert::money(amount, "EUR"), Err(ConvertError::Amount(amount)));
    }
    assert!(convert::money(number("9223372036854775807.999999999"), "EUR").is_ok());
    for code in ["", "eur", "EURO", "EÜ"] {
        assert_eq!(convert::money(Decimal::ONE, code), Err(ConvertError::Currency(code.to_owned())));
    }
}

#[test]
fn money_whose_parts_contradict_each_other_is_refused() {
    for (units, nanos) in [(1, -1), (-1, 1), (0, 1_000_000_000), (0, -1_000_000_000), (0, i32::MIN)] {
        let refused = Err(ConvertError::MoneyParts { units, nanos });
        assert_eq!(convert::from_parts(units, nanos), refused);
    }
}

#[test]
fn decimal_numbers_are_read_exactly() {
    let same = [
        ("0", "0"),
        ("-0", "0"),
        ("007", "7"),
        ("+1.50", "1.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1.5E-3", "0.0015"),
        ("-2e+2", "-200"),
        ("100e-2", "1"),
        ("0e999", "0"),
        ("1e28", "10000000000000000000000000000"),
        ("1234567890123456789012345678", "1234567890123456789012345678"),
        ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
    ];
    for (text, meant) in same {
        assert_eq!(read(text), Ok(number(meant)), "{text}");
    }
}

#[test]
fn what_is_no_decimal_number_is_refused() {
    for text in ["", "-", ".", "e5", "1e", "1e1.5", "NaN", "Infinity", "1,5", " 1", "1 ", "--1", "1.2.3", "0x10", "١"]
    {
        assert_eq!(read(text), Err(ConvertError::NotANumber), "{text:?}");
    }
    let many = "1".repeat(29);
    let longest = "0".repeat(101);
    for text in [many.as_str(), "1e29", "1e-29", "1e99999999", "1e-99999999", &longest] {
        assert_eq!(read(text), Err(ConvertError::TooManyDigits), "{text}");
    }
}

#[test]
fn only_days_of_the_calendar_are_dates() {
    let leap = NaiveDate::from_ymd_opt(2024, 2, 29).expect("a leap day");
    assert_eq!(convert::date_of(&convert::date(leap)), Ok(leap));
    for (year, month, day) in
        [(2023, 2, 29), (2024, 0, 1), (2024, 13, 1), (0, 1, 1), (1899, 12, 31), (10_000, 1, 1), (2024, -1, -1)]
    {
        let refused = Err(ConvertError::Date { year, month, day });
        assert_eq!(convert::date_of(&Date { year, month, day }), refused);
    }
}

#[test]
fn points_in_time_lose_what_is_below_a_microsecond() {
    let sent = Timestamp { seconds: 1_700_000_000, nanos: 123_456_789 };
    let time = convert::time_of(&sent).expect("a point in time");
    assert_eq!(time.timestamp_subsec_nanos(), 123_456_000);
    assert_eq!(convert::timestamp(time), Timestamp { nanos: 123_456_000, ..sent });
    for nanos in [-1, 1_000_000_000] {
        assert!(convert::time_of(&Timestamp { seconds: 0, nanos }).is_err());
    }
    assert!(convert::time_of(&Timestamp { seconds: i64::MAX, nanos: 0 }).is_err());
}

#[test]
fn a_point_before_1970_counts_its_fraction_forwards() {
    let time: DateTime<Utc> = "1969-12-31T23:59:59.250Z".parse().expect("a time of the test");
    assert_eq!(convert::timestamp(time), Timestamp { seconds: -1, nanos: 250_000_000 });
}

proptest! {
    #[test]
    fn every_amount_of_nine_places_survives_the_wire(units in any::<i64>(), nanos in 0..1_000_000_000_i32) {
        let nanos = if units < 0 { -nanos } else { nanos };
        let amount = convert::from_parts(units, nanos).expect("parts of one sign");
        prop_assert_eq!(convert::parts(amount), Ok((units, nanos)));
    }

    #[test]
    fn every_number_of_28_digits_survives_the_wire(
        mantissa in -9_999_999_999_999_999_999_999_999_999_i128..=9_999_999_999_999_999_999_999_999_999_i128,
        scale in 0..=28_u32,
    ) {
        let number = Decimal::from_i128_with_scale(mantissa, scale);
        prop_assert_eq!(convert::decimal_from(&convert::decimal(number)), Ok(number));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[-+0-9.eE]{0,40}") {
        if let Ok(number) = read(&text) {
            prop_assert_eq!(convert::decimal_from(&convert::decimal(number)), Ok(number));
        }
    }

    #[test]
    fn every_microsecond_survives_the_wire(micros in -2_208_988_800_000_000..253_402_300_799_999_999_i64) {
        let time = DateTime::<Utc>::from_timestamp_micros(micros).expect("in range");
        prop_assert_eq!(convert::time_of(&convert::timestamp(time)), Ok(time));
    }
}
