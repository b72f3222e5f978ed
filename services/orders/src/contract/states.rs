//! How far a contract can be, and what each state accepts (states.md).

use std::fmt;

use dealflow_chassis::Lifecycle;
use sea_orm::entity::prelude::*;

/// How far the contract is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Being written.
    Draft,
    /// Somebody has yet to agree.
    InApproval,
    /// Approved inside the company.
    Approved,
    /// With the customer.
    Sent,
    /// The customer has commented.
    Negotiation,
    /// Signed by both sides; the signature does not change any more.
    Signed,
    /// In force.
    Active,
    /// Its last day has passed; final.
    Expired,
    /// Ended before that; final.
    Terminated,
    /// Given up before it was signed; final.
    Canceled,
}

/// Whether the customer has what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Receipt {
    /// On its way.
    Sent,
    /// It arrived.
    Received,
    /// The customer reads it.
    InReview,
    /// It did not arrive.
    NotReceived,
}

/// What can be done with a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Change it; what was approved is so no more.
    UpdateContract,
    /// Ask who must agree.
    RequestContractApproval,
    /// Approve it inside the company, where no policy asks.
    ApproveContract,
    /// Send it to the customer.
    SendContract,
    /// Tell whether the customer has it.
    RecordContractReceipt,
    /// Tell what the customer says.
    RecordContractComments,
    /// Both sides sign.
    SignContract,
    /// It comes into force.
    ActivateContract,
    /// It ends before its time.
    TerminateContract,
    /// Draft a change of what is signed.
    AmendContract,
    /// Give it up.
    CancelContract,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_value())
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Lifecycle for State {
    type Verb = Verb;
    const NOUN: &'static str = "contract";
    const STATES: &'static [Self] = &[
        Self::Draft,
        Self::InApproval,
        Self::Approved,
        Self::Sent,
        Self::Negotiation,
        Self::Signed,
        Self::Active,
        Self::Expired,
        Self::Terminated,
        Self::Canceled,
    ];
    const VERBS: &'static [Verb] = &[
        Verb::UpdateContract,
        Verb::RequestContractApproval,
        Verb::ApproveContract,
        Verb::SendContract,
        Verb::RecordContractReceipt,
        Verb::RecordContractComments,
        Verb::SignContract,
        Verb::ActivateContract,
        Verb::TerminateContract,
        Verb::AmendContract,
        Verb::CancelContract,
    ];

    fn next(self, verb: Verb) -> Option<Self> {
        use State::{Active, Approved, Canceled, Draft, InApproval, Negotiation, Sent, Signed, Terminated};
        match (self, verb) {
            // Where nothing changes, what was approved or asked for stays.
            (Draft | InApproval | Approved, Verb::UpdateContract) => Some(Draft),
            // APPROVED at once where no policy asks; so it stays, unless nobody was asked and a policy came, or its quote is
            // not what was agreed to.
            (Draft | Approved, Verb::RequestContractApproval) => Some(InApproval),
            (Draft, Verb::ApproveContract) => Some(Approved),
            (Approved, Verb::SendContract) => Some(Sent),
            (Sent, Verb::RecordContractReceipt) => Some(Sent),
            (Negotiation, Verb::RecordContractReceipt) => Some(Negotiation),
            // DRAFT instead, where the terms change.
            (Sent | Negotiation, Verb::RecordContractComments) => Some(Negotiation),
            (Sent | Negotiation, Verb::SignContract) => Some(Signed),
            (Signed, Verb::ActivateContract) => Some(Active),
            (Active, Verb::TerminateContract) => Some(Terminated),
            // The amendment is a contract of its own.
            (Signed, Verb::AmendContract) => Some(Signed),
            (Active, Verb::AmendContract) => Some(Active),
            (Draft | InApproval | Approved | Sent | Negotiation, Verb::CancelContract) => Some(Canceled),
            _ => None,
        }
    }
}
