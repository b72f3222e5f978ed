//! Lists: forged page tokens, filters and orders, pages of impossible sizes.

use dealflow::api::new_id;
use dealflow_proto::activities::v1::{CreateEmployeeRequest, Employee};
use dealflow_testbed::{TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::raw::{API, call, required, short_name};
use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, MethodDescriptor, Value};
use tonic::Code;

/// Lists of the API: an RPC whose request has an order.
fn lists() -> impl Iterator<Item = MethodDescriptor> {
    let services: Vec<_> = API.services().collect();
    let methods = services.into_iter().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.filter(|method| method.input().get_field_by_name("order_by").is_some())
}

/// A request with what it must have beside filter and order: whose list it is, and the interval of a calendar.
fn of_somebody(method: &MethodDescriptor, employee: &str, deal: &str) -> DynamicMessage {
    let mut ask = DynamicMessage::new(method.input());
    for name in required(&method.input()) {
        let field = method.input().get_field_by_name(&name).expect("it is a field of the request");
        let value = match name.as_str() {
            "start_time" => time(&field, 1_800_000_000),
            "end_time" => time(&field, 1_900_000_000),
            "opportunity" => Value::String(deal.to_owned()),
            "process" => Value::String("processes/corporate-sale".to_owned()),
            "name" => Value::String("settings/leads.qualification_guard".to_owned()),
            _ if field.is_list() => Value::List(vec![Value::String(employee.to_owned())]),
            _ => Value::String(employee.to_owned()),
        };
        ask.set_field(&field, value);
    }
    ask
}

fn time(field: &FieldDescriptor, seconds: i64) -> Value {
    let kind = field.kind();
    let mut time = DynamicMessage::new(kind.as_message().expect("a time is a message").clone());
    time.set_field_by_name("seconds", Value::I64(seconds));
    Value::Message(time)
}

/// Lists that are none of records: the way up from an employee, which is whole or nothing; the feed of events and the
/// documents of an ERP, which are read on from where one was.
const OTHERWISE: [&str; 3] = ["EmployeeService/ListManagers", "FeedService/ListEvents", "ErpService/ListDocuments"];

/// R-API-1, AIP-132, AIP-158: a list is asked for page by page, by filter and in an order, and tells where the next begins.
#[test]
fn every_list_has_pages_a_filter_and_an_order() {
    let services: Vec<_> = API.services().collect();
    let methods = services.iter().flat_map(|service| service.methods().collect::<Vec<_>>());
    let mut seen = 0;
    for method in methods.filter(|method| method.name().starts_with("List")) {
        let name = short_name(&method);
        if OTHERWISE.contains(&name.as_str()) {
            continue;
        }
        seen += 1;
        for field in ["page_size", "page_token", "filter", "order_by"] {
            assert!(method.input().get_field_by_name(field).is_some(), "{name} has no {field}");
        }
        assert!(method.output().get_field_by_name("next_page_token").is_some(), "{name} tells of no next page");
    }
    assert!(seen >= 35, "{seen} lists");
}

both! {
    /// R-API-1
    async fn every_list_refuses_what_it_does_not_understand_and_names_the_field(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let bad: [(&str, Value); 9] = [
            ("page_token", Value::String("forged".to_owned())),
            ("page_token", Value::String("AAAA".repeat(20))),
            ("page_token", Value::String("\u{1f600}".to_owned())),
            ("page_size", Value::I32(-1)),
            ("filter", Value::String("no_such_field =".to_owned())),
            ("filter", Value::String("no_such_field = \"x\"".to_owned())),
            ("filter", Value::String("create_time > \"x\" OR".to_owned())),
            ("filter", Value::String("'; DROP TABLE lead; --".to_owned())),
            ("order_by", Value::String("no_such_field desc".to_owned())),
        ];
        let employee = Employee { display_name: sandbox.unique(), ..Employee::default() };
        let hire = CreateEmployeeRequest { employee: Some(employee), request_id: new_id(), ..Default::default() };
        let hired = sandbox.api.employees.clone().create_employee(sandbox.api.ask(hire)).await;
        let employee = hired.expect("the employee is added").into_inner().name;
        let deal = sandbox.bare_opportunity().await.name;
        let (mut wrong, mut cases) = (Vec::new(), 0);
        for method in lists() {
            for (field, value) in &bad {
                cases += 1;
                let mut ask = of_somebody(&method, &employee, &deal);
                ask.set_field_by_name(field, value.clone());
                let answer = call(&sandbox.link, &method, ask.encode_to_vec()).await;
                let refused = answer.as_ref().err().map(refusal);
                let right = refused.as_ref().is_some_and(|refused| {
                    let reason = matches!(refused.reason.as_str(), "INVALID_LIST" | "INVALID_FIELDS");
                    refused.code == Code::InvalidArgument && reason && refused.field_names() == [*field]
                });
                if !right {
                    wrong.push(format!("{} with {field} = {value:?}: {answer:?}", short_name(&method)));
                }
            }
        }
        println!("{cases} cases at {} lists", lists().count());
        assert!(lists().count() >= 10 && wrong.is_empty(), "{}", wrong.join("\n"));
        sandbox.stop().await;
    }
}
