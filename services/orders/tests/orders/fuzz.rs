//! Numbers, amounts, days and names of the wire that nobody would send.

use dealflow_money::{Currency, Money};
use dealflow_proto::google::type_::{self, Date, Decimal};
use dealflow_proto::{convert, names};
use dealflow_testbed::{Said, fuzz};
use prost_types::Timestamp;

/// R-QUO-1: a decimal is kept exactly or refused; written anew it is the same number, in one way of writing.
#[test]
fn fuzz_decimal() {
    let words =
        ["e", "E", "e-28", "e28", "e9223372036854775807", "+", "-", ".", "00", "0.", "1_0", "1,0", "٣", "NaN", "inf"];
    fuzz("decimal", &[b"12.50", b"-0.001e3", b"79228162514264337593543950335", b"1e-28"], &words, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return Said::No("no UTF-8".to_owned()) };
        let read = convert::decimal_from(&Decimal { value: text.to_owned() });
        if let Ok(number) = read {
            let told = convert::decimal(number);
            let again = convert::decimal_from(&told).expect("what we write we read");
            assert_eq!((again, convert::decimal(again)), (number, told));
        }
        Said::of(&read)
    });
}

/// R-QUO-1: an amount of the wire is kept exactly in minor units or refused, and goes back as it came.
#[test]
fn fuzz_money() {
    let words = [" ", "EUR", "USD", "JPY", "BHD", "XXX", "-", "999999999", "1000000000", "10000000", "eur"];
    fuzz("money", &[b"12 500000000 EUR", b"-3 -10000000 USD", b"7 0 JPY", b"1 1000000 BHD"], &words, |input| {
        let text = String::from_utf8_lossy(input);
        let mut parts = text.split(' ');
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
        let (units, nanos, code) = (number(parts.next()), number(parts.next()), parts.next().unwrap_or_default());
        let nanos = i32::try_from(nanos).unwrap_or(i32::MAX);
        let wire = type_::Money { currency_code: code.to_owned(), units, nanos };
        if let Ok(amount) = convert::decimal_of(&wire)
            && let Ok(back) = convert::money(amount, code)
        {
            assert_eq!(back, wire);
        }
        let read = Currency::parse(code).and_then(|currency| Money::from_units_nanos(units, nanos, currency));
        if let Ok(money) = &read {
            assert_eq!(money.to_units_nanos(), (units, nanos));
            assert!(
                money.checked_neg().and_then(Money::checked_neg).is_ok_and(|twice| twice == *money)
                    || units == i64::MIN
            );
        }
        Said::of(&read)
    });
}

/// R-API-1: days and moments of the wire are read exactly or refused.
#[test]
fn fuzz_days_and_moments() {
    let words = [
        " ",
        "2026",
        "2",
        "29",
        "30",
        "31",
        "253402300799",
        "253402300800",
        "-62135596800",
        "-62135596801",
        "999999999",
    ];
    fuzz("days and moments", &[b"2026 2 28", b"0 0 0", b"9999 12 31", b"1 1 1"], &words, |input| {
        let text = String::from_utf8_lossy(input);
        let mut numbers = text.split(' ').map(|text| text.parse::<i64>().unwrap_or(-7));
        let [first, second, third] = [(); 3].map(|()| numbers.next().unwrap_or_default());
        let small = |number: i64| i32::try_from(number).unwrap_or(i32::MIN);
        let date = Date { year: small(first), month: small(second), day: small(third) };
        let time = Timestamp { seconds: first, nanos: small(second) };
        if let Ok(moment) = convert::time_of(&time) {
            // Kept are microseconds, as the databases keep them.
            assert_eq!(convert::timestamp(moment), Timestamp { nanos: time.nanos / 1000 * 1000, ..time });
        }
        let read = convert::date_of(&date);
        if let Ok(day) = read {
            assert_eq!(convert::date(day), date);
        }
        Said::of(&read)
    });
}

/// R-API-1: there is one way to write a record's name.
#[test]
fn fuzz_names() {
    let words = ["quotes/", "orders/", "/", "-", "{", "}", "urn:uuid:", "A", "00000000-0000-0000-0000-000000000001"];
    fuzz("names", &[b"quotes/01890000-0000-7000-8000-00000000000a", b"stages/proposal", b"orders/"], &words, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return Said::No("no UTF-8".to_owned()) };
        let slug = names::STAGES.parse_slug(text);
        if let Ok(word) = slug {
            assert_eq!(names::STAGES.slug(word), text);
        }
        let read = names::QUOTES.parse(text);
        if let Ok(id) = &read {
            assert_eq!(names::QUOTES.name(*id), text);
        }
        if slug.is_ok() { Said::Yes } else { Said::of(&read) }
    });
}
