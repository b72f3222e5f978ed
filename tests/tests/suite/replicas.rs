//! Two replicas of every part at once, on PostgreSQL: whatever is asked of both at the same time happens once.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use dealflow::api::{Api, new_id};
use dealflow::suite::PartName;
use dealflow_chassis::link::Link;
use dealflow_proto::activities::v1::notification::Kind;
use dealflow_proto::activities::v1::{
    Activity, CreateActivityRequest, CreateEmployeeRequest, Employee, ListNotificationsRequest, Notification,
};
use dealflow_proto::convert::timestamp;
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, SubscribeRequest};
use dealflow_proto::gateway::v1::{DealProgress, WinDealRequest};
use dealflow_proto::opportunities::v1::{CreateOpportunityRequest, Opportunity};
use dealflow_testbed::{TestDb, eventually};
use dealflow_tests::Sandbox;
use dealflow_tests::faults::Trace;
use dealflow_tests::verbs::{Asked, Verb, assert_same};
use futures::future::{join, join_all};
use tokio::task::JoinHandle;
use tonic::{Code, Status};

const GOES: &str = "a step of the script goes through";
/// How long something may take on a busy machine.
const LONG: Duration = Duration::from_secs(120);
/// Parts with a feed.
const FEEDS: [PartName; 5] =
    [PartName::Leads, PartName::Opportunities, PartName::Activities, PartName::Orders, PartName::Gateway];
/// Activities that somebody is reminded of, and deals that are won of which people are told.
const TOLD: usize = 8;

/// Reads a feed from its beginning on, and goes on reading until its last event is the one that is waited for.
fn follow(feed: FeedServiceClient<Link>) -> (tokio::sync::watch::Sender<i64>, JoinHandle<Vec<Event>>) {
    let (until, mut end) = tokio::sync::watch::channel(i64::MAX);
    let reading = tokio::spawn(async move {
        let ask = SubscribeRequest { follow: true, ..SubscribeRequest::default() };
        let mut batches = feed.clone().subscribe(ask).await.expect(GOES).into_inner();
        let (mut all, mut reached) = (Vec::new(), 0);
        while reached < *end.borrow_and_update() {
            tokio::select! {
                batch = batches.message() => {
                    let batch = batch.expect(GOES).expect("a feed that is followed does not end");
                    reached = batch.position;
                    all.extend(batch.events);
                }
                changed = end.changed() => changed.expect("it is told where to stop"),
            }
        }
        all
    });
    (until, reading)
}

/// The whole feed as it stands, and its last position.
async fn whole(mut feed: FeedServiceClient<Link>) -> (Vec<Event>, i64) {
    let mut batches = feed.subscribe(SubscribeRequest::default()).await.expect(GOES).into_inner();
    let (mut all, mut reached) = (Vec::new(), 0);
    while let Some(batch) = batches.message().await.expect(GOES) {
        reached = batch.position;
        all.extend(batch.events);
    }
    (all, reached)
}

/// Asks until there is an answer: what is refused because the other replica is at it may be asked again.
async fn answered(asked: &Asked, api: &Api) -> Result<DealProgress, Status> {
    eventually("an answer", LONG, || async {
        match asked.ask(api, &Trace::new()).await {
            Err(busy) if matches!(busy.code(), Code::Unavailable | Code::Aborted) => None,
            answer => Some(answer),
        }
    })
    .await
}

async fn hire(sandbox: &Sandbox, manager: &str) -> String {
    let employee = Employee { display_name: sandbox.unique(), manager: manager.to_owned(), ..Employee::default() };
    let ask = CreateEmployeeRequest { employee: Some(employee), request_id: new_id(), ..Default::default() };
    sandbox.api.employees.clone().create_employee(sandbox.api.ask(ask)).await.expect(GOES).into_inner().name
}

/// An activity whose reminder is due in two seconds; the request comes to both replicas.
async fn to_be_reminded_of(one: &Sandbox, two: &Sandbox, performer: &str, subject: String) {
    let due_time = Some(timestamp(Utc::now() + TimeDelta::seconds(62)));
    let activity = Activity {
        subject,
        performer: performer.to_owned(),
        due_time,
        reminder_minutes: Some(1),
        ..Activity::default()
    };
    let ask = CreateActivityRequest { activity: Some(activity), request_id: new_id(), ..Default::default() };
    let create = async |api: &Api| api.activities.clone().create_activity(api.ask(ask.clone())).await;
    let (here, there) = join(create(&one.api), create(&two.api)).await;
    assert_eq!(here.expect(GOES).into_inner().name, there.expect(GOES).into_inner().name, "it is made once");
}

