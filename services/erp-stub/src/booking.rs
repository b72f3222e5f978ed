//! What the ERP does with a document that came: it knows it already, refuses it, takes it for later, or books it.
//!
//! One transaction, two where the personality drafts first. What is booked moves what hangs on it in the same
//! transaction: a credit note its invoice, a cancellation its order.

use chrono::{DateTime, TimeDelta, Utc};
use dealflow_chassis::refusal::Refusal;
use dealflow_money::{Currency, Money};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{BusinessStatus, Document, DocumentType, FaultKind, Outcome, Personality, Reason};
use prost::Message;
use sea_orm::{ActiveModelTrait, ActiveValue, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, SqlErr};
use sha2::{Digest, Sha256};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::book::{self, Groups, Lines, Model, Reasons};
use crate::checks::{Unreadable, master, totals};
use crate::rpc::erp::Erp;
use crate::state::State;
use crate::{checks, event};

/// What was submitted, of whatever kind.
pub(crate) struct Submission {
    pub(crate) kind: DocumentType,
    pub(crate) method: &'static str,
    pub(crate) external_id: String,
    pub(crate) idempotency_key: String,
    pub(crate) sha256: String,
    pub(crate) body: Vec<u8>,
}

/// What the ERP says to it.
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) replayed: bool,
    pub(crate) erp_number: String,
    pub(crate) reasons: Vec<Reason>,
}

impl Verdict {
    /// What was said of a document that stands in the books.
    fn of(row: &Model, replayed: bool) -> Self {
        let reasons = row.reasons.clone().into();
        Self { outcome: row.outcome(), replayed, erp_number: row.erp_number(), reasons }
    }

    /// A refusal of what is not kept.
    pub(crate) fn refused(reasons: Vec<Reason>) -> Self {
        Self { outcome: Outcome::Rejected, replayed: false, erp_number: String::new(), reasons }
    }
}

impl Erp {
    /// Takes a document; under the fault it may be left as a draft.
    pub(crate) async fn take(&self, submission: &Submission, fault: FaultKind) -> Result<Verdict, Status> {
        let document = read(submission)?;
        let tx = self.store.begin().await.map_err(Refusal::from)?;
        book::take(&tx).await.map_err(Refusal::from)?;
        let state = State::load(&tx).await.map_err(Refusal::from)?;
        let now = state.now(&self.store);
        let standing = book::find(&tx, &submission.external_id).await.map_err(Refusal::from)?;
        let standing = standing.filter(|_| state.personality() != Personality::LookupOnly);
        if let Some(verdict) = standing.as_ref().map(|row| known(row, submission)).transpose()?.flatten() {
            tx.rollback().await.map_err(Refusal::from)?;
            return Ok(verdict);
        }
        let later = state.personality() == Personality::Async;
        if !later {
            let reasons = judge(&tx, &document, &state).await?;
            if !reasons.is_empty() {
                tx.rollback().await.map_err(Refusal::from)?;
                return Ok(Verdict::refused(reasons));
            }
        }
        let mut row = entry(submission, &document, now).map_err(|error| unreadable(&error))?;
        if later {
            row.outcome = Outcome::Pending.into();
            row.due_at = Some(now + span(&state.simulation().post_after).unwrap_or_default());
        }
        let mut row = match self.keep(&tx, row, standing).await {
            Ok(row) => row,
            Err(error) => {
                tx.rollback().await.map_err(Refusal::from)?;
                return self.lost_the_race(error, submission).await;
            }
        };
        if later {
            self.store.commit(tx).await.map_err(Refusal::from)?;
            return Ok(Verdict::of(&row, false));
        }
        let crashes = fault == FaultKind::CrashBetween;
        if crashes || state.personality() == Personality::DraftThenPost {
            self.store.commit(tx).await.map_err(Refusal::from)?;
            if crashes {
                return Err(Status::internal("the stub crashed between draft and post"));
            }
            return self.post_draft(row.id).await;
        }
        self.accept(&tx, &mut row, &state, now).await.map_err(Refusal::from)?;
        self.store.commit(tx).await.map_err(Refusal::from)?;
        Ok(Verdict::of(&row, false))
    }

