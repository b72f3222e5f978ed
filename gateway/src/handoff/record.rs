//! The hand-over of one document: its row, its states, what an operator may do with it.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use dealflow_chassis::{Lifecycle, Refusal};
use dealflow_proto::erp::v1::{self as pb, DocumentType, handoff};
use dealflow_proto::{convert, google::type_, names};
use sea_orm::entity::prelude::*;
use sea_orm::{DatabaseTransaction, FromJsonQueryResult, QuerySelect};
use serde::{Deserialize, Serialize};

use super::lines::Lines;

/// How far the delivery of a document is. There is no PENDING here: the commit that stores a document decides whether
/// it waits for its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum State {
    /// Waits for its order.
    #[sea_orm(string_value = "BLOCKED")]
    Blocked,
    /// May be sent.
    #[sea_orm(string_value = "READY")]
    Ready,
    /// Being sent, under a lease that ends at `next_attempt_at`.
    #[sea_orm(string_value = "IN_FLIGHT")]
    InFlight,
    /// The ERP has it; final.
    #[sea_orm(string_value = "DELIVERED")]
    Delivered,
    /// The ERP refused it, with reasons.
    #[sea_orm(string_value = "REJECTED")]
    Rejected,
    /// To be tried again later.
    #[sea_orm(string_value = "RETRY_WAIT")]
    RetryWait,
    /// Sent, and the answer was lost.
    #[sea_orm(string_value = "UNCERTAIN")]
    Uncertain,
    /// Given up by the machine; an operator decides.
    #[sea_orm(string_value = "DEAD_LETTERED")]
    DeadLettered,
    /// Given up by an operator; final.
    #[sea_orm(string_value = "ABANDONED")]
    Abandoned,
}

impl State {
    /// The state as the contract names it.
    pub fn wire(self) -> handoff::State {
        match self {
            Self::Blocked => handoff::State::Blocked,
            Self::Ready => handoff::State::Ready,
            Self::InFlight => handoff::State::InFlight,
            Self::Delivered => handoff::State::Delivered,
            Self::Rejected => handoff::State::Rejected,
            Self::RetryWait => handoff::State::RetryWait,
            Self::Uncertain => handoff::State::Uncertain,
            Self::DeadLettered => handoff::State::DeadLettered,
            Self::Abandoned => handoff::State::Abandoned,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire().as_str_name().trim_start_matches("STATE_"))
    }
}

/// What an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Send it again, with the same key and the same bytes.
    Replay,
    /// Give it up.
    Abandon,
    /// It stands in the ERP already.
    Adopt,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}Handoff")
    }
}

impl Lifecycle for State {
    type Verb = Verb;
    const NOUN: &'static str = "hand-over";
    const STATES: &'static [Self] = &[
        Self::Blocked,
        Self::Ready,
        Self::InFlight,
        Self::Delivered,
        Self::Rejected,
        Self::RetryWait,
        Self::Uncertain,
        Self::DeadLettered,
        Self::Abandoned,
    ];
    const VERBS: &'static [Verb] = &[Verb::Replay, Verb::Abandon, Verb::Adopt];

    fn next(self, verb: Verb) -> Option<Self> {
        match (self, verb) {
            (Self::DeadLettered | Self::Rejected, Verb::Replay) => Some(Self::Ready),
            (
                Self::DeadLettered | Self::Rejected | Self::Blocked | Self::RetryWait | Self::Uncertain,
                Verb::Abandon,
            ) => Some(Self::Abandoned),
            // An ERP that never decides, or never answers, would be asked for ever; what is on its way is decided by that.
            (Self::DeadLettered | Self::RetryWait | Self::Uncertain, Verb::Adopt) => Some(Self::Delivered),
            _ => None,
        }
    }
}

/// What kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Kind {
    /// An order: the first of its chain.
    #[sea_orm(string_value = "ORDER")]
    Order,
    /// An invoice: after its order.
    #[sea_orm(string_value = "INVOICE")]
    Invoice,
    /// A credit note: after its invoice.
    #[sea_orm(string_value = "CREDIT_NOTE")]
    CreditNote,
    /// A change of an order: after that.
    #[sea_orm(string_value = "ORDER_CHANGE")]
    OrderChange,
    /// The cancellation of an order: after that.
    #[sea_orm(string_value = "ORDER_CANCELLATION")]
    OrderCancellation,
}

