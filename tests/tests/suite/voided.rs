//! R-INV-1: a posted invoice is void only while nobody else has it: not the ERP, not the customer who paid, no credit note.

use std::time::Duration;

use dealflow::api::new_id;
use dealflow_proto::erp::v1::{
    GetJournalRequest, Handoff, ListHandoffsRequest, PauseTargetRequest, ResumeTargetRequest, handoff,
};
use dealflow_proto::orders::v1::{
    CreateCreditNoteRequest, CreateInvoiceRequest, GetInvoiceRequest, Invoice, Payment, PaymentAllocation,
    PostCreditNoteRequest, PostInvoiceRequest, RecordPaymentRequest, VoidCreditNoteRequest, VoidInvoiceRequest,
    credit_note, invoice,
};
use dealflow_testbed::{RefusalView, TestDb, both, eventually, refusal};
use dealflow_tests::values::usd;
use dealflow_tests::{Fault, Sandbox};
use futures::future::join_all;

const GOES: &str = "a step of the script goes through";
/// How long something of which many happen at once may take.
const LONG: Duration = Duration::from_secs(60);

async fn pause(sandbox: &Sandbox) {
    let (name, reason) = ("targets/erp".to_owned(), "month-end".to_owned());
    let ask = PauseTargetRequest { name, reason, request_id: new_id(), ..PauseTargetRequest::default() };
    sandbox.api.handoffs.clone().pause_target(sandbox.api.ask(ask)).await.expect(GOES);
}

async fn resume(sandbox: &Sandbox) {
    let ask = ResumeTargetRequest { name: "targets/erp".to_owned(), request_id: new_id(), ..Default::default() };
    sandbox.api.handoffs.clone().resume_target(sandbox.api.ask(ask)).await.expect(GOES);
}

/// An invoice that is posted, and that the ERP does not have.
async fn posted(sandbox: &Sandbox) -> Invoice {
    several_posted(sandbox, 1).await.pop().expect("one is")
}

/// So many invoices of so many deals; the ERP gets nothing any more.
async fn several_posted(sandbox: &Sandbox, count: usize) -> Vec<Invoice> {
    let mut deals = Vec::with_capacity(count);
    for _ in 0..count {
        let deal = sandbox.deal_without_process().await;
        sandbox.propose(&deal).await;
        sandbox.accept(&deal).await;
        deals.push(deal);
    }
    sandbox.rest().await;
    pause(sandbox).await;
    let mut bills = Vec::with_capacity(count);
    for deal in &deals {
        bills.push(sandbox.fulfill(deal).await.invoice.expect("it is billed"));
    }
    bills
}

async fn void(sandbox: &Sandbox, ask: VoidInvoiceRequest) -> Result<Invoice, RefusalView> {
    let answer = sandbox.api.invoices.clone().void_invoice(sandbox.api.ask(ask)).await;
    answer.map(tonic::Response::into_inner).map_err(|status| refusal(&status))
}

fn wish(invoice: &Invoice) -> VoidInvoiceRequest {
    let (name, reason) = (invoice.name.clone(), "the wrong customer".to_owned());
    // That it is withdrawn nobody says but the gateway.
    VoidInvoiceRequest { name, reason, withdrawn: true, request_id: new_id(), ..VoidInvoiceRequest::default() }
}

async fn of(sandbox: &Sandbox, invoice: &Invoice) -> Option<Handoff> {
    let filter = format!("external_id = \"dealflow:invoice:{}\"", invoice.number);
    let ask = ListHandoffsRequest { filter, ..ListHandoffsRequest::default() };
    let page = sandbox.api.handoffs.clone().list_handoffs(sandbox.api.ask(ask)).await.expect(GOES);
    page.into_inner().handoffs.pop()
}

