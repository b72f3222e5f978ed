//! Orders: submitted, refused, delivered by quantity (R-ORD-1).

use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::order::{Progress, State};
use dealflow_testbed::{TestDb, both, refusal};

use crate::house::{House, ask, date, line, opportunity, order};

fn progress(order: &pb::Order) -> Vec<(String, String)> {
    let text = |number: &Option<dealflow_proto::google::type_::Decimal>| number.clone().unwrap_or_default().value;
    order.line_progress.iter().map(|line| (text(&line.fulfilled), text(&line.billed))).collect()
}

both! {
    /// R-ORD-1
    async fn a_refusal_by_the_erp_goes_back_to_confirmed_with_its_reason_until_it_is_submitted_again(db: TestDb) {
        let house = House::open(db).await;
        let name = house.submitted(order(&opportunity())).await.name;
        let reason = "CREDIT_LIMIT: 300 EUR too much".to_owned();
        let rejected = ask!(
            house.orders(),
            reject_order,
            RejectOrderRequest { name: name.clone(), reason: reason.clone() }
        );
        let rejected = rejected.expect("it is submitted");
        assert_eq!((rejected.state(), &rejected.erp_refusal), (State::Confirmed, &reason));
        let again = ask!(house.orders(), submit_order, SubmitOrderRequest { name: name }).expect("it is confirmed");
        assert_eq!((again.state(), again.erp_refusal.as_str()), (State::Submitted, ""));
    }

    /// R-ORD-1
    async fn fulfilment_and_billing_follow_from_the_quantities(db: TestDb) {
        let house = House::open(db).await;
        let made = house.submitted(order(&opportunity())).await;
        assert_eq!((made.fulfilment(), made.billing()), (Progress::Not, Progress::Not));
        let some = house.fulfill(&made.name, &[("1", "1.5")]).await.expect("half of a line");
        assert_eq!((some.state(), some.fulfilment()), (State::InFulfillment, Progress::Partial));
        let invoice = house.bill(&made.name, &[]).await.expect("what is delivered");
        assert_eq!(invoice.lines.len(), 1);
        let drafted = house.order(&made.name).await;
        assert_eq!(drafted.billing(), Progress::Not, "a draft is no bill yet");
        let pairs = |all: &[(&str, &str)]| -> Vec<(String, String)> {
            all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        assert_eq!(progress(&drafted), pairs(&[("1.5", "1.5"), ("0", "0")]));
        house.post(&invoice.name).await.expect("it can be posted");
        assert_eq!(house.order(&made.name).await.billing(), Progress::Partial);

        let all = house.fulfill(&made.name, &[]).await.expect("the rest");
        assert_eq!((all.state(), all.fulfilment()), (State::Fulfilled, Progress::Full));
        let rest = house.bill(&made.name, &[]).await.expect("the rest");
        house.post(&rest.name).await.expect("it can be posted");
        let done = house.order(&made.name).await;
        assert_eq!((done.billing(), progress(&done)), (Progress::Full, pairs(&[("3", "3"), ("2", "2")])));
        assert_eq!(done.guidance.expect("it is guided").allowed_verbs, ["UpdateOrder", "CloseOrder"]);
    }

    /// R-ORD-1
    async fn more_than_was_ordered_is_not_delivered(db: TestDb) {
        let house = House::open(db).await;
        let name = house.submitted(order(&opportunity())).await.name;
        let before = house.fulfill(&name, &[("1", "2")]).await.expect("two of three");
        let status = house.fulfill(&name, &[("2", "1"), ("1", "1.000001")]).await.expect_err("too much");
        let refused = refusal(&status);
        assert_eq!((refused.code, refused.reason.as_str()), (tonic::Code::FailedPrecondition, "GUARD"));
        let facts = ["line", "ordered", "fulfilled", "asked"].map(|key| refused.metadata[key].as_str());
        assert_eq!(facts, ["1", "3", "2", "1.000001"]);

        let status = house.fulfill(&name, &[("1", "-1"), ("9", "1"), ("2", "1"), ("2", "1")]).await;
        let refused = refusal(&status.expect_err("nothing of it can be meant"));
        assert_eq!(refused.field_names(), ["lines[0].quantity", "lines[1].line_id", "lines[3].line_id"]);
        assert_eq!(house.order(&name).await, before, "a refusal changes nothing");
    }

    /// R-ORD-1
    async fn a_line_that_takes_back_is_delivered_and_billed_by_negative_quantities(db: TestDb) {
        let house = House::open(db).await;
        let lines = vec![line("5", "10"), line("-2", "10")];
        let name = house.submitted(pb::Order { lines, ..order(&opportunity()) }).await.name;
        let refused = house.fulfill(&name, &[("2", "1")]).await.expect_err("the line takes back");
        assert_eq!(refusal(&refused).field_names(), ["lines[0].quantity"]);
        house.fulfill(&name, &[("2", "-1")]).await.expect("one came back");
        let all = house.fulfill(&name, &[]).await.expect("the rest");
        assert_eq!(all.state(), State::Fulfilled);
        let invoice = house.bill(&name, &[]).await.expect("all of it");
        assert_eq!(invoice.totals, all.totals);
    }

    /// R-ORD-1
    async fn an_order_of_tomorrow_is_refused_and_an_imported_one_keeps_its_day(db: TestDb) {
        let house = House::open(db).await;
        let tomorrow = pb::Order { order_date: Some(date(2017, 3, 16)), ..order(&opportunity()) };
        let refused = house.create_order(tomorrow).await.expect_err("it is the 15th");
        assert_eq!(refusal(&refused).field_names(), ["order.order_date"]);

        let long_ago = dealflow_proto::convert::timestamp(house.time.now() - chrono::TimeDelta::days(100));
        let imported = ask!(
            house.orders(),
            create_order,
            CreateOrderRequest { order: Some(order(&opportunity())), effective_time: Some(long_ago) }
        );
        let imported = imported.expect("it happened");
        assert_eq!(imported.order_date, Some(date(2016, 12, 5)));
        assert_eq!(imported.create_time, Some(long_ago));
        let earlier = dealflow_proto::convert::timestamp(house.time.now() - chrono::TimeDelta::days(101));
        let refused = ask!(
            house.orders(),
            confirm_order,
            ConfirmOrderRequest { name: imported.name, effective_time: Some(earlier) }
        );
        assert_eq!(refusal(&refused.expect_err("it was not there yet")).field_names(), ["effective_time"]);
    }
}
