//! A flow in memory: its input, what it has read, and whether it is stored; shared by all its runs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use dealflow_chassis::{Context, Refusal};
use prost::Message;
use prost_types::Timestamp;
use uuid::Uuid;

use super::stop::Stop;
use super::table::{Model, State};
use super::writer::{Wish, Writer};

/// How a flow is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In the table, from its first step on.
    Stored,
    /// Not at all: its one step is as durable as the service makes it, under the caller's own request id.
    Single,
    /// Not at all: its first step is asked with `validate_only`.
    Check,
}

/// Who waits for a flow's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A caller, who is told of a refusal.
    Call,
    /// An event: a refusal has nobody to be told, and is parked.
    Event,
}

/// What a flow has read: the answers by name.
#[derive(Clone, PartialEq, Message)]
struct Journal {
    #[prost(btree_map = "string, bytes", tag = "1")]
    answers: BTreeMap<String, Vec<u8>>,
}

/// A flow on its way.
pub(crate) struct Flow {
    pub(super) id: Uuid,
    pub(super) verb: String,
    pub(super) digest: Vec<u8>,
    pub(super) input: Vec<u8>,
    pub(super) subject: String,
    pub(super) context: Context,
    pub(super) effective_time: Option<Timestamp>,
    pub(super) began: DateTime<Utc>,
    pub(super) mode: Mode,
    pub(super) origin: Origin,
    owner: Uuid,
    fence: AtomicI64,
    writer: Writer,
    /// Held while the flow is being stored, so that steps side by side store it once.
    storing: tokio::sync::Mutex<()>,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    journal: Journal,
    stored: bool,
    changed: bool,
    taken_back: bool,
    runs: i32,
}

/// What begins a flow.
#[derive(Debug, Clone)]
pub(crate) struct Begin {
    pub(crate) id: Uuid,
    pub(crate) verb: String,
    pub(crate) digest: Vec<u8>,
    pub(crate) input: Vec<u8>,
    pub(crate) subject: String,
    pub(crate) actor: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) effective_time: Option<Timestamp>,
    pub(crate) began: DateTime<Utc>,
}

impl Flow {
    /// A flow that begins now.
    pub(super) fn begin(begin: Begin, mode: Mode, owner: Uuid, writer: Writer) -> Self {
        let Begin { id, verb, digest, input, subject, actor, traceparent, effective_time, began } = begin;
        Self {
            id,
            verb,
            digest,
            input,
            subject,
            context: Context { flow: Some(id), traceparent, ..Context::internal(&actor) },
            effective_time,
            began,
            mode,
            origin: Origin::Call,
            owner,
            fence: AtomicI64::new(1),
            writer,
            storing: tokio::sync::Mutex::default(),
            notes: Mutex::default(),
        }
    }

    /// A flow that is taken up again; `effective_time` is its input's.
    pub(super) fn resume(
        row: Model,
        origin: Origin,
        effective_time: Option<Timestamp>,
        writer: Writer,
    ) -> Result<Self, prost::DecodeError> {
        let journal = Journal::decode(row.journal.as_slice())?;
        Ok(Self {
            id: row.id,
            verb: row.verb,
            digest: row.digest,
            input: row.input,
            subject: row.subject,
            context: Context { flow: Some(row.id), traceparent: row.traceparent, ..Context::internal(&row.actor) },
            effective_time,
            began: row.created_at,
            mode: Mode::Stored,
            origin,
            owner: row.lease_owner,
            fence: AtomicI64::new(row.fence),
            writer,
            storing: tokio::sync::Mutex::default(),
            notes: Mutex::new(Notes { journal, stored: true, runs: row.runs, ..Notes::default() }),
        })
    }

    /// The request id of a step: the same in every run, on every instance.
    pub(super) fn step_id(&self, step: &str) -> Uuid {
        if self.mode == Mode::Single { self.id } else { Uuid::new_v5(&self.id, step.as_bytes()) }
    }