    /// The second step of an ERP that drafts first.
    async fn post_draft(&self, id: i64) -> Result<Verdict, Status> {
        let tx = self.store.begin().await.map_err(Refusal::from)?;
        book::take(&tx).await.map_err(Refusal::from)?;
        let state = State::load(&tx).await.map_err(Refusal::from)?;
        let now = state.now(&self.store);
        let row = book::Entity::find_by_id(id).one(&tx).await.map_err(Refusal::from)?;
        let mut row = row.ok_or_else(|| Refusal::internal("the draft is gone"))?;
        if row.outcome() == Outcome::Unspecified {
            // The books were not held between the steps: what was right then may be too much now.
            let document = row.document().map_err(Refusal::internal)?;
            let reasons = judge(&tx, &document, &state).await?;
            if !reasons.is_empty() {
                book::Entity::delete_by_id(id).exec(&tx).await.map_err(Refusal::from)?;
                self.store.commit(tx).await.map_err(Refusal::from)?;
                return Ok(Verdict::refused(reasons));
            }
            self.accept(&tx, &mut row, &state, now).await.map_err(Refusal::from)?;
        }
        self.store.commit(tx).await.map_err(Refusal::from)?;
        Ok(Verdict::of(&row, false))
    }

    /// Decides a document that was taken for later.
    pub(crate) async fn decide(
        &self,
        tx: &DatabaseTransaction,
        row: &mut Model,
        state: &State,
        now: DateTime<Utc>,
    ) -> Result<(), Status> {
        let document = row.document().map_err(Refusal::internal)?;
        let reasons = match judge(tx, &document, state).await {
            Ok(reasons) => reasons,
            Err(status) if status.code() == Code::FailedPrecondition => {
                vec![checks::reason("REF", "order_external_id", status.message(), "hand the missing one over first")]
            }
            Err(status) => return Err(status),
        };
        if reasons.is_empty() {
            return Ok(self.accept(tx, row, state, now).await.map_err(Refusal::from)?);
        }
        row.outcome = Outcome::Rejected.into();
        row.status = BusinessStatus::Rejected.into();
        row.reasons = reasons.into();
        row.due_at = None;
        event::tell(tx, &self.faults, row, now).await.map_err(Refusal::from)?;
        Ok(save(tx, row).await.map_err(Refusal::from)?)
    }

    /// Books a document that is right: its number, its event, and what hangs on it.
    async fn accept(
        &self,
        tx: &DatabaseTransaction,
        row: &mut Model,
        state: &State,
        now: DateTime<Utc>,
    ) -> Result<(), DbErr> {
        row.number = Some(book::next_number(tx, row.kind).await?);
        row.outcome = Outcome::Accepted.into();
        row.booked_at = Some(now);
        let simulation = state.simulation();
        let (status, next) = match row.kind() {
            DocumentType::Order => (BusinessStatus::Confirmed, span(&simulation.fulfil_after)),
            DocumentType::Invoice => (BusinessStatus::Posted, span(&simulation.pay_after)),
            DocumentType::CreditNote => (BusinessStatus::Posted, None),
            _ => (BusinessStatus::Confirmed, None),
        };
        row.status = status.into();
        row.due_at = next.map(|next| now + next);
        event::tell(tx, &self.faults, row, now).await?;
        save(tx, row).await?;
        match row.kind() {
            DocumentType::CreditNote => self.credit(tx, row, now).await,
            DocumentType::OrderChange => self.change(tx, row, &simulation, now).await,
            DocumentType::OrderCancellation => self.cancel(tx, &row.order_external_id, now).await,
            _ => Ok(()),
        }
    }

    async fn credit(&self, tx: &DatabaseTransaction, note: &Model, now: DateTime<Utc>) -> Result<(), DbErr> {
        let Some(mut invoice) = book::find(tx, &note.invoice_external_id).await? else { return Ok(()) };
        invoice.credited_minor = invoice.credited_minor.saturating_add(note.payable_minor());
        if invoice.credited_minor >= invoice.payable_minor() {
            invoice.status = BusinessStatus::Credited.into();
            invoice.due_at = None;
        }
        event::tell(tx, &self.faults, &mut invoice, now).await?;
        save(tx, &invoice).await
    }

    async fn cancel(&self, tx: &DatabaseTransaction, order: &str, now: DateTime<Utc>) -> Result<(), DbErr> {
        let Some(mut order) = book::find(tx, order).await? else { return Ok(()) };
        order.status = BusinessStatus::Cancelled.into();
        order.due_at = None;
        event::tell(tx, &self.faults, &mut order, now).await?;
        save(tx, &order).await
    }

