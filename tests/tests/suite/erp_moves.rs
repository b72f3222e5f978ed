//! R-ERP-1, R-ORD-1, R-INV-1: what the ERP does that our records cannot follow at once, or at all: nothing of it is lost, and
//! somebody hears of it.

use dealflow::api::new_id;
use dealflow_proto::erp::v1::erp_callback_service_client::ErpCallbackServiceClient;
use dealflow_proto::erp::v1::{
    AbandonHandoffRequest, ActRequest, BusinessStatus, DocumentType, ErpEvent, Handoff, LineStatus,
    ListHandoffsRequest, ReconciliationAction, ReconciliationClass, ReportEventsRequest, handoff,
};
use dealflow_proto::gateway::v1::{CancelOrderRequest, FulfillDealRequest};
use dealflow_proto::google::type_::{Decimal, Money};
use dealflow_proto::orders::v1::{
    CreateCreditNoteRequest, CreateInvoiceRequest, FulfillOrderRequest, GetInvoiceRequest, HoldOrderRequest, Invoice,
    ListPaymentsRequest, Order, PaymentStatus, PostCreditNoteRequest, ReconcilePaymentRequest, order,
};
use dealflow_testbed::{RefusalView, TestDb, both, eventually, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::values::decimal;
use tonic::Code;

use crate::directly::SOON;
use crate::erp_steps::{
    act, becomes, delivers, handed, hold, order, order_id, ordered, pause, refuses, release, resume, row, tasks,
};

const GOES: &str = "a step of the script goes through";

async fn invoice(sandbox: &Sandbox, name: &str) -> Invoice {
    let ask = GetInvoiceRequest { name: name.to_owned() };
    sandbox.api.invoices.clone().get_invoice(sandbox.api.ask(ask)).await.expect(GOES).into_inner()
}

fn part_of(money: &Money, part: i64) -> Money {
    Money { units: money.units / part, nanos: 0, ..money.clone() }
}

both! {
    /// R-INV-1: what the ERP takes back of a payment that the bank statement agreed with is not recorded as paid again: the
    /// payment stays, and the difference is told, until the ERP says otherwise.
    async fn a_reconciled_payment_that_the_erp_takes_back_stays_and_pays_nothing_twice(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, _) = ordered(&sandbox).await;
        let made = sandbox.fulfill(&deal).await.invoice.expect("the deal is billed");
        sandbox.rest().await;
        let external_id = format!("dealflow:invoice:{}", made.number);
        let gross = made.totals.clone().and_then(|totals| totals.total_with_vat).expect("a total");
        let says = async |status: BusinessStatus, paid: Money| {
            let ask = ActRequest { external_id: external_id.clone(), status: status.into(), paid: Some(paid), ..Default::default() };
            act(&sandbox, ask).await;
        };
        let paid = async |amount: &Money, status: PaymentStatus| {
            eventually(format!("{amount:?} to be paid"), SOON, || async {
                let now = invoice(&sandbox, &made.name).await;
                now.paid.as_ref() == Some(amount) && now.payment_status() == status
            })
            .await;
        };
        let payments = async || {
            let ask = ListPaymentsRequest { order_by: "create_time".to_owned(), ..ListPaymentsRequest::default() };
            let page = sandbox.api.payments.clone().list_payments(sandbox.api.ask(ask)).await.expect(GOES);
            page.into_inner().payments
        };
        let (third, half) = (part_of(&gross, 3), part_of(&gross, 2));
        says(BusinessStatus::PartiallyPaid, half.clone()).await;
        paid(&half, PaymentStatus::Partial).await;
        let first = payments().await.remove(0);
        let ask = ReconcilePaymentRequest { name: first.name, request_id: new_id(), ..Default::default() };
        sandbox.api.payments.clone().reconcile_payment(sandbox.api.ask(ask)).await.expect("the statement agrees");
        says(BusinessStatus::Paid, gross.clone()).await;
        paid(&gross, PaymentStatus::Paid).await;

        says(BusinessStatus::PaymentReversed, third).await;
        let told = handed(&sandbox, &external_id, "it diverges", |it| it.diverges).await;
        assert!(told.divergence.contains("RECONCILED"), "{}", told.divergence);
        paid(&half, PaymentStatus::Partial).await;
        let found = row(&sandbox, &external_id).await.expect("the reconciliation names it");
        assert_eq!((found.class(), found.action()), (ReconciliationClass::StatusMismatch, ReconciliationAction::Refresh));

        says(BusinessStatus::Paid, gross.clone()).await;
        paid(&gross, PaymentStatus::Paid).await;
        handed(&sandbox, &external_id, "it follows", |it| !it.diverges).await;
        assert_eq!(row(&sandbox, &external_id).await, None);
        sandbox.finish().await;
    }

    /// R-ERP-1, R-ORD-1: what the ERP delivers of an order that is on hold here is recorded when it is released.
    async fn what_the_erp_delivers_of_an_order_on_hold_is_recorded_when_it_goes_on(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (_, made) = ordered(&sandbox).await;
        hold(&sandbox, &made.name).await;
        let all: Vec<_> = made.lines.iter().map(|line| (line.line_id.as_str(), line.quantity.clone())).collect();
        delivers(&sandbox, &made, BusinessStatus::Fulfilled, &all).await;
        let waits = handed(&sandbox, &order_id(&made), "it waits", |it| it.diverges).await;
        assert!(waits.divergence.contains("ON_HOLD"), "{}", waits.divergence);
        release(&sandbox, &made.name).await;
        becomes(&sandbox, &made.name, order::State::Fulfilled).await;
        handed(&sandbox, &order_id(&made), "it follows", |it| !it.diverges).await;
        sandbox.finish().await;
    }

    /// R-ORD-1, R-FLW-3: what the ERP delivers beyond what is ordered is not recorded, the rest is; and somebody hears of it.
    async fn what_the_erp_delivers_beyond_the_order_is_told_and_the_rest_is_recorded(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, made) = ordered(&sandbox).await;
        let [one, other] = made.lines.as_slice() else { panic!("two lines") };
        let too_much = [(one.line_id.as_str(), decimal("3.5")), (other.line_id.as_str(), other.quantity.clone())];
        delivers(&sandbox, &made, BusinessStatus::Fulfilled, &too_much).await;
        becomes(&sandbox, &made.name, order::State::Fulfilled).await;
        let told = handed(&sandbox, &order_id(&made), "it diverges", |it| it.diverges).await;
        assert!(told.divergence.contains("3.5"), "{}", told.divergence);
        let found = row(&sandbox, &order_id(&made)).await.expect("the reconciliation names it");
        assert_eq!(found.class(), ReconciliationClass::StatusMismatch);
        let ask = ListHandoffsRequest { filter: "diverges = true".to_owned(), ..Default::default() };
        let listed = sandbox.api.handoffs.clone().list_handoffs(sandbox.api.ask(ask)).await.expect(GOES).into_inner();
        assert_eq!(listed.handoffs.len(), 1);
        eventually("the task", SOON, || async { tasks(&sandbox, &deal, &made.number).await.len() == 1 }).await;
        sandbox.stop().await;
    }

    /// R-ORD-1, R-FLW-3: the rest of an order that the ERP has delivered in part and cancels is not canceled here; that is
    /// told, and what was delivered is recorded.
    async fn what_is_left_of_an_order_that_the_erp_cancels_is_told(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, made) = ordered(&sandbox).await;
        let part = [(made.lines[0].line_id.as_str(), decimal("1"))];
        // The last news are all that is told: the delivery is in them.
        delivers(&sandbox, &made, BusinessStatus::Cancelled, &part).await;
        let told = handed(&sandbox, &order_id(&made), "it diverges", |it| it.diverges).await;
        assert!(told.divergence.contains("IN_FULFILLMENT"), "{}", told.divergence);
        let now = order(&sandbox, &made.name).await;
        assert_eq!((now.state(), now.line_progress[0].fulfilled.clone()), (order::State::InFulfillment, decimal("1")));
        eventually("the task", SOON, || async { tasks(&sandbox, &deal, &made.number).await.len() == 1 }).await;
        sandbox.stop().await;
    }

    /// R-ORD-1, R-FLW-3: an order that is delivered in part, is on hold, and is canceled by the ERP is not canceled here, where
    /// nobody could bill what was delivered; that is told.
    async fn what_was_delivered_of_an_order_on_hold_that_the_erp_cancels_can_be_billed(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, made) = ordered(&sandbox).await;
        let part = [(made.lines[0].line_id.as_str(), decimal("1"))];
        delivers(&sandbox, &made, BusinessStatus::PartiallyFulfilled, &part).await;
        becomes(&sandbox, &made.name, order::State::InFulfillment).await;
        hold(&sandbox, &made.name).await;
        delivers(&sandbox, &made, BusinessStatus::Cancelled, &part).await;
        let told = handed(&sandbox, &order_id(&made), "it diverges", |it| it.diverges).await;
        assert!(told.divergence.contains("ReleaseOrder"), "{}", told.divergence);
        assert_eq!(order(&sandbox, &made.name).await.state(), order::State::OnHold);
        eventually("the task", SOON, || async { !tasks(&sandbox, &deal, &made.number).await.is_empty() }).await;
        release(&sandbox, &made.name).await;
        let what = "it says what to bill";
        handed(&sandbox, &order_id(&made), what, |it| it.divergence.contains("bill what was delivered")).await;
        assert_eq!(order(&sandbox, &made.name).await.state(), order::State::InFulfillment);
        let ask = CreateInvoiceRequest { order: made.name.clone(), request_id: new_id(), ..Default::default() };
        sandbox.api.invoices.clone().create_invoice(sandbox.api.ask(ask)).await.expect("what was delivered is billed");
        sandbox.stop().await;
    }

    /// R-ORD-1, R-FLW-3: what the ERP takes back of its deliveries, and what it does not confirm, is told until it is as the
    /// record says again; what others recorded it may still deliver.
    async fn deliveries_that_the_erp_takes_back_and_lines_it_does_not_confirm_are_told(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, made) = ordered(&sandbox).await;
        let [one, other] = made.lines.as_slice() else { panic!("two lines") };
        let so_many = |quantity: &str| [(one.line_id.as_str(), decimal(quantity))];
        let follows = async || { handed(&sandbox, &order_id(&made), "it follows", |it| !it.diverges).await };
        for (less, told) in [("1", "1 of line"), ("0", "0 of line")] {
            delivers(&sandbox, &made, BusinessStatus::PartiallyFulfilled, &so_many("2")).await;
            becomes(&sandbox, &made.name, order::State::InFulfillment).await;
            eventually("two are recorded", SOON, || async {
                order(&sandbox, &made.name).await.line_progress[0].fulfilled == decimal("2")
            })
            .await;
            follows().await;
            delivers(&sandbox, &made, BusinessStatus::PartiallyFulfilled, &so_many(less)).await;
            let found = handed(&sandbox, &order_id(&made), "it diverges", |it| it.diverges).await;
            assert!(found.divergence.contains(told), "{}", found.divergence);
        }
        assert_eq!(order(&sandbox, &made.name).await.line_progress[0].fulfilled, decimal("2"));
        eventually("the task", SOON, || async { !tasks(&sandbox, &deal, &made.number).await.is_empty() }).await;

        let confirms = async |quantity: Option<Decimal>| {
            let line = |line_id: &str, confirmed_quantity, delivered: &str| LineStatus {
                line_id: line_id.to_owned(), confirmed_quantity, delivered_quantity: decimal(delivered),
            };
            let lines = vec![line(&one.line_id, None, "2"), line(&other.line_id, quantity, "0")];
            let (external_id, status) = (order_id(&made), BusinessStatus::InProcess.into());
            act(&sandbox, ActRequest { external_id, status, lines, ..ActRequest::default() }).await;
        };
        confirms(decimal("0")).await;
        let what = "it says what is not confirmed";
        handed(&sandbox, &order_id(&made), what, |it| it.divergence.contains("ChangeOrder")).await;
        confirms(other.quantity.clone()).await;
        follows().await;
        sandbox.stop().await;
    }

    /// R-INV-1, R-FLW-3: what the ERP takes back of our own invoices and credit notes, or asks about, is told, for nothing
    /// follows it by itself; when the ERP says otherwise, it is as it was.
    async fn what_the_erp_takes_back_of_our_bills_is_told(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, _) = ordered(&sandbox).await;
        let made = sandbox.fulfill(&deal).await.invoice.expect("the deal is billed");
        let ask = CreateCreditNoteRequest { invoice: made.name.clone(), reason: "broken".to_owned(), request_id: new_id(), ..Default::default() };
        let mut notes = sandbox.api.credit_notes.clone();
        let note = notes.create_credit_note(sandbox.api.ask(ask)).await.expect(GOES).into_inner();
        let ask = PostCreditNoteRequest { name: note.name.clone(), request_id: new_id(), ..Default::default() };
        let note = notes.post_credit_note(sandbox.api.ask(ask)).await.expect(GOES).into_inner();
        sandbox.rest().await;
        let (bill, credit) = (format!("dealflow:invoice:{}", made.number), format!("dealflow:credit:{}", note.number));
        handed(&sandbox, &credit, "it is there", |it| it.state() == handoff::State::Delivered).await;
        handed(&sandbox, &bill, "what we credited is known", |it| it.credited.is_some() && !it.diverges).await;
        for (external_id, number) in [(&bill, &made.number), (&credit, &note.number)] {
            for (status, word) in [
                (BusinessStatus::UnderQuery, "queries"),
                (BusinessStatus::Rejected, "refused"),
                (BusinessStatus::Cancelled, "canceled"),
                (BusinessStatus::Reversed, "reversed"),
            ] {
                act(&sandbox, ActRequest { external_id: external_id.clone(), status: status.into(), ..Default::default() }).await;
                handed(&sandbox, external_id, word, |it| it.diverges && it.divergence.contains(word)).await;
            }
            eventually("the task", SOON, || async { !tasks(&sandbox, &deal, number).await.is_empty() }).await;
            let status = BusinessStatus::Posted.into();
            act(&sandbox, ActRequest { external_id: external_id.clone(), status, ..Default::default() }).await;
            handed(&sandbox, external_id, "it follows", |it| !it.diverges).await;
        }
        let (_, ours) = ordered(&sandbox).await;
        let made = sandbox.fulfill(&ours.opportunity).await.invoice.expect("the deal is billed");
        sandbox.rest().await;
        let bill = format!("dealflow:invoice:{}", made.number);
        let credited = made.totals.and_then(|totals| totals.total_with_vat).map(|all| part_of(&all, 3));
        let told = |credited| ErpEvent {
            event_id: new_id(),
            external_id: bill.clone(),
            r#type: DocumentType::Invoice.into(),
            sequence: 100,
            status: BusinessStatus::Posted.into(),
            credited,
            ..ErpEvent::default()
        };
        let ask = ReportEventsRequest { events: vec![told(credited)], request_id: new_id(), ..Default::default() };
        let integration = sandbox.api.asked_by("integration");
        let mut callback = ErpCallbackServiceClient::new(sandbox.link.clone());
        callback.report_events(integration.ask(ask)).await.expect("it is taken in");
        let found = handed(&sandbox, &bill, "it diverges", |it| it.diverges).await;
        assert!(found.divergence.contains("credited"), "{}", found.divergence);
        sandbox.stop().await;
    }

    /// R-ORD-1: nobody delivers, bills or holds an order that the ERP is asked to cancel; when it agrees the order is
    /// canceled, and where it does not, or the wish is given up, the order goes on.
    async fn an_order_that_the_erp_is_asked_to_cancel_waits_for_its_answer(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let cancel = async |made: &Order, reason: &str| {
            let (order, reason) = (made.name.clone(), reason.to_owned());
            let ask = CancelOrderRequest { order, reason, request_id: new_id(), ..CancelOrderRequest::default() };
            sandbox.api.deals.clone().cancel_order(sandbox.api.ask(ask)).await
        };
        let refused = |view: RefusalView| assert_eq!(view.code, Code::FailedPrecondition, "{view:?}");
        let (deal, made) = ordered(&sandbox).await;
        pause(&sandbox).await;
        cancel(&made, "ordered twice").await.expect("the ERP is asked");
        let again = refusal(&cancel(&made, "ordered thrice").await.expect_err("it is asked already"));
        assert_eq!(again.reason, "GUARD", "{again:?}");
        let ask = FulfillDealRequest { opportunity: deal, request_id: new_id(), ..Default::default() };
        let told = refusal(&sandbox.api.deals.clone().fulfill_deal(sandbox.api.ask(ask)).await.expect_err("it waits"));
        assert!(told.message.contains("asked to cancel"), "{told:?}");
        refused(told);
        let api = sandbox.api.asked_by("integration");
        let (mut orders, mut invoices) = (api.orders.clone(), api.invoices.clone());
        let ask = FulfillOrderRequest { name: made.name.clone(), request_id: new_id(), ..Default::default() };
        refused(refusal(&orders.fulfill_order(api.ask(ask)).await.expect_err("not delivered")));
        let ask = HoldOrderRequest { name: made.name.clone(), reason: "x".to_owned(), request_id: new_id(), ..Default::default() };
        refused(refusal(&orders.hold_order(api.ask(ask)).await.expect_err("not held")));
        let ask = CreateInvoiceRequest { order: made.name.clone(), request_id: new_id(), ..Default::default() };
        refused(refusal(&invoices.create_invoice(api.ask(ask)).await.expect_err("not billed")));
        resume(&sandbox).await;
        becomes(&sandbox, &made.name, order::State::Canceled).await;

        let (deal, made) = ordered(&sandbox).await;
        let external_id = format!("{}:x", order_id(&made));
        refuses(&sandbox, 1, &external_id).await;
        cancel(&made, "ordered twice").await.expect("the ERP is asked");
        handed(&sandbox, &external_id, "refused", |it| it.state() == handoff::State::Rejected).await;
        becomes(&sandbox, &made.name, order::State::Submitted).await;
        // Asked again, and given up before the ERP hears of it.
        refuses(&sandbox, 1, &external_id).await;
        cancel(&made, "ordered twice indeed").await.expect("the ERP is asked again");
        let twice = |it: &Handoff| it.revision == 2 && it.state() == handoff::State::Rejected;
        let left = handed(&sandbox, &external_id, "refused again", twice).await;
        becomes(&sandbox, &made.name, order::State::Submitted).await;
        let ask = AbandonHandoffRequest { name: left.name, reason: "it is wanted".to_owned(), request_id: new_id(), ..Default::default() };
        sandbox.api.handoffs.clone().abandon_handoff(sandbox.api.ask(ask)).await.expect("the wish is given up");
        // A new wish after one that was given up goes to the ERP again.
        sandbox.api.stub.clone().clear_faults(sandbox.api.ask(dealflow_proto::erp::v1::ClearFaultsRequest {})).await.expect(GOES);
        cancel(&made, "not wanted at last").await.expect("the ERP is asked once more");
        becomes(&sandbox, &made.name, order::State::Canceled).await;
        let found = handed(&sandbox, &external_id, "agreed", |it| it.state() == handoff::State::Delivered).await;
        assert_eq!((found.revision, deal.is_empty()), (3, false));
        sandbox.finish().await;
    }
}
