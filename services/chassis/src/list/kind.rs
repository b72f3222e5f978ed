//! What the values of a field look like: in a filter, in the column, in a page token.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, SubsecRound, Utc};
use sea_orm::sea_query::ColumnType;
use sea_orm::{ActiveEnum, Value};
use uuid::Uuid;

/// The kinds of field a list can have.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Text,
    Int,
    /// An amount kept as a whole number of units of 10^-exponent.
    Scaled(u32),
    Bool,
    Time,
    Date,
    /// `collection/{uuid}`, or the uuid alone when the collection is empty.
    Name(&'static str),
    /// `collection/{slug}`, of which the column keeps the slug.
    Slug(&'static str),
    /// Names and how each is stored.
    Enum(Vec<(Cow<'static, str>, Value)>),
}

impl Kind {
    /// Names and stored values of an active enum that is stored as text or number.
    pub(super) fn of_enum<A: ActiveEnum>(name: fn(&A) -> Cow<'static, str>) -> Self
    where
        A::Value: Into<Value>,
    {
        Self::Enum(A::iter().map(|variant| (name(&variant), variant.to_value().into())).collect())
    }

    /// The stored value that `text` stands for, or what was expected instead.
    pub(super) fn read(&self, text: &str) -> Result<Value, String> {
        let refused = |expected: &str| format!("expected {expected}, found \"{}\"", shown(text));
        match self {
            Self::Text => Ok(text.into()),
            Self::Int => text.parse::<i64>().map(Value::from).map_err(|_| refused("a whole number")),
            Self::Scaled(exponent) => scaled(text, *exponent)
                .map(Value::from)
                .ok_or_else(|| refused(&format!("a number with at most {exponent} decimal places"))),
            Self::Bool => match text {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => Err(refused("true or false")),
            },
            Self::Time => time(text)
                .map(|at| at.trunc_subsecs(6).into())
                .ok_or_else(|| refused("a time like 2026-01-31T09:30:00Z or a day like 2026-01-31")),
            Self::Date => date(text).map(Value::from).ok_or_else(|| refused("a day like 2026-01-31")),
            Self::Name("") => Uuid::try_parse(text).map(Value::from).map_err(|_| refused("a UUID")),
            Self::Name(collection) => last_segment(text, collection)
                .and_then(|id| Uuid::try_parse(id).ok())
                .map(Value::from)
                .ok_or_else(|| refused(&format!("a name like {collection}/{{uuid}}"))),
            Self::Slug(collection) => last_segment(text, collection)
                .map(Value::from)
                .ok_or_else(|| refused(&format!("a name like {collection}/{{name}}"))),
            Self::Enum(names) => {
                let found = names.iter().find(|(name, _)| name == text);
                found.map(|(_, stored)| stored.clone()).ok_or_else(|| {
                    let names: Vec<&str> = names.iter().map(|(name, _)| name.as_ref()).collect();
                    refused(&format!("one of {}", names.join(", ")))
                })
            }
        }
    }

    /// Whether `<` and its siblings mean something to a reader.
    pub(super) fn is_ordered(&self) -> bool {
        matches!(self, Self::Text | Self::Int | Self::Scaled(_) | Self::Time | Self::Date)
    }

    /// How a row's value of this kind is carried in a page token.
    pub(super) fn key(&self) -> KeyKind {
        match self {
            Self::Text | Self::Slug(_) => KeyKind::Text,
            Self::Int | Self::Scaled(_) => KeyKind::Int,
            Self::Bool => KeyKind::Bool,
            Self::Time => KeyKind::Time,
            Self::Date => KeyKind::Date,
            Self::Name(_) => KeyKind::Uuid,
            Self::Enum(names) => match names.first() {
                Some((_, Value::String(_))) | None => KeyKind::Text,
                Some(_) => KeyKind::Int,
            },
        }
    }
}

/// The kinds of value a sort key can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Text,
    Int,
    Bool,
    Time,
    Date,
    Uuid,
}

impl KeyKind {
    /// The kind of a primary key's column; none for types that do not sort alike everywhere.
    pub(super) fn of_column(column: &ColumnType) -> Option<Self> {
        match column {
            ColumnType::Char(_) | ColumnType::String(_) | ColumnType::Text => Some(Self::Text),
            ColumnType::TinyInteger
            | ColumnType::SmallInteger
            | ColumnType::Integer
            | ColumnType::BigInteger
            | ColumnType::TinyUnsigned
            | ColumnType::SmallUnsigned
            | ColumnType::Unsigned => Some(Self::Int),
            ColumnType::Boolean => Some(Self::Bool),
            ColumnType::Timestamp | ColumnType::TimestampWithTimeZone => Some(Self::Time),
            ColumnType::Date => Some(Self::Date),
            ColumnType::Uuid => Some(Self::Uuid),
            _ => None,
        }
    }

    /// A row's value as JSON: `null` for an absent one; none when it is not of this kind.
    pub(super) fn write(self, value: Value) -> Option<serde_json::Value> {
        use serde_json::Value as Json;
        let some = |text: Option<String>| text.map_or(Json::Null, Json::from);
        Some(match (self, value) {
            (Self::Text, Value::String(v)) => some(v),
            (Self::Int, Value::TinyInt(v)) => v.map_or(Json::Null, Json::from),
            (Self::Int, Value::SmallInt(v)) => v.map_or(Json::Null, Json::from),
            (Self::Int, Value::Int(v)) => v.map_or(Json::Null, Json::from),
            (Self::Int, Value::BigInt(v)) => v.map_or(Json::Null, Json::from),
            (Self::Int, Value::TinyUnsigned(v)) => v.map_or(Json::Null, Json::from),
            (Self::Int, Value::SmallUnsigned(v)) => v.map_or(Json::Null, Json::from),
            (Self::Int, Value::Unsigned(v)) => v.map_or(Json::Null, Json::from),
            (Self::Bool, Value::Bool(v)) => v.map_or(Json::Null, Json::from),
            (Self::Time, Value::ChronoDateTimeUtc(v)) => some(v.map(|at| at.to_rfc3339())),
            (Self::Time, Value::ChronoDateTimeWithTimeZone(v)) => some(v.map(|at| at.with_timezone(&Utc).to_rfc3339())),
            (Self::Date, Value::ChronoDate(v)) => some(v.map(|day| day.to_string())),
            (Self::Uuid, Value::Uuid(v)) => some(v.map(|id| id.simple().to_string())),
            _ => return None,
        })
    }

    /// The value that `write` wrote; none for anything else. The inner one is none for `null`.
    pub(super) fn read(self, json: &serde_json::Value) -> Option<Option<Value>> {
        if json.is_null() {
            return Some(None);
        }
        let value = match self {
            Self::Text => json.as_str().filter(|text| !text.contains('\0')).map(Value::from),
            Self::Int => json.as_i64().map(Value::from),
            Self::Bool => json.as_bool().map(Value::from),
            Self::Time => json.as_str().and_then(time).map(Value::from),
            Self::Date => json.as_str().and_then(date).map(Value::from),
            Self::Uuid => json.as_str().and_then(|id| Uuid::try_parse(id).ok()).map(Value::from),
        };
        value.map(Some)
    }
}

/// As much of a caller's text as a message repeats.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// RFC 3339, or a day for its midnight, in UTC. Years of four digits only: SQLite keeps times as
/// text, which sorts as time only then.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let at = match DateTime::parse_from_rfc3339(text) {
        Ok(at) => at.with_timezone(&Utc),
        Err(_) => date(text)?.and_time(NaiveTime::MIN).and_utc(),
    };
    (1..=9999).contains(&at.year()).then_some(at)
}

/// A day as `YYYY-MM-DD`, strictly: what sorts as text must not lack its zeros.
fn date(text: &str) -> Option<NaiveDate> {
    let day: NaiveDate = text.parse().ok()?;
    (day.year() >= 1 && day.to_string() == text).then_some(day)
}

fn last_segment<'a>(name: &'a str, collection: &str) -> Option<&'a str> {
    let last = name.strip_prefix(collection)?.strip_prefix('/')?;
    (!last.is_empty() && !last.contains('/')).then_some(last)
}

/// `-12.5` at exponent 2 is -1250: exact, by digits, never through a float.
fn scaled(text: &str, exponent: u32) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let places = usize::try_from(exponent).ok()?;
    let significant = fraction.trim_end_matches('0');
    if !digits(whole.strip_prefix('-').unwrap_or(whole)) || !digits(fraction) || significant.len() > places {
        return None;
    }
    format!("{whole}{significant:0<places$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn an_amount_is_read_by_its_digits_and_never_rounded() {
        assert_eq!(scaled("1000.5", 2), Some(100_050));
        assert_eq!(scaled("-0.05", 2), Some(-5));
        assert_eq!(scaled("7", 0), Some(7));
        assert_eq!(scaled("7.0", 0), Some(7));
        assert_eq!(scaled("1.500000", 6), Some(1_500_000));
        assert_eq!(scaled("92233720368547758.07", 2), Some(i64::MAX));
        for wrong in ["92233720368547758.08", "1.005", "1.", ".5", "", "-", "1e3", "+1", "1,5", "--1"] {
            assert_eq!(scaled(wrong, 2), None, "{wrong}");
        }
    }
}
