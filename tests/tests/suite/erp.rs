//! R-ERP-1, R-ORD-1, R-INV-1: what the ERP does with orders, invoices and credit notes, and what our records say then.

use dealflow::api::new_id;
use dealflow_proto::erp::v1::reconciliation_service_client::ReconciliationServiceClient;
use dealflow_proto::erp::v1::{
    ActRequest, BusinessStatus, DocumentType, LineStatus, ListHandoffsRequest, ReconcileRequest,
};
use dealflow_proto::gateway::v1::CancelOrderRequest;
use dealflow_proto::orders::v1::{
    CreateCreditNoteRequest, GetInvoiceRequest, GetOrderRequest, Invoice, Order, PaymentStatus, PostCreditNoteRequest,
    order,
};
use dealflow_testbed::{TestDb, both, eventually};
use dealflow_tests::Sandbox;
use dealflow_tests::values::decimal;

use crate::directly::SOON;

async fn order(sandbox: &Sandbox, name: &str) -> Order {
    let ask = GetOrderRequest { name: name.to_owned() };
    sandbox.api.orders.clone().get_order(sandbox.api.ask(ask)).await.expect("the order is there").into_inner()
}

async fn invoice(sandbox: &Sandbox, name: &str) -> Invoice {
    let ask = GetInvoiceRequest { name: name.to_owned() };
    sandbox.api.invoices.clone().get_invoice(sandbox.api.ask(ask)).await.expect("the invoice is there").into_inner()
}

/// A deal whose order the ERP has.
async fn ordered(sandbox: &Sandbox) -> (String, Order) {
    let deal = sandbox.deal_without_process().await;
    sandbox.propose(&deal).await;
    let made = sandbox.accept(&deal).await.order.expect("the acceptance makes an order");
    sandbox.rest().await;
    (deal, order(sandbox, &made.name).await)
}

async fn act(sandbox: &Sandbox, ask: ActRequest) {
    sandbox.api.stub.clone().act(sandbox.api.ask(ask)).await.expect("the clerk does it");
}

