//! Each verb of each noun, asked of a record by its name; answers the state that it is in then.

use dealflow_orders::{contract, credit_note, invoice, order, payment, quote};
use dealflow_proto::orders::v1 as pb;
use tonic::Status;

use crate::house::{House, ask, opportunity};

fn reached(state: &str) -> String {
    state.trim_start_matches("STATE_").to_owned()
}

pub(crate) async fn quote_verb(house: &House, name: &str, verb: quote::Verb) -> Result<String, Status> {
    let name = name.to_owned();
    let mut quotes = house.quotes();
    let answer = match verb {
        quote::Verb::UpdateQuote => {
            // Large enough that the policy asks about it, and other than before.
            let lines = vec![crate::house::line("1", "5000")];
            let quote = pb::Quote { name: name.clone(), terms: dealflow_testbed::id(), lines, ..Default::default() };
            ask!(quotes, update_quote, UpdateQuoteRequest { quote: Some(quote) })
        }
        quote::Verb::RequestQuoteApproval => {
            ask!(quotes, request_quote_approval, RequestQuoteApprovalRequest { name: name.clone() })
        }
        quote::Verb::ActivateQuote => ask!(quotes, activate_quote, ActivateQuoteRequest { name: name.clone() }),
        quote::Verb::PresentQuote => ask!(quotes, present_quote, PresentQuoteRequest { name: name.clone() }),
        quote::Verb::ReviseQuote => ask!(quotes, revise_quote, ReviseQuoteRequest { name: name.clone() }),
        quote::Verb::AcceptQuote => ask!(quotes, accept_quote, AcceptQuoteRequest { name: name.clone() }),
        quote::Verb::CloseQuote => {
            let reason = pb::quote::CloseReason::Canceled.into();
            ask!(quotes, close_quote, CloseQuoteRequest { name: name.clone(), reason: reason })
        }
    };
    answer?;
    Ok(reached(house.quote(&name).await.state().as_str_name()))
}

pub(crate) async fn order_verb(house: &House, name: &str, verb: order::Verb) -> Result<String, Status> {
    let name = name.to_owned();
    let mut orders = house.orders();
    match verb {
        order::Verb::UpdateOrder => {
            let order = pb::Order { name: name.clone(), customer_reference: "PO-2".to_owned(), ..Default::default() };
            ask!(orders, update_order, UpdateOrderRequest { order: Some(order) })?
        }
        order::Verb::ConfirmOrder => ask!(orders, confirm_order, ConfirmOrderRequest { name: name.clone() })?,
        order::Verb::SubmitOrder => ask!(orders, submit_order, SubmitOrderRequest { name: name.clone() })?,
        order::Verb::RejectOrder => {
            ask!(orders, reject_order, RejectOrderRequest { name: name.clone(), reason: "no".to_owned() })?
        }
        order::Verb::FulfillOrder => house.fulfill(&name, &[("1", "1")]).await?,
        order::Verb::CreateInvoice => {
            // All of a closed one is billed: what is taken back can be billed again.
            if house.order(&name).await.state() == pb::order::State::Closed {
                let filter = format!("order = \"{name}\"");
                let of_it = pb::ListInvoicesRequest { filter, ..Default::default() };
                for invoice in house.invoices().list_invoices(of_it).await?.into_inner().invoices {
                    let note = house.credit(&invoice.name, &[]).await?;
                    house.post_credit(&note.name).await?;
                }
            }
            house.bill(&name, &[]).await?;
            house.order(&name).await
        }
        order::Verb::HoldOrder => {
            ask!(orders, hold_order, HoldOrderRequest { name: name.clone(), reason: "wait".to_owned() })?
        }
        order::Verb::ReleaseOrder => ask!(orders, release_order, ReleaseOrderRequest { name: name.clone() })?,
        order::Verb::CloseOrder => {
            // Billed in full first, where the state lets it be.
            if let Ok(draft) = house.bill(&name, &[]).await {
                house.post(&draft.name).await?;
            }
            ask!(orders, close_order, CloseOrderRequest { name: name.clone() })?
        }
        // The ERP agrees.
        order::Verb::CancelOrder => {
            crate::house::ask_as!("erp", orders, cancel_order, CancelOrderRequest { name: name.clone() })?
        }
    };
    Ok(reached(house.order(&name).await.state().as_str_name()))
}

