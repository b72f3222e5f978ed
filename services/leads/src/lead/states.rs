//! A lead's states and stages, and what each state accepts.

use std::fmt;

use dealflow_chassis::Lifecycle;
use sea_orm::ActiveEnum;
use sea_orm::entity::prelude::*;

/// Whether the lead is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum State {
    /// Captured, nobody spoke with it yet.
    #[sea_orm(string_value = "NEW")]
    New,
    /// Somebody spoke with it.
    #[sea_orm(string_value = "CONTACTED")]
    Contacted,
    /// Became an account, a contact, an opportunity; read-only.
    #[sea_orm(string_value = "QUALIFIED")]
    Qualified,
    /// Set aside with a reason.
    #[sea_orm(string_value = "DISQUALIFIED")]
    Disqualified,
}

/// How far the lead is on its way to a sale (R-LED-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Stage {
    /// Need and purchasing power are being found out.
    #[sea_orm(string_value = "QUALIFICATION")]
    Qualification,
    /// An owner is being found.
    #[sea_orm(string_value = "DISTRIBUTION")]
    Distribution,
    /// The owner takes it over.
    #[sea_orm(string_value = "HANDOFF_TO_SALES")]
    HandoffToSales,
    /// An opportunity is open or about to be.
    #[sea_orm(string_value = "AWAITING_SALE")]
    AwaitingSale,
    /// The opportunity was won.
    #[sea_orm(string_value = "SATISFIED")]
    Satisfied,
}

/// What may be done with a lead; named as the RPCs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Change what is known.
    UpdateLead,
    /// Somebody spoke with it.
    ContactLead,
    /// Make or link account and contact.
    QualifyLead,
    /// Set it aside.
    DisqualifyLead,
    /// Take it up again.
    ReactivateLead,
    /// Note its opportunity.
    LinkOpportunity,
    /// Its opportunity was won.
    SatisfyLead,
    /// Move it on its way to a sale, or back.
    MoveLeadToStage,
    /// Find it an owner.
    DistributeLeads,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_value())
    }
}

impl fmt::Display for Stage {
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
    const NOUN: &'static str = "lead";
    const STATES: &'static [Self] = &[Self::New, Self::Contacted, Self::Qualified, Self::Disqualified];
    const VERBS: &'static [Verb] = &[
        Verb::UpdateLead,
        Verb::ContactLead,
        Verb::QualifyLead,
        Verb::DisqualifyLead,
        Verb::ReactivateLead,
        Verb::LinkOpportunity,
        Verb::SatisfyLead,
        Verb::MoveLeadToStage,
        Verb::DistributeLeads,
    ];

    fn next(self, verb: Verb) -> Option<Self> {
        match (self, verb) {
            (Self::New | Self::Contacted, Verb::UpdateLead | Verb::DistributeLeads) => Some(self),
            // To AWAITING_SALE it goes by way of QualifyLead, whose state it then has.
            (Self::New | Self::Contacted, Verb::MoveLeadToStage) => Some(self),
            (Self::New, Verb::ContactLead) => Some(Self::Contacted),
            (Self::New | Self::Contacted, Verb::QualifyLead) => Some(Self::Qualified),
            (Self::New | Self::Contacted, Verb::DisqualifyLead) => Some(Self::Disqualified),
            (Self::Disqualified, Verb::ReactivateLead) => Some(Self::New),
            (Self::Qualified, Verb::LinkOpportunity | Verb::SatisfyLead) => Some(Self::Qualified),
            _ => None,
        }
    }
}
