//! R-ERP-1: a long weekend without the ERP, and one document that nobody could take.

use chrono::TimeDelta;
use dealflow_gateway::handoff::record::State;
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{Fault, FaultKind, GetTargetRequest, SetFaultPlanRequest, target};
use dealflow_testbed::{TestDb, both, eventually};

use crate::house::{House, LONG, order};

/// Documents that wait.
const WAITING: usize = 500;

/// Time passes, once all was done that can be done now: while the ERP rests that is one try, else everything due.
async fn pass(house: &House, by: TimeDelta) {
    // All of them at once, after the outage.
    eventually("nothing to do", LONG * 5, || async {
        let ask = GetTargetRequest { name: "targets/erp".to_owned() };
        let target = house.operator().get_target(ask).await.expect("the target is read").into_inner();
        let next = target.next_probe_time.and_then(|at| convert::time_of(&at).ok());
        let tried = target.state() == target::State::Resting && next > Some(house.now());
        let rows = house.all().await;
        let in_flight = rows.iter().any(|row| row.state == State::InFlight);
        let due = rows.iter().any(|row| row.next_attempt_at.is_some_and(|due| due <= house.now()));
        !in_flight && (tried || !due)
    })
    .await;
    house.time.advance(by);
    house.handoffs.wake();
}

both! {
    /// R-ERP-1: 75 hours away, 500 documents waiting: none is given up, all are delivered after; the poison is set aside.
    async fn an_outage_of_75_hours_loses_nothing_and_one_poison_document_is_set_aside(db: TestDb) {
        let house = House::open(db).await;
        let faults = vec![
            Fault {
                kind: FaultKind::Outage.into(),
                lasts: Some(prost_types::Duration { seconds: 75 * 3600, nanos: 0 }),
                ..Fault::default()
            },
            Fault { kind: FaultKind::Poison.into(), external_id_contains: "BAD".to_owned(), ..Fault::default() },
        ];
        house.control().set_fault_plan(SetFaultPlanRequest { faults, seed: 0 }).await.expect("the plan is set");
        let poison = house.hand_over(&order("BAD")).await;
        let began = house.now();
        for number in 0..WAITING {
            house.hand_over(&order(&format!("SO-{number}"))).await;
        }
        while house.now() - began < TimeDelta::hours(75) {
            pass(&house, TimeDelta::minutes(45)).await;
            let given_up = house.all().await.iter().filter(|row| row.state == State::DeadLettered).count();
            assert_eq!(given_up, 0, "after {}", house.now() - began);
        }
        let back = house.now();
        loop {
            let rows = house.all().await;
            let delivered = rows.iter().filter(|row| row.state == State::Delivered).count();
            let set_aside = rows.iter().any(|row| row.state == State::DeadLettered);
            if delivered == WAITING && set_aside {
                break;
            }
            assert!(house.now() - back < TimeDelta::hours(48), "{delivered} delivered, poison set aside: {set_aside}");
            pass(&house, TimeDelta::minutes(10)).await;
        }
        let found = house.get(&poison).await;
        assert_eq!(found.state(), State::DeadLettered.wire());
        assert!(found.last_error.contains("INTERNAL") || found.last_error.contains("chokes"), "{}", found.last_error);
        let most = house.all().await.iter().map(|row| row.attempts).max();
        println!("{WAITING} documents waited 75 hours; at most {most:?} attempts were spent on one");
    }
}
