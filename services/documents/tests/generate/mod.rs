//! Random documents as companies write them, and as they hope nobody does: mixed rates, reverse charge, intra-community
//! supply, export, nothing subject to VAT, discounts and charges on lines and on the whole, by percentage and fixed,
//! prepayments, rounding, credit notes, yen and dinars, 18 digits, nasty names.

#![allow(dead_code, reason = "each test binary uses its part")]

use chrono::{Days, NaiveDate};
use dealflow_documents::{
    Address, Adjustment, Contact, Delivery, Document, ElectronicAddress, Exemption, Kind, Line, Party, Payment, Period,
    Preceding, References, Registration,
};
use dealflow_money::{Amount, Currency, Vat, VatCategory};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// What is done to a text in a file: escapes, other scripts, lengths.
const NASTY: &[&str] = &[
    "Müller & Söhne <GmbH> \"Nord\" 'Süd'",
    "ООО «Ромашка» — поставка ёлок",
    "Ελληνική Εταιρεία Α.Ε.",
    "株式会社ディールフロー",
    "Café 🚀☕ <![CDATA[no]]> -->",
    "]]> &amp; &#0; <!-- x",
    "tabs\tand\r\nlines\rand\u{1}bells\u{7}",
    "non-characters \u{fffe}\u{ffff} and \u{202e}direction",
    "שלום",
];

/// How large and how fine the amounts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Usual,
    /// 18 digits.
    Large,
    /// Whole units of the currency.
    Whole,
}

/// The VAT of a line, and what a document of that kind needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Regime {
    Domestic,
    ReverseCharge,
    IntraCommunity,
    Export,
    OutsideScope,
    Islands,
}

fn vats(regime: Regime) -> Vec<Vat> {
    use VatCategory::{AE, E, G, K, L, M, O, S, Z};
    let vat = |category, rate, scale| Vat::new(category, Decimal::new(rate, scale));
    match regime {
        Regime::Domestic => vec![vat(S, 19, 0), vat(S, 700, 2), vat(S, 55, 1), vat(Z, 0, 0), vat(E, 0, 0)],
        Regime::ReverseCharge => vec![vat(AE, 0, 0), vat(S, 20, 0)],
        Regime::IntraCommunity => vec![vat(K, 0, 0)],
        Regime::Export => vec![vat(G, 0, 0), vat(S, 25, 0)],
        Regime::OutsideScope => vec![vat(O, 0, 0)],
        Regime::Islands => vec![vat(L, 7, 0), vat(M, 4, 0), vat(L, 0, 0)],
    }
}

fn regime() -> impl Strategy<Value = Regime> {
    prop_oneof![
        6 => Just(Regime::Domestic),
        2 => Just(Regime::ReverseCharge),
        2 => Just(Regime::IntraCommunity),
        2 => Just(Regime::Export),
        1 => Just(Regime::OutsideScope),
        1 => Just(Regime::Islands),
    ]
}

/// A name that is never blank.
pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Z][a-z]{1,12} [a-z]{1,10}",
        4 => prop::sample::select(NASTY).prop_map(str::to_owned),
        1 => "\\PC{0,20}|[\\x00-\\x1f\\u{7f}-\\u{9f}]{0,8}".prop_map(|text| format!("x{text}")),
        1 => (1usize..60).prop_map(|times| "very long & <long> name ".repeat(times)),
    ]
}

fn code(category: VatCategory) -> (&'static str, &'static str) {
    if category == VatCategory::E { ("Exempt, article 132 & 135", "VATEX-EU-132-1I") } else { ("", "") }
}

fn amount(exponent: u32, most: i64) -> impl Strategy<Value = Amount> {
    prop_oneof![
        (0i64..=most).prop_map(move |minor| Amount::Fixed(Decimal::new(minor, exponent))),
        (0i64..=10_000).prop_map(|hundredths| Amount::Percent(Decimal::new(hundredths, 2))),
        (0i64..=40).prop_map(|whole| Amount::Percent(Decimal::from(whole))),
    ]
}

