//! Whose records one sees: what a caller does not see is as if it were not there. (That every verb says so is shown by
//! `bad_input/unseen.rs`, at each RPC.)

use dealflow::api::{Api, all_pages, new_id};
use dealflow::suite::PartName;
use dealflow_chassis::link::Link;
use dealflow_chassis::security::{SecurityConfig, TokenConfig};
use dealflow_proto::activities::v1::{
    Activity, CreateActivityRequest, CreateEmployeeRequest, Employee, GetCalendarRequest, GetUnreadCountRequest,
    ListCalendarRequest, ListMyTasksRequest, ListNotificationsRequest, MarkAllReadRequest, MarkReadRequest,
    ShareCalendarRequest, WatchNotificationsRequest,
};
use dealflow_proto::gateway::v1::{CompleteActivityRequest, GetDealRequest, LoseDealRequest, WatchDealRequest};
use dealflow_proto::leads::v1::{CreateLeadRequest, GetLeadRequest, Lead, ListLeadsRequest};
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::opportunities::v1::{
    BatchUpdateOpportunitiesRequest, CreateOpportunityRequest, GetForecastRequest, GetOpportunityRequest,
    GetPipelineRequest, GetProcessDiagramRequest, GetStageFiguresRequest, GetWonLostRequest, ListOpportunitiesRequest,
    ListStageEntriesRequest, ListStartableProcessesRequest, ListTacticsRequest, Opportunity, TeamMember,
};
use dealflow_testbed::keys::{AUDIENCE, ISSUER, Provider};
use dealflow_testbed::{TestDb, both};
use dealflow_tests::Sandbox;
use dealflow_tests::values::usd;
use tonic::{Code, Status};

/// A suite behind tokens.
pub(crate) struct House {
    pub(crate) sandbox: Sandbox,
    provider: Provider,
    /// Where the provider's keys are.
    _folder: tempfile::TempDir,
}

impl House {
    pub(crate) async fn open(db: &TestDb) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let provider = Provider::new("house");
        let tokens = TokenConfig {
            keys: Some(provider.write(folder.path()).display().to_string()),
            issuer: Some(ISSUER.to_owned()),
            audience: Some(AUDIENCE.to_owned()),
            ..TokenConfig::default()
        };
        let security = SecurityConfig { tokens, ..SecurityConfig::default() };
        let sandbox = Sandbox::start_behind(db, security, &provider.token("root", &["admin"])).await;
        Self { sandbox, provider, _folder: folder }
    }

    pub(crate) async fn employ(&self, name: &str, manager: &str) -> String {
        let employee = Employee { display_name: name.to_owned(), manager: manager.to_owned(), ..Employee::default() };
        let ask = CreateEmployeeRequest { employee: Some(employee), request_id: new_id(), ..Default::default() };
        let api = &self.sandbox.api;
        api.employees.clone().create_employee(api.ask(ask)).await.expect("an admin may").into_inner().name
    }

    /// The API as somebody with a role has it.
    pub(crate) fn seen_by(&self, subject: &str, role: &str) -> Api {
        self.seen_at(PartName::Gateway, subject, role)
    }

    /// The same at a part's own port.
    pub(crate) fn seen_at(&self, part: PartName, subject: &str, role: &str) -> Api {
        Api::new(&self.link_to(part, subject, role), "nobody")
    }

    /// The way there, for calls that no generated client makes.
    pub(crate) fn link_to(&self, part: PartName, subject: &str, role: &str) -> Link {
        let link = self.sandbox.open_link_of(part).bearing(&self.provider.token(subject, &[role]));
        link.expect("a token is ASCII")
    }

    async fn deal(&self, title: &str, owner: &str, team: &[&str]) -> String {
        let team = team.iter().map(|employee| TeamMember { employee: (*employee).to_owned(), ..TeamMember::default() });
        let opportunity = Opportunity {
            title: title.to_owned(),
            owner: owner.to_owned(),
            team: team.collect(),
            tactics: format!("how to win {title}"),
            estimated_value: usd(100),
            ..Opportunity::default()
        };
        let ask =
            CreateOpportunityRequest { opportunity: Some(opportunity), request_id: new_id(), ..Default::default() };
        let api = &self.sandbox.api;
        api.opportunities.clone().create_opportunity(api.ask(ask)).await.expect("an admin may").into_inner().name
    }

    pub(crate) async fn lead(&self, title: &str, owner: &str) -> String {
        let lead = Lead {
            title: title.to_owned(),
            owner: owner.to_owned(),
            company_name: title.to_owned(),
            ..Lead::default()
        };
        let ask = CreateLeadRequest { lead: Some(lead), request_id: new_id(), ..Default::default() };
        let api = &self.sandbox.api;
        api.leads.clone().create_lead(api.ask(ask)).await.expect("an admin may").into_inner().name
    }
}

