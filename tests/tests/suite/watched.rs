//! Many who watch a deal: each is told everything, and its parts hardly notice.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use dealflow_proto::gateway::v1::WatchDealRequest;
use dealflow_testbed::{TestDb, both};
use dealflow_tests::Sandbox;

/// As many as one caller may have open.
const WATCHES: usize = 120;
/// Of leads, opportunities, activities and orders: each is asked for its end, and read from there on.
const READ_ONCE: usize = 2 * 4;

both! {
    /// Platform, item 16; R-API-3, R-API-2: however many watch, each feed is read once for all of them; each is told
    /// everything once, and of one record in order.
    async fn many_watch_and_a_feed_is_read_once(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let deal = sandbox.qualified_deal().await;
        let known: HashSet<String> = sandbox.view(&deal).await.timeline.into_iter().map(|event| event.event_id).collect();
        let before = sandbox.faults.subscriptions();
        let mut watches = Vec::new();
        for _ in 0..WATCHES {
            let mut asked = tonic::Request::new(WatchDealRequest { opportunity: deal.clone() });
            asked.set_timeout(Duration::from_secs(120));
            watches.push(sandbox.api.deals.clone().watch_deal(asked).await.expect("the stream opens").into_inner());
        }
        let opened = sandbox.faults.subscriptions() - before;
        assert!(opened <= READ_ONCE, "{WATCHES} watches asked feeds {opened} times");

        sandbox.develop(&deal).await;
        sandbox.propose(&deal).await;
        let timeline = sandbox.view(&deal).await.timeline;
        let new: HashSet<String> = timeline.into_iter().map(|event| event.event_id).filter(|id| !known.contains(id)).collect();
        assert!(new.len() > 3, "{new:?}");
        for changes in &mut watches {
            let (mut told, mut places) = (HashSet::new(), HashMap::new());
            while !new.is_subset(&told) {
                let change = tokio::time::timeout(Duration::from_secs(20), changes.message()).await;
                let change = change.unwrap_or_else(|_| panic!("{told:?} of {new:?}")).expect("the stream goes on");
                let event = change.and_then(|change| change.event).expect("a change is an event");
                let last = places.insert(event.subject, event.position);
                assert!(last.is_none_or(|last| last < event.position), "{} is out of order", event.r#type);
                assert!(told.insert(event.event_id), "{} is told twice", event.r#type);
            }
        }
        sandbox.finish().await;
    }
}
