//! What the ERP tells of documents that it has: applied by sequence, with amounts that are cumulative, so that an event
//! that comes twice, late or in another order does no harm.
//!
//! Whether it is pushed (`callback.rs`) or read (`reader.rs`), it is the same event and the same transaction.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use dealflow_chassis::history;
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{BusinessStatus, DocumentType, ErpDocument, ErpEvent};
use dealflow_proto::google::type_::Money;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::lines::Lines;
use super::outcome::told;
use super::record::{ActiveModel, Column, Entity, Model, State};

/// What became of some events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Applied {
    /// Documents that moved on.
    pub(super) applied: i32,
    /// Events that said nothing new.
    pub(super) known: i32,
    /// Events about documents that are none of ours.
    pub(super) unknown: i32,
}

/// Applies the newest event of each document, where it is newer than what is known of it.
pub(super) async fn apply(tx: &DatabaseTransaction, events: &[ErpEvent], now: DateTime<Utc>) -> Result<Applied, DbErr> {
    let mut newest: HashMap<&str, &ErpEvent> = HashMap::new();
    for event in events {
        let standing = newest.entry(event.external_id.as_str()).or_insert(event);
        if standing.sequence < event.sequence {
            *standing = event;
        }
    }
    // What the ERP made may have no other name there than its number.
    let numbers = newest.values().map(|event| event.erp_number.as_str()).filter(|number| !number.is_empty());
    let taken_over = Condition::all().add(Expr::cust("taken_over")).add(Column::ErpNumber.is_in(numbers));
    let ours = Condition::any().add(Column::ExternalId.is_in(newest.keys().copied())).add(taken_over);
    // Rows are locked in the same order by all who lock several.
    let rows = Entity::find().filter(ours).order_by_asc(Column::ExternalId).lock_exclusive().all(tx).await?;
    let mut applied = Applied::default();
    let ours: HashSet<&str> = rows.iter().map(|row| row.external_id.as_str()).collect();
    let theirs: Vec<&Model> = rows.iter().filter(|row| row.taken_over).collect();
    let known =
        |event: &&ErpEvent| ours.contains(event.external_id.as_str()) || theirs.iter().any(|row| is_about(event, row));
    applied.unknown = count(events.len() - events.iter().filter(known).count());
    let mut changes = Vec::new();
    for row in &rows {
        let event = match newest.get(row.external_id.as_str()) {
            None if row.taken_over => newest.values().filter(|it| is_about(it, row)).max_by_key(|it| it.sequence),
            event => event,
        };
        let Some(event) = event.filter(|it| it.sequence > row.business_sequence) else { continue };
        let after = moved(row, event, now);
        update(tx, &after).await?;
        applied.applied += 1;
        // That the ERP has begun with what it accepted says nothing that the acceptance did not.
        if row.business_sequence > 0 || is_news(row, &after, event) {
            let status = event.status().as_str_name();
            changes.push(told(&after, "handoff.progressed", ("ReportEvents", row.state, status), now));
        }
    }
    applied.known = count(events.len()) - applied.unknown - applied.applied;
    if !changes.is_empty() {
        history::Entity::insert_many(changes).exec_without_returning(tx).await?;
    }
    Ok(applied)
}

/// Whether an event is about a document that the ERP made, by the ERP's number.
fn is_about(event: &ErpEvent, row: &Model) -> bool {
    let kind = [DocumentType::Unspecified, row.kind.wire()].contains(&event.r#type());
    kind && !event.erp_number.is_empty() && event.erp_number == row.erp_number
}

/// What a document's status tells, where it is read instead of an event.
pub(super) fn event_of(document: &ErpDocument) -> ErpEvent {
    ErpEvent {
        event_id: String::new(),
        external_id: document.external_id.clone(),
        r#type: document.r#type,
        erp_number: document.erp_number.clone(),
        sequence: document.sequence,
        status: document.status,
        occur_time: document.book_time,
        lines: document.lines.clone(),
        paid: document.paid.clone(),
        credited: document.credited.clone(),
        reasons: document.reasons.clone(),
    }
}

fn moved(row: &Model, event: &ErpEvent, now: DateTime<Utc>) -> Model {
    let mut after = row.clone();
    after.business_sequence = event.sequence;
    after.business_status = event.status;
    after.business_at = event.occur_time.as_ref().and_then(|at| convert::time_of(at).ok()).or(Some(now));
    if !event.lines.is_empty() {
        after.business_lines = Lines(event.lines.iter().cloned().map(Into::into).collect());
    }
    after.paid_minor = amount(row, event.paid.as_ref()).unwrap_or(row.paid_minor);
    after.credited_minor = amount(row, event.credited.as_ref()).unwrap_or(row.credited_minor);
    if is_news(row, &after, event) {
        // Whoever is being told of it now is told again.
        after.news_at = row.news_at.or(Some(now));
    }
    // What was taken to be decided later is decided: it is asked about now, not at the next poll.
    if row.state == State::RetryWait && row.look_up_first {
        after.next_attempt_at = row.next_attempt_at.map(|due| due.min(now));
    }
    after
}

/// Whether somebody in the house has something to do by it.
fn is_news(before: &Model, after: &Model, event: &ErpEvent) -> bool {
    let turns = matches!(
        event.status(),
        BusinessStatus::Cancelled
            | BusinessStatus::Rejected
            | BusinessStatus::Reversed
            | BusinessStatus::PaymentReversed
            | BusinessStatus::UnderQuery
    );
    let credited = before.taken_over && after.credited_minor != before.credited_minor;
    turns || credited || !event.lines.is_empty() || after.paid_minor != before.paid_minor
}

/// An amount in the document's own currency; an ERP that tells another is not believed.
fn amount(row: &Model, said: Option<&Money>) -> Option<i64> {
    let said = said.filter(|said| said.currency_code == row.currency)?;
    let currency = dealflow_money::Currency::parse(&row.currency).ok()?;
    dealflow_money::Money::from_units_nanos(said.units, said.nanos, currency).ok().map(|money| money.minor)
}

async fn update(tx: &DatabaseTransaction, after: &Model) -> Result<(), DbErr> {
    // Neither version nor time of the delivery: a worker may have it in flight, and others are judged by that time.
    let change = ActiveModel {
        business_sequence: Set(after.business_sequence),
        business_status: Set(after.business_status),
        business_lines: Set(after.business_lines.clone()),
        business_at: Set(after.business_at),
        paid_minor: Set(after.paid_minor),
        credited_minor: Set(after.credited_minor),
        news_at: Set(after.news_at),
        next_attempt_at: Set(after.next_attempt_at),
        ..Default::default()
    };
    Entity::update_many().set(change).filter(Column::Id.eq(after.id)).exec(tx).await.map(drop)
}

fn count(many: usize) -> i32 {
    i32::try_from(many).unwrap_or(i32::MAX)
}
