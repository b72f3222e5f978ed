//! A status that fits into the headers of its answer, whatever it has to tell.
//!
//! A refusal travels in headers: its message percent-encoded, its details as base64 (the message in them once more). A
//! peer that is sent more headers than it takes loses the call, and with HTTP/2's one compression for all calls of a
//! connection it may lose those of everybody on it; grpc-core refuses metadata beyond 8 KiB, and calls that
//! RESOURCE_EXHAUSTED. So every status that leaves a server is held to [`MOST`], here and nowhere else.

use std::collections::HashMap;

use http::{HeaderMap, HeaderValue, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt};

/// Bytes of a message and its details together, as they are written.
const MOST: usize = 6 * 1024;
/// Bytes of a message that is no list of fields, as it is written.
const MESSAGE: usize = 1200;
/// Bytes of one text of the details.
const TEXT: usize = 256;
/// Bytes of all metadata.
const METADATA: usize = 1024;
/// How the metadata tells how many violations were left out.
const LEFT_OUT: &str = "left_out";

/// An answer whose status, where it has one, fits into its headers.
pub(super) fn briefly(mut response: Response<Body>) -> Response<Body> {
    shorten(response.headers_mut());
    response
}

/// Shortens the status among these headers or trailers, where it is too long.
pub(super) fn shorten(headers: &mut HeaderMap) {
    if written(headers) <= MOST {
        return;
    }
    let Some(status) = Status::from_header_map(headers) else { return };
    let mut short = HeaderMap::new();
    if shortened(&status).add_header(&mut short).is_err() {
        // A text that no header takes: the code alone must do.
        short.clear();
        short.insert(Status::GRPC_STATUS, HeaderValue::from(status.code() as i32));
    }
    for name in [Status::GRPC_MESSAGE, Status::GRPC_STATUS_DETAILS] {
        headers.remove(name);
    }
    headers.extend(short);
}

/// How long the status among these headers is.
fn written(headers: &HeaderMap) -> usize {
    let length = |name| headers.get(name).map_or(0, HeaderValue::len);
    length(Status::GRPC_MESSAGE) + length(Status::GRPC_STATUS_DETAILS)
}

/// The same status with as many of its violations as fit, the first ones, and with how many more there are.
fn shortened(status: &Status) -> Status {
    let told = Told::of(status);
    let (mut fits, mut beyond) = (0, told.fields.len() + told.preconditions.len());
    while fits < beyond {
        let count = fits.midpoint(beyond) + 1;
        let mut headers = HeaderMap::new();
        if told.with_first(count).add_header(&mut headers).is_ok() && written(&headers) <= MOST {
            fits = count;
        } else {
            beyond = count - 1;
        }
    }
    told.with_first(fits)
}

/// What a status tells, each of its texts no longer than it may be.
struct Told {
    code: Code,
    message: String,
    /// Whether the message is the list of the fields.
    is_list: bool,
    fields: Vec<FieldViolation>,
    preconditions: Vec<PreconditionViolation>,
    rest: ErrorDetails,
}

impl Told {
    /// Kept are what tells the reason, the record, and when to come back, and the violations; others are not ours.
    fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let fields = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
        let is_list = !fields.is_empty() && status.message() == list(&fields);
        let fields = fields.iter().map(|it| FieldViolation::new(text(&it.field), text(&it.description))).collect();
        let preconditions = details.precondition_failure().map(|it| it.violations.clone()).unwrap_or_default();
        let preconditions = preconditions
            .iter()
            .map(|it| PreconditionViolation::new(text(&it.r#type), text(&it.subject), text(&it.description)))
            .collect();
        let mut rest = ErrorDetails::new();
        if let Some(info) = details.error_info() {
            let mut metadata: Vec<(&String, &String)> = info.metadata.iter().collect();
            // Short ones first: an etag is worth more than half a text.
            metadata.sort_unstable_by_key(|(key, value)| (key.len() + value.len(), *key));
            let mut room = METADATA;
            let metadata =
                metadata.into_iter().map(|(key, value)| (text(key), text(value))).take_while(|(key, value)| {
                    let fits = key.len() + value.len() <= room;
                    room = room.saturating_sub(key.len() + value.len());
                    fits
                });
            rest.set_error_info(text(&info.reason), text(&info.domain), metadata.collect::<HashMap<_, _>>());
        }
        if let Some(resource) = details.resource_info() {
            let (kind, name) = (text(&resource.resource_type), text(&resource.resource_name));
            rest.set_resource_info(kind, name, "", text(&resource.description));
        }
        if let Some(retry) = details.retry_info() {
            rest.set_retry_info(retry.retry_delay);
        }
        Self { code: status.code(), message: status.message().to_owned(), is_list, fields, preconditions, rest }
    }

    /// The status with so many of its violations.
    fn with_first(&self, count: usize) -> Status {
        let fields = &self.fields[..count.min(self.fields.len())];
        let preconditions = &self.preconditions[..count - fields.len()];
        let mut details = self.rest.clone();
        if !fields.is_empty() {
            details.set_bad_request(fields);
        }
        if !preconditions.is_empty() {
            details.set_precondition_failure(preconditions);
        }
        let left_out = self.fields.len() + self.preconditions.len() - count;
        let mut message = if self.is_list { list(fields) } else { cut(&self.message, MESSAGE, cost) };
        if left_out > 0 {
            message.push_str(&format!("{}… and {left_out} more", if self.is_list { "; " } else { " " }));
            if let Some(info) = self.rest.error_info() {
                let more = [(LEFT_OUT.to_owned(), left_out.to_string())];
                let metadata: HashMap<_, _> = info.metadata.clone().into_iter().chain(more).collect();
                details.set_error_info(&info.reason, &info.domain, metadata);
            }
        }
        Status::with_error_details(self.code, message, details)
    }
}

/// Fields as the message of a refusal lists them.
fn list(fields: &[FieldViolation]) -> String {
    let list: Vec<String> = fields.iter().map(|it| format!("{}: {}", it.field, it.description)).collect();
    list.join("; ")
}

fn text(text: &str) -> String {
    cut(text, TEXT, char::len_utf8)
}

/// The beginning of a text that costs no more than this, whole characters of it.
fn cut(text: &str, most: usize, cost: fn(char) -> usize) -> String {
    let mut spent = 0;
    let end = text.char_indices().find(|(_, character)| {
        spent += cost(*character);
        spent > most
    });
    match end {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What a character takes in a header, at most: all but the plain ones are written as three for each byte.
fn cost(character: char) -> usize {
    if character.is_ascii_alphanumeric() { 1 } else { 3 * character.len_utf8() }
}
