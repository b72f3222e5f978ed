//! A YAML file as a tree that knows where each of its parts stands.
//!
//! Reading into a tree first, and into the definition from there, is what lets a wrong file be told of all its mistakes
//! at once, each with line and column.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::definition::{At, Fault};

/// A part of a file, and where it stands.
pub(super) type Node = At<Kind>;

/// What a part is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// Nothing.
    #[default]
    Empty,
    /// A word, a number, a truth value: as it stands there.
    Word(String),
    /// A list.
    List(Vec<Node>),
    /// Names and values, in the order of the file.
    Map(Vec<(At<String>, Node)>),
}

/// Reads a file.
pub(super) fn read(text: &str) -> Result<Node, Fault> {
    let spanned: Spanned<Kind> = serde_saphyr::from_str(text).map_err(|error| {
        let at = error.location();
        let (line, column) = at.map_or((1, 1), |at| (at.line(), at.column()));
        Fault { line, column, reason: error.without_snippet().to_string() }
    })?;
    Ok(placed(spanned))
}

fn placed<T>(spanned: Spanned<T>) -> At<T> {
    let at = spanned.referenced;
    At { value: spanned.value, line: at.line(), column: at.column() }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

macro_rules! words {
    ($($visit:ident($type:ty);)*) => {$(
        fn $visit<E>(self, value: $type) -> Result<Kind, E> {
            Ok(Kind::Word(value.to_string()))
        }
    )*};
}

impl<'de> Visitor<'de> for Reader {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word, a list, or names with values")
    }

    words! {
        visit_bool(bool);
        visit_i64(i64);
        visit_u64(u64);
        visit_f64(f64);
        visit_str(&str);
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Empty)
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Empty)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Kind, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kind, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Kind>>()? {
            list.push(placed(item));
        }
        Ok(Kind::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Kind, A::Error> {
        let mut map = Vec::new();
        while let Some((name, value)) = entries.next_entry::<Spanned<String>, Spanned<Kind>>()? {
            map.push((placed(name), placed(value)));
        }
        Ok(Kind::Map(map))
    }
}
