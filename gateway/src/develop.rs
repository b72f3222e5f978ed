//! Develop: what the customer needs, what it may be worth, when it may be decided (R-OPP-1).

use dealflow_proto::gateway::v1::{DealProgress, DevelopDealRequest};
use dealflow_proto::google::type_::Money;
use dealflow_proto::opportunities::v1::{Opportunity, UpdateOpportunityRequest};
use dealflow_proto::orders::v1::{CreateQuoteRequest, Quote};
use dealflow_proto::types::v1::Line;
use prost_types::FieldMask;

use crate::advance::sync_activities;
use crate::deal::{currency_of, open_opportunity, taxed};
use crate::flow::{Run, Stop};

/// Takes over what is said, and keeps what is not. Lines are asked of `orders` first: a need that nothing can be ordered
/// for is refused here, where it can be mended, and not when the deal is won. A product without a price gets its own.
pub(crate) async fn develop_deal(run: Run, mut ask: DevelopDealRequest) -> Result<DealProgress, Stop> {
    if !ask.lines.is_empty() {
        let deal = open_opportunity(&run, &ask.opportunity, &ask.etag, "DevelopDeal").await?;
        ask.lines = orderable(&run, &deal, ask.lines).await?;
    }
    let is_given = !ask.owner.is_empty();
    let deal = run.step("develop", update(ask)).await?;
    if is_given {
        sync_activities(&run, &deal).await?;
    }
    Ok(run.progress())
}

/// Without lines, and without an owner whose activities there may be, it is one step of one service.
pub(crate) fn is_one_step(ask: &DevelopDealRequest) -> bool {
    ask.lines.is_empty() && ask.owner.is_empty()
}

/// The lines with the prices of their products. What has no price yet and is no product counts nothing until somebody
/// prices it; it is asked for at a price of zero.
async fn orderable(run: &Run, deal: &Opportunity, mut lines: Vec<Line>) -> Result<Vec<Line>, Stop> {
    let currency_code = currency_of(run, deal).await?;
    let mut asked = taxed(&lines, &run.settings().line_vat);
    for line in asked.iter_mut().filter(|line| line.product.is_empty()) {
        line.unit_price.get_or_insert_with(|| Money { currency_code: currency_code.clone(), ..Money::default() });
    }
    let quote = Quote { opportunity: deal.name.clone(), currency_code, lines: asked, ..Quote::default() };
    let offer = CreateQuoteRequest { quote: Some(quote), ..CreateQuoteRequest::default() };
    let offered = run.foresee("may offer", offer).await?;
    for (line, offered) in lines.iter_mut().zip(offered.lines).filter(|(line, _)| !line.product.is_empty()) {
        line.unit_price = line.unit_price.take().or(offered.unit_price);
    }
    Ok(lines)
}

fn update(ask: DevelopDealRequest) -> UpdateOpportunityRequest {
    let priced = ask.lines.iter().any(|line| line.unit_price.is_some());
    let said = [
        ("bant", ask.bant.is_some()),
        ("lines", !ask.lines.is_empty()),
        // New lines without a value: the value is their sum again, whatever it was before. Lines of which none has a
        // price say nothing of it.
        ("estimated_value", ask.estimated_value.is_some() || priced),
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
        ("account", !ask.account.is_empty()),
        ("contact", !ask.contact.is_empty()),
        ("owner", !ask.owner.is_empty()),
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
            account: ask.account,
            contact: ask.contact,
            owner: ask.owner,
            ..Opportunity::default()
        }),
        etag: ask.etag,
        update_mask: Some(FieldMask { paths }),
        ..UpdateOpportunityRequest::default()
    }
}