pub(crate) async fn contract_verb(house: &House, name: &str, verb: contract::Verb) -> Result<String, Status> {
    let name = name.to_owned();
    let mut contracts = house.contracts();
    let answer = match verb {
        contract::Verb::RequestContractApproval => {
            // A policy asks at this moment and at no other.
            let subject = pb::ApprovalSubject::Contract.into();
            let steps = crate::house::policy(vec![crate::house::by(&crate::house::employee())]);
            let policy = house.policy(pb::ApprovalPolicy { subject, ..steps }).await;
            let asked = ask!(contracts, request_contract_approval, RequestContractApprovalRequest { name: name });
            let off = Some(pb::ApprovalPolicy { name: policy.name, disabled: true, ..Default::default() });
            ask!(house.approvals(), update_approval_policy, UpdateApprovalPolicyRequest { approval_policy: off })?;
            asked
        }
        contract::Verb::ApproveContract => ask!(contracts, approve_contract, ApproveContractRequest { name: name }),
        contract::Verb::UpdateContract => {
            let contract = pb::Contract { name, title: dealflow_testbed::id(), ..Default::default() };
            ask!(contracts, update_contract, UpdateContractRequest { contract: Some(contract) })
        }
        contract::Verb::RecordContractReceipt => {
            let receipt = pb::contract::Receipt::Received.into();
            ask!(contracts, record_contract_receipt, RecordContractReceiptRequest { name: name, receipt: receipt })
        }
        contract::Verb::RecordContractComments => ask!(
            contracts,
            record_contract_comments,
            RecordContractCommentsRequest { name: name, comments: "hm".to_owned() }
        ),
        contract::Verb::ActivateContract => {
            let active = ask!(contracts, activate_contract, ActivateContractRequest { name: name });
            // Only the calendar ends one: what has passed its last day is ended here.
            ask!(contracts, expire_contracts, ExpireContractsRequest {})?;
            active
        }
        contract::Verb::TerminateContract => {
            ask!(contracts, terminate_contract, TerminateContractRequest { name: name, reason: "breach".to_owned() })
        }
        contract::Verb::AmendContract => {
            ask!(contracts, amend_contract, AmendContractRequest { name: name.clone(), new_terms: "b".to_owned() })?;
            // The contract itself stays.
            contracts.get_contract(pb::GetContractRequest { name }).await.map(tonic::Response::into_inner)
        }
        contract::Verb::SendContract => ask!(contracts, send_contract, SendContractRequest { name: name }),
        contract::Verb::SignContract => {
            ask!(contracts, sign_contract, SignContractRequest { name: name, signatories: vec!["A".to_owned()] })
        }
        contract::Verb::CancelContract => ask!(contracts, cancel_contract, CancelContractRequest { name: name }),
    };
    Ok(reached(answer?.state().as_str_name()))
}

pub(crate) async fn invoice_verb(house: &House, name: &str, verb: invoice::Verb) -> Result<String, Status> {
    let name = name.to_owned();
    let answer = match verb {
        invoice::Verb::PostInvoice => ask!(house.invoices(), post_invoice, PostInvoiceRequest { name: name }),
        // The gateway says so of what the ERP does not have.
        invoice::Verb::VoidInvoice => {
            ask!(house.invoices(), void_invoice, VoidInvoiceRequest { name: name, withdrawn: true })
        }
    };
    Ok(reached(answer?.state().as_str_name()))
}

pub(crate) async fn credit_note_verb(house: &House, name: &str, verb: credit_note::Verb) -> Result<String, Status> {
    let name = name.to_owned();
    let answer = match verb {
        credit_note::Verb::PostCreditNote => house.post_credit(&name).await,
        credit_note::Verb::VoidCreditNote => {
            ask!(house.credit_notes(), void_credit_note, VoidCreditNoteRequest { name: name, withdrawn: true })
        }
    };
    Ok(reached(answer?.state().as_str_name()))
}

pub(crate) async fn payment_verb(house: &House, name: &str, verb: payment::Verb) -> Result<String, Status> {
    let name = name.to_owned();
    let mut payments = house.payments();
    let answer = match verb {
        payment::Verb::AllocatePayment => {
            let order = house.delivered(crate::house::order(&opportunity())).await.name;
            let invoice = house.bill(&order, &[]).await?.name;
            house.post(&invoice).await?;
            let allocations = vec![pb::PaymentAllocation { invoice, amount: Some(crate::house::eur("1")) }];
            ask!(payments, allocate_payment, AllocatePaymentRequest { name: name, allocations: allocations })
        }
        payment::Verb::ReconcilePayment => ask!(payments, reconcile_payment, ReconcilePaymentRequest { name: name }),
        payment::Verb::ReversePayment => {
            ask!(payments, reverse_payment, ReversePaymentRequest { name: name, reason: "back".to_owned() })
        }
    };
    Ok(reached(answer?.state().as_str_name()))
}
