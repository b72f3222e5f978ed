//! A good request from somebody who does not see the record that it is about: at every RPC of leads, opportunities, runs,
//! deals, activities, interactions and documents as if there were none, in the same words.

use dealflow::api::new_id;
use dealflow_chassis::security::{SecurityConfig, TokenConfig};
use dealflow_chassis::{Clock, Store};
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
use sea_orm::{ConnectionTrait, Statement};
use tonic::Code;
use uuid::Uuid;

use super::table::row;

const ANN: &str = "01890000-0000-7000-8000-00000000000a";
const SERVICES: [&str; 4] = ["LeadService", "OpportunityService", "RunService", "DealService"];
/// Services whose records belong to an opportunity, and to people by themselves.
const BESIDE: [&str; 9] = [
    "ActivityService",
    "InteractionService",
    "QuoteService",
    "ApprovalService",
    "ContractService",
    "OrderService",
    "InvoiceService",
    "CreditNoteService",
    "PaymentService",
];
/// RPCs that are about no record that is there yet, or about nobody's.
const OF_NOBODY: [&str; 14] = [
    "ActivityService/CreateActivity",
    "ActivityService/RunSchedule",
    "QuoteService/ExpireQuotes",
    "ContractService/ExpireContracts",
    "ApprovalService/CreateApprovalPolicy",
    "ApprovalService/UpdateApprovalPolicy",
    "PaymentService/RecordPayment",
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
        let belongings = Belongings::of(&db).await;
        let (mut asked, mut wrong) = (0, Vec::new());
        for method in mutating() {
            let name = short_name(&method);
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            let known = methods::ALL.iter().find(|known| known.path == path).expect("it is in the table");
            let service = method.parent_service().name().to_owned();
            let beside = BESIDE.contains(&service.as_str());
            if !(beside || SERVICES.contains(&service.as_str()))
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
            if beside {
                given = belongings.give_all(&carl).await > 0;
            }
            asked += 1;
            let answer = call(&ann, &method, ask.encode_to_vec()).await;
            match answer {
                _ if !given => wrong.push(format!("{name}: no record of the request could be given to somebody")),
                Err(status) if status.code() == Code::NotFound => {}
                answer => wrong.push(format!("{name}: {answer:?}")),
            }
        }
        assert!(asked > 70, "{asked}");
        assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
        sandbox.stop().await;
    }
}

/// What belongs to somebody by itself, in the databases of its parts: most of it changes its owner by no verb.
struct Belongings {
    orders: Store,
    activities: Store,
}

impl Belongings {
    async fn of(db: &TestDb) -> Self {
        let orders = db.store::<dealflow_migrations::orders::Migrator>("orders", Clock::system()).await;
        let activities = db.store::<dealflow_migrations::activities::Migrator>("activities", Clock::system()).await;
        Self { orders, activities }
    }

    /// Makes all there is somebody's, of deals that nobody sees; how many records these are. (A deal itself may be closed,
    /// and then changes its owner no more.)
    async fn give_all(&self, owner: &str) -> u64 {
        let id: Uuid = owner.trim_start_matches("employees/").parse().expect("an employee's name");
        let (id, name) = (sea_orm::Value::from(id), sea_orm::Value::from(owner));
        let owned = |table: &str| (format!("UPDATE {table} SET owner_id = $1, opportunity_id = id"), vec![id.clone()]);
        let of_order = |table: &str| (format!("UPDATE {table} SET opportunity_id = id"), Vec::new());
        let approvals = "UPDATE approval SET owner = $1, requester = $1, opportunity_id = id";
        let documents = [
            owned("quote"),
            owned("contract"),
            owned("sales_order"),
            of_order("invoice"),
            of_order("credit_note"),
            (approvals.to_owned(), vec![name.clone()]),
            ("DELETE FROM approver".to_owned(), Vec::new()),
        ];
        let activities = "UPDATE activity SET performer = $1, author = $2, regarding = ''";
        let interactions = "UPDATE interaction SET author = $1, regarding = ''";
        let desk =
            [(activities.to_owned(), vec![id.clone(), name.clone()]), (interactions.to_owned(), vec![name.clone()])];
        changed(&self.orders, &documents).await + changed(&self.activities, &desk).await
    }
}

async fn changed(store: &Store, statements: &[(String, Vec<sea_orm::Value>)]) -> u64 {
    let tx = store.begin().await.expect("a transaction");
    let mut count = 0;
    for (sql, values) in statements {
        let statement = Statement::from_sql_and_values(store.backend(), sql, values.clone());
        count += tx.execute_raw(statement).await.expect("it is changed").rows_affected();
    }
    tx.commit().await.expect("it is kept");
    count
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
