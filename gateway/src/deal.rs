//! A deal as the phases see it: its opportunity, what is sold, and what it stands for in `orders`.

use dealflow_chassis::Kind;
use dealflow_chassis::Refusal;
use dealflow_proto::convert;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::google::type_::{Decimal, Money};
use dealflow_proto::opportunities::v1::{GetOpportunityRequest, NoteRefusedAttemptRequest, Opportunity, opportunity};
use dealflow_proto::orders::v1::{ListOrdersRequest, ListQuotesRequest, Order, Quote, order};
use dealflow_proto::types::v1::{Line, Vat};

use crate::flow::{Run, Stop};
use crate::settings::DEFAULT_CURRENCY;

/// One of something, UN/ECE Recommendation 20.
const ONE: &str = "C62";

/// Reads the opportunity in the version that the caller saw.
pub(crate) async fn opportunity(run: &Run, name: &str, etag: &str) -> Result<Opportunity, Stop> {
    let opportunity = run.read("opportunity", GetOpportunityRequest { name: name.to_owned() }).await?;
    if etag.is_empty() || etag == opportunity.etag {
        return Ok(opportunity);
    }
    run.refuse("opportunity", Refusal::stale(name, etag, &opportunity.etag))
}

/// As [`opportunity`], which must still be open for the verb (R-OPP-3).
pub(crate) async fn open_opportunity(run: &Run, name: &str, etag: &str, verb: &str) -> Result<Opportunity, Stop> {
    let opportunity = opportunity(run, name, etag).await?;
    if opportunity.state() == opportunity::State::Open {
        return Ok(opportunity);
    }
    refuse_closed(run, &opportunity, verb).await
}

/// Refuses a verb on a deal that is closed, and leaves the attempt in the audit, as the deal's own service does where it
/// refuses itself (R-OPP-3). The attempt is kept before the refusal is told; to ask beforehand is none.
pub(crate) async fn refuse_closed<T>(run: &Run, deal: &Opportunity, verb: &str) -> Result<T, Stop> {
    let refusal = is_closed(deal, verb);
    if !run.only_checks() {
        let attempt = NoteRefusedAttemptRequest {
            name: deal.name.clone(),
            verb: verb.to_owned(),
            message: refusal.to_string(),
            ..NoteRefusedAttemptRequest::default()
        };
        run.anyway("note the attempt", attempt).await?;
    }
    run.refuse("opportunity", refusal)
}

/// The refusal of a verb by a deal that is closed (R-OPP-3).
pub(crate) fn is_closed(deal: &Opportunity, verb: &str) -> Refusal {
    let (name, state) = (&deal.name, deal.state().as_str_name().trim_start_matches("STATE_"));
    let message = format!("{name} is {state} and changes no more; {verb} is refused");
    Refusal::new(Kind::Precondition, ErrorReason::Terminal, message)
        .with("state", state)
        .with("verb", verb)
        .precondition("STATE", "opportunity", &format!("is {state}"))
}

/// Refuses to sell to nobody: an ERP takes no order without a customer, and nobody would pay it (R-ACC-1).
pub(crate) fn has_customer(run: &Run, deal: &Opportunity) -> Result<(), Stop> {
    if !deal.account.is_empty() {
        return Ok(());
    }
    let message = format!("{} has no account that buys; DevelopDeal takes one", deal.name);
    run.refuse("look for the customer", Refusal::guard(message, &[("opportunity.account", "is missing")]))
}

/// What is sold: the lines that the customer asked for, or, where there are none, one line worth the estimate.
/// Empty where neither is known. What is not a product is taxed as `vat` says, where the line does not.
pub(crate) fn lines_of(opportunity: &Opportunity, vat: &Vat) -> Vec<Line> {
    if !opportunity.lines.is_empty() {
        return taxed(&opportunity.lines, vat);
    }
    let value = opportunity.actual_value.as_ref().or(opportunity.estimated_value.as_ref());
    value.filter(|value| is_positive(value)).map(|value| one_line(&opportunity.title, value, vat)).into_iter().collect()
}

/// Lines in free text that say nothing of their VAT, with the VAT that the installation gives them.
pub(crate) fn taxed(lines: &[Line], vat: &Vat) -> Vec<Line> {
    let unsaid = |line: &Line| line.product.is_empty() && line.vat.as_ref().is_none_or(|vat| *vat == Vat::default());
    let line = |line: &Line| if unsaid(line) { Line { vat: Some(vat.clone()), ..line.clone() } } else { line.clone() };
    lines.iter().map(line).collect()
}

fn one_line(title: &str, value: &Money, vat: &Vat) -> Line {
    Line {
        description: title.to_owned(),
        quantity: Some(Decimal { value: "1".to_owned() }),
        unit_price: Some(value.clone()),
        unit_code: ONE.to_owned(),
        vat: Some(vat.clone()),
        ..Line::default()
    }
}

fn is_positive(value: &Money) -> bool {
    convert::decimal_of(value).is_ok_and(|amount| amount > rust_decimal::Decimal::ZERO)
}

/// The currency of all amounts of a deal; the house's where the opportunity names none.
pub(crate) async fn currency_of(run: &Run, opportunity: &Opportunity) -> Result<String, Stop> {
    match opportunity.currency_code.as_str() {
        "" => run.decided(&DEFAULT_CURRENCY).await,
        currency => Ok(currency.to_owned()),
    }
}

/// The quotes of a deal, all revisions.
pub(crate) async fn quotes(run: &Run, opportunity: &str) -> Result<Vec<Quote>, Stop> {
    let mut ask = ListQuotesRequest { page_size: 1000, filter: of_deal(opportunity), ..Default::default() };
    let mut quotes = Vec::new();
    loop {
        let page = run.read("quotes", ask.clone()).await?;
        quotes.extend(page.quotes);
        if page.next_page_token.is_empty() {
            return Ok(quotes);
        }
        ask.page_token = page.next_page_token;
    }
}

/// The order of a deal that is not canceled; there is one at most (R-OPP-5).
pub(crate) async fn order(run: &Run, opportunity: &str) -> Result<Option<Order>, Stop> {
    let mut ask = ListOrdersRequest { page_size: 1000, filter: of_deal(opportunity), ..Default::default() };
    loop {
        let page = run.read("orders", ask.clone()).await?;
        let standing = page.orders.into_iter().find(|order| order.state() != order::State::Canceled);
        if standing.is_some() || page.next_page_token.is_empty() {
            return Ok(standing);
        }
        ask.page_token = page.next_page_token;
    }
}

/// The filter for the records of a deal.
pub(crate) fn of_deal(opportunity: &str) -> String {
    format!("opportunity = \"{opportunity}\"")
}