both! {
    /// R-INV-1: nobody has it yet: it is void, its number stays given, its hand-over is given up and never sent; what it
    /// billed is billed again under the next number. The same call once more is answered as before.
    async fn what_is_posted_and_not_handed_over_is_void_and_its_number_stays(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let bill = posted(&sandbox).await;
        let asked = void(&sandbox, VoidInvoiceRequest { validate_only: true, ..wish(&bill) }).await.expect("it may be void");
        assert_eq!(asked.state(), invoice::State::Void);
        assert_eq!(of(&sandbox, &bill).await.map(|it| it.state()), Some(handoff::State::Ready), "nothing is changed");
        let ask = wish(&bill);
        let gone = void(&sandbox, ask.clone()).await.expect("nobody has it");
        assert_eq!((gone.state(), &gone.number), (invoice::State::Void, &bill.number));
        assert_eq!(void(&sandbox, ask).await.expect("it comes twice"), gone);
        assert_eq!(of(&sandbox, &bill).await.map(|it| it.state()), Some(handoff::State::Abandoned));
        let again = void(&sandbox, wish(&bill)).await.expect_err("it is final");
        assert_eq!(again.reason, "TERMINAL");
        let (api, mut invoices) = (&sandbox.api, sandbox.api.invoices.clone());
        let ask = CreateInvoiceRequest { order: bill.order.clone(), request_id: new_id(), ..Default::default() };
        let draft = invoices.create_invoice(api.ask(ask)).await.expect("it is billed again").into_inner();
        let ask = PostInvoiceRequest { name: draft.name, request_id: new_id(), ..Default::default() };
        let next = invoices.post_invoice(api.ask(ask)).await.expect("it is posted").into_inner();
        let count = |number: &str| number.rsplit('-').next().and_then(|it| it.parse::<u64>().ok()).expect("a number");
        assert_eq!(count(&next.number), count(&bill.number) + 1);
        resume(&sandbox).await;
        sandbox.rest().await;
        let ask = GetJournalRequest {
            external_id: format!("dealflow:invoice:{}", bill.number), page_size: 10, ..GetJournalRequest::default()
        };
        let calls = api.stub.clone().get_journal(api.ask(ask)).await.expect(GOES).into_inner().entries;
        assert!(calls.is_empty(), "it was never sent: {calls:?}");
        sandbox.finish().await;
    }

    /// R-INV-1: an invoice is void at once, whether its hand-over was stored before or comes after; it never goes out.
    async fn what_is_void_before_its_hand_over_is_stored_is_not_handed_over(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let bill = posted(&sandbox).await;
        void(&sandbox, wish(&bill)).await.expect("nobody has it");
        let (api, mut invoices) = (&sandbox.api, sandbox.api.invoices.clone());
        // By the event alone this time: whoever is first, the event or the verb.
        let ask = CreateInvoiceRequest { order: bill.order.clone(), request_id: new_id(), ..Default::default() };
        let draft = invoices.create_invoice(api.ask(ask)).await.expect(GOES).into_inner();
        let ask = PostInvoiceRequest { name: draft.name, request_id: new_id(), ..Default::default() };
        let second = invoices.post_invoice(api.ask(ask)).await.expect(GOES).into_inner();
        void(&sandbox, wish(&second)).await.expect("nobody has it");
        resume(&sandbox).await;
        sandbox.rest().await;
        assert_eq!(of(&sandbox, &second).await.map(|it| it.state()), Some(handoff::State::Abandoned));
        sandbox.finish().await;
    }

    /// R-INV-1: what is paid, credited or handed over is not void, and its hand-over goes on.
    async fn what_others_have_is_not_void(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let bill = posted(&sandbox).await;
        let (api, mut notes) = (&sandbox.api, sandbox.api.credit_notes.clone());
        let ask = CreateCreditNoteRequest {
            invoice: bill.name.clone(), reason: "back".to_owned(), request_id: new_id(), ..Default::default()
        };
        let note = notes.create_credit_note(api.ask(ask)).await.expect(GOES).into_inner().name;
        let refused = void(&sandbox, wish(&bill)).await.expect_err("a credit note is being written");
        assert!(refused.reason == "GUARD" && refused.message.contains("has a credit note"), "{refused:?}");
        let ask = VoidCreditNoteRequest { name: note, request_id: new_id(), ..Default::default() };
        notes.void_credit_note(api.ask(ask)).await.expect(GOES);
        let pays = |units| vec![PaymentAllocation { invoice: bill.name.clone(), amount: usd(units) }];
        let payment = Payment {
            source: "bank".to_owned(), external_reference: "B-1".to_owned(), amount: usd(1), allocations: pays(1),
            ..Payment::default()
        };
        let ask = RecordPaymentRequest { payment: Some(payment), request_id: new_id(), ..Default::default() };
        api.payments.clone().record_payment(api.ask(ask)).await.expect(GOES);
        let refused = void(&sandbox, wish(&bill)).await.expect_err("something is paid");
        assert!(refused.reason == "GUARD" && refused.message.contains("is paid"), "{refused:?}");
        assert_eq!(of(&sandbox, &bill).await.map(|it| it.state()), Some(handoff::State::Ready), "it goes on");
        resume(&sandbox).await;
        sandbox.rest().await;
        let other = posted(&sandbox).await;
        resume(&sandbox).await;
        sandbox.rest().await;
        let refused = void(&sandbox, wish(&other)).await.expect_err("the ERP has it");
        assert_eq!((refused.reason.as_str(), refused.metadata["state"].as_str()), ("GUARD", "DELIVERED"));
        assert!(refused.message.contains("CreateCreditNote"), "{refused:?}");
        let ask = GetInvoiceRequest { name: other.name.clone() };
        let stands = api.invoices.clone().get_invoice(api.ask(ask)).await.expect(GOES).into_inner();
        assert_eq!(stands.state(), invoice::State::Posted);
        sandbox.finish().await;
    }
    /// R-INV-1: a posted credit note that the ERP does not have is void like an invoice: its hand-over is given up and never
    /// sent, and the invoice is credited anew. Once it is handed over it stays.
    async fn a_posted_credit_note_that_is_not_handed_over_is_void(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let bill = posted(&sandbox).await;
        resume(&sandbox).await;
        sandbox.rest().await;
        pause(&sandbox).await;
        let (api, mut notes) = (&sandbox.api, sandbox.api.credit_notes.clone());
        let credit = || CreateCreditNoteRequest {
            invoice: bill.name.clone(), reason: "back".to_owned(), request_id: new_id(), ..Default::default()
        };
        let mut numbers = Vec::new();
        for _ in 0..2 {
            let draft = notes.create_credit_note(api.ask(credit())).await.expect("nothing is credited").into_inner();
            let ask = PostCreditNoteRequest { name: draft.name.clone(), request_id: new_id(), ..Default::default() };
            let note = notes.post_credit_note(api.ask(ask)).await.expect(GOES).into_inner();
            numbers.push(note.number.clone());
            let ask = VoidCreditNoteRequest { name: draft.name, request_id: new_id(), ..Default::default() };
            if numbers.len() == 1 {
                let gone = notes.void_credit_note(api.ask(ask.clone())).await.expect("nobody has it").into_inner();
                assert_eq!((gone.state(), &gone.number), (credit_note::State::Void, &note.number));
                assert_eq!(notes.void_credit_note(api.ask(ask)).await.expect("it comes twice").into_inner(), gone);
                continue;
            }
            resume(&sandbox).await;
            sandbox.rest().await;
            let refused = refusal(&notes.void_credit_note(api.ask(ask)).await.expect_err("the ERP has it"));
            assert_eq!((refused.reason.as_str(), refused.metadata["state"].as_str()), ("GUARD", "DELIVERED"));
            assert!(refused.message.contains("CreateInvoice"), "{refused:?}");
        }
        let states = async |number: &String| {
            let filter = format!("external_id = \"dealflow:credit:{number}\"");
            let ask = ListHandoffsRequest { filter, ..ListHandoffsRequest::default() };
            let page = api.handoffs.clone().list_handoffs(api.ask(ask)).await.expect(GOES).into_inner();
            page.handoffs.iter().map(Handoff::state).collect::<Vec<_>>()
        };
        assert_eq!(states(&numbers[0]).await, [handoff::State::Abandoned]);
        assert_eq!(states(&numbers[1]).await, [handoff::State::Delivered]);
        sandbox.finish().await;
    }

    /// R-INV-1, R-FLW-1: everything dies at any call of it, before or after: the invoice ends void, its hand-over given up,
    /// without anybody asking again; who asks again is answered as if nothing had happened.
    async fn an_invoice_ends_void_whatever_dies_on_the_way(db: TestDb) {
        let mut sandbox = Sandbox::start(&db).await;
        let bill = posted(&sandbox).await;
        let trace = sandbox.faults.plan(None);
        let ask = trace.carry(sandbox.api.ask(wish(&bill)));
        sandbox.api.invoices.clone().void_invoice(ask).await.expect("nobody has it");
        let calls = sandbox.faults.calls(&trace);
        println!("VoidInvoice: {} calls: {}", calls.len(), calls.join(", "));
        resume(&sandbox).await;
        let places = (1..=calls.len()).flat_map(|at| [Fault::StopBefore, Fault::StopAfter].map(|fault| (at, fault)));
        let places: Vec<(usize, Fault)> = places.collect();
        let bills = several_posted(&sandbox, places.len()).await;
        let asked: Vec<VoidInvoiceRequest> = bills.iter().map(wish).collect();
        let shared = &sandbox;
        let voiding = join_all(asked.iter().zip(&places).map(|(ask, place)| async move {
            let trace = shared.faults.plan(Some(*place));
            shared.api.invoices.clone().void_invoice(trace.carry(shared.api.ask(ask.clone()))).await
        }));
        tokio::select! {
            biased;
            in_time = tokio::time::timeout(LONG, shared.faults.stopped(places.len())) => {
                assert!(in_time.is_ok(), "every planned call comes");
            }
            answers = voiding => panic!("none stops: {answers:?}"),
        }
        sandbox.kill().await;
        sandbox.restart().await;
        for ((bill, ask), (at, fault)) in bills.iter().zip(asked).zip(places) {
            let case = format!("{fault:?} at call {at}, {}", calls[at - 1]);
            let half_way = || async {
                let ask = GetInvoiceRequest { name: bill.name.clone() };
                let now = sandbox.api.invoices.clone().get_invoice(sandbox.api.ask(ask)).await.expect(GOES).into_inner();
                let given_up = of(&sandbox, bill).await.is_some_and(|it| it.state() == handoff::State::Abandoned);
                (now.state() == invoice::State::Void) == given_up
            };
            eventually(format!("{case}: both or neither"), LONG, half_way).await;
            let gone = void(&sandbox, ask).await.unwrap_or_else(|refused| panic!("{case}, asked again: {refused:?}"));
            assert_eq!(gone.state(), invoice::State::Void, "{case}");
            assert_eq!(of(&sandbox, bill).await.map(|it| it.state()), Some(handoff::State::Abandoned), "{case}");
        }
        resume(&sandbox).await;
        sandbox.rest().await;
        sandbox.finish().await;
    }
}
