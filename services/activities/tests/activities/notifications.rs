//! The notification centre: what people are told, each once (R-ACT-4, R-OPP-4).

use std::time::Duration;

use chrono::TimeDelta;
use dealflow_proto::activities::v1::notification::Kind;
use dealflow_proto::activities::v1::notify_deal_closed_request::Outcome;
use dealflow_proto::activities::v1::*;
use dealflow_proto::convert::timestamp;
use dealflow_proto::settings::v1::{SettingList, SettingValue};
use dealflow_testbed::{TestDb, both, id, refusal};
use tonic::{Code, Streaming};

use crate::desk::{Desk, by, entry, opportunity, planned, task};

const PATIENCE: Duration = Duration::from_secs(20);

impl Desk {
    async fn unread(&mut self, recipient: &str) -> i64 {
        let ask = GetUnreadCountRequest { recipient: recipient.to_owned() };
        self.notifications.get_unread_count(ask).await.expect("counted").into_inner().unread
    }

    async fn watch(&mut self, recipient: &str, after: i64, new_only: bool) -> Streaming<WatchNotificationsResponse> {
        let ask = WatchNotificationsRequest { recipient: recipient.to_owned(), after_position: after, new_only };
        self.notifications.watch_notifications(ask).await.expect("opened").into_inner()
    }

    pub(crate) async fn close(&mut self, ask: NotifyDealClosedRequest) -> Vec<Notification> {
        let ask = NotifyDealClosedRequest { request_id: id(), ..ask };
        self.notifications.notify_deal_closed(ask).await.expect("told").into_inner().notifications
    }
}

async fn next(news: &mut Streaming<WatchNotificationsResponse>) -> WatchNotificationsResponse {
    let next = tokio::time::timeout(PATIENCE, news.message()).await.expect("something comes in time");
    next.expect("the stream goes on").expect("the stream does not end")
}

fn title(it: &WatchNotificationsResponse) -> &str {
    it.notification.as_ref().map(|it| it.title.as_str()).unwrap_or_default()
}

fn won(opportunity: &str, owner: &str) -> NotifyDealClosedRequest {
    NotifyDealClosedRequest {
        opportunity: opportunity.to_owned(),
        owner: owner.to_owned(),
        outcome: Outcome::Won.into(),
        title: "Pumps".to_owned(),
        text: "1,200.00 USD".to_owned(),
        ..Default::default()
    }
}

