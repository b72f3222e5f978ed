//! Invoices: of what is delivered, never more, in parts that come to the whole (R-INV-1).

use dealflow_proto::google::type_::Money;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::invoice::State;
use dealflow_proto::types::v1::Line;
use dealflow_testbed::{TestDb, both, refusal};
use tokio::task::JoinSet;

use crate::house::{House, ask, date, decimal, eur, line, opportunity, order, quote, vat};

fn payable(totals: &Option<dealflow_proto::types::v1::Totals>) -> Money {
    totals.clone().and_then(|totals| totals.payable).expect("it is added up")
}

both! {
    /// R-QUO-4
    async fn quote_order_and_invoice_come_to_the_same(db: TestDb) {
        let house = House::open(db).await;
        let mut offered = quote(&opportunity());
        offered.lines.push(Line { vat: Some(vat("7")), discount_percent: Some(decimal("3.33")), ..line("0.7", "13.337") });
        offered.discount_percent = Some(decimal("2.5"));
        let offered = house.presented(offered).await;
        let accepted = ask!(house.quotes(), accept_quote, AcceptQuoteRequest { name: offered.name.clone() });
        let name = accepted.expect("it can be accepted").order;
        ask!(house.orders(), confirm_order, ConfirmOrderRequest { name: name.clone() }).expect("it can be confirmed");
        ask!(house.orders(), submit_order, SubmitOrderRequest { name: name.clone() }).expect("it can be submitted");
        let delivered = house.fulfill(&name, &[]).await.expect("all of it");
        let invoice = house.bill(&name, &[]).await.expect("all of it");
        assert_eq!((&offered.totals, &offered.lines), (&delivered.totals, &delivered.lines));
        assert_eq!((&invoice.totals, &invoice.lines), (&delivered.totals, &delivered.lines));
        assert_eq!((&invoice.order_number, invoice.number.as_str()), (&delivered.number, ""));
    }

    /// R-INV-1
    async fn invoices_in_parts_come_to_the_order_to_the_cent(db: TestDb) {
        let house = House::open(db).await;
        let lines = vec![line("3", "0.335"), line("7", "33.3333"), Line { vat: Some(vat("7")), ..line("3", "0.005") }];
        let asked = pb::Order { lines, discount_percent: Some(decimal("3.7")), ..order(&opportunity()) };
        let order = house.delivered(asked).await;
        let mut sum = 0_i64;
        let mut last = None;
        for _ in 0..3 {
            let part = [("1", "1"), ("2", "2"), ("3", "1")];
            let invoice = house.bill(&order.name, &part).await.expect("a part of it");
            assert_eq!(invoice.discount_percent, order.discount_percent);
            let amount = payable(&invoice.totals);
            sum += amount.units * 100 + i64::from(amount.nanos / 10_000_000);
            last = Some(invoice);
        }
        let rest = house.bill(&order.name, &[]).await.expect("the rest");
        assert_eq!(rest.lines.len(), 1);
        let whole = payable(&order.totals);
        let amount = payable(&rest.totals);
        sum += amount.units * 100 + i64::from(amount.nanos / 10_000_000);
        assert_eq!(sum, whole.units * 100 + i64::from(whole.nanos / 10_000_000));
        let rounding = rest.totals.and_then(|totals| totals.rounding);
        assert_ne!(rounding, Some(eur("0")), "the prices are chosen so that the parts alone miss the whole");
        let before = last.and_then(|invoice| invoice.totals).and_then(|totals| totals.rounding);
        assert_eq!(before, Some(eur("0")), "only the invoice that completes the billing is rounded");
    }

    /// R-INV-1
    async fn more_than_is_delivered_is_not_billed_and_the_refusal_says_what_is_left(db: TestDb) {
        let house = House::open(db).await;
        let name = house.submitted(order(&opportunity())).await.name;
        let early = refusal(&house.bill(&name, &[]).await.expect_err("nothing is delivered"));
        assert_eq!((early.reason.as_str(), early.metadata["state"].as_str()), ("STATE_REFUSES_VERB", "SUBMITTED"));
        house.fulfill(&name, &[("1", "2")]).await.expect("two of three");
        house.bill(&name, &[("1", "0.5")]).await.expect("a part");
        let refused = refusal(&house.bill(&name, &[("1", "1.6")]).await.expect_err("too much"));
        assert_eq!(["line", "left", "asked"].map(|key| refused.metadata[key].as_str()), ["1", "1.5", "1.6"]);
        house.bill(&name, &[]).await.expect("the rest of what is delivered");
        let refused = refusal(&house.bill(&name, &[]).await.expect_err("nothing is left"));
        assert_eq!((refused.code, refused.reason.as_str()), (tonic::Code::FailedPrecondition, "GUARD"));
    }

    /// R-INV-1
    async fn a_void_draft_gives_its_quantities_back_and_a_posted_invoice_is_immutable(db: TestDb) {
        let house = House::open(db).await;
        let order = house.delivered(order(&opportunity())).await;
        let draft = house.bill(&order.name, &[]).await.expect("all of it");
        let voided = ask!(house.invoices(), void_invoice, VoidInvoiceRequest { name: draft.name });
        assert_eq!(voided.expect("it is a draft").state(), State::Void);
        let again = house.bill(&order.name, &[]).await.expect("all of it again");
        let posted = house.post(&again.name).await.expect("it is a draft");
        let void = ask!(house.invoices(), void_invoice, VoidInvoiceRequest { name: posted.name.clone() });
        let refused = refusal(&void.expect_err("nobody says that the ERP does not have it"));
        assert!(refused.reason == "GUARD" && refused.message.contains("handed over"), "{refused:?}");
        let refused = refusal(&house.post(&posted.name).await.expect_err("it is posted"));
        assert_eq!(refused.metadata["allowed"], "VoidInvoice");
        let read = house.invoices().get_invoice(pb::GetInvoiceRequest { name: posted.name.clone() }).await;
        assert_eq!(read.expect("it is there").into_inner(), posted);
    }

    /// R-INV-3: what a bill says of delivery, the buyer's wish and exemption is said when it is made, or by the order and the
    /// house; its credit notes say the same, and are set off when it falls due.
    async fn a_bill_says_when_it_was_delivered_and_what_the_buyer_asked_to_see(db: TestDb) {
        let house = House::open(db).await;
        let text = |text: &str| dealflow_proto::settings::v1::SettingValue { text: Some(text.to_owned()), ..Default::default() };
        house.decide("orders.buyer_reference", text("KST-1")).await;
        let order = house.submitted(order(&opportunity())).await;
        house.fulfill(&order.name, &[("1", "1")]).await.expect("one of it");
        let today = dealflow_proto::convert::date(house.time.now().date_naive());
        house.time.advance(chrono::TimeDelta::days(3));
        let first = house.bill(&order.name, &[]).await.expect("what is delivered");
        assert_eq!((first.delivery_date, first.buyer_reference.as_str()), (Some(today), "KST-1"));
        house.fulfill(&order.name, &[]).await.expect("the rest");
        let now = dealflow_proto::convert::date(house.time.now().date_naive());
        let said = ask!(
            house.invoices(),
            create_invoice,
            CreateInvoiceRequest { order: order.name.clone(), buyer_reference: "KST-2".to_owned(), exemption_reason: "Art. 132".to_owned() }
        );
        let said = said.expect("the rest");
        assert_eq!((said.delivery_date, said.buyer_reference.as_str(), said.exemption_reason.as_str()), (Some(now), "KST-2", "Art. 132"));
        let early = ask!(
            house.invoices(),
            create_invoice,
            CreateInvoiceRequest { order: order.name.clone(), delivery_date: Some(date(2999, 1, 1)), validate_only: true }
        );
        assert_eq!(refusal(&early.expect_err("it is still to come")).field_names(), ["delivery_date"]);
        let posted = house.post(&said.name).await.expect("it can be posted");
        let note = house.credit(&posted.name, &[]).await.expect("all of it");
        assert_eq!((note.buyer_reference.as_str(), note.delivery_date, note.due_date), ("KST-2", Some(now), posted.due_date));
    }

    /// R-INV-1
    async fn the_due_day_follows_from_the_day_of_the_invoice_and_the_terms(db: TestDb) {
        let house = House::open(db).await;
        for (days, due) in [(0, date(2017, 4, 14)), (14, date(2017, 3, 29))] {
            let order = house.delivered(pb::Order { payment_days: days, ..order(&opportunity()) }).await;
            let draft = house.bill(&order.name, &[]).await.expect("all of it");
            assert_eq!((draft.issue_date, draft.due_date), (Some(date(2017, 3, 15)), None));
            assert_eq!(house.post(&draft.name).await.expect("it can be posted").due_date, Some(due));
        }
        let order = house.delivered(order(&opportunity())).await;
        for day in [date(2017, 3, 14), date(2017, 3, 16)] {
            let refused = ask!(
                house.invoices(),
                create_invoice,
                CreateInvoiceRequest { order: order.name.clone(), issue_date: Some(day) }
            );
            assert_eq!(refusal(&refused.expect_err("before the order, or to come")).field_names(), ["issue_date"]);
        }
    }

    /// R-INV-1
    async fn sixty_four_billings_at_once_bill_what_is_delivered_and_no_more(db: TestDb) {
        let house = House::open(db).await;
        let lines = vec![line("10", "7.77")];
        let order = house.delivered(pb::Order { lines, ..order(&opportunity()) }).await;
        let mut calls = JoinSet::new();
        for _ in 0..64 {
            let (mut invoices, order) = (house.invoices(), order.name.clone());
            let lines = crate::house::quantities(&[("1", "1")]);
            calls.spawn(async move { ask!(invoices, create_invoice, CreateInvoiceRequest { order: order, lines: lines }) });
        }
        let answers = calls.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
        assert!(answers.into_iter().filter_map(Result::err).all(|status| refusal(&status).reason == "GUARD"));
        let billed = house.order(&order.name).await.line_progress[0].billed.clone();
        assert_eq!(billed, Some(decimal("10")));
    }
}
