//! Why a document cannot be written: everything it lacks, at once.

use std::fmt;

use dealflow_money::MoneyError;

use crate::document::Stamp;

/// One thing that a document lacks or says wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that asks for it, such as `BR-AE-02` or `PEPPOL-EN16931-R010`.
    pub rule: String,
    /// The field of the [`Document`](crate::Document), such as `buyer.vat_id` or `lines[2].unit`.
    pub field: String,
    /// What would be accepted, with the business term.
    pub needs: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} needs {}", self.rule, self.field, self.needs)
    }
}

/// A document that cannot be written in this form. The same document is refused again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It lacks what the rules demand; the list is complete.
    #[error("the document is not complete: {}", list(.0))]
    Incomplete(Vec<Finding>),
    /// Its amounts cannot be computed.
    #[error(transparent)]
    Arithmetic(#[from] MoneyError),
    /// This kind of document has no such form.
    #[error("a quote has no UBL form; allowed: PDF for a quote, UBL for an order, an invoice or a credit note")]
    NoForm,
    /// A program that reads it sees no stamp, and would take it for a paper that holds.
    #[error("it is {}, and UBL cannot say so; allowed: PDF, which says it across every page", state(.0))]
    Stamped(Stamp),
}

impl Refusal {
    /// What is lacking; empty where the refusal is of another kind.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Incomplete(findings) => findings,
            Self::Arithmetic(_) | Self::NoForm | Self::Stamped(_) => &[],
        }
    }
}

fn state(stamp: &Stamp) -> &'static str {
    match stamp {
        Stamp::Draft => "a draft that holds nobody to anything yet",
        Stamp::Closed => "ended, and holds nobody to anything any more",
    }
}

fn list(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("; ")
}