/// A deal without a customer, won by both replicas at once.
async fn won(one: &Sandbox, two: &Sandbox, owner: &str) -> String {
    let opportunity = Opportunity { title: one.unique(), owner: owner.to_owned(), ..Opportunity::default() };
    let ask = CreateOpportunityRequest { opportunity: Some(opportunity), request_id: new_id(), ..Default::default() };
    let deal = two.api.opportunities.clone().create_opportunity(two.api.ask(ask)).await.expect(GOES).into_inner().name;
    let ask = WinDealRequest { opportunity: deal.clone(), request_id: new_id(), ..Default::default() };
    let win = async |api: &Api| {
        eventually("an answer", LONG, || async {
            match api.deals.clone().win_deal(api.ask(ask.clone())).await {
                Err(busy) if matches!(busy.code(), Code::Unavailable | Code::Aborted) => None,
                answer => Some(answer),
            }
        })
        .await
    };
    let (here, there) = join(win(&one.api), win(&two.api)).await;
    assert_eq!(here.expect(GOES).into_inner(), there.expect(GOES).into_inner());
    deal
}

async fn told(sandbox: &Sandbox, recipient: &str, kind: Kind) -> Vec<Notification> {
    let ask = ListNotificationsRequest { recipient: recipient.to_owned(), page_size: 1000, ..Default::default() };
    let page = sandbox.api.notifications.clone().list_notifications(sandbox.api.ask(ask)).await;
    page.expect(GOES).into_inner().notifications.into_iter().filter(|it| it.kind() == kind).collect()
}

/// R-FLW-1, R-API-1, R-API-2, R-ERP-1, R-ACT-4, R-OPP-4: two replicas of every part, the gateway of one over parts of the
/// other. Each verb is asked of both gateways at once, twice each, by the same request: every deal ends as one that was
/// asked once. Reminders and notifications come once; flows end; one order, one invoice, one document in the ERP's books;
/// who followed a feed at either replica from the beginning has seen all of it in its order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_of_every_part_are_as_one() {
    let Some(db) = TestDb::postgres().await else { return };
    let one = Sandbox::start(&db).await;
    let two = one.replica(&db).await;
    let followed: Vec<_> =
        FEEDS.iter().flat_map(|part| [&one, &two].map(|replica| (*part, follow(replica.feed(*part))))).collect();
    let boss = hire(&one, "").await;
    let anna = hire(&two, &boss).await;

    let mut wanted = Vec::new();
    for verb in Verb::ALL {
        let asked = verb.prepare(&one).await;
        answered(&asked, &one.api).await.unwrap_or_else(|status| panic!("{verb:?} goes through: {status:?}"));
        wanted.push((verb, asked));
    }
    let reminded = join_all((0..TOLD).map(|_| to_be_reminded_of(&one, &two, &anna, one.unique())));
    let closed = join_all((0..TOLD).map(|_| won(&one, &two, &anna)));
    let doubled = async {
        let mut doubled = Vec::new();
        for (n, verb) in Verb::ALL.into_iter().enumerate() {
            let asked = verb.prepare(if n % 2 == 0 { &one } else { &two }).await;
            let apis = [&one.api, &two.api, &two.api, &one.api];
            let answers = join_all(apis.map(|api| answered(&asked, api))).await;
            let answers: Vec<DealProgress> = answers.into_iter().collect::<Result<_, _>>().expect("all are answered");
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{verb:?}: one answer for all");
            doubled.push(asked);
        }
        doubled
    };
    let (_, closed, doubled) = tokio::join!(reminded, closed, doubled);
    eventually("everybody is reminded", LONG, || async { told(&one, &anna, Kind::Reminder).await.len() >= TOLD }).await;
    join(one.rest(), two.rest()).await;

    for ((verb, control), asked) in wanted.iter().zip(&doubled) {
        let (want, case) = (control.end_state(&one.api).await, format!("{verb:?} asked of two replicas"));
        assert_same(&want, &asked.end_state(&one.api).await, &case);
        assert_same(&want, &asked.end_state(&two.api).await, &case);
    }
    let reminders = told(&two, &anna, Kind::Reminder).await;
    let titles: BTreeSet<&str> = reminders.iter().map(|it| it.title.as_str()).collect();
    assert_eq!((reminders.len(), titles.len()), (TOLD, TOLD), "each reminder once: {titles:?}");
    for who in [&anna, &boss] {
        let told: Vec<String> = told(&one, who, Kind::DealWon).await.into_iter().map(|it| it.deal).collect();
        let distinct: BTreeSet<&String> = told.iter().collect();
        assert_eq!((told.len(), distinct), (closed.len(), closed.iter().collect()), "each win once");
    }
    for (part, (until, reading)) in followed {
        let (events, last) = whole(one.feed(part)).await;
        until.send(last).expect("it is followed");
        let ids = |events: &[Event]| events.iter().map(|it| it.event_id.clone()).collect::<Vec<_>>();
        let seen = tokio::time::timeout(LONG, reading).await.expect("it comes to the end").expect(GOES);
        assert_eq!(ids(&seen), ids(&events), "{part}: no gap, one order, for every follower");
        assert!(events.windows(2).all(|pair| pair[0].position < pair[1].position), "{part}: positions rise");
        println!("{part}: {} events, seen in one order", events.len());
    }
    two.stop().await;
    one.finish().await;
}
