//! Storing a document for hand-over: frozen, once per external id, many in one commit.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use dealflow_chassis::telemetry::traceparent_of_current_span;
use dealflow_chassis::{Context, Kind as Refused, Refusal, Store, history};
use dealflow_proto::erp::v1::{Document, DocumentType};
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::google::type_::Money;
use dealflow_proto::{convert, names};
use prost::Message;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, TryInsertResult,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::batch::Write;
use super::chain::WISHES;
use super::essence;
use super::lines::Lines;
use super::outcome::told;
use super::record::{Column, Entity, Kind, Model, Reason, Reasons, State};

/// External ids have at most this many characters: what every ERP takes.
const MAX_EXTERNAL_ID: usize = 35;

/// The code of the reason why a document is not sent: what it follows was given up.
pub(crate) const DEPENDENCY_ABANDONED: &str = "DEPENDENCY_ABANDONED";

/// A document that is to reach the ERP.
#[derive(Debug, Clone)]
pub struct NewHandoff {
    /// The document; its bytes are frozen now.
    pub document: Document,
    /// The record: `orders/{order}`, `invoices/{invoice}` or `creditNotes/{credit_note}`.
    pub record: String,
    /// The opportunity's name.
    pub opportunity: String,
    /// Who hands it over, and under which trace; the trace goes on in the ERP.
    pub context: Context,
}

/// Checks a document's form and freezes it. Whether it waits for its order is decided when it is written.
pub(super) fn freeze(new: NewHandoff, now: DateTime<Utc>) -> Result<Model, Refusal> {
    let NewHandoff { document, record, opportunity, context } = new;
    let letter = |it: u8| it.is_ascii_alphanumeric() || b"._:-".contains(&it);
    let id = document.external_id.as_str();
    if !(1..=MAX_EXTERNAL_ID).contains(&id.len()) || !id.bytes().all(letter) {
        return Err(Refusal::field("document.external_id", "1 to 35 letters of A-Za-z0-9._:-"));
    }
    let order = document.order_external_id.as_str();
    let (kind, chain, awaits, named) = match document.r#type() {
        DocumentType::Order => (Kind::Order, id, "", names::ORDERS.parse(&record)),
        DocumentType::Invoice => (Kind::Invoice, order, order, names::INVOICES.parse(&record)),
        DocumentType::CreditNote => {
            (Kind::CreditNote, order, document.invoice_external_id.as_str(), names::CREDIT_NOTES.parse(&record))
        }
        DocumentType::OrderChange => (Kind::OrderChange, order, order, names::ORDERS.parse(&record)),
        DocumentType::OrderCancellation => (Kind::OrderCancellation, order, order, names::ORDERS.parse(&record)),
        DocumentType::Unspecified => return Err(Refusal::field("document.type", "what is handed over")),
    };
    named.map_err(|bad| Refusal::field("record", bad.to_string()))?;
    if chain.is_empty() {
        return Err(Refusal::field("document.order_external_id", "the order that it belongs to"));
    }
    if kind == Kind::CreditNote && awaits.is_empty() {
        return Err(Refusal::field("document.invoice_external_id", "the invoice that the credit note takes back"));
    }
    let payable = document.totals.as_ref().and_then(|totals| totals.payable.as_ref());
    // A cancellation has no amounts.
    let nothing = Money { currency_code: document.currency_code.clone(), units: 0, nanos: 0 };
    let payable = payable.or(Some(&nothing).filter(|_| kind == Kind::OrderCancellation));
    let payable = payable.ok_or_else(|| Refusal::field("document.totals.payable", "what is to be paid"))?;
    let day = document.issue_date.as_ref().map(convert::date_of).transpose();
    let issue_date = day.map_err(|error| Refusal::field("document.issue_date", error.to_string()))?;
    let wrong = |error: dealflow_money::MoneyError| Refusal::field("document.totals.payable", error.to_string());
    let currency = dealflow_money::Currency::parse(&payable.currency_code).map_err(wrong)?;
    let amount = dealflow_money::Money::from_units_nanos(payable.units, payable.nanos, currency).map_err(wrong)?;
    let payload = document.encode_to_vec();
    Ok(Model {
        id: Uuid::now_v7(),
        external_id: id.to_owned(),
        kind,
        document: record,
        opportunity,
        chain: chain.to_owned(),
        sha256: hex(&payload),
        payload,
        payable_minor: amount.minor,
        currency: payable.currency_code.clone(),
        state: State::Ready,
        attempts: 0,
        calls: 0,
        failures: 0,
        failing_since: None,
        next_attempt_at: Some(now),
        look_up_first: false,
        lease_owner: None,
        fence: 0,
        erp_number: String::new(),
        reasons: Reasons::default(),
        owner_told: true,
        last_error: String::new(),
        actor: context.actor,
        traceparent: context.traceparent.or_else(traceparent_of_current_span),
        version: 1,
        created_at: now,
        updated_at: now,
        awaits: awaits.to_owned(),
        idempotency_key: None,
        revision: 1,
        stored_by: context.flow,
        legal_entity: document.legal_entity.clone(),
        issue_date,
        business_status: 0,
        business_sequence: 0,
        business_lines: Lines::default(),
        paid_minor: 0,
        credited_minor: 0,
        business_at: None,
        news_at: None,
        diverges: false,
        divergence: String::new(),
        taken_over: false,
        not_taken: String::new(),
    })
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes documents that were stored at the same time.
#[derive(Clone)]
pub(super) struct Incoming(pub(super) Store);