    /// Puts a new row in, or the new content into one that was refused or left as a draft.
    async fn keep(&self, tx: &DatabaseTransaction, mut row: Model, standing: Option<Model>) -> Result<Model, DbErr> {
        if let Some(standing) = standing {
            let row = Model { id: standing.id, unique_key: standing.unique_key, sequence: standing.sequence, ..row };
            save(tx, &row).await?;
            return Ok(row);
        }
        if book::find(tx, &row.external_id).await?.is_some() {
            row.unique_key = format!("{}#{}", row.external_id, uuid::Uuid::now_v7());
        }
        let fresh = book::ActiveModel { id: ActiveValue::NotSet, ..row.clone().into_active_model().reset_all() };
        row.id = book::Entity::insert(fresh).exec(tx).await?.last_insert_id;
        Ok(row)
    }

    /// A copy of the same document was booked between our look and our insert: it is known now.
    async fn lost_the_race(&self, error: DbErr, submission: &Submission) -> Result<Verdict, Status> {
        if !matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) {
            return Err(Refusal::from(error).into());
        }
        let standing = book::find(self.store.reader(), &submission.external_id).await.map_err(Refusal::from)?;
        let known = standing.as_ref().map(|row| known(row, submission)).transpose()?.flatten();
        known.ok_or_else(|| Refusal::from(error).into())
    }
}

/// Saves a row under its id.
pub(crate) async fn save(tx: &DatabaseTransaction, row: &Model) -> Result<(), DbErr> {
    row.clone().into_active_model().reset_all().update(tx).await.map(drop)
}

/// The document of a submission, if its bytes are what its hash and its external id say.
fn read(submission: &Submission) -> Result<Document, Status> {
    let sha256: String = Sha256::digest(&submission.body).iter().map(|byte| format!("{byte:02x}")).collect();
    if sha256 != submission.sha256 {
        let expected = format!("the SHA-256 of `document`, which is {sha256}");
        return Err(Refusal::field("document_sha256", expected).into());
    }
    let document = Document::decode(submission.body.as_slice())
        .map_err(|error| Refusal::field("document", format!("a serialized dealflow.erp.v1.Document: {error}")))?;
    if document.external_id != submission.external_id {
        return Err(Refusal::field("document.external_id", "the same as external_id").into());
    }
    if document.r#type() != submission.kind {
        return Err(Refusal::field("document.type", format!("what {} takes", submission.method)).into());
    }
    for (place, file) in document.attachments.iter().enumerate() {
        let sha256: String = Sha256::digest(&file.content).iter().map(|byte| format!("{byte:02x}")).collect();
        if sha256 != file.sha256 {
            let expected = format!("the SHA-256 of its content, which is {sha256}");
            return Err(Refusal::field(&format!("document.attachments[{place}].sha256"), expected).into());
        }
    }
    Ok(document)
}

/// What is said of a document that is there: the same bytes give the original result, other bytes under the same id a
/// conflict, never an overwrite. None for a draft, and for what was refused: it is looked at anew.
fn known(standing: &Model, submission: &Submission) -> Result<Option<Verdict>, Status> {
    if standing.outcome() == Outcome::Rejected {
        return Ok(None);
    }
    if standing.sha256 == submission.sha256 {
        return Ok(Some(Verdict::of(standing, true)).filter(|verdict| verdict.outcome != Outcome::Unspecified));
    }
    let message = format!("{} is booked as {} with other content", submission.external_id, standing.erp_number());
    let metadata = [("document_sha256".to_owned(), standing.sha256.clone())];
    let details = ErrorDetails::with_error_info("DUP", "erp", metadata);
    Err(Status::with_error_details(Code::AlreadyExists, message, details))
}

