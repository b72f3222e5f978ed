//! What an ERP finds wrong with a document: reasons that are data (code, rule, field, expected, actual, what to do).
//!
//! [`master`] asks whether the ERP knows what the document names, [`totals`] whether its amounts follow from its lines,
//! [`chain`] whether it fits what was booked before: invoiced within what is ordered, credited within what is invoiced.

pub mod chain;
pub mod master;
pub mod totals;

use std::collections::BTreeMap;

use dealflow_proto::convert;
use dealflow_proto::convert::ConvertError;
use dealflow_proto::erp::v1::{Document, Reason};
use dealflow_proto::google::type_;
use rust_decimal::Decimal;

/// Why a document cannot even be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// A value of the wire that is none.
    #[error("{0}")]
    Value(#[from] ConvertError),
    /// A value that no document may hold.
    #[error("{0}")]
    Money(#[from] dealflow_money::MoneyError),
    /// Something that must be there is not.
    #[error("{0} is missing")]
    Absent(&'static str),
}

/// A reason without details.
pub(crate) fn reason(code: &str, field: &str, message: impl Into<String>, action: &str) -> Reason {
    Reason {
        code: code.to_owned(),
        field: field.to_owned(),
        message: message.into(),
        action: action.to_owned(),
        ..Reason::default()
    }
}

/// The quantities of all lines, by line.
pub(crate) fn quantities<'a>(
    documents: impl IntoIterator<Item = &'a Document>,
) -> Result<BTreeMap<String, Decimal>, Unreadable> {
    let mut sums = BTreeMap::new();
    for line in documents.into_iter().flat_map(|document| &document.lines) {
        *sums.entry(line.line_id.clone()).or_insert(Decimal::ZERO) += number(line.quantity.as_ref(), "quantity")?;
    }
    Ok(sums)
}

fn number(value: Option<&type_::Decimal>, field: &'static str) -> Result<Decimal, Unreadable> {
    Ok(convert::decimal_from(value.ok_or(Unreadable::Absent(field))?)?)
}
