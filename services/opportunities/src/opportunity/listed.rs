//! What lists of opportunities are filtered and ordered by; each order has its index in the migration.

use std::sync::LazyLock;

use dealflow_chassis::list::Fields;
use sea_orm::entity::prelude::*;

use super::{Column, Entity, State};

/// Columns that the database derives from others: no row of ours carries them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveColumn)]
enum Derived {
    /// The slug of the process whose run it has, or had.
    Process,
    /// The actual value in units of 10^-4.
    ActualRank,
}

impl ColumnTrait for Derived {
    type EntityName = Entity;

    fn def(&self) -> ColumnDef {
        match self {
            Self::Process => ColumnType::Text.def().null(),
            Self::ActualRank => ColumnType::BigInteger.def().null(),
        }
    }
}

/// The fields of the list. `estimated_value` and `actual_value` compare whole amounts whatever their currency.
pub static LISTED: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .variants("state", Column::State, |state: &State| state.to_string().into())
        .filter_only()
        .slug("stage", "stages", Column::Stage)
        .filter_only()
        .uuid("owner", "employees", Column::Owner)
        .filter_only()
        .uuid("account", "accounts", Column::Account)
        .filter_only()
        .uuid("contact", "contacts", Column::Contact)
        .filter_only()
        .uuid("lead", "leads", Column::Lead)
        .filter_only()
        .text("source", Column::Source)
        .filter_only()
        .text("channel", Column::Channel)
        .filter_only()
        .text("campaign", Column::Campaign)
        .filter_only()
        .text("currency_code", Column::Currency)
        .filter_only()
        .text("lose_reason_code", Column::LoseReasonCode)
        .filter_only()
        .text("external_id", Column::ExternalId)
        .filter_only()
        .slug("process_run.process", "processes", Derived::Process)
        .filter_only()
        .scaled("actual_value", Derived::ActualRank, 4)
        .filter_only()
        .uuid("follow_up_of", "opportunities", Column::FollowUpOf)
        .filter_only()
        .text("title", Column::Title)
        .filter_only()
        .time("hold_time", Column::HeldAt)
        .date("close_date", Column::CloseDate)
        .date("estimated_close_date", Column::EstimatedCloseDate)
        .time("create_time", Column::CreatedAt)
        .time("update_time", Column::UpdatedAt)
        .scaled("estimated_value", Column::EstimatedRank, 4)
});
