//! Credit notes: of what was invoiced, never more, and what they take back can be billed again (R-INV-1).

use dealflow_proto::google::type_::Money;
use dealflow_proto::orders::v1 as pb;
use dealflow_proto::orders::v1::credit_note::State;
use dealflow_proto::orders::v1::order::Progress;
use dealflow_proto::settings::v1::SettingValue;
use dealflow_proto::types::v1::{Line, Totals};
use dealflow_testbed::{TestDb, both, id, refusal};
use tokio::task::JoinSet;

use crate::house::{House, ask, date, decimal, eur, line, opportunity, order, vat};

fn payable(totals: &Option<Totals>) -> Money {
    totals.clone().and_then(|totals| totals.payable).expect("it is added up")
}

fn cents(totals: &Option<Totals>) -> i64 {
    let amount = payable(totals);
    amount.units * 100 + i64::from(amount.nanos / 10_000_000)
}

/// A posted invoice of all that an order delivered.
async fn invoiced(house: &House, order: pb::Order) -> (pb::Order, pb::Invoice) {
    let order = house.delivered(order).await;
    let draft = house.bill(&order.name, &[]).await.expect("all of it").name;
    let invoice = house.post(&draft).await.expect("it can be posted");
    (order, invoice)
}

both! {
    /// R-INV-1
    async fn a_credit_note_takes_back_lines_of_an_invoice_under_a_number_of_its_own_series(db: TestDb) {
        let house = House::open(db).await;
        let (order, invoice) = invoiced(&house, order(&opportunity())).await;
        let draft = house.credit(&invoice.name, &[("1", "1")]).await.expect("one of three");
        assert_eq!((draft.state(), draft.number.as_str()), (State::Draft, ""));
        assert_eq!((&draft.invoice_number, draft.invoice_date), (&invoice.number, invoice.issue_date));
        assert_eq!(draft.totals.clone().expect("it is added up").total_with_vat, Some(eur("120")), "positive");
        let unchanged = house.order(&order.name).await;
        assert_eq!(unchanged.line_progress[0].billed, Some(decimal("3")), "a draft restores nothing yet");
        let posted = house.post_credit(&draft.name).await.expect("it can be posted");
        assert_eq!((posted.state(), posted.number.as_str()), (State::Posted, "CN-2017-000001"));
        let order = house.order(&order.name).await;
        assert_eq!((order.billing(), order.line_progress[0].billed.clone()), (Progress::Partial, Some(decimal("2"))));
        let invoice = house.invoice(&invoice.name).await;
        assert_eq!((invoice.credited, invoice.open), (Some(eur("120")), Some(eur("359.98"))));

        let again = house.bill(&order.name, &[]).await.expect("what was credited can be billed again");
        assert_eq!(again.lines.len(), 1);
        assert_eq!(again.lines[0].quantity, Some(decimal("1")));
        let told: Vec<_> = house.events(&order.opportunity).await.into_iter().map(|event| event.r#type).collect();
        assert!(told.contains(&"credit_note.posted".to_owned()), "{told:?}");
    }

    /// R-INV-1
    async fn more_than_was_invoiced_is_not_credited(db: TestDb) {
        let house = House::open(db).await;
        let order = house.delivered(order(&opportunity())).await.name;
        let draft = house.bill(&order, &[("1", "2")]).await.expect("two of three").name;
        let early = refusal(&house.credit(&draft, &[]).await.expect_err("a draft is voided instead"));
        assert_eq!((early.reason.as_str(), early.metadata["state"].as_str()), ("GUARD", "DRAFT"));
        house.post(&draft).await.expect("it can be posted");
        house.credit(&draft, &[("1", "1.5")]).await.expect("a part of it");
        let refused = refusal(&house.credit(&draft, &[("1", "0.6")]).await.expect_err("too much"));
        assert_eq!(["line", "left", "asked"].map(|key| refused.metadata[key].as_str()), ["1", "0.5", "0.6"]);
        let stranger = refusal(&house.credit(&draft, &[("2", "1")]).await.expect_err("it is not on the invoice"));
        assert_eq!(stranger.field_names(), ["lines[0].line_id"]);
        let rest = house.credit(&draft, &[]).await.expect("the rest");
        assert_eq!(refusal(&house.credit(&draft, &[]).await.expect_err("nothing is left")).reason, "GUARD");
        ask!(house.credit_notes(), void_credit_note, VoidCreditNoteRequest { name: rest.name }).expect("a draft");
        house.credit(&draft, &[("1", "0.5")]).await.expect("the void draft freed it");
        let early = ask!(
            house.credit_notes(), create_credit_note,
            CreateCreditNoteRequest { invoice: draft, reason: "x".to_owned(), issue_date: Some(date(2017, 3, 14)) }
        );
        assert_eq!(refusal(&early.expect_err("before the invoice")).field_names(), ["issue_date"]);
    }

    /// R-INV-1
    async fn credits_in_parts_come_to_the_invoice_to_the_cent(db: TestDb) {
        let house = House::open(db).await;
        let lines = vec![line("3", "0.335"), line("7", "33.3333"), Line { vat: Some(vat("7")), ..line("3", "0.005") }];
        let asked = pb::Order { lines, discount_percent: Some(decimal("3.7")), ..order(&opportunity()) };
        let (order, invoice) = invoiced(&house, asked).await;
        let mut sum = 0;
        for part in [&[("1", "1"), ("2", "2"), ("3", "1")][..], &[("1", "1"), ("2", "2.5"), ("3", "1")], &[]] {
            let note = house.credit(&invoice.name, part).await.expect("a part of it");
            sum += cents(&note.totals);
            house.post_credit(&note.name).await.expect("it can be posted");
        }
        assert_eq!(sum, cents(&invoice.totals));
        let credited = house.invoice(&invoice.name).await;
        assert_eq!((credited.open.clone(), credited.payment_status()), (Some(eur("0")), pb::PaymentStatus::Paid));
        let again = house.bill(&order.name, &[]).await.expect("all of it again");
        assert_eq!(again.totals, invoice.totals, "billed anew it comes to the same");
    }

    /// R-INV-1, erp-handoff §1: of lines that were billed together, one that takes back is not credited alone, for its amount
    /// is below 0, nor what is sold for more than the invoice came to.
    async fn a_credit_note_is_never_below_nothing_nor_above_its_invoice(db: TestDb) {
        let house = House::open(db).await;
        let lines = vec![line("1", "100"), line("-1", "80")];
        let (_, invoice) = invoiced(&house, pb::Order { lines, ..order(&opportunity()) }).await;
        assert_eq!(payable(&invoice.totals), eur("24"));
        for (part, with) in [(("2", "-1"), "credit line 1 together with it"), (("1", "1"), "credit line 2 together with it")] {
            let refused = refusal(&house.credit(&invoice.name, &[part]).await.expect_err("it was billed with the other"));
            assert_eq!((refused.code, refused.field_names()), (tonic::Code::InvalidArgument, vec!["lines"]));
            assert!(refused.message.ends_with(with), "{}", refused.message);
        }
        let part = house.credit(&invoice.name, &[("1", "0.1")]).await.expect("half of what it came to");
        assert_eq!(payable(&part.totals), eur("12"));
        let over = house.credit(&invoice.name, &[("1", "0.2")]).await.expect_err("12 is left of it");
        assert_eq!(refusal(&over).field_names(), ["lines"]);
        let rest = house.credit(&invoice.name, &[]).await.expect("all that is left");
        assert_eq!(payable(&rest.totals), eur("12"));
        for note in [part, rest] {
            house.post_credit(&note.name).await.expect("it can be posted");
        }
        assert_eq!(house.invoice(&invoice.name).await.open, Some(eur("0")));
    }

    /// R-INV-1: what was posted is void while the ERP does not have it and nobody built on it: the invoice stands again as
    /// it was. What it took back and was billed again, or let the order be canceled, stays taken back.
    async fn a_posted_credit_note_is_void_only_where_nothing_was_built_on_it(db: TestDb) {
        let house = House::open(db).await;
        let (order, invoice) = invoiced(&house, order(&opportunity())).await;
        let before = house.invoice(&invoice.name).await;
        let posted = async |lines: &[(&str, &str)]| {
            let draft = house.credit(&invoice.name, lines).await.expect("it stands").name;
            house.post_credit(&draft).await.expect("it can be posted")
        };
        let void = async |note: &pb::CreditNote, withdrawn: bool| {
            let name = note.name.clone();
            ask!(house.credit_notes(), void_credit_note, VoidCreditNoteRequest { name: name, withdrawn: withdrawn })
        };
        let note = posted(&[("1", "1")]).await;
        let refused = refusal(&void(&note, false).await.expect_err("nobody says that the ERP does not have it"));
        assert!(refused.reason == "GUARD" && refused.message.contains("was handed over"), "{refused:?}");
        let gone = void(&note, true).await.expect("nothing was built on it");
        assert_eq!((gone.state(), &gone.number), (pb::credit_note::State::Void, &note.number));
        let after = house.invoice(&invoice.name).await;
        assert_eq!((&after.open, after.payment_status()), (&before.open, before.payment_status()));
        assert_eq!(refusal(&house.bill(&order.name, &[]).await.expect_err("all is billed")).reason, "GUARD");

        let note = posted(&[("1", "1")]).await;
        let again = house.bill(&order.name, &[]).await.expect("what came back").name;
        let refused = refusal(&void(&note, true).await.expect_err("it would be billed twice"));
        assert!(refused.reason == "GUARD" && refused.message.contains("billed again"), "{refused:?}");
        ask!(house.invoices(), void_invoice, VoidInvoiceRequest { name: again }).expect("a draft");
        void(&note, true).await.expect("it is not billed any more");
        assert_eq!(posted(&[]).await.number, "CN-2017-000003", "numbers stay given");
    }

    /// R-INV-1, R-ORD-1: of a closed order too a credit note restores what can be billed, no more, and the order stays at
    /// its end.
    async fn what_is_taken_back_of_a_closed_order_can_be_billed_again(db: TestDb) {
        let house = House::open(db).await;
        let (order, invoice) = invoiced(&house, order(&opportunity())).await;
        ask!(house.orders(), close_order, CloseOrderRequest { name: order.name.clone() }).expect("all of it is billed");
        assert_eq!(refusal(&house.bill(&order.name, &[]).await.expect_err("nothing is left")).reason, "GUARD");
        let note = house.credit(&invoice.name, &[]).await.expect("it had the wrong address").name;
        house.post_credit(&note).await.expect("it can be posted");
        let again = house.bill(&order.name, &[]).await.expect("what was taken back");
        assert_eq!(again.totals, invoice.totals);
        house.post(&again.name).await.expect("it can be posted");
        let after = house.order(&order.name).await;
        assert_eq!((after.state(), after.billing()), (pb::order::State::Closed, Progress::Full));
        assert!(after.guidance.expect("told").next_actions.is_empty(), "nothing more is to come");
    }

    /// R-INV-1, R-ORD-1: what came back and is not billed again closes the order where somebody says why; what was never
    /// billed does not.
    async fn an_order_is_closed_without_what_was_returned_and_for_a_reason(db: TestDb) {
        let house = House::open(db).await;
        let order = house.delivered(order(&opportunity())).await;
        let close = async |reason: &str| {
            let (name, reason) = (order.name.clone(), reason.to_owned());
            ask!(house.orders(), close_order, CloseOrderRequest { name: name, reason: reason })
        };
        let draft = house.bill(&order.name, &[("1", "3")]).await.expect("one line of two").name;
        house.post(&draft).await.expect("it can be posted");
        let note = house.credit(&draft, &[("1", "1")]).await.expect("one came back").name;
        house.post_credit(&note).await.expect("it can be posted");
        let refused = refusal(&close("one came back").await.expect_err("the second line was never billed"));
        assert!(refused.reason == "GUARD" && refused.message.ends_with("CreateInvoice bills the rest"), "{refused:?}");
        let rest = house.bill(&order.name, &[("2", "2")]).await.expect("the second line").name;
        house.post(&rest).await.expect("it can be posted");
        let refused = refusal(&close(" ").await.expect_err("nobody says why"));
        assert!(refused.reason == "GUARD" && refused.message.contains("`reason`"), "{refused:?}");
        let closed = close("one came back").await.expect("it is said why");
        assert_eq!((closed.state(), closed.billing()), (pb::order::State::Closed, Progress::Partial));
        let told = house.events(&order.opportunity).await;
        assert!(told.iter().any(|event| event.r#type == "order.closed" && event.reason == "one came back"));
    }

    /// R-INV-1
    async fn fifty_credit_notes_posted_at_once_leave_no_gap(db: TestDb) {
        let house = House::open(db).await;
        let lines = vec![line("50", "1")];
        let (_, invoice) = invoiced(&house, pb::Order { lines, ..order(&opportunity()) }).await;
        let mut calls = JoinSet::new();
        for _ in 0..50 {
            let draft = house.credit(&invoice.name, &[("1", "1")]).await.expect("one of it").name;
            let mut notes = house.credit_notes();
            calls.spawn(async move {
                ask!(notes, post_credit_note, PostCreditNoteRequest { name: draft }).expect("it can be posted").number
            });
        }
        let mut numbers = calls.join_all().await;
        numbers.sort();
        assert_eq!(numbers, (1..=50).map(|n| format!("CN-2017-{n:06}")).collect::<Vec<_>>());
    }

    /// R-INV-1
    async fn sixty_four_credits_at_once_take_back_what_was_invoiced_and_no_more(db: TestDb) {
        let house = House::open(db).await;
        let lines = vec![line("10", "7.77")];
        let (_, invoice) = invoiced(&house, pb::Order { lines, ..order(&opportunity()) }).await;
        let mut calls = JoinSet::new();
        for _ in 0..64 {
            let (mut notes, invoice) = (house.credit_notes(), invoice.name.clone());
            let lines = crate::house::quantities(&[("1", "1")]);
            calls.spawn(async move {
                ask!(
                    notes, create_credit_note,
                    CreateCreditNoteRequest { invoice: invoice, lines: lines, reason: "returned".to_owned() }
                )
            });
        }
        let answers = calls.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
        assert!(answers.into_iter().filter_map(Result::err).all(|status| refusal(&status).reason == "GUARD"));
    }

    /// R-ORD-1
    async fn an_order_is_cancelled_only_without_an_invoice_that_stands(db: TestDb) {
        let house = House::open(db).await;
        let name = house.submitted(order(&opportunity())).await.name;
        house.fulfill(&name, &[("1", "1")]).await.expect("one of three");
        let draft = house.bill(&name, &[]).await.expect("what is delivered").name;
        house.post(&draft).await.expect("it can be posted");
        house.hold(&name).await.expect("it can wait");
        let person = crate::house::employee();
        let cancel = async |who: &str| crate::house::ask_as!(who, house.orders(), cancel_order, CancelOrderRequest { name: name.clone() });
        let refused = refusal(&cancel("erp").await.expect_err("an invoice stands"));
        assert_eq!(refused.reason, "GUARD");
        assert!(refused.message.contains("credit or void"), "{}", refused.message);
        let note = house.credit(&draft, &[]).await.expect("all of it").name;
        house.post_credit(&note).await.expect("it can be posted");
        assert_eq!(refusal(&cancel(&person).await.expect_err("the ERP has it")).reason, "PERMISSION_DENIED");
        assert_eq!(cancel("erp").await.expect("the ERP agrees").state(), pb::order::State::Canceled);
    }

    /// R-INV-2, R-INV-1: what the ERP invoiced under its number the ERP credits, whoever invoices now; the refusal says so.
    async fn what_the_erp_invoiced_is_not_credited_here(db: TestDb) {
        let house = House::open(db).await;
        let (_, own) = invoiced(&house, order(&opportunity())).await;
        let erp = SettingValue { text: Some("ERP".to_owned()), ..Default::default() };
        house.decide("orders.invoicing_authority", erp).await;
        let order = house.delivered(order(&opportunity())).await;
        let import = pb::ImportInvoiceRequest {
            order: order.name.clone(), number: "R-77".to_owned(), request_id: id(), ..Default::default()
        };
        let imported = house.invoices().import_invoice(import).await.expect("it is taken over").into_inner();
        let internal = SettingValue { text: Some("INTERNAL".to_owned()), ..Default::default() };
        for now in [None, Some(internal)] {
            if let Some(now) = now {
                house.decide("orders.invoicing_authority", now).await;
            }
            let refused = refusal(&house.credit(&imported.name, &[]).await.expect_err("the ERP credits it"));
            let facts = (refused.reason.as_str(), &refused.metadata["invoice"], refused.metadata["invoicing_authority"].as_str());
            assert_eq!(facts, ("GUARD", &imported.name, "ERP"));
        }
        let note = house.credit(&own.name, &[]).await.expect("we made it, so we credit it").name;
        house.post_credit(&note).await.expect("it can be posted");
    }
}
