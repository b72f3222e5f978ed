//! Payments, and what is paid: derived from them, kept nowhere (R-INV-1, R-ORD-1).

use chrono::TimeDelta;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::order::Progress;
use dealflow_proto::orders::v1::payment::State;
use dealflow_proto::orders::v1::{PaymentStatus, VoidInvoiceRequest};
use dealflow_proto::settings::v1::SettingValue;
use dealflow_testbed::{TestDb, both, id, refusal};
use tokio::task::JoinSet;

use crate::house::{House, ask, date, eur, line, money, opportunity, order};

/// A posted invoice over so many euros with VAT.
async fn invoice(house: &House, lines: &[(&str, &str)]) -> pb::Invoice {
    let lines = lines.iter().map(|(quantity, price)| line(quantity, price)).collect();
    let order = house.delivered(pb::Order { lines, ..order(&opportunity()) }).await;
    let draft = house.bill(&order.name, &[]).await.expect("all of it").name;
    house.post(&draft).await.expect("it can be posted")
}

fn payment(reference: &str, amount: &str, pays: &[(&pb::Invoice, &str)]) -> pb::Payment {
    let pays = pays.iter().map(|(invoice, amount)| pays_of(&invoice.name, amount));
    pb::Payment {
        source: "bank".to_owned(),
        external_reference: reference.to_owned(),
        amount: Some(eur(amount)),
        allocations: pays.collect(),
        ..Default::default()
    }
}

fn pays_of(invoice: &str, amount: &str) -> pb::PaymentAllocation {
    pb::PaymentAllocation { invoice: invoice.to_owned(), amount: Some(eur(amount)) }
}