fn adjustments(exponent: u32, code: &'static str, most: usize) -> impl Strategy<Value = Vec<Adjustment>> {
    let one = (amount(exponent, 5_000), name(), any::<bool>()).prop_map(move |(amount, reason, coded)| Adjustment {
        amount,
        reason,
        code: if coded { code.to_owned() } else { String::new() },
        vat: None,
    });
    prop::collection::vec(one, 0..=most)
}

fn quantity_and_price(size: Size) -> BoxedStrategy<(Decimal, Decimal, Decimal)> {
    if size == Size::Whole {
        let whole = |most| (1i64..=most).prop_map(Decimal::from);
        return (whole(99), whole(9_999), Just(Decimal::ONE)).boxed();
    }
    if size == Size::Large {
        let price = (1i64..=999_999_999_999_999_999).prop_map(|minor| Decimal::new(minor, 2));
        return (Just(Decimal::ONE), price, Just(Decimal::ONE)).boxed();
    }
    let quantity = (prop_oneof![9 => 1i64..=99_999, 1 => -9_999i64..=0], 0u32..=3);
    let price = (0i64..=9_999_999, 0u32..=6);
    let base = prop_oneof![5 => Just(1i64), 1 => Just(10), 1 => Just(1000), 1 => Just(3)];
    (quantity, price, base)
        .prop_map(|((q, q_scale), (p, p_scale), base)| {
            (Decimal::new(q, q_scale), Decimal::new(p, p_scale), Decimal::from(base))
        })
        .boxed()
}

fn line(regime: Regime, exponent: u32, size: Size) -> impl Strategy<Value = Line> {
    let units = prop::sample::select(vec!["C62", "HUR", "KGM", "MTR", "DAY", "XBX", "MON"]);
    (
        quantity_and_price(size),
        prop::sample::select(vats(regime)),
        (name(), prop_oneof![2 => Just(String::new()), 1 => name()], units),
        adjustments(exponent, "95", 2),
        adjustments(exponent, "FC", 1),
    )
        .prop_map(move |((quantity, price, base), vat, (name, description, unit), allowances, charges)| {
            let mut line = Line::new("", name, quantity, unit, price, vat);
            line.description = description;
            line.base_quantity = base;
            if size == Size::Usual {
                (line.allowances, line.charges) = (allowances, charges);
            }
            line
        })
}

fn currency() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just("EUR"), 2 => Just("JPY"), 2 => Just("HUF"), 1 => Just("USD"), 1 => Just("KWD")]
}

/// A document that lacks nothing. A dinar's may still be refused, for the third decimal.
pub(crate) fn document() -> impl Strategy<Value = Document> {
    (currency(), regime(), prop_oneof![9 => Just(Size::Usual), 1 => Just(Size::Large)], any::<bool>()).prop_flat_map(
        |(code, regime, size, credit)| {
            // Only whole dinars have a chance that two decimals will do.
            let size = if code == "KWD" { Size::Whole } else { size };
            let most = if size == Size::Whole { 0 } else { 2 };
            let currency = Currency::parse(code).expect("a currency");
            let exponent = currency.exponent();
            let shape = (
                prop::collection::vec(line(regime, exponent, size), 1..=7),
                adjustments(exponent, "95", most),
                adjustments(exponent, "FC", most / 2),
                prop::option::of(prop::sample::select(vats(regime))),
            );
            let words = (name(), name(), prop::collection::vec(name(), 0..=2), name());
            let money = (0i64..=10_000, -5i64..=5, any::<bool>(), any::<bool>());
            (shape, words, money, 0u64..20_000)
                .prop_map(move |(shape, words, money, day)| build(currency, regime, credit, shape, words, money, day))
        },
    )
}

type Shape = (Vec<Line>, Vec<Adjustment>, Vec<Adjustment>, Option<Vat>);
type Words = (String, String, Vec<String>, String);
type Extras = (i64, i64, bool, bool);

