//! R-ANA-1: what was won and lost, by the people who own the deals.

use dealflow::api::new_id;
use dealflow::suite::PartName;
use dealflow_proto::activities::v1::{CreateEmployeeRequest, Employee};
use dealflow_proto::convert;
use dealflow_proto::gateway::v1::{LoseDealRequest, WinDealRequest};
use dealflow_proto::leads::v1::{Account, CreateAccountRequest};
use dealflow_proto::opportunities::v1::get_won_lost_request::GroupBy;
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::opportunities::v1::{CreateOpportunityRequest, GetWonLostRequest, Opportunity, WonLostRow};
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::values::usd;
use tonic::Code;

async fn hire(sandbox: &Sandbox, manager: &str, team: &str, office: &str) -> String {
    let [manager, team, office] = [manager, team, office].map(str::to_owned);
    let employee = Employee { display_name: sandbox.unique(), manager, team, office, ..Employee::default() };
    let ask = CreateEmployeeRequest { employee: Some(employee), request_id: new_id(), ..Default::default() };
    sandbox.api.employees.clone().create_employee(sandbox.api.ask(ask)).await.expect("hired").into_inner().name
}

/// A deal that was won for so much, or lost.
async fn closed(sandbox: &Sandbox, owner: &str, won: Option<i64>) {
    let api = &sandbox.api;
    let account = Account { display_name: sandbox.unique(), ..Account::default() };
    let ask = CreateAccountRequest { account: Some(account), request_id: new_id(), ..Default::default() };
    let account = api.accounts.clone().create_account(api.ask(ask)).await.expect("made").into_inner().name;
    let (title, owner) = (sandbox.unique(), owner.to_owned());
    let opportunity = Opportunity { title, owner, account, ..Opportunity::default() };
    let ask = CreateOpportunityRequest { opportunity: Some(opportunity), request_id: new_id(), ..Default::default() };
    let opportunity =
        api.opportunities.clone().create_opportunity(api.ask(ask)).await.expect("opened").into_inner().name;
    let request_id = new_id();
    if let Some(worth) = won {
        let ask = WinDealRequest {
            opportunity,
            actual_value: usd(worth),
            spent_minutes: Some(90),
            request_id,
            ..Default::default()
        };
        api.deals.clone().win_deal(api.ask(ask)).await.expect("won");
    } else {
        let ask = LoseDealRequest { opportunity, reason: LoseReason::Price.into(), request_id, ..Default::default() };
        api.deals.clone().lose_deal(api.ask(ask)).await.expect("lost");
    }
}

fn by(group_by: GroupBy, owners: Vec<String>) -> GetWonLostRequest {
    GetWonLostRequest { group_by: group_by.into(), owners, ..GetWonLostRequest::default() }
}

async fn rows(sandbox: &Sandbox, ask: GetWonLostRequest) -> Vec<WonLostRow> {
    sandbox.api.analytics.clone().get_won_lost(sandbox.api.ask(ask)).await.expect("counted").into_inner().rows
}

/// Key, won, lost, won value, win rate, hours of a won one.
fn figures(row: &WonLostRow) -> (&str, i64, i64, String, String, String) {
    let value = row.won_value.as_ref().map(|money| convert::decimal_of(money).expect("money").to_string());
    let text = |it: &Option<dealflow_proto::google::type_::Decimal>| it.clone().unwrap_or_default().value;
    let (rate, hours) = (text(&row.win_rate_percent), text(&row.mean_won_hours));
    (&row.key, row.won_count, row.lost_count, value.unwrap_or_default(), rate, hours)
}

both! {
    /// R-ANA-1: by team, manager and office, joined at the gateway; whoever is in none, and nobody, under the empty key.
    async fn what_was_won_and_lost_is_counted_by_team_manager_and_office(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let boss = hire(&sandbox, "", "", "Central").await;
        let (ann, ben) = (hire(&sandbox, &boss, "North", "Central").await, hire(&sandbox, &boss, "North", "East").await);
        let cara = hire(&sandbox, "", "South", "East").await;
        for (owner, won) in [
            (&ann, Some(100)),
            (&ann, None),
            (&ben, Some(50)),
            (&cara, None),
            (&boss, Some(7)),
            (&String::new(), None),
        ] {
            closed(&sandbox, owner, won).await;
        }
        let row = |key: &'static str, won, lost, value: &str, rate: &str, hours: &str| {
            (key, won, lost, value.to_owned(), rate.to_owned(), hours.to_owned())
        };
        let all = |group_by| by(group_by, Vec::new());
        let teams = rows(&sandbox, all(GroupBy::Team)).await;
        assert_eq!(teams.iter().map(figures).collect::<Vec<_>>(), [
            row("", 1, 1, "7", "50", "1.5"),
            row("North", 2, 1, "150", "66.67", "1.5"),
            row("South", 0, 1, "0", "0", ""),
        ]);
        let offices = rows(&sandbox, all(GroupBy::Office)).await;
        assert_eq!(offices.iter().map(figures).collect::<Vec<_>>(), [
            row("", 0, 1, "0", "0", ""),
            row("Central", 2, 1, "107", "66.67", "1.5"),
            row("East", 1, 1, "50", "50", "1.5"),
        ]);
        let managers = rows(&sandbox, all(GroupBy::Manager)).await;
        let led: Vec<_> = managers.iter().map(|row| (row.key.as_str(), row.won_count, row.lost_count)).collect();
        assert_eq!(led, [("", 1, 2), (boss.as_str(), 2, 1)]);

        // Those that were asked for, and no others.
        let some = rows(&sandbox, by(GroupBy::Team, vec![ben.clone(), cara.clone()])).await;
        let counted: Vec<_> = some.iter().map(|row| (row.key.as_str(), row.won_count, row.lost_count)).collect();
        assert_eq!(counted, [("North", 1, 0), ("South", 0, 1)]);

        // The part itself knows no people; what it knows the gateway answers as the part does.
        let mut part = sandbox.direct(PartName::Opportunities).analytics;
        for group_by in [GroupBy::Team, GroupBy::Manager, GroupBy::Office] {
            let refused = refusal(&part.get_won_lost(all(group_by)).await.expect_err("it knows no people"));
            assert_eq!((refused.code, refused.field_names()), (Code::InvalidArgument, vec!["group_by"]));
        }
        let owners = part.get_won_lost(all(GroupBy::Owner)).await.expect("counted").into_inner().rows;
        assert_eq!(rows(&sandbox, all(GroupBy::Owner)).await, owners);
        sandbox.finish().await;
    }
}
