//! Orders that are to be others: priced as new ones, never below what is delivered or billed (R-ORD-1).

use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::order::{Progress, State};
use dealflow_proto::types::v1::{Adjustment, Line};
use dealflow_testbed::{RefusalView, TestDb, both, refusal};
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::house::{House, ask, ask_as, decimal, eur, line, opportunity, order};

/// A line of an order that is there already.
fn kept(id: &str, quantity: &str, price: &str) -> Line {
    Line { line_id: id.to_owned(), ..line(quantity, price) }
}

async fn change(house: &House, order: pb::Order) -> Result<pb::Order, Status> {
    ask!(house.orders(), update_order, UpdateOrderRequest { order: Some(order), reason: "as he wrote".to_owned() })
}

async fn lines(house: &House, name: &str, lines: Vec<Line>) -> Result<pb::Order, Status> {
    change(house, pb::Order { name: name.to_owned(), lines, ..Default::default() }).await
}

async fn refused(house: &House, name: &str, changed: Vec<Line>) -> RefusalView {
    let before = house.order(name).await;
    let refused = refusal(&lines(house, name, changed).await.expect_err("what is done stays"));
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "GUARD"), "{refused:?}");
    assert_eq!(house.order(name).await, before, "a refusal changes nothing");
    refused
}

both! {
    /// R-ORD-1: until it is submitted an order can be any other, by the rules of a new one.
    async fn an_order_that_is_not_submitted_is_changed_as_a_new_one_is_made(db: TestDb) {
        let house = House::open(db).await;
        let made = house.create_order(order(&opportunity())).await.expect("it is made");
        assert_eq!(made.revision, 0);
        let freight = Adjustment { amount: Some(eur("40")), reason: "Freight".to_owned(), ..Default::default() };
        let other = pb::Order {
            name: made.name.clone(),
            lines: vec![kept("1", "5", "90"), line("1", "10")],
            discount_percent: Some(decimal("10")),
            charges: vec![freight.clone()],
            customer_reference: "PO-7".to_owned(),
            ..Default::default()
        };
        let changed = change(&house, other).await.expect("it is a draft");
        let expected = pb::Order {
            lines: vec![line("5", "90"), line("1", "10")],
            discount_percent: Some(decimal("10")),
            charges: vec![freight],
            ..order(&opportunity())
        };
        let expected = house.create_order(expected).await.expect("it is made");
        assert_eq!((&changed.totals, &changed.charges), (&expected.totals, &expected.charges));
        assert_eq!((changed.revision, changed.customer_reference.as_str(), changed.state()), (1, "PO-7", State::Draft));
        assert_eq!(changed.lines.iter().map(|it| it.line_id.as_str()).collect::<Vec<_>>(), ["1", "3"], "a new line is no old one");

        ask!(house.orders(), confirm_order, ConfirmOrderRequest { name: made.name.clone() }).expect("it can be");
        let cleared = ask!(
            house.orders(),
            update_order,
            UpdateOrderRequest {
                order: Some(pb::Order { name: made.name.clone(), ..Default::default() }),
                update_mask: Some(FieldMask { paths: vec!["charges".to_owned(), "discount_percent".to_owned()] })
            }
        );
        let cleared = cleared.expect("it is confirmed");
        assert_eq!((cleared.revision, cleared.state(), cleared.charges.len()), (2, State::Confirmed, 0));
        assert_eq!(cleared.totals.and_then(|it| it.total_without_vat), Some(eur("460")));

        let wrong = lines(&house, &made.name, vec![kept("1", "0", "-1"), kept("1", "1", "1")]).await;
        let wrong = refusal(&wrong.expect_err("none of it can be meant"));
        assert_eq!(wrong.field_names(), ["order.lines[0].quantity", "order.lines[0].unit_price", "order.lines[1].line_id"]);
        let told: Vec<_> = house.events(&made.opportunity).await.into_iter().filter(|it| it.r#type == "order.updated").collect();
        assert_eq!(told.len(), 2);
        assert_eq!((told[0].verb.as_str(), told[0].reason.as_str()), ("UpdateOrder", "as he wrote"));
        let stale = ask!(
            house.orders(),
            update_order,
            UpdateOrderRequest { order: Some(pb::Order { name: made.name, ..Default::default() }), etag: "1".to_owned() }
        );
        assert_eq!(stale.expect_err("it has changed").code(), Code::Aborted);
    }

    /// R-ORD-1: from SUBMITTED on only the integration changes it, and only what the ERP can be asked for.
    async fn what_the_erp_has_is_changed_by_no_person_and_only_in_its_lines(db: TestDb) {
        let house = House::open(db).await;
        let name = house.submitted(order(&opportunity())).await.name;
        let person = crate::house::employee();
        let more = || pb::Order { name: name.clone(), lines: vec![kept("1", "4", "100")], ..Default::default() };
        let refused = ask_as!(&person, house.orders(), update_order, UpdateOrderRequest { order: Some(more()) });
        let refused = refusal(&refused.expect_err("the ERP has it"));
        assert_eq!((refused.reason.as_str(), refused.metadata["state"].as_str()), ("PERMISSION_DENIED", "SUBMITTED"));
        let terms = pb::Order { terms: "net".to_owned(), payment_days: 7, ..more() };
        let refused = refusal(&change(&house, terms).await.expect_err("the ERP cannot be asked for that"));
        assert_eq!(refused.field_names(), ["order.payment_days", "order.terms"]);
        let changed = change(&house, more()).await.expect("the integration may");
        assert_eq!((changed.state(), changed.lines.len()), (State::Submitted, 1));

        ask!(house.orders(), cancel_order, CancelOrderRequest { name: name.clone() }).expect_err("nobody agreed");
        ask_as!("erp", house.orders(), cancel_order, CancelOrderRequest { name: name.clone() }).expect("the ERP agrees");
        assert_eq!(refusal(&change(&house, more()).await.expect_err("it is over")).reason, "TERMINAL");
    }

    /// R-ORD-1: what is delivered stays ordered, as the same thing; how far the order is follows from its quantities.
    async fn what_is_delivered_is_not_ordered_less(db: TestDb) {
        let house = House::open(db).await;
        let name = house.submitted(order(&opportunity())).await.name;
        house.fulfill(&name, &[("1", "2")]).await.expect("two of three");
        let less = refused(&house, &name, vec![kept("1", "1", "100"), kept("2", "2", "49.99")]).await;
        assert_eq!(["line", "delivered", "asked"].map(|key| less.metadata[key].as_str()), ["1", "2", "1"]);
        let none = refused(&house, &name, vec![kept("2", "2", "49.99")]).await;
        assert_eq!(none.metadata["asked"], "0");
        refused(&house, &name, vec![kept("1", "-3", "100"), kept("2", "9", "49.99")]).await;
        let other = Line { unit_code: "KGM".to_owned(), ..kept("1", "3", "100") };
        refused(&house, &name, vec![other]).await;

        // Another price is another agreement, as long as nothing of it is billed.
        let all = lines(&house, &name, vec![kept("1", "2", "80")]).await.expect("no more is wanted");
        assert_eq!((all.state(), all.fulfilment()), (State::Fulfilled, Progress::Full));
        let more = lines(&house, &name, vec![kept("1", "2", "80"), line("1", "7")]).await.expect("the ERP takes it");
        assert_eq!((more.state(), more.fulfilment(), more.revision), (State::InFulfillment, Progress::Partial, 2));
        house.hold(&name).await.expect("it waits");
        let held = lines(&house, &name, vec![kept("1", "2", "80")]).await.expect("the ERP takes it");
        assert_eq!(held.state(), State::OnHold);
        let on = ask!(house.orders(), release_order, ReleaseOrderRequest { name: name.clone() }).expect("it goes on");
        assert_eq!(on.state(), State::Fulfilled);
    }

    /// R-ORD-1, R-INV-1: what is billed has its price; the invoices of a changed order come to what it comes to.
    async fn what_is_billed_keeps_its_price_and_the_rest_is_billed_as_it_was_changed(db: TestDb) {
        let house = House::open(db).await;
        let discounted = pb::Order { discount_percent: Some(decimal("3")), ..order(&opportunity()) };
        let name = house.submitted(discounted).await.name;
        house.fulfill(&name, &[("1", "2")]).await.expect("two of three");
        let draft = house.bill(&name, &[]).await.expect("they are billed").name;
        for (changed, what) in [
            (vec![kept("1", "3", "90"), kept("2", "2", "49.99")], "price"),
            (vec![kept("1", "1", "100"), kept("2", "2", "49.99")], "delivered"),
        ] {
            assert!(refused(&house, &name, changed).await.message.contains(what));
        }
        let whole = pb::Order { name: name.clone(), discount_percent: Some(decimal("5")), ..Default::default() };
        assert!(refusal(&change(&house, whole).await.expect_err("it is on an invoice")).message.contains("billed in part"));
        house.post(&draft).await.expect("it can be posted");
        let first = house.invoice(&draft).await;

        let wanted = vec![kept("1", "7", "100"), line("3", "12.34")];
        let changed = lines(&house, &name, wanted).await.expect("nothing of the second line is done");
        assert_eq!((changed.state(), changed.lines.len()), (State::InFulfillment, 2));
        house.fulfill(&name, &[]).await.expect("the rest");
        let rest = house.bill(&name, &[]).await.expect("the rest").name;
        let rest = house.post(&rest).await.expect("it can be posted");
        let done = house.order(&name).await;
        assert_eq!((done.state(), done.billing()), (State::Fulfilled, Progress::Full));
        let gross = |totals: Option<dealflow_proto::types::v1::Totals>| {
            let money = totals.and_then(|it| it.payable).expect("a total");
            dealflow_proto::convert::decimal_of(&money).expect("an amount")
        };
        assert_eq!(gross(first.totals) + gross(rest.totals), gross(done.totals));
        // A credit note makes it free again.
        let note = house.credit(&rest.name, &[]).await.expect("it is returned").name;
        house.post_credit(&note).await.expect("it can be posted");
        let note = house.credit(&first.name, &[]).await.expect("it is returned").name;
        house.post_credit(&note).await.expect("it can be posted");
        let cheaper = vec![kept("1", "7", "95"), kept("3", "3", "12.34")];
        let cheaper = lines(&house, &name, cheaper).await.expect("nothing is billed any more");
        assert_eq!((cheaper.state(), cheaper.billing()), (State::Fulfilled, Progress::Not));
    }

    /// R-ORD-1, R-ACC-1: an order of nobody's gets an account.
    async fn an_order_without_an_account_gets_one_and_is_confirmed(db: TestDb) {
        let house = House::open(db).await;
        let nobodys = pb::Order { account: String::new(), ..order(&opportunity()) };
        let name = house.create_order(nobodys).await.expect("it is made").name;
        let confirm = async || ask!(house.orders(), confirm_order, ConfirmOrderRequest { name: name.clone() });
        let told = refusal(&confirm().await.expect_err("nobody would pay"));
        assert!(told.message.contains("UpdateOrder"), "{}", told.message);
        let account = crate::house::ACCOUNT.to_owned();
        change(&house, pb::Order { name: name.clone(), account, ..Default::default() }).await.expect("it is a draft");
        assert_eq!(confirm().await.expect("somebody pays").state(), State::Confirmed);
    }
}
