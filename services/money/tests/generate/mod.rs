//! Documents to try: small ones of every shape, and lines of extreme numbers.

use dealflow_money::{Adjustment, Amount, Currency, DocumentAdjustment, DocumentInput, LineInput, Vat, VatCategory};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// Any decimal, with all lengths of mantissa and all scales.
pub(crate) fn any_decimal() -> impl Strategy<Value = Decimal> {
    let mantissa = (any::<u128>(), 32u32..128).prop_map(|(bits, shift)| bits >> shift);
    (mantissa, any::<bool>(), 0u32..=28).prop_map(|(size, negative, scale)| {
        let size = i128::try_from(size).expect("96 bits");
        Decimal::from_i128_with_scale(if negative { -size } else { size }, scale)
    })
}

/// (1 + e)(h - he) = h - he², where h ends in half a cent and e² lies beyond 28 digits: a product
/// that a rounding before ours would turn into the half itself.
pub(crate) fn beside_half_a_cent() -> impl Strategy<Value = (Decimal, Decimal)> {
    (0i64..1000, 15u32..=24, any::<bool>(), any::<bool>()).prop_map(|(cents, places, over, back)| {
        let half = Decimal::new(10 * cents + 5, 3);
        let tiny = Decimal::new(1, places);
        let factor = Decimal::ONE + tiny;
        // Above the half when the second factor is not diminished.
        let price = if over { half } else { half - half * tiny };
        (if back { -factor } else { factor }, price)
    })
}

/// Minor units near the limits, and some small ones.
pub(crate) fn large() -> impl Strategy<Value = i64> {
    prop_oneof![
        i64::MAX - 3..=i64::MAX,
        -i64::MAX..=-i64::MAX + 3,
        i64::MAX / 2 - 2..=i64::MAX / 2 + 2,
        -3i64..=3,
        -i64::MAX..=i64::MAX,
    ]
}

pub(crate) fn currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(vec!["EUR", "HUF", "JPY", "KWD", "CLF"])
        .prop_map(|code| Currency::parse(code).expect("a currency"))
}

/// A document of up to seven lines over few VAT groups, with adjustments on lines and in the header.
pub(crate) fn document() -> impl Strategy<Value = DocumentInput> {
    let lines = prop::collection::vec(line(), 1..8);
    let header = || prop::collection::vec(header_adjustment(), 0..3);
    let agreed = || -100_000i64..100_000;
    (currency(), lines, header(), header(), agreed(), agreed()).prop_map(
        |(currency, mut lines, allowances, charges, prepaid, rounding)| {
            for (index, line) in lines.iter_mut().enumerate() {
                line.id = index.to_string();
            }
            let mut document = DocumentInput::new(currency, lines);
            document.allowances = allowances;
            document.charges = charges;
            document.prepaid = Decimal::new(prepaid, currency.exponent());
            document.rounding = Decimal::new(rounding, currency.exponent());
            document
        },
    )
}

pub(crate) fn document_and_reordered() -> impl Strategy<Value = (DocumentInput, DocumentInput)> {
    document().prop_flat_map(|document| {
        let reordered = Just(document.lines.clone()).prop_shuffle();
        (Just(document), reordered).prop_map(|(document, lines)| {
            let mut reordered = document.clone();
            reordered.lines = lines;
            (document, reordered)
        })
    })
}

/// All quantities and fixed amounts with the other sign; percentages follow their base.
pub(crate) fn taken_back(document: &DocumentInput) -> DocumentInput {
    let mut back = document.clone();
    for line in &mut back.lines {
        line.quantity = -line.quantity;
        for adjustment in line.allowances.iter_mut().chain(&mut line.charges) {
            turn(&mut adjustment.amount);
        }
    }
    for adjustment in back.allowances.iter_mut().chain(&mut back.charges) {
        turn(&mut adjustment.amount);
    }
    back.prepaid = -back.prepaid;
    back.rounding = -back.rounding;
    back
}

pub(crate) fn one_line(currency: Currency, quantity: Decimal, price: Decimal, base: Decimal) -> DocumentInput {
    let vat = Vat::new(VatCategory::Z, Decimal::ZERO);
    let mut line = LineInput::new("1", quantity, price, vat);
    line.base_quantity = base;
    DocumentInput::new(currency, vec![line])
}

/// One line for each net, without tax.
pub(crate) fn untaxed(currency: Currency, nets: &[i64]) -> DocumentInput {
    let vat = Vat::new(VatCategory::Z, Decimal::ZERO);
    let lines = nets.iter().map(|net| {
        let price = Decimal::from(net.unsigned_abs());
        LineInput::new("", Decimal::from(net.signum()), price, vat)
    });
    DocumentInput::new(currency, lines.collect())
}

fn turn(amount: &mut Amount) {
    if let Amount::Fixed(value) = amount {
        *value = -*value;
    }
}

fn line() -> impl Strategy<Value = LineInput> {
    let adjustments = || prop::collection::vec(line_adjustment(), 0..3);
    (
        decimal(-1_000_000..1_000_000),
        decimal(0..10_000_000),
        prop_oneof![3 => Just(Decimal::ONE), 1 => decimal(1..10_000)],
        adjustments(),
        adjustments(),
        vat(),
    )
        .prop_map(|(quantity, price, base, allowances, charges, vat)| {
            let mut line = LineInput::new("", quantity, price, vat);
            line.base_quantity = base;
            line.allowances = allowances;
            line.charges = charges;
            line
        })
}

/// Up to four decimals.
fn decimal(mantissa: std::ops::Range<i64>) -> impl Strategy<Value = Decimal> {
    (mantissa, 0u32..5).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale))
}

fn line_adjustment() -> impl Strategy<Value = Adjustment> {
    amount().prop_map(|amount| Adjustment { amount, reason: String::new() })
}

fn header_adjustment() -> impl Strategy<Value = DocumentAdjustment> {
    (amount(), prop::option::of(vat())).prop_map(|(amount, vat)| DocumentAdjustment {
        amount,
        reason: String::new(),
        vat,
    })
}

fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![
        decimal(-100_000..100_000).prop_map(Amount::Fixed),
        (0i64..=1_000_000).prop_map(|percent| Amount::Percent(Decimal::new(percent, 4))),
    ]
}

/// Few enough that groups have several lines; 19.0 and 19 meet in one.
fn vat() -> impl Strategy<Value = Vat> {
    let choices = [
        (VatCategory::S, "19"),
        (VatCategory::S, "19.0"),
        (VatCategory::S, "7"),
        (VatCategory::S, "8.1"),
        (VatCategory::Z, "0"),
        (VatCategory::AE, "0.00"),
        (VatCategory::L, "3.25"),
    ];
    prop::sample::select(choices.to_vec()).prop_map(|(category, rate)| {
        let rate = rate.parse().expect("a rate");
        Vat::new(category, rate)
    })
}
