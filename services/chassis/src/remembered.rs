//! The answers that were given, by request id: asked again, they are given again (R-API-1).

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use uuid::Uuid;

/// One request and its answer.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "request")]
pub struct Model {
    /// The caller's id of the request.
    #[sea_orm(primary_key, auto_increment = false)]
    pub request_id: Uuid,
    /// The message type, for the refusal of another use.
    pub method: String,
    /// SHA-256 of type and content.
    pub digest: Vec<u8>,
    /// The serialized answer; null only inside the transaction that makes it.
    pub answer: Option<Vec<u8>>,
    /// When it was asked first.
    pub at: DateTime<Utc>,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