impl Kind {
    /// The kind as the contract names it.
    pub fn wire(self) -> DocumentType {
        match self {
            Self::Order => DocumentType::Order,
            Self::Invoice => DocumentType::Invoice,
            Self::CreditNote => DocumentType::CreditNote,
            Self::OrderChange => DocumentType::OrderChange,
            Self::OrderCancellation => DocumentType::OrderCancellation,
        }
    }

    /// The kind that the contract names.
    pub(crate) fn of_wire(kind: DocumentType) -> Option<Self> {
        match kind {
            DocumentType::Unspecified => None,
            DocumentType::Order => Some(Self::Order),
            DocumentType::Invoice => Some(Self::Invoice),
            DocumentType::CreditNote => Some(Self::CreditNote),
            DocumentType::OrderChange => Some(Self::OrderChange),
            DocumentType::OrderCancellation => Some(Self::OrderCancellation),
        }
    }
}

/// Why the ERP refused, as it said it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Reasons(pub Vec<Reason>);

/// One reason of the ERP: data, not prose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reason {
    /// E.g. `TOTALS_MISMATCH`.
    pub code: String,
    /// The rule that was broken, e.g. `BR-CO-15`.
    pub rule: String,
    /// The field.
    pub field: String,
    /// The line, if it is about one.
    pub line_id: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub actual: String,
    /// In words.
    pub message: String,
    /// What to do.
    pub action: String,
}

impl From<pb::Reason> for Reason {
    fn from(it: pb::Reason) -> Self {
        let pb::Reason { code, rule, field, line_id, expected, actual, message, action } = it;
        Self { code, rule, field, line_id, expected, actual, message, action }
    }
}

impl From<Reason> for pb::Reason {
    fn from(it: Reason) -> Self {
        let Reason { code, rule, field, line_id, expected, actual, message, action } = it;
        Self { code, rule, field, line_id, expected, actual, message, action }
    }
}

/// The hand-over of one document.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "handoff")]
pub struct Model {
    /// UUIDv7; the idempotency key over all retries and replays.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// `{source_system}:{document_type}:{number}`, unique for ever.
    pub external_id: String,
    /// What kind of document.
    pub kind: Kind,
    /// The record: `orders/{order}`, `invoices/{invoice}` or `creditNotes/{credit_note}`.
    pub document: String,
    /// The opportunity's name.
    pub opportunity: String,
    /// External id of the order: what must go in order.
    pub chain: String,
    /// The document's bytes, frozen.
    pub payload: Vec<u8>,
    /// SHA-256 of the bytes in lower-case hexadecimal digits.
    pub sha256: String,
    /// What is to be paid, in minor units.
    pub payable_minor: i64,
    /// Currency of it.
    pub currency: String,
    /// How far it is.
    pub state: State,
    /// Attempts that count against the budget.
    pub attempts: i32,
    /// Calls that were made, look-ups and free attempts too: the number of the last attempt row.
    pub calls: i32,
    /// Technical failures in a row.
    pub failures: i32,
    /// When the first of them was.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it is due; while in flight, when its lease runs out; none where it does not move by itself.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// The ERP may have it: it is asked before the document is sent again.
    pub look_up_first: bool,
    /// The worker that holds the lease.
    pub lease_owner: Option<Uuid>,
    /// Fencing token: grows with each lease, and an outcome is written only under the lease it was made in.
    pub fence: i64,
    /// The ERP's number.
    pub erp_number: String,
    /// Why the ERP refused it.
    #[sea_orm(column_type = "JsonBinary")]
    pub reasons: Reasons,
    /// Whether whoever owns the record was told of the refusal.
    pub owner_told: bool,
    /// What went wrong last, in words.
    pub last_error: String,
    /// Who handed it over.
    pub actor: String,
    /// W3C trace context of the request that handed it over.
    pub traceparent: Option<String>,
    /// Version, for the etag.
    pub version: i64,
    /// When it was handed over.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// External id of what must be delivered before it; empty for orders.
    pub awaits: String,
    /// The key that it is sent under, where that is not its id any more: a corrected document has a key of its own.
    pub idempotency_key: Option<Uuid>,
    /// Counts the documents that were handed over under this external id.
    pub revision: i32,
    /// The flow that handed it over.
    pub stored_by: Option<Uuid>,
    /// The legal entity that sells.
    pub legal_entity: String,
    /// Day of the document.
    pub issue_date: Option<NaiveDate>,
    /// `BusinessStatus` by number: how far the ERP is with it.
    pub business_status: i32,
    /// The sequence of the event that said so.
    pub business_sequence: i64,
    /// What the ERP confirmed and delivered of each line, all in all.
    #[sea_orm(column_type = "JsonBinary")]
    pub business_lines: Lines,
    /// What the ERP was paid, all in all, in minor units.
    pub paid_minor: i64,
    /// What the ERP credited, all in all, in minor units.
    pub credited_minor: i64,
    /// When that happened.
    pub business_at: Option<DateTime<Utc>>,
    /// When somebody is to be told of it; none where there is nothing to tell.
    pub news_at: Option<DateTime<Utc>>,
    /// Whether our record cannot follow the ERP.
    pub diverges: bool,
    /// Why, or what it waits for; empty where it follows.
    pub divergence: String,
    /// Whether the ERP made it: it is never sent.
    pub taken_over: bool,
    /// What its last event said that cannot be expressed here, in words; empty where all was taken in.
    pub not_taken: String,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The hand-over of a resource name, locked until the transaction ends.
    pub(super) async fn lock(tx: &DatabaseTransaction, name: &str) -> Result<Model, Refusal> {
        let found = Self::find_by_id(names::HANDOFFS.parse(name)?).lock_exclusive().one(tx).await?;
        found.ok_or_else(|| Refusal::missing(name))
    }
}

