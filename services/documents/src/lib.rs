//! What a document of business looks like when a person or another system reads it (R-INV-3): a quote, an order
//! confirmation, an invoice or a credit note as a PDF to be sent, and as UBL 2.1 that passes EN 16931 and Peppol BIS
//! Billing 3.0. Pure: no clock, no I/O, no database; the same document always gives the same bytes.
//!
//! # The way of a document
//!
//! A caller fills a [`Document`]: what was agreed, who the parties are, what the papers are called. Then
//!
//! 1. `figures` lets `dealflow-money` compute every amount; nothing is summed here;
//! 2. `check` looks for all that the rules demand and the document lacks, and refuses with the whole list, each
//!    [`Finding`] with its rule (`BR-AE-02`) and field (`buyer.vat_id`), so that master data is mended once;
//! 3. `ubl` writes the elements in the order of the XSD, or `pdf` sets the pages.
//!
//! # Layout
//!
//! - `document`, `line`, `party`: the model, in the words of EN 16931 with the ids of its business terms
//! - `codes`, `identifier`: code lists and check digits, as far as a rule asks for them
//! - `figures`: the amounts as both forms state them
//! - `check`, `finding`: what a document lacks
//! - `xml`, `ubl`: the file for systems
//! - `pdf`: the file for people

mod check;
mod codes;
mod document;
mod figures;
mod finding;
mod identifier;
mod line;
mod party;
mod pdf;
mod ubl;
mod xml;

pub use document::{Delivery, Document, Exemption, Kind, Payment, Period, Preceding, References, Stamp};
pub use figures::{Figures, Stated, StatedLine};
pub use finding::{Finding, Refusal};
pub use line::{Adjustment, Line};
pub use party::{Address, Contact, ElectronicAddress, Party, Registration};
pub use pdf::{Language, pdf};
pub use ubl::ubl;
