//! R-FLW-1: a request or a reply lost at the k-th call, for every k of every verb, ends in the same state as none lost.

use dealflow_testbed::{TestDb, both};
use dealflow_tests::faults::Trace;
use dealflow_tests::verbs::{Asked, Verb, assert_same};
use dealflow_tests::{Fault, Sandbox};
use futures::stream::{self, StreamExt};

/// How many deals have their faults side by side.
const AT_ONCE: usize = 4;

both! {
    /// R-FLW-1, R-ERP-1, R-API-1
    async fn a_reply_lost_at_the_k_th_call_for_every_k_of_every_verb_ends_in_the_same_state(db: TestDb) {
        every_call_of_every_verb(&db, Fault::LoseReply).await;
    }

    /// R-FLW-1, R-ERP-1
    async fn a_request_lost_at_the_k_th_call_for_every_k_of_every_verb_ends_in_the_same_state(db: TestDb) {
        every_call_of_every_verb(&db, Fault::LoseRequest).await;
    }
}

/// What is lost, and how the deal must end.
struct Case {
    said: String,
    at: usize,
    want: String,
}

async fn every_call_of_every_verb(db: &TestDb, fault: Fault) {
    let sandbox = Sandbox::start(db).await;
    // One verb with none lost after the other: how many calls it makes, and how its deal stands then.
    let mut undisturbed = Vec::new();
    for verb in Verb::ALL {
        let asked = verb.prepare(&sandbox).await;
        let trace = sandbox.faults.plan(None);
        asked.ask(&sandbox.api, &trace).await.unwrap_or_else(|status| panic!("{verb:?} goes through: {status:?}"));
        undisturbed.push((verb, asked, trace));
    }
    sandbox.rest().await;
    let mut cases = Vec::new();
    for (verb, asked, trace) in undisturbed {
        let calls = sandbox.faults.calls(&trace);
        let want = asked.end_state(&sandbox.api).await;
        println!("{verb:?}: {} calls: {}", calls.len(), calls.join(", "));
        cases.extend((1..=calls.len()).map(|at| (verb, at, want.clone())));
    }
    // The ERP's calls are the last ones of a verb: by their place, so that they do not all fail in a row.
    cases.sort_by_key(|(verb, at, _)| (*at, *verb as usize));

    let shared = &sandbox;
    let disturbed: Vec<(Case, Asked, Trace)> = stream::iter(cases)
        .map(|(verb, at, want)| async move {
            let asked = verb.prepare(shared).await;
            let trace = shared.faults.plan(Some((at, fault)));
            let case = format!("{verb:?} with {fault:?} at call {at}");
            let answer = asked.ask(&shared.api, &trace).await;
            answer.unwrap_or_else(|status| panic!("{case}: {status:?}; {:?}", shared.faults.calls(&trace)));
            (Case { said: case, at, want }, asked, trace)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    sandbox.rest().await;
    for (case, asked, trace) in &disturbed {
        let calls = sandbox.faults.calls(trace);
        assert!(calls.len() >= case.at, "{}: the planned call came, of {calls:?}", case.said);
        assert_same(&case.want, &asked.end_state(&sandbox.api).await, &case.said);
    }
    println!("{fault:?}: {} cases (verb, k)", disturbed.len());
    sandbox.finish().await;
}