both! {
    /// R-INV-1
    async fn a_payment_over_two_invoices_pays_both_and_the_order_says_so(db: TestDb) {
        let house = House::open(db).await;
        let (one, two) = (invoice(&house, &[("1", "100")]).await, invoice(&house, &[("1", "50")]).await);
        assert_eq!((one.payment_status(), one.open.clone()), (PaymentStatus::NotPaid, Some(eur("120"))));
        let paid = house.pay(payment("A", "150", &[(&one, "120"), (&two, "20")])).await.expect("it came in");
        assert_eq!((paid.state(), paid.unallocated.clone()), (State::Received, Some(eur("10"))));
        assert_eq!(house.invoice(&one.name).await.payment_status(), PaymentStatus::Paid);
        let some = house.invoice(&two.name).await;
        assert_eq!((some.payment_status(), some.open), (PaymentStatus::Partial, Some(eur("40"))));
        assert_eq!(house.order(&two.order).await.payment(), Progress::Partial);
        let rest = ask!(
            house.payments(), allocate_payment,
            AllocatePaymentRequest { name: paid.name.clone(), allocations: vec![pays_of(&two.name, "10")] }
        );
        let rest = rest.expect("the rest of it");
        assert_eq!((rest.state(), rest.unallocated.clone()), (State::Allocated, Some(eur("0"))));
        assert_eq!(rest.allocations.iter().find(|it| it.invoice == two.name).and_then(|it| it.amount.clone()), Some(eur("30")));
        house.pay(payment("B", "30", &[(&two, "30")])).await.expect("it came in");
        assert_eq!(house.order(&two.order).await.payment(), Progress::Full);
        let done = ask!(house.payments(), reconcile_payment, ReconcilePaymentRequest { name: paid.name.clone() });
        assert_eq!(done.expect("the statement agrees").state(), State::Reconciled);
        let late = ask!(house.payments(), reverse_payment, ReversePaymentRequest { name: paid.name, reason: "x".to_owned() });
        assert_eq!(refusal(&late.expect_err("it is final")).reason, "TERMINAL");
    }

    /// R-INV-1
    async fn what_a_source_tells_again_is_the_same_payment_and_otherwise_a_conflict(db: TestDb) {
        let house = House::open(db).await;
        let invoice = invoice(&house, &[("1", "100")]).await;
        let mut calls = JoinSet::new();
        for _ in 0..32 {
            let (mut payments, told) = (house.payments(), payment("4711", "120", &[(&invoice, "120")]));
            calls.spawn(async move { ask!(payments, record_payment, RecordPaymentRequest { payment: Some(told) }) });
        }
        let answers = calls.join_all().await;
        let first = answers[0].as_ref().expect("it came in").clone();
        assert!(answers.iter().all(|answer| answer.as_ref().ok() == Some(&first)), "one payment, whoever tells of it");
        assert_eq!(house.invoice(&invoice.name).await.paid, Some(eur("120")));
        let other = refusal(&house.pay(payment("4711", "121", &[])).await.expect_err("it was 120"));
        assert_eq!((other.code, &other.metadata["holder"]), (tonic::Code::AlreadyExists, &first.name));
        let elsewhere = pb::Payment { source: "erp".to_owned(), ..payment("4711", "1", &[]) };
        assert_ne!(house.pay(elsewhere).await.expect("another source").name, first.name);
    }

    /// R-INV-1: what a source told of stays that payment, whatever became of the invoice that it paid.
    async fn a_reversed_payment_that_is_told_again_is_the_one_that_is_known(db: TestDb) {
        let house = House::open(db).await;
        let invoice = invoice(&house, &[("1", "100")]).await;
        let told = payment("4711", "120", &[(&invoice, "120")]);
        let first = house.pay(told.clone()).await.expect("it came in").name;
        let reason = "charged back".to_owned();
        let back = ask!(house.payments(), reverse_payment, ReversePaymentRequest { name: first.clone(), reason: reason });
        let back = back.expect("it can go back");
        let void = VoidInvoiceRequest { name: invoice.name.clone(), withdrawn: true, request_id: id(), ..Default::default() };
        house.invoices().void_invoice(void).await.expect("nothing is paid of it");
        assert_eq!(house.pay(told).await.expect("it is known"), back);
        let other = refusal(&house.pay(payment("4711", "120", &[])).await.expect_err("it paid an invoice"));
        assert_eq!((other.code, &other.metadata["holder"]), (tonic::Code::AlreadyExists, &first));
    }

    /// R-INV-1, R-ORD-1: an invoice that asks for nothing more, for all of it was paid in advance, leaves nothing to pay; one
    /// that was credited in full pays nothing.
    async fn an_order_that_was_paid_in_advance_is_paid(db: TestDb) {
        let house = House::open(db).await;
        let order = house.delivered(pb::Order { lines: vec![line("1", "100")], ..order(&opportunity()) }).await.name;
        let prepaid = Some(eur("120"));
        let draft = ask!(house.invoices(), create_invoice, CreateInvoiceRequest { order: order.clone(), prepaid: prepaid });
        let draft = draft.expect("it is delivered").name;
        assert_eq!(house.order(&order).await.payment(), Progress::Not, "a draft asks for nothing yet");
        let posted = house.post(&draft).await.expect("it can be posted").name;
        assert_eq!(house.invoice(&posted).await.payment_status(), PaymentStatus::Paid);
        assert_eq!(house.order(&order).await.payment(), Progress::Full);
        let note = house.credit(&posted, &[]).await.expect("all of it").name;
        house.post_credit(&note).await.expect("it can be posted");
        assert_eq!(house.order(&order).await.payment(), Progress::Not);
    }

    /// R-INV-1
    async fn too_much_is_overpaid_and_what_went_back_is_reversed(db: TestDb) {
        let house = House::open(db).await;
        let invoice = invoice(&house, &[("1", "100")]).await;
        let much = house.pay(payment("A", "130", &[(&invoice, "130")])).await.expect("it came in");
        let over = house.invoice(&invoice.name).await;
        assert_eq!((over.payment_status(), over.open), (PaymentStatus::Overpaid, Some(eur("-10"))));
        let reason = "charged back".to_owned();
        let back = ask!(house.payments(), reverse_payment, ReversePaymentRequest { name: much.name, reason: reason.clone() });
        let back = back.expect("it can go back");
        assert_eq!((back.state(), &back.reverse_reason), (State::Reversed, &reason));
        let open = house.invoice(&invoice.name).await;
        assert_eq!((open.payment_status(), open.paid), (PaymentStatus::Reversed, Some(eur("0"))));
        assert_eq!(house.order(&invoice.order).await.payment(), Progress::Not);
        house.pay(payment("B", "100", &[(&invoice, "100")])).await.expect("it came in");
        assert_eq!(house.invoice(&invoice.name).await.payment_status(), PaymentStatus::Partial);
        let note = house.credit(&invoice.name, &[("1", "0.5")]).await.expect("half of it").name;
        house.post_credit(&note).await.expect("it can be posted");
        let over = house.invoice(&invoice.name).await;
        assert_eq!((over.payment_status(), over.open), (PaymentStatus::Overpaid, Some(eur("-40"))));
    }

    /// R-INV-1
    async fn an_invoice_is_overdue_the_day_after_it_is_due_as_long_as_something_is_open(db: TestDb) {
        let house = House::open(db).await;
        let invoice = invoice(&house, &[("1", "100")]).await;
        assert_eq!(invoice.due_date, Some(date(2017, 4, 14)));
        house.time.advance(TimeDelta::days(30));
        assert!(!house.invoice(&invoice.name).await.overdue, "the day itself counts");
        house.time.advance(TimeDelta::days(1));
        let late = house.invoice(&invoice.name).await;
        assert!(late.overdue && late.etag == invoice.etag, "nobody called, and nothing was stored");
        house.pay(payment("A", "119.99", &[(&invoice, "119.99")])).await.expect("it came in");
        assert!(house.invoice(&invoice.name).await.overdue, "a cent is open");
        house.pay(payment("B", "0.01", &[(&invoice, "0.01")])).await.expect("it came in");
        assert!(!house.invoice(&invoice.name).await.overdue);
    }

    /// R-INV-1
    async fn an_allocation_that_cannot_be_meant_is_refused(db: TestDb) {
        let house = House::open(db).await;
        let (one, two) = (invoice(&house, &[("1", "100")]).await, invoice(&house, &[("1", "50")]).await);
        let twice = house.pay(payment("A", "150", &[(&one, "100"), (&one, "20")])).await.expect_err("named twice");
        assert_eq!(refusal(&twice).field_names(), ["allocations[1].invoice"]);
        let much = house.pay(payment("A", "150", &[(&one, "120"), (&two, "30.01")])).await.expect_err("it is 150");
        assert_eq!(refusal(&much).reason, "GUARD");
        let dollars = pb::Payment { amount: Some(money("5", "USD")), ..payment("A", "5", &[(&one, "5")]) };
        let mixed = house.pay(dollars).await.expect_err("two currencies");
        assert_eq!(refusal(&mixed).field_names(), ["payment.allocations[0].amount"]);
        let nothing = house.pay(payment("A", "0", &[])).await.expect_err("nothing came in");
        assert_eq!(refusal(&nothing).field_names(), ["payment.amount"]);
        let order = house.delivered(order(&opportunity())).await.name;
        let draft = house.bill(&order, &[]).await.expect("all of it");
        let early = house.pay(payment("A", "5", &[(&draft, "5")])).await.expect_err("it is a draft");
        assert_eq!(refusal(&early).metadata["state"], "DRAFT");
        let nobody = pb::Invoice { name: dealflow_proto::names::INVOICES.name(uuid::Uuid::now_v7()), ..Default::default() };
        let missing = house.pay(payment("A", "5", &[(&nobody, "5")])).await.expect_err("there is none");
        assert_eq!(refusal(&missing).resource, Some(nobody.name));
    }

    /// R-INV-1
    async fn a_little_more_than_is_delivered_is_billed_where_the_house_tolerates_it(db: TestDb) {
        let house = House::open(db).await;
        let ten = SettingValue { decimal: Some(crate::house::decimal("10")), ..Default::default() };
        house.decide("orders.over_billing_percent", ten).await;
        let name = house.submitted(pb::Order { lines: vec![line("10", "1")], ..order(&opportunity()) }).await.name;
        house.fulfill(&name, &[("1", "5")]).await.expect("half of it");
        let over = refusal(&house.bill(&name, &[("1", "5.500001")]).await.expect_err("beyond the tolerance"));
        assert_eq!(over.metadata["left"], "5.5");
        house.bill(&name, &[("1", "5.5")]).await.expect("within the tolerance");
        assert_eq!(refusal(&house.bill(&name, &[]).await.expect_err("unasked nothing is billed twice")).reason, "GUARD");

        // Billed beyond what was ordered it is billed in full, and can be closed.
        house.fulfill(&name, &[]).await.expect("the rest");
        house.bill(&name, &[("1", "5.5")]).await.expect("within the tolerance");
        let listed = house.invoices().list_invoices(pb::ListInvoicesRequest::default()).await.expect("listed");
        for draft in listed.into_inner().invoices {
            house.post(&draft.name).await.expect("it can be posted");
        }
        let billed = house.order(&name).await;
        let next: Vec<_> = billed.guidance.expect("told").next_actions.into_iter().map(|next| next.verb).collect();
        assert_eq!((billed.line_progress[0].billed.clone(), billed.billing, next), (Some(crate::house::decimal("11")), Progress::Full.into(), vec!["CloseOrder".to_owned()]));
        let closed = ask!(house.orders(), close_order, CloseOrderRequest { name: name }).expect("nothing is left");
        assert_eq!(closed.state(), pb::order::State::Closed);
    }

    /// R-INV-1: a share of what is delivered, and nothing that no quantity could be multiplied by.
    async fn what_is_tolerated_is_a_percentage(db: TestDb) {
        let house = House::open(db).await;
        for (wrong, right) in [("-1", "0"), ("101", "100"), ("100000000000000000000", "100.0")] {
            let value = |text: &str| SettingValue { decimal: Some(crate::house::decimal(text)), ..Default::default() };
            let refused = refusal(&house.decides("orders.over_billing_percent", value(wrong)).await.expect_err("no share"));
            assert_eq!((refused.code, refused.field_names().len()), (tonic::Code::InvalidArgument, 1), "{refused:?}");
            house.decide("orders.over_billing_percent", value(right)).await;
        }
        let name = house.delivered(pb::Order { lines: vec![line("10", "1")], ..order(&opportunity()) }).await.name;
        house.bill(&name, &[("1", "20")]).await.expect("twice of it is tolerated");
    }

    /// R-INV-2
    async fn where_the_erp_invoices_its_invoices_are_taken_over_and_none_are_made(db: TestDb) {
        let house = House::open(db).await;
        let erp = SettingValue { text: Some("ERP".to_owned()), ..Default::default() };
        house.decide("orders.invoicing_authority", erp).await;
        let order = house.delivered(order(&opportunity())).await;
        let refused = refusal(&house.bill(&order.name, &[]).await.expect_err("the ERP invoices"));
        assert_eq!((refused.reason.as_str(), refused.metadata["invoicing_authority"].as_str()), ("GUARD", "ERP"));
        let import = pb::ImportInvoiceRequest {
            order: order.name.clone(), number: "R-77".to_owned(), due_date: Some(date(2017, 5, 1)),
            request_id: id(), ..Default::default()
        };
        let taken = house.invoices().import_invoice(import.clone()).await.expect("it is taken over").into_inner();
        assert_eq!((taken.state(), taken.number.as_str()), (pb::invoice::State::Posted, "R-77"));
        assert_eq!((taken.due_date, &taken.totals), (Some(date(2017, 5, 1)), &order.totals));
        assert_eq!(house.order(&order.name).await.billing(), Progress::Full);
        let told: Vec<_> = house.events(&order.opportunity).await.into_iter().map(|event| event.r#type).collect();
        assert!(!told.contains(&"invoice.posted".to_owned()), "what came from the ERP is not handed over to it");

        let twice = pb::ImportInvoiceRequest { request_id: id(), ..import.clone() };
        let twice = refusal(&house.invoices().import_invoice(twice).await.expect_err("its number is taken"));
        assert_eq!((twice.reason.as_str(), &twice.metadata["holder"]), ("TAKEN", &taken.name));
        let internal = House::open(TestDb::new(dealflow_testbed::Kind::Sqlite).await).await;
        let order = internal.delivered(crate::house::order(&opportunity())).await.name;
        let import = pb::ImportInvoiceRequest { order, request_id: id(), ..import };
        let refused = refusal(&internal.invoices().import_invoice(import).await.expect_err("we invoice here"));
        assert_eq!(refused.metadata["invoicing_authority"], "INTERNAL");
    }

    /// R-ORD-1
    async fn an_order_waits_goes_on_where_it_was_and_is_closed_once_all_is_billed(db: TestDb) {
        use dealflow_proto::orders::v1::order::State;
        let house = House::open(db).await;
        let name = house.submitted(order(&opportunity())).await.name;
        house.fulfill(&name, &[("1", "1")]).await.expect("one of three");
        let held = house.hold(&name).await.expect("it can wait");
        assert_eq!((held.state(), held.hold_reason.as_str()), (State::OnHold, "the customer is late"));
        let stopped = house.fulfill(&name, &[]).await.expect_err("it waits");
        assert_eq!(refusal(&stopped).metadata["allowed"], "UpdateOrder, ReleaseOrder, CancelOrder");
        let on = ask!(house.orders(), release_order, ReleaseOrderRequest { name: name.clone() }).expect("it goes on");
        assert_eq!((on.state(), on.hold_reason.as_str()), (State::InFulfillment, ""));
        house.fulfill(&name, &[]).await.expect("the rest");
        let draft = house.bill(&name, &[]).await.expect("all of it").name;
        let close = async || ask!(house.orders(), close_order, CloseOrderRequest { name: name.clone() });
        assert_eq!(refusal(&close().await.expect_err("it is not billed")).reason, "GUARD");
        house.post(&draft).await.expect("it can be posted");
        assert_eq!(close().await.expect("it is billed").state(), State::Closed);
        let refused = refusal(&house.hold(&name).await.expect_err("it is at its end"));
        assert_eq!((refused.reason.as_str(), refused.metadata["allowed"].as_str()), ("STATE_REFUSES_VERB", "CreateInvoice"));
    }

    /// R-ORD-1
    async fn from_submitted_on_no_person_changes_an_order(db: TestDb) {
        let house = House::open(db).await;
        let name = house.submitted(order(&opportunity())).await.name;
        let person = crate::house::employee();
        let lines = Vec::new();
        for refused in [
            crate::house::ask_as!(&person, house.orders(), fulfill_order, FulfillOrderRequest { name: name.clone(), lines: lines }),
            crate::house::ask_as!(&person, house.orders(), reject_order, RejectOrderRequest { name: name.clone(), reason: "no".to_owned() }),
            crate::house::ask_as!(&person, house.orders(), hold_order, HoldOrderRequest { name: name.clone(), reason: "no".to_owned() }),
            crate::house::ask_as!(&person, house.orders(), cancel_order, CancelOrderRequest { name: name.clone() }),
            crate::house::ask_as!("anonymous", house.orders(), cancel_order, CancelOrderRequest { name: name.clone() }),
        ] {
            let refused = refusal(&refused.expect_err("the ERP has it"));
            assert_eq!((refused.reason.as_str(), refused.metadata["state"].as_str()), ("PERMISSION_DENIED", "SUBMITTED"));
        }
        crate::house::ask_as!("erp", house.orders(), cancel_order, CancelOrderRequest { name: name }).expect("the ERP agrees");
    }
}
