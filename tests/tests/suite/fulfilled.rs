//! R-ORD-1, R-INV-1, R-INV-2, R-FLW-3: nobody takes a delivery back, so all that can be known of its bill is asked before it.

use chrono::Utc;
use dealflow::api::new_id;
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{ReplayHandoffRequest, handoff};
use dealflow_proto::gateway::v1::{DealProgress, DevelopDealRequest, FulfillDealRequest, ListFlowsRequest};
use dealflow_proto::google::type_::{Date, Money};
use dealflow_proto::orders::v1::{
    ActivateQuoteRequest, CloseOrderRequest, CreateCreditNoteRequest, CreateInvoiceRequest, CreatePaymentTermsRequest,
    CreateQuoteRequest, GetOrderRequest, Instalment, Invoice, LineQuantity, Order, PaymentTerms, PostCreditNoteRequest,
    PostInvoiceRequest, PresentQuoteRequest, Quote, order,
};
use dealflow_proto::settings::v1::SettingValue;
use dealflow_proto::types::v1::{Line, Vat, VatCategory};
use dealflow_testbed::{RefusalView, TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::values::{day, decimal, usd};

use crate::erp_steps::{handed, refuses};
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

    /// R-INV-1, R-QUO-1: an order that is billed in instalments is delivered, and billed one instalment by each call, due in
    /// its own days; so is a plain bill of it. What the caller says of the bill stands on it.
    async fn a_deal_with_instalments_is_billed_by_them(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let api = &sandbox.api;
        let part = |percent: &str, days: i32| Instalment { percent: decimal(percent), days, ..Instalment::default() };
        let terms = PaymentTerms {
            code: "PLAN".to_owned(),
            net_days: 30,
            instalments: vec![part("30", 10), part("70", 60)],
            ..PaymentTerms::default()
        };
        let ask = CreatePaymentTermsRequest { payment_terms: Some(terms), request_id: new_id(), ..Default::default() };
        let terms = api.payment_terms.clone().create_payment_terms(api.ask(ask)).await.expect("they are made").into_inner();
        for plainly in [false, true] {
            let deal = planned(&sandbox, &terms.name).await;
            let first = fulfill(&sandbox, FulfillDealRequest {
                opportunity: deal.clone(),
                buyer_reference: "KST-4711".to_owned(),
                delivery_date: today(),
                exemption_reason: "Article 132".to_owned(),
                ..Default::default()
            })
            .await
            .expect("it is delivered");
            assert_eq!(first.order.as_ref().map(|it| it.state()), Some(order::State::Fulfilled));
            let first = first.invoice.expect("and billed");
            assert_eq!((first.instalment, payable(&first), due_in(&first)), (1, usd(36), 10));
            let says = (first.buyer_reference.as_str(), first.delivery_date, first.exemption_reason.as_str());
            assert_eq!(says, ("KST-4711", today(), "Article 132"));
            let second = if plainly {
                let mut invoices = api.invoices.clone();
                let ask = CreateInvoiceRequest { order: first.order.clone(), request_id: new_id(), ..Default::default() };
                let draft = invoices.create_invoice(api.ask(ask)).await.expect("the next one").into_inner();
                let ask = PostInvoiceRequest { name: draft.name, request_id: new_id(), ..Default::default() };
                invoices.post_invoice(api.ask(ask)).await.expect("it is posted").into_inner()
            } else {
                let ask = FulfillDealRequest { opportunity: deal.clone(), ..Default::default() };
                fulfill(&sandbox, ask).await.expect("the next one").invoice.expect("it is billed")
            };
            assert_eq!((second.instalment, payable(&second), due_in(&second)), (2, usd(84), 60));
            let ask = FulfillDealRequest { opportunity: deal, ..Default::default() };
            assert_eq!(fulfill(&sandbox, ask).await.expect_err("all of it is billed").reason, "GUARD");
        }
        sandbox.finish().await;
    }

    /// R-ERP-1, R-INV-1: what a credit note took back is not billed again while the ERP refuses the note; it is not sent again
    /// unchanged but by ReplayHandoff, and then the deal is billed.
    async fn what_a_refused_credit_note_took_back_is_not_billed_again(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let api = &sandbox.api;
        let (deal, _) = ordered(&sandbox).await;
        let ask = || FulfillDealRequest { opportunity: deal.clone(), ..Default::default() };
        let invoice = fulfill(&sandbox, ask()).await.expect("it is delivered").invoice.expect("and billed").name;
        sandbox.rest().await;
        refuses(&sandbox, 1, "credit").await;
        let wish = CreateCreditNoteRequest { invoice, reason: "broken".to_owned(), request_id: new_id(), ..Default::default() };
        let note = api.credit_notes.clone().create_credit_note(api.ask(wish)).await.expect("it is made").into_inner().name;
        let wish = PostCreditNoteRequest { name: note, request_id: new_id(), ..Default::default() };
        let note = api.credit_notes.clone().post_credit_note(api.ask(wish)).await.expect("it is a draft").into_inner();
        let external_id = format!("dealflow:credit:{}", note.number);
        let left = handed(&sandbox, &external_id, "refused", |it| it.state() == handoff::State::Rejected).await;
        for validate_only in [true, false] {
            let refused = fulfill(&sandbox, FulfillDealRequest { validate_only, ..ask() }).await.expect_err("not yet");
            assert_eq!((refused.reason.as_str(), &refused.metadata["handoff"]), ("GUARD", &left.name));
            assert!(refused.message.contains("ReplayHandoff"), "{refused:?}");
        }
        let still = handed(&sandbox, &external_id, "as it was", |_| true).await;
        assert_eq!((still.state(), still.revision, still.etag), (handoff::State::Rejected, 1, left.etag));
        assert_eq!(sandbox.view(&deal).await.invoices.len(), 1, "nothing is billed");
        let wish = ReplayHandoffRequest { name: left.name, request_id: new_id(), ..Default::default() };
        api.handoffs.clone().replay_handoff(api.ask(wish)).await.expect("it is sent again");
        handed(&sandbox, &external_id, "taken", |it| it.state() == handoff::State::Delivered && it.revision == 1).await;
        let again = fulfill(&sandbox, ask()).await.expect("it is billed again").invoice.expect("an invoice");
        let external_id = format!("dealflow:invoice:{}", again.number);
        handed(&sandbox, &external_id, "taken", |it| it.state() == handoff::State::Delivered).await;
        sandbox.finish().await;
    }
}

