//! What people see of a deal across the suite: who is told of its end, and what their calendars show on its way.

use dealflow::api::new_id;
use dealflow::suite::PartName;
use dealflow_proto::activities::v1::notification::Kind;
use dealflow_proto::activities::v1::{
    Activity, CreateActivityRequest, CreateEmployeeRequest, CreateInteractionRequest, Employee, Interaction,
    ListCalendarRequest, ListNotificationsRequest, Notification, interaction,
};
use dealflow_proto::gateway::v1::{LoseDealRequest, StartProcessRequest, WinDealRequest};
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::opportunities::v1::{
    CreateOpportunityRequest, LoseOpportunityRequest, Opportunity, WinOpportunityRequest,
};
use dealflow_testbed::{TestDb, both};
use dealflow_tests::faults::Trace;
use dealflow_tests::{Fault, Sandbox};
use prost_types::Timestamp;

const GOES: &str = "a step of the script goes through";

async fn hire(sandbox: &Sandbox, manager: &str) -> String {
    let employee = Employee { display_name: sandbox.unique(), manager: manager.to_owned(), ..Employee::default() };
    let ask = CreateEmployeeRequest { employee: Some(employee), request_id: new_id(), ..Default::default() };
    sandbox.api.employees.clone().create_employee(sandbox.api.ask(ask)).await.expect(GOES).into_inner().name
}

/// A deal of nothing that could be ordered: it is won without a customer.
async fn owned(sandbox: &Sandbox, owner: &str) -> Opportunity {
    let opportunity = Opportunity { title: sandbox.unique(), owner: owner.to_owned(), ..Opportunity::default() };
    let ask = CreateOpportunityRequest { opportunity: Some(opportunity), request_id: new_id(), ..Default::default() };
    sandbox.api.opportunities.clone().create_opportunity(sandbox.api.ask(ask)).await.expect(GOES).into_inner()
}

async fn told(sandbox: &Sandbox, recipient: &str, deal: &str) -> Vec<Notification> {
    let ask = ListNotificationsRequest {
        recipient: recipient.to_owned(),
        filter: format!("deal = \"{deal}\""),
        page_size: 1000,
        ..Default::default()
    };
    let page = sandbox.api.notifications.clone().list_notifications(sandbox.api.ask(ask)).await;
    page.expect(GOES).into_inner().notifications
}

async fn lose(sandbox: &Sandbox, trace: &Trace, opportunity: String) {
    let reason = LoseReason::Price.into();
    let ask = LoseDealRequest { opportunity, reason, request_id: new_id(), ..Default::default() };
    sandbox.api.deals.clone().lose_deal(trace.carry(sandbox.api.ask(ask))).await.expect(GOES);
}

