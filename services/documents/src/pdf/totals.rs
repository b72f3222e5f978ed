//! Beneath the table: sums, VAT by category and rate, why something is not taxed, how to pay, terms and notes.

use dealflow_money::{Amount, VatCategory};

use super::face::{Style, bold, faint, regular};
use super::flow::Flow;
use super::marks::{Fill, Strip, paragraph};
use super::words::{clean, in_fours};
use super::{LEFT, RIGHT, Sheet};
use crate::{Adjustment, Kind};

/// Where the labels of the sums start.
const SUMS: f32 = 270.0;

pub(super) fn set(sheet: &Sheet<'_>, flow: &mut Flow) {
    flow.group(&sums(sheet));
    for exemption in sheet.figures.totals.vat.iter().filter_map(|group| sheet.document.exemption(group.category)) {
        let code = if exemption.code.is_empty() { String::new() } else { format!(" ({})", exemption.code) };
        let text = format!("{} {}: {}{code}", sheet.labels.vat, exemption.category, exemption.reason.trim());
        flow.group(&texts(sheet, &text, regular(8.8)));
    }
    if sheet.document.kind == Kind::Invoice && sheet.figures.totals.payable > 0 {
        flow.group(&payment(sheet));
    }
    let mut words = vec![sheet.document.payment_terms.clone()];
    words.extend(sheet.document.notes.iter().cloned());
    for text in words {
        let mut strips = texts(sheet, &text, regular(9.2));
        if !strips.is_empty() {
            strips.insert(0, Strip::space(7.0));
        }
        flow.group(&strips);
    }
}

fn texts(sheet: &Sheet<'_>, text: &str, style: Style) -> Vec<Strip> {
    paragraph(sheet.faces, &clean(text), style, LEFT, RIGHT - LEFT)
}

/// All sums, kept together.
fn sums(sheet: &Sheet<'_>) -> Vec<Strip> {
    let (labels, words, totals) = (sheet.labels, sheet.words, &sheet.figures.totals);
    let plain = regular(9.0);
    let mut strips = vec![Strip::space(6.0)];
    let adjusted = !totals.allowance_details.is_empty() || !totals.charge_details.is_empty();
    if adjusted {
        strips.extend(sum(sheet, labels.sum_of_lines, words.amount(totals.sum_of_lines), plain));
    }
    let allowances =
        sheet.document.allowances.iter().zip(&totals.allowance_details).map(|(one, detail)| (one, -detail.amount));
    let charges = sheet.document.charges.iter().zip(&totals.charge_details).map(|(one, detail)| (one, detail.amount));
    for (one, amount) in allowances.chain(charges) {
        strips.extend(sum(sheet, &worded(sheet, one), words.amount(amount), plain));
    }
    strips.extend(sum(sheet, labels.without_vat, words.amount(totals.total_without_vat), plain));
    for group in &totals.vat {
        let named = match group.category {
            VatCategory::S => format!("{} {}", labels.vat, words.percent(group.rate)),
            VatCategory::O => format!("{} {}", labels.vat, group.category),
            _ => format!("{} {} {}", labels.vat, group.category, words.percent(group.rate)),
        };
        let label = format!("{named} {} {}", labels.vat_on, words.amount(group.taxable));
        strips.extend(sum(sheet, &label, words.amount(group.tax), plain));
    }
    if totals.prepaid != 0 || totals.rounding != 0 {
        strips.push(line(0.5));
        strips.extend(sum(sheet, labels.with_vat, words.amount(totals.total_with_vat), plain));
        for (label, amount) in [(labels.prepaid, -totals.prepaid), (labels.rounding, totals.rounding)] {
            if amount != 0 {
                strips.extend(sum(sheet, label, words.amount(amount), plain));
            }
        }
    }
    let last = match sheet.document.kind {
        Kind::Quote | Kind::OrderConfirmation => labels.total,
        Kind::Invoice => labels.payable,
        Kind::CreditNote => labels.credited,
    };
    strips.extend(grand(sheet, last, &format!("{} {}", totals.currency, words.amount(totals.payable))));
    strips.push(Strip::space(12.0));
    strips
}

fn worded(sheet: &Sheet<'_>, one: &Adjustment) -> String {
    match one.amount {
        Amount::Percent(percent) => format!("{} {}", clean(&one.reason), sheet.words.percent(percent)),
        Amount::Fixed(_) => clean(&one.reason),
    }
}

/// A label and an amount; a long label is wrapped beside it.
fn sum(sheet: &Sheet<'_>, label: &str, amount: String, style: Style) -> Vec<Strip> {
    let room = RIGHT - SUMS - sheet.faces.width(&amount, style) - 12.0;
    let mut strips = paragraph(sheet.faces, &clean(label), style, SUMS, room.max(90.0));
    if strips.is_empty() {
        strips.push(Strip::space(style.size * 1.36));
    }
    if let Some(first) = strips.first_mut() {
        first.marks.right(sheet.faces, RIGHT, style.size * 1.05, amount, style);
    }
    for strip in &mut strips {
        strip.height += 1.6;
    }
    strips
}

fn line(height: f32) -> Strip {
    let mut strip = Strip::space(6.0);
    strip.marks.rule(SUMS, RIGHT, 2.0, height, 0.6);
    strip
}

/// What it comes to, in a box.
fn grand(sheet: &Sheet<'_>, label: &str, amount: &str) -> Vec<Strip> {
    let style = bold(11.0);
    let wide = sheet.faces.width(label, style) + sheet.faces.width(amount, style) + 16.0 > RIGHT - SUMS;
    let from = if wide { LEFT } else { SUMS };
    let mut strip = Strip::space(30.0);
    strip.marks.fills.push(Fill { x: from - 6.0, y: 4.0, width: RIGHT - from + 10.0, height: 22.0, grey: 0.93 });
    strip.marks.left(from, 19.0, label, style);
    strip.marks.right(sheet.faces, RIGHT, 19.0, amount, style);
    vec![strip]
}

/// Where the money goes (BG-16).
fn payment(sheet: &Sheet<'_>) -> Vec<Strip> {
    let Some(payment) = &sheet.document.payment else { return Vec::new() };
    let labels = sheet.labels;
    let asked = match sheet.document.due_date {
        Some(day) => labels.pay_until.replace("{}", &sheet.words.day(day)),
        None => labels.pay.to_owned(),
    };
    let mut strips = vec![Strip::space(8.0)];
    strips.extend(texts(sheet, &asked, regular(9.2)));
    let reference = if payment.reference.trim().is_empty() { &sheet.document.number } else { &payment.reference };
    let holder =
        if payment.account_name.trim().is_empty() { &sheet.document.seller.legal_name } else { &payment.account_name };
    for (label, value) in [
        (labels.account_name, clean(holder)),
        (labels.account, in_fours(&payment.account)),
        (labels.bank, clean(&payment.bank)),
        (labels.reference, clean(reference)),
    ] {
        let mut value = paragraph(sheet.faces, &value, bold(9.2), LEFT + 120.0, RIGHT - LEFT - 120.0);
        if let Some(first) = value.first_mut() {
            first.marks.left(LEFT, 9.2 * 1.05, label, faint(9.2));
        }
        strips.extend(value);
    }
    strips.push(Strip::space(4.0));
    strips
}
