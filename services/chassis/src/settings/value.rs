//! A setting's value: in Rust, as JSON in its column, on the wire.

use std::fmt;
use std::str::FromStr;

use dealflow_proto::google::type_;
use dealflow_proto::settings::v1 as pb;
use dealflow_proto::settings::v1::setting::Kind;
use sea_orm::prelude::{Decimal, Json};

use crate::refusal::Refusal;

/// A value of one of the kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
    /// An exact decimal number.
    Decimal(Decimal),
}

impl Value {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Flag(_) => Kind::Flag,
            Self::Number(_) => Kind::Number,
            Self::Text(_) => Kind::Text,
            Self::List(_) => Kind::List,
            Self::Decimal(_) => Kind::Decimal,
        }
    }

    /// The value as its column keeps it.
    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::Flag(flag) => (*flag).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(items) => items.as_slice().into(),
            Self::Decimal(decimal) => decimal.to_string().into(),
        }
    }

    /// A value of this kind from its column; none where it is of another.
    pub(super) fn of_json(json: &Json, kind: Kind) -> Option<Self> {
        match kind {
            Kind::Flag => json.as_bool().map(Self::Flag),
            Kind::Number => json.as_i64().map(Self::Number),
            Kind::Text => json.as_str().map(|text| Self::Text(text.to_owned())),
            Kind::List => {
                let texts = json.as_array()?.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().map(Self::List)
            }
            Kind::Decimal => Decimal::from_str(json.as_str()?).ok().map(Self::Decimal),
            Kind::Unspecified => None,
        }
    }

    /// The value as the wire has it.
    pub fn to_wire(&self) -> pb::SettingValue {
        let mut sent = pb::SettingValue::default();
        match self {
            Self::Flag(flag) => sent.flag = Some(*flag),
            Self::Number(number) => sent.number = Some(*number),
            Self::Text(text) => sent.text = Some(text.clone()),
            Self::List(items) => sent.list = Some(pb::SettingList { items: items.clone() }),
            Self::Decimal(decimal) => sent.decimal = Some(type_::Decimal { value: decimal.to_string() }),
        }
        sent
    }

    /// A value as it was sent: the field of its kind, and no other.
    pub(super) fn of_wire(sent: pb::SettingValue, kind: Kind) -> Result<Self, Refusal> {
        let given = [
            (Kind::Flag, sent.flag.is_some()),
            (Kind::Number, sent.number.is_some()),
            (Kind::Text, sent.text.is_some()),
            (Kind::List, sent.list.is_some()),
            (Kind::Decimal, sent.decimal.is_some()),
        ];
        let field = kind.as_str_name().trim_start_matches("KIND_").to_lowercase();
        let expected = || Refusal::field("value", format!("{field}, and nothing else, is given for this setting"));
        if given.iter().any(|(other, given)| *given != (*other == kind)) {
            return Err(expected());
        }
        let pb::SettingValue { flag, number, text, list, decimal } = sent;
        let value = match kind {
            Kind::Flag => flag.map(Self::Flag),
            Kind::Number => number.map(Self::Number),
            Kind::Text => text.map(Self::Text),
            Kind::List => list.map(|list| Self::List(list.items)),
            Kind::Decimal => decimal.and_then(|it| Decimal::from_str(&it.value).ok()).map(Self::Decimal),
            Kind::Unspecified => None,
        };
        let value = value.ok_or_else(expected)?;
        if let Self::List(items) = &value
            && let Some(twice) = items.iter().enumerate().find(|(index, item)| items[..*index].contains(item))
        {
            return Err(Refusal::field("value.list.items", format!("each once; `{}` is there twice", twice.1)));
        }
        Ok(value)
    }
}

/// As JSON writes it: what history keeps.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}
