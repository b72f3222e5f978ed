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

/// Rows that are read before it is known what such rows weigh, one more beside them.
const FIRST: u64 = 32;
/// The most rows that are read at once: as much as a page could hold are light rows, and the next ones may not be.
const STEP: u64 = 128;

/// Weighs the rows of a page as they are read, and says how many more are worth reading: what will not go into the message
/// is not to be read from the database first.
pub(super) struct Scale<E: EntityTrait> {
    long: Vec<E::Column>,
    /// Rows that a page like this one held before it was full.
    hint: Option<u64>,
    rows: u64,
    fitting: usize,
    bytes: usize,
}

impl<E: EntityTrait> Scale<E> {
    /// An empty one; `hint` is what the page before said of this one.
    pub(super) fn new(hint: Option<u64>) -> Self {
        let long = E::Column::iter().filter(|column| is_long(column.def().get_column_type())).collect();
        Self { long, hint, rows: 0, fitting: 0, bytes: 0 }
    }

    /// Puts further rows on it.
    pub(super) fn add(&mut self, rows: &[E::Model]) {
        for row in rows {
            self.rows += 1;
            self.bytes += ROW + self.long.iter().map(|column| weight(&row.get(*column))).sum::<usize>();
            if self.bytes <= MOST_BYTES || self.rows == 1 {
                self.fitting += 1;
            }
        }
    }

    /// How many of the rows go into one page: one at least.
    pub(super) fn fitting(&self) -> usize {
        self.fitting
    }

    /// Whether no further row goes into the page.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > MOST_BYTES
    }

    /// How many rows to read next: as many as may fit if they weigh what the others weigh, and no more than three times
    /// as many as there are then.
    pub(super) fn step(&self) -> u64 {
        if self.rows == 0 {
            return self.hint.unwrap_or(FIRST).clamp(1, FIRST) + 1;
        }
        let each = (self.bytes as u64 / self.rows).max(1);
        let room = (MOST_BYTES.saturating_sub(self.bytes)) as u64 / each + 1;
        room.min(2 * self.rows).min(STEP)
    }

    /// What the next page may know of this one: how few rows fill it.
    pub(super) fn hint_of_next(&self) -> Option<u64> {
        Some(self.fitting as u64).filter(|fitting| self.is_full() && *fitting < FIRST)
    }
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