/// The titles of the deals that a caller's list holds, page by page.
async fn deals(api: &Api) -> Vec<String> {
    let listed = all_pages(async |page_token| {
        let ask = ListOpportunitiesRequest { page_size: 2, page_token, ..Default::default() };
        let page = api.opportunities.clone().list_opportunities(api.ask(ask)).await?.into_inner();
        Ok((page.opportunities, page.next_page_token))
    });
    let mut titles: Vec<String> = listed.await.expect("a list").into_iter().map(|deal| deal.title).collect();
    titles.sort();
    titles
}

async fn leads(api: &Api) -> Vec<String> {
    let ask = ListLeadsRequest::default();
    let page = api.leads.clone().list_leads(api.ask(ask)).await.expect("a list").into_inner();
    let mut titles: Vec<String> = page.leads.into_iter().map(|lead| lead.title).collect();
    titles.sort();
    titles
}

/// How many deals pipeline, forecast and the way through the stages count.
async fn counted(api: &Api, owners: &[&str]) -> [i64; 3] {
    let owners: Vec<String> = owners.iter().map(|owner| (*owner).to_owned()).collect();
    let mut analytics = api.analytics.clone();
    let ask = GetPipelineRequest { owners: owners.clone(), ..Default::default() };
    let pipeline = analytics.get_pipeline(api.ask(ask)).await.expect("figures").into_inner().rows;
    let ask = GetForecastRequest { owners: owners.clone(), ..Default::default() };
    let forecast = analytics.get_forecast(api.ask(ask)).await.expect("figures").into_inner().rows;
    let ask = GetStageFiguresRequest { owners, ..Default::default() };
    let stages = analytics.get_stage_figures(api.ask(ask)).await.expect("figures").into_inner().rows;
    [
        pipeline.iter().map(|row| row.count).sum(),
        forecast.iter().map(|row| row.count).sum(),
        stages.iter().map(|row| row.entry_count).sum(),
    ]
}

/// What is said of a record that is not seen is what is said of one that is not there.
pub(crate) fn is_missing<T: std::fmt::Debug>(answer: Result<T, Status>, name: &str) {
    let refused = answer.expect_err(name);
    assert_eq!((refused.code(), refused.message()), (Code::NotFound, format!("there is no {name}").as_str()));
}

