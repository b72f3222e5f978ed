//! A flow whose instance dies moves again (R-FLW-1: within 10 s of a kill).

use std::time::{Duration, Instant};

use dealflow_proto::gateway::v1::flow;
use dealflow_testbed::{TestDb, both, eventually};
use tokio::runtime::{Builder, Runtime};

use crate::house::{House, SOON, neighbour, qualify};
use crate::neighbour::Neighbour;

/// A gateway in a runtime of its own, which can be killed.
async fn killable(db: &std::sync::Arc<TestDb>, neighbour: &Neighbour) -> (Runtime, House) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts");
    let (db, neighbour) = (db.clone(), neighbour.clone());
    let house = runtime.spawn(async move { House::open(&db, &neighbour).await }).await.expect("the gateway opens");
    (runtime, house)
}

both! {
    /// R-FLW-1
    async fn a_second_instance_drives_on_what_a_killed_one_left(db: TestDb) {
        let db = std::sync::Arc::new(db);
        let neighbour = neighbour();
        let (first, house) = killable(&db, &neighbour).await;
        let open = neighbour.hold("LinkOpportunity");
        let ask = qualify();
        let mut deals = house.deals.clone();
        let lost = tokio::spawn({
            let ask = ask.clone();
            async move { deals.qualify_lead(ask).await }
        });
        eventually("the flow is half-way", SOON, || async { neighbour.has_come("LinkOpportunity") }).await;
        first.shutdown_background();
        lost.await.expect("no panic").expect_err("the caller lost its gateway");
        open.send_replace(true);

        let killed = Instant::now();
        let second = House::open(&db, &neighbour).await;
        second.reaches(&ask.request_id, flow::State::Completed).await;
        assert!(killed.elapsed() < Duration::from_secs(10), "it moved again only after {:?}", killed.elapsed());
        let answer = second.deals.clone().qualify_lead(ask).await.expect("the caller asks the other instance");
        assert!(answer.into_inner().opportunity.is_some());
        let mut effects = neighbour.effects();
        effects.sort();
        effects.dedup();
        assert_eq!(effects.len(), neighbour.effects().len(), "no step had two effects: {:?}", neighbour.effects());
        assert_eq!(effects.len(), 4);
    }

    /// R-API-1: whichever instance the copy of a request reaches.
    async fn a_copy_at_another_instance_waits_for_the_first(db: TestDb) {
        let neighbour = neighbour();
        let first = House::open(&db, &neighbour).await;
        let open = neighbour.hold("CreateOpportunity");
        let ask = qualify();
        let running = tokio::spawn({
            let (mut deals, ask) = (first.deals.clone(), ask.clone());
            async move { deals.qualify_lead(ask).await }
        });
        eventually("the flow is under way", SOON, || async { neighbour.has_come("CreateOpportunity") }).await;
        let second = House::open(&db, &neighbour).await;
        let copy = tokio::spawn({
            let (mut deals, ask) = (second.deals.clone(), ask.clone());
            async move { deals.qualify_lead(ask).await }
        });
        open.send_replace(true);
        let answer = running.await.expect("no panic").expect("the first ends").into_inner();
        let same = copy.await.expect("no panic").expect("the second is answered").into_inner();
        assert_eq!(answer, same);
        assert_eq!(neighbour.effects().len(), 4);
    }
}
