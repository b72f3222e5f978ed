//! A notification as the wire has it, and what the wire tells of a closed deal.

use dealflow_chassis::Refusal;
use dealflow_proto::activities::v1 as pb;
use dealflow_proto::activities::v1::notify_deal_closed_request::Outcome;
use dealflow_proto::names;
use uuid::Uuid;

use crate::notification::{Kind, Model, News};
use crate::wire;

/// What each of the recipients is told of a deal that was closed: once per deal, whoever asks.
pub fn closed(ask: &pb::NotifyDealClosedRequest, recipients: &[Uuid]) -> Result<Vec<News>, Refusal> {
    let opportunity = names::OPPORTUNITIES.parse(&ask.opportunity);
    let opportunity = opportunity.map_err(|bad| Refusal::field("opportunity", bad.to_string()))?;
    let (kind, word) = match ask.outcome() {
        Outcome::Won => (Kind::DealWon, "Won"),
        _ => (Kind::DealLost, "Lost"),
    };
    let title = if ask.title.is_empty() { &ask.opportunity } else { &ask.title };
    let news = recipients.iter().map(|recipient| News {
        recipient: *recipient,
        kind,
        title: format!("{word}: {title}"),
        text: ask.text.clone(),
        regarding: ask.opportunity.clone(),
        deal: ask.opportunity.clone(),
        reason: format!("closed/{opportunity}"),
    });
    Ok(news.collect())
}

/// A notification as the wire has it.
pub fn answer(notification: &Model) -> pb::Notification {
    pb::Notification {
        name: notification.name(),
        etag: notification.version.to_string(),
        create_time: wire::time(notification.created_at),
        recipient: names::EMPLOYEES.name(notification.recipient),
        kind: kind(notification.kind).into(),
        title: notification.title.clone(),
        text: notification.text.clone(),
        regarding: notification.regarding.clone(),
        deal: notification.deal.clone(),
        read_time: notification.read_at.and_then(wire::time),
    }
}

fn kind(kind: Kind) -> pb::notification::Kind {
    match kind {
        Kind::ActivityAssigned => pb::notification::Kind::ActivityAssigned,
        Kind::Reminder => pb::notification::Kind::Reminder,
        Kind::DealWon => pb::notification::Kind::DealWon,
        Kind::DealLost => pb::notification::Kind::DealLost,
        Kind::ActivityTaken => pb::notification::Kind::ActivityTaken,
    }
}
