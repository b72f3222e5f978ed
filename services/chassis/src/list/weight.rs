//! How much of a page goes into one message: a page is bounded by its rows, and a message by its bytes (4 MiB).
//!
//! What is weighed is what a row holds of texts, bytes and documents; numbers and times weigh next to nothing. A document is
//! longer as JSON than as the message that is made of it, so the bound is on the safe side.

use sea_orm::sea_query::ColumnType;
use sea_orm::{ColumnTrait, EntityTrait, Iterable, ModelTrait, Value};

/// How much a page holds.
const MOST_BYTES: usize = 2 * 1024 * 1024;
/// What a row weighs beside its texts.
const ROW: usize = 256;

/// How many of the rows go into one page: one at least.
pub(super) fn fitting<E: EntityTrait>(rows: &[E::Model]) -> usize {
    let long: Vec<E::Column> = E::Column::iter().filter(|column| is_long(column.def().get_column_type())).collect();
    let mut bytes = 0;
    let fit = rows.iter().take_while(|row| {
        bytes += ROW + long.iter().map(|column| weight(&row.get(*column))).sum::<usize>();
        bytes <= MOST_BYTES
    });
    fit.count().max(1)
}

/// Whether values of this type may be of any length.
fn is_long(of: &ColumnType) -> bool {
    !matches!(
        of,
        ColumnType::Uuid
            | ColumnType::Boolean
            | ColumnType::Date
            | ColumnType::Time
            | ColumnType::DateTime
            | ColumnType::Timestamp
            | ColumnType::TimestampWithTimeZone
            | ColumnType::TinyInteger
            | ColumnType::SmallInteger
            | ColumnType::Integer
            | ColumnType::BigInteger
            | ColumnType::Float
            | ColumnType::Double
    )
}

fn weight(value: &Value) -> usize {
    match value {
        Value::String(Some(text)) => text.len(),
        Value::Bytes(Some(bytes)) => bytes.len(),
        Value::Json(Some(json)) => weight_of_json(json),
        _ => 0,
    }
}

/// About as many bytes as it is written in.
fn weight_of_json(json: &serde_json::Value) -> usize {
    match json {
        serde_json::Value::Null | serde_json::Value::Bool(_) => 5,
        serde_json::Value::Number(_) => 12,
        serde_json::Value::String(text) => text.len() + 2,
        serde_json::Value::Array(items) => 2 + items.iter().map(|item| weight_of_json(item) + 1).sum::<usize>(),
        serde_json::Value::Object(fields) => {
            2 + fields.iter().map(|(name, value)| name.len() + 4 + weight_of_json(value)).sum::<usize>()
        }
    }
}
