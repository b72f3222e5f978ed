//! The page token: where the last page ended, and which list it was a page of.
//!
//! Opaque to callers: base64url of a compact JSON. It is a position, not a permission: what a
//! caller may see is in the query's base, which is asked anew for every page, so the checksum in it
//! needs no secret. It tells a token that was damaged from one that belongs to another list.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::sea_query::SqliteQueryBuilder;
use sea_orm::{EntityTrait, IdenStatic, Iterable, ModelTrait, QueryTrait, Select, Value};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::order::Order;
use super::{ListError, ListRequest};

/// The longest token, in bytes. Sort keys are short; this bounds what is decoded.
const MAX_LENGTH: usize = 8_192;

/// The keys of a page's last row, in the order of the list; none where a value is absent.
#[derive(Debug, PartialEq)]
pub(super) struct PageToken {
    pub(super) values: Vec<Option<Value>>,
    json: Vec<serde_json::Value>,
    /// How few rows filled the page, where it was their weight that did: the next one begins with reading no more.
    pub(super) hint: Option<u64>,
}

/// As written: the list, the keys, the hint where there is one, and a checksum over all.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    l: String,
    k: Vec<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    c: String,
}

impl PageToken {
    /// The keys of `row`.
    pub(super) fn of<E: EntityTrait>(row: &E::Model, order: &Order) -> Result<Self, ListError> {
        let mut json = Vec::with_capacity(order.keys.len());
        for key in &order.keys {
            let name = key.column.to_string();
            let value = E::Column::iter()
                .find(|column| column.as_str() == name)
                .and_then(|column| key.kind.write(row.get(column)))
                .ok_or_else(|| ListError::OrderBy(format!("this list cannot be paged by {name}")))?;
            json.push(value);
        }
        let values = json.iter().zip(&order.keys).map(|(json, key)| key.kind.read(json).flatten());
        Ok(Self { values: values.collect(), json, hint: None })
    }

    /// The same place, with how few rows filled the page.
    pub(super) fn hinting(self, hint: Option<u64>) -> Self {
        Self { hint, ..self }
    }

    /// The token's text, bound to the list.
    pub(super) fn seal(self, bond: &str) -> Result<String, ListError> {
        let c = checksum(bond, &self.json, self.hint);
        let wire = Wire { l: bond.to_owned(), k: self.json, n: self.hint, c };
        let token = serde_json::to_vec(&wire).map(|json| URL_SAFE_NO_PAD.encode(json));
        match token {
            Ok(token) if token.len() <= MAX_LENGTH => Ok(token),
            _ => Err(ListError::OrderBy(
                "the values of these fields are too long to page by; choose another order".to_owned(),
            )),
        }
    }

    /// Reads a token and refuses what is not one of this list's.
    pub(super) fn parse(text: &str, bond: &str, order: &Order) -> Result<Self, ListError> {
        let refuse = |why: &str| ListError::PageToken(format!("{why}; ask again without page_token"));
        if text.len() > MAX_LENGTH {
            return Err(refuse("this is longer than any token"));
        }
        let damaged = || refuse("this is not a token of ours, or not all of it");
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| damaged())?;
        let wire: Wire = serde_json::from_slice(&json).map_err(|_| damaged())?;
        // As it was written, to the byte: blanks between or behind are none of ours.
        let as_written = serde_json::to_vec(&wire).is_ok_and(|written| written == json);
        if !as_written || wire.c != checksum(&wire.l, &wire.k, wire.n) {
            return Err(damaged());
        }
        if wire.l != bond {
            return Err(refuse("this token belongs to a list with another parent, filter or order_by"));
        }
        if wire.k.len() != order.keys.len() {
            return Err(damaged());
        }
        let values = wire.k.iter().zip(&order.keys).map(|(json, key)| {
            let value = key.kind.read(json).ok_or_else(damaged)?;
            if value.is_none() && !key.nullable { Err(damaged()) } else { Ok(value) }
        });
        Ok(Self { values: values.collect::<Result<_, _>>()?, json: wire.k, hint: wire.n })
    }
}

/// What a token is bound to: the base query (its joins and conditions), the filter and the order.
///
/// Times in the base are left out, since "now" is not an argument; the values are sorted, since a
/// set has no order. What remains is the same on every replica and on both databases.
pub(super) fn bond<E: EntityTrait>(base: &Select<E>, ask: &ListRequest<'_>) -> String {
    let mut query = base.as_query().clone();
    let (sql, values) = query.clear_selects().clear_order_by().build(SqliteQueryBuilder);
    let is_time = |value: &Value| matches!(value, Value::ChronoDateTimeUtc(_) | Value::ChronoDateTimeWithTimeZone(_));
    let mut values: Vec<String> =
        values.iter().filter(|value| !is_time(value)).map(|value| format!("{value:?}")).collect();
    values.sort_unstable();
    let mut parts = vec![E::default().as_str(), &sql, ask.filter.trim(), ask.order_by.trim()];
    parts.extend(values.iter().map(String::as_str));
    digest(parts)
}

fn checksum(bond: &str, keys: &[serde_json::Value], hint: Option<u64>) -> String {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).chain(hint.map(|hint| hint.to_string())).collect();
    digest(std::iter::once(bond).chain(keys.iter().map(String::as_str)))
}

/// Twelve bytes of SHA-256 over the parts, each with its length before it, in hexadecimal.
fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize()[..12].iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
