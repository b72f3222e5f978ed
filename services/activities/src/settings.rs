//! What an installation decides about activities and what people are told.

use sea_orm::{ConnectionTrait, DbErr};

/// Minutes before its time at which somebody is reminded of an activity that does not say it itself.
pub async fn reminder_minutes(_db: &impl ConnectionTrait) -> Result<i32, DbErr> {
    Ok(60)
}

/// Who is told that a deal was won or lost: any of `owner`, `owner_manager` (R-OPP-4).
pub async fn close_recipients(_db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    Ok(vec![OWNER.to_owned(), OWNER_MANAGER.to_owned()])
}

/// The owner of the deal.
pub const OWNER: &str = "owner";
/// Who leads the owner.
pub const OWNER_MANAGER: &str = "owner_manager";
