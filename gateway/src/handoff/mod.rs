//! The hand-over of orders and invoices to the ERP: effectively once, whatever fails (R-ERP-1).
//!
//! The way of a document, each step in a file of its own:
//!
//! 1. [`Handoffs::store`] (`store.rs`, `batch.rs`) freezes it under its external id, and shares its commit with others
//! 2. `claim.rs` takes what is due, the first of each chain, under a lease with a fencing token
//! 3. `worker.rs` has eight on their way and none while the ERP rests (`breaker.rs`)
//! 4. `deliver.rs` asks if it may be there already, sends it (`erp.rs` makes the calls and reads their answers)
//! 5. [`state`] says what follows, [`schedule`] when
//! 6. `outcome.rs` writes it, only if the lease still holds, and lets the order's invoices go in the same commit
//! 7. `rejected.rs` tells the owner of a record that was refused; `rpc.rs` lets operators look and mend
//! 8. what the ERP does with it then is read (`reader.rs`) or pushed (`callback.rs`), applied by sequence
//!    (`business.rs`), and told to the house (`news.rs`); where a record cannot follow, `followed.rs` keeps why
//!
//! `essence.rs` says which documents are the same; `aside.rs` keeps what the ERP made itself, and what was taken out of the
//! queue.
//!
//! `anew.rs` makes the document of a refused order from its records where nobody submits that any more.
//!
//! `target.rs` is the ERP as a whole: stopped by operators, resting by itself; `chain.rs` says how the hand-overs of one
//! order stand; `mend.rs` is what a reconciliation does.
//!
//! What survives a crash at any point: before the claim nothing was sent; after it the lease runs out and the ERP is
//! asked by external id before anything is sent again, with the same key and the same bytes.

mod anew;
mod aside;
mod attempt;
mod batch;
pub mod breaker;
mod business;
mod callback;
mod chain;
mod claim;
mod deliver;
mod erp;
mod essence;
mod followed;
pub mod lines;
pub(crate) mod mend;
mod news;
mod outcome;
mod reader;
pub mod record;
mod rejected;
mod rpc;
pub mod schedule;
pub mod state;
mod store;
mod target;
mod worker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use dealflow_chassis::link::Link;
use dealflow_chassis::{Refusal, Store};
use dealflow_proto::names;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use batch::Batch;
use breaker::{Breaker, BreakerSettings};
use outcome::Outcomes;
use schedule::RetrySchedule;

pub use anew::Rebuild;
pub(crate) use chain::Standing;
pub use followed::Followed;
pub use news::{News, OnNews};
pub use rejected::{OnRejected, Rejection};
pub(crate) use store::DEPENDENCY_ABANDONED;
pub use store::NewHandoff;

/// How hand-overs are made; the defaults are those of `erp-handoff.md` §4.
#[derive(Clone)]
pub struct Settings {
    /// How long the ERP may take for a document.
    pub call_deadline: Duration,
    /// How long it may take for a look-up.
    pub look_up_deadline: Duration,
    /// How long a worker holds a document: longer than both together, and than a while in its queue.
    pub lease: TimeDelta,
    /// How many are on their way at once.
    pub concurrency: usize,
    /// How many are claimed at once.
    pub batch: usize,
    /// The waits between attempts.
    pub schedule: RetrySchedule,
    /// When the ERP is given a rest.
    pub breaker: BreakerSettings,
    /// When a document is set aside as the cause of its own failures.
    pub poison: Poison,
    /// When the ERP is asked how it decided.
    pub poll: TimeDelta,
    /// When an invoice is tried again whose order the ERP did not know.
    pub dependency_wait: TimeDelta,
    /// How often the worker looks for what is due without being woken.
    pub look_again: Duration,
    /// How often those are told again who could not be told of a refusal.
    pub tell_again: Duration,
    /// What is done about a refused document.
    pub on_rejected: Option<OnRejected>,
    /// What is done about what the ERP does with documents.
    pub on_news: Option<OnNews>,
    /// How the document of an order is made anew that the ERP refused and that stands.
    pub rebuild: Option<Rebuild>,
}

