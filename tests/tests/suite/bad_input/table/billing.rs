//! Rows of credit notes and payments.

use dealflow::api::new_id;
use dealflow_proto::orders::v1::credit_note_service_client::CreditNoteServiceClient;
use dealflow_proto::orders::v1::payment_service_client::PaymentServiceClient;
use dealflow_proto::orders::v1::*;
use dealflow_tests::Sandbox;
use dealflow_tests::values::usd;
use prost::Message;

use super::{Again, GUARD, Row, STATE, TERMINAL};

pub(super) async fn billing(method: &str, sandbox: &Sandbox) -> Option<Row> {
    let deal = sandbox.deal_without_process().await;
    sandbox.propose(&deal).await;
    sandbox.accept(&deal).await;
    let invoice = sandbox.fulfill(&deal).await.invoice?.name;
    let mut notes = CreditNoteServiceClient::new(sandbox.link.clone());
    let mut payments = PaymentServiceClient::new(sandbox.link.clone());
    let reason = "returned".to_owned();
    let pays = |units| vec![PaymentAllocation { invoice: invoice.clone(), amount: usd(units) }];
    let payment = Payment {
        source: "bank".to_owned(),
        external_reference: sandbox.unique(),
        amount: usd(1),
        ..Payment::default()
    };
    match method {
        "CreditNoteService/CreateCreditNote" => {
            row!(GUARD, CreateCreditNoteRequest { invoice: invoice.clone(), reason: reason })
        }
        // Here we invoice, and credit.
        "CreditNoteService/ImportCreditNote" => {
            let (invoice, number) = (invoice.clone(), "G-1".to_owned());
            row!(
                Again::RefusedAtOnce("GUARD"),
                ImportCreditNoteRequest { invoice: invoice, number: number, reason: reason }
            )
        }
        "CreditNoteService/PostCreditNote" | "CreditNoteService/VoidCreditNote" => {
            let invoice = invoice.clone();
            let ask = CreateCreditNoteRequest { invoice, reason, request_id: new_id(), ..Default::default() };
            let name = notes.create_credit_note(ask).await.ok()?.into_inner().name;
            if method == "CreditNoteService/PostCreditNote" {
                return row!(STATE, PostCreditNoteRequest { name: name });
            }
            row!(TERMINAL, VoidCreditNoteRequest { name: name })
        }
        "PaymentService/RecordPayment" => row!(Again::Fine, RecordPaymentRequest { payment: Some(payment) }),
        "PaymentService/AllocatePayment" | "PaymentService/ReversePayment" => {
            let ask = RecordPaymentRequest { payment: Some(payment), request_id: new_id(), ..Default::default() };
            let name = payments.record_payment(ask).await.ok()?.into_inner().name;
            if method == "PaymentService/AllocatePayment" {
                return row!(STATE, AllocatePaymentRequest { name: name, allocations: pays(1) });
            }
            row!(TERMINAL, ReversePaymentRequest { name: name, reason: reason })
        }
        "PaymentService/ReconcilePayment" => {
            let payment = Payment { allocations: pays(1), ..payment };
            let ask = RecordPaymentRequest { payment: Some(payment), request_id: new_id(), ..Default::default() };
            let name = payments.record_payment(ask).await.ok()?.into_inner().name;
            row!(TERMINAL, ReconcilePaymentRequest { name: name })
        }
        _ => None,
    }
}
