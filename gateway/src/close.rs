//! Close: the customer takes a quote, the deal is won or lost, and everything that hangs on it ends with it
//! (R-OPP-2, R-OPP-5, R-QUO-4).

use dealflow_chassis::Refusal;
use dealflow_proto::gateway::v1::{self as gateway, DealProgress};
use dealflow_proto::google::type_::Money;
use dealflow_proto::leads::v1::SatisfyLeadRequest;
use dealflow_proto::names;
use dealflow_proto::opportunities::v1::{
    GetOpportunityRequest, GetProcessRequest, LoseOpportunityRequest, Opportunity, ReserveOpportunityRequest,
    WinOpportunityRequest, opportunity, process_run,
};
use dealflow_proto::orders::v1::{
    AcceptQuoteRequest, CloseOpportunityQuotesRequest, CreateOrderRequest, Order, Quote, order, quote,
};

use crate::advance::{make_customer, sync_activities};
use crate::aftercare::follow_up;
use crate::deal::{
    currency_of, has_customer, is_closed, lines_of, open_opportunity, opportunity, order as order_of, quotes,
    refuse_closed,
};
use crate::flow::{Run, Stop};
use crate::fulfill::{buyer, submit};
use crate::gates::tell_quotes;
use crate::notify::notify_closed;
use crate::reserve;
use crate::settings::{OPEN_QUOTES_AT_WIN, REFUSE};

/// The customer takes a quote: the deal is reserved for its order, which is made and submitted. The deal is won with it,
/// unless its process has work before the win still, such as the contract; then the win comes by the process (R-QUO-4).
pub(crate) async fn accept_quote(run: Run, ask: gateway::AcceptQuoteRequest) -> Result<DealProgress, Stop> {
    let (opportunity, quotes) = tokio::try_join!(
        open_opportunity(&run, &ask.opportunity, &ask.etag, "AcceptQuote"),
        quotes(&run, &ask.opportunity),
    )?;
    let Some(quote) = chosen(&run, &ask.quote, &quotes)?.or_else(|| only_presented(&quotes)) else {
        return run.refuse("choose the quote", none_presented(&ask.opportunity));
    };
    let stays_open = has_work_before_win(&run, &opportunity).await?;
    has_customer(&run, &opportunity)?;
    buyer(&run, &quote.account).await?;
    let taking = Taking { customer_reference: &ask.customer_reference, to_win: !stays_open };
    let quote = take(&run, &ask.opportunity, &ask.etag, quote, &taking).await?;
    tell_quotes(&run, &opportunity, &[&quote]).await?;
    if stays_open {
        submit(&run, &quote.order, order::State::Draft).await?;
    } else {
        let win = WinOpportunityRequest { actual_value: worth(&quote), ..winning(&ask.opportunity) };
        let opportunity = win_ordered(&run, win).await?;
        won(&run, &opportunity, Some((&quote.order, order::State::Draft))).await?;
    }
    Ok(run.progress())
}

