//! An event as a message: CloudEvents 1.0 in binary mode, its attributes in headers, the feed's own event its data.

use async_nats::{HeaderMap, HeaderValue};
use dealflow_proto::convert;
use dealflow_proto::feed::v1::Event;
use prost::Message as _;

/// What headers take of a message at most, by far.
const HEADERS: usize = 2048;

/// What is sent.
pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) data: Vec<u8>,
}

/// An event of a feed, as a message that the server takes: it has `most` bytes at most. A record that is too large for
/// that is left out, and the message says so: whoever wants it reads it by its name.
pub(crate) fn message(prefix: &str, feed: &str, event: &Event, most: usize) -> Message {
    let mut headers = headers(feed, event);
    let mut data = event.encode_to_vec();
    if data.len() + HEADERS > most {
        data = Event { data: None, ..event.clone() }.encode_to_vec();
        headers.insert("ce-recordleftout", "true");
    }
    Message { subject: format!("{prefix}.{}", event.r#type), headers, data }
}

fn headers(feed: &str, event: &Event) -> HeaderMap {
    let time = event.time.as_ref().and_then(|time| convert::time_of(time).ok()).map(|time| time.to_rfc3339());
    let kind = format!("dealflow.{}", event.r#type);
    let (source, sequence) = (format!("/dealflow/{feed}"), event.position.to_string());
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("Nats-Msg-Id", event.event_id.as_str()),
        ("ce-specversion", "1.0"),
        ("ce-id", &event.event_id),
        ("ce-source", &source),
        ("ce-type", &kind),
        ("ce-subject", &event.subject),
        ("ce-time", time.as_deref().unwrap_or_default()),
        ("ce-dataschema", "https://type.googleapis.com/dealflow.feed.v1.Event"),
        ("content-type", "application/protobuf"),
        // Extensions: the order within a part, the deal, the trace.
        ("ce-sequence", &sequence),
        ("ce-thread", &event.thread),
        ("ce-traceparent", &event.traceparent),
    ] {
        // One that has a line break would be no header; none of these has.
        if let Ok(value) = value.parse::<HeaderValue>()
            && !value.as_str().is_empty()
        {
            headers.insert(name, value);
        }
    }
    headers
}
