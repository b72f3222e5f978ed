//! R-INV-1, R-ERP-1: what the ERP was paid is what the invoice is paid, whoever else tells of the same money.

use dealflow::api::new_id;
use dealflow_proto::erp::v1::erp_callback_service_client::ErpCallbackServiceClient;
use dealflow_proto::erp::v1::{ActRequest, BusinessStatus, DocumentType, ErpEvent, ReportEventsRequest};
use dealflow_proto::google::type_::Money;
use dealflow_proto::orders::v1::{
    GetInvoiceRequest, Invoice, ListPaymentsRequest, Payment, PaymentAllocation, PaymentStatus, RecordPaymentRequest,
    payment,
};
use dealflow_testbed::{TestDb, both, eventually};
use dealflow_tests::Sandbox;

use crate::directly::SOON;
use crate::erp_steps::{act, handed, ordered, tasks};

const GOES: &str = "a step of the script goes through";

/// A posted invoice that the ERP has: its deal, and what is to be paid.
async fn billed(sandbox: &Sandbox) -> (String, Invoice, Money) {
    let (deal, _) = ordered(sandbox).await;
    let made = sandbox.fulfill(&deal).await.invoice.expect("the deal is billed");
    sandbox.rest().await;
    let gross = made.totals.clone().and_then(|totals| totals.payable).expect("an amount");
    (deal, made, gross)
}

fn external_id(invoice: &Invoice) -> String {
    format!("dealflow:invoice:{}", invoice.number)
}

/// The bank's file says so.
async fn bank(sandbox: &Sandbox, invoice: &Invoice, amount: &Money) {
    let payment = Payment {
        source: "bank".to_owned(),
        external_reference: sandbox.unique(),
        account: invoice.account.clone(),
        amount: Some(amount.clone()),
        allocations: vec![PaymentAllocation { invoice: invoice.name.clone(), amount: Some(amount.clone()) }],
        ..Payment::default()
    };
    let ask = RecordPaymentRequest { payment: Some(payment), request_id: new_id(), ..Default::default() };
    let api = sandbox.api.asked_by("integration");
    api.payments.clone().record_payment(api.ask(ask)).await.expect("it is recorded");
}

async fn says(sandbox: &Sandbox, invoice: &Invoice, status: BusinessStatus, paid: &Money) {
    let (external_id, paid) = (external_id(invoice), Some(paid.clone()));
    act(sandbox, ActRequest { external_id, status: status.into(), paid, ..ActRequest::default() }).await;
}

/// Waits until an invoice is paid so.
async fn paid(sandbox: &Sandbox, invoice: &Invoice, amount: &Money, status: PaymentStatus) {
    eventually(format!("{amount:?} to be paid"), SOON, || async {
        let ask = GetInvoiceRequest { name: invoice.name.clone() };
        let now = sandbox.api.invoices.clone().get_invoice(sandbox.api.ask(ask)).await.expect(GOES).into_inner();
        now.paid.as_ref() == Some(amount) && now.payment_status() == status
    })
    .await;
}

/// Who told of the payments that there are, and how they stand.
async fn payments(sandbox: &Sandbox) -> Vec<(String, payment::State)> {
    let ask = ListPaymentsRequest { order_by: "create_time".to_owned(), ..ListPaymentsRequest::default() };
    let page = sandbox.api.payments.clone().list_payments(sandbox.api.ask(ask)).await.expect(GOES).into_inner();
    page.payments.into_iter().map(|it| (it.source.clone(), it.state())).collect()
}

fn half_of(money: &Money) -> Money {
    Money { units: money.units / 2, nanos: 0, ..money.clone() }
}

