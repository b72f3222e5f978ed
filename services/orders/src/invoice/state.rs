//! How far an invoice is, and what can be done with it.

use std::fmt;

use dealflow_chassis::Lifecycle;
use sea_orm::entity::prelude::*;

/// How far the invoice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Being written; has no number.
    Draft,
    /// Numbered; immutable.
    Posted,
    /// Given up before the ERP had it; final.
    Void,
}

/// What can be done with an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It is right.
    PostInvoice,
    /// It is given up: a draft, or what was posted and not handed over.
    VoidInvoice,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_value())
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Lifecycle for State {
    type Verb = Verb;
    const NOUN: &'static str = "invoice";
    const STATES: &'static [Self] = &[Self::Draft, Self::Posted, Self::Void];
    const VERBS: &'static [Verb] = &[Verb::PostInvoice, Verb::VoidInvoice];

    fn next(self, verb: Verb) -> Option<Self> {
        match (self, verb) {
            (Self::Draft, Verb::PostInvoice) => Some(Self::Posted),
            (Self::Draft | Self::Posted, Verb::VoidInvoice) => Some(Self::Void),
            _ => None,
        }
    }
}
