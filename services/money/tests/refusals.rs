//! What is refused, and that the refusal names the field and what is allowed (R-QUO-1, R-PRD-1).

use dealflow_money::{
    Adjustment, Amount, Currency, DocumentAdjustment, DocumentInput, LineInput, MoneyError, Vat, VatCategory, compute,
};
use rust_decimal::{Decimal, dec};

const STANDARD: Vat = Vat { category: VatCategory::S, rate: dec!(19) };

/// Three good lines; each test spoils one thing.
fn document() -> DocumentInput {
    let line = |id: &str| LineInput::new(id, dec!(2), dec!(10), STANDARD);
    let euro = Currency::parse("EUR").expect("EUR is a currency");
    DocumentInput::new(euro, vec![line("1"), line("2"), line("3")])
}

fn refusal(spoil: impl FnOnce(&mut DocumentInput)) -> MoneyError {
    let mut document = document();
    compute(&document).expect("the unspoilt document is fine");
    spoil(&mut document);
    compute(&document).expect_err("the spoilt document is refused")
}

fn header(amount: Amount, vat: Option<Vat>) -> DocumentAdjustment {
    DocumentAdjustment { amount, reason: "agreed".to_owned(), vat }
}

#[test]
fn a_negative_price_is_refused_and_the_way_out_is_said() {
    let error = refusal(|document| document.lines[2].unit_price = dec!(-0.01));
    assert_eq!(
        error.to_string(),
        "lines[2].unit_price is -0.01; allowed: 0 or more; a line that takes back has a negative \
         quantity (BR-27)"
    );
}

#[test]
fn a_base_quantity_of_zero_or_less_is_refused() {
    for base in [dec!(0), dec!(-1)] {
        let error = refusal(|document| document.lines[1].base_quantity = base);
        assert_eq!(error.field(), "lines[1].base_quantity");
        assert!(error.to_string().contains("more than 0"), "{error}");
    }
}

#[test]
fn a_rate_outside_0_to_100_is_refused() {
    for rate in [dec!(-1), dec!(100.01)] {
        let error = refusal(|document| document.lines[0].vat.rate = rate);
        assert_eq!(error.field(), "lines[0].vat.rate");
    }
}

#[test]
fn a_category_without_tax_refuses_any_rate_but_zero() {
    for code in ["Z", "E", "AE", "K", "G", "O"] {
        let category = VatCategory::parse(code).expect("a category");
        assert!(category.rate_must_be_zero(), "{code}");
        let error = refusal(|document| document.lines[0].vat = Vat::new(category, Decimal::new(1, 28)));
        assert_eq!(error.field(), "lines[0].vat.rate", "{code}");
        let mut document = document();
        document.lines[0].vat = Vat::new(category, dec!(0));
        compute(&document).unwrap_or_else(|error| panic!("{code}: {error}"));
    }
}

#[test]
fn the_standard_category_refuses_rate_zero_which_says_nothing_of_the_law() {
    let error = refusal(|document| document.lines[0].vat.rate = dec!(0));
    assert_eq!(
        error.to_string(),
        "lines[0].vat.rate is 0 % of category S; allowed: more than 0, at most 100 per cent; \
         without tax the category is Z, E, AE, K, G or O"
    );
}

#[test]
fn a_percentage_below_zero_or_an_allowance_of_more_than_all_is_refused() {
    for percent in [dec!(-1), dec!(100.5)] {
        let error = refusal(|document| {
            document.lines[1].allowances.push(Adjustment { amount: Amount::Percent(percent), reason: String::new() });
        });
        assert_eq!(error.field(), "lines[1].allowances[0].amount");
    }
    let error = refusal(|document| {
        document.charges = vec![
            header(Amount::Percent(dec!(150)), Some(STANDARD)),
            header(Amount::Percent(dec!(-150)), Some(STANDARD)),
        ];
    });
    assert_eq!(error.field(), "charges[1].amount");
}

#[test]
fn the_rate_of_a_header_allowance_is_checked_as_that_of_a_line() {
    let error = refusal(|document| {
        let vat = Vat::new(VatCategory::AE, dec!(19));
        document.allowances = vec![header(Amount::Fixed(dec!(1)), Some(vat))];
    });
    assert_eq!(error.field(), "allowances[0].vat.rate");
}

#[test]
fn a_header_discount_over_lines_that_sum_to_zero_must_name_its_vat() {
    let spoil = |vat| {
        move |document: &mut DocumentInput| {
            document.lines[1].quantity = dec!(-4);
            document.allowances = vec![header(Amount::Fixed(dec!(1)), vat)];
        }
    };
    let error = refusal(spoil(None));
    assert!(matches!(error, MoneyError::Unsplittable { .. }), "{error}");
    assert_eq!(error.field(), "allowances[0].amount");

    let mut named = document();
    spoil(Some(STANDARD))(&mut named);
    let totals = compute(&named).expect("with its VAT named there is nothing to split");
    assert_eq!((totals.sum_of_lines, totals.total_without_vat), (0, -100));
}

#[test]
fn what_was_paid_is_not_rounded_for_the_payer() {
    let error = refusal(|document| document.prepaid = dec!(0.005));
    assert_eq!(error.to_string(), "prepaid is 0.005; allowed: at most 2 decimals");
    let error = refusal(|document| document.rounding = dec!(-0.001));
    assert_eq!(error.field(), "rounding");
}

#[test]
fn a_result_that_does_not_fit_is_refused_where_it_arises() {
    type Spoil = fn(&mut DocumentInput, Decimal);
    let most = dec!(92233720368547758.07);
    let places: [(&str, Spoil); 6] = [
        ("lines[1].gross", |document, most| {
            document.lines[1].unit_price = most;
        }),
        ("lines[2].net", |document, most| {
            document.lines[2].quantity = dec!(1);
            document.lines[2].unit_price = most;
            document.lines[2].charges.push(Adjustment { amount: Amount::Fixed(dec!(0.01)), reason: String::new() });
        }),
        ("sum_of_lines", |document, most| {
            document.lines[0].quantity = dec!(1);
            document.lines[0].unit_price = most;
        }),
        ("allowances[0].amount", |document, most| {
            document.allowances = vec![header(Amount::Fixed(most + dec!(0.01)), None)];
        }),
        ("vat[0].taxable", |document, most| {
            document.charges = vec![header(Amount::Fixed(most), None)];
        }),
        ("total_with_vat", |document, most| {
            document.charges = vec![header(Amount::Fixed(most - dec!(60)), None)];
        }),
    ];
    for (field, spoil) in places {
        let error = refusal(|document| spoil(document, most));
        assert!(matches!(error, MoneyError::Overflow { .. }), "{field}: {error}");
        assert_eq!(error.field(), field);
    }
}

#[test]
fn a_total_that_fits_is_given_although_a_partial_sum_would_not() {
    let mut document = document();
    let most = dec!(92233720368547758.07);
    for (line, quantity) in document.lines.iter_mut().zip([dec!(1), dec!(1), dec!(-1)]) {
        line.quantity = quantity;
        line.unit_price = most;
        line.vat = Vat::new(VatCategory::Z, dec!(0));
    }
    let totals = compute(&document).expect("the sum is that of one line");
    assert_eq!(totals.payable, i64::MAX);
}