impl Write for Incoming {
    type Row = Model;
    type Answer = Uuid;

    async fn write(&self, mut rows: Vec<Model>) -> Result<Vec<Result<Uuid, Refusal>>, Refusal> {
        let tx = self.0.begin().await?;
        block(&tx, &mut rows).await?;
        let wanted = rows.len() as u64;
        let models = rows.iter().cloned().map(IntoActiveModel::into_active_model);
        let inserted = Entity::insert_many(models)
            .on_conflict_do_nothing_on([Column::ExternalId])
            .exec_without_returning(&tx)
            .await?;
        if matches!(inserted, TryInsertResult::Inserted(count) if count == wanted) {
            tell_ended(&tx, rows.iter()).await?;
            self.0.commit(tx).await?;
            return Ok(rows.into_iter().map(|row| Ok(row.id)).collect());
        }
        let standing = standing(&tx, &rows).await?;
        let mut answers = Vec::with_capacity(rows.len());
        for row in &rows {
            answers.push(match standing.get(&row.external_id) {
                Some(refused) if corrects(row, refused) => correct(&tx, row, refused).await.map(Ok)?,
                _ => compare(row, &standing),
            });
        }
        let is_new = |row: &&Model| standing.get(&row.external_id).is_some_and(|found| found.id == row.id);
        tell_ended(&tx, rows.iter().filter(is_new)).await?;
        self.0.commit(tx).await?;
        Ok(answers)
    }
}

/// What follows another document waits unless that is delivered. The other's row is held until the commit: its delivery
/// cannot slip in between and leave something behind that nobody wakes. What the ERP is asked about an order whose hand-over
/// was given up does not wait: it is asked because the ERP has it all the same. Anything else after what was given up would
/// wait for ever: it is refused in the ERP's stead, and its owner told. What the ERP was to be asked about an order that it
/// refused is given up at once: there is nothing to ask, and once the order is handed over anew it is another question.
async fn block(tx: &DatabaseTransaction, rows: &mut [Model]) -> Result<(), DbErr> {
    let awaited: BTreeSet<String> =
        rows.iter().filter(|row| !row.awaits.is_empty()).map(|row| row.awaits.clone()).collect();
    if awaited.is_empty() {
        return Ok(());
    }
    let mut found = Entity::find()
        .select_only()
        .column(Column::ExternalId)
        .column(Column::State)
        .filter(Column::ExternalId.is_in(awaited))
        .order_by_asc(Column::ExternalId);
    if tx_is_postgres(tx) {
        found = found.lock(LockType::Share);
    }
    let found: Vec<(String, State)> = found.into_tuple().all(tx).await?;
    let is = |awaited: &str, wanted: State| found.iter().any(|(id, state)| id == awaited && *state == wanted);
    let goes = |row: &Model| {
        let asks = WISHES.contains(&row.kind) && is(&row.awaits, State::Abandoned);
        asks || row.awaits.is_empty() || is(&row.awaits, State::Delivered)
    };
    for row in rows.iter_mut().filter(|row| !goes(row)) {
        row.next_attempt_at = None;
        if WISHES.contains(&row.kind) && is(&row.awaits, State::Rejected) {
            row.state = State::Abandoned;
            row.last_error = format!("not sent: the ERP refused {}, and has nothing of it", row.awaits);
        } else if is(&row.awaits, State::Abandoned) {
            row.state = State::Rejected;
            let reason = given_up(row);
            row.last_error = format!("not sent: {}", reason.message);
            row.reasons = Reasons(vec![reason]);
        } else {
            row.state = State::Blocked;
        }
    }
    Ok(())
}

/// Why a document is not sent whose order, or invoice, was given up.
fn given_up(row: &Model) -> Reason {
    let awaited = &row.awaits;
    let field = if row.kind == Kind::CreditNote { "invoice_external_id" } else { "order_external_id" };
    Reason {
        code: DEPENDENCY_ABANDONED.to_owned(),
        field: field.to_owned(),
        actual: awaited.clone(),
        message: format!("the hand-over of {awaited} is ABANDONED, and the ERP knows nothing of it"),
        action: format!("hand {awaited} over anew, or have it in the ERP, and ReplayHandoff sends this one"),
        ..Reason::default()
    }
}

