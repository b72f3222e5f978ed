//! What is known of budget, authority, need and timeframe (R-OPP-1).

use chrono::NaiveDate;
use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// BANT; option sets by their names on the wire, empty where nothing was said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(default)]
pub struct Bant {
    /// `BudgetStatus`.
    pub budget_status: String,
    /// How much money is set aside, in minor units of the opportunity's currency.
    pub budget_amount: Option<i64>,
    /// `PurchaseProcess`.
    pub purchase_process: String,
    /// The contact who decides (R-ACC-2).
    pub decision_maker: Option<Uuid>,
    /// `Need`.
    pub need: String,
    /// The need in the customer's words.
    pub need_text: String,
    /// `Timeframe`.
    pub timeframe: String,
    /// The day on which the decision is due.
    pub decision_date: Option<NaiveDate>,
}
