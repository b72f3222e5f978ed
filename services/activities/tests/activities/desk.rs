//! What a test begins with: the part in process, and the few things that tests say to it again and again.

use chrono::TimeDelta;
use dealflow_activities::part;
use dealflow_chassis::context::ACTOR;
use dealflow_chassis::link::Link;
use dealflow_migrations::activities::Migrator;
use dealflow_proto::activities::v1::activity::CancelReason;
use dealflow_proto::activities::v1::activity_service_client::ActivityServiceClient;
use dealflow_proto::activities::v1::calendar_service_client::CalendarServiceClient;
use dealflow_proto::activities::v1::category_service_client::CategoryServiceClient;
use dealflow_proto::activities::v1::employee_service_client::EmployeeServiceClient;
use dealflow_proto::activities::v1::interaction_service_client::InteractionServiceClient;
use dealflow_proto::activities::v1::knowledge_service_client::KnowledgeServiceClient;
use dealflow_proto::activities::v1::notification_service_client::NotificationServiceClient;
use dealflow_proto::activities::v1::task_service_client::TaskServiceClient;
use dealflow_proto::activities::v1::*;
use dealflow_proto::convert::timestamp;
use dealflow_proto::feed::v1::feed_service_client::FeedServiceClient;
use dealflow_proto::feed::v1::{Event, ListEventsRequest};
use dealflow_proto::settings::v1::setting_service_client::SettingServiceClient;
use dealflow_proto::settings::v1::{SettingValue, UpdateSettingRequest};
use dealflow_testbed::{TestClock, TestDb, id};
use tonic::{Request, Status};

/// The part and its clients.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) activities: ActivityServiceClient<Link>,
    pub(crate) tasks: TaskServiceClient<Link>,
    pub(crate) categories: CategoryServiceClient<Link>,
    pub(crate) calendars: CalendarServiceClient<Link>,
    pub(crate) notifications: NotificationServiceClient<Link>,
    pub(crate) interactions: InteractionServiceClient<Link>,
    pub(crate) knowledge: KnowledgeServiceClient<Link>,
    pub(crate) employees: EmployeeServiceClient<Link>,
    pub(crate) settings: SettingServiceClient<Link>,
    pub(crate) feed: FeedServiceClient<Link>,
    pub(crate) clock: TestClock,
}

impl Desk {
    pub(crate) async fn open(db: &TestDb) -> Self {
        let clock = TestClock::new();
        let store = db.store::<Migrator>("activities", clock.clock()).await;
        Self::over(part(store).link(), clock)
    }

