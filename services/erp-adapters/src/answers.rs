//! What an HTTP answer says of when to come again.

use std::time::Duration;

use http::{HeaderMap, header};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The least wait that an answer asks for; a date is not read.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// It takes no more calls now.
pub(crate) fn later(told: String, after: Option<Duration>) -> Status {
    let mut details = ErrorDetails::new();
    if after.is_some() {
        details.set_retry_info(after);
    }
    Status::with_error_details(Code::ResourceExhausted, told, details)
}
