//! Every verb in every state of the four nouns, against the tables of states.md written here once more.

use dealflow_chassis::Lifecycle;
use dealflow_orders::{contract, credit_note, invoice, order, payment, quote};
use dealflow_proto::orders::v1 as pb;
use dealflow_testbed::{TestDb, both, refusal};
use tonic::Status;

use crate::house::{House, ask, opportunity};

/// Compares the walk with the table: each pair that is listed leads where it says, each other one is refused with the
/// state and what it accepts.
fn check<S: Lifecycle>(walked: &[(S, S::Verb, Result<String, Status>)], table: &[(&str, &str, &str)]) {
    assert_eq!(walked.len(), S::STATES.len() * S::VERBS.len());
    for (state, verb, result) in walked {
        let (state, verb) = (state.to_string(), verb.to_string());
        let expected = table.iter().find(|(from, by, _)| *from == state && *by == verb);
        match (expected, result) {
            (Some((_, _, to)), Ok(reached)) => assert_eq!(reached, to, "{state} {verb}"),
            (None, Err(status)) => {
                let refused = refusal(status);
                assert_eq!(refused.code, tonic::Code::FailedPrecondition, "{state} {verb}: {status:?}");
                assert_eq!(refused.metadata["state"], state);
                let allowed: Vec<_> = table.iter().filter(|(from, ..)| *from == state).map(|(_, by, _)| *by).collect();
                assert_eq!(refused.metadata["allowed"], allowed.join(", "), "{state} {verb}");
            }
            (expected, result) => panic!("{state} {verb}: expected {expected:?}, got {result:?}"),
        }
    }
}

fn reached(state: &str) -> String {
    state.trim_start_matches("STATE_").to_owned()
}

