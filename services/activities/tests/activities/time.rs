//! What is begun, put off, given away and noted (R-ACT-1).

use chrono::TimeDelta;
use dealflow_proto::activities::v1::activity::{Origin, State};
use dealflow_proto::activities::v1::*;
use dealflow_proto::convert::timestamp;
use dealflow_testbed::{TestDb, both, id, refusal};
use prost_types::FieldMask;
use tonic::Code;

use crate::desk::{Desk, by, entry, opportunity, planned, result, task};

both! {
    /// R-ACT-1: the performer says when the work began, and that begins it; nobody begins in the future, and nobody but
    /// the performer or a manager above begins it.
    async fn the_performer_says_when_the_work_began(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let bert = desk.hire("Bert", "").await.expect("hired").name;
        let made = desk.make(Activity { performer: anna.clone(), ..task("Call") }).await.expect("made");
        desk.clock.advance(TimeDelta::hours(2));
        let began = |hours: i64| StartActivityRequest {
            name: made.name.clone(),
            start_time: Some(timestamp(desk.clock.now() + TimeDelta::hours(hours))),
            request_id: id(),
            ..Default::default()
        };
        let (future, past) = (began(1), began(-1));
        let no = refusal(&desk.activities.start_activity(by(&anna, future)).await.expect_err("it is not then yet"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["start_time"]));
        let no = refusal(&desk.activities.start_activity(by(&bert, past.clone())).await.expect_err("it is Anna's"));
        assert_eq!((no.reason.as_str(), no.metadata["verb"].as_str()), ("PERMISSION_DENIED", "StartActivity"));
        let begun = desk.activities.start_activity(by(&anna, past.clone())).await.expect("begun").into_inner();
        assert_eq!((begun.state(), begun.start_time), (State::InProgress, past.start_time));
    }

    /// R-ACT-1: what is put off or waits comes back by itself when its time has come: to where it was, and not before.
    async fn what_was_put_off_comes_back_by_itself(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let fresh = desk.make(task("fresh")).await.expect("made").name;
        let begun = desk.make(task("begun")).await.expect("made").name;
        let other = desk.make(task("later")).await.expect("made").name;
        desk.start(&begun).await.expect("begun");
        let deferred = desk.defer(&fresh, 24).await.expect("put off");
        assert_eq!(deferred.state(), State::Deferred);
        assert_eq!(deferred.resume_time, Some(timestamp(desk.clock.now() + TimeDelta::hours(24))));
        assert_eq!(desk.wait_for(&begun, 24).await.expect("waits").state(), State::Waiting);
        desk.defer(&other, 72).await.expect("put off");
        let no = refusal(&desk.defer(&fresh, 0).await.expect_err("that is now"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["until_time"]));

        desk.clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
        assert_eq!(desk.run_schedule().await, RunScheduleResponse::default());
        desk.clock.advance(TimeDelta::seconds(1));
        let back = desk.run_schedule().await.reopened;
        assert_eq!(back.len(), 2);
        for (name, state) in [(&fresh, State::NotStarted), (&begun, State::InProgress), (&other, State::Deferred)] {
            let stands = desk.activity(name).await;
            assert_eq!(stands.state(), state, "{}", stands.subject);
            assert!(state == State::Deferred || back.contains(&stands), "the answer is what is stored");
        }
        assert_eq!(desk.run_schedule().await, RunScheduleResponse::default(), "once is enough");
        let told = desk.thread(&fresh).await.pop().expect("told");
        assert_eq!((told.r#type.as_str(), told.from_state.as_str()), ("activity.reopened", "DEFERRED"));
        assert_eq!(told.time_in_state.map(|spent| spent.seconds), Some(24 * 3600));
    }

    /// R-ACT-1: what somebody gives away is somebody else's: the history keeps who had it, both are told; others than
    /// performer, author and managers give nothing away, and nobody gets work who is gone.
    async fn what_is_given_away_is_somebody_elses(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let boss = desk.hire("Boss", "").await.expect("hired").name;
        let anna = desk.hire("Anna", &boss).await.expect("hired").name;
        let bert = desk.hire("Bert", "").await.expect("hired").name;
        let made = desk.make(Activity { performer: anna.clone(), ..task("Call") }).await.expect("made");
        let no = refusal(&desk.reassign_as(&bert, &made.name, &bert).await.expect_err("it is Anna's"));
        assert_eq!(no.reason, "PERMISSION_DENIED");
        let no = refusal(&desk.reassign_as(&boss, &made.name, &anna).await.expect_err("she has it"));
        assert_eq!(no.field_names(), ["performer"]);
        let given = desk.reassign_as(&boss, &made.name, &bert).await.expect("given");
        assert_eq!((given.performer.as_str(), given.state()), (bert.as_str(), State::NotStarted));
        let events = desk.thread(&made.name).await;
        let told: Vec<_> = events.iter().map(|event| (event.r#type.as_str(), event.actor.as_str())).collect();
        assert_eq!(told, [("activity.created", "anonymous"), ("activity.reassigned", boss.as_str())]);
        let kind = |told: Vec<(notification::Kind, String)>| told.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(kind(desk.told(&bert).await), [notification::Kind::ActivityAssigned]);
        let of_anna = [notification::Kind::ActivityAssigned, notification::Kind::ActivityTaken];
        assert_eq!(kind(desk.told(&anna).await), of_anna);

        let gone = Employee { name: anna.clone(), active: Some(false), ..Default::default() };
        desk.change(gone).await.expect("gone");
        let no = refusal(&desk.reassign_as(&bert, &made.name, &anna).await.expect_err("she is gone"));
        assert_eq!((no.code, no.reason.as_str()), (Code::FailedPrecondition, "GUARD"));
        let no = refusal(&desk.make(Activity { performer: anna, ..task("Call") }).await.expect_err("she is gone"));
        assert_eq!(no.reason, "GUARD");
    }

    /// R-ACT-1: an open activity takes what is known better: the mask says what, what was noted stays at its end.
    async fn an_open_activity_takes_what_is_known_better(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let made = desk.make(task("Call")).await.expect("made");
        let due = Some(timestamp(desk.clock.now() + TimeDelta::days(3)));
        let news = Activity {
            name: made.name.clone(),
            instructions: "ask for the drawings".to_owned(),
            due_time: due,
            result_text: "no answer so far".to_owned(),
            actual_minutes: 12,
            importance: activity::Importance::High.into(),
            ..Default::default()
        };
        let noted = desk.update(news).await.expect("noted");
        assert_eq!((noted.subject.as_str(), noted.instructions.as_str()), ("Call", "ask for the drawings"));
        assert_eq!((noted.due_time, noted.actual_minutes), (due, 12));
        assert_eq!(noted.importance(), activity::Importance::High);

        let cleared = UpdateActivityRequest {
            activity: Some(Activity { name: made.name.clone(), ..Default::default() }),
            update_mask: Some(FieldMask { paths: vec!["instructions".to_owned()] }),
            request_id: id(),
            ..Default::default()
        };
        let cleared = desk.activities.update_activity(cleared).await.expect("cleared").into_inner();
        assert_eq!((cleared.instructions.as_str(), cleared.due_time), ("", due));
        let unknown = UpdateActivityRequest {
            activity: Some(Activity { name: made.name.clone(), ..Default::default() }),
            update_mask: Some(FieldMask { paths: vec!["state".to_owned(), "performer".to_owned()] }),
            request_id: id(),
            ..Default::default()
        };
        let no = refusal(&desk.activities.update_activity(unknown).await.expect_err("verbs do that"));
        assert_eq!(no.field_names(), ["update_mask", "update_mask"]);

        let done = desk.complete(&made.name, "").await.expect("completed");
        assert_eq!((done.result_text.as_str(), done.actual_minutes), ("no answer so far", 12), "what was noted stays");
        let no = refusal(&desk.update(Activity { name: made.name, ..task("Late") }).await.expect_err("final"));
        assert_eq!(no.reason, "TERMINAL");
    }

    /// R-STG-3: what a stage planned keeps its results and its opportunity; the rest may be known better.
    async fn what_a_stage_planned_keeps_its_results(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let open = desk.sync(entry(&opportunity(), 1, vec![planned("call", true)])).await.expect("entered").open;
        let name = open[0].name.clone();
        let other = Activity { name: name.clone(), allowed_results: vec![result("x")], ..Default::default() };
        let elsewhere = Activity { name: name.clone(), regarding: opportunity(), ..Default::default() };
        for news in [other, elsewhere] {
            let no = refusal(&desk.update(news).await.expect_err("it is the process's"));
            assert_eq!((no.code, no.reason.as_str()), (Code::FailedPrecondition, "GUARD"));
        }
        let renamed = desk.update(Activity { name, ..task("call Erika") }).await.expect("renamed");
        assert_eq!((renamed.subject.as_str(), renamed.origin()), ("call Erika", Origin::Process));
    }

    /// R-STG-3: leaving a stage cancels what waits and what was put off too, and it does not come back.
    async fn leaving_a_stage_cancels_what_rests(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let deal = opportunity();
        let open = desk.sync(entry(&deal, 1, vec![planned("a", true), planned("b", true)])).await.expect("entered").open;
        desk.defer(&open[0].name, 24).await.expect("put off");
        desk.wait_for(&open[1].name, 24).await.expect("waits");
        let left = desk.sync(entry(&deal, 2, vec![])).await.expect("left").canceled;
        assert!(left.iter().all(|it| it.state() == State::Canceled && it.resume_time.is_none()));
        assert_eq!(left.len(), 2);
        desk.clock.advance(TimeDelta::days(2));
        assert_eq!(desk.run_schedule().await, RunScheduleResponse::default());
    }
}
