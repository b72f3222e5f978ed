//! The fields that a stage may ask for: what the guidance calls missing, and what a gate waits for (R-PRC-4, R-STG-2).

use serde::Deserialize;

use super::Model;

/// A field of an opportunity that a process can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Field {
    /// The account that buys.
    #[serde(rename = "account")]
    Account,
    /// The contact to talk to.
    #[serde(rename = "contact")]
    Contact,
    /// The employee who owns it.
    #[serde(rename = "owner")]
    Owner,
    /// How much the solution is needed.
    #[serde(rename = "bant.need")]
    Need,
    /// Whether money is set aside.
    #[serde(rename = "bant.budget_status")]
    BudgetStatus,
    /// The contact who decides.
    #[serde(rename = "bant.decision_maker")]
    DecisionMaker,
    /// When the decision is due.
    #[serde(rename = "bant.decision_date")]
    DecisionDate,
    /// The day of the presentation.
    #[serde(rename = "presentation_date")]
    PresentationDate,
    /// What the customer asks for.
    #[serde(rename = "lines")]
    Lines,
    /// What it may be worth.
    #[serde(rename = "estimated_value")]
    EstimatedValue,
    /// When it may be decided.
    #[serde(rename = "estimated_close_date")]
    EstimatedCloseDate,
    /// On which terms it is to be sold.
    #[serde(rename = "terms_of_sale")]
    TermsOfSale,
    /// The revenue that it is expected to bring.
    #[serde(rename = "revenue_expectation")]
    RevenueExpectation,
    /// How likely it is won, as somebody judged; the stage's own probability does not answer it.
    #[serde(rename = "probability")]
    Probability,
    /// The channel that it came by.
    #[serde(rename = "channel")]
    Channel,
    /// The campaign that brought it.
    #[serde(rename = "campaign")]
    Campaign,
    /// The day on which the proposal is to be handed over.
    #[serde(rename = "proposal_handover_date")]
    ProposalHandoverDate,
    /// How the sale is to be won.
    #[serde(rename = "tactics")]
    Tactics,
}

impl Field {
    /// What every sale wants to know, also where no process leads it.
    pub const BASIC: &'static [Self] =
        &[Self::Account, Self::Owner, Self::Need, Self::Lines, Self::EstimatedValue, Self::EstimatedCloseDate];

    /// The path of the field on the wire.
    pub fn path(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Contact => "contact",
            Self::Owner => "owner",
            Self::Need => "bant.need",
            Self::BudgetStatus => "bant.budget_status",
            Self::DecisionMaker => "bant.decision_maker",
            Self::DecisionDate => "bant.decision_date",
            Self::PresentationDate => "presentation_date",
            Self::Lines => "lines",
            Self::EstimatedValue => "estimated_value",
            Self::EstimatedCloseDate => "estimated_close_date",
            Self::TermsOfSale => "terms_of_sale",
            Self::RevenueExpectation => "revenue_expectation",
            Self::Probability => "probability",
            Self::Channel => "channel",
            Self::Campaign => "campaign",
            Self::ProposalHandoverDate => "proposal_handover_date",
            Self::Tactics => "tactics",
        }
    }

    /// Whether an opportunity does not say it.
    pub fn is_missing(self, opportunity: &Model) -> bool {
        match self {
            Self::Account => opportunity.account.is_none(),
            Self::Contact => opportunity.contact.is_none(),
            Self::Owner => opportunity.owner.is_none(),
            Self::Need => opportunity.bant.need.is_empty(),
            Self::BudgetStatus => opportunity.bant.budget_status.is_empty(),
            Self::DecisionMaker => opportunity.bant.decision_maker.is_none(),
            Self::DecisionDate => opportunity.bant.decision_date.is_none(),
            Self::PresentationDate => opportunity.presentation_date.is_none(),
            Self::Lines => opportunity.lines.0.is_empty(),
            Self::EstimatedValue => opportunity.estimated_value.is_none(),
            Self::EstimatedCloseDate => opportunity.estimated_close_date.is_none(),
            Self::TermsOfSale => opportunity.terms_of_sale.is_empty(),
            Self::RevenueExpectation => opportunity.revenue_expectation.is_none(),
            Self::Probability => opportunity.probability.is_none(),
            Self::Channel => opportunity.channel.is_empty(),
            Self::Campaign => opportunity.campaign.is_empty(),
            Self::ProposalHandoverDate => opportunity.proposal_handover_date.is_none(),
            Self::Tactics => opportunity.tactics.is_empty(),
        }
    }
}