    /// Stores the flow, once, before its first step; steps side by side wait for it.
    pub(super) async fn store(&self) -> Result<(), Stop> {
        if self.mode != Mode::Stored || self.is_stored() {
            return Ok(());
        }
        let _first = self.storing.lock().await;
        if self.is_stored() {
            return Ok(());
        }
        match self.writer.write(Wish::Store(Box::new(self.row()))).await {
            Ok(true) => {
                self.notes().stored = true;
                Ok(())
            }
            Ok(false) => Err(Stop::Known),
            Err(refusal) => Err(Stop::refuse("store the flow", refusal)),
        }
    }

    fn row(&self) -> Model {
        let notes = self.notes();
        Model {
            id: self.id,
            verb: self.verb.clone(),
            digest: self.digest.clone(),
            input: self.input.clone(),
            journal: notes.journal.encode_to_vec(),
            subject: self.subject.clone(),
            state: State::Running,
            answer: None,
            step: String::new(),
            reason: String::new(),
            actor: self.context.actor.clone(),
            traceparent: self.context.traceparent.clone(),
            runs: notes.runs,
            lease_owner: self.owner,
            // Said by whoever writes it: see `table::first_lease`.
            lease_until: DateTime::UNIX_EPOCH,
            fence: self.fence(),
            created_at: self.began,
            updated_at: self.began,
        }
    }

    /// What was read under a name.
    pub(super) fn journaled(&self, name: &str) -> Option<Vec<u8>> {
        self.notes().journal.answers.get(name).cloned()
    }

    /// Notes what was read; where the flow is stored already, on disk before it is used.
    pub(super) async fn journal(&self, name: &str, answer: Vec<u8>) -> Result<(), Stop> {
        let journal = {
            let mut notes = self.notes();
            notes.journal.answers.insert(name.to_owned(), answer);
            if !notes.stored {
                return Ok(());
            }
            notes.journal.encode_to_vec()
        };
        match self.write(Wish::Journal { id: self.id, fence: self.fence(), journal }).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stop::Over),
            Err(refusal) => {
                // Not certainly on disk: the next run reads again.
                self.notes().journal.answers.remove(name);
                Err(Stop::refuse("journal", refusal))
            }
        }
    }

    /// Writes something about this flow.
    pub(super) async fn write(&self, wish: Wish) -> Result<bool, Refusal> {
        self.writer.write(wish).await
    }

    /// Takes over what another store of the same flow left in the table: our own, whose answer was lost.
    pub(super) fn adopt(&self, row: &Model) -> Result<(), prost::DecodeError> {
        let journal = Journal::decode(row.journal.as_slice())?;
        self.refence(row.fence);
        let mut notes = self.notes();
        notes.journal = journal;
        notes.stored = true;
        Ok(())
    }

    /// Counts a run from the top.
    pub(super) fn run_again(&self) -> i32 {
        let mut notes = self.notes();
        notes.runs += 1;
        notes.runs
    }

    pub(super) fn runs(&self) -> i32 {
        self.notes().runs
    }

    pub(super) fn is_stored(&self) -> bool {
        self.notes().stored
    }

    /// A step was done: what follows must be done too.
    pub(super) fn changed(&self) {
        self.notes().changed = true;
    }

    pub(super) fn has_changed(&self) -> bool {
        self.notes().changed
    }

    /// What was done is taken back: the flow ends with its refusal.
    pub(super) fn taken_back(&self) {
        let mut notes = self.notes();
        (notes.changed, notes.taken_back) = (false, true);
    }

    pub(super) fn is_taken_back(&self) -> bool {
        self.notes().taken_back
    }

    pub(super) fn fence(&self) -> i64 {
        // Only the number itself is shared; nothing else is ordered by it.
        self.fence.load(Ordering::Relaxed)
    }

    pub(super) fn refence(&self, fence: i64) {
        self.fence.store(fence, Ordering::Relaxed);
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
