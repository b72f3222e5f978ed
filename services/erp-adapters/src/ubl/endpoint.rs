//! An endpoint that takes UBL by POST, and what its answers mean.
//!
//! | answer | meaning |
//! |---|---|
//! | 2xx | taken; its number is `number` or `id` of a JSON answer, else the end of `Location`, else ours |
//! | 400, 409, 413, 415, 422, other 4xx | refused; reasons are read from JSON (`reasons`, `errors`, or RFC 9457) |
//! | 401, 403 | we are not let in: the target pauses |
//! | 404, 405, 410 | the address is wrong: nothing was taken, and it is tried again |
//! | 408, 425, 429, 503 with Retry-After | later; nothing was taken |
//! | other 5xx, 3xx, no answer | nobody knows |

use std::fmt;
use std::time::Duration;

use dealflow_chassis::Refusal;
use dealflow_chassis::tls::ClientTls;
use dealflow_chassis::web::{Bytes, WebClient, WebError};
use dealflow_proto::erp::v1::Reason;
use http::{Request, Response, StatusCode, Uri, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tonic::Status;

use super::Put;
use crate::answers::{later, retry_after};
use crate::submission::{Submission, reason};

/// Bytes of an answer, at most.
const MOST: usize = 1024 * 1024;
/// What is kept of an answer that is no JSON.
const WORDS: usize = 500;

/// Where and how documents are sent.
#[derive(Clone)]
pub struct EndpointSettings {
    /// The address.
    pub url: Uri,
    /// Whom it believes.
    pub tls: ClientTls,
    /// Sent as `Authorization: Bearer …`.
    pub token: Option<SecretString>,
    /// How long an answer may take.
    pub patience: Duration,
    /// Whether what comes again under the same `Idempotency-Key` is taken once.
    pub repeats: bool,
}

/// What an address may hold of a token is told to no log.
impl fmt::Debug for EndpointSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointSettings")
            .field("host", &self.url.host())
            .field("token", &self.token)
            .field("patience", &self.patience)
            .field("repeats", &self.repeats)
            .finish_non_exhaustive()
    }
}

/// The endpoint.
pub(super) struct Endpoint {
    settings: EndpointSettings,
    web: WebClient,
}

impl Endpoint {
    pub(super) fn new(settings: EndpointSettings) -> Self {
        let web = WebClient::new(settings.tls.clone(), settings.patience, MOST);
        Self { settings, web }
    }

    pub(super) fn repeats(&self) -> bool {
        self.settings.repeats
    }

    /// Sends a document: the same key and the same bytes, whichever attempt it is.
    pub(super) async fn put(&self, submission: &Submission, xml: String) -> Put {
        let mut request = Request::post(&self.settings.url)
            .header(header::CONTENT_TYPE, "application/xml; charset=utf-8")
            .header(header::ACCEPT, "application/json")
            .header("Idempotency-Key", &submission.idempotency_key)
            .header("Document-Id", &submission.external_id);
        if let Some(token) = &self.settings.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose_secret()));
        }
        let request = match request.body(Bytes::from(xml)) {
            Ok(request) => request,
            Err(error) => return Put::NotTaken(Refusal::internal(error).into()),
        };
        match self.web.send(request).await {
            Ok(answer) => meaning(&answer, &submission.document.number),
            Err(WebError::NotSent(why)) => Put::NotTaken(Status::unavailable(format!("the endpoint: {why}"))),
            Err(WebError::Late) => Put::Unknown(Status::deadline_exceeded("the endpoint did not answer in time")),
            Err(WebError::Lost(why)) => Put::Unknown(Status::unknown(format!("the endpoint's answer is lost: {why}"))),
        }
    }
}

fn meaning(answer: &Response<Bytes>, our_number: &str) -> Put {
    let status = answer.status();
    let told = format!("the endpoint answers {status}");
    let retry = retry_after(answer.headers());
    match status.as_u16() {
        200..=299 => Put::Taken(number(answer).unwrap_or_else(|| our_number.to_owned())),
        401 => Put::NotTaken(Status::unauthenticated(told)),
        403 => Put::NotTaken(Status::permission_denied(told)),
        404 | 405 | 410 => Put::NotTaken(Status::unavailable(format!("{told}: its address may be wrong"))),
        408 | 425 | 429 => Put::NotTaken(later(told, retry)),
        503 if retry.is_some() => Put::NotTaken(later(told, retry)),
        400..=499 => Put::Refused(reasons(status, answer.body())),
        _ => Put::Unknown(Status::internal(told)),
    }
}

fn number(answer: &Response<Bytes>) -> Option<String> {
    let told: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let said = ["number", "id"].into_iter().find_map(|name| text(told.get(name)?));
    let location = || {
        let location = answer.headers().get(header::LOCATION)?.to_str().ok()?;
        location.trim_end_matches('/').rsplit('/').next().map(str::to_owned)
    };
    said.or_else(location).filter(|number| !number.is_empty() && number.len() <= 100)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Why it was refused: as data where the answer is some, else in its own words.
fn reasons(status: StatusCode, body: &[u8]) -> Vec<Reason> {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let listed = ["reasons", "errors"].into_iter().find_map(|name| told.get(name)?.as_array());
    let listed: Vec<Reason> = listed.into_iter().flatten().take(100).map(|one| read(status, one)).collect();
    if !listed.is_empty() {
        return listed;
    }
    if told.is_object() {
        return vec![read(status, &told)];
    }
    let words: String = String::from_utf8_lossy(body).chars().take(WORDS).collect();
    vec![reason(code(status), "", format!("the endpoint answers {status}: {words}"), ACTION)]
}

const ACTION: &str = "mend the record or the endpoint's master data, then hand it over anew or replay it";

fn code(status: StatusCode) -> &'static str {
    if status == StatusCode::CONFLICT { "DUP" } else { "OTH" }
}

fn read(status: StatusCode, one: &Value) -> Reason {
    let said = |names: &[&str]| names.iter().find_map(|name| text(one.get(name)?)).unwrap_or_default();
    let message = one.as_str().map_or_else(|| said(&["message", "detail", "title"]), str::to_owned);
    let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
    Reason {
        code: or(said(&["code"]), code(status)),
        rule: said(&["rule"]),
        field: said(&["field", "pointer"]),
        line_id: said(&["line_id", "line"]),
        expected: said(&["expected"]),
        actual: said(&["actual"]),
        message: or(message, &format!("the endpoint answers {status}")),
        action: or(said(&["action"]), ACTION),
    }
}
