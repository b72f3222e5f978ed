//! One comparison at a time for each run, in this process: who asks for one that is being made waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

/// A lock for each run that is being made or waited for.
type Locks = HashMap<Uuid, Weak<tokio::sync::Mutex<()>>>;

/// The runs that are being made. Copies are the same.
#[derive(Clone, Default)]
pub(super) struct Running(Arc<Mutex<Locks>>);

impl Running {
    /// The right to make a run, until it is dropped.
    pub(super) async fn alone(&self, run: Uuid) -> OwnedMutexGuard<()> {
        self.of(run).lock_owned().await
    }

    fn of(&self, run: Uuid) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(&run).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        locks.insert(run, Arc::downgrade(&lock));
        lock
    }
}
