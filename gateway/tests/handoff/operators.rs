//! R-ERP-1: dead letters are explained and mended, refusals are data and reach the owner.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dealflow_gateway::handoff::record::{Kind, State};
use dealflow_gateway::handoff::schedule::RetrySchedule;
use dealflow_gateway::handoff::{Followed, Rejection, Settings};
use dealflow_proto::erp::v1::{
    AbandonHandoffRequest, AdoptHandoffRequest, Document, FaultKind, Handoff, ListHandoffsRequest,
    ReplayHandoffRequest, SubmitOrderRequest, handoff,
};
use dealflow_testbed::{TestDb, both, eventually, id, refusal};
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::{Code, Status};

use crate::house::{House, LONG, credit_note, invoice, order, settings};

/// One failure is one too many: the quick way to the dead letters.
fn impatient() -> Settings {
    Settings { schedule: RetrySchedule { waits: Vec::new(), jitter_percent: 0 }, ..settings() }
}

async fn dead_letter(house: &House, document: &Document) -> Handoff {
    house.plan(&[(FaultKind::ErrorBeforeCommit, 1, &document.external_id)]).await;
    let name = house.hand_over(document).await;
    house.becomes(&name, State::DeadLettered).await
}

fn replay(name: &str, request_id: String) -> ReplayHandoffRequest {
    ReplayHandoffRequest { name: name.to_owned(), request_id, ..Default::default() }
}

/// As a clerk would, past the gateway.
pub(crate) async fn enter_by_hand(house: &House, document: &Document) -> String {
    let body = document.encode_to_vec();
    let ask = SubmitOrderRequest {
        external_id: document.external_id.clone(),
        idempotency_key: id(),
        document_sha256: Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect(),
        document: body,
    };
    house.erp_client().submit_order(ask).await.expect("it is booked").into_inner().erp_number
}