/// The row of a document: a draft until something is said of it.
fn entry(submission: &Submission, document: &Document, now: DateTime<Utc>) -> Result<Model, Unreadable> {
    let computed = match submission.kind {
        DocumentType::OrderCancellation => None,
        _ => Some(totals::totals(document)?.0),
    };
    let amount = |of: fn(&dealflow_money::Totals) -> i64| computed.as_ref().map(of).unwrap_or_default();
    Ok(Model {
        id: 0,
        unique_key: submission.external_id.clone(),
        external_id: submission.external_id.clone(),
        kind: submission.kind.into(),
        number: None,
        outcome: Outcome::Unspecified.into(),
        status: BusinessStatus::Received.into(),
        idempotency_key: submission.idempotency_key.clone(),
        sha256: submission.sha256.clone(),
        body: submission.body.clone(),
        currency: document.currency_code.clone(),
        net_minor: amount(|totals| totals.total_without_vat),
        vat_minor: amount(|totals| totals.total_vat),
        gross_minor: amount(|totals| totals.total_with_vat),
        vat: Groups(computed.map(|totals| totals.vat).unwrap_or_default()),
        reasons: Reasons::default(),
        lines: Lines::default(),
        legal_entity: document.legal_entity.clone(),
        issue_date: document.issue_date.as_ref().map(convert::date_of).transpose()?,
        buyer: master::buyer(document),
        order_external_id: document.order_external_id.clone(),
        invoice_external_id: document.invoice_external_id.clone(),
        paid_minor: 0,
        credited_minor: 0,
        sequence: 0,
        taken_at: now,
        booked_at: None,
        due_at: None,
    })
}

/// Everything that is wrong with a document; an error where what it follows is not there yet.
async fn judge(tx: &DatabaseTransaction, document: &Document, state: &State) -> Result<Vec<Reason>, Status> {
    let known = state.master_data();
    let mut reasons = master::unknown(document, &known);
    if !reasons.is_empty() {
        return Ok(reasons);
    }
    let kind = document.r#type();
    let mut gross = 0;
    if kind != DocumentType::OrderCancellation {
        let (computed, differences) = totals::totals(document).map_err(|error| unreadable(&error))?;
        reasons.extend(differences);
        gross = computed.total_with_vat;
        if reasons.is_empty() && state.personality() == Personality::LineRounding {
            reasons.extend(totals::line_vat(document, &computed).map_err(|error| unreadable(&error))?);
        }
    }
    if !reasons.is_empty() {
        return Ok(reasons);
    }
    if kind == DocumentType::Order {
        let buyer = master::buyer(document);
        let owes = book::owed(tx, &buyer, &document.currency_code).await.map_err(Refusal::from)?;
        let currency = Currency::parse(&document.currency_code).map_err(Refusal::internal)?;
        return Ok(master::credit_limit(document, Money { minor: owes, currency }, gross, &known));
    }
    let found = book::chain(tx, &document.order_external_id).await.map_err(Refusal::from)?;
    let Some((order, chain)) = found else {
        return Err(dependency_missing("order", &document.order_external_id));
    };
    let judged = match kind {
        DocumentType::Invoice => chain.of_invoice(document),
        DocumentType::CreditNote => {
            let invoice = &document.invoice_external_id;
            let there = book::find(tx, invoice).await.map_err(Refusal::from)?;
            if there.is_none_or(|row| row.outcome() != Outcome::Accepted) {
                return Err(dependency_missing("invoice", invoice));
            }
            chain.of_credit_note(document)
        }
        DocumentType::OrderChange => chain.of_change(document),
        _ => chain.of_cancellation(),
    };
    let mut reasons = judged.map_err(|error| unreadable(&error))?;
    if kind == DocumentType::OrderChange && reasons.is_empty() {
        let owes = book::owed(tx, &order.buyer, &order.currency).await.map_err(Refusal::from)?;
        let currency = Currency::parse(&document.currency_code).map_err(Refusal::internal)?;
        // Without what it owes by this order as it was.
        let owes = Money { minor: owes.saturating_sub(order.gross_minor), currency };
        reasons = master::credit_limit(document, owes, gross, &known);
    }
    Ok(reasons)
}

fn unreadable(error: &Unreadable) -> Status {
    Refusal::field("document", error.to_string()).into()
}

fn dependency_missing(what: &str, external_id: &str) -> Status {
    let metadata = [(format!("{what}_external_id"), external_id.to_owned())];
    let details = ErrorDetails::with_error_info("DEPENDENCY_MISSING", "erp", metadata);
    Status::with_error_details(Code::FailedPrecondition, format!("the {what} {external_id} is not here yet"), details)
}

/// A span of the wire.
pub(crate) fn span(of: &Option<prost_types::Duration>) -> Option<TimeDelta> {
    of.as_ref().and_then(|of| TimeDelta::from_std((*of).try_into().ok()?).ok())
}
