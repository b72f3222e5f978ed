//! How an opportunity moves between stages (R-STG-1 to R-STG-3).

use chrono::TimeDelta;
use dealflow_proto::opportunities::v1::{CreateOpportunityRequest, stage_entry::Cause};
use dealflow_testbed::{TestDb, both, id};
use tonic::Code;

use crate::desk::{CORPORATE_SALE, Desk, OPEN_STAGES, number, open_keys, titled};

both! {
    /// R-STG-2: from any open stage to any other, forward or back, skipping; into the same one, or a final one, not.
    async fn control_free_lets_every_open_stage_follow_every_other(db: TestDb) {
        let desk = Desk::open(&db).await;
        for from in OPEN_STAGES {
            for to in OPEN_STAGES {
                let ask = CreateOpportunityRequest {
                    opportunity: Some(titled("Pumps")),
                    process: CORPORATE_SALE.to_owned(),
                    initial_stage: from.to_owned(),
                    request_id: id(),
                    ..CreateOpportunityRequest::default()
                };
                let opened = desk.create_as(ask).await.expect("it opens in any open stage");
                let moved = desk.move_to(&opened.name, to).await;
                if from == to {
                    let refused = moved.expect_err("it is there already");
                    assert_eq!(refused.code, Code::FailedPrecondition);
                    assert!(refused.message.contains(from), "{}", refused.message);
                    let others = OPEN_STAGES.iter().filter(|stage| **stage != from);
                    assert!(others.clone().all(|stage| refused.metadata["allowed"].contains(stage)));
                } else {
                    let moved = moved.expect("control FREE");
                    assert_eq!((moved.stage.as_str(), number(&moved)), (to, 2));
                    assert_eq!(moved.stage_entry.expect("current").cause(), Cause::Manual);
                }
            }
            for (stage, verb) in [("stages/closed-won", "WinOpportunity"), ("stages/closed-lost", "LoseOpportunity")] {
                let opened = desk.led().await;
                let refused = desk.move_to(&opened.name, stage).await.expect_err("final stages are not moved to");
                assert_eq!(refused.code, Code::FailedPrecondition);
                assert!(refused.message.contains(verb), "{}", refused.message);
                assert_eq!(desk.get(&opened.name).await, opened);
            }
        }
    }

    /// R-STG-3: every entry is a record of its own, and its activities belong to it.
    async fn a_stage_visited_again_is_entered_anew(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        let name = opened.name.clone();
        let way = ["stages/proposal", "stages/qualification", "stages/presentation", "stages/qualification"];
        for stage in way {
            desk.time.advance(TimeDelta::hours(3));
            desk.move_to(&name, stage).await.expect("control FREE");
        }
        let entries = desk.entries(&name).await;
        let stages: Vec<&str> = entries.iter().map(|entry| entry.stage.as_str()).collect();
        assert_eq!(stages[0], "stages/qualification");
        assert_eq!(stages[1..], way);
        let numbers: Vec<i32> = entries.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        let names: std::collections::HashSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names.len(), 5, "each entry has an id of its own");
        for (entry, next) in entries.iter().zip(&entries[1..]) {
            assert_eq!(entry.leave_time, next.enter_time, "left when the next is entered");
            let stayed = entry.leave_time.expect("left").seconds - entry.enter_time.expect("entered").seconds;
            assert_eq!(stayed, 3 * 3600);
        }
        assert!(entries[4].leave_time.is_none(), "the current one");
        let keys = |at: usize| -> Vec<&str> {
            entries[at].planned_activities.iter().map(|activity| activity.key.as_str()).collect()
        };
        assert_eq!(keys(0), ["contact_client#1", "prepare_presentation#1"]);
        assert_eq!(keys(2), keys(0), "planned anew");
        assert!(entries[2].planned_activities.iter().all(|activity| activity.result.is_empty()));

        let changes: Vec<_> =
            desk.events(&name).await.into_iter().filter(|it| it.r#type == "opportunity.stage_changed").collect();
        let ways: Vec<(&str, &str)> = changes.iter().map(|it| (it.from_state.as_str(), it.to_state.as_str())).collect();
        assert_eq!(ways[0], ("qualification", "proposal"));
        assert_eq!(ways.len(), 4);
        assert!(changes.iter().all(|it| it.time_in_state.expect("time in stage").seconds == 3 * 3600));
    }

    /// R-STG-3: what was completed in an entry stays with that entry.
    async fn leaving_a_stage_leaves_its_activities_behind(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        desk.record(&opened, "contact_client#1", "done").await.expect("taken");
        desk.move_to(&opened.name, "stages/proposal").await.expect("moved");
        let back = desk.move_to(&opened.name, "stages/qualification").await.expect("moved back");
        assert_eq!(open_keys(&back), ["contact_client#1", "prepare_presentation#1"]);
        let first = &desk.entries(&opened.name).await[0];
        let results: Vec<&str> = first.planned_activities.iter().map(|activity| activity.result.as_str()).collect();
        assert_eq!(results, ["done", ""]);
    }

    /// R-STG-1, R-STG-2: a stage that nobody knows is not there.
    async fn an_unknown_stage_is_not_entered(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.led().await;
        let refused = desk.move_to(&opened.name, "stages/nirvana").await.expect_err("no such stage");
        assert_eq!((refused.code, refused.resource.as_deref()), (Code::NotFound, Some("stages/nirvana")));
        let refused = desk.move_to("opportunities/0199e3a0-0000-7000-8000-000000000000", OPEN_STAGES[0]).await;
        assert_eq!(refused.expect_err("no such opportunity").code, Code::NotFound);
    }

    /// R-STG-1: without a process an opportunity still has a stage, and moves; nothing is planned.
    async fn an_opportunity_without_a_process_moves_too(db: TestDb) {
        let desk = Desk::open(&db).await;
        let opened = desk.create(titled("Pumps"), "").await.expect("opened");
        assert_eq!((opened.stage.as_str(), number(&opened)), ("stages/qualification", 1));
        assert_eq!(opened.process_run, None);
        let moved = desk.move_to(&opened.name, "stages/contracting").await.expect("moved");
        assert!(open_keys(&moved).is_empty());
        assert_eq!(moved.probability, Some(80));
    }
}
