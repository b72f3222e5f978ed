//! What happened: one row for each change, which is history, audit, outgoing event and remembered answer in one.
//!
//! The row commits with the change. `seq` orders the rows of one record; `position` is the place in the feed and is
//! given after the commit (see [`crate::feed`]). One row of each request also holds what makes the request one: the
//! digest of its content and its answer, unique by request id (R-API-1). A request that changed nothing leaves a row
//! without a kind, which is no event.

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_proto::feed::v1::Event;
use prost::{Message, Name};
use prost_types::{Any, Duration, Timestamp};
use sea_orm::entity::prelude::*;
use sea_orm::{Statement, Value};
use uuid::Uuid;

use crate::work::Work;

/// One change of one record.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "history")]
pub struct Model {
    /// Order of insertion; for one record the order of its changes.
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// Place in the feed; null until numbered. SQLite has one writer, so there it stays null and `seq` serves.
    pub position: Option<i64>,
    /// UUIDv7 of the event.
    pub id: Uuid,
    /// E.g. `opportunity.stage_changed`.
    pub kind: String,
    /// The record's resource name.
    pub subject: String,
    /// The deal that it belongs to: a lead's or an opportunity's name.
    pub thread: String,
    /// The RPC that did it.
    pub verb: String,
    /// State before; empty on creation.
    pub from_state: String,
    /// State after.
    pub to_state: String,
    /// Who did it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When it took effect.
    pub at: DateTime<Utc>,
    /// Microseconds spent in the old state.
    pub spent_micros: Option<i64>,
    /// The request that did it.
    pub request_id: Uuid,
    /// The flow that the request belonged to.
    pub flow: Option<Uuid>,
    /// W3C trace context of the request.
    pub traceparent: Option<String>,
    /// The type of `data`.
    pub data_type: String,
    /// The record after the change, serialized.
    pub data: Vec<u8>,
    /// The message type of the request.
    pub method: String,
    /// SHA-256 of the request's type and content, in the one row that remembers its answer.
    pub digest: Option<Vec<u8>>,
    /// The serialized answer, in that row; null where it is the same as `data`.
    pub answer: Option<Vec<u8>>,
}

/// No relations: history outlives what it tells of.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row as it goes out; `position` is what the feed calls it.
    pub fn into_event(self, position: i64) -> Event {
        Event {
            position,
            event_id: self.id.to_string(),
            r#type: self.kind,
            subject: self.subject,
            thread: self.thread,
            verb: self.verb,
            from_state: self.from_state,
            to_state: self.to_state,
            actor: self.actor,
            reason: self.reason,
            time: Some(Timestamp {
                seconds: self.at.timestamp(),
                nanos: i32::try_from(self.at.timestamp_subsec_nanos()).unwrap_or_default(),
            }),
            time_in_state: self.spent_micros.map(|micros| Duration {
                seconds: micros / 1_000_000,
                nanos: i32::try_from(micros % 1_000_000 * 1_000).unwrap_or_default(),
            }),
            request_id: self.request_id.to_string(),
            flow_id: self.flow.map(|flow| flow.to_string()).unwrap_or_default(),
            traceparent: self.traceparent.unwrap_or_default(),
            data: Some(Any { type_url: self.data_type, value: self.data }),
        }
    }
}

/// A change that is about to be recorded: what the rule knows of it. [`crate::work::Work`] adds who, when and why so.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub(crate) kind: String,
    pub(crate) subject: String,
    pub(crate) thread: String,
    pub(crate) verb: String,
    pub(crate) from_state: String,
    pub(crate) to_state: String,
    pub(crate) reason: String,
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) data_type: String,
    pub(crate) data: Vec<u8>,
}

impl Change {
    /// A change of a record, as an event of a kind (`lead.qualified`), done by a verb (`QualifyLead`).
    pub fn new(kind: &str, subject: impl Into<String>, verb: &str) -> Self {
        Self { kind: kind.to_owned(), subject: subject.into(), verb: verb.to_owned(), ..Self::default() }
    }

    /// The deal that the record belongs to; the record itself where nothing is said.
    #[must_use]
    pub fn thread(mut self, thread: impl Into<String>) -> Self {
        self.thread = thread.into();
        self
    }

