//! The first page down to its table: letterhead, window, references, title; and the line that opens later pages.

use super::face::{Style, bold, faint, regular};
use super::flow::Flow;
use super::marks::{Marks, Strip};
use super::words::clean;
use super::{LEFT, RIGHT, Sheet};
use crate::{Address, Party};

/// The window of an envelope (DIN 5008 B): from here, this wide.
const WINDOW: (f32, f32) = (132.0, 230.0);
/// The block of references beside it.
const BLOCK: (f32, f32) = (334.0, 426.0);
/// Where the title stands if nothing pushes it down.
const TITLE: f32 = 272.0;

pub(super) fn open(sheet: &Sheet<'_>) -> Flow {
    let mut page = Marks::default();
    let letterhead = letterhead(sheet, &mut page);
    let window = window(sheet, &mut page, letterhead);
    let block = block(sheet, &mut page, letterhead);
    let mut y = TITLE.max(window + 26.0).max(block + 26.0);
    for line in lines(sheet, &title(sheet), bold(17.0), RIGHT - LEFT, 3) {
        page.left(LEFT, y, line, bold(17.0));
        y += 22.0;
    }
    Flow::new(page, y, running(sheet))
}

fn title(sheet: &Sheet<'_>) -> String {
    format!("{} {}", sheet.labels.title(sheet.document.kind), clean(&sheet.document.number))
}

/// Who sends it, large, with a rule beneath; returns where it ends.
fn letterhead(sheet: &Sheet<'_>, page: &mut Marks) -> f32 {
    let seller = &sheet.document.seller;
    let name = if seller.trading_name.trim().is_empty() { &seller.legal_name } else { &seller.trading_name };
    let mut y = 62.0;
    for line in lines(sheet, name, bold(19.0), RIGHT - LEFT, 2) {
        page.left(LEFT, y, line, bold(19.0));
        y += 24.0;
    }
    page.rule(LEFT, RIGHT, y - 13.0, 1.4, 0.25);
    y
}

/// Who gets it, behind the window, with the sender in small print above.
fn window(sheet: &Sheet<'_>, page: &mut Marks, from: f32) -> f32 {
    let (seller, buyer) = (&sheet.document.seller, &sheet.document.buyer);
    let mut y = WINDOW.0.max(from + 26.0);
    let mut sender = vec![clean(&seller.legal_name)];
    sender.extend(address(&seller.address, ""));
    for line in lines(sheet, &sender.join(" · "), faint(6.6), WINDOW.1, 2) {
        page.left(LEFT, y, line, faint(6.6));
        y += 9.0;
    }
    y += 9.0;
    let mut to = lines(sheet, &buyer.legal_name, regular(10.0), WINDOW.1, 6);
    let contact = buyer.contact.as_ref().map(|contact| contact.name.as_str()).unwrap_or_default();
    for part in [contact.to_owned()].into_iter().chain(address(&buyer.address, &seller.address.country)) {
        to.extend(lines(sheet, &part, regular(10.0), WINDOW.1, 3));
    }
    for line in to {
        page.left(LEFT, y, line, regular(10.0));
        y += 13.6;
    }
    y
}

/// An address as its lines; the country only where it is another than `home`.
pub(super) fn address(address: &Address, home: &str) -> Vec<String> {
    let city = format!("{} {}", clean(&address.postal_code), clean(&address.city));
    let country = if address.country == home { "" } else { &address.country };
    [&address.street, &address.additional, &city, &address.region, country]
        .into_iter()
        .map(clean)
        .filter(|part| !part.is_empty())
        .collect()
}

/// Days and numbers.
fn block(sheet: &Sheet<'_>, page: &mut Marks, from: f32) -> f32 {
    let mut y = WINDOW.0.max(from + 26.0);
    for (label, value) in entries(sheet) {
        let value = lines(sheet, &value, regular(8.8), RIGHT - BLOCK.1, 4);
        if value.is_empty() {
            continue;
        }
        page.left(BLOCK.0, y, label, faint(8.2));
        for line in value {
            page.left(BLOCK.1, y, line, regular(8.8));
            y += 12.4;
        }
    }
    y
}

fn entries(sheet: &Sheet<'_>) -> Vec<(&'static str, String)> {
    let (document, labels, words) = (sheet.document, sheet.labels, sheet.words);
    let references = &document.references;
    let day = |date: Option<chrono::NaiveDate>| date.map(|date| words.day(date)).unwrap_or_default();
    let mut entries = vec![
        (labels.number, document.number.clone()),
        (labels.date, words.day(document.issue_date)),
        (labels.due, if document.kind.is_billing() { day(document.due_date) } else { String::new() }),
        (labels.valid_until, day(document.valid_until)),
        (labels.buyer_reference, references.buyer.clone()),
        (labels.customer_order, references.customer_order.clone()),
        (labels.our_order, references.order.clone()),
        (labels.our_quote, references.quote.clone()),
        (labels.contract, references.contract.clone()),
    ];
    for one in &references.preceding {
        let dated = one.issue_date.map(|date| format!(", {}", words.day(date))).unwrap_or_default();
        entries.push((labels.credits, format!("{}{dated}", one.number)));
    }
    if let Some(delivery) = &document.delivery {
        entries.push((labels.delivery, day(delivery.date)));
        let mut to = vec![clean(&delivery.name)];
        to.extend(delivery.address.as_ref().map(|at| address(at, "")).unwrap_or_default());
        to.retain(|part| !part.is_empty());
        entries.push((labels.delivered_to, to.join(", ")));
    }
    if let Some(period) = document.period {
        entries.push((labels.period, format!("{} – {}", words.day(period.start), words.day(period.end))));
    }
    if document.shows_vat_ids() {
        entries.push((labels.your_vat_id, document.buyer.vat_id.clone()));
    }
    entries
}

/// What opens every page but the first.
fn running(sheet: &Sheet<'_>) -> Strip {
    let mut strip = Strip::space(74.0);
    let Party { legal_name, .. } = &sheet.document.seller;
    for line in lines(sheet, &title(sheet), bold(9.0), 300.0, 1) {
        strip.marks.left(LEFT, 50.0, line, bold(9.0));
    }
    for line in lines(sheet, legal_name, faint(8.4), 180.0, 1) {
        strip.marks.right(sheet.faces, RIGHT, 50.0, line, faint(8.4));
    }
    strip.marks.rule(LEFT, RIGHT, 57.0, 0.5, 0.6);
    strip
}

/// A text in at most `most` lines; what does not fit ends in an ellipsis.
pub(super) fn lines(sheet: &Sheet<'_>, text: &str, style: Style, width: f32, most: usize) -> Vec<String> {
    let mut lines = sheet.faces.wrap(&clean(text), style, width);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            while sheet.faces.width(last, style) + sheet.faces.width("…", style) > width && last.pop().is_some() {}
            last.push('…');
        }
    }
    lines
}
