//! What follows when the customer took a quote in its service: as from our own verb, the deal is won with the order, unless
//! its process has work before the win still, or does not let it be won; then it stays open (R-QUO-4, R-FLW-2).

use dealflow_proto::opportunities::v1::{GetOpportunityRequest, WinOpportunityRequest, opportunity};
use dealflow_proto::orders::v1::{Quote, order};
use tonic::Code;

use crate::close::{has_work_before_win, winning, won, worth};
use crate::flow::{Run, Stop};
use crate::fulfill::submit;

/// That a deal is not won by its accepted quote, for all runs.
const STAYS_OPEN: &str = "stays open";

/// Wins the deal that is reserved for the quote's order, where it may be won, and submits the order.
pub(crate) async fn accepted_directly(run: &Run, quote: &Quote) -> Result<(), Stop> {
    if let Some(win) = may_win(run, quote).await?
        // Whoever closed it first does what follows.
        && let Some(deal) = run.settle("win", win).await?
    {
        return won(run, &deal, Some((&quote.order, order::State::Draft))).await;
    }
    submit(run, &quote.order, order::State::Draft).await.map(drop)
}

/// The win that follows from an accepted quote; none where the deal stays as it is.
async fn may_win(run: &Run, quote: &Quote) -> Result<Option<WinOpportunityRequest>, Stop> {
    if quote.opportunity.is_empty() || run.has_noted(STAYS_OPEN) {
        return Ok(None);
    }
    let deal = match run.read("deal", GetOpportunityRequest { name: quote.opportunity.clone() }).await {
        // A deal that is kept elsewhere.
        Err(Stop::Refused(refused)) if refused.status.code() == Code::NotFound => return Ok(None),
        deal => deal?,
    };
    if deal.state() != opportunity::State::Open || has_work_before_win(run, &deal).await? {
        return Ok(None);
    }
    let win = WinOpportunityRequest { actual_value: worth(quote), ..winning(&deal.name) };
    let asked = WinOpportunityRequest { assume_accepted_quote: true, ..win.clone() };
    match run.check("may win", asked).await {
        Err(Stop::Refused(refused)) => {
            tracing::info!(deal = deal.name, told = refused.status.message(), "the deal stays open, and is ordered");
            run.note(STAYS_OPEN).await?;
            Ok(None)
        }
        asked => asked.map(|()| Some(win)),
    }
}