both! {
    /// R-ACT-4: the responsible employee is told of a new activity, of a process as of a person; who made it herself, or
    /// is not here any more, is not, and history that is taken over is no news.
    async fn the_responsible_employee_is_told_of_a_new_activity(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let bert = desk.hire("Bert", "").await.expect("hired").name;
        let deal = opportunity();
        let hers = |subject: &str| Activity { performer: anna.clone(), ..task(subject) };
        desk.make(Activity { regarding: deal.clone(), ..hers("by hand") }).await.expect("made");
        let own = CreateActivityRequest { activity: Some(hers("her own")), request_id: id(), ..Default::default() };
        desk.activities.create_activity(by(&anna, own)).await.expect("made");
        let plan = Activity { performer: anna.clone(), ..planned("of a stage", true) };
        let ask = entry(&deal, 1, vec![plan, Activity { performer: bert.clone(), ..planned("another's", true) }]);
        desk.sync(ask.clone()).await.expect("entered");
        desk.sync(ask).await.expect("again");
        let old = CreateActivityRequest {
            activity: Some(hers("of last year")),
            request_id: id(),
            effective_time: Some(timestamp(desk.clock.now() - TimeDelta::days(300))),
            ..Default::default()
        };
        desk.activities.create_activity(old).await.expect("made");
        let gone = Employee { name: bert.clone(), active: Some(false), ..Default::default() };
        desk.change(gone).await.expect("gone");
        desk.sync(entry(&deal, 2, vec![Activity { performer: bert.clone(), ..planned("nobody's", true) }])).await.expect("entered");

        let assigned = |title: &str| (Kind::ActivityAssigned, title.to_owned());
        assert_eq!(desk.told(&anna).await, [assigned("by hand"), assigned("of a stage")]);
        assert_eq!(desk.told(&bert).await, [assigned("another's")]);
        let ask = ListNotificationsRequest { recipient: anna.clone(), ..Default::default() };
        let latest = desk.notifications.list_notifications(ask).await.expect("listed").into_inner().notifications;
        assert!(latest.iter().all(|it| it.deal == deal && it.recipient == anna && it.read_time.is_none()));
        assert!(latest[0].regarding.starts_with("activities/"));
    }

    /// R-ACT-4: unread news is counted and listed by itself; one or all are marked as read, and stay so.
    async fn what_was_read_is_no_news_any_more(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let bert = desk.hire("Bert", "").await.expect("hired").name;
        for (subject, performer) in [("a", &anna), ("b", &anna), ("c", &anna), ("d", &bert)] {
            desk.make(Activity { performer: performer.clone(), ..task(subject) }).await.expect("made");
            desk.clock.advance(TimeDelta::minutes(1));
        }
        assert_eq!((desk.unread(&anna).await, desk.unread(&bert).await), (3, 1));
        let list = |filter: &str, unread_only| ListNotificationsRequest {
            recipient: anna.clone(),
            filter: filter.to_owned(),
            unread_only,
            ..Default::default()
        };
        let found = desk.notifications.list_notifications(list("title = \"b\"", false)).await.expect("listed");
        let name = found.into_inner().notifications[0].name.clone();
        let mark = |etag: &str| MarkReadRequest { name: name.clone(), etag: etag.to_owned(), request_id: id(), ..Default::default() };
        let no = refusal(&desk.notifications.mark_read(mark("7")).await.expect_err("stale"));
        assert_eq!(no.code, Code::Aborted);
        let read = desk.notifications.mark_read(mark("1")).await.expect("read").into_inner();
        assert_eq!(read.read_time, Some(timestamp(desk.clock.now())));
        desk.clock.advance(TimeDelta::minutes(1));
        assert_eq!(desk.notifications.mark_read(mark("")).await.expect("again").into_inner(), read, "the first time stays");
        let unread = desk.notifications.list_notifications(list("", true)).await.expect("listed").into_inner().notifications;
        assert_eq!(unread.iter().map(|it| it.title.as_str()).collect::<Vec<_>>(), ["c", "a"], "the latest first");
        let all = |request_id: String| MarkAllReadRequest { recipient: anna.clone(), request_id, ..Default::default() };
        let request = id();
        for _ in 0..2 {
            let marked = desk.notifications.mark_all_read(all(request.clone())).await.expect("read").into_inner().marked;
            assert_eq!(marked, 2, "a repeated request is answered as the first");
        }
        assert_eq!((desk.unread(&anna).await, desk.unread(&bert).await), (0, 1));
        assert_eq!(desk.notifications.mark_all_read(all(id())).await.expect("read").into_inner().marked, 0);
    }

    /// R-ACT-4: the live stream brings a recipient's news and nobody else's; opened again behind the last position, it
    /// goes on there: nothing is skipped, nothing comes twice.
    async fn the_live_stream_goes_on_where_it_was(db: TestDb) {
        let clock = dealflow_testbed::TestClock::new();
        let store = db.store::<dealflow_migrations::activities::Migrator>("activities", clock.clock()).await;
        let stop = tokio_util::sync::CancellationToken::new();
        let serving = dealflow_chassis::serve::serve(dealflow_activities::part(store), Default::default(), stop.clone()).await.expect("it serves");
        let mut desk = Desk::over(serving.link.clone(), clock);
        let anna = desk.hire("Anna", "").await.expect("hired").name;
        let bert = desk.hire("Bert", "").await.expect("hired").name;
        let hers = |subject: &str| Activity { performer: anna.clone(), ..task(subject) };
        desk.make(hers("one")).await.expect("made");
        desk.make(Activity { performer: bert, ..task("not hers") }).await.expect("made");
        let mut all = desk.watch(&anna, 0, false).await;
        let first = next(&mut all).await;
        assert_eq!(title(&first), "one");
        desk.make(hers("two")).await.expect("made");
        let second = next(&mut all).await;
        assert_eq!(title(&second), "two");
        drop(all);
        desk.make(hers("three")).await.expect("made");
        let mut again = desk.watch(&anna, first.position, false).await;
        assert_eq!([title(&next(&mut again).await), title(&next(&mut again).await)], ["two", "three"]);
        let mut fresh = desk.watch(&anna, 0, true).await;
        let bookmark = next(&mut fresh).await;
        assert_eq!((bookmark.notification.is_none(), bookmark.position > second.position), (true, true));
        desk.make(hers("four")).await.expect("made");
        assert_eq!(title(&next(&mut fresh).await), "four");

        // A stop ends the stream, with a status that says to come again.
        let ended = tokio::spawn(async move {
            loop {
                match fresh.message().await {
                    Ok(Some(_)) => {}
                    other => return other,
                }
            }
        });
        stop.cancel();
        serving.stopped().await;
        let ended = tokio::time::timeout(PATIENCE, ended).await.expect("the stop ends it").expect("no panic");
        assert_eq!(ended.expect_err("it says why").code(), Code::Unavailable);
    }

    /// R-OPP-4: of a deal that was won or lost its owner and the owner's manager are told, each exactly once, however
    /// often and by whichever way it is said; nobody else is, and a deal that nobody owns is told to nobody.
    async fn owner_and_manager_are_told_of_a_closed_deal_each_once(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let top = desk.hire("Top", "").await.expect("hired").name;
        let boss = desk.hire("Boss", &top).await.expect("hired").name;
        let anna = desk.hire("Anna", &boss).await.expect("hired").name;
        let deal = opportunity();
        let made = desk.close(won(&deal, &anna)).await;
        let mut told: Vec<&str> = made.iter().map(|it| it.recipient.as_str()).collect();
        told.sort_unstable();
        let mut expected = [anna.as_str(), boss.as_str()];
        expected.sort_unstable();
        assert_eq!(told, expected);
        assert_eq!(desk.close(won(&deal, &anna)).await, [], "said again under another id");
        let copies = (0..16).map(|_| {
            let (mut desk, ask) = (desk.clone(), won(&opportunity_of("01890000-0000-7000-8000-0000000000aa"), &anna));
            tokio::spawn(async move { desk.close(ask).await.len() })
        });
        let mut count = 0;
        for copy in copies.collect::<Vec<_>>() {
            count += copy.await.expect("the call ends");
        }
        assert_eq!(count, 2, "sixteen at once");
        for who in [&anna, &boss] {
            assert_eq!(desk.told(who).await, vec![(Kind::DealWon, "Won: Pumps".to_owned()); 2]);
        }
        assert_eq!(desk.told(&top).await, []);

        let lost = NotifyDealClosedRequest { outcome: Outcome::Lost.into(), ..won(&opportunity(), &top) };
        let made = desk.close(lost).await;
        assert_eq!(made.iter().map(|it| (it.kind(), it.recipient.as_str())).collect::<Vec<_>>(), [(Kind::DealLost, top.as_str())], "nobody leads the top");
        assert_eq!(desk.close(won(&opportunity(), "")).await, [], "nobody owns it");
    }

    /// R-OPP-4: who is told of a closed deal is a setting: owner, manager, both, nobody; it holds from the next close on.
    async fn who_is_told_of_a_closed_deal_is_a_setting(db: TestDb) {
        let mut desk = Desk::open(&db).await;
        let boss = desk.hire("Boss", "").await.expect("hired").name;
        let anna = desk.hire("Anna", &boss).await.expect("hired").name;
        for (recipients, told) in [(vec!["OWNER_MANAGER"], vec![&boss]), (vec!["OWNER"], vec![&anna]), (vec![], vec![])] {
            let items = recipients.iter().map(ToString::to_string).collect();
            let value = SettingValue { list: Some(SettingList { items }), ..Default::default() };
            desk.decide("activities.close_notification_recipients", value).await;
            let made = desk.close(won(&opportunity(), &anna)).await;
            assert_eq!(made.iter().map(|it| &it.recipient).collect::<Vec<_>>(), told, "{recipients:?}");
        }
    }
}

fn opportunity_of(uuid: &str) -> String {
    format!("opportunities/{uuid}")
}
