//! Lives of records against a model of the rules: `proptest-state-machine` chooses the verbs, a part answers them.
//!
//! A model is a [`ReferenceStateMachine`]: what a record is in the smallest words, and what a verb makes of it. Nothing is
//! a precondition: what the rules refuse is asked too, and has to be refused. Where a life goes another way than its model
//! it is made shorter as long as it still does, and told with its seed.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt as _;
use proptest::collection::SizeRange;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use proptest_state_machine::ReferenceStateMachine;

/// The verbs of one life, in order.
pub type Verbs<T> = Box<dyn Iterator<Item = T>>;

/// How many shorter lives are tried where one failed.
const SHRINKING: usize = 200;

/// Lives so many lives of the model, each of as many verbs as `length` says; `live` takes a new record through one, beginning
/// as the model does, and panics where it goes another way. `DEALFLOW_MODEL_SEED` repeats the lives of a run.
///
/// # Panics
///
/// With the shortest life found that goes another way, and the seed.
pub async fn lives<M: ReferenceStateMachine>(
    cases: usize,
    length: impl Into<SizeRange>,
    mut live: impl AsyncFnMut(M::State, Verbs<M::Transition>),
) {
    let seed = match std::env::var("DEALFLOW_MODEL_SEED") {
        Ok(seed) => seed.parse().expect("DEALFLOW_MODEL_SEED is a number"),
        Err(_) => uuid::Uuid::now_v7().as_u64_pair().1,
    };
    println!("DEALFLOW_MODEL_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&u64::to_le_bytes(seed));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let lives = M::sequential_strategy(length);
    for case in 0..cases {
        let mut life = lives.new_tree(&mut runner).expect("a life");
        let mut shortest = None;
        let mut goes_on = true;
        for _ in 0..SHRINKING {
            let (begins, verbs, seen) = life.current();
            let told = format!("{begins:?}, then {verbs:#?}");
            let lived = AssertUnwindSafe(live(begins, counted(verbs, seen))).catch_unwind().await;
            goes_on = match lived {
                Ok(()) if shortest.is_none() => false,
                Ok(()) => life.complicate(),
                Err(panic) => {
                    shortest = Some((told, crate::fuzz::text(&*panic)));
                    life.simplify()
                }
            };
            if !goes_on {
                break;
            }
        }
        if let Some((told, why)) = shortest {
            let not_all = if goes_on { " (it may get shorter)" } else { "" };
            panic!("case {case} with DEALFLOW_MODEL_SEED={seed}: {why}\nin a life that begins as {told}{not_all}");
        }
    }
}

/// Tells the strategy how far a life came, so that what was never asked is the first to be left out.
fn counted<T: 'static>(verbs: Vec<T>, seen: Option<Arc<AtomicUsize>>) -> Verbs<T> {
    let count = move |_: &T| {
        if let Some(seen) = &seen {
            seen.fetch_add(1, Ordering::SeqCst);
        }
    };
    Box::new(verbs.into_iter().inspect(count))
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{BoxedStrategy, Just};

    use super::*;

    /// A counter that the rules let go up by one to three.
    struct Counter;

    impl ReferenceStateMachine for Counter {
        type State = u32;
        type Transition = u32;

        fn init_state() -> BoxedStrategy<u32> {
            Just(0).boxed()
        }

        fn transitions(_: &u32) -> BoxedStrategy<u32> {
            (1..=3_u32).boxed()
        }

        fn apply(state: u32, by: &u32) -> u32 {
            state + by
        }
    }

    #[tokio::test]
    async fn a_life_that_goes_another_way_is_told_as_short_as_it_gets() {
        let wrong = async |stands: u32, verbs: Verbs<u32>| {
            verbs.fold(stands, |stands, by| {
                assert!(by != 3, "three is one too many at {stands}");
                stands + by
            });
        };
        let told = AssertUnwindSafe(lives::<Counter>(20, 30..40, wrong)).catch_unwind().await;
        let told = crate::fuzz::text(&*told.expect_err("it is found"));
        assert!(told.contains("three is one too many"), "{told}");
        assert!(told.contains("begins as 0, then [\n    3,\n]"), "{told}");
    }
}
