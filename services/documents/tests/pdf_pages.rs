//! Pages that a company would send (R-INV-3).

mod example;
mod generate;
mod pages;

use dealflow_documents::{Delivery, Document, Figures, Kind, Language, Line, Refusal, Stamp, pdf};
use dealflow_money::{Currency, VatCategory};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// Forty lines, some with long texts.
fn long(kind: Kind) -> Document {
    let mut document = example::bill(kind);
    for number in 3..=42i64 {
        let mut line = Line::new(
            number.to_string(),
            format!("Shelf module {number}"),
            Decimal::from(number),
            "C62",
            Decimal::new(4_990 + number, 2),
            example::vat(VatCategory::S, 20),
        );
        if number % 7 == 0 {
            line.description = "Solid beech, oiled; with brackets, screws and a drawing for the wall. ".repeat(3);
        }
        document.lines.push(line);
    }
    document
}

fn russian() -> Document {
    let mut document = example::bill(Kind::Invoice);
    document.currency = Currency::parse("RUB").expect("a currency");
    document.seller.legal_name = "Общество с ограниченной ответственностью «Северный свет»".to_owned();
    document.seller.trading_name = "Северный свет".to_owned();
    document.buyer.legal_name = "АО «Ромашка и партнёры»".to_owned();
    document.buyer.address.street = "ул. Льва Толстого, д. 16".to_owned();
    document.buyer.address.city = "Москва".to_owned();
    document.lines[0].name = "Стол дубовый, регулируемый по высоте".to_owned();
    document.lines[1].name = "Руководство пользователя — Ελληνικά".to_owned();
    document.lines[0].allowances[0].reason = "Скидка за объём".to_owned();
    document.allowances[0].reason = "Скидка постоянному клиенту".to_owned();
    document.charges[0].reason = "Доставка".to_owned();
    document.payment_terms = "Оплата в течение 30 дней с даты счёта.".to_owned();
    document.notes = vec!["Товар отгружен 24 ноября 2026 г.".to_owned()];
    document
}

fn large() -> Document {
    let mut document = example::bill(Kind::Invoice);
    document.lines.truncate(1);
    document.lines[0].unit_price = Decimal::new(123_456_789_012_345_678, 2);
    document.lines[0].quantity = Decimal::ONE;
    document.lines[0].name = "Müller & Söhne <GmbH> \"Nord\" 株式会社 🚀 ".repeat(6);
    document.buyer.legal_name = "A very long company name that goes on and on ".repeat(5);
    document.number = "INV-2026-000042-WITH-A-VERY-LONG-NUMBER-OF-MANY-PARTS".to_owned();
    document
}

fn yen() -> Document {
    let mut document = example::bill(Kind::Quote);
    document.number = "QU-000031/2".to_owned();
    document.currency = Currency::parse("JPY").expect("a currency");
    (document.prepaid, document.rounding) = (Decimal::ZERO, Decimal::ZERO);
    document.valid_until = Some(example::day(2026, 12, 31));
    document.references.quote.clear();
    for line in &mut document.lines {
        line.unit_price = line.unit_price.round() * Decimal::from(100);
        line.vat = example::vat(VatCategory::G, 0);
    }
    document.charges[0].vat = None;
    document
}

fn delivered() -> Document {
    let mut document = example::bill(Kind::OrderConfirmation);
    document.number = "SO-000017".to_owned();
    document.references.order.clear();
    document.delivery = Some(Delivery {
        name: String::new(),
        date: Some(document.issue_date),
        address: Some(document.buyer.address.clone()),
    });
    document
}

fn samples() -> Vec<(&'static str, Document, Language)> {
    vec![
        ("invoice", example::bill(Kind::Invoice), Language::English),
        ("invoice-long", long(Kind::Invoice), Language::English),
        ("invoice-russian", russian(), Language::Russian),
        ("invoice-large", large(), Language::English),
        ("quote-yen", yen(), Language::English),
        ("order", delivered(), Language::English),
        ("credit-note", example::bill(Kind::CreditNote), Language::English),
        ("credit-note-russian", long(Kind::CreditNote), Language::Russian),
    ]
}

