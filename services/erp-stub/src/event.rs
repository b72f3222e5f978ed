//! What happened to documents, told at least once: in order of position, unless a fault of the plan has it otherwise.
//!
//! A position is given while the books are held, so that no reader passes one that is committed later. An event that is
//! held back (told later, or after the next) has none until it is told.

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_chassis::store::Store;
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{ErpEvent, FaultKind};
use prost::Message;
use sea_orm::entity::prelude::*;
use sea_orm::{DatabaseTransaction, NotSet, QueryOrder, QuerySelect, Set};

use crate::book;
use crate::faults::{Faults, Moment};

/// The counter of positions stands beside those of the documents.
const POSITIONS: i32 = 1000;

/// One event, told or held back.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    /// In the order in which things happened.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The same in each copy.
    pub event_id: Uuid,
    /// About which document.
    pub external_id: String,
    /// The event.
    pub body: Vec<u8>,
    /// In the order in which it is told; none while it is held back.
    pub position: Option<i64>,
    /// When it is told, while it is held back; none where the next event brings it along.
    pub release_at: Option<DateTime<Utc>>,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Tells what a document has become: its sequence grows by one. The caller saves the document.
pub async fn tell(
    tx: &DatabaseTransaction,
    faults: &Faults,
    row: &mut book::Model,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    row.sequence += 1;
    let event_id = Uuid::now_v7();
    let broken = |error: dealflow_money::MoneyError| DbErr::Custom(error.to_string());
    let body = ErpEvent {
        event_id: event_id.to_string(),
        external_id: row.external_id.clone(),
        r#type: row.kind,
        erp_number: row.erp_number(),
        sequence: row.sequence,
        status: row.status,
        occur_time: Some(convert::timestamp(now)),
        lines: row.lines.to_wire(),
        paid: Some(row.money(row.paid_minor).map_err(broken)?),
        credited: Some(row.money(row.credited_minor).map_err(broken)?),
        reasons: row.reasons.clone().into(),
    }
    .encode_to_vec();
    let fault = faults.hit(&row.external_id, Moment::Event, now);
    let kind = fault.as_ref().map(|fault| fault.kind()).unwrap_or_default();
    let copies = match kind {
        FaultKind::EventDrop => 0,
        FaultKind::EventDuplicate => 2,
        _ => 1,
    };
    let held = matches!(kind, FaultKind::EventReorder | FaultKind::EventDelay);
    let late = fault.and_then(|fault| fault.delay).and_then(|delay| TimeDelta::from_std(delay.try_into().ok()?).ok());
    let release_at = (kind == FaultKind::EventDelay).then(|| now + late.unwrap_or_default());
    for _ in 0..copies {
        let position = if held { None } else { Some(book::next_number(tx, POSITIONS).await?) };
        let event = ActiveModel {
            id: NotSet,
            event_id: Set(event_id),
            external_id: Set(row.external_id.clone()),
            body: Set(body.clone()),
            position: Set(position),
            release_at: Set(release_at),
        };
        Entity::insert(event).exec_without_returning(tx).await?;
    }
    // What waited for the next event comes after it.
    if !held && copies > 0 {
        release(tx, Column::ReleaseAt.is_null()).await?;
    }
    Ok(())
}

/// Tells what was held back until now.
pub async fn release_due(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<u64, DbErr> {
    release(tx, Column::ReleaseAt.lte(now)).await
}

/// Tells all that is held back.
pub async fn release_all(tx: &DatabaseTransaction) -> Result<u64, DbErr> {
    release(tx, Column::Id.gt(0)).await
}

async fn release(tx: &DatabaseTransaction, which: sea_orm::sea_query::SimpleExpr) -> Result<u64, DbErr> {
    let held = Entity::find().filter(Column::Position.is_null()).filter(which).order_by_asc(Column::Id).all(tx).await?;
    let many = held.len() as u64;
    for event in held {
        let position = book::next_number(tx, POSITIONS).await?;
        let told = ActiveModel { position: Set(Some(position)), ..Default::default() };
        Entity::update_many().set(told).filter(Column::Id.eq(event.id)).exec(tx).await?;
    }
    Ok(many)
}

/// Some events after a position, and the position up to which they go.
pub async fn after(store: &Store, position: i64, limit: u64) -> Result<(Vec<ErpEvent>, i64), DbErr> {
    let rows = Entity::find()
        .filter(Column::Position.gt(position))
        .order_by_asc(Column::Position)
        .limit(limit)
        .all(store.reader())
        .await?;
    let reached = rows.last().and_then(|row| row.position).unwrap_or(position);
    let read = rows.iter().map(|row| ErpEvent::decode(row.body.as_slice())).collect::<Result<_, _>>();
    Ok((read.map_err(|error| DbErr::Custom(error.to_string()))?, reached))
}
