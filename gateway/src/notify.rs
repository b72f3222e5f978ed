//! What people are told of a deal: that it was won or lost (R-OPP-4).

use dealflow_proto::activities::v1::NotifyDealClosedRequest;
use dealflow_proto::activities::v1::notify_deal_closed_request::Outcome;
use dealflow_proto::convert;
use dealflow_proto::google::type_::Money;
use dealflow_proto::opportunities::v1::Opportunity;
use dealflow_proto::opportunities::v1::opportunity::{LoseReason, State};

use crate::flow::{Run, Stop};

/// Tells those who answer for the deal. Who that is, and that each is told once, the activities part knows.
pub(crate) async fn notify_closed(run: &Run, deal: &Opportunity) -> Result<(), Stop> {
    if deal.owner.is_empty() {
        return Ok(());
    }
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
