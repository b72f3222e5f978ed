//! The calls, and what their answers mean.
//!
//! | answer | meaning |
//! |---|---|
//! | 200, 202 | done |
//! | 401, 403 | we are not let in: the target pauses |
//! | 404 of a document | it is not there |
//! | 409, or 417 with a name or field that must be unique | another attempt was faster: it is asked again |
//! | 417 and other 4xx of a write | refused, in ERPNext's own words |
//! | 417 of a read | the custom fields are not there: nothing can be done before they are |
//! | 429, 503 with Retry-After | later |
//! | other 5xx, no answer | nobody knows |

pub(super) use dealflow_chassis::web::Bytes;
use dealflow_chassis::web::{WebClient, WebError};
use dealflow_proto::erp::v1::{DocumentType, Reason};
use http::{Method, Request, Response, Uri, header};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tonic::Status;

use super::Settings;
use crate::answers::{later, retry_after};
use crate::submission::reason;

/// "Update Items" of an order that counts.
const UPDATE_ITEMS: &str = "/api/method/erpnext.controllers.accounts_controller.update_child_qty_rate";
/// Bytes of an answer, at most: 1000 rows of a list.
const MOST: usize = 8 * 1024 * 1024;
/// Words of a refusal that are kept.
pub(super) const WORDS: usize = 500;

/// What kinds of document are called there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doctype {
    SalesOrder,
    /// A row of one: its own fields can be written while the order counts.
    SalesOrderItem,
    SalesInvoice,
    Customer,
}

impl Doctype {
    /// Where a kind of document is kept: a credit note is an invoice that returns.
    pub(super) fn of(kind: DocumentType) -> Self {
        match kind {
            DocumentType::Invoice | DocumentType::CreditNote => Self::SalesInvoice,
            _ => Self::SalesOrder,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::SalesOrder => "Sales%20Order",
            Self::SalesOrderItem => "Sales%20Order%20Item",
            Self::SalesInvoice => "Sales%20Invoice",
            Self::Customer => "Customer",
        }
    }
}

/// Why a call did not do what it should.
#[derive(Debug)]
pub(super) enum Failure {
    /// A refusal: sent again it is refused again.
    Refused(Vec<Reason>),
    /// Anything else, as the contract says it.
    Status(Status),
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Status(status) => status,
            Failure::Refused(reasons) => {
                let told: Vec<String> = reasons.into_iter().map(|reason| reason.message).collect();
                Self::unavailable(format!("ERPNext refuses the call: {}", told.join("; ")))
            }
        }
    }
}

/// The way to one site.
pub(super) struct Api {
    web: WebClient,
    base: String,
    authorization: SecretString,
}

