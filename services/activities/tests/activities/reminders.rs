//! Reminders before due, fired once however many replicas run (R-ACT-4).

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use dealflow_activities::part;
use dealflow_chassis::serve::serve;
use dealflow_migrations::activities::Migrator;
use dealflow_proto::activities::v1::notification::Kind;
use dealflow_proto::activities::v1::*;
use dealflow_proto::convert::timestamp;
use dealflow_proto::settings::v1::SettingValue;
use dealflow_testbed::{TestClock, TestDb, both, eventually, id, refusal};
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, opportunity, task};

const PATIENCE: Duration = Duration::from_secs(60);

impl Desk {
    /// An activity of somebody's that is due in so many minutes.
    async fn due_in(&mut self, performer: &str, subject: &str, minutes: i64) -> Activity {
        let due_time = Some(timestamp(self.clock.now() + TimeDelta::minutes(minutes)));
        self.make(Activity { performer: performer.to_owned(), due_time, ..task(subject) }).await.expect("made")
    }

    /// What somebody was reminded of, first to last.
    async fn reminded(&mut self, recipient: &str) -> Vec<String> {
        let told = self.told(recipient).await;
        told.into_iter().filter(|(kind, _)| *kind == Kind::Reminder).map(|(_, title)| title).collect()
    }

    async fn pause(&mut self, regarding: &str, version: i64, paused: bool) -> bool {
        let ask = PauseRemindersRequest {
            regarding: regarding.to_owned(),
            version,
            paused,
            request_id: id(),
            ..Default::default()
        };
        self.activities.pause_reminders(ask).await.expect("noted").into_inner().paused
    }
}

