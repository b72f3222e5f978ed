//! What the list of leads lets be filtered and sorted.

use std::sync::LazyLock;

use dealflow_chassis::list::Fields;
use sea_orm::ActiveEnum;

use super::{Column, Stage, State};

/// The fields; each order has its index in `m0001_leads`.
pub static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::new()
        .variants("state", Column::State, |state: &State| state.to_value().into())
        .filter_only()
        .variants("stage", Column::Stage, |stage: &Stage| stage.to_value().into())
        .filter_only()
        .time("create_time", Column::CreatedAt)
        .time("update_time", Column::UpdatedAt)
        .filter_only()
        .time("stage_time", Column::StageSince)
        .filter_only()
        .text("title", Column::Title)
        .filter_only()
        .text("company_name", Column::CompanyName)
        .filter_only()
        .text("given_name", Column::GivenName)
        .filter_only()
        .text("family_name", Column::FamilyName)
        .filter_only()
        .text("email", Column::Email)
        .filter_only()
        .text("phone", Column::Phone)
        .filter_only()
        .text("vat_id", Column::VatId)
        .filter_only()
        .text("source", Column::Source)
        .filter_only()
        .text("channel", Column::Channel)
        .filter_only()
        .text("campaign", Column::Campaign)
        .filter_only()
        .text("external_id", Column::ExternalId)
        .filter_only()
        .text("disqualify_reason", Column::DisqualifyReason)
        .filter_only()
        .uuid("owner", "employees", Column::Owner)
        .filter_only()
        .uuid("account", "accounts", Column::Account)
        .filter_only()
        .uuid("contact", "contacts", Column::Contact)
        .filter_only()
        .uuid("opportunity", "opportunities", Column::Opportunity)
        .filter_only()
});
