//! What an installation decides while it runs, as records with history.
//!
//! A part declares its settings as constants and lists them; the program needs no flag for them, and no restart. A
//! setting is read where it decides, in the transaction at hand: what was changed holds from the next request on in the
//! replica that changed it, and within a second in every other (see `recent.rs`).
//!
//! ```ignore
//! pub const QUALIFICATION_GUARD: Setting<bool> = Setting::flag("leads.qualification_guard", true, "Whether …");
//! pub static SETTINGS: &[Spec] = &[QUALIFICATION_GUARD.spec()];
//!
//! Part::new("leads").service(Settings::server(store, SETTINGS));
//! let guarded = QUALIFICATION_GUARD.read(&work).await?;
//! ```
//!
//! - `value.rs` values as Rust, JSON and the wire have them; `record.rs` the rows, `recent.rs` what was just read of them;
//!   `rpc.rs` the service; `listed.rs` its list

mod listed;
mod recent;
mod record;
mod rpc;
mod value;

use dealflow_proto::names;
use dealflow_proto::settings::v1 as pb;
use sea_orm::prelude::Decimal;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};

use crate::reader::Reader;
use crate::refusal::Refusal;
use crate::store::Store;
use crate::work::Work;
use record::Model;

pub use listed::page;
pub use recent::Recent;
pub use rpc::Settings;
pub use value::Value;

/// A setting whose values are `T`: declared once, as a constant.
#[derive(Debug, Clone, Copy)]
pub struct Setting<T> {
    spec: Spec,
    take: fn(Value) -> Option<T>,
}

/// What is known of a setting whatever its type.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// `part.setting`.
    pub key: &'static str,
    /// What it decides.
    pub description: &'static str,
    /// The texts that it may have; empty where any may.
    pub allowed: &'static [&'static str],
    /// Asks a value that is about to be decided; what is wrong with it, where something is.
    pub check: Option<Check>,
    fallback: Fallback,
}

/// Says what is wrong with a value; a value that was decided before there was a check stands.
pub type Check = fn(&Value) -> Result<(), String>;

/// A default as a constant holds it.
#[derive(Debug, Clone, Copy)]
enum Fallback {
    Flag(bool),
    Number(i64),
    Text(&'static str),
    List(&'static [&'static str]),
    Decimal(Decimal),
}

/// Where settings are read: a request at work, or a store between requests.
pub trait Source: Sync {
    /// What reads its rows.
    type Db: ConnectionTrait;

    /// What reads its rows.
    fn db(&self) -> &Self::Db;

    /// What was read of them a moment ago.
    fn recent(&self) -> &Recent;
}

impl Source for Work {
    type Db = DatabaseTransaction;

    fn db(&self) -> &Self::Db {
        &self.tx
    }

    fn recent(&self) -> &Recent {
        &self.settings
    }
}

impl Source for Store {
    type Db = Reader;

    fn db(&self) -> &Self::Db {
        self.reader()
    }

    fn recent(&self) -> &Recent {
        self.settings()
    }
}

impl Setting<bool> {
    /// Yes or no.
    pub const fn flag(key: &'static str, default: bool, description: &'static str) -> Self {
        Self::new(key, Fallback::Flag(default), description, |value| match value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        })
    }
}

impl Setting<i64> {
    /// A whole number.
    pub const fn number(key: &'static str, default: i64, description: &'static str) -> Self {
        Self::new(key, Fallback::Number(default), description, |value| match value {
            Value::Number(number) => Some(number),
            _ => None,
        })
    }
}

