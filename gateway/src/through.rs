//! Calls about documents and activities on their way to their part, for callers who do not see everybody's (R-SEC-1).
//!
//! The part knows whose a document is, not whose the deal is: so whoever sees a deal as one of its team, or because it was
//! given to him, finds no document of a colleague there. Where the part answers that there is none, the gateway looks at
//! every record that the request names: are all of them the caller's or of deals that he sees, the call goes once more,
//! and sees everybody's. What stands at once in a deal or at a document (a new one, an activity that is moved there, all that
//! is to do) asks for that record first.
//!
//! Lists go on as they are: they hold what is one's own. Nobody else's calls are read here.

use std::time::Duration;

use axum::body::Bytes;
use dealflow_chassis::context::{EVERYBODYS, SEES};
use dealflow_chassis::link::Link;
use dealflow_chassis::{Context, Refusal};
use dealflow_proto::activities::v1 as activities;
use dealflow_proto::names::{self, Collection};
use dealflow_proto::orders::v1 as orders;
use futures::future::try_join_all;
use http::{HeaderValue, Request, Response, request};
use prost::Message;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tower::ServiceExt;

use crate::known::takes;
use crate::seen::Seen;

/// Names in one request that are looked at; one that names more is answered by its part alone.
const MOST_NAMES: usize = 32;
/// When what broke off may be sent again.
const AT_ONCE: Duration = Duration::from_millis(50);
/// Bytes of a request; the layers before have refused greater messages.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// What goes before a message: whether it is compressed, and its length.
pub(crate) const FRAME: usize = 5;

/// The collections whose members are not everybody's.
const KINDS: [Collection; 11] = [
    names::LEADS,
    names::OPPORTUNITIES,
    names::QUOTES,
    names::CONTRACTS,
    names::ORDERS,
    names::INVOICES,
    names::CREDIT_NOTES,
    names::PAYMENTS,
    names::APPROVALS,
    names::ACTIVITIES,
    names::INTERACTIONS,
];

/// The services whose calls go through here.
pub(crate) const SERVICES: [&str; 10] = [
    "dealflow.activities.v1.ActivityService",
    "dealflow.activities.v1.InteractionService",
    "dealflow.activities.v1.TaskService",
    "dealflow.orders.v1.QuoteService",
    "dealflow.orders.v1.ApprovalService",
    "dealflow.orders.v1.ContractService",
    "dealflow.orders.v1.OrderService",
    "dealflow.orders.v1.InvoiceService",
    "dealflow.orders.v1.CreditNoteService",
    "dealflow.orders.v1.PaymentService",
];

/// The way to a part.
#[derive(Clone)]
pub(crate) struct Through {
    pub(crate) link: Link,
    pub(crate) seen: Seen,
}

impl Through {
    /// Answers a call, by its part or instead of it.
    pub(crate) async fn answer(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        if !request.headers().contains_key(SEES) || method.starts_with("List") {
            return self.link.oneshot(request).await;
        }
        let method = method.to_owned();
        let context = Context::of(&MetadataMap::from_headers(request.headers().clone()))?;
        let (head, body) = request.into_parts();
        let bytes = whole(body).await?;
        let message = only_message(&bytes)?;
        // What is no name of a record is refused by the part, in its field.
        if let Some(record) = record_asked_for(&method, message).filter(|record| is_of_kind(record)) {
            let seen = self.seen.sees_record(&context, &record).await?
                || method == "UpdateActivity" && self.stays(&context, message, &record).await?;
            if !seen {
                return Err(Refusal::missing(&record).into());
            }
            if method == "GetActionPanel" {
                return self.link.oneshot(again(&head, &bytes, true)).await;
            }
        }
        let answer = self.link.clone().oneshot(again(&head, &bytes, false)).await?;
        let missing = answer.headers().get("grpc-status").is_some_and(|code| code == NOT_FOUND);
        if missing && self.sees_all(&context, &names_in(message)).await? {
            return self.link.oneshot(again(&head, &bytes, true)).await;
        }
        Ok(answer)
    }

    /// Whether an activity that one changes stands at the record already: one's own may be in whosever deal.
    async fn stays(&self, context: &Context, message: &[u8], record: &str) -> Result<bool, Status> {
        let Some(activity) = activities::UpdateActivityRequest::decode(message).ok().and_then(|ask| ask.activity)
        else {
            return Ok(false);
        };
        self.seen.belongs(context, &activity.name, record).await
    }

    async fn sees_all(&self, context: &Context, names: &[String]) -> Result<bool, Status> {
        if names.is_empty() || names.len() > MOST_NAMES {
            return Ok(false);
        }
        let seen = try_join_all(names.iter().map(|name| self.seen.sees_record(context, name))).await?;
        Ok(seen.into_iter().all(|seen| seen))
    }
}

