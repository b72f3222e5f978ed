//! After a win: follow-up activities on the account, once, whichever way the deal was won.

use dealflow::api::new_id;
use dealflow::suite::PartName;
use dealflow_proto::activities::v1::{
    Activity, CreateEmployeeRequest, Employee, ListActivitiesRequest, UpdateEmployeeRequest, activity,
};
use dealflow_proto::gateway::v1::WinDealRequest;
use dealflow_proto::opportunities::v1::{Opportunity, UpdateOpportunityRequest, WinOpportunityRequest, opportunity};
use dealflow_proto::settings::v1::{SettingList, SettingValue, UpdateSettingRequest};
use dealflow_testbed::{TestDb, both};
use dealflow_tests::Sandbox;

/// What is to be done for an account.
async fn of_account(sandbox: &Sandbox, account: &str) -> Vec<Activity> {
    let ask = ListActivitiesRequest { filter: format!("regarding = \"{account}\""), ..Default::default() };
    let api = &sandbox.api;
    api.activities.clone().list_activities(api.ask(ask)).await.expect("listed").into_inner().activities
}

async fn hire(sandbox: &Sandbox, manager: &str) -> String {
    let employee = Employee { display_name: sandbox.unique(), manager: manager.to_owned(), ..Employee::default() };
    let ask = CreateEmployeeRequest { employee: Some(employee), request_id: new_id(), ..Default::default() };
    sandbox.api.employees.clone().create_employee(sandbox.api.ask(ask)).await.expect("hired").into_inner().name
}

async fn leaves(sandbox: &Sandbox, name: &str) {
    let employee = Employee { name: name.to_owned(), active: Some(false), ..Employee::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["active".to_owned()] });
    let ask =
        UpdateEmployeeRequest { employee: Some(employee), update_mask, request_id: new_id(), ..Default::default() };
    sandbox.api.employees.clone().update_employee(sandbox.api.ask(ask)).await.expect("gone");
}

/// A deal of somebody's, as whoever keeps opportunities alone writes it.
async fn owned(sandbox: &Sandbox, owner: &str) -> Opportunity {
    let deal = sandbox.deal_without_process().await;
    let opportunity = Opportunity { name: deal, owner: owner.to_owned(), ..Opportunity::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["owner".to_owned()] });
    let ask = UpdateOpportunityRequest {
        opportunity: Some(opportunity),
        update_mask,
        request_id: new_id(),
        ..Default::default()
    };
    let mut opportunities = sandbox.direct(PartName::Opportunities).opportunities;
    opportunities.update_opportunity(ask).await.expect("it is open").into_inner()
}

both! {
    /// R-OPP-5, R-FLW-1: a win ends completely, whoever owned the deal: his nearest manager who is here follows up, and
    /// where nobody is, or nobody is known, it waits for whoever takes it.
    async fn a_deal_whose_owner_has_left_is_won_and_followed_up_by_who_is_here(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let api = &sandbox.api;
        let top = hire(&sandbox, "").await;
        let middle = hire(&sandbox, &top).await;
        let owner = hire(&sandbox, &middle).await;
        let lonely = hire(&sandbox, "").await;
        for gone in [&owner, &middle, &lonely] {
            leaves(&sandbox, gone).await;
        }
        let unknown = format!("employees/{}", new_id());
        for directly in [false, true] {
            for (owner, performer) in [(&owner, top.as_str()), (&lonely, ""), (&unknown, "")] {
                let deal = owned(&sandbox, owner).await;
                if directly {
                    let ask = WinOpportunityRequest { name: deal.name.clone(), request_id: new_id(), ..Default::default() };
                    sandbox.direct(PartName::Opportunities).opportunities.win_opportunity(ask).await.expect("won");
                } else {
                    let ask = WinDealRequest { opportunity: deal.name.clone(), request_id: new_id(), ..Default::default() };
                    let won = api.deals.clone().win_deal(api.ask(ask.clone())).await.expect("won").into_inner();
                    assert_eq!(won.opportunity.map(|deal| deal.state()), Some(opportunity::State::Won));
                    assert!(won.order.is_some(), "and all the rest is done");
                    api.deals.clone().win_deal(api.ask(ask)).await.expect("the same answer");
                }
                sandbox.rest().await;
                let made = of_account(&sandbox, &deal.account).await;
                let performers: Vec<&str> = made.iter().map(|activity| activity.performer.as_str()).collect();
                assert_eq!(performers, [performer], "directly: {directly}");
            }
        }
        sandbox.stop().await;
    }

    /// R-OPP-5: after a win there is a follow-up activity on the account, made once, by the verb and by the feed alike.
    async fn a_win_leaves_follow_up_activities_on_the_account(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let api = &sandbox.api;
        for directly in [false, true] {
            let deal = sandbox.deal_without_process().await;
            let opportunity = sandbox.view(&deal).await.opportunity.expect("there is one");
            assert!(of_account(&sandbox, &opportunity.account).await.is_empty());
            if directly {
                let ask = WinOpportunityRequest { name: deal.clone(), request_id: new_id(), ..Default::default() };
                api.opportunities.clone().win_opportunity(api.ask(ask)).await.expect("won");
            } else {
                let ask = WinDealRequest { opportunity: deal.clone(), request_id: new_id(), ..Default::default() };
                api.deals.clone().win_deal(api.ask(ask.clone())).await.expect("won");
                api.deals.clone().win_deal(api.ask(ask)).await.expect("the same answer");
            }
            sandbox.rest().await;
            let made = of_account(&sandbox, &opportunity.account).await;
            let [call] = made.as_slice() else { panic!("one activity: {made:?}") };
            assert_eq!((call.r#type(), call.state()), (activity::Type::Call, activity::State::NotStarted));
            assert_eq!((&call.performer, call.stage_entry.as_str()), (&opportunity.owner, ""));
            let day = |time: Option<prost_types::Timestamp>| time.map(|time| time.seconds / 86_400);
            assert!(day(call.due_time) > day(opportunity.update_time), "it is due in days to come");
        }
        sandbox.stop().await;
    }

    /// R-OPP-5: which activities, a setting says; none where it says none.
    async fn which_activities_follow_a_win_a_setting_says(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let api = &sandbox.api;
        let wanted = ["TASK 1: Thank the customer", "MEETING 30: Look back together"];
        for items in [wanted.map(str::to_owned).to_vec(), vec![]] {
            let value = SettingValue { list: Some(SettingList { items: items.clone() }), ..Default::default() };
            let name = "settings/gateway.after_win".to_owned();
            let ask = UpdateSettingRequest { name, value: Some(value), request_id: new_id(), ..Default::default() };
            api.settings.clone().update_setting(api.ask(ask)).await.expect("it is changed");
            let deal = sandbox.deal_without_process().await;
            let account = sandbox.view(&deal).await.opportunity.expect("there is one").account;
            let ask = WinDealRequest { opportunity: deal, request_id: new_id(), ..Default::default() };
            api.deals.clone().win_deal(api.ask(ask)).await.expect("won");
            let expected = if items.is_empty() { vec![] } else { vec!["Thank the customer", "Look back together"] };
            let made = of_account(&sandbox, &account).await;
            let subjects: Vec<String> = made.into_iter().map(|activity| activity.subject).collect();
            assert_eq!(subjects, expected);
        }
        sandbox.stop().await;
    }
}
