//! Refusals of single fields: what each of them must be.

use dealflow_proto::Violation;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::names::BadName;

use super::Error;
use crate::price::Gap;

impl Error {
    /// A field that has no price.
    pub(crate) fn priced(field: &str, gap: Gap) -> Self {
        Self::Pricing { reason: gap.reason(), fields: vec![violation(field, gap.told().1)] }
    }

    /// A price with more decimals than its list has.
    pub(crate) fn too_precise(field: &str, decimals: u32) -> Self {
        let fields = vec![violation(field, format!("at most {decimals} decimals, as its list has"))];
        Self::Pricing { reason: ErrorReason::Precision, fields }
    }

    /// One field that cannot be meant.
    pub fn field(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Fields(vec![violation(field, expected)])
    }
}

/// Fields in one sentence.
pub(super) fn told(fields: &[Violation]) -> String {
    let list: Vec<String> = fields.iter().map(|it| format!("{}: {}", it.field, it.description)).collect();
    list.join("; ")
}

/// A field and what it must be.
pub fn violation(field: impl Into<String>, expected: impl Into<String>) -> Violation {
    Violation { field: field.into(), description: expected.into() }
}

impl From<BadName> for Error {
    fn from(bad: BadName) -> Self {
        Self::Refused(bad.into())
    }
}
