//! After a win: follow-up activities on the account, once, whichever way the deal was won.

use dealflow::api::new_id;
use dealflow_proto::activities::v1::{Activity, ListActivitiesRequest, activity};
use dealflow_proto::gateway::v1::WinDealRequest;
use dealflow_proto::opportunities::v1::WinOpportunityRequest;
use dealflow_proto::settings::v1::{SettingList, SettingValue, UpdateSettingRequest};
use dealflow_testbed::{TestDb, both};
use dealflow_tests::Sandbox;

/// What is to be done for an account.
async fn of_account(sandbox: &Sandbox, account: &str) -> Vec<Activity> {
    let ask = ListActivitiesRequest { filter: format!("regarding = \"{account}\""), ..Default::default() };
    let api = &sandbox.api;
    api.activities.clone().list_activities(api.ask(ask)).await.expect("listed").into_inner().activities
}

both! {
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
        let wanted = ["TASK 1: Thank the customer", "nonsense", "MEETING 30: Look back together"];
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
