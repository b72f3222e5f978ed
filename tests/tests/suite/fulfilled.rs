//! R-ORD-1, R-INV-1, R-INV-2, R-FLW-3: nobody takes a delivery back, so all that can be known of its bill is asked before it.

use dealflow::api::new_id;
use dealflow_proto::gateway::v1::{DealProgress, DevelopDealRequest, FulfillDealRequest, ListFlowsRequest};
use dealflow_proto::google::type_::Date;
use dealflow_proto::orders::v1::{
    CloseOrderRequest, CreateCreditNoteRequest, GetOrderRequest, LineQuantity, Order, PostCreditNoteRequest, order,
};
use dealflow_proto::settings::v1::SettingValue;
use dealflow_proto::types::v1::{Line, Vat, VatCategory};
use dealflow_testbed::{RefusalView, TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::values::{day, decimal, usd};

use crate::settings::set;

async fn fulfill(sandbox: &Sandbox, ask: FulfillDealRequest) -> Result<DealProgress, RefusalView> {
    let ask = FulfillDealRequest { request_id: new_id(), ..ask };
    let answer = sandbox.api.deals.clone().fulfill_deal(sandbox.api.ask(ask)).await;
    answer.map(tonic::Response::into_inner).map_err(|status| refusal(&status))
}

async fn order(sandbox: &Sandbox, name: &str) -> Order {
    let ask = GetOrderRequest { name: name.to_owned() };
    sandbox.api.orders.clone().get_order(sandbox.api.ask(ask)).await.expect("it is there").into_inner()
}

/// A deal that sells and takes something back: the deal, and its order.
async fn ordered(sandbox: &Sandbox) -> (String, Order) {
    let deal = sandbox.deal_without_process().await;
    let line = |description: &str, quantity: &str| Line {
        description: description.to_owned(),
        quantity: decimal(quantity),
        unit_price: usd(10),
        vat: Some(Vat { category: VatCategory::Standard.into(), rate: decimal("20") }),
        ..Line::default()
    };
    let ask = DevelopDealRequest {
        opportunity: deal.clone(),
        lines: vec![line("Pump", "10"), line("Old pump", "-5")],
        request_id: new_id(),
        ..DevelopDealRequest::default()
    };
    sandbox.api.deals.clone().develop_deal(sandbox.api.ask(ask)).await.expect("it is developed");
    sandbox.propose(&deal).await;
    let made = sandbox.accept(&deal).await.order.expect("the acceptance makes an order");
    sandbox.rest().await;
    (deal, order(sandbox, &made.name).await)
}

both! {
    /// R-FLW-3, R-INV-1: a day of the invoice that cannot be, or lines that come to less than nothing, refuse the delivery,
    /// and leave nothing behind.
    async fn a_delivery_whose_bill_would_be_refused_is_refused_itself(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, made) = ordered(&sandbox).await;
        let on = |issue_date: Option<Date>| FulfillDealRequest { opportunity: deal.clone(), issue_date, ..Default::default() };
        for wrong in [day(2099, 1, 5), day(2001, 1, 5)] {
            for validate_only in [true, false] {
                let refused = fulfill(&sandbox, FulfillDealRequest { validate_only, ..on(wrong) }).await;
                let refused = refused.expect_err("no such day can be billed");
                assert_eq!(refused.field_names(), ["issue_date"], "{refused:?}");
            }
        }
        let back = made.lines.iter().find(|line| line.quantity == decimal("-5")).expect("what is taken back");
        let lines = vec![LineQuantity { line_id: back.line_id.clone(), quantity: decimal("-5") }];
        let refused = fulfill(&sandbox, FulfillDealRequest { lines, ..on(None) }).await.expect_err("less than nothing");
        assert_eq!(refused.field_names(), ["lines"], "{refused:?}");
        let now = order(&sandbox, &made.name).await;
        assert_eq!((now.state(), now.etag), (order::State::Submitted, made.etag), "nothing is delivered");
        let filter = "state = \"PARKED\"".to_owned();
        let flows = sandbox.api.flows.clone().list_flows(ListFlowsRequest { filter, ..Default::default() }).await;
        assert!(flows.expect("they are listed").into_inner().flows.is_empty());

        let done = fulfill(&sandbox, on(None)).await.expect("it is delivered and billed");
        assert!(done.invoice.is_some());
        let nothing = fulfill(&sandbox, on(None)).await.expect_err("all of it is billed");
        assert_eq!(nothing.reason, "GUARD");

        // What is taken back of it is billed again, also once the order is closed.
        let api = &sandbox.api;
        let ask = CloseOrderRequest { name: made.name.clone(), request_id: new_id(), ..Default::default() };
        api.orders.clone().close_order(api.asked_by("erp").ask(ask)).await.expect("all of it is billed");
        let invoice = done.invoice.expect("it is billed").name;
        let ask = CreateCreditNoteRequest { invoice, reason: "wrong address".to_owned(), request_id: new_id(), ..Default::default() };
        let note = api.credit_notes.clone().create_credit_note(api.ask(ask)).await.expect("it is posted").into_inner().name;
        let ask = PostCreditNoteRequest { name: note, request_id: new_id(), ..Default::default() };
        api.credit_notes.clone().post_credit_note(api.ask(ask)).await.expect("it is a draft");
        assert!(fulfill(&sandbox, on(None)).await.expect("what was taken back").invoice.is_some());
        assert_eq!(order(&sandbox, &made.name).await.state(), order::State::Closed);
        sandbox.finish().await;
    }

    /// R-INV-2: where the ERP invoices, the deal is delivered, and the ERP's invoice is taken over when it comes.
    async fn a_deal_whose_invoices_the_erp_makes_is_delivered_and_not_billed(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let value = SettingValue { text: Some("ERP".to_owned()), ..SettingValue::default() };
        set(&sandbox, "orders.invoicing_authority", "", value).await.expect("it is changed");
        let (deal, made) = ordered(&sandbox).await;
        let ask = || FulfillDealRequest { opportunity: deal.clone(), ..Default::default() };
        let done = fulfill(&sandbox, ask()).await.expect("it is delivered");
        assert_eq!((done.order.map(|order| order.state()), done.invoice), (Some(order::State::Fulfilled), None));
        let refused = fulfill(&sandbox, ask()).await.expect_err("nothing is left to do");
        assert!(refused.message.contains("ImportInvoice"), "{refused:?}");
        assert_eq!(order(&sandbox, &made.name).await.state(), order::State::Fulfilled);
        sandbox.finish().await;
    }
}