both! {
    /// R-SEC-1: owner, team and who leads them see a deal, all the way up; a lead its owner and who leads him. Roles that
    /// see all see all. What is nobody's is everybody's.
    async fn owner_team_and_managers_see_a_record(db: TestDb) {
        let house = House::open(&db).await;
        let head = house.employ("Head", "").await;
        let chief = house.employ("Chief", &head).await;
        let ann = house.employ("Ann", &chief).await;
        let bob = house.employ("Bob", &chief).await;
        let carl = house.employ("Carl", "").await;
        house.deal("ann's", &ann, &[]).await;
        house.deal("bob's", &bob, &[]).await;
        house.deal("carl's", &carl, &[]).await;
        house.deal("carl's with ann", &carl, &[&ann]).await;
        house.deal("nobody's", "", &[]).await;
        house.lead("ann's lead", &ann).await;
        house.lead("carl's lead", &carl).await;

        let rep = house.seen_by(&ann, "sales_rep");
        assert_eq!(deals(&rep).await, ["ann's", "carl's with ann", "nobody's"]);
        assert_eq!(leads(&rep).await, ["ann's lead"]);
        assert_eq!(deals(&house.seen_by(&bob, "sales_rep")).await, ["bob's", "nobody's"]);
        assert_eq!(deals(&house.seen_by("stranger", "sales_rep")).await, ["nobody's"]);
        for manager in [&chief, &head] {
            let manager = house.seen_by(manager, "sales_manager");
            assert_eq!(deals(&manager).await, ["ann's", "bob's", "carl's with ann", "nobody's"]);
            assert_eq!(leads(&manager).await, ["ann's lead"]);
        }
        for all in ["sales_ops", "operator", "auditor", "service"] {
            assert_eq!(deals(&house.seen_by("back", all)).await.len(), 5, "{all}");
        }
        let tactics = rep.opportunities.clone().list_tactics(rep.ask(ListTacticsRequest::default())).await.expect("a list");
        assert_eq!(tactics.into_inner().tactics.len(), 3, "of the three that she sees");

        // At a part's own port nobody knows whom one leads, and nobody is believed who says it.
        let direct = house.seen_at(PartName::Opportunities, &chief, "sales_manager");
        assert_eq!(deals(&direct).await, ["nobody's"]);
        let mut posing = direct.ask(ListOpportunitiesRequest::default());
        let carls = carl.trim_start_matches("employees/").parse().expect("it is ASCII");
        posing.metadata_mut().insert("dealflow-sees", carls);
        let page = direct.opportunities.clone().list_opportunities(posing).await.expect("a list").into_inner();
        assert_eq!(page.opportunities.len(), 1);
        house.sandbox.stop().await;
    }

    /// R-SEC-1: what one does not see is not there, by its name, beside its name, in a batch, in the view of its deal; it
    /// leaves no trace in any figure.
    async fn what_one_does_not_see_is_not_there(db: TestDb) {
        let house = House::open(&db).await;
        let ann = house.employ("Ann", "").await;
        let carl = house.employ("Carl", "").await;
        let of_ann = house.deal("ann's", &ann, &[]).await;
        let of_carl = house.deal("carl's", &carl, &[]).await;
        house.deal("nobody's", "", &[]).await;
        let lead_of_ann = house.lead("ann's lead", &ann).await;
        let lead_of_carl = house.lead("carl's lead", &carl).await;
        let rep = house.seen_by(&ann, "sales_rep");
        let opportunity = || of_carl.clone();

        let mut sales = rep.opportunities.clone();
        assert!(sales.get_opportunity(rep.ask(GetOpportunityRequest { name: of_ann.clone() })).await.is_ok());
        is_missing(sales.get_opportunity(rep.ask(GetOpportunityRequest { name: opportunity() })).await, &of_carl);
        let entries = ListStageEntriesRequest { opportunity: opportunity(), ..Default::default() };
        is_missing(sales.list_stage_entries(rep.ask(entries)).await, &of_carl);
        let startable = ListStartableProcessesRequest { opportunity: opportunity(), ..Default::default() };
        is_missing(rep.processes.clone().list_startable_processes(rep.ask(startable)).await, &of_carl);
        let name = "processes/corporate-sale".to_owned();
        let diagram = GetProcessDiagramRequest { name, opportunity: opportunity(), ..Default::default() };
        is_missing(rep.processes.clone().get_process_diagram(rep.ask(diagram)).await, &of_carl);
        let batch = BatchUpdateOpportunitiesRequest {
            names: vec![of_ann.clone(), of_carl.clone()],
            opportunity: Some(Opportunity { name: "opportunities/-".to_owned(), title: "mine".to_owned(), ..Opportunity::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["title".to_owned()] }),
            request_id: new_id(),
            ..Default::default()
        };
        is_missing(sales.batch_update_opportunities(rep.ask(batch)).await, &of_carl);
        is_missing(rep.deals.clone().get_deal(rep.ask(GetDealRequest { opportunity: opportunity(), ..Default::default() })).await, &of_carl);
        let watch = rep.deals.clone().watch_deal(rep.ask(WatchDealRequest { opportunity: opportunity() })).await;
        is_missing(watch.map(drop), &of_carl);
        let lose = |opportunity: &str| LoseDealRequest {
            opportunity: opportunity.to_owned(),
            reason: LoseReason::Price.into(),
            request_id: new_id(),
            ..Default::default()
        };
        is_missing(rep.deals.clone().lose_deal(rep.ask(lose(&of_carl))).await, &of_carl);
        assert!(rep.leads.clone().get_lead(rep.ask(GetLeadRequest { name: lead_of_ann })).await.is_ok());
        is_missing(rep.leads.clone().get_lead(rep.ask(GetLeadRequest { name: lead_of_carl.clone() })).await, &lead_of_carl);

        for all in [&house.sandbox.api, &house.seen_by("back", "auditor")] {
            assert_eq!(counted(all, &[]).await, [3, 3, 3], "pipeline, forecast, stages");
        }
        assert_eq!(counted(&rep, &[]).await, [1, 1, 1]);
        assert_eq!(counted(&rep, &[&ann, &carl]).await, [1, 1, 1]);
        assert_eq!(counted(&rep, &[&carl]).await, [0, 0, 0], "whom she may not see she may not count either");
        let house_api = &house.sandbox.api;
        house_api.deals.clone().lose_deal(house_api.ask(lose(&of_carl))).await.expect("an admin may");
        rep.deals.clone().lose_deal(rep.ask(lose(&of_ann))).await.expect("her own she loses");
        let lost = async |api: &Api| {
            let rows = api.analytics.clone().get_won_lost(api.ask(GetWonLostRequest::default())).await.expect("figures");
            rows.into_inner().rows.iter().map(|row| row.lost_count).sum::<i64>()
        };
        assert_eq!((lost(house_api).await, lost(&rep).await), (2, 1));
        house.sandbox.stop().await;
    }

    /// R-SEC-1: a deal is seen whole by who sees it, but for a lead that is somebody else's; and what is one's own to do
    /// one does, in whosever deal.
    async fn a_deal_of_ones_own_may_come_from_a_lead_of_somebody_elses(db: TestDb) {
        let house = House::open(&db).await;
        let ann = house.employ("Ann", "").await;
        let carl = house.employ("Carl", "").await;
        let api = &house.sandbox.api;
        let lead = house.lead("carl's lead", &carl).await;
        let sale = Opportunity { title: "from it".to_owned(), owner: ann.clone(), lead: lead.clone(), ..Opportunity::default() };
        let ask = CreateOpportunityRequest { opportunity: Some(sale), request_id: new_id(), ..Default::default() };
        let deal = api.opportunities.clone().create_opportunity(api.ask(ask)).await.expect("an admin may").into_inner().name;
        let view = async |api: &Api| {
            let ask = api.ask(GetDealRequest { opportunity: deal.clone(), ..Default::default() });
            api.deals.clone().get_deal(ask).await.expect("it is seen").into_inner()
        };
        let told = view(api).await;
        assert!(told.lead.is_some() && told.timeline.iter().any(|event| event.subject == lead));
        let rep = house.seen_by(&ann, "sales_rep");
        let told = view(&rep).await;
        assert!(told.lead.is_none() && told.timeline.iter().all(|event| event.subject != lead), "{:?}", told.timeline);
        assert!(rep.deals.clone().watch_deal(rep.ask(WatchDealRequest { opportunity: deal.clone() })).await.is_ok());

        let zed = house.employ("Zed", "").await;
        let task = Activity { subject: "look".to_owned(), regarding: deal.clone(), performer: zed.clone(), ..Activity::default() };
        let ask = CreateActivityRequest { activity: Some(task), request_id: new_id(), ..Default::default() };
        let task = api.activities.clone().create_activity(api.ask(ask)).await.expect("an admin may").into_inner().name;
        let complete = |api: &Api| {
            api.ask(CompleteActivityRequest { activity: task.clone(), request_id: new_id(), ..Default::default() })
        };
        let stranger = house.seen_by(&carl, "sales_rep");
        is_missing(stranger.deals.clone().complete_activity(complete(&stranger)).await, &task);
        let performer = house.seen_by(&zed, "sales_rep");
        performer.deals.clone().complete_activity(complete(&performer)).await.expect("it is his to do");
        house.sandbox.stop().await;
    }

    /// R-SEC-1: tasks, calendar and notifications are one's own, and those of whom one leads.
    async fn a_desk_is_its_owners_and_of_who_leads_him(db: TestDb) {
        let house = House::open(&db).await;
        let chief = house.employ("Chief", "").await;
        let ann = house.employ("Ann", &chief).await;
        let carl = house.employ("Carl", "").await;
        let api = &house.sandbox.api;
        let task = Activity { subject: "call".to_owned(), performer: ann.clone(), ..Activity::default() };
        let ask = CreateActivityRequest { activity: Some(task), request_id: new_id(), ..Default::default() };
        api.activities.clone().create_activity(api.ask(ask)).await.expect("an admin may");
        let news = ListNotificationsRequest { recipient: ann.clone(), ..Default::default() };
        let news = api.notifications.clone().list_notifications(api.ask(news)).await.expect("a list").into_inner();
        let news = news.notifications.into_iter().next().expect("she was told of it").name;

        for (subject, sees) in [(&ann, true), (&chief, true), (&carl, false)] {
            let api = house.seen_by(subject, "sales_rep");
            let whose = || ann.clone();
            let answers: Vec<(&str, Result<(), Status>)> = vec![
                ("tasks", {
                    let ask = ListMyTasksRequest { performer: whose(), ..Default::default() };
                    api.tasks.clone().list_my_tasks(api.ask(ask)).await.map(drop)
                }),
                ("calendar", {
                    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
                    let (start_time, end_time) = (time(1_000_000_000), time(4_000_000_000));
                    let ask = ListCalendarRequest { owners: vec![whose()], start_time, end_time, ..Default::default() };
                    api.calendars.clone().list_calendar(api.ask(ask)).await.map(drop)
                }),
                ("file", api.calendars.clone().get_calendar(api.ask(GetCalendarRequest { owner: whose() })).await.map(drop)),
                ("share", {
                    let ask = ShareCalendarRequest { owner: whose(), request_id: new_id(), ..Default::default() };
                    api.calendars.clone().share_calendar(api.ask(ask)).await.map(drop)
                }),
                ("news", {
                    let ask = ListNotificationsRequest { recipient: whose(), ..Default::default() };
                    api.notifications.clone().list_notifications(api.ask(ask)).await.map(drop)
                }),
                ("unread", {
                    let ask = GetUnreadCountRequest { recipient: whose() };
                    api.notifications.clone().get_unread_count(api.ask(ask)).await.map(drop)
                }),
                ("watch", {
                    let ask = WatchNotificationsRequest { recipient: whose(), ..Default::default() };
                    api.notifications.clone().watch_notifications(api.ask(ask)).await.map(drop)
                }),
                ("read", {
                    let ask = MarkReadRequest { name: news.clone(), request_id: new_id(), ..Default::default() };
                    api.notifications.clone().mark_read(api.ask(ask)).await.map(drop)
                }),
                ("all read", {
                    let ask = MarkAllReadRequest { recipient: whose(), request_id: new_id(), ..Default::default() };
                    api.notifications.clone().mark_all_read(api.ask(ask)).await.map(drop)
                }),
            ];
            for (what, answer) in answers {
                match sees {
                    true => answer.unwrap_or_else(|status| panic!("{what} of {subject}: {status:?}")),
                    false => is_missing(answer, if what == "read" { &news } else { &ann }),
                }
            }
        }
        house.sandbox.stop().await;
    }
}
