//! The activities of a process follow the stage of their opportunity (R-STG-3).

use chrono::TimeDelta;
use dealflow_proto::activities::v1::activity::{CancelReason, Origin, State};
use dealflow_proto::activities::v1::*;
use dealflow_proto::convert::timestamp;
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::Code;

use crate::desk::{Desk, entry, opportunity, planned, result, task};

fn subjects(activities: &[Activity]) -> Vec<&str> {
    activities.iter().map(|activity| activity.subject.as_str()).collect()
}

both! {
    /// R-STG-3: entering a stage creates what it plans, as planned; the activities belong to the entry.
    async fn entering_creates_what_the_stage_plans(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let deal = opportunity();
        let due = Some(timestamp(desk.clock.now() + TimeDelta::days(3)));
        let call = Activity { allowed_results: vec![result("reached")], due_time: due, ..planned("call", true) };
        let ask = entry(&deal, 1, vec![call, planned("write", false)]);
        let answer = desk.sync(ask.clone()).await.expect("synced");
        assert_eq!((subjects(&answer.open), answer.canceled.len()), (vec!["call", "write"], 0));
        let call = &answer.open[0];
        assert_eq!((call.origin(), call.state(), call.required), (Origin::Process, State::NotStarted, true));
        assert_eq!((call.regarding.as_str(), call.stage_entry.as_str()), (deal.as_str(), ask.stage_entry.as_str()));
        assert_eq!((call.planned_key.as_str(), call.due_time), ("call", due));
        assert_eq!(call.allowed_results, [result("reached")]);
        assert_eq!(desk.activity(&call.name).await, *call);
        let told: Vec<_> = desk.thread(&deal).await.into_iter().map(|event| (event.r#type, event.verb)).collect();
        assert_eq!(told, vec![("activity.created".to_owned(), "SyncStageActivities".to_owned()); 2]);
    }

    /// R-STG-3: syncing again adds nothing, not even what was completed meanwhile; what is planned anew is added.
    async fn syncing_again_adds_only_what_is_missing(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let mut ask = entry(&opportunity(), 1, vec![planned("call", true), planned("write", true)]);
        let first = desk.sync(ask.clone()).await.expect("synced");
        assert_eq!(desk.sync(ask.clone()).await.expect("again"), first, "nothing changed");
        desk.complete(&first.open[0].name, "").await.expect("completed");
        ask.planned.push(planned("visit", false));
        let second = desk.sync(ask).await.expect("synced");
        assert_eq!((subjects(&second.open), second.canceled.len()), (vec!["write", "visit"], 0));
        assert_eq!(second.open[0], first.open[1]);
    }

    /// R-STG-3: leaving a stage cancels what its process left open; what is done stays done, what people made stays
    /// open. Entering again creates the activities anew.
    async fn leaving_cancels_what_the_process_left_open(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let deal = opportunity();
        let plan = vec![planned("call", true), planned("write", true), planned("visit", true)];
        let old = desk.sync(entry(&deal, 1, plan.clone())).await.expect("entered").open;
        let manual = desk.make(Activity { regarding: deal.clone(), ..task("manual") }).await.expect("made");
        let done = desk.complete(&old[0].name, "").await.expect("completed");
        desk.start(&old[1].name).await.expect("begun");
        desk.clock.advance(TimeDelta::hours(1));

        let answer = desk.sync(entry(&deal, 2, plan)).await.expect("entered again");
        assert_eq!(subjects(&answer.canceled), ["write", "visit"]);
        for canceled in &answer.canceled {
            assert_eq!((canceled.state(), canceled.cancel_reason()), (State::Canceled, CancelReason::StageLeft));
            assert_eq!(canceled.end_time, Some(timestamp(desk.clock.now())));
            assert_eq!(desk.activity(&canceled.name).await, *canceled, "the answer is what is stored");
        }
        assert_eq!(subjects(&answer.open), ["call", "write", "visit"]);
        assert!(answer.open.iter().all(|new| old.iter().all(|old| old.name != new.name)), "they are new records");
        assert_eq!(desk.activity(&done.name).await, done);
        assert_eq!(desk.activity(&manual.name).await, manual);
        let left: Vec<_> = desk.thread(&deal).await.into_iter().filter(|e| e.r#type == "activity.canceled").collect();
        let told: Vec<_> =
            left.iter().map(|e| (e.from_state.as_str(), e.to_state.as_str(), e.reason.as_str())).collect();
        assert_eq!(told, [("IN_PROGRESS", "CANCELED", "STAGE_LEFT"), ("NOT_STARTED", "CANCELED", "STAGE_LEFT")]);
        assert_eq!(left[0].time_in_state.map(|spent| spent.seconds), Some(3600));
    }

    /// states.md, Win: a closed opportunity keeps no open process activity, of no entry; and a late call of its last
    /// entry opens none.
    async fn closing_leaves_no_process_activity_open(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let deal = opportunity();
        let ask = entry(&deal, 3, vec![planned("call", true)]);
        desk.sync(ask.clone()).await.expect("entered");
        let manual = desk.make(Activity { regarding: deal.clone(), ..task("manual") }).await.expect("made");
        let closing = SyncStageActivitiesRequest {
            closed: true,
            cancel_reason: CancelReason::OpportunityClosed.into(),
            planned: vec![planned("call", true), planned("never", true)],
            ..ask.clone()
        };
        let answer = desk.sync(closing.clone()).await.expect("closed");
        assert_eq!((answer.open.len(), subjects(&answer.canceled)), (0, vec!["call"]));
        assert_eq!(answer.canceled[0].cancel_reason(), CancelReason::OpportunityClosed);
        let late = SyncStageActivitiesRequest { planned: vec![planned("late", true)], ..ask };
        for ask in [late, closing] {
            let nothing = desk.sync(ask).await.expect("answered");
            assert_eq!(nothing, SyncStageActivitiesResponse::default());
        }
        let open = format!("regarding = \"{deal}\" AND state = \"NOT_STARTED\"");
        assert_eq!(desk.found(&open).await, ["manual"]);
        assert_eq!(desk.activity(&manual.name).await, manual);
    }

    /// R-STG-3: an entry that comes after a later one changes nothing; other opportunities are not touched.
    async fn a_late_entry_changes_nothing(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let (deal, other) = (opportunity(), opportunity());
        let theirs = desk.sync(entry(&other, 1, vec![planned("theirs", true)])).await.expect("entered").open;
        let second = desk.sync(entry(&deal, 2, vec![planned("second", true)])).await.expect("entered").open;
        let late = desk.sync(entry(&deal, 1, vec![planned("first", true)])).await.expect("answered");
        assert_eq!(late, SyncStageActivitiesResponse::default());
        assert_eq!(desk.found(&format!("regarding = \"{deal}\"")).await, ["second"]);
        assert_eq!(desk.activity(&second[0].name).await, second[0]);
        assert_eq!(desk.activity(&theirs[0].name).await, theirs[0]);
    }

    /// R-STG-3: however syncs of several entries run into each other, the last entry's activities are open, each once,
    /// and no others.
    async fn concurrent_syncs_end_at_the_last_entry(db: TestDb) {
        let desk = Desk::open(&db).await;
        let deal = opportunity();
        let plan = || vec![planned("a", true), planned("b", false), planned("c", true)];
        let entries: Vec<_> = (1..=8).map(|number| entry(&deal, number, plan())).collect();
        let asked = (0..4).flat_map(|_| entries.clone()).map(|ask| {
            let mut desk = desk.clone();
            tokio::spawn(async move { desk.sync(ask).await })
        });
        for answer in asked.collect::<Vec<_>>() {
            answer.await.expect("the call ends").expect("a sync is never refused");
        }
        let mut desk = desk;
        let ask = ListActivitiesRequest {
            filter: format!("regarding = \"{deal}\" AND state = \"NOT_STARTED\""),
            ..Default::default()
        };
        let open = desk.activities.list_activities(ask).await.expect("listed").into_inner().activities;
        assert_eq!(subjects(&open), ["a", "b", "c"]);
        assert!(open.iter().all(|activity| activity.stage_entry == entries[7].stage_entry));
        let events = desk.thread(&deal).await;
        let count = |kind: &str| events.iter().filter(|event| event.r#type == kind).count();
        assert_eq!(count("activity.created"), count("activity.canceled") + 3, "each was created once and ended once");
    }

    /// A plan names each activity by a key of its own; what is wrong is told at once.
    async fn a_plan_needs_its_keys(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let plan = vec![planned("a", true), planned("a", true), Activity { planned_key: String::new(), ..task("b") }];
        let no = refusal(&desk.sync(entry(&opportunity(), 1, plan)).await.expect_err("keys"));
        assert_eq!(no.code, Code::InvalidArgument);
        assert_eq!(no.field_names(), ["planned[1].planned_key", "planned[2].planned_key"]);
        let ask = SyncStageActivitiesRequest { entry_number: 0, request_id: id(), ..Default::default() };
        let no = refusal(&desk.activities.sync_stage_activities(ask).await.expect_err("empty"));
        assert_eq!(no.field_names(), ["opportunity", "stage_entry", "entry_number", "cancel_reason"]);
    }

    /// R-STG-5, states.md "Activity": what is planned for later stands DEFERRED, and comes back by itself when its time
    /// has come; what is planned for a time that is over stands open.
    async fn what_a_stage_plans_for_later_stands_deferred_until_then(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let until = |hours: i64| Some(timestamp(desk.clock.now() + TimeDelta::hours(hours)));
        let later = Activity { resume_time: until(48), ..planned("later", true) };
        let over = Activity { resume_time: until(-1), ..planned("over", true) };
        let ask = entry(&opportunity(), 1, vec![later, over]);
        let open = desk.sync(ask.clone()).await.expect("synced").open;
        assert_eq!((open[0].state(), open[0].resume_time), (State::Deferred, ask.planned[0].resume_time));
        assert_eq!((open[1].state(), open[1].resume_time), (State::NotStarted, None));
        assert!(desk.run_schedule().await.reopened.is_empty());
        desk.clock.advance(TimeDelta::hours(48));
        let back = desk.run_schedule().await.reopened;
        assert_eq!((subjects(&back), back[0].state()), (vec!["later"], State::NotStarted));
        let done = desk.complete(&back[0].name, "").await.expect("completed");
        assert_eq!(done.state(), State::Completed);
    }

    /// R-ACT-1: a stage says by its name of which category its activities are; their results stay the stage's own. What
    /// is not there, or archived, holds nothing up.
    async fn a_stage_names_the_categories_of_its_activities(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let category = |name: &str, archived| Category {
            display_name: name.to_owned(),
            allowed_results: vec![result("reached")],
            archived,
            ..Category::default()
        };
        let mut made = Vec::new();
        for category in [category("Customer call", false), category("Fax", true)] {
            let archived = category.archived;
            let ask = CreateCategoryRequest { category: Some(category), request_id: id(), ..Default::default() };
            let category = desk.categories.create_category(ask).await.expect("made").into_inner();
            if archived {
                let ask = UpdateCategoryRequest {
                    category: Some(Category { archived, ..category.clone() }),
                    request_id: id(),
                    ..Default::default()
                };
                assert!(desk.categories.update_category(ask).await.expect("archived").into_inner().archived);
            }
            made.push(category.name);
        }
        let call = Activity { allowed_results: vec![result("reached")], ..planned("call", true) };
        let mut ask = entry(&opportunity(), 1, vec![call, planned("fax", true), planned("write", true), planned("visit", true)]);
        let of = |key: &str, name: &str| PlannedCategory { planned_key: key.to_owned(), display_name: name.to_owned() };
        ask.categories = vec![of("call", "Customer call"), of("fax", "Fax"), of("write", "Nobody made it")];
        let open = desk.sync(ask).await.expect("synced").open;
        let categories: Vec<&str> = open.iter().map(|it| it.category.as_str()).collect();
        assert_eq!(categories, [made[0].as_str(), "", "", ""]);
        assert_eq!(open[0].allowed_results, [result("reached")]);
        let found = desk.found(&format!("category = \"{}\"", made[0])).await;
        assert_eq!(found, ["call"]);
    }

    /// R-ACT-2, R-ACT-4: what was planned before there was somebody to do it is his as soon as there is, and he is told once;
    /// what is somebody's stays so, whoever is planned later.
    async fn what_was_nobodys_becomes_somebodys(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let [anna, bert] = [desk.hire("Anna", "").await, desk.hire("Bert", "").await].map(|it| it.expect("hired").name);
        let deal = opportunity();
        let stage_entry = entry(&deal, 1, Vec::new()).stage_entry;
        let plan = |performer: &str| {
            let for_him = |subject| Activity { performer: performer.to_owned(), ..planned(subject, true) };
            SyncStageActivitiesRequest { stage_entry: stage_entry.clone(), ..entry(&deal, 1, vec![for_him("call"), for_him("write")]) }
        };
        let nobodys = desk.sync(plan("")).await.expect("synced").open;
        assert!(nobodys.iter().all(|it| it.performer.is_empty()));
        desk.complete(&nobodys[1].name, "done").await.expect("anybody may");

        let open = desk.sync(plan(&anna)).await.expect("synced").open;
        let told: Vec<_> = open.iter().map(|it| (it.subject.as_str(), it.performer.as_str(), it.etag.as_str())).collect();
        assert_eq!(told, [("call", anna.as_str(), "2")]);
        assert_eq!(desk.activity(&nobodys[0].name).await, open[0]);
        assert!(desk.activity(&nobodys[1].name).await.performer.is_empty(), "it was done before");
        let ask = ListMyTasksRequest { performer: anna.clone(), ..Default::default() };
        let tasks = desk.tasks.list_my_tasks(ask).await.expect("listed").into_inner();
        assert_eq!(tasks.activities.iter().map(|it| it.subject.as_str()).collect::<Vec<_>>(), ["call"]);

        desk.sync(plan(&bert)).await.expect("synced");
        assert_eq!(desk.activity(&nobodys[0].name).await, open[0], "it is Anna's");
        assert_eq!(desk.told(&anna).await, [(notification::Kind::ActivityAssigned, "call".to_owned())]);
        assert_eq!(desk.told(&bert).await, []);
        let events = desk.thread(&deal).await;
        assert_eq!(events.iter().filter(|it| it.r#type == "activity.reassigned").count(), 1);
    }
}
