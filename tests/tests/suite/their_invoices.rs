//! R-INV-2: where the ERP invoices, what it tells of its invoices arrives in our record: payments, credit notes, reversals.

use dealflow::api::{Api, new_id};
use dealflow_proto::erp::v1::erp_callback_service_client::ErpCallbackServiceClient;
use dealflow_proto::erp::v1::{
    BusinessStatus, DocumentType, ErpEvent, Handoff, ListHandoffsRequest, ReportEventsRequest, ReportEventsResponse,
    handoff,
};
use dealflow_proto::google::type_::Money;
use dealflow_proto::orders::v1::{
    ConfirmOrderRequest, CreateLegalEntityRequest, CreateOrderRequest, CreditNote, GetInvoiceRequest,
    ImportCreditNoteRequest, ImportInvoiceRequest, Invoice, LegalEntity, LineQuantity, Order, PaymentStatus,
    SubmitOrderRequest, VoidInvoiceRequest, credit_note, invoice,
};
use dealflow_proto::settings::v1::SettingValue;
use dealflow_testbed::{RefusalView, TestDb, both, eventually, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::deal::developed;
use dealflow_tests::values::{decimal, usd};
use tonic::Status;

use crate::directly::SOON;
use crate::settings::set;

const GOES: &str = "a step of the script goes through";

/// A house whose ERP invoices, and an order of 1200 that is delivered and not billed.
async fn delivered(sandbox: &Sandbox) -> String {
    let deal = sandbox.deal_without_process().await;
    sandbox.propose(&deal).await;
    sandbox.accept(&deal).await;
    sandbox.rest().await;
    sandbox.fulfill(&deal).await.order.expect("it is delivered").name
}

async fn erp_invoices(sandbox: &Sandbox) {
    let value = SettingValue { text: Some("ERP".to_owned()), ..SettingValue::default() };
    set(sandbox, "orders.invoicing_authority", "", value).await.expect("it is changed");
}

fn integration(sandbox: &Sandbox) -> Api {
    sandbox.api.asked_by("integration")
}

async fn import(sandbox: &Sandbox, order: &str, number: &str, external_id: &str) -> Result<Invoice, Status> {
    let api = integration(sandbox);
    let ask = ImportInvoiceRequest {
        order: order.to_owned(),
        number: number.to_owned(),
        external_id: external_id.to_owned(),
        request_id: new_id(),
        ..ImportInvoiceRequest::default()
    };
    Ok(api.invoices.clone().import_invoice(api.ask(ask)).await?.into_inner())
}

async fn credit(sandbox: &Sandbox, ask: ImportCreditNoteRequest) -> Result<CreditNote, RefusalView> {
    let api = integration(sandbox);
    let ask = ImportCreditNoteRequest { reason: "broken".to_owned(), request_id: new_id(), ..ask };
    let answer = api.credit_notes.clone().import_credit_note(api.ask(ask)).await;
    answer.map(tonic::Response::into_inner).map_err(|status| refusal(&status))
}

/// An event of the ERP: what is paid and credited, all in all.
fn event(external_id: &str, number: &str, sequence: i64, status: BusinessStatus, paid: Option<Money>) -> ErpEvent {
    ErpEvent {
        event_id: format!("{external_id}{number}#{sequence}"),
        external_id: external_id.to_owned(),
        erp_number: number.to_owned(),
        r#type: DocumentType::Invoice.into(),
        sequence,
        status: status.into(),
        paid,
        ..ErpEvent::default()
    }
}

async fn report(sandbox: &Sandbox, events: Vec<ErpEvent>) -> ReportEventsResponse {
    let ask = ReportEventsRequest { events, request_id: new_id(), ..ReportEventsRequest::default() };
    let mut callback = ErpCallbackServiceClient::new(sandbox.link.clone());
    callback.report_events(integration(sandbox).ask(ask)).await.expect("it is taken in").into_inner()
}

async fn becomes(sandbox: &Sandbox, name: &str, what: &str, look: impl Fn(&Invoice) -> bool) -> Invoice {
    eventually(format!("{name}: {what}"), SOON, || async {
        let ask = GetInvoiceRequest { name: name.to_owned() };
        let found = sandbox.api.invoices.clone().get_invoice(sandbox.api.ask(ask)).await.expect(GOES).into_inner();
        look(&found).then_some(found)
    })
    .await
}

async fn kept(sandbox: &Sandbox, external_id: &str, what: &str, look: impl Fn(&Handoff) -> bool) -> Handoff {
    eventually(format!("{external_id}: {what}"), SOON, || async {
        let filter = format!("external_id = \"{external_id}\"");
        let ask = ListHandoffsRequest { filter, ..ListHandoffsRequest::default() };
        let page = sandbox.api.handoffs.clone().list_handoffs(sandbox.api.ask(ask)).await.expect(GOES);
        page.into_inner().handoffs.pop().filter(&look)
    })
    .await
}

async fn stands(sandbox: &Sandbox, external_id: &str) -> Handoff {
    kept(sandbox, external_id, "to stand", |it| it.state() == handoff::State::Delivered).await
}

both! {
    /// R-INV-2: what the ERP was paid for its own invoice is paid in our record, by its external id or by its number, each
    /// once, and what it gave back is given back.
    async fn payments_of_the_erps_own_invoices_arrive(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        erp_invoices(&sandbox).await;
        let bill = import(&sandbox, &delivered(&sandbox).await, "RE/2026-7", "sap:4711").await.expect("it is taken over");
        assert_eq!((bill.external_id.as_str(), bill.state()), ("sap:4711", invoice::State::Posted));
        let there = stands(&sandbox, "sap:4711").await;
        assert!(there.taken_over && there.erp_number == "RE/2026-7" && there.document == bill.name, "{there:?}");
        let total = bill.totals.as_ref().and_then(|it| it.payable.clone()).expect("an amount");
        let part = || event("sap:4711", "", 3, BusinessStatus::PartiallyPaid, usd(100));
        let answer = report(&sandbox, vec![part(), part()]).await;
        assert_eq!((answer.applied, answer.known, answer.unknown), (1, 1, 0));
        becomes(&sandbox, &bill.name, "a part is paid", |it| it.paid == usd(100)).await;
        // It is told by its number alone, as ERPs do.
        report(&sandbox, vec![event("", "RE/2026-7", 4, BusinessStatus::Paid, Some(total.clone()))]).await;
        let paid = becomes(&sandbox, &bill.name, "all is paid", |it| it.payment_status() == PaymentStatus::Paid).await;
        assert_eq!(paid.paid, Some(total));
        report(&sandbox, vec![event("sap:4711", "", 5, BusinessStatus::PaymentReversed, usd(0))]).await;
        becomes(&sandbox, &bill.name, "it went back", |it| it.payment_status() == PaymentStatus::Reversed).await;
        let unknown = report(&sandbox, vec![event("sap:9", "RE/9", 1, BusinessStatus::Paid, usd(1))]).await;
        assert_eq!((unknown.applied, unknown.unknown), (0, 1));
        let other = delivered(&sandbox).await;
        let again = import(&sandbox, &other, "RE/2026-7", "").await;
        assert_eq!(refusal(&again.expect_err("the number is taken")).reason, "TAKEN");
        let plain = import(&sandbox, &other, "R-8", "").await.expect("it needs no external id");
        assert_eq!(stands(&sandbox, "erp:invoice:R-8").await.document, plain.name);
        sandbox.finish().await;
    }

    /// R-INV-2: events that name nothing but a number are each about their own document, also in one report; and a number is
    /// that of a legal entity: where two have it, an event that does not say whose it is pays neither.
    async fn a_number_is_one_document_of_one_legal_entity(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        erp_invoices(&sandbox).await;
        let mut bills = Vec::new();
        for number in ["R-1", "R-2"] {
            bills.push(import(&sandbox, &delivered(&sandbox).await, number, "").await.expect("it is taken over"));
            stands(&sandbox, &format!("erp:invoice:{number}")).await;
        }
        let paid = |number: &str, sequence: i64, amount: i64| event("", number, sequence, BusinessStatus::PartiallyPaid, usd(amount));
        let answer = report(&sandbox, vec![paid("R-1", 2, 10), paid("R-2", 2, 20), paid("R-9", 2, 30)]).await;
        assert_eq!((answer.applied, answer.unknown), (2, 1));
        becomes(&sandbox, &bills[0].name, "10 are paid", |it| it.paid == usd(10)).await;
        becomes(&sandbox, &bills[1].name, "20 are paid", |it| it.paid == usd(20)).await;

        let order = delivered_by(&sandbox, "AT").await;
        let other = import(&sandbox, &order, "R-1", "").await.expect("another legal entity, another number");
        assert_eq!(stands(&sandbox, "erp.AT:invoice:R-1").await.document, other.name);
        let whose = report(&sandbox, vec![paid("R-1", 3, 40)]).await;
        assert_eq!((whose.applied, whose.unknown), (0, 1), "whose R-1 it is nobody says");
        let named = event("erp.AT:invoice:R-1", "R-1", 3, BusinessStatus::PartiallyPaid, usd(50));
        assert_eq!(report(&sandbox, vec![named]).await.applied, 1);
        becomes(&sandbox, &other.name, "50 are paid", |it| it.paid == usd(50)).await;
        becomes(&sandbox, &bills[0].name, "it is paid as it was", |it| it.paid == usd(10)).await;
        sandbox.finish().await;
    }

    /// R-INV-2: what the ERP credited is awaited until its credit note is taken over, under the same rules as its invoice; then
    /// our record says the same.
    async fn credit_notes_of_the_erp_are_taken_over_and_awaited(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let order = delivered_and_invoiced(&sandbox).await;
        let own = credit(&sandbox, ImportCreditNoteRequest { invoice: order, number: "G-0".to_owned(), ..Default::default() });
        assert_eq!(own.await.expect_err("here we invoice").metadata["invoicing_authority"], "INTERNAL");
        erp_invoices(&sandbox).await;
        let bill = import(&sandbox, &delivered(&sandbox).await, "R-1", "sap:1").await.expect("it is taken over");
        stands(&sandbox, "sap:1").await;
        let line = &bill.lines[0];
        let lines = vec![LineQuantity { line_id: line.line_id.clone(), quantity: decimal("1") }];
        let one = ImportCreditNoteRequest { invoice: bill.name.clone(), number: "G-1".to_owned(), lines, ..Default::default() };
        let check = ImportCreditNoteRequest { validate_only: true, ..one.clone() };
        let amount = credit(&sandbox, check).await.expect("it can be").totals.and_then(|it| it.payable).expect("an amount");
        let told = ErpEvent { credited: Some(amount.clone()), ..event("sap:1", "R-1", 2, BusinessStatus::Posted, None) };
        report(&sandbox, vec![told]).await;
        let waits = kept(&sandbox, "sap:1", "to wait", |it| it.diverges).await;
        assert!(waits.divergence.contains("ImportCreditNote"), "{}", waits.divergence);
        let note = credit(&sandbox, one.clone()).await.expect("it is taken over");
        assert_eq!((note.state(), note.number.as_str(), note.series.as_str()), (credit_note::State::Posted, "G-1", ""));
        becomes(&sandbox, &bill.name, "it is credited", |it| it.credited.as_ref() == Some(&amount)).await;
        kept(&sandbox, "sap:1", "to follow", |it| !it.diverges).await;
        let known = stands(&sandbox, "erp:credit:G-1").await;
        assert!(known.taken_over && known.document == note.name, "{known:?}");
        assert_eq!(credit(&sandbox, one).await.expect_err("the number is taken").reason, "TAKEN");
        let much = ImportCreditNoteRequest {
            invoice: bill.name.clone(), number: "G-2".to_owned(),
            lines: vec![LineQuantity { line_id: line.line_id.clone(), quantity: decimal("100000") }],
            ..Default::default()
        };
        assert_eq!(credit(&sandbox, much).await.expect_err("more than was billed").reason, "GUARD");
        sandbox.finish().await;
    }

    /// R-INV-2, R-INV-1: what the ERP reversed is void here, once its payments went back; nobody else makes it so.
    async fn an_invoice_that_the_erp_reversed_is_void(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        erp_invoices(&sandbox).await;
        let bill = import(&sandbox, &delivered(&sandbox).await, "R-1", "").await.expect("it is taken over");
        let id = "erp:invoice:R-1";
        stands(&sandbox, id).await;
        let api = &sandbox.api;
        let ask = VoidInvoiceRequest { name: bill.name.clone(), request_id: new_id(), ..Default::default() };
        let refused = refusal(&api.invoices.clone().void_invoice(api.ask(ask)).await.expect_err("the ERP made it"));
        assert_eq!(refused.metadata["invoicing_authority"], "ERP");
        report(&sandbox, vec![event(id, "", 2, BusinessStatus::PartiallyPaid, usd(10))]).await;
        becomes(&sandbox, &bill.name, "a part is paid", |it| it.paid == usd(10)).await;
        report(&sandbox, vec![event(id, "", 3, BusinessStatus::Reversed, usd(0))]).await;
        becomes(&sandbox, &bill.name, "it is void", |it| it.state() == invoice::State::Void).await;
        kept(&sandbox, id, "to follow", |it| !it.diverges).await;
        let again = refusal(&import(&sandbox, &bill.order, "R-1", "").await.expect_err("a number is given once"));
        assert_eq!((again.reason.as_str(), again.metadata["holder"].as_str()), ("TAKEN", bill.name.as_str()));
        import(&sandbox, &bill.order, "R-2", "").await.expect("what it billed can be billed again");
        sandbox.finish().await;
    }
}

/// As [`delivered`], sold by another legal entity.
async fn delivered_by(sandbox: &Sandbox, legal_entity: &str) -> String {
    let deal = sandbox.deal_without_process().await;
    let account = sandbox.view(&deal).await.opportunity.expect("it is there").account;
    let order = Order {
        opportunity: deal.clone(),
        account,
        currency_code: "USD".to_owned(),
        lines: developed(&deal).lines,
        legal_entity: legal_entity.to_owned(),
        ..Order::default()
    };
    let (api, mut orders) = (&sandbox.api, sandbox.api.orders.clone());
    let (code, legal_name) = (legal_entity.to_owned(), "Nordlicht Handels GmbH".to_owned());
    let entity = LegalEntity { code, legal_name, ..LegalEntity::default() };
    let ask = CreateLegalEntityRequest { legal_entity: Some(entity), request_id: new_id(), ..Default::default() };
    sandbox.api.legal_entities.clone().create_legal_entity(api.ask(ask)).await.expect(GOES);
    let ask = CreateOrderRequest { order: Some(order), request_id: new_id(), ..Default::default() };
    let name = orders.create_order(api.ask(ask)).await.expect(GOES).into_inner().name;
    let ask = ConfirmOrderRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
    orders.confirm_order(api.ask(ask)).await.expect(GOES);
    let ask = SubmitOrderRequest { name: name.clone(), request_id: new_id(), ..Default::default() };
    orders.submit_order(api.ask(ask)).await.expect(GOES);
    sandbox.rest().await;
    sandbox.fulfill(&deal).await;
    name
}

/// An invoice of our own.
async fn delivered_and_invoiced(sandbox: &Sandbox) -> String {
    let deal = sandbox.deal_without_process().await;
    sandbox.propose(&deal).await;
    sandbox.accept(&deal).await;
    sandbox.rest().await;
    sandbox.fulfill(&deal).await.invoice.expect("it is billed").name
}