both! {
    /// R-ACT-4: the performer is reminded before the activity is due: by the setting, or as the activity says; once; and
    /// never where it says never, where it is over, or where nobody is to do it.
    async fn the_performer_is_reminded_once_before_it_is_due(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let usual = desk.due_in(&anna, "usual", 120).await;
        assert_eq!(usual.reminder_time, Some(timestamp(desk.clock.now() + TimeDelta::minutes(60))));
        let due_time = usual.due_time;
        for (subject, minutes) in [("early", 90), ("never", -1)] {
            let made = Activity { performer: anna.clone(), due_time, reminder_minutes: Some(minutes), ..task(subject) };
            desk.make(made).await.expect("made");
        }
        let done = desk.due_in(&anna, "done", 120).await;
        assert!(desk.complete(&done.name, "").await.expect("completed").reminder_time.is_none());
        desk.make(Activity { due_time, ..task("nobody's") }).await.expect("made");

        assert_eq!(desk.run_schedule().await.reminded, []);
        desk.clock.advance(TimeDelta::minutes(30));
        desk.run_schedule().await;
        assert_eq!(desk.reminded(&anna).await, ["early"]);
        desk.clock.advance(TimeDelta::minutes(30));
        desk.run_schedule().await;
        desk.run_schedule().await;
        assert_eq!(desk.reminded(&anna).await, ["early", "usual"]);
        let stands = desk.activity(&usual.name).await;
        assert_eq!((stands.reminder_time, stands.etag.as_str()), (None, "1"), "to be reminded changes nothing");

        // Moved to later, it is reminded of once more.
        let later = Some(timestamp(desk.clock.now() + TimeDelta::days(2)));
        desk.update(Activity { name: usual.name.clone(), due_time: later, ..Default::default() }).await.expect("moved");
        desk.clock.advance(TimeDelta::days(2));
        assert_eq!(desk.run_schedule().await.reminded.len(), 1);
        assert_eq!(desk.reminded(&anna).await, ["early", "usual", "usual"]);
    }

    /// R-ACT-4: how long before is a setting; it holds for what is planned from then on.
    async fn how_long_before_is_a_setting(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let before = |activity: &Activity| {
            let (due, reminder) = (activity.due_time.expect("due"), activity.reminder_time);
            reminder.map(|reminder| (due.seconds - reminder.seconds) / 60)
        };
        assert_eq!(before(&desk.due_in(&anna, "usual", 3000).await), Some(60));
        for (minutes, expected) in [(1440, Some(1440)), (-1, None)] {
            let value = SettingValue { number: Some(minutes), ..Default::default() };
            desk.decide("activities.reminder_minutes", value).await;
            assert_eq!(before(&desk.due_in(&anna, "by the setting", 3000).await), expected);
        }
    }

    /// R-ACT-4: while an opportunity is on hold nobody is reminded; resumed, what became due meanwhile is told. A word
    /// that comes late changes nothing. What is over since a day is not told any more.
    async fn reminders_rest_while_the_opportunity_is_on_hold(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let deal = opportunity();
        let due_time = Some(timestamp(desk.clock.now() + TimeDelta::minutes(90)));
        let made = |regarding: &str, subject: &str| Activity {
            performer: anna.clone(),
            regarding: regarding.to_owned(),
            due_time,
            ..task(subject)
        };
        desk.make(made(&deal, "held")).await.expect("made");
        desk.make(made(&opportunity(), "free")).await.expect("made");
        assert!(desk.pause(&deal, 4, true).await);
        assert!(desk.pause(&deal, 3, false).await, "it was resumed before it was held");
        desk.clock.advance(TimeDelta::minutes(60));
        desk.run_schedule().await;
        assert_eq!(desk.reminded(&anna).await, ["free"]);
        assert!(!desk.pause(&deal, 5, false).await);
        desk.run_schedule().await;
        assert_eq!(desk.reminded(&anna).await, ["free", "held"]);

        // A deal that is closed while it is on hold rests no more: manual tasks outlive it.
        let ended = opportunity();
        desk.pause(&ended, 1, true).await;
        let soon = Some(timestamp(desk.clock.now() + TimeDelta::minutes(30)));
        desk.make(Activity { due_time: soon, ..made(&ended, "after all") }).await.expect("made");
        desk.run_schedule().await;
        assert_eq!(desk.reminded(&anna).await, ["free", "held"]);
        let closed = NotifyDealClosedRequest {
            opportunity: ended,
            outcome: notify_deal_closed_request::Outcome::Lost.into(),
            ..Default::default()
        };
        desk.close(closed).await;
        desk.run_schedule().await;
        assert_eq!(desk.reminded(&anna).await, ["free", "held", "after all"]);

        let stale = opportunity();
        desk.pause(&stale, 1, true).await;
        desk.make(Activity { due_time: Some(timestamp(desk.clock.now() + TimeDelta::hours(2))), ..made(&stale, "stale") }).await.expect("made");
        desk.clock.advance(TimeDelta::days(2));
        desk.pause(&stale, 2, false).await;
        desk.run_schedule().await;
        assert_eq!(desk.reminded(&anna).await, ["free", "held", "after all"]);
        let no = PauseRemindersRequest { regarding: "x".to_owned(), version: 1, request_id: id(), ..Default::default() };
        let no = refusal(&desk.activities.pause_reminders(no).await.expect_err("no record"));
        assert_eq!(no.field_names(), ["regarding"]);
    }

    /// R-ACT-4: two replicas on one database, whose connections are cut and of which one dies and another comes, remind
    /// of each of 300 activities exactly once.
    async fn two_replicas_remind_of_each_activity_once(db: TestDb) {
        const MANY: usize = 300;
        let clock = TestClock::new();
        let mut desk = {
            let store = db.store::<Migrator>("activities", clock.clock()).await;
            Desk::over(part(store).link(), clock.clone())
        };
        let mut people = Vec::new();
        for name in ["Anna", "Bert", "Cleo"] {
            people.push(desk.hire(name, "").await.expect("hired").name);
        }
        for n in 0..MANY {
            desk.due_in(&people[n % 3], &format!("nr {n}"), 61 + n as i64 % 50).await;
        }
        let start = |clock: TestClock| {
            let db = &db;
            async move {
                let store = db.store::<Migrator>("activities", clock.clock()).await;
                let stop = CancellationToken::new();
                let serving = serve(part(store), Default::default(), stop.clone()).await.expect("it serves");
                (serving, stop)
            }
        };
        let (one, two) = (start(clock.clone()).await, start(clock.clone()).await);
        let mut third = None;
        let mut one = Some(one);
        // Time goes on in steps, and each replica is asked too, at the same moments as its own clock looks.
        for minute in 0..55 {
            clock.advance(TimeDelta::minutes(1));
            let asked = [one.as_ref(), Some(&two), third.as_ref()].into_iter().flatten().map(|(serving, _)| {
                let mut desk = Desk::over(serving.link.clone(), clock.clone());
                async move {
                    let ask = RunScheduleRequest { request_id: id(), ..Default::default() };
                    // A call whose connection was cut fails; what it was to do stays due.
                    let _cut = desk.activities.run_schedule(ask).await;
                }
            });
            let asked = futures::future::join_all(asked.collect::<Vec<_>>());
            if minute % 9 == 4 {
                tokio::join!(asked, db.cut_connections());
            } else {
                asked.await;
            }
            if minute == 20 && let Some((serving, stop)) = one.take() {
                stop.cancel();
                serving.stopped().await;
                third = Some(start(clock.clone()).await);
            }
        }
        let mut desk = Desk::over(two.0.link.clone(), clock.clone());
        eventually("all are reminded of", PATIENCE, || {
            let mut desk = desk.clone();
            async move {
                let ask = ListActivitiesRequest { page_size: 1000, ..Default::default() };
                let page = desk.activities.list_activities(ask).await.ok()?.into_inner();
                page.activities.iter().all(|it| it.reminder_time.is_none()).then_some(())
            }
        })
        .await;
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for person in &people {
            for title in desk.reminded(person).await {
                *times.entry(title).or_default() += 1;
            }
        }
        let (more, missing) = (times.values().filter(|n| **n > 1).count(), MANY - times.len());
        println!("{MANY} reminders by 2 of 3 replicas, one stopped, connections cut 6 times: {more} doubled, {missing} lost");
        assert_eq!((more, missing), (0, 0));
        for (serving, stop) in [Some(two), third].into_iter().flatten() {
            stop.cancel();
            serving.stopped().await;
        }
    }

    /// R-ACT-4: what was put off is not reminded of meanwhile; when it comes back it is, if it is not long over.
    async fn what_was_put_off_is_reminded_of_when_it_comes_back(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let soon = desk.due_in(&anna, "soon", 120).await;
        let late = desk.due_in(&anna, "late", 120).await;
        desk.defer(&soon.name, 3).await.expect("put off");
        desk.defer(&late.name, 24 * 30).await.expect("put off");
        desk.clock.advance(TimeDelta::hours(2));
        assert_eq!(desk.run_schedule().await.reminded, []);
        desk.clock.advance(TimeDelta::hours(1));
        while desk.run_schedule().await.more {}
        assert_eq!(desk.reminded(&anna).await, ["soon"]);
        desk.clock.advance(TimeDelta::days(30));
        while desk.run_schedule().await.more {}
        assert_eq!(desk.reminded(&anna).await, ["soon"], "a month later it reminds of nothing");
    }
}
