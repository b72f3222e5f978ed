//! One verb, one trace: what the services did for it can be found under the trace that the client sent.

use std::collections::{BTreeMap, BTreeSet};

use dealflow_proto::feed::v1::Event;
use dealflow_testbed::{TestDb, both};
use dealflow_tests::Sandbox;
use dealflow_tests::verbs::Verb;

both! {
    /// R-API-2, R-SEC-1 in its part about the trace
    async fn every_event_that_a_verb_causes_in_any_service_has_its_trace(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        for verb in [Verb::Qualify, Verb::AcceptAndWin, Verb::Fulfill] {
            let asked = verb.prepare(&sandbox).await;
            let trace = sandbox.faults.plan(None);
            let progress = asked.ask(&sandbox.api, &trace).await.expect("the verb goes through");
            let deal = progress.opportunity.expect("the verb tells of its deal").name;
            let timeline = sandbox.view(&deal).await.timeline;
            let caused: Vec<&Event> = timeline.iter().filter(|event| event.flow_id == asked.request_id).collect();
            assert!(!caused.is_empty(), "{verb:?} causes events");
            for event in &caused {
                let of = event.traceparent.split('-').nth(1).unwrap_or_default();
                assert_eq!(of, trace.id(), "{} of {verb:?}", event.r#type);
            }
            let strangers = timeline.iter().filter(|event| event.traceparent.contains(trace.id()));
            assert_eq!(strangers.count(), caused.len(), "{verb:?}: only its own events carry its trace");
            println!("{verb:?}: {:?}", by_collection(&caused));
        }
        sandbox.finish().await;
    }
}

fn by_collection<'a>(events: &[&'a Event]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for event in events {
        all.entry(event.subject.split('/').next().unwrap_or_default()).or_default().insert(&event.r#type);
    }
    all
}
