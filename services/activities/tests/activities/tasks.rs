//! My tasks and the action panel (R-ACT-2).

use chrono::{TimeDelta, TimeZone, Utc};
use dealflow_proto::activities::v1::*;
use dealflow_proto::convert::timestamp;
use dealflow_testbed::{TestDb, both, refusal};
use tonic::Code;

use crate::desk::{Desk, entry, opportunity, planned, result, task};

impl Desk {
    async fn tasks_of(
        &mut self,
        performer: &str,
        bucket: TaskBucket,
        zone: &str,
        team: bool,
    ) -> (Vec<String>, TaskCounts) {
        let ask = ListMyTasksRequest {
            performer: performer.to_owned(),
            bucket: bucket.into(),
            time_zone: zone.to_owned(),
            team,
            ..Default::default()
        };
        let answer = self.tasks.list_my_tasks(ask).await.expect("listed").into_inner();
        let subjects = answer.activities.into_iter().map(|activity| activity.subject).collect();
        (subjects, answer.counts.expect("counts"))
    }
}

both! {
    /// R-ACT-2: each open task of a performer is in exactly one of overdue, today and planned; where the day ends, the
    /// time zone says; the counts hold whatever page is looked at.
    async fn each_task_is_in_exactly_one_bucket(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let bert = desk.hire("Bert", "").await.expect("hired").name;
        let at = |day, hour| Some(timestamp(Utc.with_ymd_and_hms(2026, 3, day, hour, 0, 0).single().expect("a time")));
        let dues = [("past", at(2, 10)), ("noon", at(3, 12)), ("night", at(3, 23)), ("later", at(9, 9)), ("never", None)];
        for (subject, due_time) in dues {
            desk.make(Activity { performer: anna.clone(), due_time, ..task(subject) }).await.expect("made");
        }
        let done = desk.make(Activity { performer: anna.clone(), due_time: at(3, 12), ..task("done") }).await;
        desk.complete(&done.expect("made").name, "").await.expect("completed");
        let waits = desk.make(Activity { performer: anna.clone(), due_time: at(3, 13), ..task("waits") }).await;
        desk.wait_for(&waits.expect("made").name, 100).await.expect("waits");
        desk.make(Activity { performer: bert, due_time: at(3, 12), ..task("Bert's") }).await.expect("made");

        desk.clock.set(Utc.with_ymd_and_hms(2026, 3, 3, 8, 0, 0).single().expect("a time"));
        let counts = TaskCounts { overdue: 1, today: 3, planned: 2 };
        let cases = [
            (TaskBucket::Overdue, vec!["past"]),
            (TaskBucket::Today, vec!["noon", "waits", "night"]),
            (TaskBucket::Planned, vec!["later", "never"]),
            (TaskBucket::Unspecified, vec!["past", "noon", "waits", "night", "later", "never"]),
        ];
        for (bucket, subjects) in cases {
            assert_eq!(desk.tasks_of(&anna, bucket, "", false).await, (subjects.iter().map(ToString::to_string).collect(), counts));
        }
        // In Berlin the day ends at 23:00 UTC, in Auckland at 11:00.
        let (_, berlin) = desk.tasks_of(&anna, TaskBucket::Today, "Europe/Berlin", false).await;
        assert_eq!(berlin, TaskCounts { overdue: 1, today: 2, planned: 3 });
        let (_, auckland) = desk.tasks_of(&anna, TaskBucket::Today, "Pacific/Auckland", false).await;
        assert_eq!(auckland, TaskCounts { overdue: 1, today: 0, planned: 5 });

        let nowhere = ListMyTasksRequest { performer: anna, time_zone: "Mars/Olympus".to_owned(), ..Default::default() };
        let no = refusal(&desk.tasks.list_my_tasks(nowhere).await.expect_err("no such zone"));
        assert_eq!((no.code, no.field_names()), (Code::InvalidArgument, vec!["time_zone"]));
    }

    /// R-ACT-2: a manager sees what the whole team has to do, all the way down, and no other team's.
    async fn a_manager_sees_what_the_team_has_to_do(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let boss = desk.hire("Boss", "").await.expect("hired").name;
        let head = desk.hire("Head", &boss).await.expect("hired").name;
        let anna = desk.hire("Anna", &head).await.expect("hired").name;
        let other = desk.hire("Other", "").await.expect("hired").name;
        for (subject, performer) in [("sign", &boss), ("plan", &head), ("call", &anna), ("not theirs", &other)] {
            desk.make(Activity { performer: performer.clone(), ..task(subject) }).await.expect("made");
        }
        let all = |who: &str, team| {
            let (mut desk, who) = (desk.clone(), who.to_owned());
            async move { desk.tasks_of(&who, TaskBucket::Unspecified, "", team).await }
        };
        assert_eq!(all(&boss, false).await.0, ["sign"]);
        assert_eq!(all(&boss, true).await, (["sign", "plan", "call"].map(str::to_owned).into(), TaskCounts { planned: 3, ..Default::default() }));
        assert_eq!(all(&head, true).await.0, ["plan", "call"]);
        assert_eq!(all(&anna, true).await.0, ["call"]);
    }

    /// R-ACT-2: a page and its next hold each task once, by when it is due.
    async fn tasks_are_paged_by_when_they_are_due(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        for n in 0..7 {
            let due_time = (n % 3 != 0).then(|| timestamp(desk.clock.now() + TimeDelta::hours(10 - n)));
            let made = Activity { performer: anna.clone(), due_time, ..task(&n.to_string()) };
            desk.make(made).await.expect("made");
        }
        let (mut subjects, mut page_token) = (Vec::new(), String::new());
        loop {
            let ask = ListMyTasksRequest { performer: anna.clone(), page_size: 2, page_token, ..Default::default() };
            let page = desk.tasks.list_my_tasks(ask).await.expect("listed").into_inner();
            subjects.extend(page.activities.into_iter().map(|activity| activity.subject));
            desk.clock.advance(TimeDelta::minutes(1));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(subjects, ["5", "4", "2", "1", "0", "3", "6"]);
    }

    /// R-ACT-2: the action panel shows what is open for an opportunity, what its stage waits for first, each with what
    /// its results would do; a task is overdue when its time has passed.
    async fn the_action_panel_shows_what_each_result_would_do(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let deal = opportunity();
        let manual = desk.make(Activity { regarding: deal.clone(), ..task("manual") }).await.expect("made");
        let due_time = Some(timestamp(desk.clock.now() + TimeDelta::hours(1)));
        let must = Activity { allowed_results: vec![result("reached")], due_time, ..planned("must", true) };
        let open = desk.sync(entry(&deal, 1, vec![planned("may", false), must])).await.expect("entered").open;
        desk.make(Activity { regarding: opportunity(), ..task("another deal's") }).await.expect("made");
        desk.defer(&manual.name, 5).await.expect("put off");
        desk.clock.advance(TimeDelta::hours(2));
        let ask = GetActionPanelRequest { regarding: deal };
        let panel = desk.tasks.get_action_panel(ask.clone()).await.expect("shown").into_inner().activities;
        let shown: Vec<_> = panel.iter().map(|it| (it.subject.as_str(), it.overdue)).collect();
        assert_eq!(shown, [("must", true), ("manual", false), ("may", false)]);
        assert_eq!(panel[0].allowed_results, [result("reached")]);
        desk.complete(&open[1].name, "reached").await.expect("completed");
        let panel = desk.tasks.get_action_panel(ask).await.expect("shown").into_inner().activities;
        assert_eq!(panel.len(), 2);
        let no = refusal(&desk.tasks.get_action_panel(GetActionPanelRequest { regarding: "x".to_owned() }).await.expect_err("x"));
        assert_eq!(no.field_names(), ["regarding"]);
    }
}