fn written(document: &Document, language: Language) -> Vec<u8> {
    pdf(document, language).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// R-INV-3: a reader finds every number of the invoice, and who, when, how much, where to.
#[test]
fn an_invoice_says_all_that_a_payer_needs() {
    let text = pages::text(&written(&example::bill(Kind::Invoice), Language::English));
    for part in [
        "Invoice INV-2026-000042",
        "Ring & Söhne OG",
        "8010 Graz",
        "26\u{a0}December\u{a0}2026",
        "PO-2026-17",
        "Desk, oak",
        "Volume discount 10\u{a0}%",
        "−370.35",
        "3,333.15",
        "Loyalty discount 2.5\u{a0}%",
        "−103.28",
        "49.00",
        "VAT 10\u{a0}% on 778.05",
        "VAT 20\u{a0}% on 3,298.82",
        "659.76",
        "4,814.44",
        "−500.00",
        "0.02",
        "EUR 4,314.46",
        "AT61\u{a0}1904\u{a0}3002\u{a0}3457\u{a0}3201",
        "BKAUATWW",
        "ATU12345678",
        "ATU87654321",
        "Page 1 of 1",
    ] {
        assert!(text.contains(&format!("{part}\n")) || text.contains(part), "no {part} in\n{text}");
    }
}

/// R-INV-3: the labels are Russian, the figures too, and Cyrillic and Greek can be copied out of the page.
#[test]
fn a_russian_invoice_is_russian() {
    let text = pages::text(&written(&russian(), Language::Russian));
    for part in [
        "Счёт INV-2026-000042",
        "АО «Ромашка и партнёры»",
        "Стол дубовый, регулируемый по высоте",
        "Ελληνικά",
        "НДС 20\u{a0}% с суммы 3\u{a0}298,82",
        "К оплате",
        "RUB 4\u{a0}314,46",
        "Страница 1 из 1",
        "шт.",
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    assert!(!text.contains("Invoice") && !text.contains("Page"), "{text}");
}

/// R-INV-3: over several pages the table repeats its header, no line is lost, every page is counted.
#[test]
fn many_lines_go_over_several_pages() {
    let pages = pages::read(&written(&long(Kind::Invoice), Language::English));
    assert_eq!(pages.len(), 3);
    for (index, page) in pages.iter().enumerate() {
        let texts: Vec<&str> = page.iter().map(|shown| shown.text.as_str()).collect();
        assert!(texts.contains(&format!("Page {} of 3", index + 1).as_str()), "{texts:?}");
        assert!(texts.contains(&"Invoice INV-2026-000042"), "{texts:?}");
        let has_lines = texts.iter().any(|text| text.starts_with("Shelf module"));
        assert_eq!(texts.contains(&"Quantity"), has_lines, "a header where there are lines, {texts:?}");
    }
    let all: Vec<&str> = pages.iter().flatten().map(|shown| shown.text.as_str()).collect();
    for number in 3..=42 {
        assert!(all.contains(&format!("Shelf module {number}").as_str()), "line {number}");
    }
}

/// R-INV-3: what is not an invoice does not ask for money, and says what it is.
#[test]
fn each_kind_says_what_it_is() {
    for (document, has, has_not) in [
        (yen(), ["Quote QU-000031/2", "Valid until", "JPY 402,899"], "Please transfer"),
        (delivered(), ["Order confirmation SO-000017", "Delivered to", "EUR 4,314.46"], "Please transfer"),
        (example::bill(Kind::CreditNote), ["Credit note INV-2026-000042", "Credits", "Amount credited"], "Amount due"),
    ] {
        let text = pages::text(&written(&document, Language::English));
        for part in has {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
        assert!(!text.contains(has_not), "{text}");
    }
    let mut empty = example::bill(Kind::Quote);
    empty.buyer.legal_name.clear();
    empty.lines.clear();
    let Err(Refusal::Incomplete(findings)) = pdf(&empty, Language::English) else { panic!("it was written") };
    let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, ["BR-07", "BR-16"]);
}

/// R-QUO-2, R-INV-3: what nobody agreed to yet, or what was ended, says so across every page, in its language; anything else
/// says nothing of the kind.
#[test]
fn a_stamp_stands_on_every_page() {
    for (stamp, language, word) in [
        (Stamp::Draft, Language::English, "DRAFT"),
        (Stamp::Draft, Language::Russian, "ЧЕРНОВИК"),
        (Stamp::Closed, Language::English, "CLOSED"),
        (Stamp::Closed, Language::Russian, "ЗАКРЫТО"),
    ] {
        let mut document = long(Kind::Quote);
        let plain = pages::read(&written(&document, language));
        document.stamp = Some(stamp);
        let stamped = pages::read(&written(&document, language));
        assert_eq!(stamped.len(), 3);
        for (plain, stamped) in plain.iter().zip(&stamped) {
            assert!(plain.iter().all(|shown| shown.text != word), "{plain:?}");
            let (first, rest) = stamped.split_first().expect("a page shows something");
            assert_eq!((first.text.as_str(), first.size > 90.0), (word, true), "behind all else, and large");
            let texts = |page: &[pages::Shown]| page.iter().map(|shown| shown.text.clone()).collect::<Vec<_>>();
            assert_eq!(texts(rest), texts(plain), "nothing else changes");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 60, ..ProptestConfig::default() })]

    /// R-INV-3: whatever a document says, it is set: nothing outside the page, what is payable on it, and the same bytes
    /// for the same document.
    #[test]
    fn whatever_a_document_says_fits_its_pages(document in generate::document()) {
        let Ok(figures) = Figures::of(&document) else { return Ok(()) };
        let bytes = written(&document, Language::Russian);
        let payable = figures.decimal(figures.totals.payable).abs().to_string();
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let mut seen = false;
        for shown in pages::read(&bytes).iter().flatten() {
            prop_assert!(shown.x >= 40.0 && shown.x < 560.0 && shown.y > 15.0 && shown.y < 830.0, "{:?}", shown);
            prop_assert!((4.0..20.0).contains(&shown.size), "{:?}", shown);
            seen |= shown.font == "/B" && digits(&shown.text) == digits(&payable);
        }
        prop_assert!(seen, "{} is nowhere", payable);
        prop_assert_eq!(bytes, written(&document, Language::Russian));
    }
}

/// R-INV-3: samples for the eye.
#[test]
#[ignore = "writes samples into $DOCUMENTS_OUT, to be looked at"]
fn write_samples() {
    let folder = std::path::PathBuf::from(std::env::var_os("DOCUMENTS_OUT").expect("DOCUMENTS_OUT is a folder"));
    for (name, document, language) in samples() {
        let bytes = pdf(&document, language).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        std::fs::write(folder.join(format!("{name}.pdf")), bytes).expect("the sample is written");
    }
}
