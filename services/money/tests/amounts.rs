//! Currencies and single amounts: conversions, checked arithmetic, splits.

use dealflow_money::{Currency, Money, MoneyError, round, to_minor};
use rust_decimal::{Decimal, dec};

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap_or_else(|error| panic!("{error}"))
}

fn money(minor: i64, code: &str) -> Money {
    Money { minor, currency: currency(code) }
}

#[test]
fn decimals_come_from_iso_4217() {
    let exponents = [("USD", 2), ("HUF", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("CLF", 4)];
    for (code, exponent) in exponents {
        assert_eq!(currency(code).exponent(), exponent, "{code}");
        assert_eq!(currency(code).code(), code);
    }
}

#[test]
fn what_is_no_currency_of_a_document_is_refused() {
    for code in ["", "usd", "US", "USDX", "ABC", "XAU", "XXX", " EUR"] {
        let error = Currency::parse(code).expect_err(code);
        assert_eq!(error.field(), "currency");
        assert!(error.to_string().contains(&format!("{code:?}")), "{error}");
    }
}

#[test]
fn amounts_are_written_with_the_decimals_of_their_currency() {
    let written = [
        (money(123_450, "USD"), "1234.50 USD"),
        (money(-5, "EUR"), "-0.05 EUR"),
        (money(0, "EUR"), "0.00 EUR"),
        (money(1234, "JPY"), "1234 JPY"),
        (money(1, "KWD"), "0.001 KWD"),
        (money(i64::MIN, "EUR"), "-92233720368547758.08 EUR"),
    ];
    for (amount, text) in written {
        assert_eq!(amount.to_string(), text);
    }
}

#[test]
fn a_decimal_finer_than_the_currency_is_refused_and_trailing_zeros_are_not() {
    let euro = currency("EUR");
    let exact = Money::from_decimal(dec!(12.5000), euro);
    assert_eq!(exact, Ok(money(1250, "EUR")));
    let refused = Money::from_decimal(dec!(0.005), euro);
    assert!(matches!(refused, Err(MoneyError::TooManyDecimals { allowed: 2, .. })));
    assert!(Money::from_decimal(dec!(0.1), currency("JPY")).is_err());
    let large = Money::from_decimal(dec!(92233720368547758.08), euro);
    assert!(matches!(large, Err(MoneyError::Overflow { .. })));
}

#[test]
fn the_wire_form_keeps_both_parts_of_one_sign() {
    let pairs = [
        (money(-5, "EUR"), (0, -50_000_000)),
        (money(-105, "EUR"), (-1, -50_000_000)),
        (money(1234, "JPY"), (1234, 0)),
        (money(1001, "KWD"), (1, 1_000_000)),
        (money(i64::MAX, "EUR"), (92_233_720_368_547_758, 70_000_000)),
    ];
    for (amount, (units, nanos)) in pairs {
        assert_eq!(amount.to_units_nanos(), (units, nanos));
        let back = Money::from_units_nanos(units, nanos, amount.currency);
        assert_eq!(back, Ok(amount));
    }
}

#[test]
fn a_wire_form_that_contradicts_itself_is_refused() {
    let refused = [
        (1, -1, "EUR"),
        (-1, 10_000_000, "EUR"),
        (0, 1_000_000_000, "EUR"),
        (0, i32::MIN, "EUR"),
        (0, 5_000_000, "EUR"),
        (0, 500_000_000, "JPY"),
        (i64::MAX, 0, "EUR"),
        (i64::MIN, -990_000_000, "JPY"),
    ];
    for (units, nanos, code) in refused {
        let amount = Money::from_units_nanos(units, nanos, currency(code));
        assert!(amount.is_err(), "{units} {nanos} {code}: {amount:?}");
    }
}

#[test]
fn currencies_do_not_mix() {
    let (euro, dollar) = (money(1, "EUR"), money(1, "USD"));
    let mismatch = Err(MoneyError::CurrencyMismatch { expected: euro.currency, actual: dollar.currency });
    assert_eq!(euro.checked_add(dollar), mismatch);
    assert_eq!(euro.checked_sub(dollar), mismatch);
    assert_eq!(Money::sum(euro.currency, [euro, dollar]), mismatch);
}

#[test]
fn arithmetic_that_does_not_fit_is_an_error_and_never_wraps() {
    let (most, least) = (money(i64::MAX, "EUR"), money(-i64::MAX, "EUR"));
    let cent = money(1, "EUR");
    let results = [
        most.checked_add(cent),
        least.checked_sub(cent),
        money(i64::MIN, "EUR").checked_neg(),
        most.percent(dec!(100.0000000000000001)),
        Money::sum(cent.currency, [most, most]),
    ];
    for result in results {
        assert!(matches!(result, Err(MoneyError::Overflow { .. })), "{result:?}");
    }
    assert_eq!(most.checked_neg(), Ok(least));
    let passing_through = Money::sum(cent.currency, [most, cent, least]);
    assert_eq!(passing_through, Ok(cent), "only the end result has to fit");
}

#[test]
fn rounding_goes_away_from_zero_at_the_half() {
    let rounded = [
        (dec!(0.005), dec!(0.01)),
        (dec!(-0.005), dec!(-0.01)),
        (dec!(0.0049999999999999999999999999), dec!(0)),
        (dec!(2.675), dec!(2.68)),
        (dec!(1.1), dec!(1.1)),
    ];
    for (value, expected) in rounded {
        assert_eq!(round(value, 2), expected, "{value}");
        let minor = to_minor(value, currency("EUR")).expect("it fits");
        assert_eq!(Decimal::new(minor, 2), expected, "{value}");
    }
    assert_eq!(round(dec!(-0.004), 2).to_string(), "0.00");
}

#[test]
fn the_cent_left_over_goes_to_the_first_of_equals() {
    let shares = |minor, weights: &[i64]| -> Vec<i64> {
        let shares = money(minor, "EUR").allocate(weights).expect("a sum");
        shares.into_iter().map(|share| share.minor).collect()
    };
    assert_eq!(shares(100, &[1, 1, 1]), [34, 33, 33]);
    assert_eq!(shares(-100, &[1, 1, 1]), [-34, -33, -33]);
    assert_eq!(shares(1, &[0, 1, 1]), [0, 1, 0]);
    assert_eq!(shares(5, &[1, 0]), [5, 0]);
    assert_eq!(shares(0, &[1, -1]), [0, 0]);
    let nothing_to_split_by = money(1, "EUR").allocate(&[1, -1]);
    assert!(matches!(nothing_to_split_by, Err(MoneyError::Unsplittable { .. })));
}
