//! The fields that a stage may ask for: what the guidance calls missing, and what a gate waits for (R-PRC-4, R-STG-2).

use super::Model;

/// The fields of an opportunity that a process can ask for: name, path on the wire, and when it is missing.
macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident = $path:literal, $opportunity:ident => $missing:expr;)+) => {
        /// A field of an opportunity that a process can ask for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Field {
            $($(#[$doc])* $field),+
        }

        impl Field {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$field),+];

            /// The path of the field on the wire.
            pub fn path(self) -> &'static str {
                match self {
                    $(Self::$field => $path),+
                }
            }

            /// Whether an opportunity does not say it.
            pub fn is_missing(self, opportunity: &Model) -> bool {
                match self {
                    $(Self::$field => { let $opportunity = opportunity; $missing })+
                }
            }
        }
    };
}

fields! {
    /// The account that buys.
    Account = "account", it => it.account.is_none();
    /// The contact to talk to.
    Contact = "contact", it => it.contact.is_none();
    /// The employee who owns it.
    Owner = "owner", it => it.owner.is_none();
    /// How much the solution is needed.
    Need = "bant.need", it => it.bant.need.is_empty();
    /// Whether money is set aside.
    BudgetStatus = "bant.budget_status", it => it.bant.budget_status.is_empty();
    /// Who takes part in the decision.
    PurchaseProcess = "bant.purchase_process", it => it.bant.purchase_process.is_empty();
    /// The contact who decides.
    DecisionMaker = "bant.decision_maker", it => it.bant.decision_maker.is_none();
    /// When the decision is due.
    DecisionDate = "bant.decision_date", it => it.bant.decision_date.is_none();
    /// The day of the presentation.
    PresentationDate = "presentation_date", it => it.presentation_date.is_none();
    /// What the customer asks for.
    Lines = "lines", it => it.lines.0.is_empty();
    /// What it may be worth.
    EstimatedValue = "estimated_value", it => it.estimated_value.is_none();
    /// When it may be decided.
    EstimatedCloseDate = "estimated_close_date", it => it.estimated_close_date.is_none();
    /// On which terms it is to be sold.
    TermsOfSale = "terms_of_sale", it => it.terms_of_sale.is_empty();
    /// The revenue that it is expected to bring.
    RevenueExpectation = "revenue_expectation", it => it.revenue_expectation.is_none();
    /// How likely it is won, as somebody judged; the stage's own probability does not answer it.
    Probability = "probability", it => it.probability.is_none();
    /// The channel that it came by.
    Channel = "channel", it => it.channel.is_empty();
    /// The campaign that brought it.
    Campaign = "campaign", it => it.campaign.is_empty();
    /// The day on which the proposal is to be handed over.
    ProposalHandoverDate = "proposal_handover_date", it => it.proposal_handover_date.is_none();
    /// How the sale is to be won.
    Tactics = "tactics", it => it.tactics.is_empty();
}

impl Field {
    /// What every sale wants to know, also where no process leads it.
    pub const BASIC: &'static [Self] =
        &[Self::Account, Self::Owner, Self::Need, Self::Lines, Self::EstimatedValue, Self::EstimatedCloseDate];
}
