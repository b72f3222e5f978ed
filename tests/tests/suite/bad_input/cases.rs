//! What is done to a good request, the same for every RPC; how, the descriptors say.

use dealflow::api::new_id;
use dealflow_testbed::{RefusalView, TestDb, both, refusal};
use dealflow_tests::Sandbox;
use dealflow_tests::raw::{call, enums, mutating, required, short_name};
use prost_reflect::{DynamicMessage, Kind, MethodDescriptor, ReflectMessage, Value};
use tonic::Code;

use super::table::{Again, Row, row};

/// Larger than any server of the suite takes.
const TOO_LARGE: usize = 5 * 1024 * 1024;
/// RPCs whose first field is a text, not a name.
const TEXTS: [&str; 1] = ["ProcessService/ImportProcess"];
/// RPCs whose first name is another service's record: it is kept, not looked up.
const FOREIGN: [&str; 4] = [
    "ActivityService/PauseReminders",
    "ActivityService/SyncStageActivities",
    "NotificationService/NotifyDealClosed",
    "QuoteService/CloseOpportunityQuotes",
];

both! {
    /// R-API-1, R-FLW-3
    async fn every_rpc_that_changes_something_refuses_bad_input_with_its_reason(db: TestDb) {
        let sandbox = Sandbox::start(&db).await;
        let (mut wrong, mut cases) = (Vec::new(), 0);
        for method in mutating() {
            let name = short_name(&method);
            let Some(row) = row(&name, &sandbox).await else {
                wrong.push(format!("{name}: no row of the table makes a request for it"));
                continue;
            };
            let mut rpc = Rpc { sandbox: &sandbox, name, method, cases: 0, wrong: Vec::new() };
            rpc.form(&row).await;
            rpc.records(&row).await;
            rpc.repeats(&row).await;
            cases += rpc.cases;
            wrong.append(&mut rpc.wrong);
        }
        println!("{cases} cases of bad input at {} RPCs", mutating().count());
        assert!(wrong.is_empty(), "{} of {cases} cases:\n{}", wrong.len(), wrong.join("\n"));
        sandbox.stop().await;
    }
}

/// One RPC under test; what is wrong is collected, so that one run tells all.
struct Rpc<'a> {
    sandbox: &'a Sandbox,
    name: String,
    method: MethodDescriptor,
    cases: usize,
    wrong: Vec<String>,
}