async fn quote_verb(house: &House, name: &str, verb: quote::Verb) -> Result<String, Status> {
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

async fn order_verb(house: &House, name: &str, verb: order::Verb) -> Result<String, Status> {
    let name = name.to_owned();
    let mut orders = house.orders();
    match verb {
        order::Verb::ConfirmOrder => ask!(orders, confirm_order, ConfirmOrderRequest { name: name.clone() })?,
        order::Verb::SubmitOrder => ask!(orders, submit_order, SubmitOrderRequest { name: name.clone() })?,
        order::Verb::RejectOrder => {
            ask!(orders, reject_order, RejectOrderRequest { name: name.clone(), reason: "no".to_owned() })?
        }
        order::Verb::FulfillOrder => house.fulfill(&name, &[("1", "1")]).await?,
        order::Verb::CreateInvoice => {
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

async fn contract_verb(house: &House, name: &str, verb: contract::Verb) -> Result<String, Status> {
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
        contract::Verb::SendContract => ask!(contracts, send_contract, SendContractRequest { name: name }),
        contract::Verb::SignContract => {
            ask!(contracts, sign_contract, SignContractRequest { name: name, signatories: vec!["A".to_owned()] })
        }
        contract::Verb::CancelContract => ask!(contracts, cancel_contract, CancelContractRequest { name: name }),
    };
    Ok(reached(answer?.state().as_str_name()))
}

async fn invoice_verb(house: &House, name: &str, verb: invoice::Verb) -> Result<String, Status> {
    let name = name.to_owned();
    let answer = match verb {
        invoice::Verb::PostInvoice => ask!(house.invoices(), post_invoice, PostInvoiceRequest { name: name }),
        invoice::Verb::VoidInvoice => ask!(house.invoices(), void_invoice, VoidInvoiceRequest { name: name }),
    };
    Ok(reached(answer?.state().as_str_name()))
}

async fn credit_note_verb(house: &House, name: &str, verb: credit_note::Verb) -> Result<String, Status> {
    let name = name.to_owned();
    let answer = match verb {
        credit_note::Verb::PostCreditNote => house.post_credit(&name).await,
        credit_note::Verb::VoidCreditNote => {
            ask!(house.credit_notes(), void_credit_note, VoidCreditNoteRequest { name: name })
        }
    };
    Ok(reached(answer?.state().as_str_name()))
}

async fn payment_verb(house: &House, name: &str, verb: payment::Verb) -> Result<String, Status> {
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

/// Walks all pairs: for each a new record is led into the state, then the verb is tried.
macro_rules! walk {
    ($house:expr, $state:ty, $make:expr, $way:expr, $verb:path) => {{
        let mut walked = Vec::new();
        for state in <$state>::STATES.iter().copied() {
            for verb in <$state>::VERBS.iter().copied() {
                let name: String = $make.await;
                for step in $way(state) {
                    $verb(&$house, &name, step).await.expect("the way into the state is open");
                }
                walked.push((state, verb, $verb(&$house, &name, verb).await));
            }
        }
        walked
    }};
}

both! {
    /// R-QUO-3
    async fn a_quote_accepts_in_each_state_what_its_life_cycle_says(db: TestDb) {
        use quote::{State, Verb};
        let house = House::open(db).await;
        house.policy(crate::house::from_amount("1000")).await;
        let way = |state| match state {
            State::Draft => vec![],
            State::InApproval => vec![Verb::UpdateQuote, Verb::RequestQuoteApproval],
            // Nobody is asked about a small one.
            State::Approved => vec![Verb::RequestQuoteApproval],
            State::Active => vec![Verb::ActivateQuote],
            State::Presented => vec![Verb::ActivateQuote, Verb::PresentQuote],
            State::Accepted => vec![Verb::ActivateQuote, Verb::AcceptQuote],
            State::Closed => vec![Verb::CloseQuote],
        };
        let make = async || house.draft(crate::house::quote(&opportunity())).await.expect("drafted").name;
        check(&walk!(house, State, make(), way, quote_verb), &[
            ("DRAFT", "UpdateQuote", "DRAFT"),
            ("DRAFT", "RequestQuoteApproval", "APPROVED"),
            ("DRAFT", "ActivateQuote", "ACTIVE"),
            ("DRAFT", "CloseQuote", "CLOSED"),
            ("IN_APPROVAL", "UpdateQuote", "DRAFT"),
            ("IN_APPROVAL", "CloseQuote", "CLOSED"),
            ("APPROVED", "UpdateQuote", "DRAFT"),
            ("APPROVED", "ActivateQuote", "ACTIVE"),
            ("APPROVED", "CloseQuote", "CLOSED"),
            ("ACTIVE", "PresentQuote", "PRESENTED"),
            ("ACTIVE", "ReviseQuote", "CLOSED"),
            ("ACTIVE", "AcceptQuote", "ACCEPTED"),
            ("ACTIVE", "CloseQuote", "CLOSED"),
            ("PRESENTED", "ReviseQuote", "CLOSED"),
            ("PRESENTED", "AcceptQuote", "ACCEPTED"),
            ("PRESENTED", "CloseQuote", "CLOSED"),
        ]);
    }

    /// R-ORD-1
    async fn an_order_accepts_in_each_state_what_its_life_cycle_says(db: TestDb) {
        use order::{State, Verb};
        let house = House::open(db).await;
        let way = |state| match state {
            State::Draft => vec![],
            State::Confirmed => vec![Verb::ConfirmOrder],
            State::Submitted => vec![Verb::ConfirmOrder, Verb::SubmitOrder],
            State::InFulfillment => vec![Verb::ConfirmOrder, Verb::SubmitOrder, Verb::FulfillOrder],
            State::Fulfilled => vec![Verb::ConfirmOrder, Verb::SubmitOrder, Verb::FulfillOrder, Verb::FulfillOrder],
            State::Canceled => vec![Verb::CancelOrder],
            State::OnHold => vec![Verb::ConfirmOrder, Verb::HoldOrder],
            State::Closed => vec![
                Verb::ConfirmOrder, Verb::SubmitOrder, Verb::FulfillOrder, Verb::FulfillOrder, Verb::CloseOrder,
            ],
        };
        let two = || pb::Order { lines: vec![crate::house::line("2", "5")], ..crate::house::order(&opportunity()) };
        let make = async || house.create_order(two()).await.expect("made").name;
        check(&walk!(house, State, make(), way, order_verb), &[
            ("DRAFT", "ConfirmOrder", "CONFIRMED"),
            ("DRAFT", "CancelOrder", "CANCELED"),
            ("CONFIRMED", "SubmitOrder", "SUBMITTED"),
            ("CONFIRMED", "HoldOrder", "ON_HOLD"),
            ("CONFIRMED", "CancelOrder", "CANCELED"),
            ("SUBMITTED", "RejectOrder", "CONFIRMED"),
            ("SUBMITTED", "FulfillOrder", "IN_FULFILLMENT"),
            ("SUBMITTED", "HoldOrder", "ON_HOLD"),
            ("SUBMITTED", "CancelOrder", "CANCELED"),
            ("IN_FULFILLMENT", "FulfillOrder", "FULFILLED"),
            ("IN_FULFILLMENT", "CreateInvoice", "IN_FULFILLMENT"),
            ("IN_FULFILLMENT", "HoldOrder", "ON_HOLD"),
            ("FULFILLED", "CreateInvoice", "FULFILLED"),
            ("FULFILLED", "CloseOrder", "CLOSED"),
            ("ON_HOLD", "ReleaseOrder", "CONFIRMED"),
            ("ON_HOLD", "CancelOrder", "CANCELED"),
        ]);
    }

    /// R-CON-1
    async fn a_contract_accepts_in_each_state_what_its_life_cycle_says(db: TestDb) {
        use contract::{State, Verb};
        let house = House::open(db).await;
        let way = |state| match state {
            State::Draft => vec![],
            State::InApproval => vec![Verb::RequestContractApproval],
            State::Approved => vec![Verb::ApproveContract],
            State::Sent => vec![Verb::ApproveContract, Verb::SendContract],
            State::Signed => vec![Verb::ApproveContract, Verb::SendContract, Verb::SignContract],
            State::Canceled => vec![Verb::CancelContract],
        };
        let make = async || {
            let contract = pb::Contract { opportunity: opportunity(), ..Default::default() };
            let made = ask!(house.contracts(), create_contract, CreateContractRequest { contract: Some(contract) });
            made.expect("drafted").name
        };
        check(&walk!(house, State, make(), way, contract_verb), &[
            ("DRAFT", "RequestContractApproval", "IN_APPROVAL"),
            ("DRAFT", "ApproveContract", "APPROVED"),
            ("DRAFT", "CancelContract", "CANCELED"),
            ("IN_APPROVAL", "CancelContract", "CANCELED"),
            ("APPROVED", "SendContract", "SENT"),
            ("APPROVED", "CancelContract", "CANCELED"),
            ("SENT", "SignContract", "SIGNED"),
            ("SENT", "CancelContract", "CANCELED"),
        ]);
    }

    /// R-INV-1
    async fn an_invoice_accepts_in_each_state_what_its_life_cycle_says(db: TestDb) {
        use invoice::{State, Verb};
        let house = House::open(db).await;
        let way = |state| match state {
            State::Draft => vec![],
            State::Posted => vec![Verb::PostInvoice],
            State::Void => vec![Verb::VoidInvoice],
        };
        let order = house.delivered(crate::house::order(&opportunity())).await.name;
        let make = async || house.bill(&order, &[("1", "0.1")]).await.expect("drafted").name;
        check(&walk!(house, State, make(), way, invoice_verb), &[
            ("DRAFT", "PostInvoice", "POSTED"),
            ("DRAFT", "VoidInvoice", "VOID"),
        ]);
    }

    /// R-INV-1
    async fn a_credit_note_accepts_in_each_state_what_its_life_cycle_says(db: TestDb) {
        use credit_note::{State, Verb};
        let house = House::open(db).await;
        let way = |state| match state {
            State::Draft => vec![],
            State::Posted => vec![Verb::PostCreditNote],
            State::Void => vec![Verb::VoidCreditNote],
        };
        let order = house.delivered(crate::house::order(&opportunity())).await.name;
        let invoice = house.bill(&order, &[]).await.expect("drafted").name;
        house.post(&invoice).await.expect("posted");
        let make = async || house.credit(&invoice, &[("1", "0.1")]).await.expect("drafted").name;
        check(&walk!(house, State, make(), way, credit_note_verb), &[
            ("DRAFT", "PostCreditNote", "POSTED"),
            ("DRAFT", "VoidCreditNote", "VOID"),
        ]);
    }

    /// R-INV-1
    async fn a_payment_accepts_in_each_state_what_its_life_cycle_says(db: TestDb) {
        use payment::{State, Verb};
        let house = House::open(db).await;
        let way = |state| match state {
            State::Received => vec![],
            State::Allocated => vec![Verb::AllocatePayment],
            State::Reconciled => vec![Verb::AllocatePayment, Verb::ReconcilePayment],
            State::Reversed => vec![Verb::ReversePayment],
        };
        let make = async || {
            let payment = pb::Payment {
                source: "bank".to_owned(),
                external_reference: dealflow_testbed::id(),
                amount: Some(crate::house::eur("1")),
                ..Default::default()
            };
            house.pay(payment).await.expect("it came in").name
        };
        check(&walk!(house, State, make(), way, payment_verb), &[
            ("RECEIVED", "AllocatePayment", "ALLOCATED"),
            ("RECEIVED", "ReversePayment", "REVERSED"),
            ("ALLOCATED", "ReconcilePayment", "RECONCILED"),
            ("ALLOCATED", "ReversePayment", "REVERSED"),
        ]);
    }
}
