//! A good request from somebody who does not see the record that it is about: at every RPC of leads, opportunities, runs
//! and deals as if there were none, in the same words.

use dealflow::api::new_id;
use dealflow_chassis::security::{SecurityConfig, TokenConfig};
use dealflow_proto::access::v1::Permission;
use dealflow_proto::activities::v1::{CreateEmployeeRequest, Employee, GetActivityRequest};
use dealflow_proto::gateway::v1::FulfillDealRequest;
use dealflow_proto::leads::v1::{DisqualifyLeadRequest, Lead, ReactivateLeadRequest, UpdateLeadRequest, lead};
use dealflow_proto::methods;
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::opportunities::v1::{
    CreateFollowUpOpportunityRequest, LoseOpportunityRequest, Opportunity, UpdateOpportunityRequest,
};
use dealflow_proto::orders::v1::GetOrderRequest;
use dealflow_testbed::keys::{AUDIENCE, ISSUER, Provider};
use dealflow_testbed::{TestDb, both};
use dealflow_tests::Sandbox;
use dealflow_tests::raw::{call, mutating, short_name};
use prost::Message;
use prost_reflect::{DynamicMessage, Value};
use prost_types::FieldMask;
use tonic::Code;

use super::table::row;

const ANN: &str = "01890000-0000-7000-8000-00000000000a";
const SERVICES: [&str; 4] = ["LeadService", "OpportunityService", "RunService", "DealService"];
/// RPCs that are about no lead and no opportunity that is there yet, or about nobody's.
const OF_NOBODY: [&str; 7] = [
    "LeadService/CreateLead",
    "LeadService/ImportLeads",
    "OpportunityService/CreateOpportunity",
    "OpportunityService/CreateLoseReason",
    "OpportunityService/UpdateLoseReason",
    "RunService/MigrateRuns",
    "DealService/StartDeal",
];

/// All that anybody may, but not to everybody's records.
fn roles() -> String {
    let permissions = Permission::all().filter(|it| ![Permission::Parts, Permission::RecordsAll].contains(it));
    let words: Vec<String> = permissions.map(Permission::word).collect();
    format!("admin: *\nnarrow: {}\n", words.join(" "))
}

both! {
    /// R-SEC-1
    async fn what_is_not_seen_is_missing_at_every_rpc(db: TestDb) {
        let folder = tempfile::tempdir().expect("a folder");
        let house = Provider::new("house");
        let table = folder.path().join("roles.txt");
        std::fs::write(&table, roles()).expect("it is written");
        let tokens = TokenConfig {
            keys: Some(house.write(folder.path()).display().to_string()),
            issuer: Some(ISSUER.to_owned()),
            audience: Some(AUDIENCE.to_owned()),
            ..TokenConfig::default()
        };
        let security = SecurityConfig { tokens, roles: Some(table), caller_rate: 0, ..SecurityConfig::default() };
        let sandbox = Sandbox::start_behind(&db, security, &house.token("root", &["admin"])).await;
        let ann = sandbox.open_link().bearing(&house.token(ANN, &["narrow"])).expect("a token is ASCII");
        let api = &sandbox.api;
        let employee = Some(Employee { display_name: "Carl".to_owned(), ..Employee::default() });
        let ask = CreateEmployeeRequest { employee, request_id: new_id(), ..Default::default() };
        let carl = api.employees.clone().create_employee(api.ask(ask)).await.expect("an admin may").into_inner().name;
        let (mut asked, mut wrong) = (0, Vec::new());
        for method in mutating() {
            let name = short_name(&method);
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            let known = methods::ALL.iter().find(|known| known.path == path).expect("it is in the table");
            if !SERVICES.contains(&method.parent_service().name())
                || OF_NOBODY.contains(&name.as_str())
                || known.permission() == Permission::Parts
            {
                continue;
            }
            let closed = of_closed(&name, &sandbox, &carl).await;
            let mut given = closed.is_some();
            let ask = match closed {
                Some(ask) => ask,
                None => row(&name, &sandbox).await.expect("the table has a row for each").ask,
            };
            let mut ask = DynamicMessage::decode(method.input(), ask.as_slice()).expect("the row is of this RPC");
            ask.set_field_by_name("request_id", Value::String(new_id()));
            let mut names = Vec::new();
            texts(&Value::Message(ask.clone()), &mut names);
            for name in &names {
                given = given || give(&sandbox, name, &carl).await;
            }
            asked += 1;
            let answer = call(&ann, &method, ask.encode_to_vec()).await;
            match answer {
                _ if !given => wrong.push(format!("{name}: no record of the request could be given to somebody")),
                Err(status) if status.code() == Code::NotFound => {}
                answer => wrong.push(format!("{name}: {answer:?}")),
            }
        }
        assert!(asked > 25, "{asked}");
        assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
        sandbox.stop().await;
    }
}

