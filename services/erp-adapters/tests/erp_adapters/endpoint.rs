//! UBL to an endpoint: what its answers mean, and one document whatever is lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dealflow_chassis::link::Link;
use dealflow_chassis::serve::Part;
use dealflow_chassis::tls::ClientTls;
use dealflow_erp_adapters::ubl::{EndpointSettings, Place};
use dealflow_gateway::handoff::schedule::RetrySchedule;
use dealflow_gateway::handoff::{Handoffs, Settings as HandoffSettings};
use dealflow_migrations::erp_ubl::Migrator;
use dealflow_migrations::gateway;
use dealflow_proto::erp::v1::handoff_service_client::HandoffServiceClient;
use dealflow_proto::erp::v1::handoff_service_server::HandoffServiceServer;
use dealflow_proto::erp::v1::{GetHandoffRequest, Outcome, ReplayHandoffRequest, handoff};
use dealflow_testbed::{TestClock, TestDb, both, eventually, id};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic_types::StatusExt;

use crate::folder::{SELLERS, link};
use crate::house::{Caller, SO1, order};
use crate::run::new;
use crate::web::{Ask, Reply, serve};

/// What an endpoint received, and how it is to answer next.
#[derive(Default)]
struct Desk {
    asks: Vec<Ask>,
    /// By key: what is taken once.
    taken: HashMap<String, String>,
    next: Vec<Reply>,
}

async fn open(db: &TestDb, repeats: bool) -> (Arc<Mutex<Desk>>, Caller) {
    let (desk, erp) = way(db, repeats).await;
    (desk, Caller::of(erp))
}

async fn way(db: &TestDb, repeats: bool) -> (Arc<Mutex<Desk>>, Link) {
    let desk: Arc<Mutex<Desk>> = Arc::default();
    let behind = desk.clone();
    let url = serve(move |ask| {
        let mut desk = behind.lock().expect("the desk is whole");
        desk.asks.push(ask.clone());
        let fault = desk.next.pop();
        if !matches!(fault, None | Some(Reply::Cut | Reply::Hang)) {
            return fault.expect("there is one");
        }
        let number = format!("E-{}", desk.taken.len() + 1);
        let number = desk.taken.entry(ask.headers["idempotency-key"].clone()).or_insert(number).clone();
        fault.unwrap_or_else(|| Reply::Json(201, json!({ "number": number })))
    })
    .await;
    let settings = EndpointSettings {
        url: format!("{url}/ubl?from=dealflow").parse().expect("an address"),
        tls: ClientTls::believing(None).expect("authorities"),
        token: Some("s3cret".into()),
        patience: Duration::from_millis(500),
        repeats,
    };
    let store = db.store::<Migrator>("erp-ubl", TestClock::new().clock()).await;
    (desk, link(store, Place::Endpoint(settings), SELLERS).expect("it starts"))
}

fn says(desk: &Mutex<Desk>, reply: Reply) {
    desk.lock().expect("the desk is whole").next.push(reply);
}

/// R-SEC-1, platform, item 30: what an endpoint's settings tell of themselves, in a log say, is no secret.
#[test]
fn the_token_of_an_endpoint_is_told_to_nobody() {
    let settings = EndpointSettings {
        url: "https://ubl:CANARY@books.example/ubl?key=CANARY".parse().expect("an address"),
        tls: ClientTls::believing(None).expect("authorities"),
        token: Some("CANARY".into()),
        patience: Duration::from_secs(1),
        repeats: false,
    };
    let told = format!("{settings:?} {:?}", Place::Endpoint(settings.clone()));
    assert!(told.contains("books.example") && !told.contains("CANARY"), "{told}");
}

