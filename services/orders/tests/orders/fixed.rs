//! What is fixed about an order (freight, an allowance, a line that takes back) is billed in full or a verb is refused, so
//! that the invoices of an order, less its credit notes, come to what it comes to (R-INV-1, R-ORD-1).

use dealflow_proto::google::type_::Money;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::order::{Progress, State};
use dealflow_proto::settings::v1::SettingValue;
use dealflow_proto::types::v1::{Adjustment, Line};
use dealflow_testbed::{RefusalView, TestDb, both, id, refusal};
use tonic::Code;

use crate::house::{House, ask, decimal, eur, line, opportunity, order, quantities};

fn fixed(amount: &str) -> Adjustment {
    Adjustment { amount: Some(eur(amount)), reason: "Agreed".to_owned(), ..Default::default() }
}

fn payable(totals: &Option<dealflow_proto::types::v1::Totals>) -> Option<Money> {
    totals.as_ref().and_then(|totals| totals.payable.clone())
}

/// Ten pieces at this price with one more thing that is agreed about them.
fn ten(price: &str, more: impl Fn(&mut pb::Order)) -> pb::Order {
    let mut order = pb::Order { lines: vec![line("10", price)], ..order(&opportunity()) };
    more(&mut order);
    order
}

/// The same order with another quantity.
async fn change(house: &House, order: &pb::Order, quantity: &str, check: bool) -> Result<pb::Order, RefusalView> {
    let one = Line { quantity: Some(decimal(quantity)), line_id: "1".to_owned(), ..order.lines[0].clone() };
    let changed = pb::Order { name: order.name.clone(), lines: vec![one], ..Default::default() };
    let answer = ask!(house.orders(), update_order, UpdateOrderRequest { order: Some(changed), validate_only: check });
    answer.map_err(|status| refusal(&status))
}

/// Posts an invoice of this, or of all that is open; answers it.
async fn billed(house: &House, order: &str, lines: &[(&str, &str)]) -> pb::Invoice {
    let draft = house.bill(order, lines).await.expect("it is delivered").name;
    house.post(&draft).await.expect("it can be posted")
}

async fn credited(house: &House, invoice: &str, lines: &[(&str, &str)]) -> pb::CreditNote {
    let draft = house.credit(invoice, lines).await.expect("it is invoiced").name;
    house.post_credit(&draft).await.expect("it can be posted")
}

async fn close(house: &House, name: &str, reason: &str) -> Result<pb::Order, RefusalView> {
    let (name, reason) = (name.to_owned(), reason.to_owned());
    let answer = ask!(house.orders(), close_order, CloseOrderRequest { name: name, reason: reason });
    answer.map_err(|status| refusal(&status))
}

