//! What an operator does with a flow that cannot end by itself (R-FLW-3).

use std::future::Future;
use std::time::{Duration, Instant};

use dealflow::api::{Api, new_id};
use dealflow_chassis::link::{Link, LinkConfig};
use dealflow_proto::activities::v1::{CompleteActivityRequest, ListActivitiesRequest};
use dealflow_proto::gateway::v1::QualifyLeadRequest;
use dealflow_proto::google::type_::{Decimal, Money};
use dealflow_proto::leads::v1::{CreateLeadRequest, Lead};
use dealflow_proto::opportunities::v1::GetOpportunityRequest;
use dealflow_proto::orders::v1::{CreateOrderRequest, Order};
use dealflow_proto::types::v1::{Bant, BudgetStatus, Line, Need, Vat, VatCategory};
use serde_json::Value;

use super::run;
use super::serve::Serving;

/// How long something may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn a_parked_flow_is_listed_with_its_reason_run_again_and_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(folder.path());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let order = runtime.block_on(async {
        let link = Link::remote(&serving.gateway, &LinkConfig::default()).expect("an address");
        park(&Api::new(&link, "tests")).await
    });

    let flows = |args: &[&str]| run(&[&["flows"], args, &["--gateway", &serving.gateway, "--json"]].concat()).json(0);
    let parked = until(|| flows(&["list", "--state", "parked"])["flows"].as_array().and_then(|it| it.first()).cloned());
    let name = parked["name"].as_str().expect("a name").to_owned();
    assert_eq!((&parked["verb"], &parked["state"]), (&"FollowEvent".into(), &"PARKED".into()));
    assert!(parked["reason"].as_str().is_some_and(|reason| reason.contains(&order)), "{parked}");

    let retried = flows(&["retry", &name]);
    assert_eq!(retried["state"], "RUNNING");
    // The order stands still.
    until(|| Some(flows(&["show", &name])).filter(|flow| flow["state"] == "PARKED"));
    let table = run(&["flows", "list", "--state", "parked", "--gateway", &serving.gateway]);
    assert!(table.out.contains("CancelOrder"), "people are told what to do: {}", table.out);
    let widest = table.out.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(120), "{widest:?} columns: {}", table.out);

    let given_up = flows(&["abandon", &name, "--reason", "the customer pays after all"]);
    assert_eq!((&given_up["state"], &given_up["reason"]), (&"ABANDONED".into(), &"the customer pays after all".into()));
    assert_eq!(flows(&["list", "--state", "parked"])["flows"], Value::Array(Vec::new()));
}

/// Loses, in the service of activities, a deal that is ordered: the order's name.
async fn park(api: &Api) -> String {
    let bant = Bant { budget_status: BudgetStatus::CanBuy.into(), need: Need::MustHave.into(), ..Bant::default() };
    let lead = Lead { company_name: "Aldermoor".to_owned(), bant: Some(bant), ..Lead::default() };
    let ask = CreateLeadRequest { lead: Some(lead), request_id: new_id(), ..CreateLeadRequest::default() };
    let lead = api.leads.clone().create_lead(api.ask(ask)).await.expect("captured").into_inner().name;
    let ask = QualifyLeadRequest { lead, request_id: new_id(), ..QualifyLeadRequest::default() };
    let deal = api.deals.clone().qualify_lead(api.ask(ask)).await.expect("qualified").into_inner().opportunity;
    let deal = deal.expect("qualifying opens a deal");
    let line = Line {
        description: "Pump".to_owned(),
        quantity: Some(Decimal { value: "1".to_owned() }),
        unit_price: Some(Money { currency_code: "USD".to_owned(), units: 100, nanos: 0 }),
        vat: Some(Vat { category: VatCategory::Standard.into(), rate: Some(Decimal { value: "20".to_owned() }) }),
        ..Line::default()
    };
    let order = Order {
        opportunity: deal.name.clone(),
        account: deal.account.clone(),
        currency_code: "USD".to_owned(),
        lines: vec![line],
        ..Order::default()
    };
    let ask = CreateOrderRequest { order: Some(order), request_id: new_id(), ..CreateOrderRequest::default() };
    let order = api.orders.clone().create_order(api.ask(ask)).await.expect("ordered").into_inner().name;
    eventually(|| async {
        let ask = GetOpportunityRequest { name: deal.name.clone() };
        let now = api.opportunities.clone().get_opportunity(api.ask(ask)).await.expect("it is there").into_inner();
        (now.reserved_order == order).then_some(())
    })
    .await;
    let filter = format!("regarding = \"{}\"", deal.name);
    let ask = ListActivitiesRequest { filter, ..ListActivitiesRequest::default() };
    let open = api.activities.clone().list_activities(api.ask(ask)).await.expect("listed").into_inner().activities;
    let loses = open.iter().find(|it| it.allowed_results.iter().any(|result| result.code == "no_budget"));
    let (name, result) = (loses.expect("one may lose").name.clone(), "no_budget".to_owned());
    let ask = CompleteActivityRequest { name, result, request_id: new_id(), ..CompleteActivityRequest::default() };
    api.activities.clone().complete_activity(api.ask(ask)).await.expect("its service knows of no order");
    order
}

async fn eventually<F: Future<Output = Option<()>>>(look: impl Fn() -> F) {
    let start = Instant::now();
    while look().await.is_none() {
        assert!(start.elapsed() < DEADLINE, "it does not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn until<T>(look: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "it does not come");
    }
}
