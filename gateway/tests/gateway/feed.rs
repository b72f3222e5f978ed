//! What happens in a service directly moves the process just the same (R-FLW-2).

use dealflow_proto::activities::v1::{Activity, activity};
use dealflow_proto::feed::v1::Event;
use dealflow_proto::gateway::v1::flow;
use dealflow_proto::opportunities::v1::{GetOpportunityRequest, Opportunity, RecordActivityResultRequest, StageEntry};
use dealflow_testbed::{TestDb, both, eventually, id};
use prost::Message;
use prost_types::Any;

use crate::house::{ACTIVITY, ENTRY, House, OPPORTUNITY, SOON, guard, neighbour, opened};
use crate::neighbour::Neighbour;

/// Somebody completed the activity without the gateway.
fn completed() -> Event {
    let done = Activity {
        name: ACTIVITY.to_owned(),
        regarding: OPPORTUNITY.to_owned(),
        origin: activity::Origin::Process.into(),
        stage_entry: ENTRY.to_owned(),
        planned_key: "contact_client#1".to_owned(),
        result: "done".to_owned(),
        ..Activity::default()
    };
    Event {
        event_id: id(),
        request_id: id(),
        r#type: "activity.completed".to_owned(),
        subject: ACTIVITY.to_owned(),
        actor: "employees/1".to_owned(),
        data: Some(Any { value: done.encode_to_vec(), ..Any::default() }),
        ..Event::default()
    }
}

/// Neighbours whose opportunity enters its next stage by the result.
fn moving() -> Neighbour {
    let neighbour = neighbour();
    let next = || opened(Opportunity::default());
    let next = move || Opportunity {
        stage: "stages/presentation".to_owned(),
        stage_entry: Some(StageEntry {
            name: "stageEntries/0197a000-0000-7000-8000-000000000009".to_owned(),
            number: 2,
            ..StageEntry::default()
        }),
        ..next()
    };
    neighbour.verb("RecordActivityResult", move |_: RecordActivityResultRequest| Ok(next()));
    neighbour.read("GetOpportunity", move |_: GetOpportunityRequest| Ok(next()));
    neighbour
}

both! {
    /// R-FLW-2, R-STG-4
    async fn an_activity_completed_directly_moves_the_deal(db: TestDb) {
        let neighbour = moving();
        let house = House::open(&db, &neighbour).await;
        let event = completed();
        neighbour.happened(event.clone());
        let flow = house.reaches(&event.event_id, flow::State::Completed).await;
        assert_eq!((flow.verb.as_str(), flow.subject.as_str()), ("FollowEvent", ACTIVITY));
        assert_eq!(flow.actor, "employees/1", "who did it is who moved it");
        assert_eq!(neighbour.effects(), ["RecordActivityResult", "SyncStageActivities"]);
    }

    /// R-FLW-2, R-API-2: position and flows are kept together.
    async fn a_gateway_that_comes_back_reads_on_and_begins_nothing_twice(db: TestDb) {
        let neighbour = moving();
        let house = House::open(&db, &neighbour).await;
        let before = completed();
        neighbour.happened(before.clone());
        house.reaches(&before.event_id, flow::State::Completed).await;
        house.close().await;
        let meanwhile = completed();
        neighbour.happened(meanwhile.clone());
        let house = House::open(&db, &neighbour).await;
        house.reaches(&meanwhile.event_id, flow::State::Completed).await;
        eventually("the feed is read from where it was left", SOON, || async { neighbour.read_up_to() == 2 }).await;
        let recorded = neighbour.effects().iter().filter(|effect| *effect == "RecordActivityResult").count();
        assert_eq!(recorded, 2, "one for each event");
    }

    /// R-FLW-2: of several changes by one request only what stands in the end matters.
    async fn several_changes_of_one_request_are_followed_once(db: TestDb) {
        let neighbour = moving();
        let request_id = id();
        let changed = |kind: &str| Event {
            event_id: id(),
            request_id: request_id.clone(),
            r#type: kind.to_owned(),
            subject: OPPORTUNITY.to_owned(),
            ..Event::default()
        };
        let last = changed("opportunity.stage_changed");
        neighbour.happened(changed("opportunity.result_recorded"));
        neighbour.happened(last.clone());
        let house = House::open(&db, &neighbour).await;
        house.reaches(&last.event_id, flow::State::Completed).await;
        assert_eq!(neighbour.effects(), ["SyncStageActivities"]);
    }

    /// R-FLW-3: nobody waits for what follows from an event, so a refusal is parked and not lost.
    async fn a_refusal_of_what_follows_from_an_event_is_parked(db: TestDb) {
        let neighbour = moving();
        neighbour.refuse("RecordActivityResult", 1000, &guard("the stage's gate is closed"));
        let house = House::open(&db, &neighbour).await;
        let event = completed();
        neighbour.happened(event.clone());
        let flow = house.reaches(&event.event_id, flow::State::Parked).await;
        assert!(flow.reason.contains("the stage's gate is closed"), "{}", flow.reason);
    }
}
