//! A category ⇄ the wire.

use chrono::{DateTime, Utc};
use dealflow_chassis::{Mask, Refusal};
use dealflow_proto::activities::v1 as pb;
use uuid::Uuid;

use crate::activity::AllowedResults;
use crate::category::Model;
use crate::wire;
use crate::wire::activity::{allowed_result, results};

/// The fields that an update may name.
pub const KNOWN: &[&str] = &["display_name", "allowed_results", "archived"];

/// A new category as it was sent.
pub fn read(sent: pb::Category, now: DateTime<Utc>) -> Result<Model, Refusal> {
    Ok(Model {
        id: Uuid::now_v7(),
        version: 1,
        created_at: now,
        updated_at: now,
        display_name: sent.display_name,
        allowed_results: AllowedResults::of("category.allowed_results", results(sent.allowed_results))?,
        archived: sent.archived,
    })
}

/// The category with the fields that the mask takes over from the message.
pub fn take_over(mut category: Model, news: pb::Category, mask: &Mask) -> Result<Model, Refusal> {
    if mask.takes("display_name", !news.display_name.is_empty()) {
        category.display_name = news.display_name;
    }
    if mask.takes("allowed_results", !news.allowed_results.is_empty()) {
        category.allowed_results = AllowedResults::of("category.allowed_results", results(news.allowed_results))?;
    }
    if mask.takes("archived", news.archived) {
        category.archived = news.archived;
    }
    Ok(category)
}

/// A category as the wire has it.
pub fn answer(category: &Model) -> pb::Category {
    pb::Category {
        name: category.name(),
        etag: category.version.to_string(),
        create_time: wire::time(category.created_at),
        update_time: wire::time(category.updated_at),
        display_name: category.display_name.clone(),
        allowed_results: category.allowed_results.0.iter().map(allowed_result).collect(),
        archived: category.archived,
    }
}