/// A deal of 100 and VAT that is ordered by a quote with these terms of payment.
async fn planned(sandbox: &Sandbox, payment_terms: &str) -> String {
    let (api, deal) = (&sandbox.api, sandbox.deal_without_process().await);
    let account = sandbox.view(&deal).await.opportunity.expect("it is there").account;
    let line = Line {
        description: "Pump".to_owned(),
        quantity: decimal("10"),
        unit_price: usd(10),
        vat: Some(Vat { category: VatCategory::Standard.into(), rate: decimal("20") }),
        ..Line::default()
    };
    let quote = Quote {
        opportunity: deal.clone(),
        account,
        currency_code: "USD".to_owned(),
        lines: vec![line],
        payment_terms: payment_terms.to_owned(),
        ..Quote::default()
    };
    let mut quotes = api.quotes.clone();
    let ask = CreateQuoteRequest { quote: Some(quote), request_id: new_id(), ..Default::default() };
    let name = quotes.create_quote(api.ask(ask)).await.expect("it is drafted").into_inner().name;
    let ask = ActivateQuoteRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
    quotes.activate_quote(api.ask(ask)).await.expect("it is a draft");
    let ask = PresentQuoteRequest { name, request_id: new_id(), ..Default::default() };
    quotes.present_quote(api.ask(ask)).await.expect("it is active");
    sandbox.accept(&deal).await;
    sandbox.rest().await;
    deal
}

fn today() -> Option<Date> {
    Some(convert::date(Utc::now().date_naive()))
}

fn payable(invoice: &Invoice) -> Option<Money> {
    invoice.totals.as_ref().and_then(|totals| totals.payable.clone())
}

/// Days from an invoice to its due day.
fn due_in(invoice: &Invoice) -> i64 {
    let day = |date: &Option<Date>| date.as_ref().and_then(|date| convert::date_of(date).ok()).expect("a day");
    (day(&invoice.due_date) - day(&invoice.issue_date)).num_days()
}
