//! The table of lines. Its columns are as wide as the figures in them; the item takes what is left, and the print gets
//! smaller before an item gets no room (18 digits).

use super::face::{Style, bold, faint, regular};
use super::flow::Flow;
use super::marks::Strip;
use super::words::clean;
use super::{LEFT, RIGHT, Sheet};
use crate::{Line, Stated, StatedLine};

/// The least that an item's text gets.
const ITEM: f32 = 140.0;
const GAP: f32 = 9.0;

/// Right edges of the columns; the item starts at `item` and is `item_width` wide.
struct Columns {
    size: f32,
    item: f32,
    item_width: f32,
    quantity: f32,
    unit: f32,
    price: f32,
    vat: f32,
}

/// The figures of a line as they are printed.
struct Cells {
    position: String,
    quantity: String,
    unit: String,
    price: String,
    vat: String,
    amount: String,
}

pub(super) fn set(sheet: &Sheet<'_>, flow: &mut Flow) {
    let lines = sheet.document.lines.iter().zip(&sheet.figures.lines).zip(&sheet.figures.totals.lines);
    let cells: Vec<Cells> = lines.map(|((line, _), amounts)| cells(sheet, line, amounts.gross)).collect();
    let columns = columns(sheet, &cells);
    flow.open_table(header(sheet, &columns));
    for ((line, stated), cells) in sheet.document.lines.iter().zip(&sheet.figures.lines).zip(&cells) {
        flow.group(&row(sheet, &columns, line, stated, cells));
    }
    flow.close_table();
}

fn cells(sheet: &Sheet<'_>, line: &Line, gross: i64) -> Cells {
    let words = sheet.words;
    let unit = words.language.unit(&line.unit).to_owned();
    let mut price = words.price(line.unit_price);
    if line.base_quantity != rust_decimal::Decimal::ONE {
        price = format!("{price} / {}", words.number(line.base_quantity));
    }
    let vat = if line.vat.category.has_rate_element() { words.percent(line.vat.rate) } else { "–".to_owned() };
    Cells {
        position: clean(&line.id),
        quantity: words.number(line.quantity),
        unit: clean(&unit),
        price,
        vat,
        amount: words.amount(gross),
    }
}

fn columns(sheet: &Sheet<'_>, cells: &[Cells]) -> Columns {
    let mut size = 8.8;
    loop {
        let columns = columns_of(sheet, cells, size);
        if columns.item_width >= ITEM || size <= 5.6 {
            return columns;
        }
        size -= 0.4;
    }
}

fn columns_of(sheet: &Sheet<'_>, cells: &[Cells], size: f32) -> Columns {
    let labels = sheet.labels;
    let widest = |title: &str, cell: &dyn Fn(&Cells) -> &str| {
        let title = sheet.faces.width(title, bold(size));
        cells.iter().map(|cells| sheet.faces.width(cell(cells), regular(size))).fold(title, f32::max)
    };
    let net = |line: &StatedLine| sheet.faces.width(&sheet.words.amount(line.net), regular(size));
    let amount = widest(labels.amount, &|cells| &cells.amount);
    let amount = sheet.figures.lines.iter().map(net).fold(amount, f32::max);
    let vat = RIGHT - amount - GAP;
    let price = vat - widest(labels.vat, &|cells| &cells.vat) - GAP;
    let unit = price - widest(labels.price, &|cells| &cells.price) - GAP - widest(labels.unit, &|cells| &cells.unit);
    let quantity = unit - 6.0;
    let end = quantity - widest(labels.quantity, &|cells| &cells.quantity) - GAP;
    let item = LEFT + widest(labels.position, &|cells| &cells.position).min(44.0) + GAP;
    Columns { size, item, item_width: end - item, quantity, unit, price, vat }
}

fn header(sheet: &Sheet<'_>, columns: &Columns) -> Strip {
    let (labels, style, y) = (sheet.labels, bold(columns.size), 13.0);
    let mut strip = Strip::space(26.0);
    strip.marks.fills.push(super::marks::Fill {
        x: LEFT - 4.0,
        y: 0.0,
        width: RIGHT - LEFT + 8.0,
        height: 19.0,
        grey: 0.93,
    });
    strip.marks.left(LEFT, y, labels.position, style);
    strip.marks.left(columns.item, y, labels.item, style);
    strip.marks.left(columns.unit, y, labels.unit, style);
    for (x, label) in [
        (columns.quantity, labels.quantity),
        (columns.price, labels.price),
        (columns.vat, labels.vat),
        (RIGHT, labels.amount),
    ] {
        strip.marks.right(sheet.faces, x, y, label, style);
    }
    strip
}

fn row(sheet: &Sheet<'_>, columns: &Columns, line: &Line, stated: &StatedLine, cells: &Cells) -> Vec<Strip> {
    let style = regular(columns.size);
    let small = faint(columns.size - 1.0);
    let mut strips = texts(sheet, columns, &line.name, style);
    if let Some(first) = strips.first_mut() {
        let y = columns.size * 1.05;
        for position in sheet.faces.wrap(&cells.position, style, columns.item - LEFT).into_iter().take(1) {
            first.marks.left(LEFT, y, position, style);
        }
        first.marks.left(columns.unit, y, &cells.unit, style);
        for (x, text) in [
            (columns.quantity, &cells.quantity),
            (columns.price, &cells.price),
            (columns.vat, &cells.vat),
            (RIGHT, &cells.amount),
        ] {
            first.marks.right(sheet.faces, x, y, text, style);
        }
    }
    strips.extend(texts(sheet, columns, &line.description, small));
    if !line.code.trim().is_empty() {
        strips.extend(texts(sheet, columns, &format!("{} {}", sheet.labels.code, line.code), small));
    }
    for one in &stated.adjustments {
        strips.extend(adjustment(sheet, columns, one, small));
    }
    if !stated.adjustments.is_empty() {
        let mut sum = texts(sheet, columns, sheet.labels.line_total, style);
        if let Some(strip) = sum.first_mut() {
            strip.marks.right(sheet.faces, RIGHT, columns.size * 1.05, sheet.words.amount(stated.net), style);
        }
        strips.extend(sum);
    }
    let mut end = Strip::space(8.0);
    end.marks.rule(LEFT, RIGHT, 3.0, 0.4, 0.8);
    strips.push(end);
    strips
}

fn texts(sheet: &Sheet<'_>, columns: &Columns, text: &str, style: Style) -> Vec<Strip> {
    super::marks::paragraph(sheet.faces, &clean(text), style, columns.item, columns.item_width)
}

/// An allowance or charge of a line, with its amount beneath the line's.
fn adjustment(sheet: &Sheet<'_>, columns: &Columns, stated: &Stated, style: Style) -> Vec<Strip> {
    let mut strips = texts(sheet, columns, &reason(sheet, stated), style);
    if let Some(first) = strips.first_mut() {
        first.marks.right(sheet.faces, RIGHT, style.size * 1.05, signed(sheet, stated), style);
    }
    strips
}

/// Why, with the percentage.
pub(super) fn reason(sheet: &Sheet<'_>, stated: &Stated) -> String {
    match stated.percentage {
        Some((_, percent)) => format!("{} {}", stated.reason, sheet.words.percent(percent)),
        None => stated.reason.clone(),
    }
}

/// An allowance takes off.
pub(super) fn signed(sheet: &Sheet<'_>, stated: &Stated) -> String {
    sheet.words.amount(if stated.charge { stated.amount } else { -stated.amount })
}