/// The body of a call, kept whole: to be looked at and passed on. What the layers before refuse of it is said as they say it;
/// all else is its sender's connection, which broke off.
pub(crate) async fn whole(body: Body) -> Result<Bytes, Status> {
    axum::body::to_bytes(axum::body::Body::new(body), MOST_BYTES).await.map_err(|error| {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(at) = cause {
            if let Some(refused) = at.downcast_ref::<Status>().filter(|status| status.code() != Code::Unknown) {
                return refused.clone();
            }
            cause = at.source();
        }
        tracing::debug!(%error, "a call broke off before it was whole");
        Refusal::unavailable("the call broke off before it was whole; nothing was done, send it again", AT_ONCE).into()
    })
}

/// The message of a unary call. A part reads the first of several, or the other side of a compression: where that could be
/// another message than the one that is looked at here, the call goes no further.
pub(crate) fn only_message(bytes: &[u8]) -> Result<&[u8], Refusal> {
    match bytes.split_first_chunk::<FRAME>() {
        Some(([0, length @ ..], message)) if usize::try_from(u32::from_be_bytes(*length)) == Ok(message.len()) => {
            Ok(message)
        }
        _ => Err(Refusal::field("message", "a call holds one message, whole and not compressed")),
    }
}

/// [`Code::NotFound`] in a header.
const NOT_FOUND: &str = "5";
const _: () = assert!(Code::NotFound as i32 == 5);

/// The request, with the caller's eyes or everybody's.
fn again(head: &request::Parts, bytes: &Bytes, seeing_all: bool) -> Request<Body> {
    let mut head = head.clone();
    if seeing_all {
        head.headers.insert(SEES, HeaderValue::from_static(EVERYBODYS));
    }
    Request::from_parts(head, Body::new(axum::body::Body::from(bytes.clone())))
}

/// The deal or document at which a request makes something, or of which it shows all there is.
fn record_asked_for(method: &str, message: &[u8]) -> Option<String> {
    let record = match method {
        "CreateQuote" => orders::CreateQuoteRequest::decode(message).ok()?.quote?.opportunity,
        "CreateContract" => orders::CreateContractRequest::decode(message).ok()?.contract?.opportunity,
        "CreateOrder" => orders::CreateOrderRequest::decode(message).ok()?.order?.opportunity,
        "CloseOpportunityQuotes" => orders::CloseOpportunityQuotesRequest::decode(message).ok()?.opportunity,
        "CreateActivity" => activities::CreateActivityRequest::decode(message).ok()?.activity?.regarding,
        "UpdateActivity" => {
            let ask = activities::UpdateActivityRequest::decode(message).ok()?;
            ask.activity.filter(|_| takes(ask.update_mask.as_ref(), "regarding"))?.regarding
        }
        "CreateInteraction" => activities::CreateInteractionRequest::decode(message).ok()?.interaction?.regarding,
        "GetActionPanel" => activities::GetActionPanelRequest::decode(message).ok()?.regarding,
        _ => return None,
    };
    Some(record)
}

/// Whether a name is one of a record that is not everybody's.
fn is_of_kind(name: &str) -> bool {
    KINDS.iter().any(|kind| kind.parse(name).is_ok())
}

/// The records that a message names, each once: wherever such a name stands, for there is one way to write it.
fn names_in(message: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in message.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        let id = message.get(at + 1..at + 37).and_then(|id| std::str::from_utf8(id).ok());
        for kind in KINDS.iter().filter(|kind| message[..at].ends_with(kind.as_str().as_bytes())) {
            let name = id.map(|id| kind.slug(id)).filter(|name| kind.parse(name).is_ok() && !found.contains(name));
            found.extend(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-SEC-1: no record that a request names is overlooked, wherever it names it.
    #[test]
    fn every_name_in_a_message_is_found() {
        let id = uuid::Uuid::from_u128(7);
        let named: Vec<String> = KINDS.iter().map(|kind| kind.name(id)).collect();
        let text = format!("{} and {}", named.join(","), names::ACCOUNTS.name(id));
        let ask = orders::CloseQuoteRequest { name: named[2].clone(), comment: text, ..Default::default() };
        let mut found = names_in(&ask.encode_to_vec());
        assert_eq!(found.first(), Some(&named[2]));
        found.sort();
        let mut wanted = named;
        wanted.sort();
        assert_eq!(found, wanted);
        assert!(names_in(b"quotes/7 orders/").is_empty());
    }

    /// R-SEC-1: what the part would read is what is looked at, or nothing is.
    #[test]
    fn a_call_that_could_be_read_in_two_ways_is_refused() {
        let frame = |flag: u8, length: u8, rest: &[u8]| [&[flag, 0, 0, 0, length], rest].concat();
        assert_eq!(only_message(&frame(0, 2, b"ab")).ok(), Some(&b"ab"[..]));
        assert_eq!(only_message(&frame(0, 0, b"")).ok(), Some(&b""[..]));
        let two = [frame(0, 2, b"ab"), frame(0, 0, b"")].concat();
        for forged in [two, frame(1, 2, b"ab"), frame(0, 3, b"ab"), frame(0, 1, b"ab"), vec![0, 0], Vec::new()] {
            let refused = Status::from(only_message(&forged).expect_err("it is not one message"));
            assert_eq!(refused.code(), Code::InvalidArgument, "{forged:?}");
        }
    }
}
