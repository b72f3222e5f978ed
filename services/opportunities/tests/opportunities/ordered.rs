//! An opportunity that is reserved for its order cannot be lost (R-OPP-2).

use dealflow_proto::google::type_::Decimal;
use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};
use dealflow_proto::opportunities::v1::{Opportunity, ReserveOpportunityRequest, UpdateOpportunityRequest};
use dealflow_proto::types::v1::Line;
use dealflow_testbed::{TestDb, both, id};
use tonic::Code;

use crate::desk::{Desk, answer, open_keys, titled, usd};

fn an_order() -> String {
    format!("orders/{}", id())
}

both! {
    /// R-OPP-2: by no route, and the refusal names the order.
    async fn an_ordered_opportunity_is_lost_by_no_route_until_it_is_released(db: TestDb) {
        let desk = Desk::open(&db).await;
        let (led, order) = (desk.led().await, an_order());
        let reserved = desk.reserve(&led.name, &order, None).await.expect("it is open");
        assert_eq!((reserved.state(), &reserved.reserved_order), (State::Open, &order));
        let verbs = reserved.guidance.expect("it is told what may come next").allowed_verbs;
        assert!(!verbs.iter().any(|verb| verb == "LoseOpportunity"), "{verbs:?}");

        let key = open_keys(&led).remove(0);
        for refused in [desk.lose(&led.name, LoseReason::Price).await, desk.record(&led, &key, "refused").await] {
            let refused = refused.expect_err("it is ordered");
            assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "GUARD"));
            assert_eq!(refused.preconditions[0].1, order);
            assert!(refused.message.contains("CancelOrder"), "{}", refused.message);
        }
        assert_eq!(desk.get(&led.name).await.etag, reserved.etag, "nothing was changed");

        desk.release(&led.name, &order).await.expect("it is open");
        assert_eq!(desk.lose(&led.name, LoseReason::Price).await.expect("nothing stands").state(), State::Lost);
    }

    /// R-OPP-5: one order at a time; asking again for the same changes nothing.
    async fn an_opportunity_is_reserved_for_one_order(db: TestDb) {
        let desk = Desk::open(&db).await;
        let (sale, order, other) = (desk.led().await.name, an_order(), an_order());
        let reserved = desk.reserve(&sale, &order, None).await.expect("it is free");
        let again = desk.reserve(&sale, &order, None).await.expect("for the same order");
        assert_eq!(again.etag, reserved.etag);
        let refused = desk.reserve(&sale, &other, None).await.expect_err("for another");
        assert_eq!((refused.reason.as_str(), refused.metadata.get("reserved_order")), ("GUARD", Some(&order)));
        let kept = desk.release(&sale, &other).await.expect("of another it is free");
        assert_eq!((kept.etag, kept.reserved_order), (reserved.etag, order));
    }

    /// R-OPP-2, R-OPP-3: a win consumes the reservation, and its order says what it was worth.
    async fn an_ordered_opportunity_is_won_at_the_worth_of_its_order(db: TestDb) {
        let desk = Desk::open(&db).await;
        let estimated = Opportunity { estimated_value: usd(100), ..titled("Pumps") };
        let sale = desk.create(estimated, "").await.expect("opened").name;
        desk.reserve(&sale, &an_order(), usd(80)).await.expect("it is open");
        let won = desk.win(&sale).await.expect("it can be won");
        assert_eq!((won.actual_value, won.reserved_order.as_str()), (usd(80), ""));
        let refused = desk.reserve(&sale, &an_order(), None).await.expect_err("it is closed");
        assert_eq!(refused.reason, "TERMINAL");
        let refused = desk.release(&sale, &an_order()).await.expect_err("it is closed");
        assert_eq!(refused.reason, "TERMINAL");
    }

    /// R-OPP-5: what could not be won is not ordered.
    async fn an_opportunity_that_cannot_be_won_is_not_reserved(db: TestDb) {
        let desk = Desk::open(&db).await;
        let sale = desk.led().await.name;
        let refused = desk.reserve(&sale, &an_order(), usd(-1)).await.expect_err("less than nothing");
        assert_eq!(refused.reason, "INVALID_FIELDS");
        assert!(desk.get(&sale).await.reserved_order.is_empty());
        desk.lose(&sale, LoseReason::Price).await.expect("it is free");
        assert_eq!(desk.reserve(&sale, &an_order(), None).await.expect_err("it is lost").reason, "TERMINAL");
    }

    /// R-OPP-1: lines without a price say nothing of the value, and take nothing away from it.
    async fn lines_without_a_price_leave_the_estimate_as_it_is(db: TestDb) {
        let desk = Desk::open(&db).await;
        let line = |price| Line {
            description: "Pump".to_owned(),
            quantity: Some(Decimal { value: "2".to_owned() }),
            unit_price: price,
            ..Line::default()
        };
        let sale = desk.create(Opportunity { lines: vec![line(usd(50))], ..titled("Pumps") }, "").await.expect("opened");
        assert_eq!(sale.estimated_value, usd(100));
        let write = async |lines| {
            let opportunity = Some(Opportunity { name: sale.name.clone(), lines, ..Opportunity::default() });
            let ask = UpdateOpportunityRequest { opportunity, request_id: id(), ..Default::default() };
            desk.opportunities.clone().update_opportunity(ask).await.expect("it is open").into_inner()
        };
        assert_eq!(write(vec![line(None)]).await.estimated_value, usd(100));
        assert_eq!(write(vec![line(None), line(usd(30))]).await.estimated_value, usd(60), "what has a price counts");
    }

    /// R-FLW-3, R-STG-2: a reservation for an order that wins at once asks the gates of the process in the same
    /// transaction, as if its quote were accepted; one that leaves the deal open does not.
    async fn a_reservation_that_wins_at_once_asks_the_gates(db: TestDb) {
        let desk = Desk::open(&db).await;
        let sale = desk.create(titled("Pumps"), "processes/sales-lifecycle").await.expect("opened");
        let ask = ReserveOpportunityRequest {
            name: sale.name.clone(),
            order: an_order(),
            to_win: true,
            request_id: id(),
            ..ReserveOpportunityRequest::default()
        };
        let refused = answer(desk.opportunities.clone().reserve_opportunity(ask.clone()).await).expect_err("a gate");
        let missing = crate::desk::missing(&refused);
        assert!(missing.contains(&"lines") && missing.contains(&"bant.need"), "{missing:?}");
        assert!(!missing.contains(&"documents.quote_accepted"), "{missing:?}: it is about to be");
        assert_eq!(desk.get(&sale.name).await, sale);
        let open = ReserveOpportunityRequest { to_win: false, request_id: id(), ..ask };
        let reserved = answer(desk.opportunities.clone().reserve_opportunity(open.clone()).await).expect("it stays open");
        assert_eq!(reserved.reserved_order, open.order);
    }
}
