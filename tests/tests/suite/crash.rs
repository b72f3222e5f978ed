//! R-FLW-1: the suite dies at the k-th call of a verb, starts again on the same databases, and the verb ends as if
//! nothing had happened.

use std::fmt;
use std::time::Duration;

use dealflow::api::all_pages;
use dealflow_proto::gateway::v1::{ListFlowsRequest, flow};
use dealflow_testbed::{TestDb, both, eventually};
use dealflow_tests::verbs::{Asked, Verb, assert_same};
use dealflow_tests::{Fault, Sandbox};
use futures::future::join_all;

/// A lease lasts 5 s, and leases are looked through every second.
const DRIVEN_ON: Duration = Duration::from_secs(10);
/// How long all verbs at once may take to come to the call that they die at.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many deals die at the same time: a worker has eight deliveries on their way, and the ERP's calls are few.
const TOGETHER: usize = 24;

both! {
    /// R-FLW-1, R-ERP-1
    async fn a_flow_whose_suite_dies_at_any_call_of_any_verb_is_driven_to_its_end_by_the_next(db: TestDb) {
        let mut sandbox = Sandbox::start(&db).await;
        let cases = every_call_of_every_verb(&sandbox).await;
        let deaths = cases.len().div_ceil(TOGETHER);
        let mut ended = Vec::new();
        for death in 0..deaths {
            // Each has some of all verbs and places.
            let dying: Vec<Case> = cases.iter().skip(death).step_by(deaths).cloned().collect();
            ended.extend(die(&mut sandbox, dying, ended.len()).await);
        }
        // A worker that died holds its documents for 90 s: all of them are waited for at once.
        sandbox.rest().await;
        for (case, asked) in &ended {
            assert_same(&case.want, &asked.end_state(&sandbox.api).await, &case.to_string());
        }
        println!("{} cases (verb, k, before or after) in {deaths} deaths", ended.len());
        sandbox.finish().await;
    }
}

/// Where a verb is when everything dies, and how its deal must end.
#[derive(Clone)]
struct Case {
    verb: Verb,
    at: usize,
    fault: Fault,
    want: String,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} with {:?} at call {}", self.verb, self.fault, self.at)
    }
}

async fn every_call_of_every_verb(sandbox: &Sandbox) -> Vec<Case> {
    let mut undisturbed = Vec::new();
    for verb in Verb::ALL {
        let asked = verb.prepare(sandbox).await;
        let trace = sandbox.faults.plan(None);
        asked.ask(&sandbox.api, &trace).await.expect("the verb goes through");
        undisturbed.push((verb, asked, trace));
    }
    sandbox.rest().await;
    let mut cases = Vec::new();
    for (verb, asked, trace) in undisturbed {
        let want = asked.end_state(&sandbox.api).await;
        for at in 1..=sandbox.faults.calls(&trace).len() {
            let both = [Fault::StopBefore, Fault::StopAfter];
            cases.extend(both.map(|fault| Case { verb, at, fault, want: want.clone() }));
        }
    }
    cases
}

/// Asks all verbs; when each has come to its call, everything dies, starts again, and every flow ends.
async fn die(sandbox: &mut Sandbox, cases: Vec<Case>, before: usize) -> Vec<(Case, Asked)> {
    let mut asked = Vec::with_capacity(cases.len());
    for case in cases {
        let trace = sandbox.faults.plan(Some((case.at, case.fault)));
        asked.push((case.verb.prepare(sandbox).await, trace, case));
    }
    let shared = &*sandbox;
    let all = join_all(asked.iter().map(|(asked, trace, _)| asked.ask(&shared.api, trace)));
    let stopped = tokio::time::timeout(PATIENCE, shared.faults.stopped(before + asked.len()));
    tokio::select! {
        biased;
        in_time = stopped => assert!(in_time.is_ok(), "every planned call comes"),
        // The ERP is called when its verb has answered already; a verb whose call stopped has no answer.
        answers = all => panic!("no verb stops: {answers:?}"),
    }
    sandbox.kill().await;
    sandbox.restart().await;
    eventually("no flow is under way", DRIVEN_ON, || no_flow_is_under_way(sandbox)).await;
    let mut ended = Vec::with_capacity(asked.len());
    for (asked, trace, case) in asked {
        // A caller who got no answer asks again: of a flow that was stored it gets the answer, else it begins now.
        asked.ask(&sandbox.api, &trace).await.unwrap_or_else(|status| panic!("{case}, asked again: {status:?}"));
        ended.push((case, asked));
    }
    ended
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