both! {
    /// R-OPP-4, R-FLW-1, R-FLW-2: by the verb as by the feed, with any reply lost on the way and the suite killed behind
    /// it, the owner of a deal that was won or lost and the owner's manager are told exactly once each.
    async fn owner_and_manager_are_told_once_by_whichever_way_a_deal_is_closed(db: TestDb) {
        let mut sandbox = Sandbox::start(&db).await;
        let boss = hire(&sandbox, "").await;
        let anna = hire(&sandbox, &boss).await;
        let mut closed = Vec::new();

        let deal = owned(&sandbox, &anna).await;
        let ask = WinDealRequest { opportunity: deal.name.clone(), request_id: new_id(), ..Default::default() };
        for _ in 0..2 {
            sandbox.api.deals.clone().win_deal(sandbox.api.ask(ask.clone())).await.expect(GOES);
        }
        closed.push((deal, Kind::DealWon));

        let deal = owned(&sandbox, &anna).await;
        let trace = sandbox.faults.plan(None);
        lose(&sandbox, &trace, deal.name.clone()).await;
        closed.push((deal, Kind::DealLost));
        let calls = sandbox.faults.calls(&trace);
        assert!(calls.iter().any(|call| call.ends_with("NotifyDealClosed")), "{calls:?}");
        for at in 1..=calls.len() {
            let deal = owned(&sandbox, &anna).await;
            let trace = sandbox.faults.plan(Some((at, Fault::LoseReply)));
            lose(&sandbox, &trace, deal.name.clone()).await;
            closed.push((deal, Kind::DealLost));
        }

        let direct = sandbox.direct(PartName::Opportunities);
        let deal = owned(&sandbox, &anna).await;
        let ask = WinOpportunityRequest { name: deal.name.clone(), request_id: new_id(), ..Default::default() };
        direct.opportunities.clone().win_opportunity(direct.ask(ask)).await.expect(GOES);
        closed.push((deal, Kind::DealWon));
        let deal = owned(&sandbox, &anna).await;
        let ask = LoseOpportunityRequest {
            name: deal.name.clone(),
            reason: LoseReason::NoBudget.into(),
            request_id: new_id(),
            ..Default::default()
        };
        direct.opportunities.clone().lose_opportunity(direct.ask(ask)).await.expect(GOES);
        closed.push((deal, Kind::DealLost));
        sandbox.kill().await;
        sandbox.restart().await;
        sandbox.rest().await;

        println!("{} deals closed by verb and feed, {} with a lost reply", closed.len(), calls.len());
        for (deal, kind) in &closed {
            for who in [&anna, &boss] {
                let told = told(&sandbox, who, &deal.name).await;
                let kinds: Vec<_> = told.iter().map(|it| it.kind()).collect();
                assert_eq!(kinds, [*kind], "{} to {who}", deal.title);
                assert!(told[0].title.ends_with(&deal.title), "{}", told[0].title);
            }
        }
        sandbox.finish().await;
    }

    /// R-ACT-3, R-STG-3, R-ACT-5: Qualification → Proposal → back → Presentation: at every step the owner's calendar is
    /// what the deal asks for; an interaction stands in the deal's timeline.
    async fn the_owners_calendar_is_right_at_every_step_of_a_jump(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let anna = hire(&sandbox, "").await;
        let deal = owned(&sandbox, &anna).await.name;
        let ask = StartProcessRequest {
            opportunity: deal.clone(),
            process: "processes/corporate-sale".to_owned(),
            request_id: new_id(),
            ..Default::default()
        };
        sandbox.api.deals.clone().start_process(sandbox.api.ask(ask)).await.expect(GOES);
        let manual = Activity {
            subject: "Send flowers".to_owned(),
            regarding: deal.clone(),
            performer: anna.clone(),
            due_time: Some(Timestamp { seconds: chrono::Utc::now().timestamp() + 86_400, nanos: 0 }),
            ..Activity::default()
        };
        let ask = CreateActivityRequest { activity: Some(manual), request_id: new_id(), ..Default::default() };
        let manual = sandbox.api.activities.clone().create_activity(sandbox.api.ask(ask)).await.expect(GOES).into_inner();
        let mut seen = Vec::new();
        for (stage, count) in [("", 2), ("proposal", 3), ("qualification", 2), ("presentation", 1)] {
            if !stage.is_empty() {
                sandbox.move_to(&deal, &format!("stages/{stage}")).await;
            }
            let mut shown = calendar(&sandbox, &anna).await;
            let mut open: Vec<String> = sandbox.to_do(&deal).await.into_iter().map(|it| it.name).collect();
            assert_eq!(open.len(), count, "{stage}");
            seen.extend(open.clone());
            open.push(manual.name.clone());
            shown.sort_unstable();
            open.sort_unstable();
            assert_eq!(shown, open, "{stage}");
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 8, "each visit makes its activities anew");

        let said = Interaction {
            regarding: deal.clone(),
            channel: interaction::Channel::Phone.into(),
            subject: "Asked for the drawings".to_owned(),
            ..Interaction::default()
        };
        let ask = CreateInteractionRequest { interaction: Some(said), request_id: new_id(), ..Default::default() };
        sandbox.api.interactions.clone().create_interaction(sandbox.api.ask(ask)).await.expect(GOES);
        let view = sandbox.view(&deal).await;
        let recorded = view.timeline.iter().filter(|event| event.r#type == "interaction.recorded").count();
        assert_eq!(recorded, 1, "it is part of the timeline");
        sandbox.finish().await;
    }
}

/// The names of what a person's calendar shows in the next 100 days.
async fn calendar(sandbox: &Sandbox, owner: &str) -> Vec<String> {
    let now = chrono::Utc::now().timestamp();
    let ask = ListCalendarRequest {
        owners: vec![owner.to_owned()],
        start_time: Some(Timestamp { seconds: now - 86_400, nanos: 0 }),
        end_time: Some(Timestamp { seconds: now + 100 * 86_400, nanos: 0 }),
        page_size: 1000,
        ..Default::default()
    };
    let page = sandbox.api.calendars.clone().list_calendar(sandbox.api.ask(ask)).await.expect(GOES).into_inner();
    page.entries.into_iter().filter_map(|entry| entry.activity).map(|activity| activity.name).collect()
}
