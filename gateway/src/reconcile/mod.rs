//! Whether the ERP's books and our hand-overs say the same: a full outer join on the external id (R-ERP-1).
//!
//! 1. `theirs.rs` copies the ERP's list, page by page, into a table of the run
//! 2. `compare.rs` goes through our hand-overs, page by page, and through what of theirs was left over
//! 3. `class.rs` says of each pair what is wrong with it and what is best done; `totals.rs` adds up both sides
//! 4. `record.rs` keeps the run and what it found; `rpc.rs` shows it, and does something about it (`resolve.rs`)
//!
//! Neither side is ever held as a whole. A comparison goes on when its caller has gone: asked again under the same request
//! id, it is waited for (`once.rs`), or was made meanwhile. Each try keeps what it copies and finds under an id of its own,
//! so that no other, at another replica perhaps, touches it; what it found becomes the run's in the transaction that keeps
//! the run. A try that dies leaves rows that no run has; later runs sweep them up.

mod changes;
mod class;
mod compare;
mod once;
mod record;
mod resolve;
mod rpc;
mod theirs;
mod totals;

use chrono::TimeDelta;
use dealflow_chassis::Store;
use dealflow_chassis::link::Link;

use crate::handoff::Handoffs;
use once::Running;

/// How long a document may be under way before it counts as stuck.
const STUCK_AFTER: TimeDelta = TimeDelta::hours(24);

/// The service.
#[derive(Clone)]
pub struct Reconciler {
    store: Store,
    erp: Link,
    handoffs: Handoffs,
    running: Running,
}

impl Reconciler {
    /// Compares these hand-overs with this ERP.
    pub fn new(store: Store, erp: Link, handoffs: Handoffs) -> Self {
        Self { store, erp, handoffs, running: Running::default() }
    }
}
