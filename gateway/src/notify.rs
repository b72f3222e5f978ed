//! What people are told of a deal: that it was won or lost (R-OPP-4), and that nobody is to be reminded while it rests.

use dealflow_proto::activities::v1::notify_deal_closed_request::Outcome;
use dealflow_proto::activities::v1::{NotifyDealClosedRequest, PauseRemindersRequest};
use dealflow_proto::convert;
use dealflow_proto::google::type_::Money;
use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};
use dealflow_proto::opportunities::v1::{GetOpportunityRequest, Opportunity};

use crate::flow::{Run, Stop};

/// Tells those who answer for the deal. Who that is, and that each is told once, the activities part knows; of a deal that
/// nobody owns it tells nobody, but that it is on hold no more it has to know.
pub(crate) async fn notify_closed(run: &Run, deal: &Opportunity) -> Result<(), Stop> {
    let (outcome, text) = match deal.state() {
        State::Won => (Outcome::Won, worth(deal.actual_value.as_ref())),
        _ => (Outcome::Lost, lost_for(deal)),
    };
    let ask = NotifyDealClosedRequest {
        opportunity: deal.name.clone(),
        owner: deal.owner.clone(),
        outcome: outcome.into(),
        title: deal.title.chars().take(500).collect(),
        text: text.chars().take(4000).collect(),
        ..NotifyDealClosedRequest::default()
    };
    run.step("notify", ask).await.map(drop)
}

/// Lets reminders rest while a deal is on hold, and go on when it was resumed (states.md, hold and resume). The deal's
/// version goes with it: of two words that come in another order than they were said the later one holds.
///
/// Closing a deal ends its rest too, without a version: where it was closed before we came, it is said once more.
pub(crate) async fn pause_reminders(run: &Run, deal: &Opportunity, on_hold: bool) -> Result<(), Stop> {
    run.step("pause reminders", pause(deal, on_hold)).await?;
    if on_hold {
        let now = run.look("on hold", GetOpportunityRequest { name: deal.name.clone() }).await?;
        if now.state() != State::Open {
            run.step("remind again", pause(&now, false)).await?;
        }
    }
    Ok(())
}

fn pause(deal: &Opportunity, paused: bool) -> PauseRemindersRequest {
    PauseRemindersRequest {
        regarding: deal.name.clone(),
        version: deal.etag.parse().unwrap_or(1),
        paused,
        ..PauseRemindersRequest::default()
    }
}

fn worth(value: Option<&Money>) -> String {
    let value = value.and_then(|value| Some((convert::decimal_of(value).ok()?, &value.currency_code)));
    value.map(|(amount, currency)| format!("{amount} {currency}")).unwrap_or_default()
}

fn lost_for(deal: &Opportunity) -> String {
    let reason = match deal.lose_reason() {
        LoseReason::Unspecified => "",
        reason => reason.as_str_name().trim_start_matches("LOSE_REASON_"),
    };
    let parts = [reason, deal.lose_comment.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}
