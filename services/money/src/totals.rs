//! What comes out: every amount of a document that is computed and not agreed, in minor units of the
//! currency. Each field names its business term and the rule of EN 16931 that defines it.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Currency, Money, VatCategory};

/// The totals of a document. They hold for themselves: each is the exact sum of what it sums.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// BT-5.
    pub currency: Currency,
    /// One for each line, in their order.
    pub lines: Vec<LineTotals>,
    /// BT-106, BR-CO-10: Σ line nets.
    pub sum_of_lines: i64,
    /// BT-107, BR-CO-11: Σ document allowances.
    pub allowances: i64,
    /// BT-108, BR-CO-12: Σ document charges.
    pub charges: i64,
    /// One for each document allowance, in their order.
    pub allowance_details: Vec<AdjustmentTotals>,
    /// One for each document charge, in their order.
    pub charge_details: Vec<AdjustmentTotals>,
    /// BT-109, BR-CO-13: lines − allowances + charges.
    pub total_without_vat: i64,
    /// BG-23, BR-CO-18: one for each category and rate, by category, then rate.
    pub vat: Vec<VatGroup>,
    /// BT-110, BR-CO-14: Σ tax of the groups.
    pub total_vat: i64,
    /// BT-112, BR-CO-15: total without VAT + total VAT.
    pub total_with_vat: i64,
    /// BT-113.
    pub prepaid: i64,
    /// BT-114.
    pub rounding: i64,
    /// BT-115, BR-CO-16: total with VAT − prepaid + rounding.
    pub payable: i64,
}

/// The amounts of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineTotals {
    /// BT-126, from the input.
    pub id: String,
    /// Quantity × price ÷ base quantity, rounded: the base of its percentages (BT-137, BT-142).
    pub gross: i64,
    /// BT-136 of each allowance, in their order.
    pub allowances: Vec<i64>,
    /// BT-141 of each charge, in their order.
    pub charges: Vec<i64>,
    /// BT-131: gross − allowances + charges.
    pub net: i64,
}

/// A document allowance or charge in money. UBL wants one element for each share, since each names
/// one VAT category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjustmentTotals {
    /// BT-92 or BT-99, over all shares.
    pub amount: i64,
    /// What each VAT group bears of it; shares of nothing are left out.
    pub shares: Vec<VatShare>,
}

/// The part of a document allowance or charge that belongs to one VAT group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VatShare {
    /// BT-95 or BT-102.
    pub category: VatCategory,
    /// BT-96 or BT-103, per cent.
    pub rate: Decimal,
    /// Of the sign of an allowance or charge: taken off or added, as its owner is.
    pub amount: i64,
}

/// A VAT group (BG-23).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VatGroup {
    /// BT-118.
    pub category: VatCategory,
    /// BT-119, per cent, without trailing zeros.
    pub rate: Decimal,
    /// BT-116: the group's lines − allowances + charges.
    pub taxable: i64,
    /// BT-117, BR-CO-17: taxable × rate ÷ 100, rounded once.
    pub tax: i64,
}

impl Totals {
    /// An amount of these totals as [`Money`]: `totals.money(totals.payable)`.
    pub fn money(&self, minor: i64) -> Money {
        Money { minor, currency: self.currency }
    }
}
