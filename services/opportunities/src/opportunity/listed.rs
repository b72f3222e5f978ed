//! What lists of opportunities are filtered and ordered by; each order has its index in the migration.

use std::sync::LazyLock;

use dealflow_chassis::list::Fields;

use super::{Column, State};

/// The fields of the list. `estimated_value` compares whole amounts whatever their currency.
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
