//! Every call that was received, with what was answered.

use chrono::{DateTime, Utc};
use dealflow_proto::convert;
use dealflow_proto::erp::v1::{FaultKind, JournalEntry};
use sea_orm::entity::prelude::*;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "journal")]
pub struct Model {
    /// From 1, in order of receipt.
    #[sea_orm(primary_key)]
    pub number: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Which RPC.
    pub method: String,
    /// About which document.
    pub external_id: String,
    /// With which key.
    pub idempotency_key: String,
    /// SHA-256 of the bytes that came.
    pub document_sha256: String,
    /// The outcome, or the gRPC code.
    pub answer: String,
    /// The fault that hit it, by number.
    pub fault: i32,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for JournalEntry {
    fn from(row: Model) -> Self {
        Self {
            number: row.number,
            time: Some(convert::timestamp(row.at)),
            method: row.method,
            external_id: row.external_id,
            idempotency_key: row.idempotency_key,
            document_sha256: row.document_sha256,
            answer: row.answer,
            fault: FaultKind::try_from(row.fault).unwrap_or_default().into(),
        }
    }
}
