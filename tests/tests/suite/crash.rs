//! R-FLW-1: the suite dies at the k-th call of a verb, starts again on the same databases, and the verb ends as if
//! nothing had happened.

use std::time::Duration;

use dealflow::api::all_pages;
use dealflow_proto::gateway::v1::{ListFlowsRequest, flow};
use dealflow_testbed::{TestDb, both, eventually};
use dealflow_tests::{Fault, Sandbox};

use crate::verbs::{Asked, Verb, assert_same};

/// A lease lasts 5 s, and leases are looked through every second.
const DRIVEN_ON: Duration = Duration::from_secs(10);

/// The verbs with the most steps, one for each way that a deal takes.
const VERBS: [Verb; 5] =
    [Verb::Qualify, Verb::CompleteAdvancing, Verb::AcceptAndWin, Verb::WinWithoutQuote, Verb::Fulfill];

both! {
    /// R-FLW-1, R-ERP-1
    async fn a_flow_whose_suite_dies_at_any_call_is_driven_to_its_end_by_the_next(db: TestDb) {
        let mut sandbox = Sandbox::start(&db).await;
        let mut undisturbed = Vec::new();
        for verb in VERBS {
            let asked = verb.prepare(&sandbox).await;
            let trace = sandbox.faults.plan(None);
            asked.ask(&sandbox, &trace).await.expect("the verb goes through");
            undisturbed.push((verb, asked, trace));
        }
        sandbox.rest().await;
        let mut ended = Vec::new();
        for (verb, asked, trace) in undisturbed {
            let want = asked.end_state(&sandbox).await;
            for at in 1..=sandbox.faults.calls(&trace).len() {
                for fault in faults(db.kind(), at) {
                    let case = format!("{verb:?} with {fault:?} at call {at}");
                    ended.push((want.clone(), die_at(&mut sandbox, verb, at, *fault, &case).await, case));
                }
            }
        }
        // A worker that died holds its documents for 90 s: all of them are waited for at once.
        sandbox.rest().await;
        for (want, asked, case) in &ended {
            assert_same(want, &asked.end_state(&sandbox).await, case);
        }
        println!("{} cases (verb, k, before or after)", ended.len());
        sandbox.finish().await;
    }
}

/// A lease on PostgreSQL is waited for at each death, some seconds: there every call has one of the two.
fn faults(kind: dealflow_testbed::Kind, at: usize) -> &'static [Fault] {
    match (kind, at % 2) {
        (dealflow_testbed::Kind::Sqlite, _) => &[Fault::KillBefore, Fault::KillAfter],
        (_, 0) => &[Fault::KillBefore],
        (_, _) => &[Fault::KillAfter],
    }
}

/// Asks a verb, dies at the call, starts again, and sees that the flow ends.
async fn die_at(sandbox: &mut Sandbox, verb: Verb, at: usize, fault: Fault, case: &str) -> Asked {
    let asked = verb.prepare(sandbox).await;
    let trace = sandbox.faults.plan(Some((at, fault)));
    // The ERP is called when the verb has answered already, the others before.
    tokio::select! {
        biased;
        () = sandbox.faults.killed() => {}
        () = async {
            let answer = asked.ask(sandbox, &trace).await;
            answer.unwrap_or_else(|status| panic!("{case}: {status:?}"));
            tokio::time::timeout(DRIVEN_ON, sandbox.faults.killed()).await.expect("the planned call comes");
        } => {}
    }
    sandbox.kill().await;
    sandbox.restart().await;
    eventually(format!("{case}: no flow is under way"), DRIVEN_ON, || no_flow_is_under_way(sandbox)).await;
    // A caller who got no answer asks again: of a flow that was stored it gets the answer, else it begins now.
    asked.ask(sandbox, &trace).await.unwrap_or_else(|status| panic!("{case}, asked again: {status:?}"));
    asked
}

async fn no_flow_is_under_way(sandbox: &Sandbox) -> bool {
    let flows = all_pages(async |page_token| {
        let filter = "state = \"RUNNING\"".to_owned();
        let ask = ListFlowsRequest { page_size: 1000, page_token, filter, ..ListFlowsRequest::default() };
        let page = sandbox.api.flows.clone().list_flows(sandbox.api.ask(ask)).await?.into_inner();
        Ok((page.flows, page.next_page_token))
    });
    let flows = flows.await.expect("flows can be listed");
    assert!(flows.iter().all(|flow| flow.state() == flow::State::Running), "the filter holds");
    flows.is_empty()
}
