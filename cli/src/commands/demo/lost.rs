//! The third deal: lost, with reason and comment; and a fourth that stays open, so that the pipeline has something.

use anyhow::Context as _;
use dealflow_proto::gateway::v1::LoseDealRequest;
use dealflow_proto::leads::v1::lead;
use dealflow_proto::opportunities::v1::opportunity::LoseReason;
use dealflow_proto::orders::v1::quote;

use super::play::{Play, Visitor};
use crate::api::new_id;
use crate::show::word;

/// Plays the deal; answers its opportunity.
pub(super) async fn tell(play: &mut Play<'_>) -> anyhow::Result<String> {
    play.tale.chapter("Third deal: lost");
    let visitor = Visitor {
        title: "Handbooks for the training centre",
        company: "Corvane Academy",
        given_name: "Lea",
        family_name: "Fontane",
        source: lead::Source::Email,
    };
    let name = play.open(&visitor).await?;
    play.develop(&name, [0, 400]).await?;
    play.move_to(&name, "stages/proposal", "a price is all that is asked for").await?;
    play.propose(&name, "0").await?;
    let ask = LoseDealRequest {
        opportunity: name.clone(),
        reason: LoseReason::Price.into(),
        comment: "a printer around the corner does it for half".to_owned(),
        competitor: "Corner Print".to_owned(),
        request_id: new_id(),
        ..LoseDealRequest::default()
    };
    let progress = play.api.deals.clone().lose_deal(play.api.ask(ask)).await?.into_inner();
    let lost = progress.opportunity.context("LoseDeal answered no opportunity")?;
    let reason = word(lost.lose_reason().as_str_name(), "LOSE_REASON_");
    play.tale.say(format!("Lost: {reason}, {}.", lost.lose_comment));
    play.tale.check("the third deal", "LOST", word(lost.state().as_str_name(), "STATE_"));
    play.tale.check("the third deal's reason", "PRICE", reason);

    let deal = play.deal(&name).await?;
    let closed = |it: &&dealflow_proto::orders::v1::Quote| it.close_reason() == quote::CloseReason::Lost;
    play.tale.check("the third deal's quotes closed as LOST", 1, deal.quotes.iter().filter(closed).count());
    play.tale.check("activities that still wait in the third deal", 0, deal.action_panel.len());
    play.tale.check("documents of the third deal in the ERP", 0, deal.handoffs.len());
    Ok(name)
}

/// A lead that has just been qualified.
pub(super) async fn leave_one_open(play: &mut Play<'_>) -> anyhow::Result<String> {
    play.tale.chapter("And one that has only begun");
    let visitor = Visitor {
        title: "Second Analyzer, next year's budget",
        company: "Aldermoor Field Services",
        given_name: "Jon",
        family_name: "Aske",
        source: lead::Source::ExternalReferral,
    };
    let name = play.open(&visitor).await?;
    play.develop(&name, [1, 0]).await?;
    Ok(name)
}
