//! Documents of all sorts, drawn by a seed: parties, lines, rates, currencies, discounts; the totals are the arithmetic's own,
//! and each bill brings its UBL.

use dealflow_money::{Amount, Currency, DocumentAdjustment, DocumentInput, LineInput, Vat, VatCategory, compute};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{Document, DocumentType};
use dealflow_proto::google::type_::{Date, Money};
use dealflow_proto::types::v1::{self as wire, Line, Totals, VatTotal};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rust_decimal::Decimal;

use crate::files::{self, TRADES, Trade};

/// One line: id, quantity, price, VAT.
#[derive(Clone)]
struct Item {
    id: String,
    quantity: i64,
    price: Decimal,
    vat: Vat,
}

/// A chain: the order, then what follows it.
pub(crate) struct Chain {
    pub(crate) documents: Vec<Document>,
}

/// Draws a chain: an order of up to four lines, invoices that bill parts of it, credit notes of some, or a cancellation.
pub(crate) fn chain(dice: &mut StdRng, number: &str) -> Chain {
    let code = *["EUR", "EUR", "USD", "JPY", "HUF"].choose(dice).expect("there are some");
    let currency = Currency::parse(code).expect("a currency");
    let rates =
        [(VatCategory::S, 20), (VatCategory::S, 7), (VatCategory::S, 19), (VatCategory::Z, 0), (VatCategory::E, 0)];
    let trade = *TRADES.choose(dice).expect("there are some");
    let items: Vec<Item> = (1..=dice.random_range(1..=4))
        .map(|line| {
            let of_its_own = *rates.choose(dice).expect("there are some");
            let (category, rate) = trade.category.map_or(of_its_own, |category| (category, 0));
            Item {
                id: line.to_string(),
                quantity: dice.random_range(1..=20),
                price: Decimal::new(dice.random_range(1..=99_999), currency.exponent()),
                vat: Vat::new(category, rate.into()),
            }
        })
        .collect();
    let discount = if dice.random_ratio(1, 4) { Decimal::new(dice.random_range(1..=250), 1) } else { Decimal::ZERO };
    let order_id = format!("df:order:{number}");
    let order = paper(DocumentType::Order, (&order_id, "", number), trade, currency, &items, discount);
    let mut documents = vec![order];
    if dice.random_ratio(1, 8) {
        documents.push(crate::house::cancellation(&documents[0]));
        return Chain { documents };
    }
    let mut left = items.clone();
    for bill in 0..dice.random_range(0..=2) {
        let part = share(dice, &mut left);
        if part.is_empty() {
            break;
        }
        let id = format!("df:invoice:{number}-{bill}");
        let bill_number = format!("{number}-{bill}");
        let named = (id.as_str(), order_id.as_str(), bill_number.as_str());
        let mut invoice = paper(DocumentType::Invoice, named, trade, currency, &part, discount);
        files::attach(&mut invoice, currency, &drawn(&part), discount);
        documents.push(invoice);
        if dice.random_ratio(1, 3) {
            let mut of_bill = part;
            let back = share(dice, &mut of_bill);
            let note = format!("df:credit:{number}-{bill}");
            let number = format!("C{number}-{bill}");
            let named = (note.as_str(), order_id.as_str(), number.as_str());
            let mut note = paper(DocumentType::CreditNote, named, trade, currency, &back, discount);
            note.invoice_external_id.clone_from(&id);
            note.invoice_number.clone_from(&bill_number);
            note.invoice_date = note.issue_date;
            files::attach(&mut note, currency, &drawn(&back), discount);
            documents.push(note);
        }
    }
    Chain { documents }
}

/// Takes some of what is left.
fn share(dice: &mut StdRng, left: &mut [Item]) -> Vec<Item> {
    let mut part = Vec::new();
    for item in left.iter_mut().filter(|item| item.quantity > 0) {
        let quantity = dice.random_range(1..=item.quantity);
        item.quantity -= quantity;
        part.push(Item { quantity, ..item.clone() });
    }
    part
}

/// The items as files take them.
fn drawn(items: &[Item]) -> Vec<files::Drawn<'_>> {
    items.iter().map(|item| (item.id.as_str(), item.quantity.into(), item.price, item.vat)).collect()
}

fn paper(
    kind: DocumentType,
    (external_id, order, number): (&str, &str, &str),
    trade: Trade,
    currency: Currency,
    items: &[Item],
    discount: Decimal,
) -> Document {
    let lines = items.iter().map(|item| LineInput::new(item.id.clone(), item.quantity.into(), item.price, item.vat));
    let mut input = DocumentInput::new(currency, lines.collect());
    if !discount.is_zero() {
        let amount = Amount::Percent(discount);
        input.allowances.push(DocumentAdjustment { amount, reason: "Discount".to_owned(), vat: None });
    }
    let totals = compute(&input).expect("the totals fit");
    let money = |minor: i64| {
        let (units, nanos) = totals.money(minor).to_units_nanos();
        Some(Money { currency_code: currency.code().to_owned(), units, nanos })
    };
    let vat = |vat: Vat| {
        let category = match vat.category {
            VatCategory::Z => wire::VatCategory::Zero,
            VatCategory::E => wire::VatCategory::Exempt,
            VatCategory::AE => wire::VatCategory::ReverseCharge,
            VatCategory::K => wire::VatCategory::IntraCommunity,
            VatCategory::G => wire::VatCategory::Export,
            VatCategory::O => wire::VatCategory::OutsideScope,
            _ => wire::VatCategory::Standard,
        };
        Some(wire::Vat { category: category.into(), rate: Some(convert::decimal(vat.rate)) })
    };
    let mut document = Document {
        external_id: external_id.to_owned(),
        r#type: kind.into(),
        number: number.to_owned(),
        legal_entity: "default".to_owned(),
        issue_date: Some(Date { year: 2026, month: 3, day: 2 }),
        currency_code: currency.code().to_owned(),
        order_external_id: order.to_owned(),
        lines: items
            .iter()
            .zip(&totals.lines)
            .map(|(item, line)| Line {
                line_id: item.id.clone(),
                description: "Piece".to_owned(),
                quantity: Some(convert::decimal(item.quantity.into())),
                unit_code: "C62".to_owned(),
                unit_price: Some(convert::money(item.price, currency.code()).expect("it fits")),
                vat: vat(item.vat),
                net: money(line.net),
                ..Line::default()
            })
            .collect(),
        discount_percent: (!discount.is_zero()).then(|| convert::decimal(discount)),
        totals: Some(Totals {
            sum_of_lines: money(totals.sum_of_lines),
            allowances: money(totals.allowances),
            total_without_vat: money(totals.total_without_vat),
            vat: totals
                .vat
                .iter()
                .map(|group| VatTotal {
                    vat: vat(Vat::new(group.category, group.rate)),
                    taxable: money(group.taxable),
                    tax: money(group.tax),
                })
                .collect(),
            total_vat: money(totals.total_vat),
            total_with_vat: money(totals.total_with_vat),
            payable: money(totals.payable),
            ..Totals::default()
        }),
        ..Document::default()
    };
    files::parties(&mut document, trade);
    document
}
