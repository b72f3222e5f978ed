//! What the tactics of an opportunity were: each change is kept, with who made it and when (R-OPP-1).

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use dealflow_chassis::Work;
use dealflow_chassis::list::Fields;
use dealflow_proto::names::OPPORTUNITIES;
use sea_orm::entity::prelude::*;
use sea_orm::{IntoActiveModel, QueryOrder, QuerySelect};

/// The tactics from a time on.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tactics")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The opportunity.
    pub opportunity: Uuid,
    /// Counts the changes of one opportunity, from 1.
    pub number: i32,
    /// How the sale was to be won.
    pub text: String,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// No relations: history outlives what it tells of.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the list is filtered and ordered by.
pub static LISTED: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .uuid("opportunity", OPPORTUNITIES.as_str(), Column::Opportunity)
        .filter_only()
        .text("author", Column::Author)
        .filter_only()
        .time("write_time", Column::At)
        .default_order("write_time desc")
});

/// Keeps what an opportunity's tactics became; the opportunity is locked, so the numbers have no gap.
///
/// # Errors
/// What the database says.
pub async fn keep(work: &Work, opportunity: &super::Model, before: &str) -> Result<(), DbErr> {
    if opportunity.tactics == before {
        return Ok(());
    }
    let last = Entity::find().select_only().column(Column::Number).filter(Column::Opportunity.eq(opportunity.id));
    let last: Option<i32> = last.order_by_desc(Column::Number).into_tuple().one(&work.tx).await?;
    let row = Model {
        id: Uuid::now_v7(),
        opportunity: opportunity.id,
        number: last.unwrap_or_default() + 1,
        text: opportunity.tactics.clone(),
        author: work.context.actor.clone(),
        at: work.now,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(&work.tx).await?;
    Ok(())
}
