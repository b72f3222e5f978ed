//! What somebody tried on a closed opportunity, and was refused (R-OPP-3).
//!
//! A refused request rolls back and leaves nothing; its attempt is a row of its own, written afterwards. Only when that
//! row is committed is the refusal told: an attempt that cannot be kept is answered with the fault, and is asked again.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::list::Fields;
use dealflow_chassis::refusal::reason_name;
use dealflow_chassis::{Context, Store};
use dealflow_proto::errors::v1::ErrorReason;
use dealflow_proto::names::OPPORTUNITIES;
use sea_orm::IntoActiveModel;
use sea_orm::entity::prelude::*;
use tonic::Status;
use tonic_types::StatusExt;

use super::State;

/// Where a refusal names the closed opportunities that it is about, with a comma between them.
pub const CLOSED: &str = "closed";

/// A refused attempt.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refused_attempt")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The opportunity.
    pub opportunity: Uuid,
    /// Its state.
    pub state: State,
    /// What was asked.
    pub verb: String,
    /// Who asked.
    pub actor: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What was answered.
    pub message: String,
    /// The request.
    pub request_id: Uuid,
    /// Its trace; empty where there was none.
    pub traceparent: String,
}

/// No relations: the audit outlives what it tells of.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What was asked, and what was answered.
#[derive(Debug, Clone)]
pub struct Told {
    /// What was asked.
    pub verb: String,
    /// What was answered.
    pub message: String,
}

impl Model {
    /// An attempt on an opportunity in this state.
    pub fn new(
        opportunity: Uuid,
        state: State,
        told: Told,
        context: &Context,
        request_id: Uuid,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            opportunity,
            state,
            verb: told.verb,
            actor: context.actor.clone(),
            at: now,
            message: told.message,
            request_id,
            traceparent: context.traceparent.clone().unwrap_or_default(),
        }
    }
}

/// What the list is filtered and ordered by.
pub static LISTED: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("opportunity", OPPORTUNITIES.as_str(), Column::Opportunity)
        .filter_only()
        .text("actor", Column::Actor)
        .filter_only()
        .text("verb", Column::Verb)
        .filter_only()
        .time("attempt_time", Column::At)
        .default_order("attempt_time desc")
});

/// The attempts that a refusal tells of: one for each closed opportunity that it names, none for any other refusal.
pub fn of(refused: &Status, context: &Context, request_id: Uuid, now: DateTime<Utc>) -> Vec<Model> {
    let Some(info) = refused.get_error_details().error_info().cloned() else { return Vec::new() };
    if info.reason != reason_name(ErrorReason::Terminal) {
        return Vec::new();
    }
    let told = |key: &str| info.metadata.get(key).map(String::as_str).unwrap_or_default();
    let state = if told("state") == State::Won.to_string() { State::Won } else { State::Lost };
    let what = Told { verb: told("verb").to_owned(), message: refused.message().to_owned() };
    let closed = told(CLOSED).split(',').filter_map(|name| OPPORTUNITIES.parse(name).ok());
    closed.map(|opportunity| Model::new(opportunity, state, what.clone(), context, request_id, now)).collect()
}

/// Keeps attempts; a request that is sent again is the same attempt.
///
/// # Errors
/// What the database says.
pub async fn keep(store: &Store, attempts: Vec<Model>) -> Result<(), DbErr> {
    let rows = attempts.into_iter().map(IntoActiveModel::into_active_model);
    let tx = store.begin().await?;
    Entity::insert_many(rows).on_conflict_do_nothing().exec_without_returning(&tx).await?;
    store.commit(tx).await
}
