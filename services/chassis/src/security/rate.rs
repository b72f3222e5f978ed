//! How often one caller may call: a bucket for each, kept as the one moment at which it would be full again (GCRA).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const SHARDS: usize = 16;
/// Callers that one shard knows before it forgets those whose bucket is full.
const MOST: usize = 1024;
/// How many seconds' worth may come at once.
const BURST: u32 = 2;

/// The buckets of all callers.
#[derive(Debug)]
pub(crate) struct Rate {
    /// What one call costs.
    each: Duration,
    hasher: RandomState,
    shards: [Mutex<HashMap<String, Instant>>; SHARDS],
}

impl Rate {
    /// So many calls per second; without a limit where it is none.
    pub(crate) fn new(calls: u32) -> Option<Self> {
        let each = Duration::from_secs(1).checked_div(calls)?;
        Some(Self { each, hasher: RandomState::new(), shards: Default::default() })
    }

    /// Takes a call out of a bucket, or says when there will be one.
    pub(crate) fn take(&self, who: &str, now: Instant) -> Result<(), Duration> {
        let index = usize::try_from(self.hasher.hash_one(who) % SHARDS as u64).unwrap_or_default();
        let mut shard = self.shards[index].lock().unwrap_or_else(PoisonError::into_inner);
        let full = shard.get(who).copied().unwrap_or(now).max(now) + self.each;
        let ahead = full.duration_since(now);
        let burst = Duration::from_secs(BURST.into()).max(self.each);
        if ahead > burst {
            return Err(ahead - burst);
        }
        match shard.get_mut(who) {
            Some(known) => *known = full,
            None => {
                if shard.len() >= MOST {
                    shard.retain(|_, full| *full > now);
                }
                shard.insert(who.to_owned(), full);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-SEC-1: a caller has its own bucket, is told when to come back, and then may.
    #[test]
    fn two_seconds_worth_at_once_then_one_at_a_time() {
        let (rate, start) = (Rate::new(10).expect("a limit"), Instant::now());
        assert_eq!((0..100).filter(|_| rate.take("a", start).is_ok()).count(), 20);
        assert!(rate.take("b", start).is_ok());
        let wait = rate.take("a", start).expect_err("the bucket is empty");
        assert_eq!(wait, Duration::from_millis(100));
        assert!(rate.take("a", start + wait).is_ok());
        assert!(rate.take("a", start + wait).is_err());
        assert!(Rate::new(0).is_none());
    }

    #[test]
    fn callers_that_are_gone_are_forgotten() {
        let (rate, start) = (Rate::new(1000).expect("a limit"), Instant::now());
        for number in 0..50_000_u32 {
            assert!(rate.take(&number.to_string(), start + Duration::from_millis(number.into())).is_ok());
        }
        let known: usize = rate.shards.iter().map(|shard| shard.lock().expect("nobody panicked").len()).sum();
        assert!(known <= SHARDS * MOST, "{known} are known");
    }
}