both! {
    /// R-INV-1: a payment that the bank told of first, and the ERP then, is one payment. Where the ERP says that less is paid,
    /// what the bank said stands, and somebody is told.
    async fn what_the_bank_recorded_the_erp_does_not_pay_again(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, made, gross) = billed(&sandbox).await;
        bank(&sandbox, &made, &gross).await;
        says(&sandbox, &made, BusinessStatus::Paid, &gross).await;
        handed(&sandbox, &external_id(&made), "it is paid", |it| it.business_status() == BusinessStatus::Paid).await;
        says(&sandbox, &made, BusinessStatus::PartiallyPaid, &half_of(&gross)).await;
        let told = handed(&sandbox, &external_id(&made), "it diverges", |it| it.diverges).await;
        assert!(told.divergence.contains("recorded by others"), "{}", told.divergence);
        eventually("the task", SOON, || async { !tasks(&sandbox, &deal, &made.number).await.is_empty() }).await;
        says(&sandbox, &made, BusinessStatus::Paid, &gross).await;
        handed(&sandbox, &external_id(&made), "it follows", |it| !it.diverges).await;
        paid(&sandbox, &made, &gross, PaymentStatus::Paid).await;
        assert_eq!(payments(&sandbox).await, [("bank".to_owned(), payment::State::Allocated)]);
        sandbox.stop().await;
    }

    /// R-INV-1: a payment that the ERP told of first, and the bank then, is one payment; what the bank has not told of is
    /// paid by what the ERP says.
    async fn what_the_erp_told_first_is_paid_once_when_the_bank_tells_of_it(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (_, made, gross) = billed(&sandbox).await;
        says(&sandbox, &made, BusinessStatus::Paid, &gross).await;
        paid(&sandbox, &made, &gross, PaymentStatus::Paid).await;
        let half = half_of(&gross);
        bank(&sandbox, &made, &half).await;
        eventually("the rest is the ERP's", SOON, || async {
            payments(&sandbox).await.iter().filter(|(source, _)| source == "erp").count() == 2
        })
        .await;
        paid(&sandbox, &made, &gross, PaymentStatus::Paid).await;
        bank(&sandbox, &made, &half).await;
        paid(&sandbox, &made, &gross, PaymentStatus::Paid).await;
        let stands = |(source, state): &(String, payment::State)| source == "erp" && *state != payment::State::Reversed;
        eventually("nothing is left for the ERP to say", SOON, || async {
            !payments(&sandbox).await.iter().any(stands)
        })
        .await;
        paid(&sandbox, &made, &gross, PaymentStatus::Paid).await;
        sandbox.stop().await;
    }

    /// R-INV-1: an ERP that says nothing of payments is not against what the bank says.
    async fn an_erp_that_knows_of_no_payment_is_not_against_the_banks(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (_, made, gross) = billed(&sandbox).await;
        bank(&sandbox, &made, &gross).await;
        let posted = BusinessStatus::UnderQuery;
        act(&sandbox, ActRequest { external_id: external_id(&made), status: posted.into(), ..Default::default() }).await;
        let told = handed(&sandbox, &external_id(&made), "it is queried", |it| it.diverges).await;
        assert!(!told.divergence.contains("paid"), "{}", told.divergence);
        paid(&sandbox, &made, &gross, PaymentStatus::Paid).await;
        sandbox.stop().await;
    }

    /// R-INV-1, R-ERP-1, R-FLW-3: what the ERP says of payments in words that the invoice does not have, another currency or
    /// less than a cent, or without an amount at all, pays nothing and is told; once it says it in those, it is recorded.
    async fn what_the_erp_says_in_another_currency_is_told_and_not_swallowed(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (deal, made, gross) = billed(&sandbox).await;
        let of = |currency_code: &str, units: i64, nanos: i32| Money { currency_code: currency_code.to_owned(), units, nanos };
        let wrong = [
            (Some(of("CHF", 120, 0)), "120 CHF"),
            (Some(of("USD", 60, 5_000_000)), "60.005"),
            (None, "it is PAID, and not how much"),
        ];
        let mut sequence = 100;
        for (amount, said) in wrong {
            sequence += 1;
            report(&sandbox, paid_event(&made, sequence, BusinessStatus::Paid, amount)).await;
            let told = handed(&sandbox, &external_id(&made), said, |it| it.divergence.contains(said)).await;
            assert!(told.diverges && told.business_sequence == sequence, "{told:?}");
        }
        eventually("the tasks", SOON, || async { tasks(&sandbox, &deal, &made.number).await.len() == 3 }).await;
        assert!(payments(&sandbox).await.is_empty());
        report(&sandbox, paid_event(&made, sequence + 1, BusinessStatus::Paid, Some(gross.clone()))).await;
        paid(&sandbox, &made, &gross, PaymentStatus::Paid).await;
        handed(&sandbox, &external_id(&made), "it follows", |it| !it.diverges).await;
        // All is paid by what it said before: that it is PAID says no more.
        report(&sandbox, paid_event(&made, sequence + 2, BusinessStatus::Paid, None)).await;
        handed(&sandbox, &external_id(&made), "it is known", |it| it.business_sequence == sequence + 2 && !it.diverges).await;
        sandbox.stop().await;
    }
}

/// An event about an invoice.
fn paid_event(invoice: &Invoice, sequence: i64, status: BusinessStatus, paid: Option<Money>) -> ErpEvent {
    ErpEvent {
        event_id: format!("{}#{sequence}", invoice.number),
        external_id: external_id(invoice),
        r#type: DocumentType::Invoice.into(),
        sequence,
        status: status.into(),
        paid,
        ..ErpEvent::default()
    }
}

async fn report(sandbox: &Sandbox, event: ErpEvent) {
    let ask = ReportEventsRequest { events: vec![event], request_id: new_id(), ..Default::default() };
    let integration = sandbox.api.asked_by("integration");
    let mut callback = ErpCallbackServiceClient::new(sandbox.link.clone());
    let told = callback.report_events(integration.ask(ask)).await.expect("it is taken in").into_inner();
    assert_eq!((told.applied, told.unknown), (1, 0));
}
