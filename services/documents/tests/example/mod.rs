//! Documents with all that a company would say, for tests that look at one place of them.

#![allow(dead_code, reason = "each test binary uses its part")]

use chrono::NaiveDate;
use dealflow_documents::{Adjustment, Document, Kind, Line, Preceding, References};
use dealflow_money::{Amount, Currency, Vat, VatCategory};
use rust_decimal::Decimal;

use crate::generate;

pub(crate) fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a day")
}

pub(crate) fn vat(category: VatCategory, rate: i64) -> Vat {
    Vat::new(category, Decimal::from(rate))
}

/// Two rates, a discount on a line, one on the whole, freight, a prepayment and a rounding amount.
pub(crate) fn bill(kind: Kind) -> Document {
    let currency = Currency::parse("EUR").expect("a currency");
    let mut document = Document::new(kind, "INV-2026-000042", day(2026, 11, 26), currency);
    document.due_date = Some(day(2026, 12, 26));
    (document.seller, document.buyer) = generate::parties_for("Nordlicht Handels GmbH", "Ring & Söhne OG");
    document.references = References {
        buyer: "KST-4711".to_owned(),
        customer_order: "PO-2026-17".to_owned(),
        order: "SO-000017".to_owned(),
        quote: "QU-000031".to_owned(),
        contract: "CT-000003".to_owned(),
        preceding: Vec::new(),
    };
    if kind == Kind::CreditNote {
        document.references.preceding =
            vec![Preceding { number: "INV-2026-000041".to_owned(), issue_date: Some(day(2026, 11, 1)) }];
    }
    document.payment = Some(generate::payment());
    document.payment_terms = "Payable within 30 days without deduction.".to_owned();
    let standard = vat(VatCategory::S, 20);
    let mut desk = Line::new("1", "Desk, oak", Decimal::from(3), "C62", Decimal::new(123_450, 2), standard);
    desk.description = "Height-adjustable, 160 × 80 cm".to_owned();
    desk.code = "DSK-160".to_owned();
    desk.order_line = "10".to_owned();
    desk.allowances = vec![Adjustment::discount(Decimal::from(10), "Volume discount")];
    let mut books =
        Line::new("2", "Handbook", Decimal::from(40), "C62", Decimal::new(1_995, 2), vat(VatCategory::S, 10));
    books.order_line = "20".to_owned();
    document.lines = vec![desk, books];
    document.allowances = vec![Adjustment::discount(Decimal::new(25, 1), "Loyalty discount")];
    document.charges = vec![Adjustment {
        amount: Amount::Fixed(Decimal::new(4_900, 2)),
        reason: "Freight".to_owned(),
        code: "FC".to_owned(),
        vat: Some(standard),
    }];
    document.prepaid = Decimal::new(50_000, 2);
    document.rounding = Decimal::new(2, 2);
    document.notes = vec!["Delivered on 24 November 2026.".to_owned()];
    document
}
