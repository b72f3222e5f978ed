//! The foot of every page: who sends it in the small print that the law wants, and page x of y.

use super::face::faint;
use super::head::{address, lines};
use super::marks::Marks;
use super::words::{clean, in_fours};
use super::{LEFT, PAGE, RIGHT, Sheet};

const SIZE: f32 = 6.9;
const TOP: f32 = PAGE.1 - 74.0;

pub(super) fn set(sheet: &Sheet<'_>, pages: &mut [Marks]) {
    let columns = columns(sheet);
    let width = (RIGHT - LEFT - 24.0) / 3.0;
    let count = pages.len();
    for (index, page) in pages.iter_mut().enumerate() {
        page.rule(LEFT, RIGHT, TOP - 10.0, 0.5, 0.6);
        for (at, column) in columns.iter().enumerate() {
            let x = LEFT + (width + 12.0) * f32::from(u8::try_from(at).unwrap_or(0));
            let fitted = column.iter().flat_map(|entry| lines(sheet, entry, faint(SIZE), width, 2));
            for (line, y) in fitted.take(5).zip((0u8..).map(|line| TOP + 9.2 * f32::from(line))) {
                page.left(x, y, line, faint(SIZE));
            }
        }
        let number = format!("{} {} {} {count}", sheet.labels.page, index + 1, sheet.labels.of);
        page.right(sheet.faces, RIGHT, PAGE.1 - 22.0, number, faint(8.0));
    }
}

/// Name and address; how to reach it; registers and bank.
fn columns(sheet: &Sheet<'_>) -> [Vec<String>; 3] {
    let (document, labels) = (sheet.document, sheet.labels);
    let seller = &document.seller;
    let mut name = vec![clean(&seller.legal_name)];
    name.extend(address(&seller.address, ""));
    let contact = seller.contact.clone().unwrap_or_default();
    let mut middle = vec![contact.name, contact.phone, contact.email];
    if let Some(payment) = &document.payment {
        middle.push(in_fours(&payment.account));
        middle.push(payment.bank.clone());
    }
    let labelled = |label: &str, value: &str| {
        let value = clean(value);
        if value.is_empty() { value } else { format!("{label} {value}") }
    };
    let vat_id = if document.shows_vat_ids() { seller.vat_id.as_str() } else { "" };
    let registration = seller.registration.as_ref().map(|one| one.id.as_str()).unwrap_or_default();
    let registers = vec![
        labelled(labels.vat_id, vat_id),
        labelled(labels.tax_registration, &seller.tax_registration),
        labelled(labels.registration, registration),
        clean(&seller.legal_form),
    ];
    [name, middle, registers].map(|column| column.into_iter().filter(|entry| !entry.trim().is_empty()).collect())
}
