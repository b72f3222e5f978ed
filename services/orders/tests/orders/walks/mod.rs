//! Every verb in every state of the four nouns, against the tables of states.md written here once more.

mod verbs;

use dealflow_chassis::Lifecycle;
use dealflow_orders::{contract, credit_note, invoice, order, payment, quote};
use dealflow_proto::orders::v1 as pb;
use dealflow_testbed::{TestDb, both, refusal};
use tonic::Status;

use crate::house::{House, ask, opportunity};
use verbs::{contract_verb, credit_note_verb, invoice_verb, order_verb, payment_verb, quote_verb};

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
            ("APPROVED", "RequestQuoteApproval", "APPROVED"),
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
            ("DRAFT", "UpdateOrder", "DRAFT"),
            ("DRAFT", "ConfirmOrder", "CONFIRMED"),
            ("DRAFT", "CancelOrder", "CANCELED"),
            ("CONFIRMED", "UpdateOrder", "CONFIRMED"),
            ("CONFIRMED", "SubmitOrder", "SUBMITTED"),
            ("CONFIRMED", "HoldOrder", "ON_HOLD"),
            ("CONFIRMED", "CancelOrder", "CANCELED"),
            ("SUBMITTED", "UpdateOrder", "SUBMITTED"),
            ("SUBMITTED", "RejectOrder", "CONFIRMED"),
            ("SUBMITTED", "FulfillOrder", "IN_FULFILLMENT"),
            ("SUBMITTED", "HoldOrder", "ON_HOLD"),
            ("SUBMITTED", "CancelOrder", "CANCELED"),
            ("IN_FULFILLMENT", "UpdateOrder", "IN_FULFILLMENT"),
            ("IN_FULFILLMENT", "FulfillOrder", "FULFILLED"),
            ("IN_FULFILLMENT", "CreateInvoice", "IN_FULFILLMENT"),
            ("IN_FULFILLMENT", "HoldOrder", "ON_HOLD"),
            ("FULFILLED", "UpdateOrder", "FULFILLED"),
            ("FULFILLED", "CreateInvoice", "FULFILLED"),
            ("FULFILLED", "CloseOrder", "CLOSED"),
            ("ON_HOLD", "UpdateOrder", "ON_HOLD"),
            ("ON_HOLD", "ReleaseOrder", "CONFIRMED"),
            ("ON_HOLD", "CancelOrder", "CANCELED"),
            // What was taken back since.
            ("CLOSED", "CreateInvoice", "CLOSED"),
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
            State::Negotiation => vec![Verb::ApproveContract, Verb::SendContract, Verb::RecordContractComments],
            State::Signed => vec![Verb::ApproveContract, Verb::SendContract, Verb::SignContract],
            State::Active | State::Expired => {
                if state == State::Expired {
                    house.time.advance(chrono::TimeDelta::days(1));
                }
                vec![Verb::ApproveContract, Verb::SendContract, Verb::SignContract, Verb::ActivateContract]
            }
            State::Terminated => vec![
                Verb::ApproveContract, Verb::SendContract, Verb::SignContract, Verb::ActivateContract,
                Verb::TerminateContract,
            ],
            State::Canceled => vec![Verb::CancelContract],
        };
        let make = async || {
            let end_date = Some(dealflow_proto::convert::date(house.time.now().date_naive()));
            let contract = pb::Contract { opportunity: opportunity(), end_date, ..Default::default() };
            let made = ask!(house.contracts(), create_contract, CreateContractRequest { contract: Some(contract) });
            made.expect("drafted").name
        };
        check(&walk!(house, State, make(), way, contract_verb), &[
            ("DRAFT", "UpdateContract", "DRAFT"),
            ("DRAFT", "RequestContractApproval", "IN_APPROVAL"),
            ("DRAFT", "ApproveContract", "APPROVED"),
            ("DRAFT", "CancelContract", "CANCELED"),
            ("IN_APPROVAL", "UpdateContract", "DRAFT"),
            ("IN_APPROVAL", "CancelContract", "CANCELED"),
            ("APPROVED", "UpdateContract", "DRAFT"),
            // A policy came.
            ("APPROVED", "RequestContractApproval", "IN_APPROVAL"),
            ("APPROVED", "SendContract", "SENT"),
            ("APPROVED", "CancelContract", "CANCELED"),
            ("SENT", "RecordContractReceipt", "SENT"),
            ("SENT", "RecordContractComments", "NEGOTIATION"),
            ("SENT", "SignContract", "SIGNED"),
            ("SENT", "CancelContract", "CANCELED"),
            ("NEGOTIATION", "RecordContractReceipt", "NEGOTIATION"),
            ("NEGOTIATION", "RecordContractComments", "NEGOTIATION"),
            ("NEGOTIATION", "SignContract", "SIGNED"),
            ("NEGOTIATION", "CancelContract", "CANCELED"),
            ("SIGNED", "ActivateContract", "ACTIVE"),
            ("SIGNED", "AmendContract", "SIGNED"),
            ("ACTIVE", "TerminateContract", "TERMINATED"),
            ("ACTIVE", "AmendContract", "ACTIVE"),
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
            ("POSTED", "VoidInvoice", "VOID"),
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
            ("POSTED", "VoidCreditNote", "VOID"),
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
