//! Doing something about what a run found. A hand-over that moved on since the run is left alone, and named.

use dealflow_chassis::{Change, Refusal, Work};
use dealflow_proto::erp::v1::{
    ReconciliationAction as Action, ReconciliationClass as Class, ReconciliationRow, ResolveReconciliationRequest,
    ResolveReconciliationResponse,
};
use dealflow_proto::names;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::record::{row, run};
use crate::handoff::mend;

/// Rows of one call.
const MANY: u64 = 500;

/// For which classes an action is good.
fn good_for(action: Action) -> &'static [Class] {
    match action {
        Action::Unspecified => &[],
        Action::Replay => &[Class::MissingInErp, Class::DeadLettered, Class::RejectedOpen],
        Action::Adopt => &[Class::StatusMismatch, Class::DeadLettered],
        Action::Refresh => &[Class::StatusMismatch],
        Action::Ignore => &[
            Class::AmountMismatch,
            Class::MissingInErp,
            Class::UnknownInErp,
            Class::DuplicateInErp,
            Class::StatusMismatch,
            Class::Stuck,
            Class::DeadLettered,
            Class::RejectedOpen,
        ],
    }
}

/// Does it, row by row, in one transaction.
pub(super) async fn resolve(
    work: &mut Work,
    ask: &ResolveReconciliationRequest,
) -> Result<ResolveReconciliationResponse, Refusal> {
    let id = names::RECONCILIATIONS.parse(&ask.name)?;
    let found = run::Entity::find_by_id(id).one(&work.tx).await?;
    found.ok_or_else(|| Refusal::missing(&ask.name))?;
    let (action, classes) = (ask.action(), good_for(ask.action()));
    if action == Action::Ignore && ask.reason.trim().is_empty() {
        return Err(Refusal::field("reason", "why it is left as it is"));
    }
    let wanted = ask.class();
    if wanted != Class::Unspecified && !classes.contains(&wanted) {
        let expected = format!("a class that {} is good for", action.as_str_name());
        return Err(Refusal::field("class", expected));
    }
    let mut rows = open_rows(work, id, ask, classes).await?;
    let more = rows.len() as u64 > MANY;
    rows.truncate(usize::try_from(MANY).unwrap_or(usize::MAX));
    let mut answer = ResolveReconciliationResponse { more, ..ResolveReconciliationResponse::default() };
    for found in rows {
        let row = found.to_wire().map_err(Refusal::internal)?;
        let done = act(work, action, &found, &row).await?;
        if !done {
            answer.skipped.push(row.external_id);
            continue;
        }
        answer.resolved += 1;
        let note = format!("{} by {}: {}", work.now.to_rfc3339(), work.context.actor, ask.reason);
        let change = row::ActiveModel { resolution: Set(action.into()), note: Set(note), ..Default::default() };
        row::Entity::update_many()
            .set(change)
            .filter(row::Column::Run.eq(id))
            .filter(row::Column::ExternalId.eq(&found.external_id))
            .exec(&work.tx)
            .await?;
    }
    work.record(
        Change::new("reconciliation.resolved", ask.name.clone(), "ResolveReconciliation")
            .thread(ask.name.as_str())
            .reason(&ask.reason)
            .data(&answer),
    );
    Ok(answer)
}

/// Rows that nothing was done about yet.
async fn open_rows(
    work: &Work,
    run: Uuid,
    ask: &ResolveReconciliationRequest,
    classes: &[Class],
) -> Result<Vec<row::Model>, Refusal> {
    let mut query = row::Entity::find().filter(row::Column::Run.eq(run)).filter(row::Column::Resolution.eq(0));
    query = match ask.class() {
        // What is best done is done; what could be done besides is asked for by class.
        Class::Unspecified if ask.external_id.is_empty() => query.filter(row::Column::Action.eq(ask.action)),
        Class::Unspecified => query.filter(row::Column::Class.is_in(classes.iter().map(|it| i32::from(*it)))),
        class => query.filter(row::Column::Class.eq(i32::from(class))),
    };
    if !ask.external_id.is_empty() {
        query = query.filter(row::Column::ExternalId.eq(&ask.external_id));
    }
    Ok(query.order_by_asc(row::Column::ExternalId).limit(MANY + 1).all(&work.tx).await?)
}

/// Whether something was done: not where the hand-over is no longer in the state that the run saw.
async fn act(work: &mut Work, action: Action, found: &row::Model, row: &ReconciliationRow) -> Result<bool, Refusal> {
    let Some(handoff) = found.handoff else { return Ok(action == Action::Ignore) };
    match action {
        Action::Ignore => Ok(true),
        Action::Replay => mend::send_again(work, handoff, &row.handoff_state).await,
        Action::Adopt => mend::adopt(work, handoff, &row.handoff_state, &row.erp_number).await,
        Action::Refresh => mend::ask_again(work, handoff, &row.handoff_state, row.erp_sequence).await,
        Action::Unspecified => Ok(false),
    }
}