both! {
    /// R-ORD-1, R-INV-1: a change that leaves nothing to bill would lose the shares that are not billed yet, or leave them
    /// billed for what is not ordered any more.
    async fn a_change_does_not_lose_what_is_fixed(db: TestDb) {
        let house = House::open(db).await;
        let of_line = |order: &mut pb::Order| order.lines[0].charges = vec![fixed("10")];
        for (asked, half, whole) in [
            (ten("10", |order| order.charges = vec![fixed("10")]), "66", "72"),
            (ten("20", |order| order.allowances = vec![fixed("50")]), "90", "60"),
            (ten("10", of_line), "66", "72"),
        ] {
            let order = house.submitted(asked).await;
            house.fulfill(&order.name, &[("1", "5")]).await.expect("half of it");
            let first = billed(&house, &order.name, &[]).await;
            assert_eq!(payable(&first.totals), Some(eur(half)));
            let before = house.order(&order.name).await;
            for check in [true, false] {
                let refused = change(&house, &order, "5", check).await.expect_err("half of it is not billed");
                assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "GUARD"), "{refused:?}");
                assert!(refused.message.contains("CreateCreditNote takes back what is billed"), "{}", refused.message);
            }
            assert_eq!(house.order(&order.name).await, before, "a refusal changes nothing");

            // What is taken back is billed anew, with all that is fixed.
            credited(&house, &first.name, &[]).await;
            let changed = change(&house, &order, "5", false).await.expect("nothing is billed any more");
            assert_eq!((changed.state(), payable(&changed.totals)), (State::Fulfilled, Some(eur(whole))));
            assert_eq!(payable(&billed(&house, &order.name, &[]).await.totals), Some(eur(whole)));
            assert_eq!(close(&house, &order.name, "").await.expect("all is billed").state(), State::Closed);
        }
    }

    /// R-ORD-1, R-INV-1: where a piece is left, it carries the rest.
    async fn a_change_that_leaves_something_to_bill_leaves_what_is_fixed_with_it(db: TestDb) {
        let house = House::open(db).await;
        let order = house.submitted(ten("10", |order| order.charges = vec![fixed("10")])).await;
        house.fulfill(&order.name, &[("1", "5")]).await.expect("half of it");
        billed(&house, &order.name, &[]).await;
        change(&house, &order, "6", false).await.expect("one is left to bill");
        house.fulfill(&order.name, &[]).await.expect("the last one");
        let last = billed(&house, &order.name, &[]).await;
        assert_eq!(payable(&last.totals), Some(eur("18")), "84 less the 66 that are billed");
        assert_eq!(close(&house, &order.name, "").await.expect("all is billed").billing(), Progress::Full);
    }

    /// R-INV-1: what was billed beyond the order goes back without a share of what is fixed, for all of that stays billed.
    async fn what_goes_back_to_what_was_ordered_takes_nothing_fixed_with_it(db: TestDb) {
        let house = House::open(db).await;
        let tolerated = SettingValue { decimal: Some(decimal("10")), ..Default::default() };
        house.decide("orders.over_billing_percent", tolerated).await;
        let of_line = |order: &mut pb::Order| order.lines[0].charges = vec![fixed("10")];
        for asked in [ten("10", |order| order.charges = vec![fixed("10")]), ten("10", of_line)] {
            let order = house.delivered(asked).await;
            let invoice = billed(&house, &order.name, &[("1", "11")]).await;
            assert_eq!(payable(&invoice.totals), Some(eur("144")));
            let note = credited(&house, &invoice.name, &[("1", "1")]).await;
            assert_eq!(payable(&note.totals), Some(eur("12")));
            assert_eq!(house.invoice(&invoice.name).await.open, payable(&order.totals));
            // Below what was ordered its share goes back too, and comes with what is billed again.
            let note = credited(&house, &invoice.name, &[("1", "5")]).await;
            let again = billed(&house, &order.name, &[]).await;
            assert_eq!(payable(&again.totals), payable(&note.totals));
            assert_eq!(close(&house, &order.name, "").await.expect("all is billed").state(), State::Closed);
        }
    }

    /// R-ORD-1, R-INV-1: an order is closed when its invoices come to it, not only its quantities, or for a reason.
    async fn an_order_whose_invoices_come_to_another_amount_is_not_closed_unsaid(db: TestDb) {
        let house = House::open(db).await;
        let tolerated = SettingValue { decimal: Some(decimal("10")), ..Default::default() };
        house.decide("orders.over_billing_percent", tolerated).await;
        for reason in ["", "we pay the freight"] {
            let order = house.delivered(ten("10", |order| order.charges = vec![fixed("10")])).await;
            let first = billed(&house, &order.name, &[("1", "1")]).await;
            let second = billed(&house, &order.name, &[("1", "10")]).await;
            credited(&house, &first.name, &[]).await;
            assert_eq!(payable(&second.totals), Some(eur("130.8")), "the order is 132");
            let refused = close(&house, &order.name, " ").await.expect_err("1.20 of the freight is billed nowhere");
            assert!(refused.reason == "GUARD" && refused.message.contains("another amount"), "{refused:?}");
            if reason.is_empty() {
                credited(&house, &second.name, &[("1", "1")]).await;
                billed(&house, &order.name, &[]).await;
            }
            assert_eq!(close(&house, &order.name, reason).await.expect("it may end").state(), State::Closed);
        }
    }

    /// R-INV-1, R-ORD-1: what is taken back is billed with what is sold, for alone it is below nothing; an order that was
    /// billed otherwise says what is left to do.
    async fn what_is_sold_is_not_billed_without_what_is_taken_back(db: TestDb) {
        let house = House::open(db).await;
        let traded = || pb::Order { lines: vec![line("1", "100"), line("-1", "80")], ..order(&opportunity()) };
        let name = house.submitted(traded()).await.name;
        let sold = quantities(&[("1", "1")]);
        let foreseen = ask!(
            house.invoices(), create_invoice,
            CreateInvoiceRequest { order: name.clone(), lines: sold, validate_only: true, assume_delivered: true }
        );
        let foreseen = refusal(&foreseen.expect_err("-80 would be left"));
        house.fulfill(&name, &[("1", "1")]).await.expect("what is sold");
        let refused = refusal(&house.bill(&name, &[]).await.expect_err("-80 would be left"));
        assert_eq!((refused.field_names(), &refused.message), (vec!["lines"], &foreseen.message));
        assert!(refused.message.contains("bill line 2 with it"), "{}", refused.message);
        let part = billed(&house, &name, &[("1", "0.2")]).await;
        assert_eq!(payable(&part.totals), Some(eur("24")), "0 is left");
        house.fulfill(&name, &[]).await.expect("what is taken back");
        assert_eq!(payable(&billed(&house, &name, &[]).await.totals), Some(eur("0")));
        assert_eq!(close(&house, &name, "").await.expect("all is billed").state(), State::Closed);

        // The ERP billed what is sold alone, and now the house bills.
        let decide = async |who: &str| {
            house.decide("orders.invoicing_authority", SettingValue { text: Some(who.to_owned()), ..Default::default() }).await;
        };
        let name = house.delivered(traded()).await.name;
        decide("ERP").await;
        let import = pb::ImportInvoiceRequest {
            order: name.clone(), number: "R-1".to_owned(), lines: quantities(&[("1", "1")]), request_id: id(), ..Default::default()
        };
        house.invoices().import_invoice(import).await.expect("it is there, whatever it leaves");
        decide("INTERNAL").await;
        let refused = refusal(&house.bill(&name, &[]).await.expect_err("it is below nothing"));
        assert!(refused.message.contains("CreateCreditNote takes an earlier invoice back"), "{}", refused.message);
    }
}
