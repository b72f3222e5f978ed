//! Propose: a quote is made of what the customer asks for, and presented as soon as everybody agrees who must (R-QUO-1,
//! R-QUO-2).

use chrono::Days;
use dealflow_proto::convert;
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::gateway::v1::{DealProgress, ProposeQuoteRequest};
use dealflow_proto::opportunities::v1::{GetOpportunityRequest, Opportunity, opportunity};
use dealflow_proto::orders::v1::{
    AfterApproval, CloseQuoteRequest, CreateQuoteRequest, Quote, RequestQuoteApprovalRequest, quote,
};

use crate::approvers::People;
use crate::deal::{currency_of, has_customer, lines_of, open_opportunity, quotes, refuse_closed, taxed};
use crate::flow::{Run, Stop, Stopped, has_reason, is_settled};
use crate::gates::tell_quotes;

/// How long an offer holds where nobody says.
const VALID_DAYS: u64 = 30;
/// Days from the invoice to its due day where nobody says.
const PAYMENT_DAYS: i32 = 30;

/// Makes a quote and presents it, or asks who must agree first. A deal that is closed meanwhile refuses it, and no offer
/// is left behind: its close may have closed the quotes that it found before this one was there.
pub(crate) async fn propose_quote(run: Run, ask: ProposeQuoteRequest) -> Result<DealProgress, Stop> {
    let opportunity = open_opportunity(&run, &ask.opportunity, &ask.etag, "ProposeQuote").await?;
    run.takes_effect_after("opportunity", opportunity.update_time.as_ref())?;
    has_customer(&run, &opportunity)?;
    let draft = run.step("draft", draft(&run, &ask, &opportunity).await?).await?;
    let undo = CloseQuoteRequest {
        name: draft.name.clone(),
        reason: quote::CloseReason::Canceled.into(),
        comment: "the proposal was refused".to_owned(),
        ..CloseQuoteRequest::default()
    };
    let offered = offer_while_open(&run, &opportunity.name, draft);
    let offered = run.or_undo("offered", ("withdraw", undo), offered).await?;
    tell_quotes(&run, &opportunity, &[&offered]).await?;
    run.tell(&opportunity);
    Ok(run.progress())
}

/// Offers a draft of a deal that is still open.
async fn offer_while_open(run: &Run, deal: &str, draft: Quote) -> Result<Quote, Stop> {
    match tokio::try_join!(offer(run, draft), still_open(run, deal)) {
        Ok((offered, ())) => Ok(offered),
        // Somebody closed the quote: if that was the close of the deal, this is the reason to tell.
        Err(Stop::Refused(refused)) if is_settled(&refused.status) => {
            still_open(run, deal).await?;
            Err(Stop::Refused(refused))
        }
        Err(stop) => Err(stop),
    }
}

/// A deal that is closed stays so: whatever a later run sees, it comes to the same.
async fn still_open(run: &Run, deal: &str) -> Result<(), Stop> {
    let now = run.look("opportunity", GetOpportunityRequest { name: deal.to_owned() }).await?;
    if now.state() == opportunity::State::Open {
        return Ok(());
    }
    refuse_closed(run, &now, "ProposeQuote").await
}

/// Activates and presents a draft. Where a policy asks for approval it waits for that, and is presented in the moment in
/// which the last approver agrees. Only a policy that asks the owner's manager or a role makes us look who that is.
async fn offer(run: &Run, draft: Quote) -> Result<Quote, Stop> {
    let Quote { name, owner, .. } = draft;
    let asking = |people: People| RequestQuoteApprovalRequest {
        name: name.clone(),
        then: AfterApproval::Present.into(),
        manager: people.manager,
        roles: people.roles,
        ..RequestQuoteApprovalRequest::default()
    };
    match run.step("offer", asking(People::default())).await {
        // Settled: an earlier run has asked them.
        Err(Stop::Refused(Stopped { status, .. }))
            if has_reason(&status, ErrorReason::NoApprover) || is_settled(&status) =>
        {
            let people = People::read(run, &owner).await?;
            run.step("offer with the owner's manager", asking(people)).await
        }
        offered => offered,
    }
}

/// Drafts a quote of what the customer asks for, where a stage of the process starts its preparation and none is there.
/// Where orders refuses the draft, the person who prepares it will hear why: the deal goes on.
pub(crate) async fn prepare_quote(run: &Run, opportunity: &Opportunity) -> Result<(), Stop> {
    let standing = quotes(run, &opportunity.name).await?;
    if standing.iter().any(|quote| quote.state() != quote::State::Closed) {
        return Ok(());
    }
    let draft = draft(run, &ProposeQuoteRequest::default(), opportunity).await?;
    match run.step("prepare", draft).await {
        Err(Stop::Refused(refused)) => {
            tracing::info!(deal = opportunity.name, told = refused.status.message(), "no quote is drafted");
            Ok(())
        }
        drafted => drafted.map(drop),
    }
}

/// The terms that are said, else those on which the deal is to be sold (R-QUO-1).
fn terms(ask: &ProposeQuoteRequest, opportunity: &Opportunity) -> String {
    let said = if ask.terms.is_empty() { &opportunity.terms_of_sale } else { &ask.terms };
    said.clone()
}

async fn draft(run: &Run, ask: &ProposeQuoteRequest, opportunity: &Opportunity) -> Result<CreateQuoteRequest, Stop> {
    let last_day = run.today().checked_add_days(Days::new(VALID_DAYS)).map(convert::date);
    Ok(CreateQuoteRequest {
        quote: Some(Quote {
            opportunity: opportunity.name.clone(),
            account: opportunity.account.clone(),
            owner: opportunity.owner.clone(),
            currency_code: currency_of(run, opportunity).await?,
            lines: if ask.lines.is_empty() {
                lines_of(opportunity, &run.settings().line_vat)
            } else {
                taxed(&ask.lines, &run.settings().line_vat)
            },
            discount_percent: ask.discount_percent.clone(),
            valid_until_date: ask.valid_until_date.or(last_day),
            terms: terms(ask, opportunity),
            payment_days: if ask.payment_days == 0 { PAYMENT_DAYS } else { ask.payment_days },
            ..Quote::default()
        }),
        ..CreateQuoteRequest::default()
    })
}
