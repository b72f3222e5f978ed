//! Why an amount or a document was refused. Each refusal names the field and what is allowed, so
//! that a service can pass it on as a field violation without reading the text.

use crate::Currency;

/// A refusal of the arithmetic. None of them is worth a retry: the same input is refused again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a code of ISO 4217, or one without minor units (gold, "no currency").
    #[error("{code:?} is not a currency; allowed: an ISO 4217 code with minor units, such as EUR")]
    UnknownCurrency {
        /// The code as it was given.
        code: String,
    },
    /// Two amounts of different currencies met. Nothing is converted silently.
    #[error("{actual} cannot be combined with {expected}; allowed: amounts of one currency")]
    CurrencyMismatch {
        /// The currency of the amount at the left, or of the sum.
        expected: Currency,
        /// The currency that came.
        actual: Currency,
    },
    /// A result outside -(2^63 - 1) ..= 2^63 - 1 minor units. It is refused, never wrapped.
    #[error("{field} does not fit; allowed: at most 9223372036854775807 minor units")]
    Overflow {
        /// The result that does not fit, such as `lines[2].net` or `total_with_vat`.
        field: String,
    },
    /// An amount finer than its currency (`0.005` EUR, `0.1` JPY) where rounding is not ours to do.
    #[error("{field} is {value}; allowed: at most {allowed} decimals")]
    TooManyDecimals {
        /// The field that held the amount.
        field: String,
        /// The amount as it was given.
        value: String,
        /// The exponent of the currency.
        allowed: u32,
    },
    /// A value that no document may hold, such as a negative price.
    #[error("{field} is {value}; allowed: {allowed}")]
    Refused {
        /// The field that held the value.
        field: String,
        /// The value as it was given.
        value: String,
        /// What would have been accepted, with the rule where EN 16931 has one.
        allowed: &'static str,
    },
    /// An amount that is to be split over weights whose sum is zero, or over none at all.
    #[error(
        "{field} cannot be split: the weights sum to zero; allowed: weights with a sum, or a VAT named on the adjustment"
    )]
    Unsplittable {
        /// The amount that was to be split.
        field: String,
    },
}

impl MoneyError {
    /// The field at fault, relative to what was computed: `lines[2].quantity`.
    pub fn field(&self) -> &str {
        match self {
            Self::UnknownCurrency { .. } | Self::CurrencyMismatch { .. } => "currency",
            Self::Overflow { field }
            | Self::TooManyDecimals { field, .. }
            | Self::Refused { field, .. }
            | Self::Unsplittable { field } => field,
        }
    }

    pub(crate) fn overflow(field: impl Into<String>) -> Self {
        Self::Overflow { field: field.into() }
    }

    pub(crate) fn refused(field: impl Into<String>, value: impl ToString, allowed: &'static str) -> Self {
        Self::Refused { field: field.into(), value: value.to_string(), allowed }
    }

    /// The same refusal, told of the field of a document instead of a bare amount.
    pub(crate) fn at(mut self, place: &str) -> Self {
        if let Self::Overflow { field }
        | Self::TooManyDecimals { field, .. }
        | Self::Refused { field, .. }
        | Self::Unsplittable { field } = &mut self
        {
            place.clone_into(field);
        }
        self
    }
}