impl Api {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            web: WebClient::new(settings.tls.clone(), settings.patience, MOST),
            base: settings.url.to_string().trim_end_matches('/').to_owned(),
            authorization: format!("token {}", settings.token.expose_secret()).into(),
        }
    }

    /// Rows by filters, in an order, so many at most.
    pub(super) async fn list(
        &self,
        doctype: Doctype,
        filters: &Value,
        fields: &[&str],
        (order, limit): (&str, u32),
    ) -> Result<Vec<Value>, Failure> {
        let query = [
            ("filters", filters.to_string()),
            ("fields", json!(fields).to_string()),
            ("order_by", order.to_owned()),
            ("limit_page_length", limit.to_string()),
        ];
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let path = format!("/api/resource/{}?{}", doctype.path(), query.join("&"));
        match data(self.call(Method::GET, &path, None).await?) {
            Value::Array(rows) => Ok(rows),
            _ => Err(strange(&path)),
        }
    }

    /// The first row of filters: what counts before what was taken back, and that before a draft.
    pub(super) async fn first(
        &self,
        doctype: Doctype,
        filters: &Value,
        fields: &[&str],
    ) -> Result<Option<Value>, Failure> {
        let fields: Vec<&str> = fields.iter().copied().chain(["docstatus"]).collect();
        let mut rows = self.list(doctype, filters, &fields, ("creation asc", 20)).await?;
        rows.sort_by_key(|row| match whole(row, "docstatus") {
            super::SUBMITTED => 0,
            super::CANCELLED => 1,
            _ => 2,
        });
        Ok(rows.into_iter().next())
    }

    /// A document with its items; none where it is not there.
    pub(super) async fn get(&self, doctype: Doctype, name: &str) -> Result<Option<Value>, Failure> {
        let path = self.path(doctype, name);
        let answer = self.send(Method::GET, &path, None).await?;
        if answer.status().as_u16() == 404 {
            return Ok(None);
        }
        document(&path, read(&Method::GET, &answer)?).map(Some)
    }

    /// Makes a draft, and answers it as ERPNext computed it.
    pub(super) async fn create(&self, doctype: Doctype, body: &Value) -> Result<Value, Failure> {
        let path = format!("/api/resource/{}", doctype.path());
        document(&path, self.call(Method::POST, &path, Some(body)).await?)
    }

    /// Changes a document: `docstatus` 1 submits it, 2 takes it back.
    pub(super) async fn update(&self, doctype: Doctype, name: &str, change: &Value) -> Result<Value, Failure> {
        let path = self.path(doctype, name);
        document(&path, self.call(Method::PUT, &path, Some(change)).await?)
    }

    /// Makes the rows of an order that counts those, all of them or, where it refuses, none.
    pub(super) async fn update_items(&self, order: &str, rows: &Value) -> Result<(), Failure> {
        let body = json!({
            "parent_doctype": "Sales Order",
            "parent_doctype_name": order,
            "child_docname": "items",
            "trans_items": rows.to_string(),
        });
        let answer = self.send(Method::POST, UPDATE_ITEMS, Some(&body)).await?;
        if answer.status().as_u16() == 404 {
            // A row that we saw is gone: the Items are known to be there.
            return Err(Failure::Status(Status::aborted(format!("a row of {order} is not there any more"))));
        }
        read(&Method::POST, &answer).map(drop)
    }

    /// Takes a draft away; one that is not there any more is as good.
    pub(super) async fn delete(&self, doctype: Doctype, name: &str) -> Result<(), Failure> {
        let path = self.path(doctype, name);
        let answer = self.send(Method::DELETE, &path, None).await?;
        if answer.status().as_u16() == 404 {
            return Ok(());
        }
        read(&Method::DELETE, &answer).map(drop)
    }

    fn path(&self, doctype: Doctype, name: &str) -> String {
        format!("/api/resource/{}/{}", doctype.path(), escaped(name))
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let answer = self.send(method.clone(), path, body).await?;
        read(&method, &answer)
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response<Bytes>, Failure> {
        let bad = |error: &dyn std::fmt::Display| Failure::Status(Status::internal(format!("{path}: {error}")));
        let uri: Uri = format!("{}{path}", self.base).parse().map_err(|error| bad(&error))?;
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::AUTHORIZATION, self.authorization.expose_secret())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.map(Value::to_string).unwrap_or_default()))
            .map_err(|error| bad(&error))?;
        self.web.send(request).await.map_err(|error| {
            Failure::Status(match error {
                WebError::NotSent(why) => Status::unavailable(format!("ERPNext: {why}")),
                WebError::Late => Status::deadline_exceeded("ERPNext did not answer in time"),
                WebError::Lost(why) => Status::unknown(format!("ERPNext's answer is lost: {why}")),
            })
        })
    }
}