/// Wins a deal, with the quote that the customer takes or without one.
pub(crate) async fn win_deal(run: Run, ask: gateway::WinDealRequest) -> Result<DealProgress, Stop> {
    let (opportunity, quotes) = tokio::try_join!(
        open_opportunity(&run, &ask.opportunity, &ask.etag, "WinDeal"),
        quotes(&run, &ask.opportunity),
    )?;
    let win = WinOpportunityRequest {
        etag: ask.etag.clone(),
        actual_value: ask.actual_value.clone(),
        close_date: ask.close_date,
        spent_minutes: ask.spent_minutes,
        ..winning(&ask.opportunity)
    };
    let of_quote = |quote: &Quote| WinOpportunityRequest {
        actual_value: ask.actual_value.clone().or_else(|| worth(quote)),
        ..win.clone()
    };
    let standing = standing(&run, &ask.opportunity, &quotes).await?;
    let accepted = standing.as_ref().map(|(quote, _)| *quote);
    let taken = match chosen(&run, &ask.quote, &quotes)? {
        Some(quote) if is_accepted(quote) && accepted.is_none_or(|accepted| accepted.name != quote.name) => {
            return run.refuse("choose the quote", order_canceled(quote));
        }
        chosen => chosen.or(accepted).or_else(|| only_presented(&quotes)),
    };
    may_close_quotes(&run, &ask.opportunity, &quotes, taken).await?;
    match taken {
        Some(quote) if let Some((_, order)) = standing.filter(|(accepted, _)| accepted.name == quote.name) => {
            buyer(&run, &order.account).await?;
            tell_quotes(&run, &opportunity, &[quote]).await?;
            let opportunity = run.step("win", of_quote(quote)).await?;
            won(&run, &opportunity, Some((&order.name, order.state()))).await?;
        }
        Some(quote) => {
            has_customer(&run, &opportunity)?;
            buyer(&run, &quote.account).await?;
            // What the winner says of the win is asked first: the reservation changes the version that the caller saw. It
            // asks for the rest itself, the gates of the process with it.
            run.check("may win", WinOpportunityRequest { assume_accepted_quote: true, ..win.clone() }).await?;
            let taking = Taking { customer_reference: &ask.customer_reference, to_win: true };
            let quote = take(&run, &ask.opportunity, &ask.etag, quote, &taking).await?;
            tell_quotes(&run, &opportunity, &[&quote]).await?;
            let win = WinOpportunityRequest { etag: String::new(), ..of_quote(&quote) };
            let opportunity = win_ordered(&run, win).await?;
            won(&run, &opportunity, Some((&quote.order, order::State::Draft))).await?;
        }
        None => {
            // Where nothing else is known of what is sold, it is sold for what the winner says.
            let actual_value = ask.actual_value.clone();
            let sold = Opportunity { actual_value, ..opportunity.clone() };
            let order = may_order(&run, &sold, &ask.customer_reference).await?;
            // Where nobody said what it is worth, what is ordered says it (R-OPP-2).
            let of_order = order.filter(|_| opportunity.estimated_value.is_none()).and_then(|order| net(&order));
            let win = WinOpportunityRequest { actual_value: win.actual_value.clone().or(of_order), ..win.clone() };
            let opportunity = run.step("win", win).await?;
            won(&run, &opportunity, None).await?;
        }
    }
    Ok(run.progress())
}

/// Loses a deal; refused while an order stands.
pub(crate) async fn lose_deal(run: Run, ask: gateway::LoseDealRequest) -> Result<DealProgress, Stop> {
    if let Some(order) = order_of(&run, &ask.opportunity).await? {
        // A deal that is closed keeps its order: nothing needs to be canceled for what cannot be.
        let deal = opportunity(&run, &ask.opportunity, &ask.etag).await?;
        if deal.state() != opportunity::State::Open {
            return refuse_closed(&run, &deal, "LoseDeal").await;
        }
        let message =
            format!("{} is ordered: {} {} stands; cancel it first", ask.opportunity, order.name, order.number);
        return run.refuse("look for orders", Refusal::guard(message, &[(&order.name, "is not canceled")]));
    }
    let lose = LoseOpportunityRequest {
        name: ask.opportunity,
        etag: ask.etag,
        reason: ask.reason,
        comment: ask.comment,
        competitor: ask.competitor,
        close_date: ask.close_date,
        reason_code: ask.reason_code,
        ..LoseOpportunityRequest::default()
    };
    let opportunity = reserve::lose(&run, lose).await?;
    lost(&run, &opportunity).await?;
    Ok(run.progress())
}

/// Refuses a win while other quotes than the one that is taken are open, where the installation wants it so.
async fn may_close_quotes(run: &Run, deal: &str, quotes: &[Quote], taken: Option<&Quote>) -> Result<(), Stop> {
    let is_open = |quote: &&Quote| !matches!(quote.state(), quote::State::Closed | quote::State::Accepted);
    let is_taken = |quote: &Quote| taken.is_some_and(|taken| taken.name == quote.name);
    let open: Vec<&Quote> = quotes.iter().filter(is_open).filter(|quote| !is_taken(quote)).collect();
    if open.is_empty() || run.decided(&OPEN_QUOTES_AT_WIN).await? != REFUSE {
        return Ok(());
    }
    let numbers: Vec<&str> = open.iter().map(|quote| quote.number.as_str()).collect();
    let message = format!("{deal} has open quotes: {}; CloseQuote them first, then win it", numbers.join(", "));
    let missing: Vec<(&str, &str)> = open.iter().map(|quote| (quote.name.as_str(), "is open")).collect();
    run.refuse("look for open quotes", Refusal::guard(message, &missing))
}

/// As [`may_close_quotes`], where a result wins the deal and takes no quote.
pub(crate) async fn may_leave_quotes(run: &Run, deal: &str) -> Result<(), Stop> {
    if run.decided(&OPEN_QUOTES_AT_WIN).await? != REFUSE {
        return Ok(());
    }
    may_close_quotes(run, deal, &quotes(run, deal).await?, None).await
}

