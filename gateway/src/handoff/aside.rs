//! Documents that are kept beside those that go to the ERP: what the ERP made itself, so that what it tells of them finds
//! its record (R-INV-2); and what was taken out of the queue before it was sent (R-INV-1).

use chrono::{DateTime, Utc};
use dealflow_chassis::{Refusal, history};
use dealflow_proto::names;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    TryInsertResult,
};

use super::Handoffs;
use super::outcome::told;
use super::record::{Column, Entity, Kind, Model, State};
use super::store::{self, NewHandoff};

impl Handoffs {
    /// Keeps a document that the ERP made under its number, and asks the ERP once how far it is with it. It is never sent.
    ///
    /// # Errors
    ///
    /// As [`Handoffs::store`].
    pub async fn take_over(&self, new: NewHandoff, erp_number: String) -> Result<String, Refusal> {
        let row = store::freeze(new, self.0.store.clock().now())?;
        let row = Model {
            state: State::Uncertain,
            look_up_first: true,
            taken_over: true,
            awaits: String::new(),
            erp_number,
            ..row
        };
        let id = self.0.incoming.put(row).await?;
        self.wake();
        Ok(names::HANDOFFS.name(id))
    }

    /// Takes a document out of the queue that was never sent, or that the ERP refused; what is not in the queue yet never
    /// gets there. Once more changes nothing.
    ///
    /// # Errors
    ///
    /// A guard where it was sent: then the ERP may have it.
    pub(crate) async fn withdraw(&self, new: NewHandoff, why: &str) -> Result<(), Refusal> {
        let now = self.0.store.clock().now();
        let fresh = store::freeze(new, now)?;
        let kept_out = Model { state: State::Abandoned, next_attempt_at: None, last_error: why.to_owned(), ..fresh };
        let tx = self.0.store.begin().await?;
        let standing = Entity::insert_many([kept_out.clone().into_active_model()])
            .on_conflict_do_nothing_on([Column::ExternalId])
            .exec_without_returning(&tx)
            .await?;
        if matches!(standing, TryInsertResult::Inserted(1)) {
            tell(&tx, &kept_out, State::Ready, why, now).await?;
            return Ok(self.0.store.commit(tx).await?);
        }
        let row =
            find(&tx, &kept_out.external_id).await?.ok_or_else(|| Refusal::internal("it is there and not found"))?;
        if !may_be_withdrawn(&row)? {
            return Ok(tx.rollback().await?);
        }
        let after = Model {
            state: State::Abandoned,
            next_attempt_at: None,
            owner_told: true,
            last_error: why.to_owned(),
            version: row.version + 1,
            updated_at: now,
            ..row.clone()
        };
        write(&tx, &after).await?;
        tell(&tx, &after, row.state, why, now).await?;
        Ok(self.0.store.commit(tx).await?)
    }

    /// Whether [`Handoffs::withdraw`] would.
    pub(crate) async fn may_withdraw(&self, external_id: &str) -> Result<(), Refusal> {
        let standing = Entity::find().filter(Column::ExternalId.eq(external_id)).one(self.0.store.reader()).await?;
        standing.as_ref().map_or(Ok(()), |row| may_be_withdrawn(row).map(drop))
    }

    /// Puts a document back that was withdrawn for this reason: what it was taken out for did not come to pass. What
    /// somebody else had given up before stays so.
    pub(crate) async fn put_back(&self, external_id: &str, withdrawn_for: &str, why: &str) -> Result<(), Refusal> {
        let now = self.0.store.clock().now();
        let tx = self.0.store.begin().await?;
        let standing = find(&tx, external_id).await?;
        let Some(row) = standing.filter(|row| row.state == State::Abandoned && row.last_error == withdrawn_for) else {
            return Ok(tx.rollback().await?);
        };
        // What it waited for may have come meanwhile; if not, the ERP says so, which costs no attempt.
        let state = if row.reasons.0.is_empty() { State::Ready } else { State::Rejected };
        let next_attempt_at = Some(now).filter(|_| state == State::Ready);
        let last_error = String::new();
        let after = Model { state, next_attempt_at, last_error, version: row.version + 1, updated_at: now, ..row };
        write(&tx, &after).await?;
        tell(&tx, &after, State::Abandoned, why, now).await?;
        self.0.store.commit(tx).await?;
        self.wake();
        Ok(())
    }
}

/// Whether a hand-over is still to be taken out of the queue; a refusal where the ERP may have the document.
fn may_be_withdrawn(row: &Model) -> Result<bool, Refusal> {
    let refused = !row.reasons.0.is_empty();
    match row.state {
        State::Abandoned if row.calls == 0 || refused => Ok(false),
        State::Ready | State::Blocked if row.calls == 0 => Ok(true),
        State::Rejected => Ok(true),
        state => Err(was_sent(row, state)),
    }
}

async fn find(tx: &DatabaseTransaction, external_id: &str) -> Result<Option<Model>, Refusal> {
    Ok(Entity::find().filter(Column::ExternalId.eq(external_id)).lock_exclusive().one(tx).await?)
}

async fn write(tx: &DatabaseTransaction, after: &Model) -> Result<(), Refusal> {
    after.clone().into_active_model().reset_all().update(tx).await?;
    Ok(())
}

async fn tell(
    tx: &DatabaseTransaction,
    after: &Model,
    from: State,
    why: &str,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let kind = if after.state == State::Abandoned { "handoff.abandoned" } else { "handoff.put_back" };
    let told = told(after, kind, (void(after.kind).0, from, why), now);
    history::Entity::insert(told).exec_without_returning(tx).await?;
    Ok(())
}

/// The verb that takes a hand-over out of the queue, and what is to be done where it may not any more.
fn void(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::CreditNote => ("VoidCreditNote", "CreateInvoice bills again what it took back"),
        _ => ("VoidInvoice", "CreateCreditNote takes it back"),
    }
}

fn was_sent(row: &Model, state: State) -> Refusal {
    let (name, external_id, instead) = (row.name(), &row.external_id, void(row.kind).1);
    let message =
        format!("{external_id} was handed over ({name} is {state}): nothing voids what the ERP may have; {instead}");
    Refusal::guard(message, &[(&name, "was sent")]).with("handoff", name.clone()).with("state", state.to_string())
}
