//! What was read of settings a moment ago. They decide in nearly every request and change next to never.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Value;

/// How long a value is taken as it was read: so long another replica's decision may go unnoticed here.
const GOOD: Duration = Duration::from_secs(1);

/// The values of one store in this process.
#[derive(Debug, Default)]
pub struct Recent(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Grows with each decision of this process.
    turn: u64,
    values: HashMap<&'static str, (Instant, Value)>,
}

/// When a value began to be read: it is kept only if nobody decided since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading(u64, Instant);

impl Recent {
    /// The value, if it was read a moment ago; else what the one that is read now has to be kept with.
    pub(super) fn get(&self, key: &str) -> Result<Value, Reading> {
        let inner = self.inner();
        let fresh = inner.values.get(key).filter(|(read, _)| read.elapsed() < GOOD);
        fresh.map(|(_, value)| value.clone()).ok_or_else(|| Reading(inner.turn, Instant::now()))
    }

    /// Keeps what was read.
    pub(super) fn keep(&self, Reading(turn, since): Reading, key: &'static str, value: &Value) {
        let mut inner = self.inner();
        if inner.turn == turn {
            inner.values.insert(key, (since, value.clone()));
        }
    }

    /// Somebody decided: the next request reads anew.
    pub(super) fn forget(&self) {
        let mut inner = self.inner();
        inner.turn += 1;
        inner.values.clear();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