fn build(
    currency: Currency,
    regime: Regime,
    credit: bool,
    (lines, allowances, charges, vat): Shape,
    (seller, buyer, notes, reference): Words,
    (prepaid, rounding, with_extras, with_terms): Extras,
    day: u64,
) -> Document {
    let kind = if credit { Kind::CreditNote } else { Kind::Invoice };
    let start = NaiveDate::from_ymd_opt(2001, 1, 1).expect("a day");
    let issue_date = start.checked_add_days(Days::new(day)).expect("a day");
    let mut document = Document::new(kind, format!("INV-{day}"), issue_date, currency);
    document.due_date = issue_date.checked_add_days(Days::new(30));
    (document.seller, document.buyer) = parties(seller, buyer, regime);
    document.references = references(reference, credit, issue_date);
    document.payment = Some(payment());
    document.lines = lines;
    for (index, line) in document.lines.iter_mut().enumerate() {
        line.id = (index + 1).to_string();
        line.order_line = format!("{}0", index + 1);
    }
    (document.allowances, document.charges) = (allowances, charges);
    if let Some(first) = document.charges.first_mut() {
        first.vat = vat;
    }
    let (reason, code) = code(VatCategory::E);
    document.exemptions =
        vec![Exemption { category: VatCategory::E, reason: reason.to_owned(), code: code.to_owned() }];
    if regime == Regime::IntraCommunity {
        let address = Address { country: "FR".to_owned(), city: "Lyon".to_owned(), ..Address::default() };
        document.delivery = Some(Delivery { name: String::new(), date: Some(issue_date), address: Some(address) });
    }
    if with_extras {
        document.prepaid = Decimal::new(prepaid, currency.exponent());
        document.rounding = Decimal::new(rounding, currency.exponent());
        document.period = Some(Period { start: issue_date, end: issue_date });
    }
    if with_terms {
        document.payment_terms = "30 days & 2 % within 10".to_owned();
    }
    document.notes = notes;
    document
}

fn references(reference: String, credit: bool, issue_date: NaiveDate) -> References {
    References {
        buyer: reference,
        customer_order: "PO 4711/<1>".to_owned(),
        order: "SO-000001".to_owned(),
        contract: "CT-1".to_owned(),
        preceding: if credit {
            vec![Preceding { number: "INV-2016-000001".to_owned(), issue_date: Some(issue_date) }]
        } else {
            Vec::new()
        },
        ..References::default()
    }
}

/// A company that sells and one that buys, with all that the rules ask for.
pub(crate) fn parties_for(seller: &str, buyer: &str) -> (Party, Party) {
    parties(seller.to_owned(), buyer.to_owned(), Regime::Domestic)
}

fn parties(seller: String, buyer: String, regime: Regime) -> (Party, Party) {
    let address = |street: &str, city: &str, postal_code: &str, country: &str| Address {
        street: street.to_owned(),
        city: city.to_owned(),
        postal_code: postal_code.to_owned(),
        country: country.to_owned(),
        ..Address::default()
    };
    let endpoint = |scheme: &str, id: &str| Some(ElectronicAddress { scheme: scheme.to_owned(), id: id.to_owned() });
    let seller = Party {
        legal_name: seller,
        trading_name: "Nordlicht".to_owned(),
        address: address("Hafenstraße 12", "Wien", "1020", "AT"),
        vat_id: "ATU12345678".to_owned(),
        registration: Some(Registration { scheme: String::new(), id: "FN 123456a".to_owned() }),
        legal_form: "Handelsgericht Wien".to_owned(),
        electronic_address: endpoint("0088", "7300010000001"),
        contact: Some(Contact {
            name: "Anna Berg".to_owned(),
            phone: "+43 1 2345678".to_owned(),
            email: "billing@example.com".to_owned(),
        }),
        ..Party::default()
    };
    let abroad = regime != Regime::Domestic;
    let buyer = Party {
        legal_name: buyer,
        address: if abroad {
            address("12 rue de la République", "Lyon", "69001", "FR")
        } else {
            address("Ring 1", "Graz", "8010", "AT")
        },
        vat_id: if abroad { "FR40303265045" } else { "ATU87654321" }.to_owned(),
        electronic_address: endpoint("9957", "FR40303265045"),
        ..Party::default()
    };
    (seller, buyer)
}

pub(crate) fn payment() -> Payment {
    Payment {
        means: "58".to_owned(),
        account: "AT61 1904 3002 3457 3201".to_owned(),
        account_name: "Nordlicht Handels GmbH".to_owned(),
        bank: "BKAUATWW".to_owned(),
        reference: String::new(),
    }
}