/// How a quote is taken.
struct Taking<'a> {
    /// The customer's own number.
    customer_reference: &'a str,
    /// Whether the deal is won with it at once.
    to_win: bool,
}

/// Takes a quote. Both can refuse, the opportunity and the quote: the deal is reserved for the order first, which nobody
/// but a deal that can be won lets happen, and is freed again if the quote cannot be taken (R-FLW-3).
async fn take(run: &Run, deal: &str, etag: &str, quote: &Quote, how: &Taking<'_>) -> Result<Quote, Stop> {
    let order = names::ORDERS.name(run.new_id("order"));
    let acceptance = AcceptQuoteRequest {
        name: quote.name.clone(),
        customer_reference: how.customer_reference.to_owned(),
        order: order.clone(),
        ..AcceptQuoteRequest::default()
    };
    if run.only_checks() || !looks_acceptable(quote) {
        run.check("may accept", acceptance.clone()).await?;
    }
    if quote.account.is_empty() {
        let message = format!("{} is made for no account; ReviseQuote it, and give it the one that buys", quote.name);
        return run.refuse("look for the customer", Refusal::guard(message, &[("quote.account", "is missing")]));
    }
    let reservation =
        ReserveOpportunityRequest { to_win: how.to_win, ..reserve::reservation(deal, &order, worth(quote)) };
    reserve::reserve(run, etag, reservation).await?;
    let undo = ("release", reserve::release(deal, &order));
    run.or_undo("taken", undo, run.step("accept", acceptance)).await
}

/// Whether nothing is known that speaks against taking it.
fn looks_acceptable(quote: &Quote) -> bool {
    matches!(quote.state(), quote::State::Active | quote::State::Presented) && !quote.expired
}

/// Wins a deal that is reserved for its order: it cannot have been lost, and whoever won it first won it with that.
async fn win_ordered(run: &Run, win: WinOpportunityRequest) -> Result<Opportunity, Stop> {
    let name = win.name.clone();
    if let Some(won) = run.settle("win", win).await? {
        return Ok(won);
    }
    let deal = run.read("won before", GetOpportunityRequest { name }).await?;
    if deal.state() == opportunity::State::Won {
        run.tell(&deal);
        return Ok(deal);
    }
    run.refuse("win", is_closed(&deal, "WinDeal"))
}

/// Asks whether what is sold can be ordered, while it can still be mended; answers the order as it would be. None where
/// nothing is sold; the order that stands, where one does.
pub(crate) async fn may_order(run: &Run, deal: &Opportunity, reference: &str) -> Result<Option<Order>, Stop> {
    let Some(order) = ordering(run, deal, reference).await? else { return Ok(None) };
    has_customer(run, deal)?;
    buyer(run, &deal.account).await?;
    run.foresee("may order", order).await.map(Some)
}

/// What follows a win: activities are canceled, follow-up activities made, those who answer for the deal are told, the
/// lead is satisfied, who bought is a customer (R-ACC-1), open quotes are closed, and the order, the one that stands or a
/// new one, goes to the ERP.
pub(crate) async fn won(run: &Run, deal: &Opportunity, order: Option<(&str, order::State)>) -> Result<(), Stop> {
    tokio::try_join!(
        sync_activities(run, deal),
        notify_closed(run, deal),
        satisfy_lead(run, deal),
        make_customer(run, deal),
        close_quotes(run, deal, quote::CloseReason::Canceled),
        follow_up(run, deal),
        async {
            match order {
                Some((name, state)) => submit(run, name, state).await.map(drop),
                None => order_and_submit(run, deal).await,
            }
        },
    )?;
    Ok(())
}

/// What follows a loss: activities are canceled, those who answer for the deal are told, quotes closed.
pub(crate) async fn lost(run: &Run, deal: &Opportunity) -> Result<(), Stop> {
    tokio::try_join!(
        sync_activities(run, deal),
        notify_closed(run, deal),
        close_quotes(run, deal, quote::CloseReason::Lost),
    )?;
    Ok(())
}

async fn satisfy_lead(run: &Run, deal: &Opportunity) -> Result<(), Stop> {
    if deal.lead.is_empty() {
        return Ok(());
    }
    run.settle("satisfy", SatisfyLeadRequest { name: deal.lead.clone(), ..Default::default() }).await.map(drop)
}

async fn close_quotes(run: &Run, deal: &Opportunity, reason: quote::CloseReason) -> Result<(), Stop> {
    let opportunity = deal.name.clone();
    let ask = CloseOpportunityQuotesRequest { opportunity, reason: reason.into(), ..Default::default() };
    run.step("close quotes", ask).await.map(drop)
}