/// That a document was stored refused is told as if the ERP had said so, and that it was given up as if somebody had.
async fn tell_ended(tx: &DatabaseTransaction, new: impl Iterator<Item = &Model>) -> Result<(), DbErr> {
    let ended = new.filter_map(|row| match row.state {
        State::Rejected => Some((row, "handoff.rejected")),
        State::Abandoned => Some((row, "handoff.abandoned")),
        _ => None,
    });
    let told =
        ended.map(|(row, kind)| told(row, kind, ("StoreHandoff", State::Blocked, &row.last_error), row.created_at));
    let told: Vec<_> = told.collect();
    if told.is_empty() {
        return Ok(());
    }
    history::Entity::insert_many(told).exec_without_returning(tx).await.map(drop)
}

/// What stands under the external ids.
async fn standing(tx: &DatabaseTransaction, rows: &[Model]) -> Result<HashMap<String, Model>, DbErr> {
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.external_id.as_str()).collect();
    let found = Entity::find().filter(Column::ExternalId.is_in(ids)).order_by_asc(Column::ExternalId);
    let found = found.lock_exclusive().all(tx).await?;
    Ok(found.into_iter().map(|row| (row.external_id.clone(), row)).collect())
}

/// Whether a document takes the place of one that the ERP refused, or of an order or a wish to cancel it that was given up:
/// somebody handed it over anew. The flow that stored the other one corrects nothing when it runs again. A bill that says
/// the same as the refused one is no other: it is posted, nobody submits it anew, and ReplayHandoff sends it again.
fn corrects(row: &Model, standing: &Model) -> bool {
    let again = matches!(standing.kind, Kind::Order | Kind::OrderCancellation);
    let given_up = standing.state == State::Abandoned && again;
    let bill = matches!(standing.kind, Kind::Invoice | Kind::CreditNote);
    let other = !bill || !essence::same(&row.payload, &standing.payload);
    let anew = row.stored_by.is_none() || row.stored_by != standing.stored_by;
    (standing.state == State::Rejected || given_up) && anew && other
}

/// REJECTED → SUPERSEDED: the ERP holds nothing under the external id, so the new bytes go under it, with a key of their
/// own. Where an answer was lost before it was given up, the ERP is asked first.
async fn correct(tx: &DatabaseTransaction, row: &Model, refused: &Model) -> Result<Uuid, DbErr> {
    let key = if row.sha256 == refused.sha256 { refused.idempotency_key } else { Some(row.id) };
    let after = Model {
        id: refused.id,
        calls: refused.calls,
        fence: refused.fence,
        idempotency_key: key,
        revision: refused.revision + 1,
        version: refused.version + 1,
        created_at: refused.created_at,
        business_sequence: refused.business_sequence,
        // A refusal had no effect; what was given up may have had one.
        look_up_first: refused.state == State::Abandoned && refused.calls > 0,
        ..row.clone()
    };
    let mut change = after.clone().into_active_model().reset_all();
    change.id = sea_orm::ActiveValue::Unchanged(after.id);
    Entity::update(change).exec(tx).await?;
    let reason = format!("revision {} had {}", refused.revision, refused.sha256);
    let told = told(&after, "handoff.superseded", ("SupersedeHandoff", refused.state, &reason), row.created_at);
    history::Entity::insert(told).exec_without_returning(tx).await?;
    Ok(after.id)
}

/// The same bytes again, or other files with the same content: the standing hand-over. Other content under the same id: a
/// refusal, never an overwrite.
fn compare(row: &Model, standing: &HashMap<String, Model>) -> Result<Uuid, Refusal> {
    let Some(Model { id, sha256, payload, .. }) = standing.get(&row.external_id) else {
        return Err(Refusal::internal(format!("{} was neither stored nor found", row.external_id)));
    };
    if *sha256 == row.sha256 || essence::same(payload, &row.payload) {
        return Ok(*id);
    }
    let holder = names::HANDOFFS.name(*id);
    let message = format!(
        "{} is handed over as {holder} with other content; what is handed over changes no more, a correction has a \
         number of its own",
        row.external_id
    );
    Err(Refusal::new(Refused::Taken, ErrorReason::Taken, message)
        .with("field", "document.external_id")
        .with("holder", holder))
}

fn tx_is_postgres(tx: &DatabaseTransaction) -> bool {
    use sea_orm::ConnectionTrait;
    tx.get_database_backend() == DbBackend::Postgres
}