impl Rpc<'_> {
    fn good(&self, row: &Row) -> DynamicMessage {
        let ask = DynamicMessage::decode(self.method.input(), row.ask.as_slice()).expect("the row is of this RPC");
        with(ask, "request_id", Value::String(new_id()))
    }

    async fn send(&self, ask: &DynamicMessage) -> Result<Vec<u8>, RefusalView> {
        self.send_bytes(prost::Message::encode_to_vec(ask)).await
    }

    async fn send_bytes(&self, ask: Vec<u8>) -> Result<Vec<u8>, RefusalView> {
        call(&self.sandbox.link, &self.method, ask).await.map_err(|status| refusal(&status))
    }

    /// Expects a refusal of this code and reason, which names these fields and no others.
    async fn refused(&mut self, what: &str, ask: &DynamicMessage, code: Code, reason: &str, fields: &[&str]) {
        let answer = self.send(ask).await;
        self.judge(what, answer, code, reason, Some(fields));
    }

    fn judge(
        &mut self,
        what: &str,
        answer: Result<Vec<u8>, RefusalView>,
        code: Code,
        reason: &str,
        fields: Option<&[&str]>,
    ) {
        self.cases += 1;
        let right = answer.as_ref().err().is_some_and(|refused| {
            let named = fields.is_none_or(|fields| refused.field_names() == fields);
            refused.code == code && refused.reason == reason && named && !refused.message.is_empty()
        });
        if !right {
            let answer = answer.map(|bytes| format!("{} bytes", bytes.len()));
            self.wrong.push(format!("{} {what}: want {code:?} {reason} {fields:?}, got {answer:?}", self.name));
        }
    }

    fn want_ok(&mut self, what: &str, answer: Result<Vec<u8>, RefusalView>) -> Option<Vec<u8>> {
        self.cases += 1;
        match answer {
            Ok(answer) => Some(answer),
            Err(refused) => {
                self.wrong.push(format!("{} {what}: goes through, got {refused:?}", self.name));
                None
            }
        }
    }

    /// Missing fields, ids and enums of the wrong form, times to come, messages too large.
    async fn form(&mut self, row: &Row) {
        const INVALID: (Code, &str) = (Code::InvalidArgument, "INVALID_FIELDS");
        let input = self.method.input();
        let needed = required(&input);
        let empty = DynamicMessage::new(input.clone());
        let answer = self.send(&empty).await;
        let named = answer.as_ref().err().map(|it| it.fields.clone()).unwrap_or_default();
        self.judge("with nothing", answer, INVALID.0, INVALID.1, None);
        // All at once, and perhaps others that may not be zero either.
        for field in needed.iter().filter(|field| !named.iter().any(|(name, _)| name == *field)) {
            self.wrong.push(format!("{} with nothing: does not name {field}", self.name));
        }
        let good = self.good(row);
        for id in ["", "7", "not-a-uuid", "01890000-0000-7000-8000-00000000000g"] {
            let ask = with(good.clone(), "request_id", Value::String(id.to_owned()));
            self.refused(&format!("with the request id `{id}`"), &ask, INVALID.0, INVALID.1, &["request_id"]).await;
        }
        for field in enums(&input) {
            let ask = with(good.clone(), field.name(), Value::EnumNumber(99));
            self.refused("with an enum number of no name", &ask, INVALID.0, INVALID.1, &[field.name()]).await;
        }
        if input.get_field_by_name("effective_time").is_some() {
            let ask = with(good.clone(), "effective_time", time(&good, 4_000_000_000));
            self.refused("with a time to come", &ask, INVALID.0, INVALID.1, &["effective_time"]).await;
        }
        for (what, bytes) in [("no message", &b"\x0a\xff"[..]), ("text that is no UTF-8", b"\x0a\x01\xff")] {
            let answer = self.send_bytes(bytes.to_vec()).await;
            self.judge(&format!("with bytes that are {what}"), answer, INVALID.0, INVALID.1, None);
        }
        let mut large = row.ask.clone();
        large.extend(unknown_field(&vec![b'x'; TOO_LARGE]));
        let answer = self.send_bytes(large).await;
        let code = answer.as_ref().err().map_or(Code::Ok, |refused| refused.code);
        let code = if code == Code::ResourceExhausted { code } else { Code::OutOfRange };
        self.judge("with 5 MiB", answer, code, "TOO_LARGE", Some(&[]));
    }

    /// Names of the wrong form, of no record, and versions that are over.
    async fn records(&mut self, row: &Row) {
        let good = self.good(row);
        let named = subject(&good).filter(|_| !TEXTS.contains(&self.name.as_str()));
        if let Some((path, name)) = named {
            let ask = with_path(good.clone(), &path, "no-name-at-all");
            self.refused("with a name of no form", &ask, Code::InvalidArgument, "INVALID_FIELDS", &[&path]).await;
            let nobody = format!("{}/{}", name.split('/').next().unwrap_or_default(), new_id());
            if !FOREIGN.contains(&self.name.as_str()) {
                let answer = self.send(&with_path(good.clone(), &path, &nobody)).await;
                let named = answer.as_ref().err().and_then(|refused| refused.resource.clone());
                self.judge("with a name of no record", answer, Code::NotFound, "NOT_FOUND", None);
                if named.as_deref() != Some(&nobody) {
                    self.wrong.push(format!("{} with a name of no record: names {named:?}, not {nobody}", self.name));
                }
            }
        }
        if self.method.input().get_field_by_name("etag").is_some() {
            let answer = self.send(&with(good, "etag", Value::String("999".to_owned()))).await;
            let current = answer.as_ref().err().and_then(|refused| refused.metadata.get("etag").cloned());
            self.judge("with a version that is not the present one", answer, Code::Aborted, "STALE_ETAG", None);
            if current.is_none_or(|current| current.is_empty() || current == "999") {
                self.wrong.push(format!("{} with a stale version: does not say the present one", self.name));
            }
        }
    }

    /// The same id with the same and with other content, and the same content under a new id.
    async fn repeats(&mut self, row: &Row) {
        let good = self.good(row);
        if let Again::RefusedAtOnce(reason) = row.again {
            return self.refused("in a state that refuses it", &good, code_of(reason), reason, &[]).await;
        }
        // A field that nobody knows is nothing that a server could refuse: a newer client may have sent it.
        let mut first = prost::Message::encode_to_vec(&good);
        first.extend(unknown_field(b"from a later version"));
        let answer = self.send_bytes(first).await;
        let Some(answer) = self.want_ok("with a field of a later version", answer) else { return };
        let repeated = self.send(&good).await;
        if let Some(repeated) = self.want_ok("repeated", repeated)
            && repeated != answer
        {
            self.wrong.push(format!("{} repeated: answers otherwise than at first", self.name));
        }
        let id = good.get_field_by_name("request_id").and_then(|id| id.as_str().map(str::to_uppercase));
        let capitals = with(good.clone(), "request_id", Value::String(id.unwrap_or_default()));
        let answer = self.send(&capitals).await;
        self.want_ok("repeated with its id in capitals", answer);
        let other = other_content(&good);
        self.refused("with its id and other content", &other, Code::AlreadyExists, "REQUEST_ID_REUSED", &[]).await;
        let anew = self.good(row);
        match row.again {
            Again::Refused(reason) => {
                let answer = self.send(&anew).await;
                self.judge("once more under a new id", answer, code_of(reason), reason, None);
            }
            _ => {
                let answer = self.send(&anew).await;
                self.want_ok("once more under a new id", answer);
            }
        }
    }
}

