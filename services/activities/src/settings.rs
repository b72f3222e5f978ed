//! What an installation decides of this part while it runs.

use dealflow_chassis::Work;
use dealflow_chassis::settings::{Setting, Spec};
use sea_orm::DbErr;

/// The owner of the deal.
pub const OWNER: &str = "OWNER";
/// Who leads the owner.
pub const OWNER_MANAGER: &str = "OWNER_MANAGER";

/// Who is told that an opportunity was closed (R-OPP-4).
pub const CLOSE_NOTIFICATION_RECIPIENTS: Setting<Vec<String>> = Setting::list(
    "activities.close_notification_recipients",
    &[OWNER, OWNER_MANAGER],
    "Who is told that an opportunity was won or lost: its owner, the owner's manager",
)
.one_of(&[OWNER, OWNER_MANAGER]);

/// How long before its time somebody is reminded of an activity that does not say it itself (R-ACT-4).
pub const REMINDER_MINUTES: Setting<i64> = Setting::number(
    "activities.reminder_minutes",
    60,
    "Minutes before an activity begins, or is due, at which its performer is reminded; negative for never",
);

/// All of them.
pub static SETTINGS: &[Spec] = &[CLOSE_NOTIFICATION_RECIPIENTS.spec(), REMINDER_MINUTES.spec()];

/// Minutes before its time; a year at the most, negative for never.
pub async fn reminder_minutes(work: &Work) -> Result<i32, DbErr> {
    let minutes = REMINDER_MINUTES.read(work).await?;
    Ok(i32::try_from(minutes.clamp(-1, 525_600)).unwrap_or(-1))
}