both! {
    /// R-ORD-1: from SUBMITTED an order is canceled when the ERP agrees, and not before.
    async fn an_order_that_the_erp_has_is_canceled_once_it_agrees(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (_, made) = ordered(&sandbox).await;
        assert_eq!(made.state(), order::State::Submitted);
        let ask = |validate_only| CancelOrderRequest {
            order: made.name.clone(),
            reason: "ordered twice".to_owned(),
            validate_only,
            request_id: new_id(),
            ..CancelOrderRequest::default()
        };
        let checked = sandbox.api.deals.clone().cancel_order(sandbox.api.ask(ask(true))).await;
        assert!(checked.expect("it may be asked").into_inner().handoffs.is_empty(), "a check asks nobody");
        let asked = sandbox.api.deals.clone().cancel_order(sandbox.api.ask(ask(false))).await;
        assert_eq!(asked.expect("the ERP is asked").into_inner().handoffs.len(), 1);
        eventually("the order to be canceled", SOON, || async {
            order(&sandbox, &made.name).await.state() == order::State::Canceled
        })
        .await;
        let filter = "type = \"ORDER_CANCELLATION\"".to_owned();
        let ask = ListHandoffsRequest { filter, ..ListHandoffsRequest::default() };
        let found = sandbox.api.handoffs.clone().list_handoffs(sandbox.api.ask(ask)).await.expect("they are listed");
        assert_eq!(found.into_inner().handoffs[0].r#type(), DocumentType::OrderCancellation);
        sandbox.finish().await;
    }

    /// R-ORD-1: what the ERP delivers fulfils the order, in parts and in full, whatever comes twice.
    async fn what_the_erp_delivers_fulfils_the_order(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (_, made) = ordered(&sandbox).await;
        let external_id = format!("dealflow:order:{}", made.number);
        let lines = |whole: bool| -> Vec<LineStatus> {
            let line = |line: &dealflow_proto::types::v1::Line| LineStatus {
                line_id: line.line_id.clone(),
                delivered_quantity: if whole { line.quantity.clone() } else { decimal("1") },
                ..LineStatus::default()
            };
            made.lines.iter().map(line).collect()
        };
        let delivered = |status: BusinessStatus, whole| ActRequest {
            external_id: external_id.clone(),
            status: status.into(),
            lines: lines(whole),
            ..ActRequest::default()
        };
        act(&sandbox, delivered(BusinessStatus::PartiallyFulfilled, false)).await;
        act(&sandbox, delivered(BusinessStatus::PartiallyFulfilled, false)).await;
        eventually("a part to be delivered", SOON, || async {
            let now = order(&sandbox, &made.name).await;
            now.line_progress.iter().all(|line| line.fulfilled == decimal("1")) && now.state() != order::State::Submitted
        })
        .await;
        act(&sandbox, delivered(BusinessStatus::Fulfilled, true)).await;
        eventually("all to be delivered", SOON, || async {
            order(&sandbox, &made.name).await.state() == order::State::Fulfilled
        })
        .await;
        sandbox.finish().await;
    }

    /// R-INV-1: what the ERP is paid is recorded once, by its difference, and reversed when it is taken back.
    async fn what_the_erp_is_paid_is_recorded_and_reversed(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, _) = ordered(&sandbox).await;
        let made = sandbox.fulfill(&deal).await.invoice.expect("the deal is billed");
        sandbox.rest().await;
        let gross = made.totals.clone().and_then(|totals| totals.total_with_vat).expect("a total");
        let part = dealflow_proto::google::type_::Money { units: gross.units / 2, nanos: 0, ..gross.clone() };
        let nothing = dealflow_proto::google::type_::Money { units: 0, nanos: 0, ..gross.clone() };
        let paid = |status: BusinessStatus, paid| ActRequest {
            external_id: format!("dealflow:invoice:{}", made.number),
            status: status.into(),
            paid: Some(paid),
            ..ActRequest::default()
        };
        let is = async |status: PaymentStatus| {
            eventually(format!("{status:?}"), SOON, || async {
                invoice(&sandbox, &made.name).await.payment_status() == status
            })
            .await;
        };
        act(&sandbox, paid(BusinessStatus::PartiallyPaid, part)).await;
        is(PaymentStatus::Partial).await;
        act(&sandbox, paid(BusinessStatus::Paid, gross.clone())).await;
        is(PaymentStatus::Paid).await;
        act(&sandbox, paid(BusinessStatus::PaymentReversed, nothing)).await;
        is(PaymentStatus::Reversed).await;
        sandbox.finish().await;
    }

    /// R-INV-1, R-ERP-1: a posted credit note reaches the ERP after its invoice, and the books agree.
    async fn a_posted_credit_note_reaches_the_erp_and_the_books_agree(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, _) = ordered(&sandbox).await;
        let bill = sandbox.fulfill(&deal).await.invoice.expect("the deal is billed");
        let mut notes = sandbox.api.credit_notes.clone();
        let ask = CreateCreditNoteRequest {
            invoice: bill.name.clone(),
            reason: "broken".to_owned(),
            request_id: new_id(),
            ..CreateCreditNoteRequest::default()
        };
        let note = notes.create_credit_note(sandbox.api.ask(ask)).await.expect("a draft").into_inner();
        let ask = PostCreditNoteRequest { name: note.name, request_id: new_id(), ..Default::default() };
        let note = notes.post_credit_note(sandbox.api.ask(ask)).await.expect("it is posted").into_inner();
        sandbox.rest().await;
        let external_id = format!("dealflow:credit:{}", note.number);
        let found = eventually("the credit note to be handed over", SOON, || async {
            let filter = format!("external_id = \"{external_id}\" AND state = \"DELIVERED\"");
            let ask = ListHandoffsRequest { filter, ..ListHandoffsRequest::default() };
            let page = sandbox.api.handoffs.clone().list_handoffs(sandbox.api.ask(ask)).await.ok()?;
            page.into_inner().handoffs.pop()
        })
        .await;
        assert_eq!(found.awaits, format!("dealflow:invoice:{}", bill.number));
        let ask = ReconcileRequest { request_id: new_id(), ..ReconcileRequest::default() };
        let run = ReconciliationServiceClient::new(sandbox.link.clone()).reconcile(sandbox.api.ask(ask)).await;
        let run = run.expect("the books are compared").into_inner();
        assert!(run.totals.iter().all(|total| total.agrees), "{:?}", run.totals);
        assert_eq!(run.totals.len(), 3, "orders, invoices, credit notes");
        sandbox.finish().await;
    }
}
