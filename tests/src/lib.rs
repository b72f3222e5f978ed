//! The whole suite under test: every part on a database of its own, as `dealflow serve` runs it.
//!
//! - [`sandbox`]: starts the suite, kills it, starts it again; clients that come in over TCP
//! - [`deal`]: a deal's way in one line per phase
//! - [`faults`]: loses the k-th request or reply between the gateway and its neighbours, or kills the suite there
//! - [`finish`]: what must hold in any suite that is at rest
//! - [`snapshot`]: a deal without its ids and times, to be compared with another
//! - [`raw`]: calls by descriptor, for what the typed clients would not send
//! - [`values`]: money, quantities, days
//! - [`verbs`]: the gateway's verbs as cases

pub mod deal;
pub mod faults;
pub mod finish;
pub mod raw;
pub mod sandbox;
pub mod snapshot;
pub mod values;
pub mod verbs;

pub use faults::{Fault, Faults};
pub use sandbox::Sandbox;
