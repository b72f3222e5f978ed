//! Budget, authority, need and timeframe, and addresses: structured parts that a record keeps in one column.

use chrono::NaiveDate;
use dealflow_money::Money;
use dealflow_proto::types::v1::{BudgetStatus, Need, PurchaseProcess, Timeframe};
use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};

/// What is known of a customer's readiness to buy (R-LED-4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(default)]
pub struct Bant {
    /// Whether money is set aside.
    #[serde(with = "budget_status")]
    pub budget_status: BudgetStatus,
    /// How much.
    pub budget_amount: Option<Money>,
    /// Who takes part in the decision.
    #[serde(with = "purchase_process")]
    pub purchase_process: PurchaseProcess,
    /// The contact who decides; empty where nobody is known.
    pub decision_maker: String,
    /// How much the solution is needed.
    #[serde(with = "need")]
    pub need: Need,
    /// The need in the customer's words.
    pub need_text: String,
    /// When the customer means to decide.
    #[serde(with = "timeframe")]
    pub timeframe: Timeframe,
    /// The day of the decision.
    pub decision_date: Option<NaiveDate>,
}

impl Bant {
    /// Whether a need is known.
    pub fn has_need(&self) -> bool {
        matches!(self.need, Need::MustHave | Need::ShouldHave | Need::GoodToHave)
    }

    /// Whether purchasing power is known: money, or who decides.
    pub fn has_purchasing_power(&self) -> bool {
        let money = matches!(self.budget_status, BudgetStatus::MayBuy | BudgetStatus::CanBuy | BudgetStatus::WillBuy);
        let process = matches!(self.purchase_process, PurchaseProcess::Individual | PurchaseProcess::Committee);
        money || process || !self.decision_maker.is_empty()
    }
}

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(default)]
pub struct Address {
    /// Street and number.
    pub street: String,
    /// City.
    pub city: String,
    /// Postal code.
    pub postal_code: String,
    /// Region or state.
    pub region: String,
    /// ISO 3166-1 alpha-2.
    pub country_code: String,
}

/// Keeps an enum of the wire under its name: a number would say nothing to who reads the column.
macro_rules! by_name {
    ($module:ident, $kind:ty) => {
        mod $module {
            use serde::{Deserialize, Deserializer, Serializer, de::Error};

            pub(super) fn serialize<S: Serializer>(value: &$kind, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(value.as_str_name())
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<$kind, D::Error> {
                let name = String::deserialize(from)?;
                <$kind>::from_str_name(&name).ok_or_else(|| D::Error::custom(format!("unknown {name}")))
            }
        }
    };
}

by_name!(budget_status, super::BudgetStatus);
by_name!(purchase_process, super::PurchaseProcess);
by_name!(need, super::Need);
by_name!(timeframe, super::Timeframe);