    /// From which state to which; `from` is empty on creation.
    #[must_use]
    pub fn states(mut self, from: impl ToString, to: impl ToString) -> Self {
        self.from_state = from.to_string();
        self.to_state = to.to_string();
        self
    }

    /// When the record came into the old state: gives the time spent in it.
    #[must_use]
    pub fn since(mut self, since: DateTime<Utc>) -> Self {
        self.since = Some(since);
        self
    }

    /// Why, where the verb asks for a reason.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// The record after the change.
    #[must_use]
    pub fn data<M: Message + Name>(mut self, record: &M) -> Self {
        self.data_type = M::type_url();
        self.data = record.encode_to_vec();
        self
    }
}

/// What a request is remembered by.
pub(crate) struct Remembered<'a> {
    /// Its message type.
    pub(crate) method: &'static str,
    /// SHA-256 of type and content.
    pub(crate) digest: &'a [u8],
    /// The serialized answer.
    pub(crate) answer: &'a [u8],
}

/// The columns that are written with a change; `seq` and `position` come later.
const COLUMNS: [&str; 19] = [
    "id",
    "kind",
    "subject",
    "thread",
    "verb",
    "from_state",
    "to_state",
    "actor",
    "reason",
    "at",
    "spent_micros",
    "request_id",
    "flow",
    "traceparent",
    "data_type",
    "data",
    "method",
    "digest",
    "answer",
];

/// Writes a work's changes in one statement. False if its request id is remembered already: then the work is a copy's,
/// and is to be rolled back.
pub(crate) async fn write(work: &Work, remembered: &Remembered<'_>) -> Result<bool, DbErr> {
    // The answer is stored once: beside the change that it equals, or beside the first one.
    let nothing = [Change { subject: work.about.clone(), ..Change::default() }];
    let changes = if work.changes.is_empty() { &nothing[..] } else { &work.changes };
    let equal = changes.iter().position(|change| change.data == remembered.answer);
    let mut values = Vec::with_capacity(changes.len() * COLUMNS.len());
    for (index, change) in changes.iter().enumerate() {
        let holds = index == equal.unwrap_or_default();
        values.extend(row(work, change, remembered.method));
        values.push(Value::Bytes(holds.then(|| remembered.digest.to_vec())));
        values.push(Value::Bytes((holds && equal.is_none()).then(|| remembered.answer.to_vec())));
    }
    let statement = Statement::from_sql_and_values(work.tx.get_database_backend(), insert_sql(changes.len()), values);
    let written = work.tx.execute_raw(statement).await?.rows_affected();
    Ok(written == changes.len() as u64)
}

/// The insert of so many rows. Written by hand: it is in every request's way, and a query builder would take longer
/// than the database.
fn insert_sql(rows: usize) -> String {
    let mut sql = format!("INSERT INTO history ({}) VALUES ", COLUMNS.join(", "));
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=COLUMNS.len() {
            let place = row * COLUMNS.len() + column;
            sql.push_str(if column == 1 { "$" } else { ", $" });
            sql.push_str(&place.to_string());
        }
        sql.push(')');
    }
    sql.push_str(" ON CONFLICT DO NOTHING");
    sql
}

fn row(work: &Work, change: &Change, method: &str) -> [Value; 17] {
    let thread = if change.thread.is_empty() { &change.subject } else { &change.thread };
    let spent = change.since.and_then(|since| (work.now - since).max(TimeDelta::zero()).num_microseconds());
    [
        Uuid::now_v7().into(),
        change.kind.as_str().into(),
        change.subject.as_str().into(),
        thread.as_str().into(),
        change.verb.as_str().into(),
        change.from_state.as_str().into(),
        change.to_state.as_str().into(),
        work.context.actor.as_str().into(),
        change.reason.as_str().into(),
        work.now.into(),
        spent.into(),
        work.request_id.into(),
        work.context.flow.into(),
        work.context.traceparent.as_deref().into(),
        change.data_type.as_str().into(),
        change.data.as_slice().into(),
        method.into(),
    ]
}

/// The row that remembers a request.
pub(crate) async fn remembered(db: &impl ConnectionTrait, request_id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::RequestId.eq(request_id)).filter(Column::Digest.is_not_null()).one(db).await
}
