//! Propose: a quote is made of what the customer asks for, activated and presented (R-QUO-1).

use chrono::Days;
use dealflow_proto::convert;
use dealflow_proto::gateway::v1::{DealProgress, ProposeQuoteRequest};
use dealflow_proto::opportunities::v1::Opportunity;
use dealflow_proto::orders::v1::{ActivateQuoteRequest, CreateQuoteRequest, PresentQuoteRequest, Quote};

use crate::deal::{currency_of, lines_of, open_opportunity};
use crate::flow::{Run, Stop};

/// How long an offer holds where nobody says.
const VALID_DAYS: u64 = 30;
/// Days from the invoice to its due day where nobody says.
const PAYMENT_DAYS: i32 = 30;

/// Makes, activates and presents a quote.
pub(crate) async fn propose_quote(run: Run, ask: ProposeQuoteRequest) -> Result<DealProgress, Stop> {
    let opportunity = open_opportunity(&run, &ask.opportunity, &ask.etag, "ProposeQuote").await?;
    let draft = run.step("draft", draft(&run, &ask, &opportunity).await?).await?;
    let active = run.step("activate", ActivateQuoteRequest { name: draft.name, ..Default::default() }).await?;
    run.step("present", PresentQuoteRequest { name: active.name, ..Default::default() }).await?;
    run.tell(&opportunity);
    Ok(run.progress())
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
                ask.lines.clone()
            },
            discount_percent: ask.discount_percent.clone(),
            valid_until_date: ask.valid_until_date.or(last_day),
            terms: ask.terms.clone(),
            payment_days: if ask.payment_days == 0 { PAYMENT_DAYS } else { ask.payment_days },
            ..Quote::default()
        }),
        ..CreateQuoteRequest::default()
    })
}
