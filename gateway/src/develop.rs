//! Develop: what the customer needs, what it may be worth, when it may be decided (R-OPP-1).

use dealflow_proto::gateway::v1::{DealProgress, DevelopDealRequest};
use dealflow_proto::opportunities::v1::{Opportunity, UpdateOpportunityRequest};
use prost_types::FieldMask;

use crate::flow::{Run, Stop};

/// Takes over what is said, and keeps what is not. One step: it needs no flow.
pub(crate) async fn develop_deal(run: Run, ask: DevelopDealRequest) -> Result<DealProgress, Stop> {
    run.step("develop", update(ask)).await?;
    Ok(run.progress())
}

fn update(ask: DevelopDealRequest) -> UpdateOpportunityRequest {
    let said = [
        ("bant", ask.bant.is_some()),
        ("lines", !ask.lines.is_empty()),
        // New lines without a value: the value is their sum again, whatever it was before.
        ("estimated_value", ask.estimated_value.is_some() || !ask.lines.is_empty()),
        ("estimated_close_date", ask.estimated_close_date.is_some()),
        ("tactics", !ask.tactics.is_empty()),
        ("competitor", !ask.competitor.is_empty()),
        ("presentation_date", ask.presentation_date.is_some()),
        ("terms_of_sale", !ask.terms_of_sale.is_empty()),
        ("revenue_expectation", ask.revenue_expectation.is_some()),
        ("channel", !ask.channel.is_empty()),
        ("campaign", !ask.campaign.is_empty()),
        ("proposal_handover_date", ask.proposal_handover_date.is_some()),
        ("decision_maker", !ask.decision_maker.is_empty()),
        ("probability", ask.probability.is_some()),
    ];
    let paths = said.into_iter().filter(|(_, said)| *said).map(|(path, _)| path.to_owned()).collect();
    UpdateOpportunityRequest {
        opportunity: Some(Opportunity {
            name: ask.opportunity,
            bant: ask.bant,
            lines: ask.lines,
            estimated_value: ask.estimated_value,
            estimated_close_date: ask.estimated_close_date,
            tactics: ask.tactics,
            competitor: ask.competitor,
            presentation_date: ask.presentation_date,
            terms_of_sale: ask.terms_of_sale,
            revenue_expectation: ask.revenue_expectation,
            channel: ask.channel,
            campaign: ask.campaign,
            proposal_handover_date: ask.proposal_handover_date,
            decision_maker: ask.decision_maker,
            probability: ask.probability,
            ..Opportunity::default()
        }),
        etag: ask.etag,
        update_mask: Some(FieldMask { paths }),
        ..UpdateOpportunityRequest::default()
    }
}
