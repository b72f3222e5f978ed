//! R-ERP-1, R-ORD-1, R-INV-1: what follows an order and an invoice, and what the ERP does with them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use dealflow_gateway::handoff::record::State;
use dealflow_gateway::handoff::{Followed, News, Settings};
use dealflow_proto::erp::v1::{
    AbandonHandoffRequest, AdoptHandoffRequest, BusinessStatus, Document, ErpEvent, FaultKind, GetTargetRequest,
    Outcome, PauseTargetRequest, Personality, ReplayHandoffRequest, ReplayHandoffsRequest, ReportEventsRequest,
    ResumeTargetRequest, Simulation, handoff, target,
};
use dealflow_proto::google::type_::Money;
use dealflow_testbed::{TestDb, both, eventually, id, refusal};
use tonic::{Code, Status};

use crate::house::{House, LONG, cancellation, change, credit_note, invoice, order, settings};

const TARGET: &str = "targets/erp";

fn eur(units: i64) -> Option<Money> {
    Some(Money { currency_code: "EUR".to_owned(), units, nanos: 0 })
}

fn event(document: &Document, sequence: i64, status: BusinessStatus, paid: i64) -> ErpEvent {
    ErpEvent {
        event_id: format!("{}-{sequence}", document.external_id),
        external_id: document.external_id.clone(),
        sequence,
        status: status.into(),
        paid: eur(paid),
        ..ErpEvent::default()
    }
}

async fn report(house: &House, events: Vec<ErpEvent>) -> (i32, i32, i32) {
    let ask = ReportEventsRequest { events, request_id: id(), ..Default::default() };
    let told = house.callback().report_events(ask).await.expect("events are taken in").into_inner();
    (told.applied, told.known, told.unknown)
}

