//! Real ERPs behind the contract `dealflow.erp.v1`: each adapter is a part of the suite, and the gateway's hand-over
//! goes to its address as it goes to the stub's (R-ERP-1).
//!
//! - [`ubl`] writes each document as UBL 2.1, to a folder or to an HTTP endpoint, and keeps a register of what was taken
//! - [`erpnext`] books each document by ERPNext's REST calls: look up, draft, compare the totals, submit, read back
//!
//! The way of a document: `contract` reads the message and refuses what is none; the adapter asks what stands under its
//! external id, then takes it, or says why not; `paper` puts it into the model of `dealflow-documents` and compares its
//! amounts. `data` reads the files in which an operator says how our words are called over there.
//!
//! What survives a kill at any point: nothing is booked twice, for every adapter asks first, by external id, what an
//! earlier attempt left.

mod answers;
mod contract;
mod data;
pub mod erpnext;
mod paper;
mod submission;
pub mod ubl;

pub use data::DataError;
