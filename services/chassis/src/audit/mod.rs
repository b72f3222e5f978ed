//! History as a chain of hashes: a row that is changed, removed or put in later does not go unseen (R-SEC-1).
//!
//! Every row of [`crate::history`] commits with the change that it tells of, and gets its link within moments after: the
//! hash of the link before it and of all that it says. (In the same transaction it would make every writer wait for
//! every other; the feed numbers its rows after the commit for the same reason.) Links are in the order of the feed.
//!
//! Who can write to the database can write the chain anew. Against that helps a link that was noted elsewhere: the
//! check takes it, and finds that the chain up to there is another.
//!
//! Erasing a person's data blanks the content of rows and nothing else (see [`crate::redact`]). So a link holds what
//! happened and what it was about as two hashes: the first must always be true, the second too, unless a later row of
//! the same record tells of the erasure.
//!
//! - `seal.rs` gives links, in the background; `verify.rs` checks them; `rpc.rs` the service

mod rpc;
mod seal;
mod verify;

use sea_orm::entity::prelude::*;
use sha2::{Digest, Sha256};

use crate::history;

pub use rpc::Audit;
pub use seal::seal;

/// The hash of something.
pub(crate) type Hash = [u8; 32];

/// A link of the chain.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_link")]
pub struct Model {
    /// The row's place in the feed.
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: i64,
    /// The hash of what happened, to what, when, by whom.
    pub frame: Vec<u8>,
    /// The hash of the record as it was, and of the answer.
    pub content: Vec<u8>,
    /// The hash of the link before, of the place and of both.
    pub link: Vec<u8>,
}

/// No relations: a link stays when its row is gone, which is how that is seen.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the first link follows.
const BEGINNING: Hash = [0; 32];

/// What happened.
fn frame(row: &history::Model) -> Hash {
    let mut hash = Fields::new("frame");
    hash.add(row.id.as_bytes());
    for text in [
        &row.kind,
        &row.subject,
        &row.thread,
        &row.verb,
        &row.from_state,
        &row.to_state,
        &row.actor,
        &row.reason,
        &row.data_type,
        &row.method,
    ] {
        hash.add(text.as_bytes());
    }
    hash.add(&row.at.timestamp_micros().to_be_bytes());
    hash.option(row.spent_micros.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    hash.add(row.request_id.as_bytes());
    hash.option(row.flow.as_ref().map(|flow| flow.as_bytes().as_slice()));
    hash.option(row.traceparent.as_deref().map(str::as_bytes));
    hash.option(row.digest.as_deref());
    hash.end()
}

/// What the record was.
fn content(row: &history::Model) -> Hash {
    let mut hash = Fields::new("content");
    hash.add(&row.data);
    hash.option(row.answer.as_deref());
    hash.end()
}

fn link(before: &[u8], place: i64, frame: &[u8], content: &[u8]) -> Hash {
    let mut hash = Fields::new("link");
    for part in [before, &place.to_be_bytes(), frame, content] {
        hash.add(part);
    }
    hash.end()
}

/// A hash over fields, each with its length, so that nothing can move from one into the next.
struct Fields(Sha256);

impl Fields {
    fn new(of: &str) -> Self {
        let mut fields = Self(Sha256::new());
        fields.add(b"dealflow audit 1");
        fields.add(of.as_bytes());
        fields
    }

    fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// Nothing is another thing than an empty one.
    fn option(&mut self, bytes: Option<&[u8]>) {
        self.add(&[u8::from(bytes.is_some())]);
        self.add(bytes.unwrap_or_default());
    }

    fn end(self) -> Hash {
        self.0.finalize().into()
    }
}

/// A row's place in the feed; none before it is numbered.
fn place_of(row: &history::Model, backend: sea_orm::DbBackend) -> Option<i64> {
    if backend == sea_orm::DbBackend::Sqlite { Some(row.seq) } else { row.position }
}