/// A deal without lines and value has sold nothing that could be ordered.
async fn order_and_submit(run: &Run, deal: &Opportunity) -> Result<(), Stop> {
    let Some(order) = ordering(run, deal, "").await? else { return Ok(()) };
    let order = run.step("order", order).await?;
    submit(run, &order.name, order.state()).await.map(drop)
}

async fn ordering(run: &Run, deal: &Opportunity, customer_reference: &str) -> Result<Option<CreateOrderRequest>, Stop> {
    let lines = lines_of(deal, &run.settings().line_vat);
    if lines.is_empty() {
        return Ok(None);
    }
    let order = Order {
        opportunity: deal.name.clone(),
        account: deal.account.clone(),
        owner: deal.owner.clone(),
        currency_code: currency_of(run, deal).await?,
        lines,
        customer_reference: customer_reference.to_owned(),
        ..Order::default()
    };
    Ok(Some(CreateOrderRequest { order: Some(order), ..CreateOrderRequest::default() }))
}

pub(crate) fn winning(opportunity: &str) -> WinOpportunityRequest {
    WinOpportunityRequest { name: opportunity.to_owned(), ..WinOpportunityRequest::default() }
}

fn net(order: &Order) -> Option<Money> {
    order.totals.as_ref().and_then(|totals| totals.total_without_vat.clone())
}

/// What a deal is worth by its quote: the total without VAT (R-OPP-2).
pub(crate) fn worth(quote: &Quote) -> Option<Money> {
    quote.totals.as_ref().and_then(|totals| totals.total_without_vat.clone())
}

fn chosen<'a>(run: &Run, name: &str, quotes: &'a [Quote]) -> Result<Option<&'a Quote>, Stop> {
    if name.is_empty() {
        return Ok(None);
    }
    match quotes.iter().find(|quote| quote.name == name) {
        Some(quote) => Ok(Some(quote)),
        None => run.refuse("choose the quote", Refusal::missing(name)),
    }
}

/// The quote that the customer took, with the order that it became; none where that was canceled: then nothing is taken, and
/// the win makes another order (R-OPP-5).
async fn standing<'a>(run: &Run, deal: &str, quotes: &'a [Quote]) -> Result<Option<(&'a Quote, Order)>, Stop> {
    if !quotes.iter().any(is_accepted) {
        return Ok(None);
    }
    let Some(order) = order_of(run, deal).await? else { return Ok(None) };
    let quote = quotes.iter().find(|quote| is_accepted(quote) && quote.order == order.name);
    Ok(quote.map(|quote| (quote, order)))
}

fn is_accepted(quote: &Quote) -> bool {
    quote.state() == quote::State::Accepted
}

fn order_canceled(quote: &Quote) -> Refusal {
    let message = format!(
        "the order that {} {} became is CANCELED; ProposeQuote offers it anew, or win the deal without naming a quote",
        quote.name, quote.number
    );
    Refusal::guard(message, &[(&quote.order, "is canceled")])
}

/// The quote that the customer has, where there is no doubt which.
fn only_presented(quotes: &[Quote]) -> Option<&Quote> {
    let mut presented = quotes.iter().filter(|quote| quote.state() == quote::State::Presented);
    presented.next().filter(|_| presented.next().is_none())
}

fn none_presented(opportunity: &str) -> Refusal {
    let message = format!("{opportunity} has not exactly one presented quote; present one, or say which is taken");
    Refusal::guard(message, &[("quote", "one presented quote, or its name")])
}

/// Whether the process that leads the deal asks for more before the win: required activities that are open, or
/// activities of a later stage.
pub(crate) async fn has_work_before_win(run: &Run, deal: &Opportunity) -> Result<bool, Stop> {
    let Some(leading) = deal.process_run.as_ref().filter(|it| it.state() == process_run::State::Running) else {
        return Ok(false);
    };
    let planned = deal.stage_entry.iter().flat_map(|entry| &entry.planned_activities);
    if planned.into_iter().any(|planned| planned.required && planned.result.is_empty()) {
        return Ok(true);
    }
    let (name, version) = (leading.process.clone(), leading.version);
    let process = run.read("process", GetProcessRequest { name, version }).await?;
    let mut later = process.stages.iter().skip_while(|stage| stage.stage != deal.stage).skip(1);
    Ok(later.any(|stage| stage.activities.iter().any(|activity| activity.on_entry && activity.required)))
}
