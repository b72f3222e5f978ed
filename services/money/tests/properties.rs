//! What holds for every document, over generated ones (R-QUO-1, erp-handoff §2), and a comparison
//! with two other ways to compute the same: fractions (`model`) and digits on paper (`paper`).

mod generate;
mod model;
mod paper;

use dealflow_money::{Currency, DocumentInput, MoneyError, Totals, allocate, compute, round, to_minor};
use model::Model;
use proptest::{prelude::*, test_runner::TestCaseError};
use rust_decimal::Decimal;

fn computed(document: &DocumentInput) -> Result<Totals, TestCaseError> {
    match compute(document) {
        Ok(totals) => Ok(totals),
        Err(MoneyError::Unsplittable { .. }) => Err(TestCaseError::reject("lines sum to zero")),
        Err(error) => Err(TestCaseError::fail(error.to_string())),
    }
}

fn sum(amounts: impl Iterator<Item = i64>) -> i128 {
    amounts.map(i128::from).sum()
}

proptest! {
    #[test]
    fn every_total_is_the_exact_sum_of_what_it_sums(document in generate::document()) {
        let totals = computed(&document)?;
        for line in &totals.lines {
            let adjusted = i128::from(line.gross) - sum(line.allowances.iter().copied())
                + sum(line.charges.iter().copied());
            prop_assert_eq!(i128::from(line.net), adjusted);
        }
        let wide = i128::from;
        prop_assert_eq!(wide(totals.sum_of_lines), sum(totals.lines.iter().map(|line| line.net)));
        prop_assert_eq!(
            wide(totals.total_without_vat),
            wide(totals.sum_of_lines) - wide(totals.allowances) + wide(totals.charges)
        );
        prop_assert_eq!(
            wide(totals.total_without_vat),
            sum(totals.vat.iter().map(|group| group.taxable)),
            "the groups hold the whole base, header discounts included"
        );
        prop_assert_eq!(wide(totals.total_vat), sum(totals.vat.iter().map(|group| group.tax)));
        prop_assert_eq!(
            wide(totals.total_with_vat),
            wide(totals.total_without_vat) + wide(totals.total_vat)
        );
        prop_assert_eq!(
            wide(totals.payable),
            wide(totals.total_with_vat) - wide(totals.prepaid) + wide(totals.rounding)
        );
    }

    #[test]
    fn the_shares_of_a_header_adjustment_sum_to_it(document in generate::document()) {
        let totals = computed(&document)?;
        let details = totals.allowance_details.iter().chain(&totals.charge_details);
        for adjustment in details {
            let shared = sum(adjustment.shares.iter().map(|share| share.amount));
            prop_assert_eq!(i128::from(adjustment.amount), shared);
        }
    }

    #[test]
    fn a_naive_computation_in_fractions_agrees_to_the_cent(document in generate::document()) {
        let totals = computed(&document)?;
        let rate = |rate: Decimal| {
            rate.mantissa() * 1_000_000 / 10i128.pow(rate.scale())
        };
        let ours = Model {
            nets: totals.lines.iter().map(|line| i128::from(line.net)).collect(),
            allowances: i128::from(totals.allowances),
            charges: i128::from(totals.charges),
            groups: totals
                .vat
                .iter()
                .map(|group| {
                    let (taxable, tax) = (i128::from(group.taxable), i128::from(group.tax));
                    (group.category, rate(group.rate), taxable, tax)
                })
                .collect(),
            payable: i128::from(totals.payable),
        };
        prop_assert_eq!(ours, Model::of(&document));
    }

    #[test]
    fn there_is_one_group_for_each_category_and_rate(document in generate::document()) {
        let totals = computed(&document)?;
        let keys: Vec<_> = totals.vat.iter().map(|group| (group.category, group.rate)).collect();
        prop_assert!(keys.is_sorted_by(|left, right| left < right), "{keys:?}");
    }

    #[test]
    fn the_order_of_lines_changes_no_total(
        (document, reordered) in generate::document_and_reordered()
    ) {
        let (mut left, mut right) = (computed(&document)?, computed(&reordered)?);
        left.lines.sort_by(|a, b| a.id.cmp(&b.id));
        right.lines.sort_by(|a, b| a.id.cmp(&b.id));
        prop_assert_eq!(left, right);
    }

    #[test]
    fn a_document_taken_back_line_by_line_is_the_same_with_the_other_sign(
        document in generate::document()
    ) {
        let totals = computed(&document)?;
        let back = computed(&generate::taken_back(&document))?;
        prop_assert_eq!(back.payable, -totals.payable);
        prop_assert_eq!(back.total_vat, -totals.total_vat);
        let negated: Vec<_> = totals.vat.iter().map(|group| (-group.taxable, -group.tax)).collect();
        let groups: Vec<_> = back.vat.iter().map(|group| (group.taxable, group.tax)).collect();
        prop_assert_eq!(groups, negated);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_line_of_any_digits_is_rounded_as_on_paper_or_refused(
        (quantity, price, base) in (generate::any_decimal(), generate::any_decimal(), generate::any_decimal()),
        currency in generate::currency(),
    ) {
        let (price, base) = (price.abs(), base.abs());
        prop_assume!(!base.is_zero());
        let expected = paper::quotient(quantity, price, base, currency.exponent());
        let document = generate::one_line(currency, quantity, price, base);
        match (compute(&document), expected) {
            (Ok(totals), expected) => prop_assert_eq!(Some(totals.payable), expected),
            (Err(error), None) => {
                prop_assert!(matches!(error, MoneyError::Overflow { .. }), "{}", error);
                prop_assert_eq!(error.field(), "lines[0].gross");
            }
            (Err(error), Some(minor)) => prop_assert!(false, "{} instead of {}", error, minor),
        }
    }

    #[test]
    fn a_product_beside_half_a_cent_is_rounded_as_on_paper(
        (quantity, price) in generate::beside_half_a_cent()
    ) {
        let euro = Currency::parse("EUR").expect("EUR is a currency");
        let expected = paper::quotient(quantity, price, Decimal::ONE, 2);
        let totals = compute(&generate::one_line(euro, quantity, price, Decimal::ONE));
        prop_assert_eq!(totals.ok().map(|totals| totals.payable), expected);
    }

    #[test]
    fn sums_near_the_limit_are_exact_or_refused_and_never_wrap(
        nets in prop::collection::vec(generate::large(), 1..6)
    ) {
        let yen = Currency::parse("JPY").expect("JPY is a currency");
        let exact: i128 = nets.iter().map(|net| i128::from(*net)).sum();
        let fits = exact.abs() <= i128::from(i64::MAX);
        match compute(&generate::untaxed(yen, &nets)) {
            Ok(totals) => {
                prop_assert!(fits);
                prop_assert_eq!(i128::from(totals.payable), exact);
            }
            Err(error) => {
                prop_assert!(!fits, "{}", error);
                prop_assert!(matches!(error, MoneyError::Overflow { .. }), "{}", error);
            }
        }
    }

    #[test]
    fn an_allocation_conserves_the_amount_and_is_fair(
        total in any::<i64>().prop_filter("has a negation", |total| *total != i64::MIN),
        weights in prop::collection::vec(0..=i64::MAX, 1..8),
    ) {
        let divisor: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        prop_assume!(divisor != 0);
        let shares = allocate(total, &weights).expect("weights of one sign cannot overflow");
        prop_assert_eq!(sum(shares.iter().copied()), i128::from(total));
        for (share, weight) in shares.iter().zip(&weights) {
            // |share - total × weight ÷ divisor| < 1, without a division or an overflow.
            let exact = i128::from(total) * i128::from(*weight);
            let (down, off) = (exact.div_euclid(divisor), exact.rem_euclid(divisor));
            let near = i128::from(*share) == down || (off > 0 && i128::from(*share) == down + 1);
            prop_assert!(near, "{share} of {total} for {weight} of {divisor}");
        }
        let negated: Vec<i64> = shares.iter().map(|share| -share).collect();
        prop_assert_eq!(allocate(-total, &weights), Ok(negated), "symmetric in sign");
        prop_assert_eq!(allocate(total, &weights), Ok(shares), "the same again");
    }

    #[test]
    fn an_allocation_over_weights_of_both_signs_conserves_the_amount(
        total in -1_000_000_000i64..1_000_000_000,
        weights in prop::collection::vec(-1_000_000i64..1_000_000, 1..8),
    ) {
        let divisor: i64 = weights.iter().sum();
        prop_assume!(divisor != 0);
        let shares = allocate(total, &weights).expect("small numbers fit");
        prop_assert_eq!(shares.iter().sum::<i64>(), total);
        for (share, weight) in shares.iter().zip(&weights) {
            let off = i128::from(*share) * i128::from(divisor)
                - i128::from(total) * i128::from(*weight);
            prop_assert!(off.abs() < i128::from(divisor.abs()), "{share} for {weight}");
        }
        let negated: Vec<i64> = shares.iter().map(|share| -share).collect();
        prop_assert_eq!(allocate(-total, &weights), Ok(negated));
        let turned: Vec<i64> = weights.iter().map(|weight| -weight).collect();
        prop_assert_eq!(allocate(total, &turned), Ok(shares), "only the proportion counts");
    }

    #[test]
    fn a_weight_of_zero_gets_nothing_and_takes_nothing(
        total in any::<i64>(),
        weights in prop::collection::vec(1..=i64::MAX, 1..6),
        place in any::<prop::sample::Index>(),
    ) {
        let place = place.index(weights.len() + 1);
        let mut with_zero = weights.clone();
        with_zero.insert(place, 0);
        prop_assume!(total != i64::MIN);
        let mut shares = allocate(total, &with_zero).expect("weights of one sign fit");
        prop_assert_eq!(shares.remove(place), 0);
        prop_assert_eq!(Ok(shares), allocate(total, &weights));
    }

    #[test]
    fn rounding_is_symmetric_near_and_done_once(value in generate::any_decimal(), exponent in 0u32..5) {
        let rounded = round(value, exponent);
        prop_assert_eq!(round(-value, exponent), -rounded);
        prop_assert_eq!(round(rounded, exponent), rounded);
        prop_assert!(rounded.scale() <= exponent);
        // Off by at most half a unit, and by half only away from zero; digits dropped are exact.
        if value.scale() > exponent {
            let unit = 10i128.pow(value.scale() - exponent);
            let kept = rounded.mantissa() * 10i128.pow(exponent - rounded.scale());
            let (kept, exact) = (kept.abs(), value.mantissa().abs());
            let nearest = (exact / unit) + i128::from(exact % unit * 2 >= unit);
            prop_assert_eq!(kept, nearest);
        } else {
            prop_assert_eq!(rounded, value);
        }
    }

    #[test]
    fn minor_units_are_the_rounded_decimal_and_symmetric(
        value in generate::any_decimal(), currency in generate::currency()
    ) {
        let expected = paper::quotient(value, Decimal::ONE, Decimal::ONE, currency.exponent());
        prop_assert_eq!(to_minor(value, currency).ok(), expected);
        let negated = to_minor(-value, currency).ok();
        prop_assert_eq!(negated, expected.map(|minor| -minor));
    }
}