both! {
    /// R-ERP-1: a document is POSTed as UBL with its key, its id and our token, and its number there is kept.
    async fn a_document_is_posted_with_its_key(db: TestDb) {
        let (desk, erp) = open(&db, true).await;
        let key = id();
        let answer = erp.submit_under(&order(SO1), &key).await.expect("taken");
        assert_eq!((answer.outcome(), answer.erp_number.as_str()), (Outcome::Accepted, "E-1"));
        let again = erp.submit_under(&order(SO1), &key).await.expect("known");
        assert_eq!((again.replayed, again.erp_number.as_str()), (true, "E-1"));
        let desk = desk.lock().expect("the desk is whole");
        let [ask] = &desk.asks[..] else { panic!("one call") };
        assert_eq!((ask.method.as_str(), ask.path.as_str(), ask.query["from"].as_str()), ("POST", "/ubl", "dealflow"));
        assert_eq!((&ask.headers["idempotency-key"], ask.headers["document-id"].as_str()), (&key, SO1));
        assert_eq!(ask.headers["authorization"], "Bearer s3cret");
        let xml = String::from_utf8(ask.body.clone()).expect("text");
        assert_eq!(roxmltree::Document::parse(&xml).expect("XML").root_element().tag_name().name(), "Order");
    }

    /// R-ERP-1: an answer that was lost leads to the same key and bytes again, and to one document.
    async fn a_lost_answer_leads_to_the_same_key_and_bytes_again(db: TestDb) {
        let (desk, erp) = open(&db, true).await;
        let key = id();
        for (lost, code) in [(Reply::Cut, Code::Unknown), (Reply::Hang, Code::DeadlineExceeded)] {
            says(&desk, lost);
            assert_eq!(erp.submit_under(&order(SO1), &key).await.expect_err("lost").code(), code);
            let asked = erp.look_up(SO1).await.expect_err("not noted");
            assert_eq!(asked.code(), Code::NotFound, "what is sent again completes it");
        }
        assert_eq!(erp.submit_under(&order(SO1), &key).await.expect("taken").erp_number, "E-1");
        assert!(erp.look_up(SO1).await.is_ok());
        let desk = desk.lock().expect("the desk is whole");
        assert_eq!((desk.taken.len(), desk.asks.len()), (1, 3));
        assert!(desk.asks.iter().all(|it| it.headers["idempotency-key"] == key && it.body == desk.asks[0].body));
    }

    /// R-ERP-1: an endpoint that knows no keys is not sent to twice by itself; nobody says what nobody knows.
    async fn an_endpoint_that_knows_no_keys_is_not_asked_twice(db: TestDb) {
        let (desk, erp) = open(&db, false).await;
        assert!(!erp.can().await.idempotent);
        says(&desk, Reply::Cut);
        erp.submit(&order(SO1)).await.expect_err("lost");
        let asked = erp.look_up(SO1).await.expect_err("nobody knows");
        assert_eq!(asked.code(), Code::Unavailable);
        assert!(asked.message().contains("replay it as not there"), "{asked}");
        // What was certainly not taken is not there.
        let other = "dealflow:order:SO-2";
        says(&desk, Reply::With(429, &[("retry-after", "7")], String::new()));
        let later = erp.submit(&order(other)).await.expect_err("later");
        assert_eq!(later.get_details_retry_info().and_then(|it| it.retry_delay), Some(Duration::from_secs(7)));
        assert_eq!(erp.look_up(other).await.expect_err("not there").code(), Code::NotFound);
    }

    /// R-ERP-1: what such an endpoint did not answer ends in the dead letters; replayed it ends there again, and it is sent
    /// once an operator has looked and says that it is not there, which history keeps.
    async fn what_an_operator_found_missing_is_sent_again(db: TestDb) {
        let (desk, erp) = way(&db, false).await;
        let store = db.store::<gateway::Migrator>("gateway", TestClock::new().clock()).await;
        let schedule = RetrySchedule { waits: Vec::new(), jitter_percent: 0 };
        let settings = HandoffSettings { look_again: Duration::from_millis(10), schedule, ..HandoffSettings::default() };
        let handoffs = Handoffs::new(store, erp, settings);
        tokio::spawn(handoffs.clone().task(CancellationToken::new()));
        let operator = HandoffServiceClient::new(
            Part::new("gateway").service(HandoffServiceServer::new(handoffs.clone())).link(),
        );
        says(&desk, Reply::Cut);
        let name = handoffs.store(new(&order(SO1))).await.expect("it is stored");
        let becomes = async |state: handoff::State, attempts: usize| {
            eventually(format!("{state:?} after {attempts}"), Duration::from_secs(20), || async {
                let ask = GetHandoffRequest { name: name.clone() };
                let found = operator.clone().get_handoff(ask).await.expect("it is there").into_inner();
                (found.state() == state && found.attempts.len() == attempts).then_some(found)
            })
            .await
        };
        let replay = |not_there: bool| ReplayHandoffRequest { name: name.clone(), not_there, request_id: id(), ..Default::default() };
        becomes(handoff::State::DeadLettered, 1).await;
        operator.clone().replay_handoff(replay(false)).await.expect("a dead letter is replayed");
        let told = becomes(handoff::State::DeadLettered, 2).await;
        assert!(told.last_error.contains("replay it as not there"), "{}", told.last_error);
        operator.clone().replay_handoff(replay(true)).await.expect("it is not there");
        assert_eq!(becomes(handoff::State::Delivered, 3).await.erp_number, "E-1");
        assert_eq!(desk.lock().expect("the desk is whole").asks.len(), 2);
    }

    /// R-ERP-1: the table of statuses; what was not taken can be sent again, with other content too.
    async fn every_status_has_its_meaning(db: TestDb) {
        let (desk, erp) = open(&db, true).await;
        let table = [
            (401, Code::Unauthenticated),
            (403, Code::PermissionDenied),
            (404, Code::Unavailable),
            (405, Code::Unavailable),
            (408, Code::ResourceExhausted),
            (429, Code::ResourceExhausted),
            (500, Code::Internal),
            (502, Code::Internal),
            (503, Code::Internal),
            (302, Code::Internal),
        ];
        for (status, code) in table {
            says(&desk, Reply::With(status, &[], "secret inside".to_owned()));
            let failed = erp.submit(&order(SO1)).await.expect_err("it fails");
            assert_eq!(failed.code(), code, "{status}");
            assert_eq!(erp.look_up(SO1).await.expect_err("not there").code(), Code::NotFound);
        }
        says(&desk, Reply::With(503, &[("retry-after", "60")], String::new()));
        assert_eq!(erp.submit(&order(SO1)).await.expect_err("later").code(), Code::ResourceExhausted);
    }

    /// R-ERP-1: a refusal is an answer, with the endpoint's reasons as data where it gives some.
    async fn a_refusal_is_told_as_data(db: TestDb) {
        let (desk, erp) = open(&db, true).await;
        let given = json!({ "reasons": [{ "code": "CREDIT_LIMIT", "rule": "CL-1", "field": "buyer", "line": 1,
            "expected": "30", "actual": "36.06", "message": "too much", "action": "pay" }] });
        says(&desk, Reply::Json(422, given));
        let reasons = erp.refused(&order(SO1)).await;
        let it = &reasons[0];
        assert_eq!((it.code.as_str(), it.rule.as_str(), it.field.as_str(), it.line_id.as_str()), ("CREDIT_LIMIT", "CL-1", "buyer", "1"));
        assert_eq!((it.expected.as_str(), it.actual.as_str(), it.message.as_str(), it.action.as_str()), ("30", "36.06", "too much", "pay"));
        says(&desk, Reply::Json(400, json!({ "title": "Bad", "detail": "no such buyer" })));
        assert_eq!(erp.refused(&order(SO1)).await[0].message, "no such buyer");
        says(&desk, Reply::Json(422, json!({ "errors": ["one", { "field": "x", "detail": "two" }] })));
        let told: Vec<String> = erp.refused(&order(SO1)).await.into_iter().map(|it| it.message).collect();
        assert_eq!(told, ["one", "two"]);
        says(&desk, Reply::With(409, &[], "known already".to_owned()));
        let reasons = erp.refused(&order(SO1)).await;
        assert_eq!(reasons[0].code, "DUP");
        assert!(reasons[0].message.contains("known already"));
        // Refused is not taken: a corrected document goes under the same id.
        let mut corrected = order(SO1);
        corrected.customer_reference = "PO-78".to_owned();
        erp.booked(&corrected).await;
    }

    /// R-ERP-1: its number is what the endpoint says, the end of its Location, or ours.
    async fn its_number_is_what_the_endpoint_says(db: TestDb) {
        let (desk, erp) = open(&db, true).await;
        let replies = [
            (Reply::Json(200, json!({ "id": 17 })), "17"),
            (Reply::With(201, &[("location", "/documents/D-9/")], String::new()), "D-9"),
            (Reply::With(202, &[], "taken".to_owned()), "SO-3"),
        ];
        for (at, (reply, number)) in replies.into_iter().enumerate() {
            says(&desk, reply);
            assert_eq!(erp.booked(&order(&format!("dealflow:order:SO-{}", at + 1))).await, number);
        }
    }
}
