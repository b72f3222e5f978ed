//! What the ERP tells of documents that it has: applied by sequence, with amounts that are cumulative, so that an event
//! that comes twice, late or in another order does no harm.
//!
//! Whether it is pushed (`callback.rs`) or read (`reader.rs`), it is the same event and the same transaction.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use dealflow_chassis::history;
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{BusinessStatus, DocumentType, ErpDocument, ErpEvent};
use dealflow_proto::google::type_::Money;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::outcome::told;
use super::record::{ActiveModel, Column, Entity, Kind, Model, State};

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
    // What the ERP made may have no other name there than its number.
    let (by_number, by_id): (Vec<_>, Vec<_>) = events.iter().partition(|event| event.external_id.is_empty());
    let numbers = by_number.iter().map(|event| event.erp_number.as_str()).filter(|number| !number.is_empty());
    let taken_over = Condition::all().add(Expr::cust("taken_over")).add(Column::ErpNumber.is_in(numbers));
    let ids = by_id.iter().map(|event| event.external_id.as_str());
    let ours = Condition::any().add(Column::ExternalId.is_in(ids)).add(taken_over);
    // Rows are locked in the same order by all who lock several.
    let rows = Entity::find().filter(ours).order_by_asc(Column::ExternalId).lock_exclusive().all(tx).await?;
    let by_external_id: HashMap<&str, &Model> = rows.iter().map(|row| (row.external_id.as_str(), row)).collect();
    let mut applied = Applied::default();
    let mut newest: HashMap<&str, &ErpEvent> = HashMap::new();
    for event in events {
        let about = match event.external_id.as_str() {
            "" => numbered(event, &rows),
            id => by_external_id.get(id).copied(),
        };
        let Some(row) = about else {
            applied.unknown += 1;
            continue;
        };
        let standing = newest.entry(row.external_id.as_str()).or_insert(event);
        if standing.sequence < event.sequence {
            *standing = event;
        }
    }
    let mut changes = Vec::new();
    for row in &rows {
        let event = newest.get(row.external_id.as_str()).filter(|it| it.sequence > row.business_sequence);
        let Some(event) = event else { continue };
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

/// The document that the ERP made and tells of by nothing but its number. Two legal entities may have the same number:
/// whose it is such an event does not say, and nobody is paid by a guess.
fn numbered<'a>(event: &ErpEvent, rows: &'a [Model]) -> Option<&'a Model> {
    let kinds = |row: &Model| [DocumentType::Unspecified, row.kind.wire()].contains(&event.r#type());
    let called = |row: &&Model| row.taken_over && row.erp_number == event.erp_number && kinds(row);
    let mut called = rows.iter().filter(called);
    let (first, second) = (called.next()?, called.next());
    if let Some(second) = second {
        let (number, one, other) = (&event.erp_number, &first.external_id, &second.external_id);
        tracing::warn!(number, one, other, "an event names a number that several documents have: it is taken for none");
        return None;
    }
    Some(first)
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
        after.business_lines = row.business_lines.then(&event.lines);
    }
    let (paid, credited) = (amount(row, event.paid.as_ref()), amount(row, event.credited.as_ref()));
    after.not_taken = not_taken(row, event, &paid, &credited);
    after.paid_minor = paid.ok().flatten().unwrap_or(row.paid_minor);
    after.credited_minor = credited.ok().flatten().unwrap_or(row.credited_minor);
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
    let credited = after.credited_minor != before.credited_minor;
    // What becomes of lines is for their order: a change that the ERP has taken is followed for that it was taken.
    let lines = before.kind == Kind::Order && !event.lines.is_empty();
    // What the record could not follow may be as it was.
    turns
        || before.diverges
        || !after.not_taken.is_empty()
        || credited
        || lines
        || after.paid_minor != before.paid_minor
}

/// An amount in the document's own currency, in its minor units; what is said in another, or finer than that, cannot be
/// taken in, and is told in words.
fn amount(row: &Model, said: Option<&Money>) -> Result<Option<i64>, String> {
    let Some(said) = said else { return Ok(None) };
    let known = |said: &&Money| said.currency_code == row.currency;
    let money = Some(said).filter(known).and_then(|said| {
        let currency = dealflow_money::Currency::parse(&row.currency).ok()?;
        dealflow_money::Money::from_units_nanos(said.units, said.nanos, currency).ok()
    });
    money.map(|money| Some(money.minor)).ok_or_else(|| {
        let number =
            convert::decimal_of(said).map_or_else(|_| format!("{}/{}", said.units, said.nanos), |it| it.to_string());
        format!("{number} {}", said.currency_code)
    })
}

/// What an event says of an invoice's money that cannot be taken in, in words: an amount, or a status without the amount
/// that it stands for. Nothing is made of it but that somebody hears of it.
fn not_taken(
    row: &Model,
    event: &ErpEvent,
    paid: &Result<Option<i64>, String>,
    credited: &Result<Option<i64>, String>,
) -> String {
    if row.kind != Kind::Invoice {
        return String::new();
    }
    let status = event.status().as_str_name().trim_start_matches("BUSINESS_STATUS_");
    let unsaid = || match event.status() {
        BusinessStatus::Paid => row.paid_minor.saturating_add(row.credited_minor) < row.payable_minor,
        BusinessStatus::PartiallyPaid => row.paid_minor == 0,
        BusinessStatus::PaymentReversed => true,
        _ => false,
    };
    let mut said = Vec::new();
    match paid {
        Err(amount) => said.push(format!("{amount} are paid")),
        Ok(None) if unsaid() => said.push(format!("it is {status}, and not how much is paid")),
        Ok(_) => {}
    }
    if let Err(amount) = credited {
        said.push(format!("{amount} are credited"));
    }
    said.join(" and ")
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
        not_taken: Set(after.not_taken.clone()),
        news_at: Set(after.news_at),
        next_attempt_at: Set(after.next_attempt_at),
        ..Default::default()
    };
    Entity::update_many().set(change).filter(Column::Id.eq(after.id)).exec(tx).await.map(drop)
}

fn count(many: usize) -> i32 {
    i32::try_from(many).unwrap_or(i32::MAX)
}
