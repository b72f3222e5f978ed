//! How commands show things: tables for people, JSON for machines.

pub mod json;
mod refusal;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use dealflow_proto::convert;
use dealflow_proto::google::type_::{Date, Money};
use prost_types::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

pub use refusal::refusal;

/// How wide a table becomes where no terminal says how wide it is.
const WIDTH: u16 = 120;

/// A table with a header, as wide as its content wants or the terminal allows.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    if table.width().is_none() {
        table.set_width(WIDTH);
    }
    table
}

/// A text in lines as wide as a table, the second and later ones moved in by so many blanks.
pub fn wrapped(text: &str, indent: usize) -> String {
    let (mut wrapped, mut width) = (String::new(), 0);
    for word in text.split_whitespace() {
        let long = word.chars().count();
        if width > 0 && width + 1 + long > usize::from(WIDTH) {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            width = indent;
        } else if width > 0 {
            wrapped.push(' ');
            width += 1;
        }
        wrapped.push_str(word);
        width += long;
    }
    wrapped
}

/// What a record says, field by field: parts by their path (`bant.need`), amounts as people write them, and nothing that
/// is not said.
pub fn fields(record: &Value) -> Table {
    let mut table = table(&["field", "value"]);
    let mut rows = Vec::new();
    spread("", record, &mut rows);
    for (field, value) in rows {
        table.add_row([field, value]);
    }
    table
}

fn spread(path: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let said = match value {
        Value::Null => return,
        Value::Object(parts) => match (parts.get("amount"), parts.get("currency")) {
            (Some(Value::String(amount)), Some(Value::String(currency))) => format!("{} {currency}", grouped(amount)),
            _ => {
                for (field, value) in parts {
                    spread(&if path.is_empty() { field.clone() } else { format!("{path}.{field}") }, value, rows);
                }
                return;
            }
        },
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                spread(&format!("{path}[{place}]"), item, rows);
            }
            return;
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if !said.is_empty() {
        rows.push((path.to_owned(), said));
    }
}

/// A table of which one column is to be copied, and so is never broken into lines.
pub fn whole(mut table: Table, column: usize) -> Table {
    if let Some(column) = table.column_mut(column) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

/// A table whose columns from `first` on are numbers, and stand to the right.
pub fn numbers(header: &[&str], first: usize) -> Table {
    let mut table = table(header);
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// An amount with thousands apart: `1,234.50 USD`; empty where there is none.
pub fn money(amount: Option<&Money>) -> String {
    let Some(amount) = amount else { return String::new() };
    match convert::decimal_of(amount) {
        Ok(value) => format!("{} {}", grouped(&places(value)), amount.currency_code),
        Err(error) => error.to_string(),
    }
}

/// A number with two places at least: `1234.5` is `1234.50`, `0.125` stays.
pub(crate) fn places(value: Decimal) -> String {
    let mut value = value.normalize();
    if value.scale() < 2 {
        value.rescale(2);
    }
    value.to_string()
}

/// A day as `2017-03-01`; empty where there is none.
pub fn date(day: Option<&Date>) -> String {
    day.map(|day| format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)).unwrap_or_default()
}

/// Groups the digits before the point by thousands.
pub fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match fraction {
        Some(fraction) => format!("{sign}{grouped}.{fraction}"),
        None => format!("{sign}{grouped}"),
    }
}

/// A point in time as `2017-03-01 09:00`, UTC; empty where there is none.
pub fn time(time: Option<&Timestamp>) -> String {
    let time = time.and_then(|time| convert::time_of(time).ok());
    time.map(|time| time.format("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}

/// The word of an enum's value without its prefix: `STATE_OPEN` is `OPEN`; empty for `UNSPECIFIED`.
pub fn word(name: &'static str, prefix: &str) -> &'static str {
    match name.strip_prefix(prefix).unwrap_or(name) {
        "UNSPECIFIED" => "",
        word => word,
    }
}

/// A quotient of two whole numbers, rounded half away from zero to two places; none where nothing divides.
pub fn quotient(number: i64, divisor: i64) -> Option<String> {
    let (number, divisor) = (i128::from(number) * 100, i128::from(divisor));
    if divisor <= 0 {
        return None;
    }
    let sign = if number < 0 { "-" } else { "" };
    let hundredths = (number.abs() * 2 + divisor) / (divisor * 2);
    Some(format!("{sign}{}.{:02}", hundredths / 100, hundredths % 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart_whatever_the_sign_and_the_fraction() {
        assert_eq!(grouped("1234567.50"), "1,234,567.50");
        assert_eq!(grouped("-123456"), "-123,456");
        assert_eq!(grouped("999"), "999");
    }

    #[test]
    fn a_long_text_has_lines_as_wide_as_a_table() {
        assert_eq!(wrapped("one  two", 3), "one two");
        let lines = wrapped(&"word ".repeat(50), 3);
        assert_eq!(lines.lines().map(str::len).collect::<Vec<_>>(), [119, 117, 17]);
        assert!(lines.lines().skip(1).all(|line| line.starts_with("   word")), "{lines}");
    }

    #[test]
    fn a_mean_is_rounded_half_away_from_zero_from_whole_sums() {
        assert_eq!(quotient(200, 3).as_deref(), Some("66.67"));
        assert_eq!(quotient(1, 8).as_deref(), Some("0.13"));
        assert_eq!(quotient(-1, 8).as_deref(), Some("-0.13"));
        assert_eq!(quotient(0, 5).as_deref(), Some("0.00"));
        assert_eq!(quotient(5, 0), None);
    }
}
