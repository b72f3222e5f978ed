//! Every call that was made for a hand-over, kept for operators.

use chrono::{DateTime, Utc};
use dealflow_proto::convert;
use dealflow_proto::erp::v1 as pb;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use super::record::State;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "handoff_attempt")]
pub struct Model {
    /// The hand-over.
    #[sea_orm(primary_key, auto_increment = false)]
    pub handoff: Uuid,
    /// From 1, without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// What was called.
    pub method: String,
    /// The gRPC code, e.g. `UNAVAILABLE`.
    pub code: String,
    /// What came back, in words.
    pub message: String,
    /// The state after it.
    pub state: State,
}

/// No relations.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// All attempts of a hand-over, first to last.
    pub(super) async fn of<C: ConnectionTrait>(db: &C, handoff: Uuid) -> Result<Vec<Model>, DbErr> {
        Self::find().filter(Column::Handoff.eq(handoff)).order_by_asc(Column::Number).all(db).await
    }
}

impl From<Model> for pb::Attempt {
    fn from(row: Model) -> Self {
        Self {
            number: row.number,
            start_time: Some(convert::timestamp(row.started_at)),
            end_time: Some(convert::timestamp(row.ended_at)),
            method: row.method,
            code: row.code,
            message: row.message,
            state: row.state.wire().into(),
        }
    }
}
