//! What happens to documents in the ERP, and how it is told: deliveries, payments, and faults on the way.

use std::collections::BTreeMap;

use dealflow_proto::convert;
use dealflow_proto::erp::v1::{
    ActRequest, BusinessStatus, DocumentType, ErpEvent, Fault, FaultKind, LineStatus, MasterData, Personality,
    Simulation, WatchEventsRequest,
};
use dealflow_testbed::{TestDb, both};

use crate::house::{SO1, Stub, decimal, document, usd};

const INV1: &str = "dealflow:invoice:I-1";

fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn of<'a>(events: &'a [ErpEvent], external_id: &str) -> Vec<&'a ErpEvent> {
    events.iter().filter(|event| event.external_id == external_id).collect()
}

fn statuses(events: &[&ErpEvent]) -> Vec<BusinessStatus> {
    events.iter().map(|event| event.status()).collect()
}

both! {
    /// erp-handoff §2, §6: what is paid is what is payable, rounded and without what was prepaid.
    async fn what_is_payable_is_paid(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let simulation = Simulation { pay_after: seconds(60), pay_steps: 2, ..Simulation::default() };
        stub.be(Personality::Native, simulation, MasterData::default()).await;
        for (number, prepaid, rounding, payable) in [(1, 0, 1, 3607), (2, 1000, 0, 2606), (3, 3606, 0, 0)] {
            let (order, bill) = (format!("dealflow:order:P-{number}"), format!("dealflow:invoice:P-{number}"));
            stub.booked(&document(DocumentType::Order, &order, "")).await;
            let mut invoice = document(DocumentType::Invoice, &bill, &order);
            let totals = invoice.totals.as_mut().expect("totals");
            (totals.prepaid, totals.rounding, totals.payable) = (usd(prepaid), usd(rounding), usd(payable));
            stub.booked(&invoice).await;
            for _ in 0..4 {
                stub.pass(60).await;
            }
            let found = stub.look_up(&bill).await.expect("there");
            assert_eq!((found.paid.clone(), found.status()), (usd(payable), BusinessStatus::Paid), "{bill}");
        }
    }

    /// erp-handoff §4, §6: cumulative amounts, sequences without gaps, each step when its time has come.
    async fn orders_are_delivered_and_invoices_paid_step_by_step(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let simulation = Simulation {
            fulfil_after: seconds(3600),
            fulfil_steps: 2,
            pay_after: seconds(86_400),
            pay_steps: 3,
            ..Simulation::default()
        };
        stub.be(Personality::Native, simulation, MasterData::default()).await;
        stub.booked(&document(DocumentType::Order, SO1, "")).await;
        stub.booked(&document(DocumentType::Invoice, INV1, SO1)).await;
        for _ in 0..80 {
            stub.pass(3600).await;
        }
        let (events, cursor) = stub.events("").await;
        let order = of(&events, SO1);
        let steps = [BusinessStatus::Confirmed, BusinessStatus::PartiallyFulfilled, BusinessStatus::Fulfilled];
        assert_eq!(statuses(&order), steps);
        let delivered = |event: &ErpEvent| {
            let line = event.lines.iter().find(|line| line.line_id == "1");
            let quantity = line.and_then(|line| line.delivered_quantity.clone());
            quantity.map(|it| convert::decimal_from(&it).expect("a number").to_string()).unwrap_or_default()
        };
        assert_eq!(order.iter().map(|event| delivered(event)).collect::<Vec<_>>(), ["", "1.5", "3"]);
        let invoice = of(&events, INV1);
        let paid = [usd(0), usd(1202), usd(2404), usd(3606)];
        assert_eq!(invoice.iter().map(|event| event.paid.clone()).collect::<Vec<_>>(), paid);
        assert_eq!(invoice.last().map(|event| event.status()), Some(BusinessStatus::Paid));
        for events in [order, invoice] {
            let sequences: Vec<i64> = events.iter().map(|event| event.sequence).collect();
            assert_eq!(sequences, (1..=events.len() as i64).collect::<Vec<_>>());
        }
        assert!(stub.events(&cursor).await.0.is_empty(), "what was taken in is not told again");
    }

    /// erp-handoff §6: a clerk confirms a part, has a question, takes a payment back.
    async fn what_a_clerk_does_by_hand_is_told_as_well(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        stub.booked(&document(DocumentType::Order, SO1, "")).await;
        let (_, cursor) = stub.events("").await;
        let lines = vec![LineStatus {
            line_id: "1".to_owned(),
            confirmed_quantity: decimal("2"),
            delivered_quantity: decimal("0"),
        }];
        let partly = ActRequest {
            external_id: SO1.to_owned(),
            status: BusinessStatus::Confirmed.into(),
            lines: lines.clone(),
            ..ActRequest::default()
        };
        stub.control.act(partly).await.expect("a part is confirmed");
        stub.act(SO1, BusinessStatus::UnderQuery).await;
        let (events, _) = stub.events(&cursor).await;
        assert_eq!(statuses(&of(&events, SO1)), [BusinessStatus::Confirmed, BusinessStatus::UnderQuery]);
        assert_eq!(events[0].lines, lines);
        assert_eq!(stub.look_up(SO1).await.expect("there").status(), BusinessStatus::UnderQuery);
    }

    /// erp-handoff §6: duplicated, reordered, delayed and dropped; the sequence says what is missing.
    async fn events_are_told_twice_late_out_of_order_or_never_as_planned(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        let fault = |kind: FaultKind, id: &str| Fault {
            kind: kind.into(),
            times: 1,
            external_id_contains: id.to_owned(),
            delay: seconds(60),
            ..Fault::default()
        };
        let faults = vec![
            fault(FaultKind::EventDuplicate, "SO-A"),
            fault(FaultKind::EventReorder, "SO-B"),
            fault(FaultKind::EventDelay, "SO-C"),
            fault(FaultKind::EventDrop, "SO-D"),
        ];
        stub.plan(faults, 0).await;
        for letter in ["A", "B", "C", "D", "E"] {
            stub.booked(&document(DocumentType::Order, &format!("dealflow:order:SO-{letter}"), "")).await;
        }
        let letters = |events: &[ErpEvent]| -> String {
            events.iter().filter_map(|event| event.external_id.chars().last()).collect()
        };
        let (events, cursor) = stub.events("").await;
        assert_eq!(letters(&events), "AAEB");
        assert_eq!(events[0], events[1]);
        stub.pass(61).await;
        assert_eq!(letters(&stub.events(&cursor).await.0), "C");
        stub.act("dealflow:order:SO-D", BusinessStatus::Fulfilled).await;
        let mut sequences: BTreeMap<String, i64> = BTreeMap::new();
        for event in stub.events("").await.0 {
            sequences.insert(event.external_id, event.sequence);
        }
        assert_eq!(sequences.get("dealflow:order:SO-D"), Some(&2), "the first is missing");
    }

    /// erp-handoff §5: who follows gets what comes, from where it was.
    async fn a_reader_that_follows_gets_what_comes_next(db: TestDb) {
        let mut stub = Stub::open(&db).await;
        stub.booked(&document(DocumentType::Order, SO1, "")).await;
        let (_, cursor) = stub.events("").await;
        let ask = WatchEventsRequest { after_cursor: cursor, follow: true };
        let mut stream = stub.erp.watch_events(ask).await.expect("events are told").into_inner();
        stub.booked(&document(DocumentType::Order, "dealflow:order:SO-2", "")).await;
        let batch = stream.message().await.expect("the stream goes on").expect("it does not end");
        assert_eq!(batch.events[0].external_id, "dealflow:order:SO-2");
        let ask = WatchEventsRequest { after_cursor: "no cursor".to_owned(), follow: false };
        assert!(stub.erp.watch_events(ask).await.is_err());
    }
}