/// A document that fails while others pass is the cause itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poison {
    /// Technical failures in a row of the one.
    pub failures: i32,
    /// Deliveries of others in between.
    pub others: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            call_deadline: Duration::from_secs(15),
            look_up_deadline: Duration::from_secs(5),
            lease: TimeDelta::seconds(30),
            concurrency: 8,
            batch: 32,
            schedule: RetrySchedule::default(),
            breaker: BreakerSettings::default(),
            poison: Poison { failures: 5, others: 3 },
            poll: TimeDelta::minutes(1),
            dependency_wait: TimeDelta::minutes(1),
            look_again: Duration::from_secs(1),
            tell_again: Duration::from_secs(30),
            on_rejected: None,
            on_news: None,
            rebuild: None,
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

/// The hand-overs of one gateway to one ERP. Copies are the same.
#[derive(Clone)]
pub struct Handoffs(Arc<Inner>);

pub(crate) struct Inner {
    store: Store,
    settings: Settings,
    erp: erp::Erp,
    breaker: Mutex<Breaker>,
    /// An operator stopped deliveries.
    paused: AtomicBool,
    incoming: Batch<store::Incoming>,
    outcomes: Batch<Outcomes>,
    wake: Arc<Notify>,
    rejected: Arc<Notify>,
    news: Arc<Notify>,
}

impl Handoffs {
    /// Hand-overs that are kept in the gateway's store and go to this ERP. Nothing is sent until [`Handoffs::task`]
    /// runs.
    pub fn new(store: Store, erp: Link, settings: Settings) -> Self {
        let (wake, rejected, news) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let outcomes =
            Outcomes { store: store.clone(), wake: wake.clone(), rejected: rejected.clone(), news: news.clone() };
        let erp = erp::Erp {
            link: erp,
            store: store.clone(),
            call_deadline: settings.call_deadline,
            look_up_deadline: settings.look_up_deadline,
        };
        Self(Arc::new(Inner {
            erp,
            breaker: Mutex::new(Breaker::new(settings.breaker.clone())),
            paused: AtomicBool::new(false),
            incoming: Batch::new(store::Incoming(store.clone())),
            outcomes: Batch::new(outcomes),
            store,
            settings,
            wake,
            rejected,
            news,
        }))
    }

    /// Leaves a document for the ERP, and answers the hand-over's name; returns when that is committed.
    ///
    /// The same content under the same external id again: the standing hand-over's name. What was frozen first stands, its
    /// files too.
    ///
    /// # Errors
    ///
    /// Invalid where the document cannot be handed over as it is; Taken where its external id stands for other bytes;
    /// Unavailable where the database is.
    pub async fn store(&self, new: NewHandoff) -> Result<String, Refusal> {
        let row = store::freeze(new, self.0.store.clock().now())?;
        let id = self.0.incoming.put(row).await?;
        self.wake();
        Ok(names::HANDOFFS.name(id))
    }

    /// Delivers until it is stopped; for [`dealflow_chassis::serve::Part::task`]. Any number of them, in one process or
    /// many, may run on one database.
    pub async fn task(self, stop: CancellationToken) {
        let worker = worker::Worker::new(self.clone());
        tokio::join!(
            worker.run(stop.clone()),
            rejected::tell_owners(self.clone(), stop.clone()),
            reader::read(self.clone(), stop.clone()),
            news::tell(self, stop),
        );
    }

    /// Lets the worker look for what is due now.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Whether the ERP is given a rest, or pauses us.
    pub(crate) fn is_resting(&self) -> bool {
        self.0.breaker().is_open()
    }

    /// Ends the ERP's rest or pause: its credential is mended, say.
    pub fn resume(&self) {
        self.0.breaker().close();
        self.wake();
    }
}

impl Inner {
    fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The most that a delivery takes: a look-up and a call.
    fn longest_delivery(&self) -> TimeDelta {
        let longest = self.settings.look_up_deadline + self.settings.call_deadline;
        TimeDelta::from_std(longest).unwrap_or(TimeDelta::MAX)
    }
}
