//! Why a sale is lost: the built-in reasons, and the user's own (R-OPP-2).

use std::fmt;

use dealflow_proto::names::LOSE_REASONS;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveEnum, ConnectionTrait, Iterable, QuerySelect};

use super::states::LoseReason;
use crate::error::Error;

/// A reason of the user's own.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lose_reason")]
pub struct Model {
    /// Its code, e.g. `NO_FIT`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: String,
    /// Counts its changes; the etag.
    pub version: i64,
    /// What it is called in English.
    pub caption_en: String,
    /// What it is called in Russian; empty where nobody said.
    pub caption_ru: String,
    /// A loss for it needs a comment.
    pub comment_required: bool,
    /// It is not to be given any more.
    pub retired: bool,
}

/// Opportunities keep its code.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The reason of one loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A built-in one.
    BuiltIn(LoseReason),
    /// One of the user's own.
    Own {
        /// Its code.
        code: String,
        /// A loss for it needs a comment.
        comment_required: bool,
    },
}

/// A reason as a process names it: built in, or the code of one of the user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedReason {
    /// A built-in one.
    BuiltIn(LoseReason),
    /// The code of one of the user's own.
    Own(String),
}

impl NamedReason {
    /// The reason of a word; none where it can be no code.
    pub fn of(word: &str) -> Option<Self> {
        match built_in(word) {
            Some(reason) => Some(Self::BuiltIn(reason)),
            None => is_code(word).then(|| Self::Own(word.to_owned())),
        }
    }

    /// Whether a loss for it needs a comment. Of one of the user's own the import has asked that: an activity that may
    /// lose for it needs its result in words, or the reason needs none.
    pub fn needs_comment(&self) -> bool {
        *self == Self::BuiltIn(LoseReason::Other)
    }
}

impl fmt::Display for NamedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(reason) => reason.fmt(f),
            Self::Own(code) => f.write_str(code),
        }
    }
}

impl From<NamedReason> for Reason {
    fn from(named: NamedReason) -> Self {
        match named {
            NamedReason::BuiltIn(reason) => Self::BuiltIn(reason),
            NamedReason::Own(code) => Self::Own { code, comment_required: false },
        }
    }
}

impl Reason {
    /// Whether the loss needs a comment.
    pub fn needs_comment(&self) -> bool {
        match self {
            Self::BuiltIn(reason) => *reason == LoseReason::Other,
            Self::Own { comment_required, .. } => *comment_required,
        }
    }

    /// The built-in reason, where it is one.
    pub fn built_in(&self) -> Option<LoseReason> {
        match self {
            Self::BuiltIn(reason) => Some(*reason),
            Self::Own { .. } => None,
        }
    }

    /// The user's own reason of a code: one that is still to be given.
    ///
    /// # Errors
    /// [`Error::Fields`] where there is none, or it is retired.
    pub async fn own(db: &impl ConnectionTrait, code: &str) -> Result<Self, Error> {
        let row = Entity::find_by_id(code).one(db).await?;
        let row = row.ok_or_else(|| Error::Missing(LOSE_REASONS.slug(code)))?;
        if row.retired {
            return Err(Error::field("reason_code", format!("{} is retired", LOSE_REASONS.slug(code))));
        }
        Ok(Self::Own { code: row.code, comment_required: row.comment_required })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(reason) => reason.fmt(f),
            Self::Own { code, .. } => f.write_str(code),
        }
    }
}

/// The built-in reason of a code.
pub fn built_in(code: &str) -> Option<LoseReason> {
    LoseReason::iter().find(|reason| reason.to_value() == code)
}

/// Refuses a code that is none, or that is built in, or that somebody took.
///
/// # Errors
/// [`Error::Fields`] or [`Error::Taken`].
pub async fn check_new(db: &impl ConnectionTrait, code: &str) -> Result<(), Error> {
    if !is_code(code) {
        let expected = "must be capitals, digits and `_`, beginning with a letter, and not OWN";
        return Err(Error::field("lose_reason_id", expected));
    }
    let taken = || Error::Taken { field: "lose_reason_id", value: code.to_owned(), holder: LOSE_REASONS.slug(code) };
    if built_in(code).is_some() || Entity::find_by_id(code).one(db).await?.is_some() {
        return Err(taken());
    }
    Ok(())
}

/// Those of these codes that are reasons of the user's own.
///
/// # Errors
/// What the database says.
pub async fn of_codes(db: &impl ConnectionTrait, codes: Vec<String>) -> Result<Vec<Model>, DbErr> {
    if codes.is_empty() {
        return Ok(Vec::new());
    }
    Entity::find().filter(Column::Code.is_in(codes)).all(db).await
}

fn is_code(word: &str) -> bool {
    let letter = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_';
    word.starts_with(|it: char| it.is_ascii_uppercase()) && word.chars().all(letter) && word != "OWN"
}

/// A reason that one means to change: it stays locked until the transaction ends. The built-in ones are part of the
/// product.
///
/// # Errors
/// [`Error::Missing`] if there is none of this code, or it is built in.
pub async fn lock(db: &impl ConnectionTrait, code: &str) -> Result<Model, Error> {
    if built_in(code).is_some() {
        return Err(Error::BuiltIn(LOSE_REASONS.slug(code)));
    }
    let found = Entity::find_by_id(code).lock_exclusive().one(db).await?;
    found.ok_or_else(|| Error::Missing(LOSE_REASONS.slug(code)))
}