    /// A desk over one of the replicas.
    pub(crate) fn over(link: Link, clock: TestClock) -> Self {
        Self {
            activities: ActivityServiceClient::new(link.clone()),
            tasks: TaskServiceClient::new(link.clone()),
            categories: CategoryServiceClient::new(link.clone()),
            calendars: CalendarServiceClient::new(link.clone()),
            notifications: NotificationServiceClient::new(link.clone()),
            interactions: InteractionServiceClient::new(link.clone()),
            knowledge: KnowledgeServiceClient::new(link.clone()),
            employees: EmployeeServiceClient::new(link.clone()),
            settings: SettingServiceClient::new(link.clone()),
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

    pub(crate) async fn defer(&mut self, name: &str, hours: i64) -> Result<Activity, Status> {
        let ask = DeferActivityRequest {
            name: name.to_owned(),
            until_time: Some(timestamp(self.clock.now() + TimeDelta::hours(hours))),
            request_id: id(),
            ..Default::default()
        };
        Ok(self.activities.defer_activity(ask).await?.into_inner())
    }

    pub(crate) async fn wait_for(&mut self, name: &str, hours: i64) -> Result<Activity, Status> {
        let ask = WaitForActivityRequest {
            name: name.to_owned(),
            until_time: Some(timestamp(self.clock.now() + TimeDelta::hours(hours))),
            request_id: id(),
            ..Default::default()
        };
        Ok(self.activities.wait_for_activity(ask).await?.into_inner())
    }

    pub(crate) async fn reopen(&mut self, name: &str) -> Result<Activity, Status> {
        let ask = ReopenActivityRequest { name: name.to_owned(), request_id: id(), ..Default::default() };
        Ok(self.activities.reopen_activity(ask).await?.into_inner())
    }

    /// Gives it to somebody, as somebody; nobody said who where the actor is empty.
    pub(crate) async fn reassign_as(&mut self, actor: &str, name: &str, to: &str) -> Result<Activity, Status> {
        let (name, performer) = (name.to_owned(), to.to_owned());
        let ask = ReassignActivityRequest { name, performer, request_id: id(), ..Default::default() };
        Ok(self.activities.reassign_activity(by(actor, ask)).await?.into_inner())
    }

    /// Takes over what is set.
    pub(crate) async fn update(&mut self, activity: Activity) -> Result<Activity, Status> {
        let ask = UpdateActivityRequest { activity: Some(activity), request_id: id(), ..Default::default() };
        Ok(self.activities.update_activity(ask).await?.into_inner())
    }

    /// Does what time asks for.
    pub(crate) async fn run_schedule(&mut self) -> RunScheduleResponse {
        let ask = RunScheduleRequest { request_id: id(), ..Default::default() };
        self.activities.run_schedule(ask).await.expect("the schedule runs").into_inner()
    }

    /// What somebody was told, first to last: kind and title.
    pub(crate) async fn told(&mut self, recipient: &str) -> Vec<(notification::Kind, String)> {
        let ask = ListNotificationsRequest {
            recipient: recipient.to_owned(),
            order_by: "create_time".to_owned(),
            page_size: 1000,
            ..Default::default()
        };
        let page = self.notifications.list_notifications(ask).await.expect("listed").into_inner();
        page.notifications.into_iter().map(|it| (it.kind(), it.title)).collect()
    }

    pub(crate) async fn complete(&mut self, name: &str, result: &str) -> Result<Activity, Status> {
        self.complete_as("", name, result).await
    }

    /// Completes it as somebody; nobody said who where the actor is empty.
    pub(crate) async fn complete_as(&mut self, actor: &str, name: &str, result: &str) -> Result<Activity, Status> {
        let (name, result) = (name.to_owned(), result.to_owned());
        let ask = CompleteActivityRequest { name, result, request_id: id(), ..Default::default() };
        Ok(self.activities.complete_activity(by(actor, ask)).await?.into_inner())
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

    /// Takes over what is set of an employee.
    pub(crate) async fn change(&mut self, employee: Employee) -> Result<Employee, Status> {
        let ask = UpdateEmployeeRequest { employee: Some(employee), request_id: id(), ..Default::default() };
        Ok(self.employees.update_employee(ask).await?.into_inner())
    }

    /// Decides a setting.
    pub(crate) async fn decide(&mut self, key: &str, value: SettingValue) {
        let ask = UpdateSettingRequest {
            name: format!("settings/{key}"),
            value: Some(value),
            request_id: id(),
            ..Default::default()
        };
        self.settings.update_setting(ask).await.expect("decided");
    }

    /// What happened in a thread, first to last.
    pub(crate) async fn thread(&mut self, thread: &str) -> Vec<Event> {
        let ask = ListEventsRequest { thread: thread.to_owned(), page_size: 1000, ..Default::default() };
        self.feed.list_events(ask).await.expect("the history is read").into_inner().events
    }
}

/// A request of an actor; nobody said who where it is empty.
pub(crate) fn by<M>(actor: &str, ask: M) -> Request<M> {
    let mut request = Request::new(ask);
    if !actor.is_empty() {
        request.metadata_mut().insert(ACTOR, actor.parse().expect("a header value"));
    }
    request
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
        needs_text: code == "in_words",
    }
}