impl Model {
    /// `handoffs/{handoff}`.
    pub fn name(&self) -> String {
        names::HANDOFFS.name(self.id)
    }

    /// The hand-over as the contract shows it, without its attempts.
    pub fn to_wire(&self) -> pb::Handoff {
        pb::Handoff {
            name: self.name(),
            etag: self.version.to_string(),
            create_time: Some(convert::timestamp(self.created_at)),
            update_time: Some(convert::timestamp(self.updated_at)),
            state: self.state.wire().into(),
            r#type: self.kind.wire().into(),
            document: self.document.clone(),
            external_id: self.external_id.clone(),
            document_sha256: self.sha256.clone(),
            opportunity: self.opportunity.clone(),
            chain: self.chain.clone(),
            payable: self.money(self.payable_minor),
            attempt_count: self.attempts,
            next_attempt_time: self.next_attempt_at.map(convert::timestamp),
            erp_number: self.erp_number.clone(),
            reasons: self.reasons.0.iter().cloned().map(Into::into).collect(),
            last_error: self.last_error.clone(),
            attempts: Vec::new(),
            awaits: self.awaits.clone(),
            revision: self.revision,
            business_status: self.business_status,
            business_sequence: self.business_sequence,
            business_time: self.business_at.map(convert::timestamp),
            lines: self.business_lines.0.iter().cloned().map(Into::into).collect(),
            paid: self.money(self.paid_minor).filter(|_| self.business_sequence > 0),
            credited: self.money(self.credited_minor).filter(|_| self.business_sequence > 0),
            diverges: self.diverges,
            divergence: self.divergence.clone(),
            attachments: Vec::new(),
            not_attached: String::new(),
            taken_over: self.taken_over,
            call_count: self.calls,
        }
    }

    /// The key that it is sent under.
    pub(super) fn key(&self) -> Uuid {
        self.idempotency_key.unwrap_or(self.id)
    }

    /// An amount of its currency.
    pub(super) fn money(&self, minor: i64) -> Option<type_::Money> {
        // The currency was read when the document was stored.
        let currency = dealflow_money::Currency::parse(&self.currency).ok()?;
        let (units, nanos) = dealflow_money::Money { minor, currency }.to_units_nanos();
        Some(type_::Money { currency_code: self.currency.clone(), units, nanos })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_erp_1_operators_mend_what_the_machine_gave_up_or_waits_for_and_nothing_else() {
        for state in State::STATES.iter().copied() {
            let allowed = match state {
                State::DeadLettered => vec![Verb::Replay, Verb::Abandon, Verb::Adopt],
                State::Rejected => vec![Verb::Replay, Verb::Abandon],
                State::Blocked => vec![Verb::Abandon],
                State::RetryWait | State::Uncertain => vec![Verb::Abandon, Verb::Adopt],
                _ => Vec::new(),
            };
            assert_eq!(state.allowed(), allowed, "{state}");
            for verb in State::VERBS.iter().copied() {
                assert_eq!(state.accept(verb).is_ok(), allowed.contains(&verb), "{state} {verb}");
            }
        }
    }

    #[test]
    fn a_state_is_stored_as_the_contract_names_it() {
        for state in State::STATES {
            assert_eq!(state.to_value(), state.to_string());
        }
    }
}