both! {
    /// R-ERP-1
    async fn a_refusal_comes_with_its_reasons_and_reaches_the_owner(db: TestDb) {
        let told = Arc::new(Mutex::new(Vec::<Rejection>::new()));
        let (ears, tries) = (told.clone(), Arc::new(AtomicU32::new(0)));
        let hook = move |rejection: Rejection| -> futures::future::BoxFuture<'static, Result<Followed, Status>> {
            // The first time the owner is away.
            let away = tries.fetch_add(1, Ordering::Relaxed) == 0;
            if !away {
                ears.lock().expect("nobody panicked").push(rejection);
            }
            Box::pin(async move { if away { Err(Status::unavailable("away")) } else { Ok(Followed::Yes) } })
        };
        let house = House::build(db, Settings {
            on_rejected: Some(Arc::new(hook)),
            tell_again: Duration::from_millis(20),
            ..settings()
        })
        .await;
        house.work();
        let mut document = order("SO-1");
        if let Some(total) = document.totals.as_mut().and_then(|totals| totals.total_vat.as_mut()) {
            total.nanos = 10_000_000;
        }
        let name = house.hand_over(&document).await;
        let found = house.becomes(&name, State::Rejected).await;
        assert!(found.reasons.iter().any(|reason| reason.code == "TOTALS_MISMATCH" && reason.field.contains("vat")));
        assert!(found.next_attempt_time.is_none(), "a refusal is not tried again");
        eventually("the owner to be told", LONG, || async { house.all().await[0].owner_told }).await;
        let told = told.lock().expect("nobody panicked").clone();
        let [rejection] = told.as_slice() else { panic!("told once when it worked: {told:?}") };
        assert_eq!((rejection.kind, rejection.record.as_str()), (Kind::Order, found.document.as_str()));
        assert!(rejection.reason.starts_with("rejected: TOTALS_MISMATCH"), "{}", rejection.reason);
        assert_eq!(rejection.reasons.len(), found.reasons.len());
        assert_eq!(house.times_sent(&document.external_id).await, 1);
    }

    /// R-ERP-1
    async fn other_content_in_the_erp_is_a_dead_letter_and_never_an_overwrite(db: TestDb) {
        let house = House::open(db).await;
        let document = order("SO-1");
        let mut other = document.clone();
        other.customer_reference = "PO 7".to_owned();
        let number = enter_by_hand(&house, &other).await;
        let name = house.hand_over(&document).await;
        let found = house.becomes(&name, State::DeadLettered).await;
        assert!(found.last_error.contains("ALREADY_EXISTS") && found.last_error.contains(&number), "{}", found.last_error);
        assert_eq!(house.books().await.len(), 1);
        assert_ne!(house.books().await[0].document_sha256, found.document_sha256);
    }

    /// R-ERP-1
    async fn the_same_content_in_the_erp_is_a_delivery(db: TestDb) {
        let house = House::open(db).await;
        let document = order("SO-1");
        let number = enter_by_hand(&house, &document).await;
        let name = house.hand_over(&document).await;
        assert_eq!(house.becomes(&name, State::Delivered).await.erp_number, number);
    }

    /// R-ERP-1, R-API-1
    async fn a_replay_sends_the_same_key_and_bytes(db: TestDb) {
        let house = House::build(db, impatient()).await;
        house.work();
        let document = order("SO-1");
        let dead = dead_letter(&house, &document).await;
        let request_id = id();
        let replayed = house.operator().replay_handoff(replay(&dead.name, request_id.clone())).await;
        let replayed = replayed.expect("a dead letter is replayed").into_inner();
        assert_eq!((replayed.state(), replayed.attempt_count), (handoff::State::Ready, 0));
        let found = house.becomes(&dead.name, State::Delivered).await;
        let again = house.operator().replay_handoff(replay(&dead.name, request_id)).await;
        assert_eq!(again.expect("the same request").into_inner(), replayed, "the same answer");
        let journal = house.journal(&document.external_id).await;
        let methods: Vec<_> = journal.iter().map(|entry| entry.method.as_str()).collect();
        assert_eq!(methods, ["SubmitOrder", "GetDocumentStatus", "SubmitOrder"]);
        assert_eq!(journal[0].idempotency_key, journal[2].idempotency_key);
        assert_eq!(journal[0].document_sha256, journal[2].document_sha256);
        assert_eq!(found.attempts.len(), 3);
    }

    /// R-ERP-1
    async fn an_adopted_order_lets_its_invoices_go(db: TestDb) {
        let house = House::build(db, impatient()).await;
        house.work();
        let document = order("SO-1");
        let dead = dead_letter(&house, &document).await;
        let waiting = house.hand_over(&invoice(&document, "INV-1")).await;
        assert_eq!(house.get(&waiting).await.state(), handoff::State::Blocked);
        let erp_number = enter_by_hand(&house, &document).await;
        let ask = AdoptHandoffRequest {
            name: dead.name,
            etag: dead.etag,
            erp_number: erp_number.clone(),
            request_id: id(),
            ..Default::default()
        };
        let adopted = house.operator().adopt_handoff(ask).await.expect("a dead letter is adopted").into_inner();
        assert_eq!((adopted.state(), adopted.erp_number), (handoff::State::Delivered, erp_number));
        house.becomes(&waiting, State::Delivered).await;
    }

    /// R-ERP-1, R-API-1
    async fn what_is_abandoned_or_delivered_changes_no_more(db: TestDb) {
        let house = House::build(db, impatient()).await;
        house.work();
        let dead = dead_letter(&house, &order("SO-1")).await;
        let abandon = |etag: &str, validate_only: bool| AbandonHandoffRequest {
            name: dead.name.clone(),
            etag: etag.to_owned(),
            reason: "the customer withdrew".to_owned(),
            request_id: id(),
            validate_only,
        };
        let mut operator = house.operator();
        let stale = operator.abandon_handoff(abandon("1", false)).await.expect_err("the etag is old");
        assert_eq!(refusal(&stale).reason, "STALE_ETAG");
        operator.abandon_handoff(abandon("", true)).await.expect("it would be accepted");
        assert_eq!(house.get(&dead.name).await, dead, "validate_only changes nothing");
        let abandoned = operator.abandon_handoff(abandon(&dead.etag, false)).await.expect("it is abandoned").into_inner();
        assert_eq!(abandoned.state(), handoff::State::Abandoned);
        let refused = operator.replay_handoff(replay(&dead.name, id())).await.expect_err("it is final");
        assert_eq!(refusal(&refused).reason, "TERMINAL");

        let delivered = house.hand_over(&order("SO-2")).await;
        house.becomes(&delivered, State::Delivered).await;
        let refused = operator.replay_handoff(replay(&delivered, id())).await.expect_err("it is final");
        assert_eq!(refusal(&refused).reason, "TERMINAL");
        let unknown = format!("handoffs/{}", id());
        let missing = operator.replay_handoff(replay(&unknown, id())).await.expect_err("it is not there");
        assert_eq!((missing.code(), refusal(&missing).resource), (Code::NotFound, Some(unknown)));
        let nameless = operator.replay_handoff(replay("orders/7", id())).await.expect_err("it is no hand-over");
        assert_eq!(nameless.code(), Code::InvalidArgument);
        let silent = AbandonHandoffRequest { name: dead.name.clone(), request_id: id(), ..Default::default() };
        let refused = operator.abandon_handoff(silent).await.expect_err("no reason was given");
        assert_eq!(refusal(&refused).field_names(), ["reason"]);
    }

    /// R-ERP-1: what waits for a document that is abandoned is abandoned with it, and its own waiters; what waits for one
    /// that never comes can be given up by itself.
    async fn what_waits_for_an_abandoned_document_is_abandoned_with_it(db: TestDb) {
        let house = House::build(db, impatient()).await;
        house.work();
        let document = order("SO-1");
        let dead = dead_letter(&house, &document).await;
        let bill = invoice(&document, "INV-1");
        let waiting = [house.hand_over(&bill).await, house.hand_over(&credit_note(&bill, "CN-1")).await];
        let alone = house.hand_over(&invoice(&order("SO-9"), "INV-9")).await;
        let abandon = |name: &str| AbandonHandoffRequest {
            name: name.to_owned(),
            reason: "the customer withdrew".to_owned(),
            request_id: id(),
            ..Default::default()
        };
        let mut operator = house.operator();
        operator.abandon_handoff(abandon(&dead.name)).await.expect("a dead letter is abandoned");
        for name in &waiting {
            let found = house.get(name).await;
            assert_eq!((found.state(), found.next_attempt_time), (handoff::State::Abandoned, None), "{name}");
        }
        assert_eq!(house.get(&alone).await.state(), handoff::State::Blocked, "it waits for another");
        operator.abandon_handoff(abandon(&alone)).await.expect("what waits can be given up");
        assert_eq!(house.get(&alone).await.state(), handoff::State::Abandoned);

        // What comes later waits for nothing either: it is refused, and goes once the ERP has its order.
        let late = house.hand_over(&invoice(&document, "INV-2")).await;
        let found = house.get(&late).await;
        assert_eq!((found.state(), found.attempts.len()), (handoff::State::Rejected, 0));
        assert_eq!(found.reasons[0].code, "DEPENDENCY_ABANDONED");
        assert!(found.last_error.contains(&document.external_id), "{}", found.last_error);
        enter_by_hand(&house, &document).await;
        operator.replay_handoff(replay(&late, id())).await.expect("it is sent");
        house.becomes(&late, State::Delivered).await;
    }

    /// R-ERP-1
    async fn operators_list_what_is_stuck(db: TestDb) {
        let house = House::build(db, impatient()).await;
        house.work();
        let dead = dead_letter(&house, &order("SO-1")).await;
        let delivered = house.hand_over(&order("SO-2")).await;
        house.becomes(&delivered, State::Delivered).await;
        for (filter, wanted) in [
            ("state = \"DEAD_LETTERED\"".to_owned(), vec![dead.name.clone()]),
            ("type = \"INVOICE\"".to_owned(), vec![]),
            ("external_id = \"df:order:SO-2\"".to_owned(), vec![delivered.clone()]),
            (format!("opportunity = \"{}\"", dead.opportunity), vec![dead.name.clone(), delivered.clone()]),
        ] {
            let ask = ListHandoffsRequest { filter: filter.clone(), ..Default::default() };
            let page = house.operator().list_handoffs(ask).await.expect("it is a filter").into_inner();
            let names: Vec<String> = page.handoffs.into_iter().map(|it| it.name).collect();
            assert_eq!(names, wanted, "{filter}");
        }
        let newest = ListHandoffsRequest { order_by: "create_time desc".to_owned(), ..Default::default() };
        let page = house.operator().list_handoffs(newest).await.expect("it is an order").into_inner();
        let names: Vec<String> = page.handoffs.into_iter().map(|it| it.name).collect();
        assert_eq!(names, [delivered, dead.name]);
    }
}
