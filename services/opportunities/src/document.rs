//! How far documents of an opportunity are that other services keep: what gates ask for (R-STG-2).
//!
//! Whoever sees a quote or an invoice change tells it here, as often as he likes and in any order: a document's own
//! version decides which state is the later one. So a gate is judged by what is stored, and no caller can talk it open.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ExprTrait, IntoActiveModel};

use crate::library::DocumentGate;

/// One document of one opportunity.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deal_document")]
pub struct Model {
    /// The opportunity.
    #[sea_orm(primary_key, auto_increment = false)]
    pub opportunity: Uuid,
    /// Its resource name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub document: String,
    /// How far it is.
    pub state: State,
    /// Its own version.
    pub version: i64,
    /// When that was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// The opportunity is looked up by its id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// How far a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::None)", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// A quote that the customer can accept.
    QuoteActive,
    /// A quote that the customer accepted.
    QuoteAccepted,
    /// An invoice that the ERP accepted.
    InvoiceAccepted,
    /// It counts no more.
    Void,
}

impl State {
    /// Whether a document in this state is what a gate asks for.
    pub fn opens(self, gate: DocumentGate) -> bool {
        match gate {
            DocumentGate::QuoteActive => matches!(self, Self::QuoteActive | Self::QuoteAccepted),
            DocumentGate::QuoteAccepted => self == Self::QuoteAccepted,
            DocumentGate::InvoiceAccepted => self == Self::InvoiceAccepted,
        }
    }
}

/// The documents of these opportunities: one query for a page.
pub async fn of_opportunities(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<Vec<Model>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Entity::find().filter(Column::Opportunity.is_in(ids)).all(db).await
}

/// Notes documents; a state that is not later than the one that is known changes nothing.
pub async fn record(db: &impl ConnectionTrait, documents: Vec<Model>) -> Result<(), DbErr> {
    if documents.is_empty() {
        return Ok(());
    }
    let later = Expr::col((Entity, Column::Version)).lt(Expr::col(("excluded", "version")));
    let newest = OnConflict::columns([Column::Opportunity, Column::Document])
        .update_columns([Column::State, Column::Version, Column::RecordedAt])
        .action_and_where(later)
        .to_owned();
    let rows = documents.into_iter().map(|document| document.into_active_model().reset_all());
    Entity::insert_many(rows).on_conflict(newest).exec_without_returning(db).await?;
    Ok(())
}