impl Setting<String> {
    /// Text.
    pub const fn text(key: &'static str, default: &'static str, description: &'static str) -> Self {
        Self::new(key, Fallback::Text(default), description, |value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    }
}

impl Setting<Vec<String>> {
    /// A list of texts.
    pub const fn list(key: &'static str, default: &'static [&'static str], description: &'static str) -> Self {
        Self::new(key, Fallback::List(default), description, |value| match value {
            Value::List(items) => Some(items),
            _ => None,
        })
    }
}

impl Setting<Decimal> {
    /// An exact decimal number.
    pub const fn decimal(key: &'static str, default: Decimal, description: &'static str) -> Self {
        Self::new(key, Fallback::Decimal(default), description, |value| match value {
            Value::Decimal(decimal) => Some(decimal),
            _ => None,
        })
    }
}

impl<T> Setting<T> {
    const fn new(
        key: &'static str,
        fallback: Fallback,
        description: &'static str,
        take: fn(Value) -> Option<T>,
    ) -> Self {
        Self { spec: Spec { key, description, allowed: &[], check: None, fallback }, take }
    }

    /// The texts that it may have.
    #[must_use]
    pub const fn one_of(mut self, allowed: &'static [&'static str]) -> Self {
        self.spec.allowed = allowed;
        self
    }

    /// What its values are asked for beyond their kind, before they hold.
    #[must_use]
    pub const fn checked(mut self, check: Check) -> Self {
        self.spec.check = Some(check);
        self
    }

    /// What is known of it, for the list of its part.
    pub const fn spec(&self) -> Spec {
        self.spec
    }

    /// What holds now.
    pub async fn read(&self, from: &impl Source) -> Result<T, DbErr> {
        let value = self.now(from).await?;
        (self.take)(value).ok_or_else(|| DbErr::Custom(format!("{} is of another kind", self.spec.key)))
    }

    /// What holds now, written down for who must come to the same value later: see [`Setting::written`].
    pub async fn write_down(&self, from: &impl Source) -> Result<String, DbErr> {
        Ok(self.now(from).await?.to_string())
    }

    /// The value that was written down; none where that says something else.
    pub fn written(&self, text: &str) -> Option<T> {
        let json = serde_json::from_str(text).ok()?;
        (self.take)(Value::of_json(&json, self.spec.default().kind())?)
    }

    async fn now(&self, from: &impl Source) -> Result<Value, DbErr> {
        let (recent, key) = (from.recent(), self.spec.key);
        let reading = match recent.get(key) {
            Ok(value) => return Ok(value),
            Err(reading) => reading,
        };
        let value = self.spec.value(record::find(from.db(), key).await?.as_ref());
        recent.keep(reading, key, &value);
        Ok(value)
    }
}

impl Spec {
    /// Its resource name.
    pub fn name(&self) -> String {
        names::SETTINGS.slug(self.key)
    }

    /// What holds where nobody decided otherwise.
    pub fn default(&self) -> Value {
        let texts = |items: &[&str]| items.iter().map(ToString::to_string).collect();
        match self.fallback {
            Fallback::Flag(flag) => Value::Flag(flag),
            Fallback::Number(number) => Value::Number(number),
            Fallback::Text(text) => Value::Text(text.to_owned()),
            Fallback::List(items) => Value::List(texts(items)),
            Fallback::Decimal(decimal) => Value::Decimal(decimal),
        }
    }

    /// What holds by this row. A row that an older version wrote for another kind says nothing.
    fn value(&self, stored: Option<&Model>) -> Value {
        let default = self.default();
        stored.and_then(|row| Value::of_json(row.value.as_ref()?, default.kind())).unwrap_or(default)
    }

    /// A value as it was sent, if this setting may have it.
    fn take(&self, sent: pb::SettingValue) -> Result<Value, Refusal> {
        let value = Value::of_wire(sent, self.default().kind())?;
        let texts = match &value {
            Value::Text(text) => std::slice::from_ref(text),
            Value::List(items) => items.as_slice(),
            _ => &[],
        };
        let known = |text: &String| self.allowed.is_empty() || self.allowed.contains(&text.as_str());
        if let Some(other) = texts.iter().find(|text| !known(text)) {
            let expected = format!("`{other}` is not allowed; allowed are {}", self.allowed.join(", "));
            return Err(Refusal::field("value", expected));
        }
        match self.check.map_or(Ok(()), |check| check(&value)) {
            Ok(()) => Ok(value),
            Err(expected) => Err(Refusal::field("value", expected)),
        }
    }
}