pub(super) fn read(method: &Method, answer: &Response<Bytes>) -> Result<Value, Failure> {
    let status = answer.status();
    let told: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if status.is_success() {
        return Ok(told);
    }
    let kind = text(&told, "exc_type").to_owned();
    let words = words(&told, answer.body());
    let said = format!("ERPNext answers {status} {kind}: {words}");
    let retry = retry_after(answer.headers());
    let failure = match status.as_u16() {
        401 => Status::unauthenticated(said),
        403 => Status::permission_denied(said),
        429 => later(said, retry),
        503 if retry.is_some() => later(said, retry),
        502..=504 => Status::unavailable(said),
        409 => Status::aborted(said),
        // Somebody else was at it in the same moment.
        _ if SOON_AGAIN.contains(&kind.as_str()) => Status::aborted(said),
        500..=599 => Status::internal(said),
        400..=499 if method == Method::GET => {
            Status::unavailable(format!("{said}; are the custom fields there that docs/erp.md lists?"))
        }
        400..=499 => return Err(Failure::Refused(vec![refusal(&kind, words)])),
        _ => Status::internal(said),
    };
    Err(Failure::Status(failure))
}

/// Refusals that say nothing of the document.
const SOON_AGAIN: [&str; 6] = [
    "UniqueValidationError",
    "DuplicateEntryError",
    "TimestampMismatchError",
    "DocumentLockedError",
    "QueryDeadlockError",
    "QueryTimeoutError",
];

fn refusal(kind: &str, words: String) -> Reason {
    let (code, action) = match kind {
        "LinkValidationError" | "DoesNotExistError" => ("REF", "make in ERPNext what is named, or correct the mapping"),
        "MandatoryError" => ("BV", "fill in ERPNext's defaults, or correct the mapping"),
        "LinkExistsError" => ("REF", "take back in ERPNext first what follows it"),
        "ClosedAccountingPeriod" | "FiscalYearError" => ("PERIOD_CLOSED", "open the period in ERPNext, and replay"),
        _ => ("OTH", "mend it in ERPNext and replay, or correct the record and hand it over anew"),
    };
    Reason { rule: kind.to_owned(), ..reason(code, "", words, action) }
}

/// What ERPNext says to people: messages as JSON in a text, each JSON in a text again.
fn words(told: &Value, body: &[u8]) -> String {
    let listed: Vec<String> = serde_json::from_str(text(told, "_server_messages")).unwrap_or_default();
    let messages: Vec<String> = listed
        .iter()
        .map(|one| {
            let said: Value = serde_json::from_str(one).unwrap_or_default();
            if said["message"].is_string() { text(&said, "message").to_owned() } else { one.clone() }
        })
        .collect();
    let said = if !messages.is_empty() {
        messages.join("; ")
    } else if !text(told, "exception").is_empty() {
        text(told, "exception").to_owned()
    } else {
        String::from_utf8_lossy(body).into_owned()
    };
    said.chars().take(WORDS).collect()
}

pub(super) fn document(path: &str, told: Value) -> Result<Value, Failure> {
    let data = data(told);
    if data.is_object() { Ok(data) } else { Err(strange(path)) }
}

/// What an answer holds; nothing where it is none of ERPNext's: a number, say, has no fields that could be taken.
fn data(told: Value) -> Value {
    match told {
        Value::Object(mut fields) => fields.remove("data").unwrap_or_default(),
        _ => Value::Null,
    }
}

fn strange(path: &str) -> Failure {
    Failure::Status(Status::internal(format!("{path}: the answer holds no data; is it ERPNext?")))
}

/// A field's text; empty where it has none.
pub(super) fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

/// A field's whole number; 0 where it has none.
pub(super) fn whole(row: &Value, field: &str) -> i64 {
    row[field].as_i64().unwrap_or_default()
}

/// A field's number, by the digits that stand in the answer.
pub(super) fn number(row: &Value, field: &str) -> Option<Decimal> {
    let text = match &row[field] {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    text.parse().or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// A number as the double that ERPNext makes of it; none where that is another number.
pub(super) fn double(number: Decimal) -> Option<Value> {
    let number = number.normalize();
    let double = serde_json::Number::from_f64(number.to_string().parse().ok()?)?;
    let back: Decimal = double.to_string().parse().ok()?;
    (back == number).then_some(Value::Number(double))
}

/// Percent-encoded, but for what stands for itself everywhere.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