both! {
    /// R-ERP-1, R-INV-1: order before invoice before credit note, whatever is stored first.
    async fn a_credit_note_waits_for_its_invoice_as_that_does_for_its_order(db: TestDb) {
        let house = House::open(db).await;
        let order = order("SO-1");
        let bill = invoice(&order, "INV-1");
        let note = house.hand_over(&credit_note(&bill, "CN-1")).await;
        let billed = house.hand_over(&bill).await;
        assert_eq!(house.get(&note).await.state(), handoff::State::Blocked);
        house.hand_over(&order).await;
        house.becomes(&billed, State::Delivered).await;
        let found = house.becomes(&note, State::Delivered).await;
        assert_eq!((found.erp_number.as_str(), found.awaits.as_str()), ("ERP-CN-000001", "df:invoice:INV-1"));
        let journal: Vec<String> = house.journal("").await.into_iter().map(|entry| entry.method).collect();
        assert_eq!(journal, ["SubmitOrder", "SubmitInvoice", "SubmitCreditNote"]);
    }

    /// R-ERP-1, R-ORD-1: a change and a cancellation after the hand-over go the same way as their order.
    async fn an_order_is_changed_and_canceled_after_its_hand_over(db: TestDb) {
        let house = House::open(db).await;
        let order = order("SO-1");
        let canceled = house.hand_over(&cancellation(&order)).await;
        house.hand_over(&order).await;
        house.becomes(&canceled, State::Delivered).await;
        let other = crate::house::order("SO-2");
        house.hand_over(&other).await;
        let changed = house.hand_over(&change(&other, 3)).await;
        house.becomes(&changed, State::Delivered).await;
        let mut four = invoice(&other, "INV-4");
        four.lines[0].quantity = Some(dealflow_proto::google::type_::Decimal { value: "4".to_owned() });
        let books = house.books().await;
        let status = |id: &str| books.iter().find(|it| it.external_id == id).map(|it| it.status());
        assert_eq!(status(&order.external_id), Some(BusinessStatus::Cancelled));
        assert_eq!(status(&other.external_id), Some(BusinessStatus::Confirmed));
        // A canceled order takes no second cancellation of other bytes.
        let again = Document { reason: "twice".to_owned(), ..cancellation(&order) };
        let refused = house.handoffs.store(crate::house::new(&again)).await.expect_err("other content");
        assert!(refused.to_string().contains("handed over"), "{refused}");
    }

    /// R-ERP-1, R-ORD-1: what the ERP was to be asked about an order that it refused meanwhile is given up: it does not wait
    /// for the order that is handed over anew.
    async fn a_wish_about_an_order_that_the_erp_refused_is_given_up_at_once(db: TestDb) {
        let house = House::open(db).await;
        house.plan(&[(FaultKind::Refuse, 1, "SO-1")]).await;
        let order = order("SO-1");
        let refused = house.hand_over(&order).await;
        house.becomes(&refused, State::Rejected).await;
        let wish = house.hand_over(&cancellation(&order)).await;
        let given_up = house.get(&wish).await;
        assert_eq!((given_up.state(), given_up.next_attempt_time), (handoff::State::Abandoned, None));
        assert!(given_up.last_error.contains("refused"), "{}", given_up.last_error);
        house.hand_over(&order).await;
        house.becomes(&refused, State::Delivered).await;
        assert_eq!(house.get(&wish).await.state(), handoff::State::Abandoned);
        assert_eq!(house.calls("df:order:SO-1:x").await.len(), 0);
    }

    /// R-ERP-1, erp-handoff §4: events by sequence, cumulative: twice, late and out of order do no harm.
    async fn what_the_erp_pushes_is_applied_by_sequence(db: TestDb) {
        let house = House::build(db, settings()).await;
        let order = order("SO-1");
        let bill = invoice(&order, "INV-1");
        let billed = house.hand_over(&bill).await;
        let (paid, partly) = (BusinessStatus::Paid, BusinessStatus::PartiallyPaid);
        assert_eq!(report(&house, vec![event(&bill, 3, partly, 7), event(&bill, 2, partly, 5)]).await, (1, 1, 0));
        assert_eq!(report(&house, vec![event(&bill, 2, partly, 5)]).await, (0, 1, 0), "late");
        let unknown = event(&crate::house::order("SO-9"), 1, BusinessStatus::Confirmed, 0);
        assert_eq!(report(&house, vec![event(&bill, 4, paid, 12), event(&bill, 4, paid, 12), unknown]).await, (1, 1, 1));
        let found = house.get(&billed).await;
        assert_eq!((found.business_status(), found.business_sequence, found.paid.clone()), (paid, 4, eur(12)));
        assert_eq!(found.state(), handoff::State::Blocked, "its delivery is another matter");
    }

    /// R-ERP-1: the ERP's stream is read from where we were, and told to the house, the latest news only.
    async fn what_the_erp_tells_is_read_on_from_the_stored_cursor(db: TestDb) {
        let told = Arc::new(Mutex::new(Vec::<News>::new()));
        let ears = told.clone();
        let hook = move |news: News| -> futures::future::BoxFuture<'static, Result<Followed, Status>> {
            ears.lock().expect("nobody panicked").push(news);
            Box::pin(async { Ok(Followed::Yes) })
        };
        let settings = Settings {
            on_news: Some(Arc::new(hook)),
            tell_again: Duration::from_millis(50),
            ..settings()
        };
        let house = House::build(db, settings.clone()).await;
        let span = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        let simulation = Simulation { fulfil_after: span(60), fulfil_steps: 2, ..Simulation::default() };
        house.be(Personality::Native, simulation).await;
        let (worker, stop) = house.work();
        let order = order("SO-1");
        let name = house.hand_over(&order).await;
        house.becomes(&name, State::Delivered).await;
        let reaches = async |status: BusinessStatus| {
            eventually(format!("{status:?}"), LONG, || async {
                let found = house.get(&name).await;
                (found.business_status() == status).then_some(found)
            })
            .await
        };
        reaches(BusinessStatus::Confirmed).await;
        stop.cancel();
        worker.await.expect("the worker ends");
        // While nobody listens.
        house.erp_passes(61).await;
        house.erp_passes(61).await;
        house.work();
        let found = reaches(BusinessStatus::Fulfilled).await;
        assert_eq!(found.lines[0].delivered_quantity.as_ref().map(|it| it.value.as_str()), Some("100"));
        eventually("the house to be told", LONG, || async {
            told.lock().expect("nobody panicked").last().is_some_and(|news| news.sequence == found.business_sequence)
        })
        .await;
        let cursor = house.operator().get_target(GetTargetRequest { name: TARGET.to_owned() }).await;
        assert!(!cursor.expect("the target is read").into_inner().event_cursor.is_empty());
    }

    /// R-ERP-1: an ERP that decides later is polled, and an event makes it sooner.
    async fn an_erp_that_decides_later_is_asked_how_it_decided(db: TestDb) {
        let house = House::build(db, Settings { poll: TimeDelta::hours(1), ..settings() }).await;
        house.be(Personality::Async, Simulation::default()).await;
        let (good, mut bad) = (order("SO-1"), order("SO-2"));
        if let Some(total) = bad.totals.as_mut().and_then(|totals| totals.total_vat.as_mut()) {
            total.units += 1;
        }
        let (good, bad) = (house.hand_over(&good).await, house.hand_over(&bad).await);
        let (worker, stop) = house.work();
        for name in [&good, &bad] {
            let waits = house.becomes(name, State::RetryWait).await;
            assert_eq!(waits.attempt_count, 0, "to wait for an answer costs nothing");
        }
        house.erp_passes(1).await;
        // The event brings it, long before the poll is due.
        assert_eq!(house.becomes(&good, State::Delivered).await.erp_number, "ERP-SO-000001");
        let refused = house.becomes(&bad, State::Rejected).await;
        assert_eq!(refused.reasons[0].code, "TOTALS_MISMATCH");
        stop.cancel();
        worker.await.expect("the worker ends");
        // Without events the poll does it.
        let third = order("SO-3");
        let name = house.hand_over(&third).await;
        house.plan(&[(FaultKind::EventDrop, 0, "")]).await;
        house.work();
        house.becomes(&name, State::RetryWait).await;
        house.erp_passes(1).await;
        house.becomes_in_time(&name, State::Delivered, TimeDelta::minutes(30)).await;
    }

    /// R-ERP-1: what the ERP took and never decides on, and what it cannot be asked about, an operator gives up, or takes its
    /// number over; nothing waits for ever.
    async fn what_the_erp_never_decides_on_is_given_up_or_adopted(db: TestDb) {
        let house = House::build(db, settings()).await;
        house.be(Personality::Async, Simulation::default()).await;
        house.plan(&[(FaultKind::LoseAnswer, 1, "SO-3")]).await;
        house.work();
        let (first, second, third) = (order("SO-1"), order("SO-2"), order("SO-3"));
        let billed = house.hand_over(&invoice(&first, "INV-1")).await;
        let [given_up, adopted, lost] = [&first, &second, &third].map(|document| house.hand_over(document));
        let (given_up, adopted, lost) = (given_up.await, adopted.await, lost.await);
        for (name, state) in [(&given_up, State::RetryWait), (&adopted, State::RetryWait), (&lost, State::Uncertain)] {
            house.becomes(name, state).await;
        }
        let abandon = |name: &str| AbandonHandoffRequest {
            name: name.to_owned(), reason: "nobody decides".to_owned(), request_id: id(), ..Default::default()
        };
        let mut operator = house.operator();
        for name in [&given_up, &lost] {
            let left = operator.abandon_handoff(abandon(name)).await.expect("it is given up").into_inner();
            assert_eq!((left.state(), left.next_attempt_time), (handoff::State::Abandoned, None));
        }
        assert_eq!(house.get(&billed).await.state(), handoff::State::Abandoned);
        let erp_number = "ERP-7".to_owned();
        let ask = AdoptHandoffRequest { name: adopted, erp_number, request_id: id(), ..Default::default() };
        let found = operator.adopt_handoff(ask).await.expect("it stands there").into_inner();
        assert_eq!((found.state(), found.erp_number.as_str()), (handoff::State::Delivered, "ERP-7"));
    }

    /// R-ERP-1: a refused document is corrected by another under the same external id, with a key of its own.
    async fn a_refused_document_is_superseded_by_its_correction(db: TestDb) {
        let house = House::open(db).await;
        let right = order("SO-1");
        let mut wrong = right.clone();
        if let Some(total) = wrong.totals.as_mut().and_then(|totals| totals.total_vat.as_mut()) {
            total.units += 1;
        }
        let name = house.hand_over(&wrong).await;
        let refused = house.becomes(&name, State::Rejected).await;
        assert_eq!(house.hand_over(&right).await, name);
        let found = house.becomes(&name, State::Delivered).await;
        assert_eq!((found.revision, found.reasons.len()), (2, 0));
        assert_ne!(found.document_sha256, refused.document_sha256);
        let keys: Vec<String> = house.journal("").await.into_iter().map(|entry| entry.idempotency_key).collect();
        assert_eq!(keys.len(), 2);
        assert_ne!(keys[0], keys[1]);
    }

    /// R-ERP-1: what the ERP did not know yet is replayed once it does; a refused order is submitted again instead.
    async fn a_refused_invoice_is_replayed_and_a_refused_order_is_not(db: TestDb) {
        let house = House::open(db).await;
        let order = order("SO-1");
        let ordered = house.hand_over(&order).await;
        house.becomes(&ordered, State::Delivered).await;
        house.plan(&[(FaultKind::Refuse, 2, "")]).await;
        let billed = house.hand_over(&invoice(&order, "INV-1")).await;
        let other = house.hand_over(&crate::house::order("SO-2")).await;
        house.becomes(&billed, State::Rejected).await;
        house.becomes(&other, State::Rejected).await;
        let replay = |name: &str| ReplayHandoffRequest { name: name.to_owned(), request_id: id(), ..Default::default() };
        house.operator().replay_handoff(replay(&billed)).await.expect("an invoice is replayed");
        house.becomes(&billed, State::Delivered).await;
        let refused = house.operator().replay_handoff(replay(&other)).await.expect_err("an order is not");
        assert_eq!((refused.code(), refusal(&refused).reason.as_str()), (Code::FailedPrecondition, "GUARD"));
    }

    /// R-ERP-1: operators stop the target and let it go on; what waits loses nothing.
    async fn a_paused_target_gets_nothing_until_it_is_resumed(db: TestDb) {
        let house = House::open(db).await;
        let name = TARGET.to_owned();
        let pause = PauseTargetRequest { name, reason: "month-end".to_owned(), request_id: id(), ..Default::default() };
        let paused = house.operator().pause_target(pause).await.expect("it is paused").into_inner();
        assert_eq!((paused.state(), paused.reason.as_str()), (target::State::Paused, "month-end"));
        // Another replica is stopped too.
        let other = house.replica(settings()).await;
        crate::house::work(&other);
        let order = order("SO-1");
        let stored = house.hand_over(&order).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(house.get(&stored).await.state(), handoff::State::Ready);
        assert!(house.journal("").await.is_empty());
        let stale = ResumeTargetRequest { name: TARGET.to_owned(), etag: "1".to_owned(), request_id: id(), ..Default::default() };
        assert_eq!(house.operator().resume_target(stale).await.expect_err("stale").code(), Code::Aborted);
        let resume = ResumeTargetRequest { name: TARGET.to_owned(), etag: paused.etag, request_id: id(), ..Default::default() };
        house.operator().resume_target(resume).await.expect("it goes on");
        assert_eq!(house.becomes(&stored, State::Delivered).await.attempt_count, 1);
    }

    /// R-ERP-1: an expired credential pauses the target, and documents stay as they are until it is mended.
    async fn an_expired_credential_pauses_the_target(db: TestDb) {
        let house = House::open(db).await;
        house.plan(&[(FaultKind::Unauthenticated, 0, "")]).await;
        let stored = house.hand_over(&order("SO-1")).await;
        let target = || GetTargetRequest { name: TARGET.to_owned() };
        eventually("the pause", LONG, || async {
            let now = house.operator().get_target(target()).await.expect("it is read").into_inner();
            now.state() == target::State::Denied && now.next_probe_time.is_some()
        })
        .await;
        let waits = house.becomes(&stored, State::Ready).await;
        assert_eq!(waits.attempt_count, 0);
        house.clear().await;
        let resume = ResumeTargetRequest { name: TARGET.to_owned(), request_id: id(), ..Default::default() };
        house.operator().resume_target(resume).await.expect("it goes on");
        house.becomes(&stored, State::Delivered).await;
    }

    /// R-ERP-1: dead letters are replayed by filter, the oldest first.
    async fn dead_letters_are_replayed_by_filter(db: TestDb) {
        let house = House::open(db).await;
        house.plan(&[(FaultKind::WrongAnswer, 0, "none"), (FaultKind::Refuse, 1, "SO-0")]).await;
        let mut names = Vec::new();
        for number in 1..=3 {
            let document = order(&format!("SO-{number}"));
            // Other content stands in the ERP: a dead letter at once.
            let mut other = document.clone();
            other.customer_reference = "by hand".to_owned();
            crate::operators::enter_by_hand(&house, &other).await;
            let name = house.hand_over(&document).await;
            house.becomes(&name, State::DeadLettered).await;
            names.push(name);
        }
        let ask = |filter: &str, max_count| ReplayHandoffsRequest {
            filter: filter.to_owned(),
            max_count,
            request_id: id(),
            ..Default::default()
        };
        let one = house.operator().replay_handoffs(ask("external_id = \"df:order:SO-2\"", 0)).await;
        assert_eq!(one.expect("one is replayed").into_inner().handoffs, [names[1].clone()]);
        house.becomes(&names[1], State::DeadLettered).await;
        let some = house.operator().replay_handoffs(ask("", 2)).await.expect("some are replayed").into_inner();
        assert_eq!((some.handoffs, some.more), (names[..2].to_vec(), true));
        let wrong = house.operator().replay_handoffs(ask("no_field = 1", 0)).await.expect_err("no such field");
        assert_eq!(wrong.code(), Code::InvalidArgument);
        assert!(house.books().await.iter().all(|it| it.outcome() == Outcome::Accepted));
    }
}