/// The requests that are about what is closed: it was given to Carl before.
async fn of_closed(method: &str, sandbox: &Sandbox, carl: &str) -> Option<Vec<u8>> {
    let api = &sandbox.api;
    match method {
        "LeadService/ReactivateLead" => {
            let name = sandbox.lead().await.name;
            assert!(give(sandbox, &name, carl).await);
            let (reason, request_id) = (lead::DisqualifyReason::Lost.into(), new_id());
            let ask = DisqualifyLeadRequest { name: name.clone(), reason, request_id, ..Default::default() };
            api.leads.clone().disqualify_lead(api.ask(ask)).await.expect("an admin may");
            Some(ReactivateLeadRequest { name, ..Default::default() }.encode_to_vec())
        }
        "OpportunityService/CreateFollowUpOpportunity" => {
            let name = sandbox.deal_without_process().await;
            assert!(give(sandbox, &name, carl).await);
            let (reason, request_id) = (LoseReason::Price.into(), new_id());
            let ask = LoseOpportunityRequest { name: name.clone(), reason, request_id, ..Default::default() };
            api.opportunities.clone().lose_opportunity(api.ask(ask)).await.expect("an admin may");
            Some(CreateFollowUpOpportunityRequest { name, ..Default::default() }.encode_to_vec())
        }
        "DealService/FulfillDeal" => {
            let opportunity = sandbox.deal_without_process().await;
            assert!(give(sandbox, &opportunity, carl).await);
            sandbox.propose(&opportunity).await;
            sandbox.accept(&opportunity).await;
            Some(FulfillDealRequest { opportunity, ..Default::default() }.encode_to_vec())
        }
        _ => None,
    }
}

/// All texts of a message.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Message(message) => message.fields().for_each(|(_, value)| texts(value, found)),
        Value::List(values) => values.iter().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// Gives the lead or opportunity of this name, or that an activity or order of it belongs to, to Carl.
async fn give(sandbox: &Sandbox, name: &str, carl: &str) -> bool {
    let (api, owner) = (&sandbox.api, || carl.to_owned());
    let update_mask = || Some(FieldMask { paths: vec!["owner".to_owned()] });
    match name.split('/').next().unwrap_or_default() {
        "leads" => {
            let lead = Some(Lead { name: name.to_owned(), owner: owner(), ..Lead::default() });
            let ask =
                UpdateLeadRequest { lead, update_mask: update_mask(), request_id: new_id(), ..Default::default() };
            api.leads.clone().update_lead(api.ask(ask)).await.is_ok()
        }
        "opportunities" => {
            let opportunity = Some(Opportunity { name: name.to_owned(), owner: owner(), ..Opportunity::default() });
            let update_mask = update_mask();
            let ask = UpdateOpportunityRequest { opportunity, update_mask, request_id: new_id(), ..Default::default() };
            api.opportunities.clone().update_opportunity(api.ask(ask)).await.is_ok()
        }
        "activities" => {
            let ask = GetActivityRequest { name: name.to_owned() };
            let Ok(activity) = api.activities.clone().get_activity(api.ask(ask)).await else { return false };
            Box::pin(give(sandbox, &activity.into_inner().regarding, carl)).await
        }
        "orders" => {
            let ask = GetOrderRequest { name: name.to_owned() };
            let Ok(order) = api.orders.clone().get_order(api.ask(ask)).await else { return false };
            Box::pin(give(sandbox, &order.into_inner().opportunity, carl)).await
        }
        _ => false,
    }
}
