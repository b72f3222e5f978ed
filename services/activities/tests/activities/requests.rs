//! What holds for every request: its form, its id, its version, its time (R-API-1); and what lists find.

use chrono::TimeDelta;
use dealflow_proto::activities::v1::*;
use dealflow_proto::convert::timestamp;
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::Code;

use crate::desk::{Desk, entry, opportunity, planned, result, task};

const NOWHERE: &str = "activities/0198f7a0-0000-7000-8000-000000000001";

both! {
    /// What is wrong with an activity is told field by field: missing, malformed, absurd, too early, twice.
    async fn wrong_fields_are_named(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let malformed = Activity { performer: "Anna".to_owned(), ..Default::default() };
        let no = refusal(&desk.make(malformed).await.expect_err("malformed"));
        assert_eq!(
            (no.code, no.field_names()),
            (Code::InvalidArgument, vec!["activity.subject", "activity.performer"])
        );
        let past = Some(timestamp(desk.clock.now() - TimeDelta::minutes(1)));
        let cases = [
            (Activity { due_time: past, ..task("Late") }, "activity.due_time"),
            (Activity { regarding: "the Berg deal".to_owned(), ..task("Vague") }, "activity.regarding"),
            (Activity { regarding: "quotes/1".to_owned(), ..task("Vague") }, "activity.regarding"),
            (
                Activity { allowed_results: vec![result("a"), result("a")], ..task("Twice") },
                "activity.allowed_results[1].code",
            ),
        ];
        for (activity, field) in cases {
            let no = refusal(&desk.make(activity).await.expect_err(field));
            assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec![field]));
        }
        let activity = desk.make(task("Call")).await.expect("made");
        for actual_minutes in [-1, 100_001] {
            let ask = CompleteActivityRequest {
                name: activity.name.clone(),
                actual_minutes,
                request_id: id(),
                ..Default::default()
            };
            let no = refusal(&desk.activities.complete_activity(ask).await.expect_err("absurd"));
            assert_eq!(no.field_names(), ["actual_minutes"]);
        }
    }

    /// Who or what is not there is named.
    async fn unknown_records_are_named(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        for answer in [desk.start(NOWHERE).await, desk.complete(NOWHERE, "").await, desk.cancel(NOWHERE).await] {
            let no = refusal(&answer.expect_err("no such activity"));
            assert_eq!((no.code, no.resource.as_deref()), (Code::NotFound, Some(NOWHERE)));
        }
        let performer = "employees/0198f7a0-0000-7000-8000-000000000001".to_owned();
        let no =
            refusal(&desk.make(Activity { performer: performer.clone(), ..task("Call") }).await.expect_err("nobody"));
        assert_eq!((no.code, no.resource), (Code::NotFound, Some(performer)));
    }

    /// R-API-1: a repeated request is answered as the first, also when the record is final by now; the same id with
    /// other content is refused.
    async fn a_repeated_request_is_answered_as_the_first(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let name = desk.make(task("Call")).await.expect("made").name;
        let ask = CompleteActivityRequest { name, request_id: id(), ..Default::default() };
        let first = desk.activities.complete_activity(ask.clone()).await.expect("completed").into_inner();
        let again = desk.activities.complete_activity(ask.clone()).await.expect("answered again").into_inner();
        assert_eq!(first, again);
        let other = CompleteActivityRequest { result_text: "other".to_owned(), ..ask };
        let no = refusal(&desk.activities.complete_activity(other).await.expect_err("other content"));
        assert_eq!((no.code, no.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    }

    /// R-API-1: a write to a version that the caller did not see is refused with the present one.
    async fn a_stale_write_is_refused(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let name = desk.make(task("Call")).await.expect("made").name;
        let begun = desk.start(&name).await.expect("begun");
        let ask = |etag: &str| CompleteActivityRequest {
            name: name.clone(),
            etag: etag.to_owned(),
            request_id: id(),
            ..Default::default()
        };
        let no = refusal(&desk.activities.complete_activity(ask("1")).await.expect_err("stale"));
        assert_eq!((no.code, no.metadata["etag"].as_str()), (Code::Aborted, begun.etag.as_str()));
        desk.activities.complete_activity(ask(&begun.etag)).await.expect("the present version");
    }

    /// states.md: every verb can be asked with validate_only, and then changes nothing.
    async fn validate_only_changes_nothing(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let deal = opportunity();
        let ask = entry(&deal, 1, vec![planned("call", true)]);
        let first = desk.sync(ask.clone()).await.expect("entered").open.remove(0);
        let next = SyncStageActivitiesRequest {
            request_id: id(),
            validate_only: true,
            ..entry(&deal, 2, vec![planned("write", true)])
        };
        let would = desk.activities.sync_stage_activities(next).await.expect("it would do").into_inner();
        assert_eq!((would.open.len(), would.canceled.len()), (1, 1));
        let complete = CompleteActivityRequest {
            name: first.name.clone(),
            request_id: id(),
            validate_only: true,
            ..Default::default()
        };
        let would = desk.activities.complete_activity(complete).await.expect("it would do").into_inner();
        assert_eq!(would.state(), activity::State::Completed);
        assert_eq!(desk.activity(&first.name).await, first);
        assert_eq!(desk.found(&format!("regarding = \"{deal}\"")).await, ["call"]);
        let again = desk.sync(ask).await.expect("synced");
        assert_eq!(again.open, [first], "entry 2 was not seen");
    }

    /// A change takes effect when the caller says, but not in the future and not before the record's last change.
    async fn history_runs_one_way(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let name = desk.make(task("Call")).await.expect("made").name;
        let start = desk.clock.now();
        desk.clock.advance(TimeDelta::days(10));
        let at = |days: i64| StartActivityRequest {
            name: name.clone(),
            request_id: id(),
            effective_time: Some(timestamp(start + TimeDelta::days(days))),
            ..Default::default()
        };
        for days in [-1, 11] {
            let no = refusal(&desk.activities.start_activity(at(days)).await.expect_err("out of order"));
            assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["effective_time"]));
        }
        let begun = desk.activities.start_activity(at(4)).await.expect("in order").into_inner();
        assert_eq!(begun.start_time, Some(timestamp(start + TimeDelta::days(4))));
    }

    /// R-API-1: 64 concurrent copies of one request have one effect and one answer.
    async fn concurrent_copies_have_one_effect(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let deal = opportunity();
        let ask = SyncStageActivitiesRequest {
            request_id: id(),
            ..entry(&deal, 1, vec![planned("call", true), planned("write", true)])
        };
        let copies = (0..64).map(|_| {
            let (mut desk, ask) = (desk.clone(), ask.clone());
            tokio::spawn(async move { desk.activities.sync_stage_activities(ask).await.map(|it| it.into_inner()) })
        });
        let mut answers = Vec::new();
        for copy in copies.collect::<Vec<_>>() {
            answers.push(copy.await.expect("the call ends").expect("every copy is answered"));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(desk.found(&format!("regarding = \"{deal}\"")).await, ["call", "write"]);
        assert_eq!(desk.thread(&deal).await.len(), 2);
    }

    /// R-ACT-2: activities are found by what they are about, by performer, state, origin, entry and due time; overdue
    /// is computed.
    async fn activities_are_found_by_what_people_look_for(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let deal = opportunity();
        let ask = entry(&deal, 1, vec![planned("process", true)]);
        let stage_entry = ask.stage_entry.clone();
        desk.sync(ask).await.expect("entered");
        let due = |days: i64| Some(timestamp(desk.clock.now() + TimeDelta::days(days)));
        let (soon, later) = (due(1), due(5));
        let hers = |subject: &str, due_time| Activity { performer: anna.clone(), due_time, ..task(subject) };
        desk.make(hers("later", later)).await.expect("made");
        desk.make(hers("soon", soon)).await.expect("made");
        let done =
            desk.make(Activity { r#type: activity::Type::Meeting.into(), ..hers("met", soon) }).await.expect("made");
        desk.complete(&done.name, "").await.expect("completed");

        let overdue = "due_time < \"2026-03-05T00:00:00Z\" AND (state = \"NOT_STARTED\" OR state = \"IN_PROGRESS\")";
        let cases = [
            (format!("regarding = \"{deal}\""), vec!["process"]),
            (format!("stage_entry = \"{stage_entry}\""), vec!["process"]),
            ("origin = \"PROCESS\" AND required = true".to_owned(), vec!["process"]),
            (format!("performer = \"{anna}\" AND state = \"NOT_STARTED\""), vec!["later", "soon"]),
            ("state = \"COMPLETED\" AND result = \"done\"".to_owned(), vec!["met"]),
            ("type = \"MEETING\"".to_owned(), vec!["met"]),
            (overdue.to_owned(), vec!["soon"]),
        ];
        for (filter, subjects) in cases {
            assert_eq!(desk.found(&filter).await, subjects, "{filter}");
        }
        let ask = ListActivitiesRequest {
            filter: format!("performer = \"{anna}\""),
            order_by: "due_time".to_owned(),
            page_size: 1,
            ..Default::default()
        };
        let page = desk.activities.list_activities(ask).await.expect("listed").into_inner();
        assert_eq!(page.activities[0].subject, "soon");
        assert!(!page.next_page_token.is_empty());
    }

    /// R-ACT-1: nobody plans to begin what is due by then, neither at first nor later.
    async fn an_activity_begins_before_it_is_due(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let now = desk.clock.now();
        let at = |hours: i64| Some(timestamp(now + TimeDelta::hours(hours)));
        let [early, late] = [at(1), at(2)];
        let wrong = Activity { planned_start_time: late, due_time: early, ..task("call") };
        let refused = refusal(&desk.make(wrong).await.expect_err("it would be late at its beginning"));
        assert_eq!((refused.reason.as_str(), refused.fields[0].0.as_str()), ("INVALID_FIELDS", "activity.planned_start_time"));
        let made = desk.make(Activity { planned_start_time: early, due_time: late, ..task("call") }).await.expect("made");
        let news = Activity { name: made.name.clone(), planned_start_time: at(3), ..Default::default() };
        assert_eq!(refusal(&desk.update(news).await.expect_err("too late")).fields[0].0, "activity.planned_start_time");
        let news = Activity { name: made.name.clone(), due_time: early, ..Default::default() };
        assert!(desk.update(news).await.is_ok(), "at the same time is fine");
        assert!(desk.update(Activity { name: made.name, ..task("call back") }).await.is_ok());
    }
}
