//! Telling the house what the ERP did with a document: at least once, the latest news only, one teller at a time.
//!
//! A row with news has a time from which it may be told. Whoever tells it moves that time on first, so that no other
//! replica tells it meanwhile; if the teller dies, it is told again later. News that come while it is told are told then.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_proto::erp::v1::{BusinessStatus, Document, LineStatus};
use dealflow_proto::google::type_::Money;
use futures::future::BoxFuture;
use prost::Message;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use uuid::Uuid;

use super::Handoffs;
use super::followed::{Followed, note};
use super::record::{ActiveModel, Column, Entity, Kind, Model, State};

/// How many are told in one look.
const MANY: u64 = 100;
/// How long a teller has one for itself.
const TELLING: TimeDelta = TimeDelta::seconds(60);

/// What the ERP did with a document.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// The hand-over, `handoffs/{handoff}`.
    pub handoff: String,
    /// What kind of document.
    pub kind: Kind,
    /// Its external id.
    pub external_id: String,
    /// The record.
    pub record: String,
    /// The opportunity's name.
    pub opportunity: String,
    /// Whether it is delivered.
    pub delivered: bool,
    /// How far the ERP is with it.
    pub status: BusinessStatus,
    /// The sequence of the event that said so.
    pub sequence: i64,
    /// What is confirmed and delivered of each line, all in all.
    pub lines: Vec<LineStatus>,
    /// Those of which it said before that more was delivered.
    pub taken_back: Vec<LineStatus>,
    /// What the ERP was paid, all in all.
    pub paid: Option<Money>,
    /// What an order was changed to; none for other documents.
    pub change: Option<Document>,
    /// What the ERP credited, all in all.
    pub credited: Option<Money>,
    /// What it said that cannot be expressed here, in words; empty where all was taken in.
    pub not_taken: String,
    /// Whether the ERP made the document.
    pub taken_over: bool,
    /// W3C trace context of the request that handed it over.
    pub traceparent: Option<String>,
}

/// What is to be done about news. It is called again until it succeeds, so what it does must be the same when done twice.
pub type OnNews = Arc<dyn Fn(News) -> BoxFuture<'static, Result<Followed, Status>> + Send + Sync>;

impl From<Model> for News {
    fn from(row: Model) -> Self {
        // Read when it was frozen.
        let change = Document::decode(row.payload.as_slice()).ok().filter(|_| row.kind == Kind::OrderChange);
        Self {
            handoff: row.name(),
            kind: row.kind,
            change,
            delivered: row.state == State::Delivered,
            status: BusinessStatus::try_from(row.business_status).unwrap_or_default(),
            sequence: row.business_sequence,
            paid: row.money(row.paid_minor),
            credited: row.money(row.credited_minor),
            not_taken: row.not_taken,
            taken_over: row.taken_over,
            taken_back: row.business_lines.taken_back(),
            lines: row.business_lines.0.into_iter().map(Into::into).collect(),
            external_id: row.external_id,
            record: row.document,
            opportunity: row.opportunity,
            traceparent: row.traceparent,
        }
    }
}

/// Tells all news, when there are some and once in a while.
pub(super) async fn tell(handoffs: Handoffs, stop: CancellationToken) {
    let mut changes = handoffs.0.store.changes();
    while !stop.is_cancelled() {
        changes.borrow_and_update();
        match tell_some(&handoffs).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::warn!(%error, "what the ERP did cannot be told"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = handoffs.0.news.notified() => {}
            () = tokio::time::sleep(handoffs.0.settings.tell_again.min(std::time::Duration::from_secs(5))) => {}
        }
    }
}

/// Answers how many were told.
async fn tell_some(handoffs: &Handoffs) -> Result<usize, DbErr> {
    let store = &handoffs.0.store;
    let now = store.clock().now();
    let rows = Entity::find()
        .filter(Column::NewsAt.lte(now))
        // Of what is on its way the ERP may say more in a moment.
        .filter(Column::State.is_not_in([State::InFlight, State::Uncertain]))
        .order_by_asc(Column::NewsAt)
        .limit(MANY)
        .all(store.reader())
        .await?;
    let mut told = 0;
    let hook = handoffs.0.settings.on_news.clone();
    for row in rows {
        let (id, mine) = (row.id, now + TELLING);
        // Taken for oneself, unless another replica was faster.
        if set(handoffs, id, Some(mine), Column::NewsAt.lte(now)).await? == 0 {
            continue;
        }
        let answer = match &hook {
            Some(hook) => hook(row.clone().into()).await,
            None => Ok(Followed::Yes),
        };
        match answer {
            Ok(followed) => {
                told += 1;
                // What came meanwhile is told next.
                if !end(handoffs, &row, mine, &followed).await? {
                    set(handoffs, id, Some(now), Column::NewsAt.eq(mine)).await?;
                }
            }
            Err(status) => {
                tracing::warn!(handoff = %id, %status, "nobody could be told what the ERP did; later again");
                let again = TimeDelta::from_std(handoffs.0.settings.tell_again).unwrap_or(TELLING);
                let later = store.clock().now() + again;
                set(handoffs, id, Some(later), Column::NewsAt.is_not_null()).await?;
            }
        }
    }
    Ok(told)
}

/// The news are told, and what came of it is kept; not where others came meanwhile, or somebody wants them told again.
async fn end(handoffs: &Handoffs, row: &Model, mine: DateTime<Utc>, followed: &Followed) -> Result<bool, DbErr> {
    let store = &handoffs.0.store;
    let tx = store.begin().await?;
    let mut change = ActiveModel { news_at: Set(None), ..Default::default() };
    // Of a refused document its refusal says whether the record follows.
    if row.state != State::Rejected {
        change.diverges = Set(*followed != Followed::Yes);
        change.divergence = Set(followed.why());
        if row.state == State::Delivered {
            note(&tx, row, followed, store.clock().now()).await?;
        }
    }
    let told = Entity::update_many()
        .set(change)
        .filter(Column::Id.eq(row.id))
        .filter(Column::NewsAt.eq(mine))
        .filter(Column::BusinessSequence.eq(row.business_sequence))
        .exec(&tx)
        .await?;
    if told.rows_affected == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    store.commit(tx).await?;
    Ok(true)
}

/// Sets when a document's news are told, where the condition holds.
async fn set(handoffs: &Handoffs, id: Uuid, at: Option<DateTime<Utc>>, only: SimpleExpr) -> Result<u64, DbErr> {
    let store = &handoffs.0.store;
    let tx = store.begin().await?;
    let change = ActiveModel { news_at: Set(at), ..Default::default() };
    let updated = Entity::update_many().set(change).filter(Column::Id.eq(id)).filter(only).exec(&tx).await?;
    store.commit(tx).await?;
    Ok(updated.rows_affected)
}