fn with(mut ask: DynamicMessage, field: &str, value: Value) -> DynamicMessage {
    ask.set_field_by_name(field, value);
    ask
}

/// Sets `name` or `lead.name`.
fn with_path(mut ask: DynamicMessage, path: &str, value: &str) -> DynamicMessage {
    let value = Value::String(value.to_owned());
    match path.split_once('.') {
        None => ask.set_field_by_name(path, value),
        Some((outer, inner)) => {
            if let Some(nested) = ask.get_field_by_name_mut(outer).and_then(Value::as_message_mut) {
                nested.set_field_by_name(inner, value);
            }
        }
    }
    ask
}

/// The record that a request is about: its first name, or the name in the record of an update.
fn subject(ask: &DynamicMessage) -> Option<(String, String)> {
    let fields: Vec<_> = ask.descriptor().fields().collect();
    let first = fields.first()?;
    let value = ask.get_field(first);
    if let Some(record) = value.as_message() {
        let name = record.get_field_by_name("name")?.as_str()?.to_owned();
        return (!name.is_empty()).then(|| (format!("{}.name", first.name()), name));
    }
    let name = value.as_str()?.to_owned();
    (first.name() != "request_id" && !name.is_empty()).then(|| (first.name().to_owned(), name))
}

/// Another request under the same id.
fn other_content(ask: &DynamicMessage) -> DynamicMessage {
    let descriptor = ask.descriptor();
    if descriptor.get_field_by_name("etag").is_some() {
        return with(ask.clone(), "etag", Value::String("12345".to_owned()));
    }
    if descriptor.get_field_by_name("effective_time").is_some() {
        return with(ask.clone(), "effective_time", time(ask, 1_500_000_000));
    }
    let record = descriptor.fields().next().expect("a request has fields");
    let mut changed = ask.get_field(&record).as_message().expect("a creation holds its record").clone();
    let text = changed
        .descriptor()
        .fields()
        .find(|field| matches!(field.kind(), Kind::String) && !field.is_list() && changed.has_field(field));
    changed.set_field(&text.expect("the record has a text"), Value::String("another".to_owned()));
    with(ask.clone(), record.name(), Value::Message(changed))
}

fn time(ask: &DynamicMessage, seconds: i64) -> Value {
    let field = ask.descriptor().get_field_by_name("effective_time").expect("it was looked for");
    let kind = field.kind();
    let mut time = DynamicMessage::new(kind.as_message().expect("a time is a message").clone());
    time.set_field_by_name("seconds", Value::I64(seconds));
    Value::Message(time)
}

/// Field 1000, of which no message of the API knows: its tag, its length, its bytes.
fn unknown_field(content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 8);
    prost::encoding::encode_varint((1000 << 3) | 2, &mut bytes);
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend(content);
    bytes
}

/// The code that a reason of the catalogue comes with.
fn code_of(reason: &str) -> Code {
    match reason {
        "TAKEN" => Code::AlreadyExists,
        "INVALID_FIELDS" => Code::InvalidArgument,
        "PERMISSION_DENIED" => Code::PermissionDenied,
        _ => Code::FailedPrecondition,
    }
}
