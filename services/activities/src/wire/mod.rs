//! Records as the wire has them, and what the wire says taken over into records.

pub mod activity;
pub mod category;
pub mod employee;
pub mod interaction;
pub mod knowledge;
pub mod notification;

use chrono::{DateTime, Utc};
use dealflow_chassis::Refusal;
use dealflow_proto::convert;
use dealflow_proto::names::Collection;
use prost_types::Timestamp;
use uuid::Uuid;

/// A point in time.
pub fn time(time: DateTime<Utc>) -> Option<Timestamp> {
    Some(convert::timestamp(time))
}

/// A point in time as it was sent; `field` is what a bad one is blamed on.
pub fn moment(field: &str, sent: Option<&Timestamp>) -> Result<Option<DateTime<Utc>>, Refusal> {
    sent.map(convert::time_of).transpose().map_err(|bad| Refusal::field(field, bad.to_string()))
}

/// The name of a record that may be absent.
pub fn name(collection: Collection, id: Option<Uuid>) -> String {
    id.map(|id| collection.name(id)).unwrap_or_default()
}

/// The id in a name that may be empty; `field` is what a bad one is blamed on.
pub fn id(collection: Collection, field: &str, name: &str) -> Result<Option<Uuid>, Refusal> {
    collection.parse_optional(name).map_err(|bad| Refusal::field(field, bad.to_string()))
}
