//! Storing a document for hand-over: frozen, once per external id, many in one commit.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use dealflow_chassis::telemetry::traceparent_of_current_span;
use dealflow_chassis::{Context, Kind as Refused, Refusal, Store};
use dealflow_proto::erp::v1::{Document, DocumentType};
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::names;
use prost::Message;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, TryInsertResult,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::batch::Write;
use super::record::{Column, Entity, Kind, Model, Reasons, State};

/// External ids have at most this many characters: what every ERP takes.
const MAX_EXTERNAL_ID: usize = 35;

/// A document that is to reach the ERP.
#[derive(Debug, Clone)]
pub struct NewHandoff {
    /// The document; its bytes are frozen now.
    pub document: Document,
    /// The record, `orders/{order}` or `invoices/{invoice}`.
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
    let (kind, chain, named) = match document.r#type() {
        DocumentType::Order => (Kind::Order, id, names::ORDERS.parse(&record)),
        DocumentType::Invoice => (Kind::Invoice, document.order_external_id.as_str(), names::INVOICES.parse(&record)),
        _ => return Err(Refusal::field("document.type", "ORDER or INVOICE")),
    };
    named.map_err(|bad| Refusal::field("record", bad.to_string()))?;
    if chain.is_empty() {
        return Err(Refusal::field("document.order_external_id", "the order that the invoice bills"));
    }
    let payable = document.totals.as_ref().and_then(|totals| totals.payable.as_ref());
    let payable = payable.ok_or_else(|| Refusal::field("document.totals.payable", "what is to be paid"))?;
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
            self.0.commit(tx).await?;
            return Ok(rows.into_iter().map(|row| Ok(row.id)).collect());
        }
        let standing = standing(&tx, &rows).await?;
        self.0.commit(tx).await?;
        Ok(rows.iter().map(|row| compare(row, &standing)).collect())
    }
}

/// Invoices wait unless their order is delivered. The order's row is held until the commit: its delivery cannot slip in
/// between and leave an invoice behind that nobody wakes.
async fn block(tx: &DatabaseTransaction, rows: &mut [Model]) -> Result<(), DbErr> {
    let invoices = rows.iter().filter(|row| row.kind == Kind::Invoice);
    let chains: BTreeSet<String> = invoices.map(|row| row.chain.clone()).collect();
    if chains.is_empty() {
        return Ok(());
    }
    let mut orders = Entity::find()
        .select_only()
        .column(Column::ExternalId)
        .column(Column::State)
        .filter(Column::ExternalId.is_in(chains))
        .order_by_asc(Column::ExternalId);
    if tx_is_postgres(tx) {
        orders = orders.lock(LockType::Share);
    }
    let orders: Vec<(String, State)> = orders.into_tuple().all(tx).await?;
    let delivered = |chain: &str| orders.iter().any(|(id, state)| id == chain && *state == State::Delivered);
    for row in rows.iter_mut().filter(|row| row.kind == Kind::Invoice && !delivered(&row.chain)) {
        row.state = State::Blocked;
        row.next_attempt_at = None;
    }
    Ok(())
}

/// What stands under the external ids: id and hash.
async fn standing(tx: &DatabaseTransaction, rows: &[Model]) -> Result<HashMap<String, (Uuid, String)>, DbErr> {
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.external_id.as_str()).collect();
    let found: Vec<(String, Uuid, String)> = Entity::find()
        .select_only()
        .columns([Column::ExternalId, Column::Id, Column::Sha256])
        .filter(Column::ExternalId.is_in(ids))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(found.into_iter().map(|(external_id, id, sha256)| (external_id, (id, sha256))).collect())
}

/// The same bytes again: the standing hand-over. Other bytes under the same id: a refusal, never an overwrite.
fn compare(row: &Model, standing: &HashMap<String, (Uuid, String)>) -> Result<Uuid, Refusal> {
    let Some((id, sha256)) = standing.get(&row.external_id) else {
        return Err(Refusal::internal(format!("{} was neither stored nor found", row.external_id)));
    };
    if *sha256 == row.sha256 {
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
