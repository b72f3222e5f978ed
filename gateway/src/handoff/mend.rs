//! What is done about a hand-over that a reconciliation found wanting; only if it is still in the state that was seen.
//!
//! Beyond an operator's own verbs, a delivered document can be sent again: the ERP has forgotten it. The same key, the
//! same bytes, and the ERP is asked first, so that it cannot be there twice.

use chrono::{DateTime, Utc};
use dealflow_chassis::{Refusal, Work};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::chain::WISHES;
use super::lines::Lines;
use super::outcome::unblock;
use super::record::{Column, Entity, Kind, Model, State, Verb};
use super::rpc::save;

/// Sends it again.
pub(crate) async fn send_again(work: &mut Work, id: Uuid, seen: &str) -> Result<bool, Refusal> {
    let Some(row) = still(work, id, seen).await? else { return Ok(false) };
    let again = matches!(row.state, State::Delivered | State::DeadLettered | State::Rejected);
    // What the ERP made, it makes again by itself.
    if !again || row.taken_over || (row.state == State::Rejected && !row.stands()) {
        return Ok(false);
    }
    let delivered = row.state == State::Delivered;
    // Booked anew, the document counts anew.
    let before = if delivered { booked_anew(row.clone()) } else { row.clone() };
    let after = Model {
        state: State::Ready,
        attempts: 0,
        failures: 0,
        failing_since: None,
        next_attempt_at: Some(work.now),
        look_up_first: row.state != State::Rejected,
        owner_told: true,
        diverges: false,
        divergence: String::new(),
        ..before
    };
    save(work, &row, after, Verb::Replay, "handoff.replayed", "the ERP does not have it").await?;
    Ok(true)
}

/// As before the ERP said anything of it. What our record took from that stays; what the ERP says from now on is the
/// difference to it.
fn booked_anew(row: Model) -> Model {
    Model {
        business_status: 0,
        business_sequence: 0,
        business_lines: Lines::default(),
        paid_minor: 0,
        credited_minor: 0,
        not_taken: String::new(),
        business_at: None,
        ..row
    }
}

/// Takes the ERP's number over.
pub(crate) async fn adopt(work: &mut Work, id: Uuid, seen: &str, erp_number: &str) -> Result<bool, Refusal> {
    let Some(row) = still(work, id, seen).await? else { return Ok(false) };
    if !matches!(row.state, State::DeadLettered | State::Rejected | State::Abandoned) || erp_number.is_empty() {
        return Ok(false);
    }
    let after = Model {
        state: State::Delivered,
        erp_number: erp_number.to_owned(),
        next_attempt_at: None,
        owner_told: true,
        diverges: false,
        divergence: String::new(),
        news_at: news_of_adopted(work, &row).await?,
        ..row.clone()
    };
    unblock(&work.tx, vec![row.external_id.clone()], work.now).await?;
    save(work, &row, after, Verb::Adopt, "handoff.adopted", "the ERP has it").await?;
    Ok(true)
}

/// When our record is told that the ERP did what it was asked for, though nobody heard its answer: now. Not of a change after
/// which the ERP took another one: the order is as that says.
pub(super) async fn news_of_adopted(work: &Work, row: &Model) -> Result<Option<DateTime<Utc>>, DbErr> {
    if !WISHES.contains(&row.kind) {
        return Ok(row.news_at);
    }
    let later = Entity::find()
        .filter(Column::Chain.eq(&row.chain))
        .filter(Column::Kind.eq(Kind::OrderChange))
        .filter(Column::State.eq(State::Delivered))
        .filter(Column::Id.gt(row.id));
    Ok(if later.one(&work.tx).await?.is_some() { row.news_at } else { Some(work.now) })
}

/// Asks the ERP about it again: what it answers is how far it is. Where its books are older than what it told, it counts
/// anew from there, and is followed from there.
pub(crate) async fn ask_again(work: &mut Work, id: Uuid, seen: &str, erp_sequence: i64) -> Result<bool, Refusal> {
    let Some(row) = still(work, id, seen).await? else { return Ok(false) };
    if row.state != State::Delivered {
        return Ok(false);
    }
    let restored = (1..row.business_sequence).contains(&erp_sequence);
    let after = Model {
        state: State::Uncertain,
        next_attempt_at: Some(work.now),
        look_up_first: true,
        business_sequence: if restored { 0 } else { row.business_sequence },
        // What the record could not follow is told again: it may have been mended.
        news_at: if row.diverges { Some(work.now) } else { row.news_at },
        ..row.clone()
    };
    let why = if restored { "the ERP's books are older than what it told" } else { "the ERP is further than we know" };
    save(work, &row, after, Verb::Replay, "handoff.asked_again", why).await?;
    Ok(true)
}

/// The row, locked, if it is as it was seen.
async fn still(work: &Work, id: Uuid, seen: &str) -> Result<Option<Model>, Refusal> {
    let row = Entity::find_by_id(id).lock_exclusive().one(&work.tx).await?;
    Ok(row.filter(|row| row.state.to_string() == seen))
}
