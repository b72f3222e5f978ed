//! What a test begins with: the part in process, and the few things that tests say to it again and again.

use dealflow_activities::part;
use dealflow_chassis::context::ACTOR;
use dealflow_chassis::link::Link;
use dealflow_migrations::activities::Migrator;
use dealflow_proto::activities::v1::activity::CancelReason;
use dealflow_proto::activities::v1::activity_service_client::ActivityServiceClient;
use dealflow_proto::activities::v1::employee_service_client::EmployeeServiceClient;
use dealflow_proto::activities::v1::*;
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, ListEventsRequest};
use dealflow_testbed::{TestClock, TestDb, id};
use tonic::{Request, Status};

/// The part and its clients.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) activities: ActivityServiceClient<Link>,
    pub(crate) employees: EmployeeServiceClient<Link>,
    pub(crate) feed: FeedServiceClient<Link>,
    pub(crate) clock: TestClock,
}

impl Desk {
    pub(crate) async fn open(db: &TestDb) -> Self {
        let clock = TestClock::new();
        let store = db.store::<Migrator>("activities", clock.clock()).await;
        let link = part(store).link();
        Self {
            activities: ActivityServiceClient::new(link.clone()),
            employees: EmployeeServiceClient::new(link.clone()),
            feed: FeedServiceClient::new(link),
            clock,
        }
    }

    /// Makes an activity by hand.
    pub(crate) async fn make(&mut self, activity: Activity) -> Result<Activity, Status> {
        let ask = CreateActivityRequest { activity: Some(activity), request_id: id(), ..Default::default() };
        Ok(self.activities.create_activity(ask).await?.into_inner())
    }

    pub(crate) async fn start(&mut self, name: &str) -> Result<Activity, Status> {
        let ask = StartActivityRequest { name: name.to_owned(), request_id: id(), ..Default::default() };
        Ok(self.activities.start_activity(ask).await?.into_inner())
    }

    pub(crate) async fn complete(&mut self, name: &str, result: &str) -> Result<Activity, Status> {
        self.complete_as("", name, result).await
    }

    /// Completes it as somebody; nobody said who where the actor is empty.
    pub(crate) async fn complete_as(&mut self, actor: &str, name: &str, result: &str) -> Result<Activity, Status> {
        let (name, result) = (name.to_owned(), result.to_owned());
        let ask = CompleteActivityRequest { name, result, request_id: id(), ..Default::default() };
        let mut request = Request::new(ask);
        if !actor.is_empty() {
            request.metadata_mut().insert(ACTOR, actor.parse().expect("a header value"));
        }
        Ok(self.activities.complete_activity(request).await?.into_inner())
    }

    pub(crate) async fn cancel(&mut self, name: &str) -> Result<Activity, Status> {
        let ask = CancelActivityRequest { name: name.to_owned(), request_id: id(), ..Default::default() };
        Ok(self.activities.cancel_activity(ask).await?.into_inner())
    }

    /// Syncs an opportunity's stage; the request id is a new one.
    pub(crate) async fn sync(
        &mut self,
        ask: SyncStageActivitiesRequest,
    ) -> Result<SyncStageActivitiesResponse, Status> {
        let ask = SyncStageActivitiesRequest { request_id: id(), ..ask };
        Ok(self.activities.sync_stage_activities(ask).await?.into_inner())
    }

    /// The activity as it stands.
    pub(crate) async fn activity(&mut self, name: &str) -> Activity {
        let ask = GetActivityRequest { name: name.to_owned() };
        self.activities.get_activity(ask).await.expect("the activity is there").into_inner()
    }

    /// The subjects of the activities that a filter finds.
    pub(crate) async fn found(&mut self, filter: &str) -> Vec<String> {
        let ask = ListActivitiesRequest { filter: filter.to_owned(), page_size: 1000, ..Default::default() };
        let page = self.activities.list_activities(ask).await.unwrap_or_else(|no| panic!("{filter}: {no}"));
        page.into_inner().activities.into_iter().map(|activity| activity.subject).collect()
    }

    /// Adds an employee.
    pub(crate) async fn hire(&mut self, display_name: &str, manager: &str) -> Result<Employee, Status> {
        let (display_name, manager) = (display_name.to_owned(), manager.to_owned());
        let employee = Some(Employee { display_name, manager, ..Default::default() });
        let ask = CreateEmployeeRequest { employee, request_id: id(), ..Default::default() };
        Ok(self.employees.create_employee(ask).await?.into_inner())
    }

    /// What happened in a thread, first to last.
    pub(crate) async fn thread(&mut self, thread: &str) -> Vec<Event> {
        let ask = ListEventsRequest { thread: thread.to_owned(), page_size: 1000, ..Default::default() };
        self.feed.list_events(ask).await.expect("the history is read").into_inner().events
    }
}

/// A task about nothing in particular.
pub(crate) fn task(subject: &str) -> Activity {
    Activity { subject: subject.to_owned(), ..Default::default() }
}

/// An activity that a stage plans under its subject as key.
pub(crate) fn planned(subject: &str, required: bool) -> Activity {
    Activity { planned_key: subject.to_owned(), required, ..task(subject) }
}

/// An entry of an opportunity with what it plans.
pub(crate) fn entry(opportunity: &str, number: i32, planned: Vec<Activity>) -> SyncStageActivitiesRequest {
    SyncStageActivitiesRequest {
        opportunity: opportunity.to_owned(),
        stage_entry: format!("stageEntries/{}", id()),
        entry_number: number,
        planned,
        cancel_reason: CancelReason::StageLeft.into(),
        ..Default::default()
    }
}

/// The name of an opportunity in another service.
pub(crate) fn opportunity() -> String {
    format!("opportunities/{}", id())
}

/// A result with a code.
pub(crate) fn result(code: &str) -> AllowedResult {
    AllowedResult {
        code: code.to_owned(),
        caption: format!("it was {code}"),
        effect: "ADVANCE".to_owned(),
        closes_deal: code == "lost",
    }
}
